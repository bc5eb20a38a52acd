"""What a soak proves: figures of its quiet moments, and whether they stay where they were."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Final

from scripts.check_result import CheckResult, fail, ok

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEMORY_SHARE: Final = 0.05
SPARE: Final = 3
"""Descriptors and threads that may be more at the end: an answer that is under way."""
WARM_UP: Final = 0.25
WARM_UP_S: Final = 180.0
"""Share and time until models, their caches and the allocator's arenas are as large as they get."""
TAKEN_UP: Final = ("applied", "unchanged")
MIN_MOMENTS: Final = 4


@dataclass(frozen=True, slots=True)
class QuietMoment:
    """What it is like while no viewer is there and every camera plays. at_s: since the begin."""

    at_s: float
    descriptors: float
    threads: float
    memory_mb: float
    healthy: bool
    connects: float
    """Connections of the cameras that are left alone."""


def quiet_moment(samples: Sequence[QuietMoment]) -> QuietMoment:
    """Return the last of some samples of one quiet time, with the least memory of all, in MB.

    A look at work holds up to 140 MB for seconds, also while nobody watches; what stays is left between.
    """
    return replace(samples[-1], memory_mb=min(sample.memory_mb for sample in samples))


def verdicts(
    moments: Sequence[QuietMoment], done: Mapping[str, int], reloads: Mapping[str, int], log: Sequence[str]
) -> list[CheckResult]:
    """Judge a soak. done: actor -> how often; reloads: result -> how often; log: lines of the store's log."""
    begin = max(WARM_UP_S, WARM_UP * moments[-1].at_s) if moments else 0.0
    settled = [moment for moment in moments if moment.at_s >= begin]
    if len(settled) < MIN_MOMENTS:
        return [fail("soak", f"too short: {len(settled)} quiet moments after warm-up", "let it run longer")]
    half = len(settled) // 2
    early, late = settled[:half], settled[-half:]
    leak = "it leaks: send this table and the log to the maintainers"
    found = []
    for name, field in (("descriptors", "descriptors"), ("threads", "threads")):
        before, after = (median(getattr(m, field) for m in part) for part in (early, late))
        text = f"{before:.0f} to {after:.0f}"
        found.append(ok(name, text) if after - before <= SPARE else fail(name, text, leak))
    before, after = (median(m.memory_mb for m in part) for part in (early, late))
    text = f"{before:.0f} to {after:.0f} MB ({(after - before) / before:+.1%})"
    good = after - before <= MEMORY_SHARE * before
    found.append(ok("memory", text) if good else fail("memory", text, leak))
    ill = sum(not moment.healthy for moment in settled)
    text = f"good at {len(settled) - ill} of {len(settled)} quiet moments"
    found.append(fail("health", text, "see /healthz and the log") if ill else ok("health", text))
    again = settled[-1].connects - moments[0].connects
    text = f"{again:.0f} new connections of cameras that nobody touched"
    found.append(ok("other cameras", text) if again == 0 else fail("other cameras", text, "see the log"))
    wrong = sum(count for result, count in reloads.items() if result not in TAKEN_UP)
    text = ", ".join(f"{result} {count}" for result, count in sorted(reloads.items())) or "none"
    found.append(ok("reloads", text) if reloads and not wrong else fail("reloads", text, "see the log"))
    broken = [line for line in log if "Traceback" in line or "CRITICAL" in line]
    text = f"{len(broken)} of {len(log)} lines with a traceback or a critical warning"
    found.append(ok("log", text) if not broken else fail("log", f"{text}: {broken[0][:120]}"))
    return [*found, ok("done", ", ".join(f"{count} {name}" for name, count in sorted(done.items())))]
