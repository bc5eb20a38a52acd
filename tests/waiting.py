"""Waiting in tests: for what must happen, never for a number of seconds."""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_for(condition: Callable[[], Any], timeout_s: float = 120, *, every_s: float = 0.01) -> Any:
    """Return the first true value of condition. Fails after timeout_s and says what was waited for.

    every_s: how often it is asked at first; up to ten times as long later, for asking costs time too.
    """
    deadline, pause_s = time.monotonic() + timeout_s, every_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s for: {source_of(condition)}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.2, 10 * every_s)
    return value


def source_of(condition: Callable[[], Any]) -> str:
    """Return how a condition is written, in one line."""
    try:
        return " ".join(inspect.getsource(condition).split())
    except (OSError, TypeError):
        return repr(condition)
