"""Signals while a command is still being loaded: Ctrl-C and SIGTERM end it there and then, without a word."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from scripts.orders import heed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def heed_orders(argv: Sequence[str]) -> None:
    """Have signals mean what they mean later, until a command has handlers of its own.

    argv: with the program. SIGTERM ends the first process of a container, too. The kernel keeps from process
    1 what it has no handler for: `docker stop` while the store was starting was lost, the store started all
    the same, and was killed after the time that a stop may take. SIGHUP ends no store that is only starting:
    it has the store file read once it can be.
    """
    if argv[1:2] == ["run"]:
        heed(signal.SIGHUP)
    if os.getpid() == 1 and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, _frame: object) -> NoReturn:
    os._exit(128 + number)


@contextmanager
def ends_at_once() -> Iterator[None]:
    """Let SIGINT end this process meanwhile, as it ends programs that do not ask for it.

    Nothing has begun that would have to be ended in order; a traceback would name whichever module was
    loading. Who hears or ignores the signal already goes on to do so.
    """
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not heard or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def was_interrupted(error: BaseException | None) -> bool:
    """Return whether an error came of Ctrl-C: a module in C makes an ImportError of it while it loads."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
