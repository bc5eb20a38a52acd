"""One look: cuts a person's crop from a frame, reads it by every route, places the brands in the frame."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from engines.colour import to_bgr
from engines.garments.bag_witness import BAG_ALONE, BAG_UNAIDED
from engines.marks.types import Route
from pricing.brands.book import BrandBook
from pricing.brands.matcher import BrandMatcher, Reading
from pricing.brands.names import normal_brand
from pricing.outage import Outage
from pricing.slots import slot_of
from probes.answers import LookAnswer, Mark, Worn
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.carrying import carried_items
from probes.recognition.marks import limits, marks_of
from probes.recognition.pattern_wearer import DetectedThing, worn_patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from engines.colour import Bgr
    from engines.garments.outfit import ClothRegion, Garment, Outfit
    from engines.image import I420
    from engines.marks.types import Candidates, Emblem, FloatArray, Pattern, Sighting
    from engines.ocr.words import Word

logger = logging.getLogger(__name__)

BAG = "bag"
"""The slot of bags: the one accessory that detector and garment parser both know."""
NO_BAG_NEAR = (BAG, "shoes")
"""Slots of which something seen says that a bag is seen, too, or would be: a whole person is in view."""
NEAR = 1.2
"""How far apart two words of one mark may stand, in heights of the taller one."""
CLIPPED_LETTERS = 4
"""Letters of a word of which one at the edge may be hidden; longer ones the matcher forgives by itself."""


class Reader(Protocol):
    """Reads words, such as engines.ocr.reader.WordReader; used by one thread at a time."""

    def read(self, picture: I420, *, fine: bool = False) -> list[Word]:
        """Return the words with their boxes in pixels of the picture; fine: small ones too, slower."""


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
    """What is done to a picture that nobody waits for and that is seen once only.

    words: reads at several scales, a list of words for each. again: looks at (n, 4) boxes of a picture once
    more, in several views. emblems: finds them in enlarged parts; None leaves that to the usual search.
    close: reads words closer to their letters, where none of the scales says a brand; it misreads more.
    """

    words: Callable[[I420], list[list[Word]]]
    again: Callable[[Bgr, FloatArray], FloatArray]
    emblems: Callable[[Bgr, Sequence[Emblem]], list[Sighting]] | None = None
    close: Callable[[I420], list[Word]] | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """A crop of one person; left and top are its place in the frame, px.

    fine: worth a slower look for small words: nobody waits, or it is the best look at this person so far.
    patient: one of few on a picture that is seen once: worth seconds, where the recogniser has patience.
    """

    track: TrackId
    frame: Frame
    left: int
    top: int
    crop: I420
    fine: bool = False
    patient: bool = False


class RecognitionTargets:
    """The brands to look for. Immutable: a new price list or gallery makes a new object."""

    def __init__(
        self,
        book: BrandBook,
        *,
        gallery: MarkSearch | None = None,
        emblems: Sequence[Emblem] = (),
        patterns: Sequence[Pattern] = (),
    ) -> None:
        self.book, self.gallery, self.emblems = book, gallery, tuple(emblems)
        self.patterns = tuple(patterns)
        self.matcher = BrandMatcher(book.words, book.stylised)
        self.has_words = bool(book.words or book.stylised)
        self.stylised = {normal_brand(w): key for key, words in book.stylised.items() for w in words}
        self.clipped = _clipped(book.words)

    def __bool__(self) -> bool:
        return self.has_words or self.gallery is not None or bool(self.emblems or self.patterns)


def _clipped(words: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return brands of four letters by the rest of their word when a fold hides its first or last letter.

    Such a rest (ANS of VANS) is a brand only where another route saw it; one that two brands share is none.
    """
    found: dict[str, set[str]] = {}
    for key, spelled in words.items():
        for word in {normal_brand(text) for text in (key, *spelled)}:
            if len(word) == CLIPPED_LETTERS and word.isalpha():
                for rest in (word[1:], word[:-1]):
                    found.setdefault(rest, set()).add(key)
    return {rest: keys.pop() for rest, keys in found.items() if len(keys) == 1}


def targets_of(names: Mapping[str, str]) -> RecognitionTargets:
    """Return the targets of a price list without a gallery. names: normal form -> name."""
    return RecognitionTargets(BrandBook().with_listed(names))


def crop_person(
    frame: Frame, person: Detection, pixels: I420, *, fine: bool = False, patient: bool = False
) -> Look | None:
    """Copy the crop of a person with all that the person carries."""
    if person.track is None:
        return None
    box = extent(frame, person)
    left, top = max(0, int(box.x)) // 2 * 2, max(0, int(box.y)) // 2 * 2
    if left >= min(box.right, pixels.width) or top >= min(box.bottom, pixels.height):
        return None
    crop = pixels.crop(left, top, box.right - left, box.bottom - top)
    return Look(person.track, frame, left, top, crop, fine, patient)


