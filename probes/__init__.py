"""What happens to a frame's metadata: redact, look, price, draw, publish, measure."""
