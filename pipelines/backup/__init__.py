"""`msh backup` and `msh restore`: what a shop has set up, in one checked file without secrets or people."""

JOURNAL = ".msh-restore.json"
"""The steps of a restore, beside the store file."""

JOURNAL = ".msh-restore.json"
"""The steps of a restore, beside the store file."""
