"""The legacy nvstreammux as a real element whose push loop runs in virtual time.

The rules are those of mux_timing, with adaptive batching; pads, buffers, events and the release of a pad are
GStreamer's own. Nothing is pushed but by `turn`, which the test calls as its clock moves.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any

from tests.fakes.batching import WAIT_S, Batcher, Gst
from tests.fakes.mux_timing import PAD_HOLDS

WORK_S = 0.002
"""What a push takes."""


class TimedBatcher(Batcher):
    """waited: delay of each frame through the mux, s. A buffer's pts is the time of its arrival, ns."""

    __gtype_name__ = "MshFakeTimedBatcher"

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []
        self.newest: dict[int, int] = {}
        self._queues: dict[int, deque[Any]] = defaultdict(deque)
        self._batch: dict[int, Any] = {}
        self._end: float | None = None
        self._busy_until, self._next_slot = 0.0, 0

    def turn(self, now: float) -> float | None:
        """Do all that the loop does by `now`, s; return when it wakes by itself, None: at the next frame."""
        while True:
            if now < self._busy_until:
                return self._busy_until
            got = self._round()
            if got and self._end is None:
                self._end = now + self.timeout_s
            full = bool(self._batch) and len(self._batch) >= self._size()
            if full or (self._batch and self._end is not None and now >= self._end):
                self._send(now)
            elif not got:
                return self._end

    def do_change_state(self, transition: Any) -> Any:
        if transition == Gst.StateChange.READY_TO_PAUSED:
            self._running, self._result = True, Gst.FlowReturn.OK
        if transition == Gst.StateChange.PAUSED_TO_READY:
            with self._change:
                self._running = False
                self._change.notify_all()
        return Gst.Element.do_change_state(self, transition)

    def _holds(self, slot: int) -> bool:
        return bool(self._queues[slot])

    def _take(self, pad: Any, slot: int, buffer: Any) -> Any:
        with self._change:
            while self._running and len(self._queues[slot]) >= PAD_HOLDS:
                self._change.wait(WAIT_S)
            if not self._running:
                return Gst.FlowReturn.FLUSHING
            self._queues[slot].append(buffer)
            self.newest[slot] = buffer.pts
            self._change.notify_all()
            return self._result

    def _size(self) -> int:
        drained = [slot for slot in self._by_slot if slot in self._ended and not self._queues[slot]]
        return max(1, len(self._by_slot) - len(drained))

    def _round(self) -> bool:
        """Take one frame of each pad that gave none to this batch; the round ends at a pad that did."""
        with self._change:
            slots = sorted(self._by_slot, key=lambda slot: (slot < self._next_slot, slot))
            got = False
            for slot in slots:
                if not self._queues[slot]:
                    continue
                if slot in self._batch:
                    self._next_slot = slot
                    break
                self._batch[slot] = self._queues[slot].popleft()
                got = True
            self._change.notify_all()
            return got

    def _send(self, now: float) -> None:
        batch, self._batch, self._end = self._batch, {}, None
        self._busy_until = now + WORK_S
        self.waited += [self._busy_until - buffer.pts / 1e9 for buffer in batch.values()]
        self._push(sorted((slot, (buffer, buffer.pts)) for slot, buffer in batch.items()))
