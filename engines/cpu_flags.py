"""What the CPU of this machine can do, and in which arithmetic it is quick."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

VNNI: Final = frozenset({"avx512_vnni", "avx_vnni"})
"""Each multiplies 8 bit numbers and adds them up in one instruction: desktops and servers of Intel from 2020
on, most of them without bf16, and of AMD from Zen 4 on."""
AMX: Final = "amx_bf16"


@cache
def cpu_flags() -> str:
    """Return the line of the system that lists what this CPU can do; empty where it says nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def is_quick_in_int8(flags: str) -> bool:
    """Return whether 8 bits are the quickest arithmetic of a CPU with these flags.

    With AMX bf16 is: persons take as long in it as in 8 bits, faces two thirds. Without VNNI 8 bits take as
    long as fp32 (docs/decisions-measured.md).

    >>> is_quick_in_int8("flags : avx2 avx_vnni"), is_quick_in_int8("flags : avx2")
    (True, False)
    """
    found = set(flags.split())
    return bool(found & VNNI) and AMX not in found
