"""Applies the governor's decisions, and reports them by log, metric and status."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.governor import DegradeStep, Governor, totals
from pipelines.logs import NEWS
from probes.recognition.look_scheduler import OWED_LOOKS, OWED_WITHIN_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

MIN_FPS = 0.5
"""Analysed frames per second of a live camera below which the store is not healthy."""
MAX_LATENCY_S = 5.0
HEALTH_WINDOW_S = 10.0
STAT = Path("/proc/stat")
TEXTS = {
    DegradeStep.NONE: "nothing is left out",
    DegradeStep.FEWER_FRAMES: "fewer frames per second",
    DegradeStep.FEWER_LOOKS: "fewer looks",
}


def idle_seconds(stat: Path = STAT) -> float:
    """Return how long the machine's cores had nothing to do since it started, mean of all; 0 if unknown."""
    try:
        fields = stat.read_text(encoding="ascii").split("\n", 1)[0].split()  # cpu, user, nice, system, idle
        return int(fields[4]) / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)
    except (OSError, ValueError, IndexError):
        return 0.0


class FrameShare:
    """The share of frames, of each camera alike, that is analysed. Written by one thread, read by any."""

    def __init__(self) -> None:
        self.value = 1.0

    def __call__(self) -> float:
        """Return the share, above 0 to 1."""
        return self.value


class Overload:
    """`check` once a second; `problems` from any thread."""

    def __init__(
        self,
        metrics: Metrics,
        share: FrameShare,
        processed: Callable[[], Mapping[str, int]],
        clock: Callable[[], float] = time.monotonic,
        idle_s: Callable[[], float] | None = None,
    ) -> None:
        """Begin with nothing left out. processed: frames analysed and redacted so far, by camera."""
        self._metrics, self._share, self._processed, self._clock = metrics, share, processed, clock
        self._idle_s = idle_s or idle_seconds
        self._governor = Governor()
        self._frames: deque[tuple[float, dict[str, int]]] = deque()
        metrics.degrade_step.set(0)
        metrics.frame_share.set(1)

    @property
    def step(self) -> DegradeStep:
        """How far the box has stepped down."""
        return self._governor.step

    def check(self) -> bool:
        """Update the governor and apply its decision; return whether something changed."""
        now = self._clock()
        self._frames.append((now, dict(self._processed())))
        while len(self._frames) > 2 and now - self._frames[1][0] >= HEALTH_WINDOW_S:
            self._frames.popleft()
        if not self._governor.update(totals(self._metrics, now, self._idle_s())):
            return False
        share, step, load = self._governor.share, self._governor.step, self._governor.load
        self._share.value = share
        self._metrics.frame_share.set(share)
        self._metrics.degrade_step.set(step)
        if step is DegradeStep.NONE:
            logger.info("overload: over, everything is analysed again", extra=NEWS)
        else:
            logger.warning(
                "overload: %s: %d %% of each camera's frames are analysed (%d %% of them too late, latency"
                " %.1f s; %d %% of people below %d looks in %d s); lower fps, use sub-streams, or take a"
                " faster machine",
                TEXTS[step],
                100 * share,
                100 * load.frames_late,
                load.latency_s,
                100 * load.looks_missed,
                OWED_LOOKS,
                OWED_WITHIN_S,
            )
        return True

    def problems(self, live: Mapping[str, float]) -> list[str]:
        """Return what is below the stated floor. live: since when each live camera is, monotonic seconds."""
        frames = list(self._frames)
        found = []
        if len(frames) >= 2:
            (first, before), (last, after) = frames[0], frames[-1]
            for camera, since in live.items():
                fps = (after.get(camera, 0) - before.get(camera, 0)) / max(last - first, 1e-9)
                if last - first >= 0.9 * HEALTH_WINDOW_S and since <= first and fps < MIN_FPS:
                    found.append(f"camera {camera}: {fps:.1f} frames per second analysed, below {MIN_FPS:g}")
        latency_s = self._governor.load.latency_s
        if latency_s > MAX_LATENCY_S:
            found.append(f"frames are {latency_s:.0f} s old when they are published, above {MAX_LATENCY_S:g}")
        return found
