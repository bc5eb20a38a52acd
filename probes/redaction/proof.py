"""Checks after redaction that everybody in a frame is masked: a second opinion on the masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.redaction.heads import PERSONS, head_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.frame import Box, Frame
    from probes.redaction.heads import Mask

WHOLE = 0.95
"""A mask that covers so much of a head region covers the head."""


def is_everybody_masked(frame: Frame, masks: Sequence[Mask]) -> bool:
    """Return whether every person of a frame, doubtful ones too, has a mask where the head is.

    A mask counts that covers the head region, or has its middle in it, as that of a face found there has.
    """
    return all(
        _is_masked(head_of(found.box), frame.size, masks)
        for found in frame.detections
        if found.kind in PERSONS and found.box.area > 0
    )


def _is_masked(head: Box, size: tuple[int, int], masks: Sequence[Mask]) -> bool:
    visible = head.intersection(type(head)(0, 0, *size))
    return visible <= 0 or any(
        head.contains(*mask.box.centre) or mask.box.intersection(head) >= WHOLE * visible for mask in masks
    )
