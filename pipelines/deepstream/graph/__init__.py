"""The DeepStream graph as data: sources, inference, redaction, outlets."""
