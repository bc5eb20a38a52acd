"""The push loop of the legacy nvstreammux in virtual time, written from its public source (9.2).

Rules: the time-out starts when the first frame of a batch is collected; a pad gives its share of the batch,
one frame a round; without adaptive batching the batch has a place for every slot, with it for every requested
pad; a pad at EOS with an empty queue is not waited for; while no camera sends, nothing is pushed and nothing
runs out. Before each pad stands a leaky queue of two frames; a pad holds eleven.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

PAD_HOLDS = 11
NEWEST_HOLDS = 2


@dataclass
class Camera:
    """frames: times of arrival in s, rising. pads: spans (from, to) in which its pad is requested."""

    frames: list[float]
    pads: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, float("inf"))])
    eos: float = float("inf")


@dataclass
class Pushed:
    """One frame as it left. waited: s from its arrival; batch: number of frames pushed with it."""

    camera: int
    arrived: float
    waited: float
    batch: int


class MuxTiming:
    """One run. timeout_s: batched-push-timeout; slots: batch-size; work_s: what a push takes."""

    def __init__(
        self, cameras: list[Camera], *, slots: int, timeout_s: float, adaptive: bool, work_s: float = 0.002
    ) -> None:
        self._cameras, self._slots, self._timeout = cameras, slots, timeout_s
        self._adaptive, self._work = adaptive, work_s
        self._arrivals = heapq.merge(*([(at, n) for at in c.frames] for n, c in enumerate(cameras)))
        self._next = next(self._arrivals, None)
        self._newest: list[deque[float]] = [deque() for _ in cameras]
        self._queues: list[deque[float]] = [deque() for _ in cameras]
        self._first, self.now = 0, 0.0
        self.pushed: list[Pushed] = []
        self.lost = 0

    def run(self) -> list[Pushed]:
        while self._next is not None or any(self._queues):
            batch = self._collect_batch()
            if not batch:
                break
            self._let_in(self.now + self._work)
            self.now += self._work
            self.pushed += [Pushed(n, at, self.now - at, len(batch)) for n, at in batch]
        return self.pushed

    def _collect_batch(self) -> list[tuple[int, float]]:
        batch: list[tuple[int, float]] = []
        gave = [0] * len(self._cameras)
        end: float | None = None
        while True:
            self._let_in(self.now)
            got = self._round(batch, gave)
            size = self._batch_size()
            timed_out = bool(got and end is not None and self.now > end)
            if got and end is None:
                end = self.now + self._timeout
            ended = sum(self._drained(n) for n in self._present())
            if len(batch) >= size or (batch and (timed_out or len(batch) >= size - ended)):
                return batch
            if got:
                continue
            wakes = [
                at for at in (self._next[0] if self._next else None, end if batch else None) if at is not None
            ]
            if not wakes:
                return batch
            self.now = max(self.now, min(wakes))
            if end is not None and self.now >= end and batch:
                return batch

    def _round(self, batch: list[tuple[int, float]], gave: list[int]) -> bool:
        """Go round the pads once from where the last round ended; tell whether anything came."""
        present = self._present()
        share = max(1, self._batch_size() // max(1, sum(not self._drained(n) for n in present)))
        got, count = False, len(self._cameras)
        for step in range(count):
            n = (self._first + step) % count
            if n not in present or not self._queues[n] or len(batch) >= self._batch_size():
                continue
            if gave[n] >= share:
                self._first = n
                break
            batch.append((n, self._queues[n].popleft()))
            gave[n] += 1
            got = True
            self._refill(n)
        return got

    def _batch_size(self) -> int:
        if not self._adaptive:
            return self._slots
        return max(1, min(self._slots, sum(not self._drained(n) for n in self._present())))

    def _present(self) -> list[int]:
        return [n for n, c in enumerate(self._cameras) if any(a <= self.now < b for a, b in c.pads)]

    def _drained(self, n: int) -> bool:
        return self._cameras[n].eos <= self.now and not self._queues[n]

    def _let_in(self, until: float) -> None:
        while self._next is not None and self._next[0] <= until:
            at, n = self._next
            self._newest[n].append(at)
            if len(self._newest[n]) > NEWEST_HOLDS:
                self._newest[n].popleft()
                self.lost += 1
            self._refill(n)
            self._next = next(self._arrivals, None)

    def _refill(self, n: int) -> None:
        while self._newest[n] and len(self._queues[n]) < PAD_HOLDS:
            self._queues[n].append(self._newest[n].popleft())


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