def extent(frame: Frame, person: Detection) -> Box:
    """Return the rectangle of a person with all that the person carries."""
    boxes = [person.box, *(thing.box for thing, owner in carried_items(frame) if owner is person)]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    return Box(left, top, max(box.right for box in boxes) - left, max(box.bottom for box in boxes) - top)


def _ignore(_: Route) -> None:
    return None


class Recogniser:
    """Reads looks by the routes it has, the cheap ones first. Used by one thread at a time.

    words, finder, emblems: the routes; None leaves one out. A route that fails is left out of the answer, and
    on_error is called; a look fails only where every route did. garments: what sees the things worn; without
    it a mark's place on the body tells what it is on. bags: asked about a bag of which that is not sure.
    patterns: compares what is worn with enrolled patterns; needs garments. patience: for single pictures.
    """

    def __init__(
        self,
        words: Reader | None = None,
        finder: Finder | None = None,
        emblems: Callable[[Bgr, Sequence[Emblem]], list[Sighting]] | None = None,
        *,
        garments: OutfitParser | None = None,
        bags: BagOpinion | None = None,
        patterns: ClothSearch | None = None,
        patience: Patience | None = None,
        on_error: Callable[[Route], None] = _ignore,
    ) -> None:
        self._words, self._finder, self._emblems = words, finder, emblems
        self._patience = patience
        self._garments, self._bags, self._patterns = garments, bags, patterns
        self._blind = Outage(logger, "looks see no garments; brands go on", "looks see garments again")
        self._unaided = Outage(logger, "bags are judged by the parser alone", "bags are judged by two again")
        self._on_error = on_error
        self._outages = {
            route: Outage(
                logger,
                f"looks for {route.value} fail; the other routes go on",
                f"looks for {route.value} work again",
            )
            for route in Route
        }

    @property
    def sees_garments(self) -> bool:
        """Whether looks tell something though no brand is looked for."""
        return self._garments is not None

    def release(self) -> None:
        """Let all models go that come again by themselves, as after hours without anybody; of that thread."""
        for part in (self._words, self._finder, self._garments, self._patterns):
            if isinstance(part, Releasable):
                part.release()

    def read(
        self, look: Look, targets: RecognitionTargets, without: frozenset[Route] = frozenset()
    ) -> LookAnswer:
        """Return the brands on one crop, placed in the frame, each with its route and slots.

        without: routes to leave out. Raises what the last route raised where all failed.
        """
        marks: list[Mark] = []
        failed: dict[Route, Exception] = {}
        routes = [(route, work) for route, work in self._routes(look, targets) if route not in without]
        for route, work in routes:
            try:
                marks += work(marks)
            except Exception as error:  # noqa: BLE001 whatever a route does, the others may succeed
                failed[route] = error
                self._on_error(route)
        if failed and len(failed) == len(routes):
            raise failed.popitem()[1]
        for route, _ in routes:
            if route in failed:
                self._outages[route].fail(error=failed[route])
            else:
                self._outages[route].recover()
        outfit = self._outfit(look)
        if outfit is None:
            return LookAnswer(look.track, look.frame, tuple(marks))
        near_bag = cache(partial(self._near_bag, look))
        answer = _dressed(look, marks, outfit, self._seen_bag(look, outfit))
        alone = not any(slot_of(one.type) in NO_BAG_NEAR for one in answer.worn)
        if alone and look.patient and answer.bare:
            answer = replace(answer, worn=(*answer.worn, *near_bag()))
        if targets.patterns and Route.PATTERN not in without:
            woven = self._woven(look, outfit, targets, answer.worn, near_bag)
            answer = replace(answer, marks=(*answer.marks, *woven))
        return answer

    def _woven(
        self,
        look: Look,
        outfit: Outfit,
        targets: RecognitionTargets,
        worn: Sequence[Worn],
        near_bag: Callable[[], list[Worn]],
    ) -> list[Mark]:
        """Return the patterns on what is worn; none where that fails: the rest of the answer is good.

        worn: what the look saw. near_bag: asked where one seems to be on a garment, as the parser takes parts
        of large bags for clothes.
        """
        if self._patterns is None:
            return []
        cloth = outfit.cloth()
        try:
            found = self._patterns.find(to_bgr(look.crop), cloth, targets.patterns)
        except Exception as error:  # noqa: BLE001 whatever the route does, the others have succeeded
            self._outages[Route.PATTERN].fail(error=error)
            self._on_error(Route.PATTERN)
            return []
        self._outages[Route.PATTERN].recover()
        if look.frame.of(Kind.PERSON):  # on nobody a brand is named whatever it is on, and never priced
            things = _things_near(look)
            if any(slot_of(type_) != BAG for type_, _ in found):
                things += [DetectedThing(bag.type, _in_crop(bag.box, look)) for bag in near_bag()]
            sees_bag = any(slot_of(one.type) == BAG for one in worn)
            found = worn_patterns(found, cloth, things, sees_bag=sees_bag)
        return [
            replace(mark, on=type_)
            for type_, sighting in found
            for mark in _placed([sighting], look, targets)
        ]

    def _near_bag(self, look: Look) -> list[Worn]:
        """Return the bag that the detector sees on a picture of half a person: the parser knows few there."""
        try:
            found = self._bags.find_near(look.crop) if self._bags else None
        except Exception as error:  # noqa: BLE001 whatever the detector does, the rest of the answer is good
            self._unaided.fail(error=error)
            return []
        if found is None:
            return []
        label, score, (x1, y1, x2, y2) = found
        return [Worn(label, score, Box(look.left + x1, look.top + y1, x2 - x1, y2 - y1))]

    def _seen_bag(self, look: Look, outfit: Outfit) -> Garment | None:
        """Return the bag that the parser sees, where it is sure, or another that looks sees it there too."""
        bag = next((seen for seen in outfit.garments if slot_of(seen.type) == BAG), None)
        if bag is None or bag.confidence >= BAG_ALONE:
            return bag
        unaided = bag if bag.confidence >= BAG_UNAIDED else None
        if self._bags is None:
            return unaided
        try:
            boxes = self._bags.find(look.crop)
        except Exception as error:  # noqa: BLE001 whatever the detector does, the parser has an opinion
            self._unaided.fail(error=error)
            return unaided
        self._unaided.recover()
        return bag if any(outfit.is_bag_in(box) for box in boxes) else None

    def _outfit(self, look: Look) -> Outfit | None:
        """Return what is worn; None where nothing tells, or the parser fails: brands do not depend on it."""
        if self._garments is None:
            return None
        try:
            outfit = self._garments.parse(look.crop)
        except Exception as error:  # noqa: BLE001 whatever the parser does, marks are still good
            self._blind.fail(error=error)
            return None
        self._blind.recover()
        return outfit

    def _routes(
        self, look: Look, targets: RecognitionTargets
    ) -> list[tuple[Route, Callable[[Sequence[Mark]], Sequence[Mark]]]]:
        found: list[tuple[Route, Callable[[Sequence[Mark]], Sequence[Mark]]]] = []
        finder, gallery, by_keypoints, reader = self._finder, targets.gallery, self._emblems, self._words
        patience = self._patience if look.patient else None
        if patience and patience.emblems:
            by_keypoints = patience.emblems
        bgr = cache(partial(to_bgr, look.crop))
        if gallery is not None and finder:
            found.append(
                (Route.SYMBOL, lambda _: _placed(self._symbols(bgr(), gallery, patience), look, targets))
            )
        if targets.emblems and by_keypoints:
            found.append(
                (Route.EMBLEM, lambda _: _placed(by_keypoints(bgr(), targets.emblems), look, targets))
            )
        if targets.has_words and reader:
            found.append((Route.WORDS, lambda so_far: self._read_words(look, reader, targets, so_far)))
        return found

    def _symbols(self, bgr: Bgr, gallery: MarkSearch, patience: Patience | None) -> list[Sighting]:
        if self._finder is None:
            return []
        again = partial(patience.again, bgr) if patience else None
        return gallery.sightings(self._finder.find(bgr), again)

    def _read_words(
        self, look: Look, reader: Reader, targets: RecognitionTargets, others: Sequence[Mark]
    ) -> list[Mark]:
        if self._patience is None or not look.patient:
            return read_words(look, reader, targets, others)
        scales = self._patience.words(look.crop)
        found = settled([brands_of(words, look, targets, others) for words in scales])
        if found or self._patience.close is None:
            return found
        return brands_of(self._patience.close(look.crop), look, targets, others)


