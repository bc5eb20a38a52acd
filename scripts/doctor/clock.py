"""Checks of this machine's clock: whether it is right, and who sets it."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scripts.check_result import fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.check_result import CheckResult

RELEASED_AT: Final = 1_767_225_600
"""UTC seconds of a day before this release was made, 1 January 2026: no clock that is right shows less."""
_STA_UNSYNC: Final = 0x0040
_TIME_ERROR: Final = 5
_SOURCES: Final = {
    "chrony": ("run/chrony", "run/chronyd.pid"),
    "systemd-timesyncd": ("run/systemd/timesync",),
    "ntpsec": ("run/ntpd.pid", "run/ntpsec"),
    "ptp4l": ("run/ptp4l",),
}
_SYNCED: Final = "run/systemd/timesync/synchronized"


class KernelClock(ctypes.Structure):
    """`struct timex` of adjtimex(2), as far as it is read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("_rest", ctypes.c_byte * 256),
    )


def kernel_clock() -> tuple[bool, float] | None:
    """Return whether a time source keeps the kernel's clock, and its largest error in s; None: unknown."""
    state = KernelClock()
    try:
        result = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):
        return None
    if result < 0:
        return None
    return result != _TIME_ERROR and not state.status & _STA_UNSYNC, state.maxerror / 1e6


def look_at_clock(
    root: Path = Path("/"),
    now: float | None = None,
    ask: Callable[[], tuple[bool, float] | None] = kernel_clock,
) -> CheckResult:
    """Return one check. root: of the file system; now: UTC s; ask: as `kernel_clock`."""
    at, state = time.time() if now is None else now, ask()
    source = next((n for n, paths in _SOURCES.items() if any((root / p).exists() for p in paths)), None)
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
    named = f"kept by {source}" if source else "no time service is seen"
    mend = "apt-get install chrony (or systemd-timesyncd), and let UDP 123 to a time server through"
    if at < RELEASED_AT:
        return fail("clock", f"{shown} is before this release was made", f"set the clock; {mend}")
    if (root / _SYNCED).exists() or (state is not None and state[0]):
        within = f", right within {state[1]:.3f} s" if state is not None and state[0] else ""
        return ok("clock", f"{shown}, {named if source else 'kept in step'}{within}")
    if state is None and source:
        return ok("clock", f"{shown}, {named}; the kernel does not say how well")
    return warn("clock", f"{shown}, {named}, in step with no time server", mend)
