"""One builder per section of the store file."""
