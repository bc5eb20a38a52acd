"""Garments, bags and patterns of a look, and which mark is on which."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engines.colour import from_bgr
from engines.garments.classes import CLASSES
from engines.garments.outfit import Outfit
from engines.letterbox import Fit
from engines.marks.types import Route, Sighting
from probes.frame import Box, Detection, Kind
from probes.recognition.reading import Recogniser
from probes.recognition.targets import RecognitionTargets
from tests.fakes.looks import (
    BOOK,
    BROKEN,
    CK,
    ELSEWHERE,
    EMBLEM,
    FRAME,
    HERE,
    LOOK,
    SWOOSH,
    Bench,
    FakeOpinion,
    FakeParser,
)
from tests.fakes.marks import sighting

if TYPE_CHECKING:
    from engines.image import I420


def test_a_look_sees_what_is_worn_and_what_its_marks_are_on(caplog: pytest.LogCaptureFixture) -> None:
    shares = np.full((len(CLASSES), 80, 48), 0.001, np.float32)
    shares[0] = 1
    for name, rows in (("skin", slice(0, 8)), ("shirt", slice(8, 40))):
        shares[0, rows, 16:32], shares[CLASSES.index(name), rows, 16:32] = 0, 1
    outfit = Outfit(shares, np.full((320, 192, 3), 250, np.uint8), Fit.of((80, 200), (192, 320)))
    bench, parser = Bench(SWOOSH, CK), FakeParser(outfit)
    bench.gallery.seen = [sighting()]
    looks = Recogniser(bench.reader, bench.finder, garments=parser)
    answer = looks.read(LOOK, bench.targets)
    assert [mark.on for mark in answer.marks] == ["shirt", "shirt"]
    (shirt,) = answer.worn
    assert (shirt.type, shirt.colour, answer.bare) == ("shirt", "white", True)
    assert shirt.box == Box(120, 70, 40, 80)
    parser.error = RuntimeError("broken")
    plain = [looks.read(LOOK, bench.targets) for _ in range(3)]
    assert [(len(one.marks), one.worn, one.bare) for one in plain] == [(2, (), True)] * 3
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    parser.error = parser.outfit = None
    assert looks.read(LOOK, bench.targets).worn == ()


def test_a_look_that_need_not_ask_what_is_worn_asks_only_where_it_sees_a_mark() -> None:
    shares = np.full((len(CLASSES), 80, 48), 0.001, np.float32)
    shares[CLASSES.index("shirt")] = 1
    outfit = Outfit(shares, np.full((320, 192, 3), 250, np.uint8), Fit.of((80, 200), (192, 320)))
    bench, parser = Bench(), FakeParser(outfit)
    looks, look = Recogniser(bench.reader, bench.finder, garments=parser), replace(LOOK, clothes=False)
    answer = looks.read(look, bench.targets)
    assert (answer.marks, answer.worn, answer.bare) == ((), (), True)
    bench.gallery.seen = [sighting()]
    assert [mark.on for mark in looks.read(look, bench.targets).marks] == ["shirt"]


@pytest.mark.parametrize(
    ("name", "sure", "on"), [("belt", 0.6, None), ("belt", 0.95, "belt"), ("bag", 0.5, "bag")]
)
def test_a_mark_is_on_what_the_look_says_is_worn_or_on_a_bag(name: str, sure: float, on: str | None) -> None:
    """A belt that is too unsure to be said held a brand that was on the coat."""
    shares = np.full((len(CLASSES), 80, 48), 0.001, np.float32)
    shares[0] = 1
    for one, rows, share in (
        ("skin", slice(0, 8), 1),
        ("shirt", slice(24, 70), 1),
        (name, slice(8, 24), sure),
    ):
        shares[0, rows, 12:32], shares[CLASSES.index(one), rows, 12:32] = 1 - share, share
    outfit = Outfit(shares, np.zeros((320, 192, 3), np.uint8), Fit.of((80, 200), (192, 320)))
    bench = Bench(SWOOSH)
    bench.gallery.seen = [sighting()]
    looks = Recogniser(bench.reader, bench.finder, garments=FakeParser(outfit))
    assert {mark.on for mark in looks.read(LOOK, bench.targets).marks} == {on}


@pytest.mark.parametrize(("share", "seen"), [(0.3, ["handbag"]), (0.05, [])])
def test_a_bag_that_the_detector_saw_is_worn_where_the_parser_half_agrees(
    share: float, seen: list[str]
) -> None:
    shares = np.full((len(CLASSES), 80, 48), 0.001, np.float32)
    shares[0] = 1 - share
    shares[CLASSES.index("bag")] = share
    outfit = Outfit(shares, np.zeros((320, 192, 3), np.uint8), Fit.of((80, 200), (192, 320)))
    handbag = Detection(Kind.ACCESSORY, "handbag", 0.5, Box(120, 150, 20, 30), None)
    frame = replace(LOOK.frame, detections=(*LOOK.frame.detections, handbag))
    look, bench = replace(LOOK, frame=frame), Bench()
    answer = Recogniser(bench.reader, bench.finder, garments=FakeParser(outfit)).read(look, bench.targets)
    assert [(one.type, one.confidence, one.box) for one in answer.worn] == [
        (type_, 0.5, handbag.box) for type_ in seen
    ]


@pytest.mark.parametrize(
    ("beside", "owner", "tie"),
    [("shirt", Box(136, 80, 6, 40), True), ("coat", Box(136, 80, 6, 40), False), ("coat", None, None)],
)
def test_a_look_says_whether_what_the_detector_took_for_a_tie_may_be_one(
    beside: str, owner: Box | None, tie: bool | None
) -> None:
    shares = np.full((len(CLASSES), 80, 48), 0.001, np.float32)
    shares[CLASSES.index(beside)] = 1
    outfit = Outfit(shares, np.zeros((320, 192, 3), np.uint8), Fit.of((80, 200), (192, 320)))
    seen = [Detection(Kind.ACCESSORY, "tie", 0.6, owner, None)] if owner else []
    look = replace(LOOK, frame=replace(LOOK.frame, detections=(*LOOK.frame.detections, *seen)))
    bench = Bench()
    answer = Recogniser(bench.reader, bench.finder, garments=FakeParser(outfit)).read(look, bench.targets)
    assert answer.tie is tie


@pytest.mark.parametrize(
    ("sure", "opinion", "seen", "asked"),
    [
        (0.9, FakeOpinion(), True, 0),
        (0.6, FakeOpinion(ELSEWHERE, HERE), True, 1),
        (0.6, FakeOpinion(ELSEWHERE), False, 1),
        (0.6, FakeOpinion(), False, 1),
        (0.58, FakeOpinion(HERE), True, 1),
        (0.45, FakeOpinion(HERE), False, 0),
        (0.62, FakeOpinion(error=BROKEN), True, 1),
        (0.58, FakeOpinion(error=BROKEN), False, 1),
        (0.62, None, True, 0),
        (0.58, None, False, 0),
    ],
)
def test_a_bag_of_which_the_parser_is_not_sure_wants_a_second_opinion(
    sure: float, opinion: FakeOpinion | None, seen: bool, asked: int
) -> None:
    """A helmet in the arm is a bag to the parser, and to nobody else."""
    shares = np.full((len(CLASSES), 80, 48), 0.001, np.float32)
    shares[0] = 1
    shares[0, 40:60, 8:24], shares[CLASSES.index("bag"), 40:60, 8:24] = 1 - sure, sure
    outfit = Outfit(shares, np.zeros((320, 192, 3), np.uint8), Fit.of((80, 200), (192, 320)))
    bench = Bench()
    looks = Recogniser(bench.reader, bench.finder, garments=FakeParser(outfit), bags=opinion)
    before = opinion.asked if opinion else 0
    assert [one.type for one in looks.read(LOOK, bench.targets).worn] == (["bag"] if seen else [])
    assert (opinion.asked if opinion else 0) - before == asked


@pytest.mark.parametrize(
    ("patient", "more", "opinion", "seen"),
    [
        (True, {}, FakeOpinion(near=("backpack", 0.3, HERE)), ["backpack"]),
        (True, {}, FakeOpinion(), []),
        (True, {}, FakeOpinion(error=BROKEN), []),
        (True, {}, None, []),
        (False, {}, FakeOpinion(near=("backpack", 0.3, HERE)), []),
        (True, {"shoes": 0.9}, FakeOpinion(near=("backpack", 0.3, HERE)), ["shoes", "backpack"]),
        (True, {"bag": 0.9}, FakeOpinion(near=("backpack", 0.3, HERE)), ["backpack"]),
        (True, {"bag": 0.9}, FakeOpinion(), ["bag"]),
        (True, {"bag": 0.9}, FakeOpinion(error=BROKEN), ["bag"]),
        (True, {"bag": 0.9, "shoes": 0.8}, FakeOpinion(near=("backpack", 0.3, HERE)), ["bag", "shoes"]),
        (False, {"bag": 0.9}, FakeOpinion(near=("backpack", 0.3, HERE)), ["bag"]),
    ],
)
def test_a_bag_on_a_picture_is_what_the_detector_sees_unless_a_whole_person_has_one(
    patient: bool, more: dict[str, float], opinion: FakeOpinion | None, seen: list[str]
) -> None:
    shares = np.full((len(CLASSES), 80, 48), 0.001, np.float32)
    shares[0] = 1
    shares[CLASSES.index("skin"), 10:20, 10:20] = 3
    for place, (name, share) in enumerate(more.items()):
        cells = slice(40 + 15 * place, 52 + 15 * place)
        shares[0, cells, 8:24], shares[CLASSES.index(name), cells, 8:24] = 1 - share, share
    outfit = Outfit(shares, np.zeros((320, 192, 3), np.uint8), Fit.of((80, 200), (192, 320)))
    bench, look = Bench(), replace(LOOK, patient=patient)
    looks = Recogniser(bench.reader, bench.finder, garments=FakeParser(outfit), bags=opinion)
    worn = looks.read(look, bench.targets).worn
    assert [one.type for one in worn] == seen
    if seen == ["backpack"]:
        assert worn[0].box == Box(LOOK.left, LOOK.top + 100, 40, 50)


class Dressed(FakeParser):
    """Sees its outfit on whatever it is shown."""

    def parse(self, crop: I420) -> Outfit | None:
        return self.outfit


class SeesBagHere(FakeOpinion):
    """Sees a bag at HERE on whatever it is shown."""

    def find_near(self, crop: I420) -> tuple[str, float, tuple[float, float, float, float]]:
        return ("backpack", 0.3, HERE)


@pytest.mark.parametrize("way", ["frame", "crop"])
def test_a_bag_that_only_the_detector_sees_has_the_colour_of_what_fills_its_place(way: str) -> None:
    """The parser knows few bags from near: what hung there was told without any colour."""
    shares = np.full((len(CLASSES), 80, 48), 0.001, np.float32)
    shares[0], shares[CLASSES.index("bag")] = 0.7, 0.3
    shares[CLASSES.index("skin"), 10:20, 10:20] = 3
    outfit = Outfit(shares, np.zeros((320, 192, 3), np.uint8), Fit.of((80, 200), (192, 320)))
    bgr = np.full((200, 80, 3), 250, np.uint8)
    bgr[104:146, 4:36] = (30, 60, 110)
    box = Box(LOOK.left, LOOK.top + 100, 40, 50)
    seen = [Detection(Kind.ACCESSORY, "backpack", 0.5, box, None)] if way == "frame" else []
    look = replace(LOOK, crop=from_bgr(bgr), patient=way == "crop")
    look = replace(look, frame=replace(FRAME, detections=(*FRAME.detections, *seen)))
    bench = Bench()
    looks = Recogniser(bench.reader, bench.finder, garments=Dressed(outfit), bags=SeesBagHere())
    assert [(one.type, one.colour) for one in looks.read(look, bench.targets).worn] == [("backpack", "brown")]


@pytest.mark.parametrize(
    ("box", "on"),
    [
        ((5.0, 105.0, 35.0, 140.0), "backpack"),
        ((5.0, 105.0, 15.0, 115.0), "shirt"),
        ((10.0, 20.0, 50.0, 60.0), "shirt"),
        ((20.0, 105.0, 60.0, 140.0), "shirt"),
    ],
)
def test_a_mark_that_fills_a_bag_is_on_it_though_the_parser_takes_its_cloth_for_a_shirt(box, on) -> None:
    shares = np.full((len(CLASSES), 80, 48), 0.001, np.float32)
    shares[CLASSES.index("shirt")] = 1
    shares[CLASSES.index("skin"), :10, :10] = 3
    outfit = Outfit(shares, np.full((320, 192, 3), 250, np.uint8), Fit.of((80, 200), (192, 320)))
    bench, look = Bench(), replace(LOOK, patient=True)
    bench.gallery.seen = [replace(sighting(), box=box)]
    opinion = FakeOpinion(near=("backpack", 0.3, HERE))
    looks = Recogniser(bench.reader, bench.finder, garments=FakeParser(outfit), bags=opinion)
    assert [mark.on for mark in looks.read(look, bench.targets).marks] == [on]


@pytest.mark.parametrize("state", ["seen", "left out", "none enrolled", "broken", "no garments"])
def test_patterns_are_sought_on_what_is_worn_and_only_where_some_are_enrolled(
    state: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[Any] = []

    class Cloth:
        def find(self, bgr: Any, regions: Any, patterns: Any) -> list[tuple[str, Sighting]]:
            asked.append(patterns)
            if state == "broken":
                raise RuntimeError("broken")
            return [("coat", sighting("swoosh", Route.PATTERN))]

    errors: list[Route] = []
    shares = np.full((len(CLASSES), 80, 48), 1 / len(CLASSES), np.float32)
    outfit = Outfit(shares, np.zeros((320, 192, 3), np.uint8), Fit.of((80, 200), (192, 320)))
    garments = None if state == "no garments" else FakeParser(outfit)
    recogniser = Recogniser(garments=garments, patterns=Cloth(), on_error=errors.append)
    patterns: Any = [] if state == "none enrolled" else [object()]
    targets = RecognitionTargets(BOOK, patterns=patterns)
    assert bool(targets) is bool(patterns or BOOK.words or BOOK.stylised)
    without = frozenset({Route.PATTERN} if state == "left out" else ())
    marks = recogniser.read(LOOK, targets, without).marks
    assert bool(asked) is (state in {"seen", "broken"})
    assert errors == ([Route.PATTERN] if state == "broken" else [])
    expected = [("swoosh", Route.PATTERN, "coat")] if state == "seen" else []
    assert [(mark.brand, mark.route, mark.on) for mark in marks] == expected


@pytest.mark.parametrize(
    ("opinion", "detected", "expected"),
    [
        (FakeOpinion(near=("handbag", 0.3, HERE)), (), ["handbag"]),
        (FakeOpinion(), (Box(100, 150, 40, 50),), ["handbag"]),
        (FakeOpinion(), (), ["coat"]),
        (FakeOpinion(near=("handbag", 0.3, (14.0, 80.0, 60.0, 150.0))), (), []),
        (FakeOpinion(error=BROKEN), (), ["coat"]),
        (None, (), ["coat"]),
    ],
)
def test_a_pattern_on_a_bag_that_the_parser_takes_for_a_coat_is_the_bags(
    opinion: FakeOpinion | None, detected: tuple[Box, ...], expected: list[str]
) -> None:
    shares = np.full((len(CLASSES), 80, 48), 0.001, np.float32)
    shares[CLASSES.index("coat")] = 1
    outfit = Outfit(shares, np.zeros((320, 192, 3), np.uint8), Fit.of((80, 200), (192, 320)))
    windows = ((2.0, 100.0, 26.0, 124.0), (14.0, 100.0, 38.0, 124.0), (2.0, 124.0, 26.0, 148.0))

    class Cloth:
        def find(self, bgr: Any, regions: Any, patterns: Any) -> list[tuple[str, Sighting]]:
            assert [one.type for one in regions] == ["coat"]
            return [("coat", replace(sighting("swoosh", Route.PATTERN), windows=windows))]

    bags = tuple(Detection(Kind.ACCESSORY, "handbag", 0.5, box, None) for box in detected)
    look = replace(LOOK, frame=replace(FRAME, detections=(*FRAME.detections, *bags)))
    recogniser = Recogniser(garments=FakeParser(outfit), bags=opinion, patterns=Cloth())
    targets = RecognitionTargets(BOOK, patterns=[EMBLEM])
    assert [mark.on for mark in recogniser.read(look, targets).marks] == expected
    on_nobody = replace(look, frame=replace(FRAME, detections=bags))
    assert len(recogniser.read(on_nobody, targets).marks) == 1, "named, not priced: no doubt to be had"
