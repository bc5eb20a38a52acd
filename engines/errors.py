"""The error by which engines says that something from outside is wrong."""

from __future__ import annotations


class BadInput(ValueError):
    """Input that a person can mend: one line that says what, where and how."""


class InferenceFailed(RuntimeError):
    """A model gave no answer, or one that cannot be right. Nothing may be concluded from it."""


class BuildFailed(RuntimeError):
    """A TensorRT engine could not be built, or was built and is not good enough. Nothing was replaced."""
