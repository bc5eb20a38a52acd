"""Masking faces and heads; the only maker of a RedactedFrame."""
