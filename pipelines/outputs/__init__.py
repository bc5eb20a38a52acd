"""Where redacted frames go: RTSP, files, snapshots."""
