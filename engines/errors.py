"""The errors of engines: bad input (the one `BadInput` of all layers), failed inference, failed builds."""

from __future__ import annotations

from typing import Final

from pricing.errors import BadInput

__all__ = ["BadInput", "BadPicture", "BuildFailed", "InferenceFailed"]


PICTURE_FAULTS: Final = frozenset(
    {
        *("mark_broken", "mark_drawing", "mark_heavy", "mark_kind", "mark_none", "mark_small"),
        *("pattern_none", "pattern_small", "brand_face"),
    }
)


class BadPicture(BadInput):
    """A picture of a brand that does not do.

    why: of PICTURE_FAULTS, or `other_` and one of `OTHER_GROUPS`; a page has words of its own for each.
    """

    def __init__(self, text: str, why: str) -> None:
        super().__init__(text)
        self.why = why


class InferenceFailed(RuntimeError):
    """A model gave no answer, or one that cannot be right. Nothing may be concluded from it."""


class BuildFailed(RuntimeError):
    """A TensorRT engine could not be built, or was built and is not good enough. Nothing was replaced."""
