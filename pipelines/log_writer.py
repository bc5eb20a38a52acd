"""Writes log lines in a thread of its own: nobody waits for whoever reads the log."""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO

MAX_LINES: Final = 2000
"""Lines that may wait. A reader that stands still (a terminal held by Ctrl-S, a pager) costs later lines."""
DRAIN_S: Final = 1.0
AGAIN_S: Final = 0.1


class BehindHandler(logging.Handler):
    """Takes a line and returns at once; what cannot be written is left out and counted, in the log itself.

    A pipe holds 64 KB: whoever wrote the line after that would stand still, with all other threads that log.
    """

    def __init__(self, stream: TextIO, max_lines: int = MAX_LINES) -> None:
        super().__init__()
        self._stream, self._max_lines = stream, max_lines
        try:
            self._descriptor: int | None = stream.fileno()
        except (OSError, io.UnsupportedOperation):
            self._descriptor = None
        self._lines: deque[str | int] = deque()  # a number: so many lines were left out there
        self._changed = threading.Condition()
        self._lost, self._is_writing, self._is_line_open = 0, False, False
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Have the record written soon."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 as logging's own handlers do: whoever logs is not disturbed
            self.handleError(record)
            return
        with self._changed:
            if len(self._lines) >= self._max_lines:
                last = self._lines[-1]
                if isinstance(last, int):
                    self._lines[-1] = last + 1
                else:
                    self._lines.append(1)
                return
            self._lines.append(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all is written, for DRAIN_S at most."""
        until = time.monotonic() + DRAIN_S
        with self._changed:
            self._changed.wait_for(lambda: not self._lines and not self._is_writing, until - time.monotonic())

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._lines)
                self._is_writing = True
                line = self._lines.popleft()
            self._write_line(line)

    def _write_line(self, line: str | int) -> None:
        """Write a line, or how many were left out here, after how many the disk did not take before it."""
        missing = self._lost + (line if isinstance(line, int) else 0)
        text = f"{self._note(missing)}\n" if missing else ""
        if isinstance(line, str):
            missing += 1
            text += f"{line}\n"
        self._lost = 0 if self._write(text) else missing

    def _note(self, left_out: int) -> str:
        text = f"{left_out} lines of the log were left out here: nobody took them"
        return self.format(logging.LogRecord("msh", logging.WARNING, "", 0, text, None, None))

    def _write(self, text: str) -> bool:
        """Return whether all was written."""
        if self._descriptor is None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):
                return False
            return True
        # Past the stream's own buffer, whose lock would be held for ever where the reader stands still.
        data = memoryview(("\n" * self._is_line_open + text).encode("utf-8", "backslashreplace"))
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
                self._is_line_open = bool(data)
            except BlockingIOError:
                time.sleep(AGAIN_S)
            except OSError:  # the disk is full, or the reader is gone: there is nobody to tell
                return False
        return True
