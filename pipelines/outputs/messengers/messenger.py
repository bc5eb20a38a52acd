"""Sends messages to one service in a thread of its own: a slow or dead one delays nothing else."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

CAPACITY = 32
TRIES = 3
PAUSE_S = 2.0
RESULTS = ("sent", "failed", "dropped", "expired")


class SendsMessages(Protocol):
    """What a messenger needs of a service."""

    @property
    def name(self) -> str:
        """The kind of service, for people."""

    def send(self, title: str, text: str, jpeg: bytes | None = None) -> str:
        """Send and wait; return why it failed, or ""."""


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """A message. expires_at: s of the messenger's clock. picture: makes a masked JPEG, may wait."""

    title: str
    text: str
    expires_at: float
    picture: Callable[[], bytes | None] | None = None


class Messenger:
    """A bounded queue and its thread; `put` never waits. A full queue drops its oldest message.

    open_service: called by the thread before the first message, for loading it takes a second. name: as in
    the store file. clock: monotonic s.
    """

    def __init__(
        self,
        name: str,
        open_service: Callable[[], SendsMessages],
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.name = name
        self._open, self._clock, self._pause_s = open_service, clock, pause_s
        # The children themselves: one that ends late must not bring removed series back.
        self._counters = {result: metrics.messenger_messages.labels(name, result) for result in RESULTS}
        self._queue: deque[OutgoingText] = deque()
        self._news = threading.Condition()
        self._stopping = threading.Event()
        self._service: SendsMessages | None = None
        self._outage = Outage(
            logger,
            f"messenger {name}: messages are not delivered",
            f"messenger {name}: messages are delivered again",
            level=logging.WARNING,
        )
        self._thread = threading.Thread(target=self._work, name=f"messenger-{name}", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, message: OutgoingText) -> None:
        """Take a message; never waits. After `end` it is dropped."""
        with self._news:
            if self._stopping.is_set():
                self._count("dropped")
                return
            if len(self._queue) >= CAPACITY:
                self._queue.popleft()
                self._count("dropped")
            self._queue.append(message)
            self._news.notify()

    def end(self) -> None:
        """Send no more; what waits is dropped. Does not wait."""
        self._stopping.set()
        with self._news:
            self._news.notify()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End and wait for the thread; one that hangs in its service is left behind."""
        self.end()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _count(self, result: str) -> None:
        self._counters[result].inc()

    def _work(self) -> None:
        while (message := self._next()) is not None:
            try:
                self._count(self._deliver(message))
            except Exception as error:  # noqa: BLE001 a fault of a service's plugin must not end all messages
                self._count("failed")
                self._outage.fail(type(error).__name__, cause=type(error).__name__)
        with self._news:
            for _ in self._queue:
                self._count("dropped")
            self._queue.clear()

    def _next(self) -> OutgoingText | None:
        with self._news:
            self._news.wait_for(lambda: bool(self._queue) or self._stopping.is_set())
            return None if self._stopping.is_set() else self._queue.popleft()

    def _deliver(self, message: OutgoingText) -> str:
        """Try to send a message some times; return the result to count."""
        for attempt in range(TRIES):
            if attempt and self._stopping.wait(self._pause_s):
                return "dropped"
            if self._clock() >= message.expires_at:
                return "expired"
            self._service = self._service or self._open()
            jpeg = message.picture() if message.picture is not None else None
            cause = self._service.send(message.title, message.text, jpeg)
            if not cause:
                self._outage.recover()
                return "sent"
            self._outage.fail(f"{self._service.name}: {cause}", cause=cause)
        return "failed"
