"""The DeepStream platform: its graph as data, proofs about it, the pipeline made from it."""
