"""Scripts of other makes, which `msh bench cameras` measures beside ours in environments of their own."""
