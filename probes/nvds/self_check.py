"""The self-check of masking on DeepStream: a known face, on a mux pad of its own, must come out covered.

Detectors that find nothing look like an empty shop. So now and then a built-in film takes the way of a camera
through the same mux and the same nvinfer. Its frames reach no output: the demultiplexer has no pad for them,
and they are covered whole besides.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from probes.redaction.heads import By

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from probes.nvds.camera import CameraMeta
    from probes.redaction.heads import Mask

logger = logging.getLogger(__name__)

MAX_FRAMES: Final = 10
"""So many frames without the face covered fail the check: one decoded badly shall not."""
MAX_OPEN: Final = 0.02
"""Share of the face that no mask may cover."""


class SelfCheck:
    """Judges the frames of the film. `begin` in one thread, `judge` in the streaming thread.

    face: left, top, right, bottom of the face, from 0 to 1 of the picture. camera: makes what reads a frame's
    metadata, as for a camera. on_result: called with each answer, true where the face was covered, and once
    with false when a good answer expires. good_for_s: so long a good answer counts.
    """

    def __init__(
        self,
        pad: int,
        face: tuple[float, float, float, float],
        *,
        camera: Callable[[], CameraMeta],
        on_result: Callable[[bool], None] = lambda good: None,
        good_for_s: float = 75.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pad, self._face = pad, face
        self._good_for_s, self._clock, self._good_at = good_for_s, clock, 0.0
        self._answering = threading.Lock()
        self._new_camera, self._on_result = camera, on_result
        self.camera = camera()
        self._left = 0
        self._good: bool | None = None
        self._cause = "no answer yet; all frames are withheld"

    @property
    def cause(self) -> str:
        """Why all frames are withheld; empty while the last answer was good and has not expired."""
        if self._cause or self._clock() - self._good_at <= self._good_for_s:
            return self._cause
        return f"no answer for {self._good_for_s:g} s; all frames are withheld"

    @property
    def answered(self) -> bool:
        """Whether there was an answer since the check began."""
        return self._left == 0

    def begin(self) -> None:
        """Expect frames of the film."""
        self.camera = self._new_camera()
        self._left = MAX_FRAMES

    def report_expiry(self) -> None:
        """Report that the last good answer has expired, once. In the thread of `begin`."""
        with self._answering:
            if self._good and (cause := self.cause):
                self._good = False
                logger.error("self-check of masking: %s", cause)
                self._on_result(False)

    def judge(self, masks: Iterable[Mask], size: tuple[int, int]) -> None:
        """Take what covers one frame of the film; none where inference or redaction failed."""
        if self._left == 0:
            return
        self._left -= 1
        every = tuple(masks)
        # A head estimated from the person covers the face, too: it must not hide a blind face detector.
        is_found = any(mask.by is By.DETECTOR for mask in every)
        good = is_found and any(self._open_share(mask, size) <= MAX_OPEN for mask in every)
        if good:
            self._left = 0
        if self._left == 0:
            with self._answering:
                self._answer(good)

    def _answer(self, good: bool) -> None:
        if good != self._good:
            text = "the built-in face is covered" if good else "the built-in face is not covered"
            (logger.info if good else logger.error)("self-check of masking: %s", text)
        self._good, self._good_at = good, self._clock()
        self._cause = "" if good else "the built-in face is not covered; all frames are withheld"
        self._on_result(good)

    def _open_share(self, mask: Mask, size: tuple[int, int]) -> float:
        """Return which share of the face a mask leaves open."""
        left, top, right, bottom = (
            end * whole for end, whole in zip(self._face, (*size, *size), strict=True)
        )
        box = mask.box
        across = min(right, box.x + box.w) - max(left, box.x)
        down = min(bottom, box.y + box.h) - max(top, box.y)
        return 1 - max(0.0, across) * max(0.0, down) / ((right - left) * (bottom - top))
