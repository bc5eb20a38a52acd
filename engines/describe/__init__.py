"""Vision models asked over HTTP: what is on this picture, in this form."""
