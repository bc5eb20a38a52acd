"""Brand names: matching what was read to what is sold."""
