from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon  # type: ignore[import-untyped]  # ships no types

from probes.frame import Box, TrackId
from probes.people.zones import MAX_VISITS, Zone, Zones, ZoneVisit, contains, foot_point
from tests.fakes.scenes import frame, person

ANN, BOB = TrackId("entrance", "k7f3", 1), TrackId("entrance", "k7f3", 2)
LEFT = Zone("left", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
BELOW = Zone("below", ((0, 0.5), (1, 0.5), (1, 1), (0, 1)), dwell_ms=500)
IN, OUT = 100, 500
START = frame().captured_at


def walk(zones: Zones, steps: list[tuple[int, int]]) -> list[list[str]]:
    """Show a person at each (ms, left edge); return the zones visited after each."""
    shown = []
    for ms, x in steps:
        visits = zones.update(frame(person(x, 20, 40, 100, ANN), ms=ms))
        shown.append([visit.zone for visit in visits.get(ANN, [])])
    return shown


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(0, IN), (100, IN)], [[], ["left"]]),
        ([(0, IN), (100, OUT), (200, IN), (300, IN)], [[], [], [], ["left"]]),
        ([(0, IN), (100, IN), (200, OUT), (300, IN)], [[], ["left"], ["left"], ["left"]]),
        ([(0, IN), (100, IN), (1000, OUT), (1100, OUT)], [[], ["left"], ["left"], []]),
        ([(0, IN), (100, IN), (5000, IN)], [[], ["left"], ["left"]]),
        ([(0, OUT), (100, OUT)], [[], []]),
    ],
    ids=["in", "one stray sighting", "one stray step out", "out", "hidden for long", "elsewhere"],
)
def test_who_enters_stays_through_stray_sightings(
    steps: list[tuple[int, int]], expected: list[list[str]]
) -> None:
    assert walk(Zones([LEFT]), steps) == expected


def test_a_stay_counts_once_it_is_long_enough() -> None:
    zones = Zones([BELOW])
    visits = [zones.update(frame(person(10, 300, 40, 100, ANN), ms=ms)) for ms in (0, 300, 499, 500, 700)]
    assert [len(visit) for visit in visits] == [0, 0, 0, 1, 1]
    assert visits[-1] == {ANN: [ZoneVisit("below", START, 700)]}


def test_dwell_ends_with_the_last_sighting_inside() -> None:
    zones = Zones([LEFT])
    walk(zones, [(0, IN), (400, IN), (800, OUT), (2000, OUT)])
    assert zones.forget(ANN) == [ZoneVisit("left", START, 400)]
    assert zones.forget(ANN) == []


def test_a_short_stay_is_none() -> None:
    zones = Zones([Zone("left", LEFT.polygon, dwell_ms=500)])
    walk(zones, [(0, IN), (400, IN), (3000, OUT)])
    assert zones.forget(ANN) == []


def test_zones_overlap_and_know_persons_apart() -> None:
    zones = Zones([LEFT, BELOW])
    for ms in (0, 300, 600):
        visits = zones.update(frame(person(10, 300, 40, 100, ANN), person(400, 300, 40, 100, BOB), ms=ms))
    assert {track: [visit.zone for visit in found] for track, found in visits.items()} == {
        ANN: ["left", "below"],
        BOB: ["below"],
    }
    assert [visit.zone for visit in zones.forget(ANN)] == ["left", "below"]
    assert [visit.zone for visit in zones.forget(BOB)] == ["below"]


def test_unconfirmed_persons_leave_no_trace() -> None:
    zones = Zones([LEFT])
    assert not any(zones.update(frame(person(IN, 20, 40, 100), ms=ms)) for ms in (0, 100, 200))


def test_a_clock_set_back_keeps_the_dwell() -> None:
    zones = Zones([LEFT])
    walk(zones, [(10_000, IN), (10_400, IN), (2_000, IN), (2_100, IN)])
    assert zones.forget(ANN) == [ZoneVisit("left", START + 1_600_000_000, 500)]


