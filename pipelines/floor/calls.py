"""Work for the thread that keeps the floor, brought by another one that waits for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WAIT_S = 60.0
"""On a machine that is far too slow one round of the floor's thread took more than ten seconds."""


@dataclass(eq=False, slots=True)
class _Call:
    work: Callable[[], None]
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class FloorCalls:
    """`call` from any thread, `run` in the floor's own. wake: has that thread come round soon.

    >>> calls = FloorCalls()
    >>> calls.call(lambda: print("done"), running=False)
    done
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: list[_Call] = []

    def call(self, work: Callable[[], None], *, running: bool, timeout_s: float = WAIT_S) -> None:
        """Run `work` on the floor's thread and wait; raises what it raises, TimeoutError if begun too late.

        running: whether the floor's thread runs; where it does not, the work is done here.
        """
        if not running:
            work()
            return
        call = _Call(work)
        with self._lock:
            self._waiting.append(call)
        self._wake()
        if not call.done.wait(timeout_s):
            with self._lock:
                if call in self._waiting:
                    self._waiting.remove(call)
                    raise TimeoutError("the thread that keeps the floor does not answer")
            call.done.wait()  # it has begun; it is short
        if call.error is not None:
            raise call.error

    def run(self) -> None:
        """Do what waits."""
        while self._waiting:
            with self._lock:
                if not self._waiting:  # whoever waited has just given up
                    return
                call = self._waiting.pop(0)
            try:
                call.work()
            except BaseException as error:  # noqa: BLE001 it is raised where the call was made
                call.error = error
            call.done.set()
