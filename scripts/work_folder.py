"""A folder for the files of one run of a command. It goes with the run, also where a signal ends that."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def work_folder(name: str) -> Iterator[str]:
    """Make a folder `msh-NAME-...` where the system keeps such. Only for the main thread of a command."""
    with signals_unwind(), TemporaryDirectory(prefix=f"msh-{name}-") as folder:
        yield folder


@contextmanager
def signals_unwind() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise SystemExit meanwhile, as Ctrl-C raises KeyboardInterrupt.

    Main thread only. By themselves they end a process without a clean-up. One that is ignored stays so: under
    nohup a run outlives its terminal.
    """
    heeded = [number for number in ENDS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _end) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: object) -> NoReturn:
    for other in ENDS:  # a second one must not end the clean-up
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + number)
