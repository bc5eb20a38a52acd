"""The demo store: real people, virtual cameras, known totals."""
