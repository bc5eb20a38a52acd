from __future__ import annotations

import pytest

from pricing.errors import BadInput
from pricing.slots import SLOTS, TYPES, ancestors, normal_type, slot_of, zone_slot


@pytest.mark.parametrize(
    ("type_", "line"),
    [
        ("bomber", ["bomber", "jacket", "outerwear", "top"]),
        ("handbag", ["handbag", "bag"]),
        ("shoes", ["shoes"]),
        ("running-shoes", ["running-shoes", "sneakers", "shoes"]),
    ],
)
def test_ancestors(type_: str, line: list[str]) -> None:
    assert list(ancestors(type_)) == line
    assert slot_of(type_) == line[-1]


def test_every_type_ends_in_a_slot() -> None:
    assert {slot_of(type_) for type_ in TYPES} == set(SLOTS)


@pytest.mark.parametrize("label", ["backpack", "umbrella", "handbag", "tie", "suitcase"])
def test_the_detector_s_labels_are_types(label: str) -> None:
    assert label in TYPES


@pytest.mark.parametrize(
    ("text", "type_"),
    [("T-Shirt", "t-shirt"), ("tee", "t-shirt"), ("Trench coat", "trench-coat"), ("pants", "trousers")],
)
def test_normal_type(text: str, type_: str) -> None:
    assert normal_type(text) == type_


@pytest.mark.parametrize(("text", "word"), [("handbgs", '"handbag"'), ("xyzzy", "top")])
def test_unknown_type(text: str, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        normal_type(text)


@pytest.mark.parametrize(
    ("height", "slot"),
    [
        (-0.1, "hat"),
        (0.05, "hat"),
        (0.3, "top"),
        (0.5, "top"),
        (0.7, "trousers"),
        (0.95, "shoes"),
        (1.1, "shoes"),
    ],
)
def test_zone_slot(height: float, slot: str) -> None:
    assert zone_slot(height) == slot
