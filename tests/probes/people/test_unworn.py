"""Brands on a picture without people."""

from __future__ import annotations

import pytest

from engines.marks.types import Route
from probes.answers import LookAnswer, Mark
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.unworn import Unworn, nobody, seen_on_nobody

PLACE = Box(100, 100, 40, 40)
BAG = Detection(Kind.ACCESSORY, "handbag", 0.7, Box(50, 50, 200, 200))


def symbol(confidence: float, brand: str = "nike", size: float = 40) -> Mark:
    return Mark(brand, confidence, Box(100, 100, size, size), Route.SYMBOL)


WORD = Mark("nike", 0.9, PLACE, Route.WORDS)


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([], []),
        ([symbol(0.9)], ["nike"]),
        ([symbol(0.7)], []),
        ([symbol(0.9, size=20)], []),
        ([WORD], ["nike"]),
        ([symbol(0.7), symbol(0.7)], []),
        ([symbol(0.7), Mark("nike", 0.7, PLACE, Route.EMBLEM)], ["nike"]),
        ([symbol(0.85), Mark("gucci", 0.99, PLACE, Route.SYMBOL)], ["gucci", "nike"]),
    ],
)
def test_what_is_named(marks: list[Mark], expected: list[str]) -> None:
    answer = LookAnswer(TrackId("picture", "p", 0), Frame("picture", 0, (400, 400), (BAG,)), tuple(marks))
    assert [seen.brand for seen in seen_on_nobody(answer)] == expected


@pytest.mark.parametrize(
    ("things", "slots", "expected"),
    [
        ((), None, None),
        ((BAG,), None, "handbag"),
        ((BAG,), frozenset({"bag"}), "handbag"),
        ((BAG,), frozenset({"shoes"}), None),
    ],
)
def test_what_it_is_on(
    things: tuple[Detection, ...], slots: frozenset[str] | None, expected: str | None
) -> None:
    mark = Mark("nike", 0.95, PLACE, Route.SYMBOL, slots)
    frame = Frame("picture", 0, (400, 400), things)
    answer = LookAnswer(TrackId("picture", "p", 0), frame, (mark,))
    assert seen_on_nobody(answer) == [Unworn("nike", expected, PLACE)]


@pytest.mark.parametrize(
    ("unworn", "expected"),
    [
        ([], "No person detected in the image"),
        (
            [{"brand": "Nike", "type": None}, {"brand": "Gucci", "type": "handbag"}],
            "No person detected in the image; seen, on nobody: Nike, handbag (Gucci)",
        ),
    ],
)
def test_the_sentence(unworn: list[dict[str, str | None]], expected: str) -> None:
    assert nobody("image", unworn) == expected
