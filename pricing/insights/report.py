"""What cells of some days say, as plain values for a table, a page or a program. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pricing.insights.collector import ATTENDED, GRID, OUTCOMES, WORTH_STEPS
from pricing.insights.staffing import MODEL, SHARE, attended_soon, staff_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pricing.insights.cells import CountCell

Values = dict[str, Any]
SERVICE_S = 600.0
"""Taken for the mean time with a customer where too few have been seen."""
TOP = 10
_1MIN, _2MIN = frozenset({"1min"}), frozenset({"1min", "2min"})


@dataclass(frozen=True, slots=True)
class LocalTime:
    """Where a cell stands in its days: hour of the day and day, by the store's clock."""

    hour: int
    day: str


def summary(cells: Iterable[CountCell]) -> Values:
    """Return what cells say together. None: withheld, for it would be about too few people.

    Value is in minor units, times in seconds.
    """
    by: dict[str, list[CountCell]] = defaultdict(list)
    for cell in cells:
        by[cell.measure].append(cell)
    attended = _classes(by["attended"], ATTENDED)
    return {
        "visitors": _count(by["visitors"]),
        "value_minor": _total(by["value"]),
        "worth": [
            {"from": int(key.split("+", maxsplit=1)[0]), "to": _upper(key), "count": count}
            for key, (count, _) in _classes(by["worth"], [str(step) for step in WORTH_STEPS]).items()
        ],
        "attended": [
            {"within": key, "count": count, "value_minor": total} for key, (count, total) in attended.items()
        ],
        "share_within_1min": _share(by["attended"], _1MIN, of_value=False),
        "share_within_2min": _share(by["attended"], _2MIN, of_value=False),
        "value_share_within_1min": _share(by["attended"], _1MIN, of_value=True),
        "value_share_within_2min": _share(by["attended"], _2MIN, of_value=True),
        "unattended_minor": attended.get("never", (0, None))[1],
        "mean_wait_s": _mean(by["wait"]),
        "mean_service_s": _mean(by["service"]),
        "outcomes": [
            {"outcome": key, "count": count} for key, (count, _) in _classes(by["outcome"], OUTCOMES).items()
        ],
        "sold_minor": _total(by["sold"]),
        "brands": _top(by["brand"]),
        "types": _top(by["type"]),
        "zones": [
            {"zone": key, "count": sum(c.count for c in group), "mean_s": _mean(group)}
            for key, group in _grouped(by["zone"])
        ],
        "cameras": [
            {"camera": key, "up": round(sum(c.total or 0 for c in group) / sum(c.count for c in group), 4)}
            for key, group in _grouped(by["camera"])
        ],
    }


