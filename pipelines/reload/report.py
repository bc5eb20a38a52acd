"""What became of a changed store file, in one form for log, metric, page, status topic and command."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from pricing.news import news
from probes.events.messages import rfc3339

if TYPE_CHECKING:
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

MAX_KEYS = 32
MAX_TEXT = 500


class ReloadResult(str, Enum):
    """Label `result` of `msh_reloads_total`."""

    UNCHANGED = "unchanged"
    APPLIED = "applied"
    PARTLY = "partly"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """One reading of the store file.

    at: UTC ns; 0 before the first. live: keys that are in use now; restart: keys that wait for a restart.
    problems: why nothing was taken up, one line each, with its place in the file.
    """

    at: int = 0
    result: ReloadResult = ReloadResult.UNCHANGED
    live: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the file, as it lies there, is right."""
        return self.result is not ReloadResult.REFUSED

    @property
    def text(self) -> str:
        """The same in one line, for people."""
        if self.problems:
            first, *more = self.problems
            also = f" (and {len(more)} more; `msh check` shows them)" if more else ""
            wrong = "wrong" if self.result is ReloadResult.REFUSED else "not taken up"
            return f"store file: {wrong}, what was read before stays in use: {first}{also}"
        words = [f"in use now: {', '.join(self.live)}"] if self.live else []
        words += [f"a restart brings {', '.join(self.restart)}"] if self.restart else []
        return f"store file: right; {'; '.join(words) or 'nothing in it differs from what is in use'}"

    def payload(self) -> dict[str, Any]:
        """Return it as JSON values, for the status topic and the page."""
        return {
            "at": rfc3339(self.at),
            "result": self.result.value,
            "restart_needed": list(self.restart[:MAX_KEYS]),
            "problem": _without_folder(self.problems[0])[:MAX_TEXT] if self.problems else None,
        }


def _without_folder(line: str) -> str:
    """Return a mistake with the file's name alone: where it lies is nobody's business outside."""
    place, gap, words = line.partition("  ")
    return f"{place.rpartition('/')[2]}{gap}{words}"


def _news(report: ReloadReport) -> dict[str, Any]:
    """Return the same as the page says it."""
    live, waits = ", ".join(report.live), ", ".join(report.restart)
    if report.problems:
        problem = _without_folder(report.problems[0])[:MAX_TEXT]
        if report.result is ReloadResult.REFUSED:
            return news("file_wrong", problem=problem)
        return news("file_not_used", problem=problem)
    if live and waits:
        return news("file_partly", keys=live, waits=waits)
    if live:
        return news("file_used", keys=live)
    return news("file_waits", keys=waits) if waits else news("file_same")


def log_and_count(report: ReloadReport, metrics: Metrics, duration_s: float) -> None:
    """Log a report and count it."""
    bad = report.result in (ReloadResult.REFUSED, ReloadResult.FAILED)
    logger.log(logging.ERROR if bad else logging.INFO, "%s", report.text, extra=_news(report))
    metrics.store_file_ok.set(report.ok)
    metrics.reloads.labels(report.result.value).inc()
    metrics.restart_needed.set(len(report.restart))
    if report.live:
        metrics.reload_duration.set(duration_s)
