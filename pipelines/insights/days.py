"""The report on some days of a store, from its file."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pricing.errors import BadInput
from pricing.insights.report import LocalTime, by_hour, heat_maps, staffing, summary
from pricing.money import exponent

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.insights.file import InsightsFile
    from pipelines.settings.root import Settings
    from pricing.insights.cells import CountCell

MAX_DAYS = 400


def insights_path(settings: Settings, folder: Path) -> Path:
    """Return where a store's insights are kept."""
    return folder / f"insights-{settings.store.id}.db"


def days_of(first: str | None, last: str | None, today: date) -> tuple[date, date]:
    """Return the days from two texts YYYY-MM-DD; today where there is none. Raises BadInput."""
    begin = None if first is None else _day("from", first)
    end = (begin or today) if last is None else _day("to", last)
    begin = begin or end
    if begin > end:
        raise BadInput(f"from {begin} is after to {end}")
    if (end - begin).days >= MAX_DAYS:
        raise BadInput(f"{MAX_DAYS} days at most")
    return begin, end


def report(settings: Settings, file: InsightsFile, first: date, last: date) -> dict[str, Any]:
    """Return what the days taught, beside the same weekdays before."""
    zone = ZoneInfo(settings.store.timezone)
    span = last - first + timedelta(days=1)
    weeks = timedelta(days=-(-span.days // 7) * 7)

    def read(begin: date) -> list[CountCell]:
        return file.read(*bounds(begin), places=False)

    def bounds(begin: date) -> tuple[int, int]:
        return _midnight(begin, zone), _midnight(begin + span, zone)

    def local(second: int) -> LocalTime:
        at = datetime.fromtimestamp(second, timezone.utc).astimezone(zone)
        return LocalTime(at.hour, at.date().isoformat())

    cells, before = read(first), read(first - weeks)
    return {
        "store": settings.store.id,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "timezone": settings.store.timezone,
        "currency": settings.store.currency,
        "digits": exponent(settings.store.currency),
        "min_count": settings.privacy.report_min_count,
        **summary(cells),
        "hours": by_hour(cells, local),
        "staffing": staffing(cells),
        "heat_maps": heat_maps(file.places(*bounds(first))),
        "before": {
            "from": (first - weeks).isoformat(),
            "to": (last - weeks).isoformat(),
            **summary(before),
            "hours": by_hour(before, local),
        },
    }


def cells_of(settings: Settings, file: InsightsFile, first: date, last: date) -> list[CountCell]:
    """Return the cells of some days as they are kept, oldest first."""
    zone = ZoneInfo(settings.store.timezone)
    return file.read(_midnight(first, zone), _midnight(last + timedelta(days=1), zone))


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())


def _day(name: str, text: str) -> date:
    try:
        if len(text) != 10:
            raise ValueError
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInput(f'{name}: "{text[:20]}" is no day; write it as 2026-11-22') from None
    if not 2000 <= day.year < 2100:
        raise BadInput(f"{name}: {day} is not of this century")
    return day
