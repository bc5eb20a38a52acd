"""A pattern on a bag is the bag's, though the parser takes the bag for a garment; in doubt it is nobody's."""

from __future__ import annotations

import numpy as np
import pytest

from engines.garments.outfit import ClothRegion
from engines.marks.types import Route, Sighting
from probes.recognition.pattern_wearer import DetectedThing, worn_patterns

Corners = tuple[float, float, float, float]


def region(type_: str, *box: float) -> ClothRegion:
    left, top, right, bottom = box
    return ClothRegion(
        type_, (left, top, right, bottom), np.ones((int(bottom - top), int(right - left)), np.bool_)
    )


def seen(*windows: Corners, brand: str = "check") -> Sighting:
    box = (0.0, 0.0, 200.0, 300.0)  # around all of the garment: the windows decide, not this
    return Sighting(brand, 0.9, box, Route.PATTERN, 0.8, windows=windows)


def squares(*corners: tuple[float, float]) -> list[Corners]:
    return [(x, y, x + 40, y + 40) for x, y in corners]


COAT = region("coat", 0, 0, 200, 300)
TOP = region("top", 20, 100, 110, 200)
ON_BAG, ON_COAT, ACROSS = (
    squares((20, 100), (60, 100), (40, 140)),
    squares((140, 20), (100, 60), (150, 200)),
    squares((20, 100), (60, 140), (130, 20), (140, 200)),
)
PLACE = (15.0, 95.0, 115.0, 205.0)
BAG = DetectedThing("handbag", PLACE)


@pytest.mark.parametrize(
    ("windows", "cloth", "things", "expected"),
    [
        (ON_BAG, [COAT], [BAG], "handbag"),
        (ON_BAG, [COAT], [], "coat"),
        (ON_COAT, [COAT], [BAG], "coat"),
        (ON_BAG, [TOP], [BAG], None),  # bag and garment are at one place: either
        (ON_BAG, [TOP, region("coat", 0, 200, 200, 300)], [BAG], "handbag"),  # two layers of one slot
        (ON_BAG, [TOP, region("skirt", 0, 200, 200, 300)], [BAG], None),  # a skirt is another slot
        (ACROSS, [COAT], [BAG], None),  # half of it in the bag's box, half beside it
        (ON_BAG, [COAT], [DetectedThing("handbag", PLACE, is_own=False)], None),
        (ON_BAG, [COAT], [DetectedThing("handbag", (0, 0, 190, 290)), BAG], "handbag"),
        (ON_BAG, [COAT], [DetectedThing("handbag", (0, 0, 200, 300))], None),
        (squares((20, 80), (60, 80), (100, 120)), [COAT], [DetectedThing("tie", (60, 80, 100, 200))], "coat"),
        (ON_BAG, [COAT], [DetectedThing("suitcase", PLACE)], "suitcase"),
    ],
)
def test_what_wears_a_pattern_that_the_parser_says_is_on_a_garment(windows, cloth, things, expected) -> None:
    found = worn_patterns([(cloth[0].type, seen(*windows))], cloth, things, sees_bag=False)
    assert [type_ for type_, _ in found] == ([] if expected is None else [expected])


PARSED = region("bag", 20, 90, 110, 210)


@pytest.mark.parametrize(
    ("on_garment", "things", "sees_bag", "expected"),
    [
        (None, [], False, ["bag"]),
        (ON_COAT, [], False, ["coat"]),  # an elbow in the coat's own pattern is a bag to the parser
        (ON_COAT, [], True, ["coat", "bag"]),
        (ON_COAT, [BAG], False, ["coat", "bag"]),
        (ON_BAG, [], True, ["bag", "bag"]),  # a part of the bag that the parser takes for the coat
    ],
)
def test_one_pattern_on_a_bag_and_on_a_garment(on_garment, things, sees_bag, expected) -> None:
    found = [("bag", seen(*ON_BAG))]
    if on_garment:
        found.append(("coat", seen(*on_garment)))
    told = worn_patterns(found, [COAT, PARSED], things, sees_bag=sees_bag)
    assert [type_ for type_, _ in told] == expected


def test_brands_are_judged_apart() -> None:
    found = [("coat", seen(*ON_BAG)), ("coat", seen(*ON_COAT, brand="other"))]
    told = worn_patterns(found, [COAT], [BAG], sees_bag=False)
    assert [(type_, one.brand) for type_, one in told] == [("handbag", "check"), ("coat", "other")]
