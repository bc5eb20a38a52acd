"""The element contract, caps, and the proof that every sink is behind redaction."""
