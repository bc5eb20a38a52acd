"""The errors of engines: bad input (the one `BadInput` of all layers), failed inference, failed builds."""

from __future__ import annotations

from pricing.errors import BadInput

__all__ = ["BadInput", "BuildFailed", "InferenceFailed"]


class InferenceFailed(RuntimeError):
    """A model gave no answer, or one that cannot be right. Nothing may be concluded from it."""


class BuildFailed(RuntimeError):
    """A TensorRT engine could not be built, or was built and is not good enough. Nothing was replaced."""