def heat_maps(cells: Iterable[CountCell]) -> list[Values]:
    """Return for each camera how many people were in each part of its picture. What is withheld is left out.

    x, y: column and row from the top left.
    """
    by_camera: dict[str, dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
    for cell in cells:
        if cell.measure == "place":
            camera, x, y = cell.key.rsplit("/", 2)
            by_camera[camera][int(x), int(y)] += cell.count
    return [
        {
            "camera": camera,
            "columns": GRID[0],
            "rows": GRID[1],
            "places": [{"x": x, "y": y, "count": count} for (x, y), count in sorted(found.items())],
        }
        for camera, found in sorted(by_camera.items())
    ]


def by_hour(cells: Sequence[CountCell], local: Callable[[int], LocalTime]) -> list[Values]:
    """Return visitors, value and the staff that the model wants, of each hour of the day.

    saved_minor: value that this staff would have attended within a minute, beyond what was.

    A cell counts in the hour in which it was closed. Who wears something priced is taken to want somebody to
    come. local: from UTC s.
    """
    days = len({local(cell.start).day for cell in cells if cell.measure == "visitors"}) or 1
    service_s = _mean([cell for cell in cells if cell.measure == "service"]) or SERVICE_S
    nothing = (
        _share([cell for cell in cells if cell.measure == "worth"], frozenset({"0"}), of_value=False) or 0.0
    )
    hours: dict[int, dict[str, list[CountCell]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        if cell.measure in ("visitors", "value", "attended"):
            hours[local(cell.end - 1).hour][cell.measure].append(cell)
    found = []
    for hour in sorted(hours):
        here = hours[hour]
        visitors = _count(here["visitors"]) or 0
        wanting = (1 - nothing) * visitors / days
        staff = staff_for(wanting, service_s)
        value = _total(here["value"])
        soon = round(attended_soon(staff, wanting, service_s), 3) if staff else None
        seen = _share(here["attended"], _1MIN, of_value=True)
        found.append(
            {
                "hour": hour,
                "visitors": visitors or None,
                "value_minor": value,
                "staff": staff or None,
                "share_within_1min": soon,
                "saved_minor": None if None in (value, soon, seen) else _saved(value, soon, seen),
            }
        )
    return found


def _saved(value: int | None, soon: float | None, seen: float | None) -> int:
    """Return the value beyond what was attended within a minute: the model's share less the one seen."""
    return round((value or 0) * max(0.0, (soon or 0.0) - (seen or 0.0)))


def staffing(cells: Iterable[CountCell]) -> Values:
    """Return how the staff of each hour was worked out."""
    seen = _mean([cell for cell in cells if cell.measure == "service"])
    return {"model": MODEL, "service_s": seen or SERVICE_S, "service_seen": seen is not None, "aim": SHARE}


def _classes(cells: Iterable[CountCell], order: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Return class -> count and total. Classes that were merged stand beside the others, as they are."""
    groups = dict(_grouped(cells))
    names = sorted(groups, key=lambda key: (order.index(key.split("+", maxsplit=1)[0]), len(key)))
    return {
        key: (sum(cell.count for cell in groups[key]), _sum_of(cell.total for cell in groups[key]))
        for key in names
    }


def _share(cells: Iterable[CountCell], within: frozenset[str], *, of_value: bool) -> float | None:
    """Return the share of these classes, over the spans in which merged classes do not leave it open."""
    spans: dict[tuple[int, int], list[CountCell]] = defaultdict(list)
    for cell in cells:
        spans[cell.start, cell.end].append(cell)
    good = whole = 0
    for span in spans.values():
        amounts = [cell.total if of_value else cell.count for cell in span]
        keys = [frozenset(cell.key.split("+")) for cell in span]
        if None in amounts or any(key & within and key - within for key in keys):
            continue
        whole += sum(amount or 0 for amount in amounts)
        good += sum(amount or 0 for amount, key in zip(amounts, keys, strict=True) if key <= within)
    return round(good / whole, 4) if whole else None


def _upper(key: str) -> int | None:
    last = WORTH_STEPS.index(int(key.rsplit("+", maxsplit=1)[-1]))
    return WORTH_STEPS[last + 1] if last + 1 < len(WORTH_STEPS) else None


def _count(cells: Sequence[CountCell]) -> int | None:
    return sum(cell.count for cell in cells) or None


def _total(cells: Sequence[CountCell]) -> int | None:
    return _sum_of([cell.total for cell in cells]) if cells else None


def _sum_of(totals: Iterable[int | None]) -> int | None:
    """Return the sum of what was given out; None where nothing was."""
    given = [total for total in totals if total is not None]
    return sum(given) if given else None


def _mean(cells: Sequence[CountCell]) -> float | None:
    given = [cell for cell in cells if cell.total is not None]
    return round(sum(c.total or 0 for c in given) / sum(c.count for c in given), 1) if given else None


def _grouped(cells: Iterable[CountCell]) -> list[tuple[str, list[CountCell]]]:
    groups: dict[str, list[CountCell]] = defaultdict(list)
    for cell in cells:
        groups[cell.key].append(cell)
    return sorted(groups.items())


def _top(cells: Iterable[CountCell]) -> list[Values]:
    counts = {key: sum(cell.count for cell in group) for key, group in _grouped(cells)}
    first = sorted(counts, key=lambda key: (-counts[key], key))[:TOP]
    return [{"key": key, "count": counts[key]} for key in first]
