"""The parts that a recogniser is built from, as protocols: readers, finders, galleries, parsers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engines.colour import Bgr
    from engines.garments.outfit import ClothRegion, Outfit
    from engines.image import I420
    from engines.marks.types import Candidates, Emblem, FloatArray, Pattern, Sighting
    from engines.ocr.words import Word


class Reader(Protocol):
    """Reads words, such as engines.ocr.reader.WordReader; used by one thread at a time."""

    def read(self, picture: I420, *, fine: bool = False, quick: bool = False) -> list[Word]:
        """Return the words with their boxes in pixels of the picture.

        fine: small ones too, slower. quick: faster where there are none.
        """


class Finder(Protocol):
    """Proposes boxes that may hold a mark: engines.marks.network.MarkFinder."""

    def find(self, picture: Bgr) -> Candidates:
        """Return candidates in pixels of the picture."""


@runtime_checkable
class Releasable(Protocol):
    """Holds a model that it loads again when it is needed."""

    def release(self) -> None:
        """Let the model go."""


class MarkSearch(Protocol):
    """Compares candidates with enrolled marks: engines.marks.gallery.Gallery. From any thread."""

    def sightings(
        self, candidates: Candidates, again: Callable[[FloatArray], FloatArray] | None = None
    ) -> list[Sighting]:
        """Return the brands seen, boxes as the candidates have them; again: looks at boxes once more."""


class EmblemSearch(Protocol):
    """Compares a picture's keypoints with enrolled emblems: engines.marks.emblems.find_emblems."""

    def __call__(
        self, bgr: Bgr, emblems: Sequence[Emblem], *, places: FloatArray | None = None
    ) -> list[Sighting]:
        """Return the emblems seen, boxes in pixels of the picture; places: search around these only."""


class OutfitParser(Protocol):
    """Parses garments on a person's crop: engines.garments.parser.GarmentParser; one thread at a time."""

    def parse(self, crop: I420) -> Outfit | None:
        """Return what is worn, boxes in pixels of the crop; None where that cannot be told."""


class ClothSearch(Protocol):
    """Compares cloth with enrolled patterns: engines.marks.patterns.PatternSearch; one thread at a time."""

    def find(
        self, bgr: Bgr, regions: Sequence[ClothRegion], patterns: Sequence[Pattern]
    ) -> list[tuple[str, Sighting]]:
        """Return the patterns seen, each with the type of what it is on, boxes in pixels of the picture."""


class BagOpinion(Protocol):
    """Finds what may be bags on a crop: engines.garments.bag_witness.BagWitness; one thread at a time."""

    def find(self, crop: I420) -> Sequence[tuple[float, float, float, float]]:
        """Return boxes in pixels of the crop: left, top, right, bottom."""

    def find_near(self, crop: I420) -> tuple[str, float, tuple[float, float, float, float]] | None:
        """Return type, score and box of a bag close to the camera, seen by this alone; None for none."""


@dataclass(frozen=True, slots=True)
class Patience:
    """The slower ways of looking, for a picture that nobody waits for and that is seen once only.

    words: reads at several scales, a list of words for each. again: looks at (n, 4) boxes of a picture once
    more, in several views. emblems: finds them in enlarged parts; None leaves that to the usual search.
    close: reads words closer to their letters, where none of the scales says a brand; it misreads more.
    """

    words: Callable[[I420], list[list[Word]]]
    again: Callable[[Bgr, FloatArray], FloatArray]
    emblems: Callable[[Bgr, Sequence[Emblem]], list[Sighting]] | None = None
    close: Callable[[I420], list[Word]] | None = None
