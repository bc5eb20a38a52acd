"""Measurements, one module each, registered in scripts.commands.bench."""
