"""DeepStream metadata: the pad probe and what it reads and writes through pyds."""
