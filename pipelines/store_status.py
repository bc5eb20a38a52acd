"""What a running store says of itself: its cameras, whether it is healthy, and the report at its end."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipelines.cameras.states import CameraState
from pipelines.health import Health
from pipelines.overload import SILENT_S
from probes.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelines.cameras.states import CameraStatus
    from pipelines.clock import StoreClock
    from pipelines.floor.floor import Floor
    from pipelines.floor.tally import CameraTally
    from pipelines.interfaces import Platform
    from pipelines.overload import Overload
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics

HEALTHY_WITHIN_S = 10.0
PREPARED_WITHIN_S = 5400.0
"""Without progress for so long, what is done before cameras open hangs; an engine takes half an hour."""
NOT_MEANT = ("rate", "undecoded", "turned")
"""Reasons of dropped frames that were not meant for analysis, or got it: only the picture was withheld."""


@dataclass(frozen=True, slots=True)
class CameraReport:
    """What one camera did since the start."""

    camera: str
    state: str
    processed: int
    dropped: int
    tally: CameraTally


class StoreStatus:
    """Judges a store by its parts, from any thread. settings: returns those in force."""

    def __init__(
        self,
        platform: Platform,
        floor: Floor,
        overload: Overload,
        *,
        settings: Callable[[], Settings],
        metrics: Metrics,
        clock: StoreClock,
    ) -> None:
        self._platform, self._floor, self._overload = platform, floor, overload
        self._settings, self._metrics, self._clock = settings, metrics, clock
        self._progress = "", 0.0

    def cameras(self) -> Mapping[str, CameraStatus]:
        """Return what is known of each enabled camera, its times as UTC ns by the clock as it is now."""
        utc = self._clock.utc
        return {
            name: replace(
                status,
                since=utc(status.since),
                last_frame_at=None if status.last_frame_at is None else utc(status.last_frame_at),
            )
            for name, status in self._platform.cameras().items()
        }

    def health(self) -> Health:
        """Return whether frames flow from at least one camera and redaction works."""
        reasons: list[str] = []
        stuck: list[str] = []
        cameras = self._platform.cameras()
        now, store_now, settings = time.monotonic(), self._clock.now(), self._settings().cameras
        if starting := self._platform.starting:
            reasons.append(Reason(starting, why="starting", what=starting))
        if self._hangs(starting, now):
            minutes = PREPARED_WITHIN_S / 60
            text = f"no progress for {minutes:g} min: {starting}"
            stuck.append(Reason(text, why="hangs", minutes=minutes, what=starting))
        if self._platform.failed:
            stuck.append(Reason("inference failed: restart the service", why="failed"))
        if withheld := self._platform.withheld:
            stuck.append(_unmasked(withheld))
        if not any(status.state is CameraState.LIVE for status in cameras.values()):
            reasons.append(Reason("no camera is live", why="no_camera"))
        elif not withheld and not self._platform.redacting(within_s := self._within_s(cameras)):
            # Nothing hangs where no frame came (a camera may be silent for two minutes and still be live), or
            # where all that came were withheld.
            came = any(
                store_now - (status.last_frame_at or status.since) <= within_s * 1e9
                for status in cameras.values()
                if status.state is CameraState.LIVE
            )
            mends = came and not self._overload.withholding(within_s)
            text = f"no frame was redacted in the last {within_s:g} s"
            (stuck if mends else reasons).append(Reason(text, why="not_masked", seconds=within_s))
        live = {
            name: now - (store_now - status.since) / 1e9
            for name, status in cameras.items()
            if status.state is CameraState.LIVE and name in settings and settings[name].fps >= 1
        }
        if not withheld:
            minutes = SILENT_S / 60
            for camera in self._overload.silent(live):
                text = f"camera {camera}: live, and no frame of it was analysed for {minutes:g} min"
                stuck.append(Reason(text, why="silent", camera=camera, minutes=minutes))
        reasons += stuck
        reasons += self._overload.problems(live)
        return Health(not reasons, tuple(reasons), stuck=bool(stuck))

    def _within_s(self, cameras: Mapping[str, CameraStatus]) -> float:
        """Return for how long no frame need be redacted: two of the quickest live camera's, and some time."""
        settings = self._settings().cameras
        live = (name for name, status in cameras.items() if status.state is CameraState.LIVE)
        fps = max((settings[name].fps for name in live if name in settings), default=1.0)
        return max(HEALTHY_WITHIN_S, 2.5 / fps)

    def _hangs(self, starting: str, now: float) -> bool:
        """Return whether what is done before cameras open has stood still for too long."""
        if self._progress[0] != starting:
            self._progress = starting, now
        return bool(starting) and now - self._progress[1] >= PREPARED_WITHIN_S

    def ready(self, *, started: bool) -> Health:
        """Return whether everything has been started, and masking passes its self-check."""
        reasons = [] if started else ["starting or stopping"]
        if withheld := self._platform.withheld:
            reasons.append(_unmasked(withheld))
        return Health(not reasons, tuple(reasons))

    def report(self) -> list[CameraReport]:
        """Return what each camera did since the start."""
        processed, cameras = self._platform.processed, self._platform.cameras()
        return [
            CameraReport(
                name,
                cameras[name].state.value,
                processed.get(name, 0),
                self._dropped(name),
                self._floor.tally(name),
            )
            for name in cameras
        ]

    @property
    def live_by_priority(self) -> dict[str, int]:
        """The live cameras and their priorities, those that are suspended first at the beginning."""
        settings, states = self._settings().cameras, self._platform.cameras()
        live = [
            name for name, status in states.items() if status.state is CameraState.LIVE and name in settings
        ]
        first = sorted(live, key=lambda name: (settings[name].priority, -live.index(name)))
        return {name: settings[name].priority for name in first}

    def _dropped(self, camera: str) -> int:
        """Return the frames meant for analysis that did not get it; those beyond `fps` were never meant.

        Those that were shown all the same are among them.
        """
        return sum(
            int(sample.value)
            for counter in (self._metrics.frames_dropped, self._metrics.frames_between)
            for metric in counter.collect()
            for sample in metric.samples
            if sample.labels.get("camera") == camera and sample.labels.get("reason") not in NOT_MEANT
        )


def _unmasked(why: str) -> Reason:
    return Reason(f"self-check of masking failed: {why}", why="self_check", what=why)
