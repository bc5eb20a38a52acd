"""Still pictures: read one, or play a folder of them as if it were a camera."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.colour import from_bgr
from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import Cause
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from engines.image import I420

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


def list_images(folder: str | Path) -> list[Path]:
    """Return the picture files right in the folder, sorted by name. OSError where it cannot be read."""
    return sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())


def read_image(path: str | Path) -> I420:
    """Read a picture, turned upright as its EXIF says; BadInput where it is none.

    An odd last row or column is dropped.
    """
    try:
        data = np.frombuffer(Path(path).read_bytes(), np.uint8)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    try:
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        bgr = None
    if bgr is None or min(bgr.shape[:2]) < 2:
        raise BadInput(f"{path}: no picture that can be read; give a JPEG, PNG or WebP file")
    return from_bgr(np.asarray(bgr, np.uint8))


class ImageFolder:
    """A folder of pictures as a source: one picture every 1 / fps seconds, in order of their names."""

    def __init__(self, folder: str, fps: float, *, loop: bool) -> None:
        self._period, self._loop = 1 / fps, loop
        try:
            self._paths = list_images(folder)
        except OSError as error:
            raise SourceLost(Cause.FILE, f"{folder}: {error.strerror}") from None
        if not self._paths:
            raise SourceLost(Cause.FILE, f"{folder} holds no pictures")
        self._next = 0
        self._bad: set[Path] = set()
        self._picture: I420 | None = None
        self._due = time.monotonic()

    def wait(self, timeout_s: float) -> bool:
        """Wait until the next picture is due; see `Source`. Unreadable ones are passed over."""
        left = self._due - time.monotonic()
        if left > 0:
            time.sleep(min(left, timeout_s))
        if left > timeout_s:
            return False
        if self._next == len(self._paths):
            if len(self._bad) == len(self._paths):
                raise SourceLost(Cause.DECODE, "none of the pictures can be read")
            if not self._loop:
                raise SourceLost(Cause.ENDED)
            self._next = 0
        path = self._paths[self._next]
        self._next += 1
        return self._read(path)

    def take(self) -> I420:
        """Return the picture; see `Source`."""
        picture, self._picture = self._picture, None
        if picture is None:
            raise SourceLost(Cause.DECODE, "no picture is there")
        return picture

    def close(self) -> None:
        """Nothing is held."""
        self._picture = None

    def _read(self, path: Path) -> bool:
        if path in self._bad:
            return False
        try:
            self._picture = read_image(path)
        except BadInput as error:
            self._bad.add(path)
            logger.warning("%s", error)
            return False
        self._due = max(self._due + self._period, time.monotonic())
        return True
