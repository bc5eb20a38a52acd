"""Writes log lines in a thread of its own: nobody waits for whoever reads the log."""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from collections import deque
from contextlib import suppress
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
        self._lines: deque[str] = deque()
        self._changed = threading.Condition()
        self._left_out, self._is_writing = 0, False
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
                self._left_out += 1
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
                text = f"{self._lines.popleft()}\n"
                left_out, self._left_out = self._left_out, 0
            if left_out:
                text += f"{self._note(left_out)}\n"
            self._write(text)

    def _note(self, left_out: int) -> str:
        text = f"{left_out} lines of the log were left out: nobody took them"
        return self.format(logging.LogRecord("msh", logging.WARNING, "", 0, text, None, None))

    def _write(self, text: str) -> None:
        if self._descriptor is None:
            with suppress(OSError, ValueError):
                self._stream.write(text)
                self._stream.flush()
            return
        # Past the stream's own buffer, whose lock would be held for ever where the reader stands still.
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                time.sleep(AGAIN_S)
            except OSError:  # the disk is full, or the reader is gone: there is nobody to tell
                return
