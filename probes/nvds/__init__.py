"""DeepStream metadata: the pad probe and what it reads and writes through a C reader of our own, or pyds."""