def _dressed(look: Look, marks: Sequence[Mark], outfit: Outfit, bag: Garment | None) -> LookAnswer:
    """Return the answer of a look with garments: each mark with the garment that it is on.

    bag: what counts as one of what the parser took for a bag.
    """
    placed = []
    for mark in marks:
        placed.append(replace(mark, on=outfit.at(_in_crop(mark.box, look))))
    worn = []
    for seen in outfit.garments:
        if slot_of(seen.type) == BAG and seen is not bag:
            continue
        x1, y1, x2, y2 = seen.box
        box = Box(look.left + x1, look.top + y1, x2 - x1, y2 - y1)
        worn.append(Worn(seen.type, seen.confidence, box, seen.colour))
    if bag is None:
        worn += _supported_bag(look, outfit)
    return LookAnswer(look.track, look.frame, tuple(placed), tuple(worn), outfit.is_person)


def _supported_bag(look: Look, outfit: Outfit) -> list[Worn]:
    """Return the surest bag that the detector saw on this person and the parser does not deny."""
    things = [
        thing
        for thing, owner in carried_items(look.frame)
        if slot_of(thing.label) == BAG
        and owner is not None
        and owner.track == look.track
        and outfit.supports_bag(_in_crop(thing.box, look))
    ]
    return [
        Worn(thing.label, thing.confidence, thing.box)
        for thing in sorted(things, key=lambda thing: -thing.confidence)[:1]
    ]


