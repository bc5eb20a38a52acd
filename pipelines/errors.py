"""The error by which pipelines says that something from outside is wrong."""

from __future__ import annotations


class BadInput(ValueError):
    """Input that a person can mend: one line that says what, where and how."""
