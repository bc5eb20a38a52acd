"""What signals order a running program to do: noted whenever they come, done one after another."""

from __future__ import annotations

import contextlib
import queue
import signal
from typing import Final

_orders: Final[queue.SimpleQueue[int]] = queue.SimpleQueue()
"""No Event: its lock may be held by the very thread that a signal interrupts, which then waits for ever."""


def heed(*numbers: int) -> None:
    """Have these signals noted for `next_order` from now on; in the main thread."""
    for number in numbers:
        signal.signal(number, _note)


def next_order(timeout_s: float) -> int | None:
    """Return the next signal that came, waiting for it; None where none has come by then."""
    try:
        return _orders.get(timeout=timeout_s)
    except queue.Empty:
        return None


def forget_orders() -> None:
    """Forget what came and was not asked for."""
    with contextlib.suppress(queue.Empty):
        while True:
            _orders.get_nowait()


def _note(number: int, _frame: object) -> None:
    _orders.put(number)
