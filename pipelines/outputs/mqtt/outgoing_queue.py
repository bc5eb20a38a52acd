"""The queue between the threads that publish and the one that sends."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from probes.events.messages import MessageKind, moved_in_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.events.messages import Message


URGENT = (MessageKind.ENDED, MessageKind.NOTIFY, MessageKind.SALE)


class OutgoingQueue:
    """A bounded queue of messages beside notes of what the link saw; neither ever blocks.

    on_drop: called with the kind of each message for which there was no room: the oldest update, or,
    where none waits, the new message.
    """

    def __init__(self, capacity: int, on_drop: Callable[[MessageKind], None]) -> None:
        self._capacity = capacity
        self._on_drop = on_drop
        self._lock = threading.Lock()
        self._wake, self._urgent = threading.Event(), threading.Event()
        self._messages: deque[tuple[Message, int]] = deque()  # with the steps of the clock until it was put
        self._steps = 0
        self._notes: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Message) -> bool:
        """Take a message; False where it was dropped."""
        dropped = None
        with self._lock:
            if len(self._messages) >= self._capacity:
                dropped = self._give_up(message)
            if dropped is not message:
                self._messages.append((message, self._steps))
        if message.kind in URGENT:
            self._urgent.set()
        self._wake.set()
        if dropped is not None:
            self._on_drop(dropped.kind)
        return dropped is not message

    def call_soon(self, what: Callable[[], None]) -> None:
        """Leave a note, to be called by the taker."""
        with self._lock:
            self._notes.append(what)
        self._wake.set()

    def clock_set(self, step: int, what: Callable[[], None]) -> None:
        """Note that the clock was set by so many ns, and leave a note to be called by the taker.

        The times of all that waits are corrected when it is taken: not here, where a caller would wait.
        """
        with self._lock:
            self._steps += step
            self._notes.append(what)
        self._wake.set()

    def wake(self) -> None:
        """Have the taker look around."""
        self._urgent.set()
        self._wake.set()

    def rest(self, timeout_s: float) -> None:
        """Wait, unless there is a message that must not be lost; the taker calls it between two `take`."""
        self._urgent.wait(timeout_s)

    def take(self, timeout_s: float) -> tuple[list[Callable[[], None]], list[Message]]:
        """Return all notes and messages, after waiting for any at most timeout_s."""
        self._wake.wait(timeout_s)
        self._wake.clear()
        self._urgent.clear()
        with self._lock:
            notes, messages, steps = list(self._notes), list(self._messages), self._steps
            self._notes.clear()
            self._messages.clear()
        return notes, [_moved(message, steps - before) for message, before in messages]

    def _give_up(self, message: Message) -> Message:
        if message.kind is not MessageKind.UPDATED:
            for at, (waiting, _) in enumerate(self._messages):
                if waiting.kind is MessageKind.UPDATED:
                    del self._messages[at]
                    return waiting
        return message


def _moved(message: Message, step: int) -> Message:
    """Return a message with `step` ns added to its times; only to its expiry where it has no good ones."""
    if not step:
        return message
    expires_at = None if message.expires_at is None else message.expires_at + step
    try:
        payload = moved_in_time(message.payload, step)
    except (ValueError, TypeError):
        payload = message.payload
    return replace(message, payload=payload, expires_at=expires_at)
