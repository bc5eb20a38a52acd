"""Applies the governor's decisions, and reports them by log, metric and status."""

from __future__ import annotations

import logging
import math
import os
import time
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.governor import STALLED_S, DegradeStep, Governor
from pipelines.load_reading import LoadCounters
from pipelines.turns import Turns
from pricing.news import news
from probes.reason import Reason
from probes.recognition.look_scheduler import OWED_LOOKS, OWED_WITHIN_S

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from pipelines.cameras.throttle import Throttle
    from pipelines.load_reading import LoadReading
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

MIN_FPS = 0.5
"""Analysed frames per second of a live camera below which the store is not healthy."""
MAX_LATENCY_S = 5.0
HEALTH_WINDOW_S = 10.0
NEW_SHARE = 0.1
"""Weight of the newest second in the mean number of people in view."""
SILENT_S = 180.0
"""Is nothing of a live camera analysed for so long, though it should be, the program is at fault."""
FAIR_FRAMES = 60
"""It should be, too, while frames are left out, where each other had so many meanwhile: they are fair."""
MAX_STEP_S = 10.0
"""Of the time between two checks no more counts for a camera's wait: this process itself stood still."""
STAT = Path("/proc/stat")
TOO_MANY = "too_many_faces"
"""Reason of dropped frames that were analysed, and withheld."""
KEYS_ONLY = ", key frames decoded"
NO_LOOK = f"no look ended for {STALLED_S:g} s of people in view: looks hang, or take far too long"
TEXTS = {
    DegradeStep.NONE: "nothing is left out",
    DegradeStep.FEWER_FRAMES: "fewer frames per second",
    DegradeStep.FEWER_LOOKS: "fewer looks",
    DegradeStep.CAMERAS_SUSPENDED: "cameras suspended",
}


def idle_seconds(stat: Path = STAT) -> float:
    """Return how long the machine's cores had nothing to do since it started, mean of all; 0 if unknown."""
    try:
        fields = stat.read_text(encoding="ascii").split("\n", 1)[0].split()  # cpu, user, nice, system, idle
        return int(fields[4]) / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)
    except (OSError, ValueError, IndexError):
        return 0.0


@dataclass(frozen=True, slots=True)
class _Wait:
    """How long a live camera has had no frame analysed. frames: before that.

    full_s: of the time since anything was left out. in_turn_s: while it was not suspended. passed_by: frames
    that each other camera had meanwhile, in the mean.
    """

    frames: int
    full_s: float = 0.0
    in_turn_s: float = 0.0
    passed_by: float = 0.0

    @property
    def is_silent(self) -> bool:
        """Whether overload is no reason for it."""
        return self.full_s >= SILENT_S or (self.in_turn_s >= SILENT_S and self.passed_by >= FAIR_FRAMES)


