"""Days before today for the demo's Insights: made up, seeded, and counted by the product's own code."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from pricing.insights.collector import GRID, QUARTER_S, Collector, CustomerVisit, place_of
from pricing.sales.simulation import ShopModel

if TYPE_CHECKING:
    from datetime import date, tzinfo

    from pipelines.insights.file import InsightsFile

DAYS: Final = 8
PASSERS_BY: Final = 1.5
"""For each customer who wants advice so many come who do not."""
WORN: Final = (
    ("burberry", "jacket", 129_000),
    ("gucci", "handbag", 197_500),
    ("prada", "coat", 245_000),
    ("hugo boss", "jacket", 44_900),
    ("nike", "sneakers", 12_999),
    ("adidas", "hoodie", 7_500),
)
ZONES: Final = ("entrance/doorway", "counter/till")
SPOTS: Final = {"entrance": ((5.0, 6.5), (10.0, 7.0)), "counter": ((4.0, 6.0), (12.0, 7.5))}
"""Where people stand in a camera's picture, in columns and rows of the heat map."""


def write(file: InsightsFile, now: datetime, *, days: int = DAYS, least: int = 5, seed: int = 1) -> None:
    """Write the days before `now`, and today until now. now: with the store's time zone."""
    for back in range(days, -1, -1):
        day = (now - timedelta(days=back)).date()
        _write_day(file, day, now, Random(f"{seed} {day}"), least)


def _write_day(file: InsightsFile, day: date, now: datetime, random: Random, least: int) -> None:
    model = ShopModel()
    begin = _at(day, 0, now.tzinfo)
    collector = Collector(least, begin, per_unit=100)
    end = int(now.timestamp())
    for quarter in range(begin, _at(day + timedelta(days=1), 0, now.tzinfo), QUARTER_S):
        close = quarter + QUARTER_S
        if close > end:
            break
        hour = (quarter - begin) // 3600 - int(model.open_h)
        if 0 <= hour < len(model.arrivals):
            mean = model.arrivals[hour] * (1 + PASSERS_BY) / 4
            for _ in range(_poisson(mean, random)):
                _come(collector, random)
        file.add(collector.close(close))
    file.add(collector.close(min(end, _at(day + timedelta(days=1), 0, now.tzinfo)), last=True))


def _come(collector: Collector, random: Random) -> None:
    worn = [thing for thing in WORN if random.random() < 0.12]
    worth = sum(price for _, _, price in worn)
    wait = random.expovariate(1 / (70 if worth > 100_000 else 150))
    attended = wait if worth and random.random() < 0.7 else None
    zone = random.choice(ZONES)
    brands, types = frozenset(brand for brand, _, _ in worn), frozenset(type_ for _, type_, _ in worn)
    dwell = {zone: random.expovariate(1 / 180)}
    collector.visit(CustomerVisit(worth, attended, brands, types, dwell, _walk(zone.split("/")[0], random)))
    if attended is not None:
        outcome = random.choices(("sold", "browsing", "left"), (4, 4, 2))[0]
        sold = round(random.lognormvariate(9.2, 0.7)) if outcome == "sold" else None
        collector.done(outcome, random.lognormvariate(6.2, 0.5), sold)


def _walk(camera: str, random: Random) -> frozenset[str]:
    """Return the parts of a picture in which somebody was: a way around one of the spots."""
    middle = random.choice(SPOTS[camera])
    steps = ((random.gauss(middle[0], 1.8), random.gauss(middle[1], 0.9)) for _ in range(9))
    columns, rows = GRID
    return frozenset(place_of(camera, (x / columns, 0.0, 0.0, y / rows)) for x, y in steps)


def _poisson(mean: float, random: Random) -> int:
    """Return how many come in a quarter of an hour."""
    count, at = 0, random.expovariate(1.0)
    while at < mean:
        count, at = count + 1, at + random.expovariate(1.0)
    return count


def _at(day: date, hour: int, zone: tzinfo | None) -> int:
    return int(datetime.combine(day, time(hour), zone).timestamp())
