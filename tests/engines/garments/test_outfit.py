from __future__ import annotations

import numpy as np
import pytest

from engines.colour import from_bgr
from engines.garments.classes import CLASSES, GROUP_OF, GROUPS
from engines.garments.colours import COLOURS, middle_colour, name_of
from engines.garments.outfit import Outfit
from engines.letterbox import Fit
from pricing.slots import TYPES, slot_of

TALL, WIDE = 80, 48
Place = tuple[int, int, int, int]
RGB = {
    "black": (20, 20, 22),
    "white": (245, 245, 243),
    "grey": (128, 128, 128),
    "beige": (214, 196, 165),
    "brown": (101, 67, 33),
    "red": (190, 20, 30),
    "orange": (240, 130, 20),
    "yellow": (245, 220, 40),
    "green": (40, 130, 60),
    "blue": (60, 110, 200),
    "navy": (20, 25, 70),
    "purple": (120, 50, 150),
    "pink": (245, 160, 190),
}
STANDING = {
    "hair": (2, 20, 6, 28),
    "skin": (6, 20, 12, 28),
    "shirt": (12, 14, 40, 34),
    "jeans": (40, 16, 70, 32),
    "shoes": (70, 14, 76, 34),
}


def outfit(
    places: dict[str, Place],
    colours: dict[str, tuple[int, int, int]] | None = None,
    share: float = 0.9,
    picture: tuple[int, int] = (192, 320),
) -> Outfit:
    """Return an outfit with classes in rectangles (top, left, bottom, right in cells)."""
    rest = (1 - share) / (len(CLASSES) - 1)
    shares = np.full((len(CLASSES), TALL, WIDE), rest, np.float32)
    shares[0] = share
    pixels = np.full((TALL * 4, WIDE * 4, 3), 90, np.uint8)
    for name, (top, left, bottom, right) in places.items():
        shares[:, top:bottom, left:right] = rest
        shares[CLASSES.index(name), top:bottom, left:right] = share
        pixels[top * 4 : bottom * 4, left * 4 : right * 4] = (colours or {}).get(name, (128, 128, 128))
    return Outfit(shares, pixels, Fit.of(picture, (192, 320)))


def test_every_class_of_clothes_is_a_type_of_the_product() -> None:
    assert set(CLASSES[3:]) == set(GROUP_OF) <= TYPES
    assert {"top", "outerwear", "trousers", "shoes"} <= TYPES
    assert all(len({slot_of(one) for one in members}) == 1 for members in GROUPS.values())


@pytest.mark.parametrize(("name", "rgb"), RGB.items())
def test_colours_are_called_as_people_call_them(name: str, rgb: tuple[int, int, int]) -> None:
    assert set(RGB) == set(COLOURS)
    rng = np.random.default_rng(1)
    pixels = np.clip(np.array(rgb) + rng.normal(0, 4, (200, 3)), 0, 255).astype(np.uint8)
    assert name_of(pixels) == name


def test_stripes_have_no_colour() -> None:
    stripes = np.array([RGB["red"], RGB["white"], RGB["blue"]] * 30, np.uint8)
    assert name_of(stripes) is None
    assert name_of(stripes[:2]) is None


@pytest.mark.parametrize(
    ("box", "colour"),
    [
        ((20, 20, 60, 80), "red"),
        ((10, 10, 70, 90), "red"),
        ((-40, 20, 60, 80), "red"),
        ((55, 0, 100, 100), None),
        ((60, 60, 60, 60), None),
        ((40, 40, 41, 41), None),
        ((200, 200, 240, 260), None),
    ],
)
def test_the_colour_of_a_box_is_that_of_what_fills_its_middle(
    box: tuple[float, float, float, float], colour: str | None
) -> None:
    bgr = np.random.default_rng(2).integers(0, 256, (100, 100, 3), np.uint8)
    bgr[20:80, 20:60] = RGB["red"][::-1]
    assert middle_colour(from_bgr(bgr), box) == colour


def test_a_person_in_shirt_and_jeans() -> None:
    worn = outfit(STANDING, {"shirt": RGB["white"], "jeans": RGB["navy"]})
    assert {(g.type, g.colour) for g in worn.garments} == {
        ("shirt", "white"),
        ("jeans", "navy"),
        ("shoes", "grey"),
    }
    assert worn.is_person
    shirt = next(g for g in worn.garments if g.type == "shirt")
    assert shirt.box == (56, 48, 136, 160)
    assert shirt.confidence == pytest.approx(0.89, abs=0.02)


