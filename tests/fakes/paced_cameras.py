"""Virtual cameras that wait for the store: a busy machine sees a slower film, and each of its pictures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from scripts.demo.cameras import CameraServer, VirtualCamera
from tests.fakes.broker import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from probes.metrics import Metrics
    from probes.recognition.look_workers import LookWorkers

    Parts = Sequence[tuple[int, int]]

MAX_AHEAD = 4
"""Pictures between camera and redacted frame; an idle machine has fewer."""
MAX_HOLD_S = 2.0
"""After that the next picture is sent all the same: some before it were lost, as after a reconnect."""
MAX_LOOK_S = 60.0
"""The same where somebody is looked at: the first look loads models."""


PARAMETER_SETS = b"\x00\x00\x01\x67"
"""Before each key frame: see scripts.demo.encode."""


class PacedCamera(VirtualCamera):
    """Sends a picture only while fewer than MAX_AHEAD of those before are under way, and nobody is looked at.

    Without that a machine which is ten times slower analyses a tenth of the film, or looks at a tenth of what
    it analyses, knows nobody, and needs round after round of it.
    """

    def __init__(self, name: str, units: Sequence[bytes], **more: Any) -> None:
        super().__init__(name, units, **{**more, "port": free_port()})  # that nobody takes while it is away
        self.metrics: Metrics | None = None
        self.looks: LookWorkers | None = None
        self._received_before = 0.0
        self._sent_at = -MAX_HOLD_S

    def keep(self, parts: Parts) -> None:
        """Play these pictures alone, each part from the key frame before its first."""
        begins = [n for n, unit in enumerate(self._units) if PARAMETER_SETS in unit]
        kept = [self._units[max(n for n in begins if n <= first) : last] for first, last in parts]
        self._units = [unit for part in kept for unit in part]

    def _ready(self) -> list[Any]:
        ready = super()._ready()
        if not ready or self.metrics is None:
            return ready
        received = self._total(self.metrics.frames_received)
        done = self._total(self.metrics.frames_processed) + self._total(self.metrics.frames_dropped)
        if self._next == 0:
            self._received_before = received
        arriving = self._next - (received - self._received_before)
        held_s = time.monotonic() - self._sent_at
        if max(0, arriving) + (received - done) >= MAX_AHEAD and held_s < MAX_HOLD_S:
            return []
        if arriving < 0 or held_s >= MAX_HOLD_S:
            # Lost, all of them: they would be waited for before each picture to come. Or given up too early.
            self._received_before = received - self._next
        if self.looks and self.looks.reads and not self.looks.room.idle and held_s < MAX_LOOK_S:
            return []
        self._sent_at = time.monotonic()
        return ready

    def _total(self, counter: Any) -> float:
        return sum(
            sample.value
            for family in counter.collect()
            for sample in family.samples
            if sample.name.endswith("_total") and sample.labels["camera"] == self.name
        )


class PacedCameras(CameraServer):
    """The demo's cameras, paced from the moment they know the store's metrics.

    parts: which frames of a camera's clip it plays, by camera: each part from the key frame before its
    first; absent: all.
    """

    camera_class = PacedCamera

    def __init__(
        self,
        clips: Mapping[str, Path],
        *,
        parts: Mapping[str, Parts] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(clips, **more)
        for name, kept in (parts or {}).items():
            self._cameras[name].keep(kept)

    def follow(self, metrics: Metrics, looks: LookWorkers | None = None) -> None:
        """Wait from now on for the store that counts here, and for its looks where they are given."""
        for camera in self._cameras.values():
            camera.metrics, camera.looks = metrics, looks
