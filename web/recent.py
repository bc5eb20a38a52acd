"""The newest log lines that matter to a person, for the page."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any

from pipelines.printable import printable, printable_lines
from probes.events.messages import rfc3339

MAX_LINES = 50
AGAIN_S = 60.0
"""A line that comes again so soon takes the place of the earlier one, whatever stands between them."""


class Recent(logging.Handler):
    """A handler that keeps the last 50; give it the filters that keep secrets out."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[tuple[float, dict[str, object]]] = deque(maxlen=MAX_LINES)
        self._lock = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep warnings, errors and what was logged with `extra=news(...)`; a repeated line once."""
        if record.levelno < logging.WARNING and not hasattr(record, "news"):
            return
        level = "info" if record.levelno < logging.WARNING else "warning"
        line: dict[str, object] = {
            "at": rfc3339(int(record.created * 1e9)),
            "level": "error" if record.levelno >= logging.ERROR else level,
            "text": printable_lines(record.getMessage())[:500],
            "cause": _printable(getattr(record, "news", None)),
        }
        now = time.monotonic()
        with self._lock:
            # Two cameras whose frames are withheld by turns would else push all other news out in seconds.
            again = [one for one in self._lines if one[1]["text"] == line["text"] and now - one[0] < AGAIN_S]
            if again:
                self._lines.remove(again[-1])
            elif self._lines and self._lines[-1][1]["text"] == line["text"]:
                self._lines.pop()
            self._lines.append((now, line))

    def newest_first(self) -> list[dict[str, object]]:
        """Return the kept lines."""
        with self._lock:
            return [line for _, line in reversed(self._lines)]


def _printable(told: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what a line tells with its values fit to be shown: names of files may hold any bytes."""
    if told is None:
        return None
    values = {n: printable(one) if isinstance(one, str) else one for n, one in told["values"].items()}
    return {**told, "values": values}
