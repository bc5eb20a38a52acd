"""Acceptance of a real box: what is there, whether the graph runs on it, and how it compares with the CPU."""
