from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engines.marks.types import Route
from engines.ocr.words import Word
from pricing.brands.book import Brand, BrandBook
from probes.frame import Box
from probes.recognition.interfaces import Patience
from probes.recognition.reading import Recogniser
from probes.recognition.targets import RecognitionTargets, targets_of
from tests.fakes.looks import (
    CK,
    EMBLEM,
    LOOK,
    SWOOSH,
    Bench,
)
from tests.fakes.marks import FakeGallery, sighting


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


def test_keypoints_are_sought_where_the_finder_sees_a_mark_and_everywhere_where_it_was_not_asked() -> None:
    bench = Bench(SWOOSH)
    bench.read()
    (around,) = bench.emblems.places
    assert around is not None
    bench.read(without=frozenset({Route.SYMBOL}))
    bench.finder.error = RuntimeError("broken")
    bench.read()
    bench.finder.error = None
    bench.recogniser.read(replace(LOOK, patient=True), bench.targets)
    assert bench.emblems.places[1:] == [None, None, None]


def test_an_answer_says_how_many_words_were_read_of_whatever_brand() -> None:
    bench = Bench(Word("SALE", 0.9, (10.0, 20.0, 50.0, 30.0)))
    answers = [
        bench.recogniser.read(LOOK, bench.targets, without)
        for without in (frozenset[Route](), frozenset({Route.WORDS}))
    ]
    assert [(answer.marks, answer.words) for answer in answers] == [((), 1), ((), None)]
    bench.reader.error = RuntimeError("broken")
    assert bench.recogniser.read(LOOK, bench.targets).words is None, (
        "a look that failed to read tells nothing"
    )
    assert Bench().recogniser.read(LOOK, bench.targets).words == 0


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


@pytest.mark.parametrize(
    ("text", "sure", "box", "expected"),
    [
        ("NikeA", 0.99, (8, 30, 54, 60), []),
        ("NIKE", 0.99, (8, 30, 54, 60), ["nike"]),
        ("NIKE", 0.99, (8, 0, 54, 19), ["swoosh", "nike"]),  # a word beside a symbol
        ("NIKE", 0.99, (0, 25, 80, 160), ["swoosh", "nike"]),  # a symbol as a small part of much more
        ("NIKE", 0.6, (8, 20, 54, 60), ["swoosh", "nike"]),
        ("SWOOSH", 0.99, (8, 20, 54, 60), ["swoosh", "swoosh"]),
        ("SALE", 0.99, (8, 20, 54, 60), ["swoosh"]),  # what an enrolled picture says is not known
    ],
)
@pytest.mark.parametrize("route", [Route.SYMBOL, Route.EMBLEM])
@pytest.mark.parametrize("patient", [True, False])
def test_a_symbol_in_the_place_of_another_brands_word_is_that_word(
    text: str,
    sure: float,
    box: tuple[float, float, float, float],
    expected: list[str],
    route: Route,
    patient: bool,
) -> None:
    word = Word(text, sure, box)
    bench = Bench(word)
    book = BrandBook([Brand("Swoosh", words=("SWOOSH",)), Brand("Nike", words=("NIKE",))])
    bench.targets = RecognitionTargets(book, gallery=bench.gallery, emblems=[EMBLEM])
    (bench.gallery if route is Route.SYMBOL else bench.emblems).seen = [sighting("swoosh", route)]
    if patient:
        bench.recogniser = Recogniser(
            bench.reader,
            bench.finder,
            bench.emblems,
            patience=Patience(lambda _: [[], [word]], lambda *_: None),
        )
    answer = bench.recogniser.read(replace(LOOK, patient=patient), bench.targets)
    assert [mark.brand for mark in answer.marks] == expected
    assert answer.words == 1


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
    ("way", "changes", "read", "asked"),
    [
        ("mirrored", {"fine": True}, [], 1),
        ("mirrored", {"patient": True}, [], 1),
        ("mirrored", {}, [], 0),
        ("mirrored", {"fine": True}, [SWOOSH], 0),
        ("mirrored", {"patient": True}, [SWOOSH], 0),
        ("large", {"fine": True}, [], 1),
        ("large", {"patient": True}, [], 0),  # read at its scales
        ("large", {}, [], 0),
        ("large", {"fine": True}, [SWOOSH], 0),
    ],
)
def test_mirrored_words_and_large_letters_are_read_where_nobody_waits_and_nothing_else_says_a_brand(
    way: str, changes: dict[str, bool], read: list[Word], asked: int
) -> None:
    asks: list[Any] = []

    class Plain:
        def read(self, picture: Any, *, fine: bool = False, quick: bool = False) -> list[Word]:
            return read

    def late(picture: Any) -> list[Word]:
        asks.append(picture)
        return [SWOOSH]

    def close(_: Any) -> list[Word]:
        raise AssertionError

    patience = Patience(lambda _: [read], lambda *_: None, close=close if way == "mirrored" else lambda _: [])
    recogniser = Recogniser(Plain(), patience=patience, **{way: late})
    targets = RecognitionTargets(BrandBook([Brand("Swoosh", words=("SWOOSH",))]))
    answer = recogniser.read(replace(LOOK, **changes), targets)
    assert (len(answer.marks), len(asks)) == (int(bool(read) or asked), asked)


@pytest.mark.parametrize("way", ["mirrored", "close"])
@pytest.mark.parametrize(("below", "said"), [(44, {"louis vuitton"}), (70, {"louis vuitton", "levis"})])
def test_of_two_brands_at_one_place_a_late_reading_says_the_surer(
    way: str, below: int, said: set[str]
) -> None:
    """Two lines of one script that overlap, LOUIS read as LEVIS, in a mirror or from close."""
    script = [
        Word("LEVIS", 0.642, (10, 0, 137, 56), line=0, block=0),
        Word("VUITTON", 0.783, (10, below, 160, below + 44), line=1, block=1),
    ]

    class Plain:
        def read(self, picture: Any, *, fine: bool = False, quick: bool = False) -> list[Word]:
            return []

    late = {way: lambda _: script}
    patience = Patience(lambda _: [[]], lambda *_: None, close=late.get("close", lambda _: []))
    recogniser = Recogniser(Plain(), patience=patience, mirrored=late.get("mirrored"))
    brands = [Brand("Levis", words=("LEVIS",)), Brand("Louis Vuitton", words=("VUITTON",))]
    answer = recogniser.read(replace(LOOK, patient=True), RecognitionTargets(BrandBook(brands)))
    assert {mark.brand for mark in answer.marks} == said


def test_hours_without_looks_let_all_models_go() -> None:
    class Model:
        released = 0

        def release(self) -> None:
            self.released += 1

    models: list[Any] = [Model() for _ in range(5)]
    words, finder, garments, bags, patterns = models
    Recogniser(words, finder, garments=garments, bags=bags, patterns=patterns).release()
    assert [model.released for model in models] == [1, 1, 1, 1, 1]
