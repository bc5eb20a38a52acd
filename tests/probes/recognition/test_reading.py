from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engines.garments.classes import CLASSES
from engines.garments.outfit import Outfit
from engines.image import I420
from engines.letterbox import Fit
from engines.marks.types import Route, Sighting
from engines.ocr.words import Word
from pricing.brands.book import Brand, BrandBook
from probes.answers import Mark
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.recognition.reading import Look, Patience, Recogniser, RecognitionTargets, settled, targets_of
from tests.fakes.marks import FakeEmblems, FakeFinder, FakeGallery, sighting
from tests.fakes.reader import FakeReader

ANN = TrackId("c", "s", 1)
FRAME = Frame("c", 0, (800, 600), (Detection(Kind.PERSON, "person", 0.9, Box(100, 50, 80, 200), ANN),))
LOOK = Look(ANN, FRAME, 100, 50, I420.black(80, 200))
BOOK = BrandBook(
    [Brand("Swoosh", words=("SWOOSH",), slots=frozenset({"shoes"})), Brand("Calvin Klein", stylised=("CK",))]
)
EMBLEM: Any = object()


class Bench:
    """A recogniser with every route, and what it reported."""

    def __init__(self, *words: Word) -> None:
        self.reader, self.finder, self.emblems = FakeReader(*words), FakeFinder(), FakeEmblems()
        self.gallery = FakeGallery()
        self.errors: list[Route] = []
        self.recogniser = Recogniser(self.reader, self.finder, self.emblems, on_error=self.errors.append)
        self.targets = RecognitionTargets(BOOK, gallery=self.gallery, emblems=[EMBLEM])

    def read(self, **more: Any) -> list[tuple[str, str]]:
        return [(m.brand, m.route.value) for m in self.recogniser.read(LOOK, self.targets, **more).marks]


SWOOSH = Word("SWOOSH", 0.9, (10.0, 20.0, 50.0, 30.0))
CK = Word("ck", 0.6, (10.0, 100.0, 22.0, 108.0))


def test_every_route_adds_its_marks_placed_in_the_frame() -> None:
    bench = Bench(SWOOSH)
    bench.gallery.seen = [sighting()]
    bench.emblems.seen = [sighting("calvin klein", Route.EMBLEM)]
    assert bench.read() == [("swoosh", "symbol"), ("calvin klein", "emblem"), ("swoosh", "words")]
    symbol, _, word = bench.recogniser.read(LOOK, bench.targets).marks
    assert (symbol.box, word.box) == (Box(110, 70, 40, 40), Box(110, 70, 40, 10))
    assert symbol.slots == word.slots == {"shoes"}


