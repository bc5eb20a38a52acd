"""Looks at files that remember what they were offered and answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engines.image import I420
    from probes.answers import LookAnswer
    from probes.frame import Box, Frame
    from probes.recognition.file_looks import FileLooks


class Watched:
    """Looks that remember what they were offered and answered."""

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self.answers: list[LookAnswer] = []
        self._looks: FileLooks | None = None

    def before(self, looks: FileLooks) -> FileLooks:
        """Wrap the looks of the next picture."""
        self._looks, self.frame, self.answers = looks, None, []
        return self

    def offer(self, frame: Frame, pixels: I420) -> None:
        """Hand on."""
        self.frame = frame
        assert self._looks is not None
        self._looks.offer(frame, pixels)

    def drain(self) -> list[LookAnswer]:
        """Hand on, and keep."""
        assert self._looks is not None
        new = self._looks.drain()
        self.answers += new
        return new

    @property
    def left_out(self) -> int:
        """Hand on."""
        return self._looks.left_out if self._looks else 0

    def read_whole(self, frame: Frame, pixels: I420, part: Box | None = None) -> LookAnswer:
        """Hand on."""
        assert self._looks is not None
        return self._looks.read_whole(frame, pixels, part)
