"""The files that nvinfer and nvtracker read."""
