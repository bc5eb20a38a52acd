"""Masks from later frames, for files, whose frames can wait before they are redacted.

A head that enters at the border, or turns to the camera, is open until it is detected. Where frames wait for
a moment, the memory that holds a lost head forwards in time holds it backwards, too: it is given the frames
in reverse order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from probes.redaction.heads import By, Heads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.frame import Frame
    from probes.redaction.heads import Mask

AHEAD_MS = 400
"""How long a frame waits: heads at the border were seen to stay open for 3 to 8 frames of 25 a second."""


def masks_from_later(frames: Sequence[Frame], *, margin: float, ahead_ms: int = AHEAD_MS) -> tuple[Mask, ...]:
    """Return what to cover in the first of the frames, because a later one of them shows a head there.

    frames: of one camera, in the order of their time.
    """
    heads = Heads(margin=margin, hold_ms=ahead_ms)
    end = frames[-1].captured_at
    masks: tuple[Mask, ...] = ()
    for frame in reversed(frames):
        masks = heads.locate(replace(frame, captured_at=end - frame.captured_at))
    return tuple(mask for mask in masks if mask.by is By.HOLD)
