"""Text detection and recognition: the word route."""