@pytest.mark.parametrize("broken", [["finder"], ["reader"], ["emblems"], ["finder", "reader"]])
def test_a_route_that_fails_is_counted_and_stops_no_other(
    broken: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bench = Bench(SWOOSH)
    bench.gallery.seen = [sighting()]
    bench.emblems.seen = [sighting("calvin klein", Route.EMBLEM)]
    whole = len(bench.read())
    for name in broken:
        getattr(bench, name).error = RuntimeError("broken")
    assert [len(bench.read()) for _ in range(3)] == [whole - len(broken)] * 3
    assert len(bench.errors) == 3 * len(broken)
    for name in broken:
        getattr(bench, name).error = None
    assert len(bench.read()) == whole
    assert [r.levelname for r in caplog.records] == ["ERROR"] * len(broken) + ["INFO"] * len(broken)


def test_a_look_fails_where_every_route_does() -> None:
    bench = Bench(SWOOSH)
    for route in (bench.finder, bench.reader, bench.emblems):
        route.error = RuntimeError("broken")
    with pytest.raises(RuntimeError):
        bench.read()
    assert bench.errors == [Route.SYMBOL, Route.EMBLEM, Route.WORDS]


def test_routes_can_be_left_out_and_none_runs_for_nothing() -> None:
    bench = Bench(SWOOSH)
    bench.gallery.seen = [sighting()]
    assert bench.read(without=frozenset({Route.SYMBOL})) == [("swoosh", "words")]
    assert bench.finder.calls == 0
    bench.targets = RecognitionTargets(BrandBook([Brand("Swoosh")]), gallery=bench.gallery)
    assert bench.read() == [("swoosh", "symbol")]
    assert len(bench.reader.crops) == 1


@pytest.mark.parametrize(("symbol", "expected"), [("calvin klein", 2), ("swoosh", 1)])
def test_a_stylised_word_counts_anywhere_where_the_symbol_agrees(symbol: str, expected: int) -> None:
    bench = Bench(CK, Word("other words on the line", 0.9, (30.0, 100.0, 70.0, 108.0)))
    bench.gallery.seen = [sighting(symbol)]
    assert len(bench.read()) == expected


@pytest.mark.parametrize(
    ("text", "symbol", "expected"),
    [
        ("ANS", "vans", ["vans", "vans"]),
        ("VAN", "vans", ["vans", "vans"]),
        ("VNS", "vans", ["vans"]),
        ("ANS", "swoosh", ["swoosh"]),
        ("woosh", "swoosh", ["swoosh", "swoosh"]),
    ],
)
def test_a_word_of_four_letters_may_lack_one_at_its_edge_where_the_symbol_agrees(
    text: str, symbol: str, expected: list[str]
) -> None:
    bench = Bench(Word(text, 0.95, (10.0, 100.0, 22.0, 108.0)))
    book = BrandBook([Brand("Swoosh", words=("SWOOSH",)), Brand("Vans", words=("VANS",))])
    bench.targets = RecognitionTargets(book, gallery=bench.gallery)
    bench.gallery.seen = [sighting(symbol)]
    assert [brand for brand, _ in bench.read()] == expected


@pytest.mark.parametrize("fine", [True, False])
def test_a_fine_look_reads_small_words_too(fine: bool) -> None:
    bench = Bench(SWOOSH)
    bench.recogniser.read(replace(LOOK, fine=fine), bench.targets)
    assert bench.reader.fine == [fine]


def test_what_is_sought_is_true_where_there_is_anything_to_seek() -> None:
    assert not RecognitionTargets(BrandBook())
    assert not RecognitionTargets(BrandBook([Brand("Swoosh")]))
    assert targets_of({"nike": "Nike"})
    assert RecognitionTargets(BrandBook([Brand("Swoosh")]), gallery=FakeGallery())


class FakeParser:
    """Sees what it is told to; see engines.garments.parser.GarmentParser."""

    def __init__(self, outfit: Outfit) -> None:
        self.outfit: Outfit | None = outfit
        self.error: Exception | None = None

    def parse(self, crop: I420) -> Outfit | None:
        assert crop is LOOK.crop
        if self.error:
            raise self.error
        return self.outfit


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


class FakeOpinion:
    """See engines.garments.bag_witness.BagWitness."""

    def __init__(
        self,
        *boxes: tuple[float, float, float, float],
        error: Exception | None = None,
        near: tuple[str, float, tuple[float, float, float, float]] | None = None,
    ) -> None:
        self.boxes, self.error, self.asked = boxes, error, 0
        self.near = near

    def find_near(self, crop: I420) -> tuple[str, float, tuple[float, float, float, float]] | None:
        assert crop is LOOK.crop
        if self.error:
            raise self.error
        return self.near

    def find(self, crop: I420) -> list[tuple[float, float, float, float]]:
        assert crop is LOOK.crop
        self.asked += 1
        if self.error:
            raise self.error
        return list(self.boxes)


HERE, ELSEWHERE, BROKEN = (0.0, 100.0, 40.0, 150.0), (50.0, 0.0, 80.0, 40.0), RuntimeError("broken")


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
        (True, {"shoes": 0.9}, FakeOpinion(near=("backpack", 0.3, HERE)), ["shoes"]),
        (True, {"bag": 0.9}, FakeOpinion(near=("backpack", 0.3, HERE)), ["bag"]),
    ],
)
def test_a_bag_on_a_picture_of_half_a_person_is_one_that_the_detector_sees_alone(
    patient: bool, more: dict[str, float], opinion: FakeOpinion | None, seen: list[str]
) -> None:
    shares = np.full((len(CLASSES), 80, 48), 0.001, np.float32)
    shares[0] = 1
    shares[CLASSES.index("skin"), 10:20, 10:20] = 3
    for name, share in more.items():
        shares[0, 40:60, 8:24], shares[CLASSES.index(name), 40:60, 8:24] = 1 - share, share
    outfit = Outfit(shares, np.zeros((320, 192, 3), np.uint8), Fit.of((80, 200), (192, 320)))
    bench, look = Bench(), replace(LOOK, patient=patient)
    looks = Recogniser(bench.reader, bench.finder, garments=FakeParser(outfit), bags=opinion)
    worn = looks.read(look, bench.targets).worn
    assert [one.type for one in worn] == seen
    if seen == ["backpack"]:
        assert worn[0].box == Box(LOOK.left, LOOK.top + 100, 40, 50)


