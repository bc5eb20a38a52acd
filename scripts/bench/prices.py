"""`msh bench prices`: the ledger's looks and lookups a second, its memory, the time to assign staff."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from argparse import ArgumentTypeError
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING

from engines.paths import CONFIGS
from pricing.catalogue.catalogue import load
from pricing.ledger.ledger import Ledger
from pricing.ledger.lookup_once import LookupOnce
from pricing.ledger.votes import Vote
from pricing.live.offers import Judge
from pricing.live.remembered import Answer, Freshness, Result, Thing
from pricing.sales.assignment import AssignmentRules, Seller, WaitingCustomer, assign
from pricing.slots import SLOTS
from pricing.value import Price
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

CATALOGUE = CONFIGS / "prices.csv"
MS = 1_000_000
LOOK_MS = 400
BRANDS = 40
CACHED = 500
CUSTOMERS, SELLERS = 50, 30


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "looks a second the ledger takes, lookups a second, memory of tracked people"
    parser = benches.add_parser("prices", help=about, description=about)
    parser.add_argument("--people", type=_count, default=1000, metavar="N", help="people at once (1000)")
    parser.add_argument("--looks", type=_count, default=50, metavar="N", help="looks at each (50)")
    parser.add_argument("--catalogue", type=Path, default=CATALOGUE, metavar="FILE", help="price list")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    figures = {
        "looks_per_second": round(looks_per_second(args.people, args.looks)),
        **lookups_per_second(args.catalogue),
        **cache_per_second(),
        "bytes_per_1000_people": round(memory(args.people, args.looks) * 1000 / args.people),
        "assignment_ms": assignment_ms(),
    }
    if args.json:
        print(json.dumps(figures))
        return 0
    print(f"{figures['looks_per_second']:>12,} looks a second into the ledger, each with its new total")
    print(f"{figures['catalogue_per_second']:>12,} price lookups a second in the price list")
    print(f"{figures['cached_per_second']:>12,} lookups a second of cached prices of a live service")
    print(
        f"{figures['cache_writes_per_second']:>12,} answers a second written to the cache, each safe on disk"
    )
    print(f"{figures['asked_per_second']:>12,} lookups a second of a price known at the moment")
    print(
        f"{figures['bytes_per_1000_people'] / 2**20:>12.1f} MiB for 1,000 people, {args.looks} looks at each"
    )
    print(
        f"{figures['assignment_ms']:>12.2f} ms to assign {CUSTOMERS} customers to {SELLERS} sellers (median)"
    )
    return 0


def assignment_ms(rounds: int = 200) -> float:
    """Return how long one decision for a full floor takes, in ms, the median of many."""
    random = Random(1)
    people = [
        WaitingCustomer(f"{n}", random.randrange(10**6), random.randrange(10**5)) for n in range(CUSTOMERS)
    ]
    staff = [Seller(f"{n}", random.randint(1, 5), random.randrange(10**6)) for n in range(SELLERS)]
    times = []
    for _ in range(rounds + 1):  # the first loads SciPy
        begun = time.perf_counter()
        assign(people, staff, AssignmentRules())
        times.append(time.perf_counter() - begun)
    return round(1000 * median(times[1:]), 2)


def looks_per_second(people: int, looks: int) -> float:
    """Return how many looks a second a ledger takes, each a vote on one slot, then its new total."""
    votes = _votes(people, looks)
    ledger = Ledger("EUR", LookupOnce(_price))
    begun = time.perf_counter()
    for person, vote in votes:
        ledger.observe(person, [vote])
        ledger.value(person)
    return len(votes) / (time.perf_counter() - begun)


def lookups_per_second(catalogue: Path) -> dict[str, int]:
    """Return lookups a second in the price list, and of what was asked in the same moment."""
    prices, today = load(catalogue), date.today()  # noqa: DTZ011 any day will do
    things = [(row.brand, row.type if row.type != "*" else None, "top") for row in prices.rows][:500]
    lookup = LookupOnce(lambda brand, type_, slot: prices.lookup(brand, type_, slot, today))
    return {
        "catalogue_per_second": _rate(things, lambda b, t, s: prices.lookup(b, t, s, today)),
        "asked_per_second": _rate(things, lookup),
    }


def cache_per_second() -> dict[str, int]:
    """Return lookups a second of a live service's cached prices, and answers a second that are written.

    The service is never asked: every price is known and fresh.
    """
    from pricing.live.cache import PriceCache  # noqa: PLC0415 loads requests
    from pricing.live.live import LivePrices, LiveSpec  # noqa: PLC0415
    from pricing.live.services import OpenWebNinja  # noqa: PLC0415

    hour = 3_600_000_000_000
    things: list[tuple[str, str | None, str]] = [(f"brand{n}", "jacket", "top") for n in range(CACHED)]
    with work_folder("bench") as folder:
        cache = PriceCache(Path(folder) / "cache.db", 50_000_000, time.time_ns)
        begun = time.perf_counter()
        for brand, _, _ in things:
            at = time.time_ns()
            cache.put(Answer(Thing(brand, "jacket"), at, Result.PRICED, 1000, 900, 1100, "EUR", "bench"))
        writes = CACHED / (time.perf_counter() - begun)
        live = LivePrices(
            OpenWebNinja("https://localhost", "", country="de", language="de", currency="EUR"),
            lambda: Judge("EUR", Decimal(1), Decimal(100_000)),
            cache,
            LiveSpec(Freshness(hour, 2 * hour, hour), 0, 1.0),
            random=lambda: 0.5,
            today=lambda: date(2026, 1, 1),
        )
        reads = _rate(things, lambda brand, type_, _: live.recall(brand, type_ or ""))
        live.stop()
    return {"cached_per_second": reads, "cache_writes_per_second": round(writes)}


def memory(people: int, looks: int) -> int:
    """Return the bytes that a ledger holds for people with so many looks, all within the lateness."""
    votes = _votes(people, looks)
    gc.collect()
    tracemalloc.start()
    try:
        ledger = Ledger("EUR", LookupOnce(_price))
        for person, vote in votes:
            # A vote of one's own, as looks make them, so that its memory counts.
            own = Vote(vote.id + " ", vote.slot, vote.type, vote.brand, vote.confidence, vote.at)
            ledger.observe(person, [own])
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def _rate(
    things: list[tuple[str, str | None, str]], lookup: Callable[[str, str | None, str], Price | None]
) -> int:
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < 0.5:
        for thing in things:
            lookup(*thing)
        count += len(things)
    return round(count / (time.perf_counter() - begun))


def _votes(people: int, looks: int) -> list[tuple[int, Vote]]:
    """Return looks at people in the order of time: one in ten misread, three slots a person."""
    votes = []
    for look in range(looks):
        at = look * LOOK_MS * MS
        for person in range(people):
            slot = SLOTS[(person + look % 3) % len(SLOTS)]
            brand = f"brand{(person + (look % 10 == 9)) % BRANDS}"
            votes.append((person, Vote(f"look {at} {slot} {brand}", slot, None, brand, 0.8, at)))
    return votes


def _price(brand: str, _type: str | None, _slot: str) -> Price:
    minor = 1000 + 100 * int(brand.removeprefix("brand"))
    return Price(minor, minor, minor, "EUR", "bench")


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 1_000_000:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 to 1000000")
    return value