@pytest.mark.parametrize(
    ("more", "there", "gone"),
    [
        ({"coat": (12, 12, 60, 22)}, "coat", "shirt"),
        ({"dress": (20, 14, 60, 34)}, "dress", "shirt"),
        ({"scarf": (12, 20, 16, 28)}, "scarf", None),
        ({"scarf": (12, 20, 13, 22)}, None, "scarf"),
    ],
)
def test_the_outer_layer_is_what_is_worn(more: dict[str, Place], there: str | None, gone: str | None) -> None:
    types = {g.type for g in outfit(STANDING | more).garments}
    assert there is None or there in types
    assert gone not in types


ABOVE = {"shirt": (12, 14, 34, 34), "dress": (34, 12, 66, 36), "shoes": (70, 14, 76, 34)}


@pytest.mark.parametrize(
    ("places", "types"),
    [
        (ABOVE, {"shirt", "skirt", "shoes"}),
        (ABOVE | {"shirt": (12, 14, 18, 34), "dress": (18, 12, 66, 36)}, {"dress", "shoes"}),
        (ABOVE | {"shirt": (12, 12, 40, 17), "dress": (14, 17, 66, 36)}, {"dress", "shoes"}),
        (ABOVE | {"dress": (34, 12, 48, 36), "jeans": (48, 12, 70, 36)}, {"top", "jeans", "shoes"}),
        (ABOVE | {"shirt": (12, 14, 13, 15), "jeans": (66, 20, 69, 30)}, {"dress", "shoes"}),
    ],
    ids=["a skirt", "a collar", "an open shirt", "a shirt's hem", "a dress's hem"],
)
def test_a_dress_that_begins_below_a_top_is_a_skirt(places: dict[str, Place], types: set[str]) -> None:
    worn = outfit(places)
    assert {g.type for g in worn.garments} == types
    if "skirt" in types:
        assert worn.at((80, 180, 110, 200)) == "skirt"


def test_a_dress_is_said_where_it_is_sure() -> None:
    dress = {"dress": (12, 12, 66, 36)}
    assert [g.type for g in outfit(dress, share=0.7).garments] == ["dress"]
    assert [g.type for g in outfit(dress, share=0.65).garments] == ["top"]


def test_doubt_leaves_the_finer_type_out_then_the_thing() -> None:
    both = outfit(STANDING)
    shares = both._shares
    half = shares.copy()
    shirt, sweater, coat = (CLASSES.index(name) for name in ("shirt", "sweater", "coat"))
    area = (slice(12, 40), slice(14, 34))
    half[(shirt, *area)] = half[(sweater, *area)] = 0.45
    pixels = np.zeros((320, 192, 3), np.uint8)
    fit = Fit.of((192, 320), (192, 320))
    assert {g.type for g in Outfit(half, pixels, fit).garments} == {"top", "jeans", "shoes"}
    half[(coat, *area)] = 0.45
    half[(sweater, *area)] = 0.0
    assert {g.type for g in Outfit(half, pixels, fit).garments} == {"top", "jeans", "shoes"}
    half[(CLASSES.index("bag"), *area)] = 0.45
    half[(coat, *area)] = 0.0
    assert {g.type for g in Outfit(half, pixels, fit).garments} == {"jeans", "shoes"}


@pytest.mark.parametrize(
    ("waist", "sure", "type_"),
    [(40, 0.55, "coat"), (34, 0.55, "coat"), (28, 0.55, "top"), (40, 0.45, "top")],
    ids=["all of it", "most of it", "half of it", "unsure"],
)
def test_a_layer_that_covers_most_is_told_from_less(waist: int, sure: float, type_: str) -> None:
    shares = outfit(STANDING)._shares.copy()
    shirt, sweater, coat = (CLASSES.index(name) for name in ("shirt", "sweater", "coat"))
    shares[:, 12:40, 14:34] = 0.0
    shares[coat, 12:waist, 14:34], shares[shirt, 12:waist, 14:34] = sure, 0.4
    shares[sweater, waist:40, 14:34], shares[coat, waist:40, 14:34] = 0.55, 0.4
    fit = Fit.of((192, 320), (192, 320))
    worn = Outfit(shares, np.zeros((320, 192, 3), np.uint8), fit)
    assert {g.type for g in worn.garments} == {type_, "jeans", "shoes"}


@pytest.mark.parametrize(
    ("box", "type_"),
    [
        ((80, 80, 110, 100), "shirt"),
        ((80, 200, 90, 210), "jeans"),
        ((0, 0, 20, 20), None),
        ((85, 28, 100, 40), None),
        ((-50, -50, -10, -10), None),
        ((60, 284, 120, 300), "shoes"),
    ],
)
def test_a_mark_is_on_what_lies_there(box: tuple[float, float, float, float], type_: str | None) -> None:
    assert outfit(STANDING).at(box) == type_