def test_past_visits_are_bounded() -> None:
    zones = Zones([LEFT], enter_hits=1, leave_ms=0)
    walk(zones, [(ms, (IN, OUT)[ms % 2]) for ms in range(4 * MAX_VISITS)])
    assert len(zones.forget(ANN)) == MAX_VISITS


@pytest.mark.parametrize(
    ("box", "foot"),
    [
        (Box(100, 100, 40, 140), (0.1875, 0.5)),
        (Box(100, 300, 40, 180), (0.1875, 1.0)),
        (Box(-50, 300, 60, 400), (0.0, 1.0)),
        (Box(630, 10, 60, 110), (1.0, 0.25)),
    ],
)
def test_people_stand_where_their_box_ends(box: Box, foot: tuple[float, float]) -> None:
    assert foot_point(box, (640, 480)) == foot


def test_a_zone_at_the_edge_holds_who_is_cut_off_there() -> None:
    assert contains(BELOW.polygon, 0.0, 1.0)
    assert contains(BELOW.polygon, 0.7, 1.0)


# Eighths are exact in binary, so that points on edges are, too.
eighth = st.integers(0, 8).map(lambda n: n / 8)
corners = st.lists(st.tuples(eighth, eighth), min_size=3, max_size=7)


@settings(max_examples=300)
@given(corners, eighth, eighth)
@example([(0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.0, 1.0)], 0.75, 0.5)
def test_contains_agrees_with_shapely(polygon: list[tuple[float, float]], x: float, y: float) -> None:
    shape = Polygon(polygon)
    assume(shape.is_valid)
    assert contains(polygon, x, y) == shape.covers(Point(x, y))


anywhere = st.floats(0, 1)


@given(st.lists(st.tuples(anywhere, anywhere), min_size=3, max_size=7), anywhere, anywhere)
def test_contains_agrees_with_shapely_off_the_edges(
    polygon: list[tuple[float, float]], x: float, y: float
) -> None:
    shape = Polygon(polygon)
    assume(shape.is_valid and shape.boundary.distance(Point(x, y)) > 1e-9)
    assert contains(polygon, x, y) == shape.covers(Point(x, y))


@pytest.mark.parametrize(
    ("zones", "other"), [([LEFT, LEFT], {}), ([LEFT], {"enter_hits": 0}), ([LEFT], {"leave_ms": -1})]
)
def test_wrong_settings_are_refused(zones: list[Zone], other: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"or more|one name"):
        Zones(zones, **other)


def test_who_stands_in_a_zone_that_stays_goes_on_standing_there():
    wide = Zone("wide", ((0, 0), (1, 0), (1, 1), (0, 1)))
    zones = Zones([LEFT, wide])
    assert walk(zones, [(0, IN), (700, IN)])[-1] == ["left", "wide"]
    zones.reconfigure([Zone("new", LEFT.polygon), LEFT])
    assert walk(zones, [(800, IN), (900, IN)]) == [["left"], ["new", "left"]]
    (visit,) = (v for v in zones.forget(ANN) if v.zone == "left")
    assert visit.dwell_ms == 900


def test_of_two_who_were_exchanged_each_has_the_stays_of_before_and_those_that_followed() -> None:
    """Ann stays in the zone all the time, first on one track, then on the other; Bob comes in after her."""
    zones, met = Zones([LEFT]), START + 1000 * 1_000_000

    def see(ms: int, ann: int, bob: int) -> dict[TrackId, list[ZoneVisit]]:
        return zones.update(frame(person(ann, 20, 40, 100, ANN), person(bob, 20, 40, 100, BOB), ms=ms))

    for ms in range(0, 1000, 100):
        see(ms, IN, OUT)
    for ms in range(1000, 1500, 100):
        see(ms, OUT, IN)
    zones.exchange(ANN, BOB, met)
    assert see(1500, OUT, IN) == {BOB: [ZoneVisit("left", START, 1500)]}
    zones.exchange(TrackId("entrance", "k7f3", 8), TrackId("entrance", "k7f3", 9), met)
    assert zones._persons.keys() == {ANN, BOB}
