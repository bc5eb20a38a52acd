"""A folder of pictures, played as if it were a camera."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import Cause
from pipelines.cpu.images import list_images, read_image
from pipelines.errors import BadInput
from pricing.plain_file import file_stamp

if TYPE_CHECKING:
    from pathlib import Path

    from engines.image import I420
    from pricing.plain_file import FileSignature

logger = logging.getLogger(__name__)


class ImageFolder:
    """A folder of pictures as a source: one picture every 1 / fps seconds, in order of their names.

    loop: it starts over, each time with the pictures that the folder holds then.
    """

    def __init__(self, folder: str, fps: float, *, loop: bool) -> None:
        self._folder, self._period, self._loop = folder, 1 / fps, loop
        self._bad: dict[Path, FileSignature | None] = {}
        self._logged: set[tuple[Path, str]] = set()
        self._begin()
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
            if self._bad.keys() >= set(self._paths):
                raise SourceLost(Cause.DECODE, "none of the pictures can be read")
            if not self._loop:
                raise SourceLost(Cause.ENDED)
            self._begin()
        path = self._paths[self._next]
        self._next += 1
        return self._read(path)

    def take(self) -> I420:
        """Return the picture; see `Source`."""
        picture, self._picture = self._picture, None
        if picture is None:
            raise SourceLost(Cause.DECODE, "no picture is there")
        return picture

    def take_withheld(self) -> int:
        """Return 0; see `Source`. A picture is whole or it is passed over."""
        return 0

    def take_undecoded(self) -> int:
        """Return 0; see `Source`. All pictures are read."""
        return 0

    @property
    def answered(self) -> bool:
        """Whether there is something to read; see `Source`."""
        return True

    def close(self) -> None:
        """Nothing is held."""
        self._picture = None

    def _begin(self) -> None:
        """Begin with the first picture; one that could not be read is tried again once it has changed."""
        try:
            self._paths = list_images(self._folder)
        except OSError as error:
            raise SourceLost(Cause.FILE, f"{self._folder}: {error.strerror}") from None
        if not self._paths:
            raise SourceLost(Cause.FILE, f"{self._folder} holds no pictures")
        self._next = 0
        self._bad = {
            path: stamp
            for path, stamp in self._bad.items()
            if path in self._paths and file_stamp(path) == stamp
        }
        listed = set(self._paths)  # else it grows for ever: an FTP server's folder has new names each day
        self._logged = {(path, line) for path, line in self._logged if path in listed}

    def _read(self, path: Path) -> bool:
        if path in self._bad:
            return False
        stamp = file_stamp(path)
        try:
            self._picture = read_image(path, lambda line: self._log_once(path, line))
        except BadInput as error:
            self._bad[path] = stamp
            logger.warning("%s", error)
            return False
        self._due = max(self._due + self._period, time.monotonic())
        return True

    def _log_once(self, path: Path, line: str) -> None:
        """Log what is amiss with a picture, once however often it is shown."""
        if (path, line) not in self._logged:
            self._logged.add((path, line))
            logger.warning("%s: %s", path, line)
