"""Sale events on their way to the broker: in order, and on disk until the spool has had time to take them."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipelines.sales.file import SaleFile

logger = logging.getLogger(__name__)

HANDED_OVER_NS = 60_000_000_000
"""So long an event stays in the file after the publisher took it: it may not be in the spool yet."""
MAX_IN_MEMORY = 4096
Row = tuple[int, dict[str, Any]]


class UnsentEvents:
    """A queue of MAX_IN_MEMORY events; further ones wait in the file and are read from there. One thread.

    Where the file cannot be written either, further events are dropped: the first is logged, each is passed
    to on_drop. send: takes a payload, False where there is no room now.
    """

    def __init__(
        self, file: SaleFile, send: Callable[[dict[str, Any]], bool], on_drop: Callable[[int], None]
    ) -> None:
        self._file, self._try_send, self._on_drop = file, send, on_drop
        self._queue: deque[Row] = deque(file.load_events(after=0, limit=MAX_IN_MEMORY))
        self._last = self._queue[-1][0] if self._queue else 0
        self._on_disk = max(0, file.count_events() - len(self._queue))
        self._handed: deque[tuple[int, int]] = deque()
        self._outage = Outage(
            logger,
            f"{MAX_IN_MEMORY} sale events wait and the disk takes no more: newer ones are dropped",
            "sale events are sent again",
        )

    def __len__(self) -> int:
        return len(self._queue) + self._on_disk

    def add(self, rows: Sequence[Row], *, saved: bool) -> None:
        """Take events. saved: whether they are in the file."""
        for row in rows:
            if not self._on_disk and len(self._queue) < MAX_IN_MEMORY:
                self._queue.append(row)
                self._last = row[0]
            elif saved:
                self._on_disk += 1
            else:
                self._on_drop(1)
                self._outage.fail("full")

    def send(self, at: int) -> None:
        """Send what the publisher takes; remove from the file what it took a minute ago. at: ns."""
        while self._queue or self._read():
            number, payload = self._queue[0]
            if not self._try_send(payload):
                break
            self._queue.popleft()
            self._handed.append((at, number))
            self._outage.recover()
        over = []
        while self._handed and not 0 <= at - self._handed[0][0] < HANDED_OVER_NS:
            over.append(self._handed.popleft()[1])
        if over:
            self._file.remove(over)

    def _read(self) -> bool:
        """Read further events from the file; return whether there were any."""
        if not self._on_disk:
            return False
        self._queue.extend(self._file.load_events(after=self._last, limit=MAX_IN_MEMORY))
        if not self._queue:  # the file was damaged and moved aside
            self._on_drop(self._on_disk)
            self._on_disk = 0
            return False
        self._on_disk = max(0, self._on_disk - len(self._queue))
        self._last = self._queue[-1][0]
        return True
