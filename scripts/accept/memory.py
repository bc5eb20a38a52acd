"""Whether memory grows while the program runs."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from scripts.check_result import CheckResult, fail, ok

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_SHARE, MAX_MB = 0.05, 48.0
"""Growth between the second and the last quarter that is no leak: the larger of the two."""


def judge(result: Mapping[str, Any], seconds: float) -> CheckResult:
    """Judge what a run that should last so long was found to need, of the program's memory and the card's.

    The first quarter is warm-up.
    """
    if "error" in result:
        return fail("memory", f"the run ended: {result['error']}", "send the report to the maintainer")
    own = [(at, mb) for at, _, mb in result["samples"]]
    if len(own) < 8 or own[-1][0] < 0.9 * seconds:
        ended = own[-1][0] if own else 0
        return fail("memory", f"the run ended after {ended:.0f} of {seconds:.0f} s")
    card = result.get("gpu_samples", ())
    early, late = _ends([mb for _, mb in own])
    text = f"{early:.0f} MB to {late:.0f} MB in {seconds / 60:.0f} minutes"
    data: dict[str, Any] = {"early_mb": round(early, 1), "late_mb": round(late, 1)}
    grows = _grows(early, late)
    if len(card) < 8:
        text += "; a card's memory could not be read"
    else:
        early, late = _ends([mb for _, mb in card])
        text += f"; the card's {early:.0f} MB to {late:.0f} MB"
        data |= {"gpu_early_mb": round(early, 1), "gpu_late_mb": round(late, 1)}
        grows = grows or _grows(early, late)
    if grows:
        return fail("memory", f"it grows: {text}", "send the report to the maintainer", **data)
    return ok("memory", text, **data)


def _ends(samples: Sequence[float]) -> tuple[float, float]:
    quarter = len(samples) // 4
    return median(samples[quarter : 2 * quarter]), median(samples[-quarter:])


def _grows(early: float, late: float) -> bool:
    return late - early > max(MAX_SHARE * early, MAX_MB)
