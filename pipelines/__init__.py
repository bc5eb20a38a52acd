"""Settings to running graph: sources, the two platforms, outputs, supervision."""
