"""Work on a frame's metadata: redaction, looks, prices, overlay, events, metrics."""
