"""Whether the program works now: what health checks, the page and the logs ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the program works now, and if not, short reasons for an operator.

    stuck: whether starting the program again may mend one of them.
    """

    ok: bool
    reasons: tuple[str, ...] = ()
    stuck: bool = False
