"""People whose camera was suspended: who is found again, who is not, and never two for one."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.reidentification import TrackLink, TrackLinker
from probes.people.returns import HELD_NS, LOST_NS, SEARCH_NS, SECOND, Absence, ReturnLinker
from probes.people.zones import Role, Zone
from probes.recognition.clothes import Clothes
from tests.fakes.people import value
from tests.fakes.suspended_shop import clothes, colours

SIZE = (1280, 720)
NOTHING = value()
EXIT = ((0.0, 0.0), (0.2, 0.0), (0.2, 1.0), (0.0, 1.0))


def track(number: int, camera: str = "door") -> TrackId:
    return TrackId(camera, "k7f3", number)


def outfit(seed: int) -> Clothes:
    return clothes(Random(seed), colours(Random(seed)), noise=0.0)


class Door:
    """A camera whose people are seen, suspended, and seen again. places: left edges of boxes by track."""

    def __init__(self, zones=()):
        self.traces = TrackLinker({"door": tuple(zones)})
        self.returns = ReturnLinker(self.traces)
        self.worn, self.clothes = {}, {}
        self.links = []

    def see(self, second: float, places: dict[int, float], *, tall=400, camera="door"):
        at = int(second * SECOND)
        people = [
            Detection(Kind.PERSON, "person", 0.9, Box(x, 100, 100, tall), track(number, camera))
            for number, x in places.items()
        ]
        frame = Frame(camera, at, SIZE, tuple(people))
        self.traces.update(frame, self.wears)
        found = self.returns.update(frame, self.wears, self.clothes.get)
        self.links += [(link.old.number, link.new.number) for link in found]
        return found

    def wears(self, known: TrackId):
        return self.worn.get(known, NOTHING)

    def suspend(self, *numbers: int, absence=Absence.SUSPENDED):
        self.returns.miss("door")
        for number in numbers:
            self.returns.hold(track(number), absence)


def away(places, *, new, back=None, zones=(), dressed=None, seconds=60, tall=400):
    """See people, then nobody for so long, then others; return the pairs that were linked."""
    door = Door(zones)
    dressed = dressed or {number: outfit(number % 10) for number in (*places, *new)}
    door.clothes = {track(number): seen for number, seen in dressed.items() if seen is not None}
    door.see(0, places)
    door.suspend(*places)
    for second in range(12):
        door.see(seconds + second, new if back is None else back, tall=tall)
    return door


def test_who_is_dressed_as_before_is_the_same_wherever_they_stand() -> None:
    assert away({1: 300, 2: 700}, new={12: 320, 11: 900}).links == [(1, 11), (2, 12)]


def test_somebody_else_in_the_same_place_is_a_new_customer() -> None:
    door = away({1: 300}, new={12: 300})
    assert door.links == []
    assert track(1) in door.returns


def test_who_was_never_looked_at_is_nobody() -> None:
    assert away({1: 300}, new={11: 300}, dressed={1: outfit(1), 11: None}).links == []


def test_two_dressed_alike_are_told_apart_by_where_they_stood_or_not_at_all() -> None:
    alike = dict.fromkeys((1, 2, 11, 12), outfit(1))
    assert away({1: 300, 2: 900}, new={11: 310, 12: 890}, dressed=alike).links == [(1, 11), (2, 12)]
    assert away({1: 300, 2: 400}, new={11: 900, 12: 1100}, dressed=alike).links == []
    assert away({1: 300}, new={11: 900, 12: 1100}, dressed=alike).links == []
    assert away({1: 300, 2: 400}, new={11: 900}, dressed=alike).links == []


def test_other_brands_are_another_person() -> None:
    door = Door()
    door.worn = {track(1): value(100, brand="gucci"), track(11): value(100, brand="nike")}
    door.clothes = dict.fromkeys((track(1), track(11)), outfit(1))
    door.see(0, {1: 300})
    door.suspend(1)
    for second in range(60, 80):
        door.see(second, {11: 300})
    assert door.links == []


def test_who_was_leaving_has_left_and_who_comes_in_is_new() -> None:
    leaves, enters = Zone("way", EXIT, 0, Role.EXIT), Zone("way", EXIT, 0, Role.ENTRY)
    assert away({1: 100}, new={11: 600}).links == [(1, 11)]
    assert away({1: 100}, new={11: 600}, zones=[leaves]).links == []
    assert away({1: 600}, new={11: 100}, zones=[enters]).links == []


def test_a_child_is_not_who_was_tall() -> None:
    assert away({1: 300}, new={11: 300}, tall=120).links == []


def test_a_link_waits_until_all_who_are_there_were_looked_at_but_not_for_ever() -> None:
    door = Door()
    door.clothes = {track(1): outfit(1), track(11): outfit(1)}
    door.see(0, {1: 300})
    door.suspend(1)
    for second in range(60, 69):
        door.see(second, {11: 300, 12: 900})
    assert door.links == []
    for second in range(69, 75):
        door.see(second, {11: 300, 12: 900})
    assert door.links == [(1, 11)]


def test_who_comes_long_after_the_camera_is_not_one_of_them() -> None:
    door = away({1: 300}, new={}, dressed={1: outfit(1), 11: outfit(1)})
    door.see(60 + 21, {11: 300})
    door.see(60 + 23, {11: 300})
    assert door.links == []
    assert door.returns.unfound(60 * SECOND + SEARCH_NS) == {}
    assert list(door.returns.unfound(60 * SECOND + SEARCH_NS + 1)) == [track(1)]


def test_frames_of_other_cameras_that_are_a_little_older_give_nobody_up() -> None:
    door = Door()
    door.clothes = {track(1): outfit(1), track(11): outfit(1)}
    door.see(0, {1: 300})
    door.suspend(1)
    door.see(60, {11: 300})
    door.see(59.4, {}, camera="till")
    assert door.returns.unfound(int(59.4 * SECOND)) == {}


def test_a_recorded_link_to_somebody_whose_frames_were_lost_is_left_out() -> None:
    door = Door()
    door.see(0, {1: 300})
    door.suspend(1)
    frame = Frame("door", 60 * SECOND, SIZE, ())
    lost = [TrackLink(track(1), track(11), 0.7)]
    assert door.returns.update(frame, door.wears, door.clothes.get, lost) == []
    assert track(1) in door.returns


def test_a_camera_that_stays_away_holds_nobody_for_ever() -> None:
    door = Door()
    door.see(0, {1: 300})
    door.suspend(1)
    assert door.returns.unfound(HELD_NS) == {}
    assert door.returns.unfound(HELD_NS + 1) == {track(1): Absence.SUSPENDED}


def test_who_was_in_view_of_a_lost_camera_is_held_for_a_shorter_time() -> None:
    door = Door()
    door.see(0, {1: 300})
    door.suspend(1, absence=Absence.LOST)
    assert door.returns.unfound(LOST_NS) == {}
    assert door.returns.unfound(LOST_NS + 1) == {track(1): Absence.LOST}
    door.see(55, {})  # it is back in time: they are looked for as long as anybody else
    assert door.returns.unfound(55 * SECOND + SEARCH_NS) == {}
    assert door.returns.unfound(55 * SECOND + SEARCH_NS + 1) == {track(1): Absence.LOST}


def test_what_clothes_say_is_of_both_parts() -> None:
    one, other = outfit(1), outfit(2)
    assert one.alike(one) == pytest.approx(1, abs=1e-6)
    assert one.alike(other) == other.alike(one)
    half = Clothes(one.upper, other.lower)
    assert half.alike(one) < 0.9
    assert "upper" not in repr(one)
    assert one.mixed(other, 0.3).upper.sum() == pytest.approx(3, abs=1e-4)
    assert np.isclose(one.mixed(other, 1.0).alike(other), 1, atol=1e-5)


STEP = st.tuples(
    st.sampled_from(["see", "see", "suspend", "time"]),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 11)), max_size=4, unique_by=lambda one: one[0]),
    st.integers(1, 90),
)


@given(st.lists(STEP, max_size=25), st.integers(0, 5))
def test_nobody_is_two_people_and_nobody_is_held_for_ever(steps, kinds) -> None:
    door, second, visible = Door(), 0, {}
    held, over = set(), set()
    door.clothes = {track(n): outfit(n % (kinds + 1)) for n in range(41) if n % 7}
    for kind, people, seconds in steps:
        second += seconds
        if kind == "see":
            visible = {number: 100.0 * place for number, place in people if number not in held | over}
            door.see(second, visible)
            door.see(second + 1, visible)
            second += 1
        elif kind == "suspend":
            door.suspend(*visible)
            held |= visible.keys()
            visible = {}
        held -= {old for old, _ in door.links}
        over |= {old for old, _ in door.links} | held
        for gone in door.returns.unfound(second * SECOND):
            door.returns.drop(gone)
            door.traces.end(gone)
            held.discard(gone.number)
        assert {known.number for known in door.returns._held} == held
    olds, news = [old for old, _ in door.links], [new for _, new in door.links]
    assert len(set(olds)) == len(olds)
    assert len(set(news)) == len(news)
    assert list(door.returns.unfound(second * SECOND + HELD_NS + 1)) == list(door.returns._held)


def test_a_camera_that_is_taken_out_is_forgotten() -> None:
    door = Door()
    door.see(0, {1: 300})
    door.suspend(1)
    door.returns.drop(track(1))
    door.returns.keep_only({"till"})
    assert door.returns.miss("door"), "it was missed by its last run already"
