"""Marks of staff: who wears one is no customer; one misread takes nobody's items away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.floor.plan import open_record, read_plan, to_json
from pipelines.floor.replay import Replay
from probes.answers import LookAnswer, Mark, Worn
from probes.frame import Box, Detection, Frame, Kind, TrackId
from tests.fakes.shop_day import START, PriceService, Sayings, open_floor, plan

MS = 1_000_000
ANN = TrackId("till", "s", 1)
BODY = Box(600, 100, 100, 300)
BAG = Detection(Kind.ACCESSORY, "handbag", 0.8, Box(610, 260, 50, 60))
STAFFED = replace(plan(), staff=("acme",), rules=())
HEIGHTS = {"hat": 115, "top": 200, "trousers": 300}


def badge(x: float = 650, y: float = 220) -> Mark:
    return Mark("acme", 0.9, Box(x - 10, y - 10, 20, 20))


def worn(slot: str, brand: str) -> Mark:
    return Mark(brand, 0.9, Box(640, HEIGHTS[slot] - 5, 20, 10))


class Shop:
    def __init__(self, journal=None) -> None:
        self.said, self.at = Sayings(), 0
        self.floor = open_floor(PriceService().lookup, self.said, journal, STAFFED)

    def look(self, *marks: Mark, times: int = 1, track: TrackId = ANN, clothes: tuple[Worn, ...] = ()):
        for _ in range(times):
            self.at += 400
            seen = (Detection(Kind.PERSON, "person", 0.9, BODY, track), BAG)
            frame = Frame("till", START + self.at * MS, (1280, 720), seen)
            values = self.floor.update(frame, [LookAnswer(track, frame, marks, clothes)])
        return [(item.slot, item.brand) for item in values[track].items if item.brand]

    @property
    def person(self):
        (person,) = self.floor.snapshot().persons
        return person


def test_who_wears_the_shop_s_mark_is_staff_and_told_so() -> None:
    shop = Shop()
    assert shop.look(badge(), worn("hat", "kangol"), times=5) == [("hat", "kangol")]
    assert shop.person.customer
    assert any("acme 5" in line for line in shop.person.explain)
    assert shop.look(badge(), worn("hat", "kangol"), times=3) == []
    shop.look(times=2)
    assert not shop.person.customer
    assert shop.person.rank is None
    assert shop.person.explain == ("excluded: not a customer", "staff: wears the mark of acme")
    assert shop.look(worn("hat", "kangol"), times=6) == []


@pytest.mark.parametrize("misread", [1, 3, 5])
def test_a_misread_mark_of_staff_takes_nothing_away(misread: int) -> None:
    shop = Shop()
    assert shop.look(worn("top", "nike"), times=5) == [("top", "nike")]
    assert shop.look(worn("top", "nike"), badge(), times=misread) == [("top", "nike")]
    assert shop.look(worn("top", "nike"), times=6) == [("top", "nike")]
    assert shop.person.customer


def test_the_shop_s_bag_makes_nobody_staff_and_is_no_item() -> None:
    shop = Shop()
    assert shop.look(badge(635, 290), times=12) == []
    assert shop.person.customer


def test_two_who_are_one_are_staff_if_either_is() -> None:
    shop = Shop()
    shop.look(badge(), times=8)
    people = shop.floor._people
    shop.look(worn("top", "nike"), times=1, track=TrackId("till", "s", 2))
    link = type("Link", (), {"old": ANN, "new": TrackId("till", "s", 2), "certainty": 0.9})
    people._join(link)
    assert people.customer(TrackId("till", "s", 2)).badge == "acme"


def test_what_looks_told_of_somebody_goes_with_them_when_two_tracks_were_exchanged() -> None:
    """Looks saw no bag on the first: what the detector sees is none. The second has one."""
    shop, second = Shop(), TrackId("till", "s", 2)
    shop.look(times=8, clothes=(Worn("shirt", 0.9, Box(610, 150, 80, 90)),))
    shop.look(track=second)
    shop.floor._people._exchange(ANN, second)
    for _ in range(12):
        shop.at += 400
        seen = (Detection(Kind.PERSON, "person", 0.9, BODY, ANN), BAG)
        values = shop.floor.update(Frame("till", START + shop.at * MS, (1280, 720), seen))
    assert "handbag" in [item.type for item in values[ANN].items]


@pytest.mark.parametrize("late_s", [1, 200], ids=["can be found again", "has left for good"])
def test_a_look_that_ends_after_the_track_leaves_nothing_behind(late_s: int) -> None:
    """A shop that never closes would keep 2 KB of each such person."""
    shop = Shop()
    shop.look(worn("top", "nike"), times=2)
    start = START + shop.at * MS

    def pass_time(seconds: int, *answers: LookAnswer, ended=()) -> None:
        shop.floor.update(Frame("till", start + seconds * 1000 * MS, (1280, 720), ()), answers, ended)

    seen = Frame("till", start, (1280, 720), (Detection(Kind.PERSON, "person", 0.9, BODY, ANN),))
    pass_time(3, ended=[ANN])
    pass_time(3 + late_s, LookAnswer(ANN, seen, (badge(),), (Worn("shirt", 0.9, Box(610, 150, 80, 90)),)))
    pass_time(600)
    votes = shop.floor._people._votes
    assert not any((len(shop.floor._people), votes._bodies, votes._types, votes._worn, votes._on_clothes))


def test_the_plan_with_its_staff_and_what_follows_are_replayed(tmp_path) -> None:
    assert read_plan(to_json(STAFFED)) == STAFFED
    shop = Shop(open_record(tmp_path / "day.gz", STAFFED))
    shop.look(badge(), worn("hat", "kangol"), times=10)
    shop.floor.close(START + 60_000 * MS)
    replay = Replay(tmp_path / "day.gz")
    said = [entry for entry in replay.entries() if "topic" in entry]
    assert [s["total"] for s in said] == [m.payload["total"] for m in shop.said.said]
    assert said[-1]["items"] == [] or all(i["brand"] is None for i in said[-1]["items"])
