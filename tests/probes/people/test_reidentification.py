from __future__ import annotations

import pytest

from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.reidentification import Passage, TrackLink, TrackLinker
from probes.people.zones import Role, Zone
from tests.fakes.people import value

MS = 1_000_000
SIZE = (1000, 800)
LEFT = ((0.05, 0.0), (0.3, 0.0), (0.3, 1.0), (0.05, 1.0))
RIGHT = ((0.7, 0.0), (0.95, 0.0), (0.95, 1.0), (0.7, 1.0))
ZONES = {
    "a": (Zone("in", LEFT, 0, Role.ENTRY), Zone("out", RIGHT, 0, Role.EXIT)),
    "b": (Zone("in", LEFT, 0, Role.ENTRY), Zone("out", RIGHT, 0, Role.EXIT)),
    "plain": (),
}
WAY = Passage("a", "out", "b", "in", within_ms=10_000, at_least_ms=1000)
NOTHING = value()


def track(number: int, camera: str = "plain") -> TrackId:
    return TrackId(camera, "s", number)


class Shop:
    """Tells a TrackLinker of people by where their middle is; time in seconds."""

    def __init__(self) -> None:
        self.handover = TrackLinker(ZONES, [WAY])
        self.worn = {}

    def see(
        self, second: float, *people: tuple[int, float], camera: str = "plain", h: float = 300
    ) -> list[TrackLink]:
        seen = tuple(
            Detection(Kind.PERSON, "person", 0.9, Box(x - 50, 400, 100, h), track(number, camera))
            for number, x in people
        )
        frame = Frame(camera, int(second * 1000) * MS, SIZE, seen)
        return self.handover.update(frame, lambda t: self.worn.get(t, NOTHING))

    def links(self, second: float, *people: tuple[int, float], camera: str = "plain", h: float = 300):
        """See people for a second from then on; return (old, new) of the links."""
        found = [link for i in range(6) for link in self.see(second + i * 0.2, *people, camera=camera, h=h)]
        assert all(0 < link.certainty < 1 for link in found)
        return [(link.old.number, link.new.number) for link in found]


@pytest.mark.parametrize(
    ("gap", "x", "h", "linked"),
    [
        (0.5, 520, 300, True),
        (4.0, 800, 300, True),
        (0.5, 800, 300, False),
        (7.9, 500, 300, True),
        (8.1, 500, 300, False),
        (2.0, 500, 150, False),
        (2.0, 20, 300, False),
    ],
    ids=["near", "walked on", "too far", "late", "too late", "another size", "in by the edge"],
)
def test_lost_and_found_on_one_camera(gap: float, x: float, h: float, linked: bool) -> None:
    shop = Shop()
    shop.see(0, (1, 500))
    assert shop.links(gap, (2, x), h=h) == ([(1, 2)] if linked else [])


@pytest.mark.parametrize(
    ("wait", "x", "linked"), [(5, 200, True), (0.5, 200, False), (11, 200, False), (5, 500, False)]
)
def test_handed_over_by_exit_and_entry(wait: float, x: float, linked: bool) -> None:
    shop = Shop()
    shop.see(0, (1, 800), camera="a")
    assert shop.links(wait, (7, x), camera="b") == ([(1, 7)] if linked else [])


def test_who_left_by_the_exit_is_not_found_again_by_the_door() -> None:
    shop = Shop()
    shop.see(0, (1, 800), camera="a")
    assert shop.links(1, (2, 780), camera="a") == []


@pytest.mark.parametrize("visible", [True, False])
def test_who_is_still_in_sight_is_nobody_else(visible: bool) -> None:
    shop = Shop()
    shop.see(0, (1, 500))
    people = [(2, 520), (1, 480)] if visible else [(2, 520)]
    assert shop.links(1, *people) == ([] if visible else [(1, 2)])


def test_where_two_could_be_meant_nobody_is() -> None:
    shop = Shop()
    shop.see(0, (1, 480), (2, 520))
    assert shop.links(1, (3, 500)) == []
    shop = Shop()
    shop.see(0, (1, 500))
    assert shop.links(1, (2, 480), (3, 520)) == []


@pytest.mark.parametrize(
    ("first", "second", "new", "linked"),
    [
        ((100,), (200,), "gucci", [(1, 3)]),
        ((), (200,), "gucci", []),
        ((100,), (100,), "gucci", []),
        ((100,), (200,), "prada", []),
    ],
)
def test_what_is_worn_tells_which_of_two(first, second, new, linked) -> None:
    shop = Shop()
    shop.worn = {
        track(1): value(*first, brand="gucci"),
        track(2): value(*second, brand="gucci" if first == second else "nike"),
    }
    shop.see(0, (1, 480), (2, 520))
    assert shop.links(1, (3, 500)) == []
    shop.worn[track(3)] = value(100, brand=new)
    assert shop.links(4, (3, 500)) == linked


def test_frames_of_another_camera_that_are_a_little_older_judge_nobody_early() -> None:
    """The frames of one batch were captured in any order."""
    shop = Shop()
    shop.see(0, (1, 500))
    found = shop.see(1, (2, 480))
    found += shop.see(0.97, camera="a")
    for step in range(8):  # a second one shows up, nearer by: who of them it is, only items tell
        found += shop.see(1.2 + step / 5, (2, 480), (3, 505))
    assert found == []
    shop.worn = {track(1): value(100, brand="gucci"), track(3): value(100, brand="gucci")}
    shop.worn[track(2)] = value(100, brand="nike")
    assert shop.see(2.97, camera="a") == []
    assert [(link.old, link.new) for link in shop.see(3, (2, 480), (3, 505))] == [(track(1), track(3))]


def test_a_link_is_told_once_and_the_trail_goes_on() -> None:
    shop = Shop()
    shop.see(0, (1, 500))
    assert shop.links(1, (2, 500)) == [(1, 2)]
    assert shop.links(4, (2, 500)) == []
    assert shop.links(8, (3, 500)) == [(2, 3)]


def test_nothing_is_kept_of_those_who_left() -> None:
    shop = Shop()
    for number in range(50):
        shop.see(number, (number, 500 if number % 2 else 900))
        shop.handover.end(track(number))
    assert shop.handover.expire(1000 * 1000 * MS)
    assert len(shop.handover) == 0
