"""Brands on nobody: on a picture without people, and beside them."""

from __future__ import annotations

import pytest

from engines.marks.types import Route
from probes.answers import LookAnswer, Mark
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.unworn import (
    Unworn,
    around,
    nobody,
    on_nobody,
    seen_beside_people,
    seen_on_nobody,
    things_apart,
)

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


WOMAN = Detection(Kind.PERSON, "person", 0.9, Box(100, 50, 100, 300), TrackId("picture", "p", 1))
MANNEQUIN = Detection(Kind.PERSON, "person", 0.9, Box(500, 50, 100, 300), TrackId("picture", "p", 2))


def bag_at(x: float, y: float) -> Detection:
    return Detection(Kind.ACCESSORY, "handbag", 0.7, Box(x, y, 60, 60))


def picture(*detections: Detection) -> Frame:
    return Frame("picture", 0, (800, 400), detections)


def word_at(x: float, y: float, brand: str = "prada") -> Mark:
    return Mark(brand, 0.95, Box(x - 10, y - 5, 20, 10), Route.WORDS)


@pytest.mark.parametrize(
    ("bag", "apart"),
    [
        (bag_at(300, 290), True),
        (bag_at(400, 100), True),
        (bag_at(120, 200), False),
        (bag_at(178, 290), False),  # at her feet: hers
        (bag_at(205, 290), True),
    ],
)
def test_which_things_are_apart(bag: Detection, apart: bool) -> None:
    assert things_apart(picture(WOMAN, bag)) == ([bag] if apart else [])


def test_a_thing_that_was_found_twice_is_one() -> None:
    bag, suitcase = bag_at(300, 290), bag_at(303, 290)._replace(label="suitcase", confidence=0.8)
    assert things_apart(picture(WOMAN, bag, suitcase)) == [suitcase]


def test_what_somebody_carries_is_on_nobody_neither_as_it_is_nor_as_what_it_was_taken_for_besides() -> None:
    bag = bag_at(178, 290)
    word = LookAnswer(TrackId("picture", "nobody", 0), picture(), (word_at(225, 320),))
    for confidence in (0.5, 0.95):
        twin = Detection(Kind.ACCESSORY, "suitcase", confidence, Box(190, 285, 70, 70))
        assert seen_beside_people([word], picture(WOMAN, bag, twin)) == []


def test_a_thing_between_two_people_may_be_either_ones_and_is_on_nobody_for_sure_of_neither() -> None:
    man = WOMAN._replace(box=Box(170, 50, 100, 300), track=TrackId("picture", "p", 3))
    assert things_apart(picture(WOMAN, man, bag_at(155, 290))) == []
    doubtful = man._replace(kind=Kind.DOUBTFUL, track=None)
    assert things_apart(picture(doubtful, bag_at(180, 200))) == []


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        (word_at(330, 320), [("prada", "handbag")]),
        (word_at(150, 150), []),  # on her
        (word_at(210, 150), []),  # in her hand, perhaps
        (word_at(260, 150), [("prada", None)]),
        (word_at(550, 150), []),
    ],
)
def test_marks_beside_people(mark: Mark, expected: list[tuple[str, str | None]]) -> None:
    frame = picture(WOMAN, MANNEQUIN, bag_at(300, 290))
    answer = LookAnswer(TrackId("picture", "nobody", 0), picture(), (mark,))
    assert [(one.brand, one.type) for one in seen_beside_people([answer], frame)] == expected


def test_what_a_mannequin_wears_is_on_nobody() -> None:
    frame, track = picture(WOMAN, MANNEQUIN), MANNEQUIN.track
    assert track is not None
    worn = LookAnswer(track, frame, (word_at(550, 150),))
    assert [one.brand for one in seen_beside_people([worn], frame, {track})] == ["prada"]
    assert seen_beside_people([worn], frame) == []


def test_one_mark_in_two_looks_is_named_once() -> None:
    frame, mark = picture(WOMAN, bag_at(300, 290)), word_at(330, 320)
    looks = [LookAnswer(TrackId("picture", "nobody", 0), picture(), (mark,)) for _ in range(2)]
    assert len(seen_beside_people(looks, frame)) == 1


def test_a_thing_is_read_with_a_rim() -> None:
    assert around(Box(100, 200, 50, 20)) == Box(95, 198, 60, 24)


def test_the_words_beside_people() -> None:
    assert on_nobody([]) == ""
    assert on_nobody([{"brand": "Prada", "type": "handbag"}]) == "seen, on nobody: handbag (Prada)"
