"""Fakes of what cannot exist on a test machine."""
