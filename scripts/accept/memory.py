"""Whether memory grows while the program runs."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from scripts.check_result import CheckResult, fail, ok

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_SHARE, MAX_MB = 0.05, 48.0
"""Growth between the second and the last quarter that is no leak: the larger of the two."""


def judge(samples: Sequence[tuple[float, float]], seconds: float) -> CheckResult:
    """Judge samples of (s, MB) over a run that should last so long. The first quarter is warm-up."""
    if len(samples) < 8 or samples[-1][0] < 0.9 * seconds:
        ended = samples[-1][0] if samples else 0
        return fail("memory", f"the run ended after {ended:.0f} of {seconds:.0f} s")
    quarter = len(samples) // 4
    early = median(mb for _, mb in samples[quarter : 2 * quarter])
    late = median(mb for _, mb in samples[-quarter:])
    grown = late - early
    text = f"{early:.0f} MB to {late:.0f} MB in {seconds / 60:.0f} minutes"
    data: dict[str, Any] = {"early_mb": round(early, 1), "late_mb": round(late, 1)}
    if grown > max(MAX_SHARE * early, MAX_MB):
        return fail("memory", f"it grows: {text}", "send the report to the maintainer", **data)
    return ok("memory", text, **data)
