"""Acceptance of a DeepStream box: what is installed, whether the graph runs, how it compares with the CPU."""