class Overload:
    """`check` once a second; `problems` from any thread."""

    def __init__(
        self,
        metrics: Metrics,
        throttle: Throttle,
        processed: Callable[[], Mapping[str, int]],
        *,
        clock: Callable[[], float] = time.monotonic,
        idle_s: Callable[[], float] | None = None,
        cameras: Callable[[], Mapping[str, int]] | None = None,
        fps: Callable[[], float] = lambda: math.inf,
        governor: Governor | None = None,
    ) -> None:
        """Begin with nothing left out.

        processed: frames analysed and redacted so far, by camera. cameras: priorities of the live ones.
        Without it those of `processed`, all alike. fps: the highest frame rate that is asked of one of them.
        """
        self._metrics, self._throttle, self._processed, self._clock = metrics, throttle, processed, clock
        self._cameras = cameras or (lambda: dict.fromkeys(processed(), 0))
        self._fps = fps
        self._suspended: tuple[str, ...] = ()
        self._turns = Turns()
        self._people: dict[str, float] = {}
        self._returned_at: dict[str, float] = {}
        self._idle_s = idle_s or idle_seconds
        self._governor, self._counters = governor or Governor(), LoadCounters(metrics)
        self._frames: deque[tuple[float, dict[str, int]]] = deque()
        self._waits: dict[str, _Wait] = {}
        self._checked_at = self._clock()
        self._withheld, self._withheld_at = 0, -math.inf
        metrics.degrade_step.set(0)
        metrics.frame_share.set(1)
        metrics.decode_part.set(1)

    @property
    def step(self) -> DegradeStep:
        """How far the box has stepped down."""
        return self._governor.step

    @property
    def sub_streams(self) -> tuple[str, ...]:
        """The cameras that are to give their sub-stream now."""
        return tuple(sorted(self._throttle.usable_sub_streams)) if self._throttle.sub_streams else ()

    @property
    def suspended(self) -> tuple[str, ...]:
        """The cameras that are not analysed now."""
        return tuple(sorted(self._throttle.suspended))

    def check(self) -> bool:
        """Update the governor and apply its decision; return whether something changed."""
        now = self._clock()
        frames = dict(self._processed())
        self._frames.append((now, frames))
        while len(self._frames) > 2 and now - self._frames[1][0] >= HEALTH_WINDOW_S:
            self._frames.popleft()
        cameras, governor, throttle = dict(self._cameras()), self._governor, self._throttle
        self._note_waits(now, cameras, self._judged(now, frames))
        self._count_people(cameras, frames)
        counted, changed = self._counters.totals(now, self._idle_s()), False
        if self._turns.looks_round is None:
            changed = governor.update(
                counted,
                len(cameras),
                fps=self._fps(),
                has_sub_streams=bool(throttle.usable_sub_streams),
                skips_decoding=throttle.skips_decoding,
            )
        else:
            governor.pass_over(counted)
        people = {camera: round(self._people.get(camera, 0.0)) for camera in cameras}
        self._suspended = self._turns.choose(
            now, cameras, min(governor.suspended, max(0, len(cameras) - 1)), people
        )
        suspended = frozenset(self._suspended)
        if not changed and suspended == throttle.suspended:
            return False
        self._apply(now, suspended, cameras, frames)
        self._tell(suspended, changed=changed)
        return True

    def _apply(
        self, now: float, suspended: frozenset[str], cameras: Collection[str], known: Collection[str]
    ) -> None:
        """Set throttle and metrics. known: the cameras that the store has turned on."""
        governor, throttle = self._governor, self._throttle
        returned = dict.fromkeys(throttle.suspended - suspended, now)
        self._returned_at = {c: at for c, at in (self._returned_at | returned).items() if c in cameras}
        for camera in throttle.suspended ^ suspended:
            if camera in known:
                self._metrics.camera_suspended.labels(camera).set(camera in suspended)
            else:  # the store has it no more, or has it off
                self._metrics.camera_suspended.remove_by_labels({"camera": camera})
        throttle.share, throttle.part, throttle.suspended = governor.share, governor.part, suspended
        throttle.sub_streams, throttle.slowest_s = governor.sub_streams, governor.slowest_s
        self._metrics.frame_share.set(governor.analysed_share)
        self._metrics.decode_part.set(governor.part)
        self._metrics.degrade_step.set(governor.step)

    def _tell(self, suspended: Iterable[str], *, changed: bool) -> None:
        governor = self._governor
        if changed and governor.load.stalled:
            logger.warning(
                "%s; nothing is left out for them", NO_LOOK, extra=news("no_look", seconds=STALLED_S)
            )
        if governor.step is DegradeStep.NONE:
            if not governor.load.stalled:
                logger.info("overload: over, everything is analysed again", extra=news("overload_over"))
        elif changed:
            self._warn(governor.load)
        else:
            names = ", ".join(sorted(suspended)) or "none, one looks round"
            logger.info("overload: cameras take turns, suspended now: %s", names)

    def _judged(self, now: float, frames: Mapping[str, int]) -> Mapping[str, int]:
        """Return the frames of each camera that were analysed, also those that were then withheld.

        Too much in the picture, say, is nothing that starting again would mend; broken masking is found by
        its self-check.
        """
        withheld: Counter[str] = Counter()
        for counter in (self._metrics.redaction_failures, self._metrics.frames_dropped):
            for sample in (sample for family in counter.collect() for sample in family.samples):
                if sample.labels.get("reason", TOO_MANY) == TOO_MANY:
                    withheld[sample.labels["camera"]] += int(sample.value)
        if withheld.total() > self._withheld:
            self._withheld_at = now
        self._withheld = withheld.total()  # fewer where a camera was taken out
        return {camera: count + withheld[camera] for camera, count in frames.items()}

    def withholding(self, within_s: float) -> bool:
        """Return whether any camera's frame was withheld after its analysis in the last seconds."""
        return self._clock() - self._withheld_at <= within_s

    def _note_waits(self, now: float, cameras: Mapping[str, int], frames: Mapping[str, int]) -> None:
        """Note how long each live camera has waited for a frame, and what the others had meanwhile."""
        passed_s, self._checked_at = min(now - self._checked_at, MAX_STEP_S), now
        waits, before = {}, self._waits
        news = {c: frames.get(c, 0) - before[c].frames for c in cameras if c in before}
        in_turn = [camera for camera in news if camera not in self._suspended]
        for camera in cameras:
            wait = before.get(camera)
            if wait is None or news[camera]:
                waits[camera] = _Wait(frames.get(camera, 0))
                continue
            others = [max(0, news[other]) for other in in_turn if other != camera]
            waits[camera] = _Wait(
                wait.frames,
                0.0 if self._governor.leaves_out else wait.full_s + passed_s,
                wait.in_turn_s + passed_s * (camera in in_turn),
                wait.passed_by + (sum(others) / len(others) if others else 0.0),
            )
        self._waits = waits  # replaced as a whole: other threads read it

    def _count_people(self, cameras: Mapping[str, int], known: Mapping[str, int]) -> None:
        """Note how many people are in view of each camera, about the mean of the last 10 s.

        cameras: the live ones; known: all that the store has, of which one may be away for a moment.
        Of the one that looks round, those of now: until a key frame came and somebody is followed, most of
        its time is over.
        """
        seen = {
            sample.labels["camera"]: sample.value
            for family in self._metrics.tracks_active.collect()
            for sample in family.samples
        }
        here = known.keys() | cameras.keys()
        self._people = {camera: past for camera, past in self._people.items() if camera in here}
        for camera in cameras:
            if camera == self._turns.looks_round:
                self._people[camera] = seen.get(camera, 0.0)
            elif camera not in self._suspended:
                past = self._people.get(camera, seen.get(camera, 0.0))
                self._people[camera] = past + NEW_SHARE * (seen.get(camera, 0.0) - past)

    def _warn(self, load: LoadReading) -> None:
        throttle, step = self._throttle, self._governor.step
        left_out = TEXTS[step]
        if throttle.suspended:
            left_out += f" ({', '.join(sorted(throttle.suspended))})"
        if throttle.part < 1:
            left_out += (
                f", {throttle.part:.0%} of each group of pictures decoded" if throttle.part else KEYS_ONLY
            )
        if throttle.sub_streams:
            left_out += f", sub-streams of {', '.join(sorted(throttle.usable_sub_streams))}"
        logger.warning(
            "overload: %s: at least %d %% of each camera's frames are analysed (%d %% of them too late,"
            " latency %.1f s; %d %% of people below %d looks in %d s); lower fps, use sub-streams, or take a"
            " faster machine",
            left_out,
            100 * self._governor.analysed_share,
            100 * load.frames_late,
            load.latency_s,
            100 * load.looks_missed,
            OWED_LOOKS,
            OWED_WITHIN_S,
            extra=news(
                "overload",
                step=int(step),
                share=self._governor.analysed_share,
                late_share=load.frames_late,
                latency=round(load.latency_s, 1),
                missed_share=load.looks_missed,
                looks=OWED_LOOKS,
                seconds=OWED_WITHIN_S,
            ),
        )

    def problems(self, live: Mapping[str, float]) -> list[str]:
        """Return what is below the stated floor. live: since when each live camera is, monotonic seconds."""
        frames = list(self._frames)
        found: list[str] = []
        if len(frames) >= 2:
            (first, before), (last, after) = frames[0], frames[-1]
            for camera, since in live.items():
                if camera in self._throttle.suspended:
                    text = f"camera {camera}: suspended, too many cameras for this machine"
                    found.append(Reason(text, why="suspended", camera=camera))
                    continue
                begun = max(since, self._returned_at.get(camera, -math.inf))
                fps = (after.get(camera, 0) - before.get(camera, 0)) / max(last - first, 1e-9)
                if last - first >= 0.9 * HEALTH_WINDOW_S and begun <= first and fps < MIN_FPS:
                    text = f"camera {camera}: {fps:.1f} frames per second analysed, below {MIN_FPS:g}"
                    found.append(Reason(text, why="slow", camera=camera, fps=round(fps, 1), least=MIN_FPS))
        latency_s = self._governor.load.latency_s
        if latency_s > MAX_LATENCY_S:
            text = f"frames are {latency_s:.0f} s old when they are published, above {MAX_LATENCY_S:g}"
            found.append(Reason(text, why="late", seconds=round(latency_s), most=MAX_LATENCY_S))
        if self._governor.load.stalled:
            found.append(Reason(NO_LOOK, why="no_look", seconds=STALLED_S))
        return found

    def silent(self, live: Mapping[str, float]) -> list[str]:
        """Return the live cameras of which nothing is analysed for minutes though it should be.

        live: as for `problems`. It should be where nothing is left out, or others had their frames meanwhile:
        starting the program again may mend it then.
        """
        checked_at, waits = self._checked_at, self._waits
        return [
            camera
            for camera, since in live.items()
            if camera in waits and waits[camera].is_silent and checked_at - since >= SILENT_S
        ]
