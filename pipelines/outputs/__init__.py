"""Where redacted frames go: RTSP, recordings, snapshots, the page."""
