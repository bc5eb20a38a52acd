"""A box of two cores as a model: cameras, inference, one look worker, and the product's policies between.

What each thing costs is CPU time as measured on two AMD cores (docs/benchmarks.md); the cores are shared out
as Linux does by niceness.
"""

from __future__ import annotations

import math
from functools import partial

from pipelines.cameras.clocks import FrameRateLimit
from pipelines.cameras.latest import LatestPerCamera
from pipelines.cameras.throttle import DecodeGate, Throttle, Unit
from pipelines.cpu.inference import BATCH
from pipelines.governor import Governor
from pipelines.load_reading import Totals
from pipelines.turns import Turns
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.recognition.look_scheduler import LookRoom, LookScheduler, RateLimits
from probes.recognition.look_workers import NICE

CORES = 2.0
DECODE_S, DETECT_S, LOOK_S = 0.005, 0.19, 0.264
TICK_S = 0.01
CONFIRM, LOST_S, WALK_LOST_S = 3, 2.0, 0.55
"""Frames in a row from which a person is followed, and the gap after which no more; of one who walks."""
LOOK_WEIGHT = 1.25**-NICE


class SmallBox:
    """Runs for so many seconds; then `checks` and `latencies` tell of the time since `forget`.

    people: in view of each camera, who stay for stay_s and are followed by others. walks: whether they are
    lost where a camera is looked at less than twice a second. on_gpu: as with DeepStream: decoding costs
    nothing and is not left out, and the idle time that is told is that of CPU cores, which do little.
    """

    def __init__(
        self,
        cameras: int,
        fps: int,
        people: int,
        stay_s: float = 60.0,
        cores: float = CORES,
        *,
        walks: bool = False,
        on_gpu: bool = False,
    ) -> None:
        self.cameras, self._fps = [f"c{n}" for n in range(cameras)], fps
        self._on_gpu = on_gpu
        self._people, self._stay_s, self._cores = people, stay_s, cores
        self._lost_s = WALK_LOST_S if walks else LOST_S
        self._persons = self._followed = 0
        self.governor, self.throttle, self._turns = Governor(), Throttle(), Turns()
        self.now = self._busy_s = 0.0
        self.checks: list[bool] = []
        self.latencies: list[float] = []
        self._owed = [0, 0]
        self._dropped = self._done = self._looked = 0
        self._latency_s = self._idle_s = 0.0
        self._newest = LatestPerCamera[tuple[str, float]](self._drop)
        self._looks = LookScheduler(RateLimits(), on_owed=self._check)
        self._gates = {c: DecodeGate(partial(self.throttle.part_of, c)) for c in self.cameras}
        self._limits = {c: self._limit(c) for c in self.cameras}
        self._sent = {c: 3 * n for n, c in enumerate(self.cameras)}
        self._decoding: dict[str, list[list[float]]] = {c: [] for c in self.cameras}
        self._inference: list[tuple[list[float], list[tuple[str, float]]]] = []
        self._waiting = 0
        self._look: list[float] = []
        self._mean_s = 0.0
        self._seen: dict[tuple[str, int, int], tuple[float, int]] = {}

    def _limit(self, camera: str) -> FrameRateLimit:
        share = partial(self.throttle.share_of, camera)
        return FrameRateLimit(self._fps, share, lambda: self.throttle.slowest_s)

    def forget(self) -> None:
        """Begin to measure."""
        self.checks, self.latencies = [], []

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / TICK_S)):
            before, self.now = self.now, self.now + TICK_S
            self._send()
            while len(self._inference) < 2 and (batch := self._newest.take(0, BATCH)):
                self._inference.append(([DETECT_S * len(batch)], batch))
            self._begin_look()
            self._work(self._shares())
            if int(self.now) > int(before):
                self._govern()

    def _send(self) -> None:
        for camera in self.cameras:
            if self._sent[camera] < int(self.now * self._fps):
                self._sent[camera] += 1
                unit = Unit.KEY if self._sent[camera] % self._fps == 0 else Unit.REFERENCED
                if self._gates[camera].passes(unit, self.now):
                    self._decoding[camera].append([0.0 if self._on_gpu else DECODE_S, self.now])

    def _shares(self) -> dict[str, float]:
        """Return the cores that each task gets; inference has two threads, the others one."""
        tasks = {c: (1.0, 1.0) for c in self.cameras if self._decoding[c]}
        tasks |= {"inference": (2.0, 2.0)} if self._inference else {}
        tasks |= {"look": (LOOK_WEIGHT, 1.0)} if self._look else {}
        left, shares = self._cores, dict[str, float]()
        while tasks:
            whole = sum(weight for weight, _ in tasks.values())
            full = {name: most for name, (weight, most) in tasks.items() if left * weight >= most * whole}
            if not full:
                shares |= {name: left * weight / whole for name, (weight, _) in tasks.items()}
                break
            shares |= full
            left -= sum(full.values())
            tasks = {name: task for name, task in tasks.items() if name not in full}
        self._idle_s += (1 - sum(shares.values()) / self._cores) * TICK_S
        return shares

    def _work(self, shares: dict[str, float]) -> None:
        for camera, pictures in self._decoding.items():
            if pictures and _spend(pictures[0], shares[camera]):
                _, sent = pictures.pop(0)
                if self._limits[camera].passes(self.now):
                    self._newest.put(camera, (camera, sent))
        if self._inference and _spend(self._inference[0][0], shares["inference"]):
            for camera, sent in self._inference.pop(0)[1]:
                self._publish(camera, sent)
        if self._look and _spend(self._look, shares.get("look", 0.0)):
            took = self.now - self._look[1]
            self._mean_s = took if not self._mean_s else 0.7 * self._mean_s + 0.3 * took
            self._look = []
            self._looked += 1

    def _publish(self, camera: str, sent: float) -> None:
        self._done += 1
        self._latency_s += self.now - sent
        self.latencies.append(self.now - sent)
        found = []
        for place in range(self._people):
            number = int((sent + place * self._stay_s / self._people) / self._stay_s)
            key = camera, place, number
            last, hits = self._seen.get(key, (sent, 0))
            hits = hits + 1 if sent - last <= self._lost_s else 1
            self._seen[key] = sent, hits
            track = TrackId(camera, "s", 1000 * place + number) if hits >= CONFIRM else None
            self._persons, self._followed = self._persons + 1, self._followed + (track is not None)
            found.append(Detection(Kind.PERSON, "person", 0.9, Box(300 * place, 100, 120, 400), track))
        at = int((1000 + sent) * 1e9)
        room = LookRoom(
            max(0, 1 - self._waiting),
            not self._waiting and not self._look,
            1 / self._mean_s if self._mean_s else math.inf,
            self._waiting,
        )
        self._waiting += len(self._looks.pick(Frame(camera, at, (1280, 720), tuple(found)), None, room))
        self._begin_look()

    def _begin_look(self) -> None:
        if not self._look and self._waiting:
            self._waiting -= 1
            self._look = [LOOK_S, self.now]

    def _govern(self) -> None:
        totals = Totals(
            self.now,
            self._done,
            self._dropped,
            sum(self._owed),
            self._owed[0],
            self._latency_s,
            0.8 * self.now if self._on_gpu else self._idle_s,
            self._looked,
            self._persons,
            self._followed,
        )
        self.governor.update(totals, len(self.cameras), fps=self._fps, skips_decoding=not self._on_gpu)
        self.throttle.slowest_s = self.governor.slowest_s
        self.throttle.share, self.throttle.part = self.governor.share, self.governor.part
        alike, people = dict.fromkeys(self.cameras, 1), dict.fromkeys(self.cameras, self._people)
        self.throttle.suspended = frozenset(
            self._turns.choose(self.now, alike, self.governor.suspended, people)
        )

    def _drop(self, _camera: str, reason: str) -> None:
        self._dropped += reason == "superseded"

    def _check(self, met: bool) -> None:
        self._owed[met] += 1
        self.checks.append(met)


def _spend(work: list[float], share: float) -> bool:
    """Work for a tick; return whether it is done."""
    work[0] -= share * TICK_S
    return work[0] <= 0