def test_a_patient_recogniser_reads_every_scale_and_looks_again() -> None:
    bench = Bench()
    again: list[Any] = []

    def vectors(picture: Any, boxes: Any) -> Any:
        again.append(picture.shape)
        return boxes

    class Again(FakeGallery):
        def sightings(self, candidates: Any, again: Any = None) -> list[Any]:
            assert again is not None
            again(candidates.boxes)
            return []

    ck = Word("Calvin Klein", 0.9, (10.0, 100.0, 60.0, 112.0))
    patience = Patience(lambda _: [[SWOOSH], [], [ck]], vectors)
    patient = Recogniser(bench.reader, bench.finder, patience=patience)
    targets = RecognitionTargets(
        BrandBook([Brand("Swoosh", words=("SWOOSH",)), Brand("Calvin Klein", words=("CALVIN KLEIN",))]),
        gallery=Again(),
    )
    look = replace(LOOK, patient=True)
    assert [mark.brand for mark in patient.read(look, targets).marks] == ["swoosh", "calvin klein"]
    assert again == [(200, 80, 3)]
    usual = RecognitionTargets(targets.book, gallery=FakeGallery())
    assert patient.read(LOOK, usual).marks == ()  # one of a crowd: read as ever


@pytest.mark.parametrize(("scale", "asked"), [([], 1), ([SWOOSH], 0)])
def test_words_are_read_closer_only_where_no_scale_says_a_brand(scale: list[Word], asked: int) -> None:
    bench, closer = Bench(), []

    def close(_: Any) -> list[Word]:
        closer.append(1)
        return [SWOOSH]

    patience = Patience(lambda _: [scale, []], lambda *_: None, close=close)
    patient = Recogniser(bench.reader, bench.finder, patience=patience)
    targets = RecognitionTargets(BrandBook([Brand("Swoosh", words=("SWOOSH",))]))
    answer = patient.read(replace(LOOK, patient=True), targets)
    assert ([mark.brand for mark in answer.marks], len(closer)) == (["swoosh"], asked)


@pytest.mark.parametrize(
    ("scales", "left"),
    [
        ([["levis .9 10"], ["lv .8 12"], ["lv .7 12"]], ["lv", "lv"]),
        ([["levis .9 10"], ["lv .8 12"]], ["levis"]),
        ([["levis .9 10"], ["lv .8 90"], ["lv .7 12"]], ["lv", "lv"]),
        ([["levis .9 10"], ["lv .8 90"], []], ["levis", "lv"]),
        ([[], []], []),
    ],
)
def test_of_two_brands_read_at_one_place_the_one_of_more_scales_counts(
    scales: list[list[str]], left: list[str]
) -> None:
    """Each: brand, confidence, and where from the left it was read."""
    read = [
        [
            Mark(brand, float(sure), Box(float(x), 0, 30, 10))
            for brand, sure, x in (one.split() for one in marks)
        ]
        for marks in scales
    ]
    assert [mark.brand for mark in settled(read)] == left


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
