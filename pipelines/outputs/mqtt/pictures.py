"""Masked pictures of the cameras over MQTT, where the store file asks for them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from pipelines.outputs.frame_thread import FrameThread
from pipelines.outputs.jpeg import encode_jpeg, scaled
from pipelines.outputs.periodic import PeriodicOutput
from pricing.outage import CameraOutages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipelines.outputs.masked_jpeg import MaskedFrame
    from probes.redaction.masked_by import MaskedBy

logger = logging.getLogger(__name__)

MAX_WIDTH, QUALITY = 960, 75


class MqttPictures(PeriodicOutput):
    """Sends a picture of each camera every interval_s.

    send: takes topic, JPEG, and what it was masked by; never waits.
    """

    def __init__(
        self,
        cameras: Iterable[str],
        send: Callable[[str, bytes, MaskedBy], None],
        *,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        outages = CameraOutages(
            logger, "pictures for MQTT cannot be made", "pictures for MQTT are made again"
        )
        thread = FrameThread(self.write, outages, name="mqtt-pictures")
        super().__init__(thread, interval_s=interval_s, cameras=cameras, clock=clock)

    def write(self, frame: MaskedFrame) -> None:
        """Send a frame, scaled to MAX_WIDTH."""
        jpeg = encode_jpeg(scaled(frame.pixels, MAX_WIDTH), QUALITY)
        self._send(f"camera/{frame.frame.camera}/picture", jpeg, frame.masked_by)
