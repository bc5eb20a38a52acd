"""One person's look, and stand-ins of what sees garments and bags on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engines.image import I420
from engines.ocr.words import Word
from pricing.brands.book import Brand, BrandBook
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.recognition.look import Look
from probes.recognition.reading import Recogniser
from probes.recognition.targets import RecognitionTargets
from tests.fakes.marks import FakeEmblems, FakeFinder, FakeGallery
from tests.fakes.reader import FakeReader

if TYPE_CHECKING:
    from engines.garments.outfit import Outfit
    from engines.marks.types import Route

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
