"""What both platforms do after a judged frame: floor, looks, counters, and cameras that fall silent."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.cameras.upright import UPRIGHT_AGAIN, UprightWatch, advice_text
from probes.events.messages import rfc3339
from probes.people.returns import Absence

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from pipelines.cameras.upright import Finding
    from pipelines.floor.floor import Floor
    from pipelines.outputs.traces import FrameTraces
    from pricing.ledger.votes import Vote
    from pricing.value import PersonValue
    from probes.answers import LookAnswer
    from probes.frame import Frame, TrackId
    from probes.metrics import Metrics
    from probes.recognition.look_workers import LookWorkers

logger = logging.getLogger(__name__)

OF_BATCH = ("detect",)
"""Stages of all frames of a batch; the others are of one frame each."""
QUIET_AFTER_S = 1.0
"""A camera without a frame for this long is silent: its time passes without frames."""
AWAY_AFTER_S = 2.5
"""One that is silent for this long is away: whoever was in view is held, not gone. Tracks end then, too."""


@dataclass(frozen=True, slots=True)
class _LastFrame:
    """When a camera gave its last frame: by the camera's clock (UTC ns), and by the monotonic one (s)."""

    captured_at: int
    at: float

    def captured_now(self, at: float) -> int:
        """Return what the camera's clock must show at `at`, UTC ns."""
        return self.captured_at + int((at - self.at) * 1e9)


def log_turned(camera: str, found: Finding | None) -> None:
    """Say what is to be done about a camera that hangs turned, once; None: it is forgotten."""
    if found is not None and not found.is_sure and found.advice != UPRIGHT_AGAIN:
        logger.warning("camera %s: %s", camera, advice_text(found.advice))


