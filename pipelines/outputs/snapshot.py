"""Snapshots: redacted pictures of each camera as JPEG files, bounded in sum."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from pipelines.outputs.disk import stamp, trim, write_whole
from pipelines.outputs.frame_thread import FrameThread
from pipelines.outputs.jpeg import encode_jpeg
from pipelines.outputs.periodic import PeriodicOutput
from pricing.outage import CameraOutages
from probes.events.messages import same

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelines.outputs.masked_jpeg import MaskedFrame

logger = logging.getLogger(__name__)

NO_SNAPSHOTS = "no pictures are written to disk: set outputs.snapshots in the store file"


class SnapshotOutput(PeriodicOutput):
    """Writes a picture of each camera to disk every interval_s.

    Files are folder/camera/TIME.jpg, TIME in UTC; the oldest beyond `max_mb` are deleted. Those of a camera
    that is removed stay. utc: turns a time of frames into UTC, both in ns.
    """

    def __init__(
        self,
        folder: Path,
        *,
        interval_s: float = 60.0,
        max_mb: int = 200,
        quality: int = 85,
        clock: Callable[[], float] = time.monotonic,
        utc: Callable[[int], int] = same,
    ) -> None:
        self._folder, self._max_bytes, self._quality = folder, max_mb * 1_000_000, quality
        self._utc = utc
        outages = CameraOutages(logger, "snapshots cannot be written", "snapshots are written again")
        thread = FrameThread(self.write, outages, name="snapshots")
        super().__init__(thread, interval_s=interval_s, clock=clock)

    def write(self, frame: MaskedFrame) -> None:
        """Write a frame to disk; delete the oldest beyond max_mb."""
        at, jpeg = self._utc(frame.frame.captured_at), encode_jpeg(frame.pixels, self._quality)
        if not frame.masked_by.in_force:
            return
        write_whole(self._folder / frame.frame.camera / f"{stamp(at)}.jpg", jpeg)
        trim(self._folder, ".jpg", self._max_bytes, now=at)
