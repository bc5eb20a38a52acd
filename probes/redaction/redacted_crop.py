"""Crops that may leave the box: cut from redacted frames, and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, final

from engines.image import GREY_UV
from probes.redaction.redact import RedactedFrame

if TYPE_CHECKING:
    from engines.image import I420
    from probes.frame import Box, TrackId

GREY_Y = 128


@final
class RedactedCrop:
    """A part of a redacted frame, copied before anything is drawn on it, and whose it is.

    Heads are one plain grey in it, however the store masks them: to people pixels look natural, to a model a
    head says nothing of clothes.
    """

    __slots__ = ("at", "masked_by", "offered_at", "picture", "track")

    def __init__(self, redacted: RedactedFrame, box: Box, track: TrackId, offered_at: float) -> None:
        """offered_at: seconds on the caller's clock. Raises ValueError where the box lies outside."""
        # At run time too: what leaves the box must not hang on a type checker.
        if type(redacted) is not RedactedFrame:
            raise TypeError("only a redacted frame gives crops")
        self.picture: I420 = redacted.pixels.crop(box.x, box.y, box.w, box.h)
        left, top = max(0, int(box.x)) // 2 * 2, max(0, int(box.y)) // 2 * 2
        for mask in redacted.masks:
            _plain(self.picture, mask.box, left, top)
        self.masked_by = redacted.masked_by
        self.track, self.at, self.offered_at = track, redacted.frame.captured_at, offered_at

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("RedactedCrop has no kinds")


def _plain(picture: I420, box: Box, left: int, top: int) -> None:
    """Fill a rectangle of the frame in a crop that begins at left, top."""
    x, right = max(0, int(box.x) - left), max(0, int(box.right) - left)
    y, bottom = max(0, int(box.y) - top), max(0, int(box.bottom) - top)
    picture.y[y:bottom, x:right] = GREY_Y
    for plane in (picture.u, picture.v):
        plane[y // 2 : (bottom + 1) // 2, x // 2 : (right + 1) // 2] = GREY_UV