@pytest.mark.parametrize(("sure", "columns", "is_person"), [(0.9, 5, True), (0.9, 4, False), (0.7, 5, False)])
def test_little_skin_is_a_persons_where_it_is_surely_skin(sure: float, columns: int, is_person: bool) -> None:
    """Skin within the clothes, under the share that skin alone needs; a mannequin's is never sure."""
    shares = outfit({"coat": (4, 2, 78, 46)})._shares.copy()
    shares[:, 20, 10 : 10 + columns] = 0
    shares[CLASSES.index("skin"), 20, 10 : 10 + columns] = sure
    shares[CLASSES.index("background"), 20, 10 : 10 + columns] = 1 - sure
    seen = Outfit(shares, np.zeros((320, 192, 3), np.uint8), Fit.of((192, 320), (192, 320)))
    assert seen.is_person is is_person


def test_who_is_dressed_from_top_to_shoes_is_a_person_though_no_skin_is_seen() -> None:
    clothes = {name: place for name, place in STANDING.items() if name not in {"hair", "skin"}}
    assert outfit(clothes).is_person
    for missing in clothes:
        assert not outfit({name: place for name, place in clothes.items() if name != missing}).is_person


def test_boxes_are_in_pixels_of_the_crop_and_black_borders_are_nothing() -> None:
    wide = outfit({"coat": (0, 0, 80, 48)}, picture=(96, 80))
    (coat,) = wide.garments
    assert coat.box == (0, 0, 96, 80)
    assert wide.at((10, 10, 20, 20)) == "coat"


@pytest.mark.parametrize(("right", "there"), [(26, False), (32, True)])
def test_a_bag_of_hardly_any_size_is_a_fold(right: int, there: bool) -> None:
    """Of 14 and of 56 cells, where 2,000 are worn."""
    worn = outfit({"coat": (10, 4, 60, 44), "bag": (62, 24, 69, right)})
    assert ("bag" in [garment.type for garment in worn.garments]) is there


@pytest.mark.parametrize(
    ("place", "there"),
    [((2, 4, 16, 12), True), ((1, 4, 16, 12), False), ((70, 4, 78, 10), True), ((74, 4, 80, 10), False)],
    ids=["below the edge", "an arm raised", "above the edge", "a print at the edge"],
)
def test_bags_hang_and_what_begins_at_the_lower_edge_is_larger(place: Place, there: bool) -> None:
    """Of the edges of the crop; 2,000 cells are worn."""
    worn = outfit({"coat": (10, 12, 60, 44), "trousers": (60, 14, 70, 54), "bag": place})
    assert ("bag" in [garment.type for garment in worn.garments]) is there


@pytest.mark.parametrize(("share", "supported"), [(0.3, True), (0.1, False)])
def test_what_another_took_for_a_bag_is_denied_where_hardly_anything_speaks_for_it(
    share: float, supported: bool
) -> None:
    shares = np.full((len(CLASSES), TALL, WIDE), 0.001, np.float32)
    shares[0] = 1 - share
    shares[CLASSES.index("bag"), 40:60, 10:30] = share
    worn = Outfit(shares, np.zeros((320, 192, 3), np.uint8), Fit.of((192, 320), (192, 320)))
    assert worn.garments == ()
    assert worn.supports_bag((40, 160, 120, 240)) is supported
    assert not worn.supports_bag((130, 0, 190, 100))


@pytest.mark.parametrize(
    ("coat", "right", "there"),
    [
        ((), 25, True),
        (((12, 10, 40, 23),), 25, True),
        (((12, 10, 40, 23), (12, 25, 40, 38)), 25, False),
        ((), 34, False),
    ],
    ids=["on a shirt", "one half of a coat beside it", "the shirt in an open coat", "wide"],
)
def test_a_tie_is_narrow_and_lies_on_a_shirt(coat: tuple[Place, ...], right: int, there: bool) -> None:
    shares = outfit(STANDING)._shares.copy()
    for top, left, bottom, end in coat:
        shares[:, top:bottom, left:end] = 0
        shares[CLASSES.index("coat"), top:bottom, left:end] = 1
    fit = Fit.of((192, 320), (192, 320))
    worn = Outfit(shares, np.zeros((320, 192, 3), np.uint8), fit)
    assert worn.supports_tie((23 * 4, 14 * 4, right * 4, 34 * 4)) is there


def test_of_two_bags_the_larger_counts() -> None:
    (bag,) = outfit({"bag": (50, 36, 60, 46), "background": (0, 0, 2, 2)}).garments
    assert bag.type == "bag"
    worn = outfit({"bag": (50, 36, 60, 46), "skin": (4, 4, 6, 6)})
    assert not outfit({"bag": (50, 36, 60, 46)}).is_person
    assert worn.is_person
