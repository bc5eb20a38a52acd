"""The times of a desk in its file: UTC, for the clock of the next run has another beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIRST_NS = 1_577_836_800_000_000_000
"""2020: an earlier time is that of a box whose clock was never set."""


def to_utc(state: Mapping[str, Any], utc: Callable[[int], int]) -> dict[str, Any]:
    """Return a desk's snapshot for the file. utc: what the desk's clock tells as UTC, ns."""
    return _changed(state, utc)


def from_utc(state: Mapping[str, Any], now: int, utc: Callable[[int], int]) -> dict[str, Any]:
    """Return what `to_utc` gave by the desk's clock of this run, which shows `now`.

    A time that is still to come, or one before any box ran where today is later, was written by a clock that
    was wrong, or this one is: it counts as now. Else what is open would never end, or at once.
    """
    later = utc(now) - now

    def changed(at: int) -> int:
        never_set = at < FIRST_NS <= utc(now)
        return now if never_set else min(at - later, now)

    return _changed(state, changed)


def _changed(state: Mapping[str, Any], change: Callable[[int], int]) -> dict[str, Any]:
    found = dict(state)
    for part, key in (("staff", "since"), ("people", "since"), ("offers", "at")):
        # 0: a salesperson who has said nothing yet
        found[part] = {
            name: {**one, key: change(one[key]) if one[key] else 0} for name, one in state[part].items()
        }
    if load := state.get("load"):
        found["load"] = {**load, "at": change(load["at"])}
    return found
