"""The CPU platform: GStreamer sources, one inference thread, OpenVINO."""
