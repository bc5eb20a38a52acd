"""Whole simulated days through ledger, handover and ranking, judged by what the simulation knows."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from datetime import datetime

import pytest

from pipelines.floor.plan import open_record
from pipelines.floor.replay import Replay
from pipelines.outputs.journal.format import line
from probes.people.background_marks import MarkVerdict
from tests.fakes.schemas import PERSON_EVENT, message
from tests.fakes.shop_day import (
    BRANDS,
    CAMERAS,
    SIGNS,
    START,
    PriceService,
    Sayings,
    ShopDay,
    live,
    open_floor,
    plan,
)
from tests.fakes.shop_day_judge import Outcome, judge

HOUR = 3_600_000
MINUTE = 60_000
OUTAGE = (10 * MINUTE, 20 * MINUTE)
PEOPLE = 150


@pytest.fixture(scope="module")
def lived():
    """Three quarters of an hour, 200 people an hour, a price service that is down for ten minutes."""
    day, service, said = ShopDay(8, PEOPLE, hours=0.75), PriceService((OUTAGE,)), Sayings()
    floor = open_floor(service.lookup, said)
    views = []
    for at in live(day, service, floor):
        if not views or at - views[-1].at > 9_000_000_000:
            views.append(floor.snapshot())
    return day, service, said, floor, views


def test_totals_are_the_truth_within_the_stated_error(lived):
    day, _, said, *_ = lived
    found = judge(day, said)
    assert found.shoppers == PEOPLE
    assert found.exact >= 0.97 * found.shoppers
    # One bag is 0.8 % of what these few wear.
    assert abs(found.sum_minor - found.truth_minor) <= 0.02 * found.truth_minor
    assert found.foreign <= 0.02 * found.shoppers
    assert found.links >= 0.8 * found.ideal_links
    assert found.wrong_links <= 0.01 * found.links
    assert found.told_again <= 0.25 * found.told


def test_every_message_of_the_day_fits_its_schema_and_adds_up(lived):
    *_, said, _, _ = lived
    notify = message("notify")
    for number, sent in enumerate(said.said):
        total, items = sent.payload["total"], sent.payload["items"]
        if sent.kind.value != "notify":
            prices = [i["price"] for i in items if i["price"]]
            assert total["amount_minor"] == sum(p["amount_minor"] for p in prices)
            assert total["items_priced"] + total["items_unpriced"] == len(items)
            assert len({i["slot"] for i in items}) == len(items)
        if number % 50 == 0:
            (notify if sent.kind.value == "notify" else PERSON_EVENT).validate(sent.payload)


def test_the_ranking_is_whole_and_in_order_all_day(lived):
    *_, views = lived
    assert len(views) > 250
    for view in views:
        ranks = [p.rank for p in view.persons]
        assert ranks == list(range(1, len(ranks) + 1))
        keys = [(not p.rules, -p.score_minor) for p in view.persons]
        assert keys == sorted(keys)
        assert all(p.dwell_ms >= 0 and 0 < p.certainty <= 1 for p in view.persons)
    assert any(p.tracks > 1 and p.certainty < 1 for view in views for p in view.persons)


def test_in_an_outage_totals_are_marked_stale_and_recover(lived):
    _, _, said, *_ = lived
    stale = Counter()
    for sent in said.said:
        if "reason" in sent.payload:
            told_at = (
                datetime.fromisoformat(sent.payload["occurred_at"].replace("Z", "+00:00")).timestamp() * 1000
            )
            minute = int(told_at - START / 1e6) // MINUTE
            live_ = [i["price"] for i in sent.payload["items"] if i["price"] and i["brand"] == "gucci"]
            stale.update((minute, bool(price.get("stale"))) for price in live_)
    begun, ended = (at // MINUTE for at in OUTAGE)
    marked = Counter({minute: count for (minute, old), count in stale.items() if old})
    assert set(marked) <= set(range(begun, ended + 2))
    assert marked.total() > 10
    assert sum(count for (minute, old), count in stale.items() if not old and minute > ended + 1) > 5


def test_nobody_is_kept_when_the_shop_is_empty(lived):
    *_, floor, _ = lived
    assert len(floor._people) == len(floor._people._handover) == len(floor._people._ledger) == 0
    assert len(floor._people._crossings._held) == len(floor._people._of) == 0
    assert sum(floor.tally(camera).persons for camera in CAMERAS) >= PEOPLE


class Trusting:
    """BackgroundFilter to which every mark is worn."""

    def see(self, *_):
        return MarkVerdict.WORN, ()

    def forget(self, track):
        """Forget."""


def signs_day() -> tuple[Outcome, int]:
    """Live a while among signs, with nobody's tracks exchanged, so that all that is false is the signs'."""
    day, said = ShopDay(7, 30, hours=0.12, exchange=0.0, signs=SIGNS), Sayings()
    service = PriceService()
    floor = open_floor(service.lookup, said)
    for _ in live(day, service, floor):
        pass
    return judge(day, said), sum(len(shopper.wears) for shopper in day.shoppers)


def test_signs_on_the_walls_are_nobody_s_items(monkeypatch):
    found, worn = signs_day()
    assert found.false_items <= 1
    assert found.true_items >= 0.97 * worn
    monkeypatch.setattr("probes.people.attribution.BackgroundFilter", Trusting)
    trusting, _ = signs_day()
    assert trusting.false_items >= 4


def digest(said: Sayings) -> str:
    return hashlib.sha256("".join(line(m.payload) for m in said.said).encode()).hexdigest()


def test_the_same_day_lived_twice_and_replayed_says_the_same_byte_for_byte(tmp_path):
    digests = []
    for number in range(2):
        said, service = Sayings(), PriceService(((MINUTE, 2 * MINUTE),))
        journal = open_record(tmp_path / f"day{number}.gz", plan()) if number else None
        floor = open_floor(service.lookup, said, journal)
        for _ in live(ShopDay(3, 12, hours=0.06), service, floor):
            pass
        digests.append(digest(said))
    assert digests[0] == digests[1]
    replays = []
    for _ in range(2):
        replay = Replay(tmp_path / "day1.gz")
        replays.append("".join(line(entry) for entry in replay.entries()))
        assert replay.counts.lost == 0
        assert not replay.counts.broken_off
    assert replays[0] == replays[1]
    spoken = [text for text in replays[0].splitlines(keepends=True) if '"topic":' in text]
    again = hashlib.sha256()
    for text in spoken:
        again.update(("{" + text.partition(",")[2]).encode())
    assert again.hexdigest() == digests[0]
    assert any('"ranking"' in text for text in replays[0].splitlines())


def test_nothing_is_logged_twice_a_second(lived, caplog):
    with caplog.at_level(logging.INFO):
        day, service = ShopDay(5, 15, hours=0.1), PriceService(((0, HOUR),))
        for _ in live(day, service, open_floor(service.lookup, Sayings())):
            pass
    assert caplog.records == []


def test_brands_of_the_day_are_told_apart_by_slot():
    brands = [brand for some in BRANDS.values() for brand in some]
    assert len(set(brands)) == len(brands)
