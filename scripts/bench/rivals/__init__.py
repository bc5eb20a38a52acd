"""Scripts of other makes, which benches measure beside ours in environments of their own."""