class FloorFeed:
    """Feeds one floor with the frames of all cameras. Used by one thread, but for the three questions.

    ended: returns the tracks of a camera that have ended by UTC ns, each once. on_turned(camera, found):
    called where people are found who do not stand upright, where that is sure, where they do again, and with
    None where that is forgotten. traces: has the times of single frames. suspended: cameras that are not
    analysed for now. finite: files and folders, of which nobody comes back: who is in view where one ends has
    left.
    """

    def __init__(
        self,
        cameras: Iterable[str],
        *,
        floor: Floor,
        looks: LookWorkers,
        metrics: Metrics,
        ended: Callable[[str, int], Sequence[TrackId]],
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
        on_turned: Callable[[str, Finding | None], None] = log_turned,
        traces: FrameTraces | None = None,
        suspended: Callable[[], Container[str]] = frozenset,
        finite: Callable[[], Container[str]] = frozenset,
    ) -> None:
        self._suspended, self._finite = suspended, finite
        self._floor, self._looks, self._metrics, self._ended = floor, looks, metrics, ended
        self._clock, self._now_ns, self._on_turned = clock, now_ns, on_turned
        self._traces = traces
        self._stages: dict[str, tuple[float, float]] = {}
        self._upright = UprightWatch()
        self._newest = 0
        self._last_frames: dict[str, _LastFrame] = {}
        self._redacted_at: dict[str, float] = {}
        self._processed: dict[str, int] = {}
        self.set_cameras(cameras)

    @property
    def processed(self) -> Mapping[str, int]:
        """Frames analysed and redacted, by camera; from any thread."""
        return self._processed

    @property
    def newest(self) -> int:
        """When the newest frame of all cameras was captured, UTC ns; 0 before the first."""
        return self._newest

    def set_cameras(self, cameras: Iterable[str]) -> None:
        """Go on with these cameras; those that go have been given to `forget`."""
        self._processed = {camera: self._processed.get(camera, 0) for camera in cameras}
        if self._traces is not None:
            self._traces.keep_only(self._processed)

    def forget(self, camera: str, tracks: Sequence[TrackId]) -> None:
        """End a camera's tracks, all of them: it gives no more frames, or those of another source."""
        last, now = self._last_frames.pop(camera, None), self._clock()
        if last is not None:
            ended = [*tracks, *self._floor.held(camera)]
            self._floor.quiet(camera, last.captured_now(now), ended)
        self._redacted_at = {name: at for name, at in self._redacted_at.items() if name != camera}
        self._upright.forget(camera)
        self._on_turned(camera, None)

    def update(
        self,
        frame: Frame,
        answers: Iterable[LookAnswer] = (),
        ended: Sequence[TrackId] = (),
        votes: Iterable[tuple[TrackId, Sequence[Vote]]] = (),
    ) -> dict[TrackId, PersonValue]:
        """Give a frame to the floor, and the values to the looks; return the values of its persons."""
        if found := self._upright.add(frame):
            self._on_turned(frame.camera, found)
        began = self._clock()
        if ended and (absence := self._away_before(frame)) is not None:
            self._floor.quiet(frame.camera, frame.captured_at, ended, absence=absence)
            ended = ()
        values = self._floor.update(frame, answers, ended, votes)
        self._looks.set_values(values)
        ended_at = self._clock()
        self.note_stage("floor", began, ended_at)
        self._last_frames[frame.camera] = _LastFrame(frame.captured_at, ended_at)
        self._newest = max(self._newest, frame.captured_at)
        return values

    def redacted(self, frame: Frame, masked: Mapping[str, int], *, everybody: bool) -> None:
        """Note that a frame was redacted. masked: regions by what they were masked for.

        everybody: whether each person was among them.
        """
        if everybody:
            self._metrics.frames_everybody_masked.labels(frame.camera).inc()
        for by, count in masked.items():
            self._metrics.faces_redacted.labels(frame.camera, by).inc(count)
        self._redacted_at[frame.camera] = self._clock()

    def published(self, frame: Frame) -> None:
        """Count a redacted frame that is done with, and how long it took since it was captured."""
        camera = frame.camera
        self._processed[camera] += 1
        self._metrics.frames_processed.labels(camera).inc()
        published_at = self._now_ns()
        latency_s = max(0, published_at - frame.captured_at) / 1e9
        # So that a slow frame of a dashboard is found in recordings and in the journal (OpenMetrics only).
        exemplar = {"captured_at": rfc3339(frame.captured_at)}
        self._metrics.frame_latency.labels(camera).observe(latency_s, exemplar)
        if self._traces is not None:
            if self._traces.due(camera):
                self._traces.put(camera, frame.captured_at, published_at, self._stages_until(published_at))
            self._stages = {name: self._stages[name] for name in OF_BATCH if name in self._stages}

    def note_stage(self, stage: str, began: float, ended: float) -> None:
        """Note a stage of the frame that is at work, by the monotonic clock, for its trace."""
        if self._traces is not None:
            self._stages[stage] = began, ended

    def _stages_until(self, published_at: int) -> list[tuple[str, int, int]]:
        """Return the stages of the frame that was just published, by the clock of frames, ns."""
        start = published_at - int(self._clock() * 1e9)
        return [
            (stage, start + int(began * 1e9), start + int(ended * 1e9))
            for stage, (began, ended) in self._stages.items()
        ]

    def pass_time(self) -> None:
        """End or hold the tracks of cameras that have fallen silent; to be called several times a second."""
        now, suspended = self._clock(), self._suspended()
        for camera, last in self._last_frames.items():
            silent_s = now - last.at
            if silent_s <= QUIET_AFTER_S:
                continue
            at = last.captured_now(now)
            absence = Absence.SUSPENDED if camera in suspended else self._absence(camera, silent_s)
            if absence is None and camera not in self._finite():
                ended: Sequence[TrackId] = ()  # its next frame tells who has left, or it is lost
            else:
                ended = self._ended(camera, at)
            self._floor.quiet(camera, at, ended, absence=absence)

    def _absence(self, camera: str, silent_s: float) -> Absence | None:
        """Return why people in view of a camera that was silent for so long are not seen."""
        return Absence.LOST if silent_s > AWAY_AFTER_S and camera not in self._finite() else None

    def _away_before(self, frame: Frame) -> Absence | None:
        """Return why nobody was seen before a frame; None where the one before it was just now."""
        last = self._last_frames.get(frame.camera)
        gap_s = 0.0 if last is None else (frame.captured_at - last.captured_at) / 1e9
        return self._absence(frame.camera, gap_s)

    def redacting(self, within_s: float) -> bool:
        """Tell, from any thread, whether any camera's frame was redacted in the last seconds."""
        return any(self._clock() - at <= within_s for at in self._redacted_at.copy().values())

    def age_s(self, camera: str) -> float | None:
        """Return, from any thread, how long ago a camera's frame was redacted last; None before the first."""
        at = self._redacted_at.get(camera)
        return None if at is None else max(0.0, self._clock() - at)