def _things_near(look: Look) -> list[DetectedThing]:
    """Return the accessories of the frame, in px of the crop."""
    return [
        DetectedThing(thing.label, _in_crop(thing.box, look), owner is not None and owner.track == look.track)
        for thing, owner in carried_items(look.frame)
    ]


def _in_crop(box: Box, look: Look) -> tuple[float, float, float, float]:
    x, y = box.x - look.left, box.y - look.top
    return x, y, x + box.w, y + box.h


def read_words(
    look: Look, reader: Reader, targets: RecognitionTargets, others: Sequence[Mark] = ()
) -> list[Mark]:
    """Read one crop and return the brands that its words say; others: the marks that other routes saw."""
    return brands_of(reader.read(look.crop, fine=look.fine), look, targets, others)


def brands_of(
    words: Sequence[Word], look: Look, targets: RecognitionTargets, others: Sequence[Mark] = ()
) -> list[Mark]:
    """Return the brands that the words of a crop say; others: the marks that other routes saw.

    A stylised short form counts wherever it stands if another route saw that brand too.
    """
    tall = look.crop.height
    readings = [
        Reading(w.text, w.confidence, w.line, w.block, w.height / tall if w.height else None) for w in words
    ]
    marks = []
    matched: set[int] = set()
    for found in targets.matcher.find(readings):
        parts = words[found.first : found.last + 1]
        if all(_near(one, next_one) for one, next_one in pairwise(parts)):
            matched.update(range(found.first, found.last + 1))
            marks.append(_mark(found.brand, found.confidence, parts, look, targets))
    seen = {mark.brand for mark in others}
    for number, word in enumerate(words):
        if number in matched:
            continue
        supported = {
            targets.stylised.get(normal_brand(word.text)),
            targets.clipped.get(normal_brand(word.text)),
        }
        marks += [_mark(brand, word.confidence, [word], look, targets) for brand in supported & seen if brand]
    return marks


def settled(scales: Sequence[Sequence[Mark]]) -> list[Mark]:
    """Return the marks of several readings of one crop, of two brands at one place only one.

    That is the one that more readings said, then the surer one: a script read as LEVIS at one scale may be
    LOUIS VUITTON at two.
    """
    marks = [mark for marks in scales for mark in marks]
    said = Counter(brand for marks in scales for brand in {mark.brand for mark in marks})
    best: dict[str, float] = {}
    for mark in marks:
        best[mark.brand] = max(best.get(mark.brand, 0.0), mark.confidence)

    def rank(mark: Mark) -> tuple[int, float]:
        return said[mark.brand], best[mark.brand]

    return [
        mark
        for mark in marks
        if not any(
            other.brand != mark.brand and rank(other) > rank(mark) and mark.box.intersection(other.box) > 0
            for other in marks
        )
    ]


def _placed(sightings: Sequence[Sighting], look: Look, targets: RecognitionTargets) -> Sequence[Mark]:
    return marks_of(sightings, targets.book, look.left, look.top)


def _mark(
    brand: str, confidence: float, parts: Sequence[Word], look: Look, targets: RecognitionTargets
) -> Mark:
    left, top = min(word.box[0] for word in parts), min(word.box[1] for word in parts)
    right, bottom = max(word.box[2] for word in parts), max(word.box[3] for word in parts)
    box = Box(look.left + left, look.top + top, right - left, bottom - top)
    return Mark(brand, min(1.0, max(0.0, confidence)), box, Route.WORDS, limits(targets.book, brand))


def _near(first: Word, second: Word) -> bool:
    """Return whether two words may be parts of one mark: side by side or one above the other."""
    (a, b, c, d), (e, f, g, h) = first.box, second.box
    reach = NEAR * max(d - b, h - f)
    return max(a, e) - min(c, g) <= reach and max(b, f) - min(d, h) <= reach
