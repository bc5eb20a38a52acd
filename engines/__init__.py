"""Models: manifest, export, runtime, decoding of raw outputs, tracking."""
