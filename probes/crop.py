"""Crops that may leave the box: cut from redacted frames, and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, final

from probes.redact import RedactedFrame

if TYPE_CHECKING:
    from engines.image import I420
    from probes.frame import Box, TrackId


@final
class RedactedCrop:
    """A part of a redacted frame, copied before anything is drawn on it, and whose it is."""

    __slots__ = ("at", "offered_at", "picture", "track")

    def __init__(self, redacted: RedactedFrame, box: Box, track: TrackId, offered_at: float) -> None:
        """offered_at: seconds on the caller's clock. Raises ValueError where the box lies outside."""
        # At run time too: what leaves the box must not hang on a type checker.
        if type(redacted) is not RedactedFrame:
            raise TypeError("only a redacted frame gives crops")
        self.picture: I420 = redacted.pixels.crop(box.x, box.y, box.w, box.h)
        self.track, self.at, self.offered_at = track, redacted.frame.captured_at, offered_at

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("RedactedCrop has no kinds")
