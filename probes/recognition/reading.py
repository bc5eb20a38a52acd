"""The recogniser: reads one look by every route and places the brands in the frame."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from engines.colour import to_bgr
from engines.garments.bag_witness import BAG_ALONE, BAG_UNAIDED
from engines.garments.colours import middle_colour
from engines.marks.types import LIKELY, Route
from pricing.outage import Outage
from pricing.slots import slot_of
from probes.answers import LookAnswer, Mark, Worn
from probes.frame import Box, Kind
from probes.recognition.garments import BAG, box_in_crop, dressed_answer, things_near
from probes.recognition.interfaces import Releasable
from probes.recognition.marks import marks_of
from probes.recognition.pattern_wearer import DetectedThing, worn_patterns
from probes.recognition.word_marks import brands_of, settled, without_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engines.garments.outfit import Garment, Outfit
    from engines.image import I420
    from engines.marks.types import Candidates, Sighting
    from engines.ocr.words import Word
    from probes.recognition.interfaces import (
        BagOpinion,
        ClothSearch,
        EmblemSearch,
        Finder,
        OutfitParser,
        Patience,
        Reader,
    )
    from probes.recognition.look import Look
    from probes.recognition.targets import RecognitionTargets

logger = logging.getLogger(__name__)

WHOLE_WITH_BAG = {BAG, "shoes"}
"""Slots that, seen together, leave nothing to ask about a bag: on half a person an elbow is taken for one."""
FILLS, INSIDE = 0.15, 0.9
"""Share of a bag's rectangle that a mark fills which is surely on the bag, and of the mark that lies in it. A
mark on a chest that a bag's strap frames is smaller.
"""


def _ignore(_: Route) -> None:
    return None


class Recogniser:
    """Reads looks by the routes it has, the cheap ones first. Used by one thread at a time.

    words, finder, emblems: the routes; None leaves one out. A route that fails is left out of the answer, and
    on_error is called; a look fails only where every route did. garments: what sees the things worn; without
    it a mark's place on the body tells what it is on. bags: asked about a bag of which that is not sure.
    patterns: compares what is worn with enrolled patterns; needs garments. patience: for single pictures.
    large: reads letters too large for `words`, in fine looks whose words say no brand. mirrored: reads words
    that stand mirrored, in fine and patient looks whose words say no brand otherwise.
    """

    def __init__(
        self,
        words: Reader | None = None,
        finder: Finder | None = None,
        emblems: EmblemSearch | None = None,
        *,
        garments: OutfitParser | None = None,
        bags: BagOpinion | None = None,
        patterns: ClothSearch | None = None,
        patience: Patience | None = None,
        large: Callable[[I420], list[Word]] | None = None,
        mirrored: Callable[[I420], list[Word]] | None = None,
        on_error: Callable[[Route], None] = _ignore,
    ) -> None:
        self._words, self._finder, self._emblems = words, finder, emblems
        self._patience, self._large, self._mirrored = patience, large, mirrored
        self._garments, self._bags, self._patterns = garments, bags, patterns
        self._blind = Outage(logger, "looks see no garments; brands go on", "looks see garments again")
        self._unaided = Outage(logger, "bags are judged by the parser alone", "bags are judged by two again")
        self._on_error = on_error
        self._words_read: list[Word] | None = None
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
        for part in (self._words, self._finder, self._garments, self._bags, self._patterns):
            if isinstance(part, Releasable):
                part.release()

    def read(
        self, look: Look, targets: RecognitionTargets, without: frozenset[Route] = frozenset()
    ) -> LookAnswer:
        """Return the brands on one crop, placed in the frame, each with its route and slots.

        without: routes to leave out. Raises what the last route raised where all failed.
        """
        marks: list[Mark] = []
        self._words_read = None
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
        read = self._words_read
        if read:
            marks = without_words(marks, read, look, targets)
        count = None if read is None else len(read)
        # A mark is on what is worn, so with one that is always asked.
        outfit = self._outfit(look) if look.clothes or marks else None
        if outfit is None:
            return LookAnswer(look.track, look.frame, tuple(marks), words=count)
        near_bag = cache(partial(self._near_bag, look))
        answer = dressed_answer(look, marks, outfit, self._seen_bag(look, outfit))
        if look.patient and answer.bare and not {slot_of(one.type) for one in answer.worn} >= WHOLE_WITH_BAG:
            answer = _with_bag(answer, near_bag())
        if targets.patterns and Route.PATTERN not in without:
            woven = self._woven(look, outfit, targets, answer.worn, near_bag)
            answer = replace(answer, marks=(*answer.marks, *woven))
        return replace(answer, words=count)

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
            things = things_near(look)
            if any(slot_of(type_) != BAG for type_, _ in found):
                things += [DetectedThing(bag.type, box_in_crop(bag.box, look)) for bag in near_bag()]
            sees_bag = any(slot_of(one.type) == BAG for one in worn)
            found = worn_patterns(found, cloth, things, sees_bag=sees_bag)
        return [
            replace(mark, on=type_)
            for type_, sighting in found
            for mark in _placed([sighting], look, targets)
        ]

    def _near_bag(self, look: Look) -> list[Worn]:
        """Return the bag that the detector sees on a picture: of those close by the parser knows few."""
        try:
            found = self._bags.find_near(look.crop) if self._bags else None
        except Exception as error:  # noqa: BLE001 whatever the detector does, the rest of the answer is good
            self._unaided.fail(error=error)
            return []
        if found is None:
            return []
        label, score, place = found
        x1, y1, x2, y2 = place
        box = Box(look.left + x1, look.top + y1, x2 - x1, y2 - y1)
        return [Worn(label, score, box, middle_colour(look.crop, place))]

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
        patient_search = patience.emblems if patience else None
        bgr = cache(partial(to_bgr, look.crop))
        seen: list[Candidates] = []
        if gallery is not None and finder:

            def symbols() -> list[Sighting]:
                seen.append(finder.find(bgr()))
                return gallery.sightings(seen[0], partial(patience.again, bgr()) if patience else None)

            found.append((Route.SYMBOL, lambda _: _placed(symbols(), look, targets)))
        if targets.emblems and by_keypoints is not None:
            # Everywhere where the finder was not asked or failed, and where nobody waits.
            def emblems() -> list[Sighting]:
                if patient_search is not None:
                    return patient_search(bgr(), targets.emblems)
                if look.patient or not seen:
                    return by_keypoints(bgr(), targets.emblems)
                return by_keypoints(bgr(), targets.emblems, places=seen[0].boxes[seen[0].scores >= LIKELY])

            found.append((Route.EMBLEM, lambda _: _placed(emblems(), look, targets)))
        if targets.has_words and reader:
            found.append((Route.WORDS, lambda so_far: self._read_words(look, reader, targets, so_far)))
        return found

    def _read_words(
        self, look: Look, reader: Reader, targets: RecognitionTargets, others: Sequence[Mark]
    ) -> list[Mark]:
        ways = [self._mirrored] if look.fine or look.patient else []
        if self._patience is None or not look.patient:
            ways = [self._large, *ways] if look.fine else ways
            words = reader.read(look.crop, fine=look.fine, quick=look.quick)
            self._words_read = words
            found = brands_of(words, look, targets, others)
        else:
            scales = self._patience.words(look.crop)
            self._words_read = [word for words in scales for word in words]
            found = settled([brands_of(words, look, targets, others) for words in scales])
            ways.append(self._patience.close)
        for read in ways:
            if not found and read is not None:
                found = settled([brands_of(read(look.crop), look, targets, others)])
        return found


def _with_bag(answer: LookAnswer, near: Sequence[Worn]) -> LookAnswer:
    """Return the answer with the bag that the detector sees, if any, instead of the one of the parser.

    A mark that fills much of that bag is on it: of close bags the parser takes the cloth for clothes.
    """
    if not near:
        return answer
    others, bag = [one for one in answer.worn if slot_of(one.type) != BAG], near[0]
    marks = [replace(mark, on=bag.type) if _fills(mark.box, bag.box) else mark for mark in answer.marks]
    return replace(answer, worn=(*others, *near), marks=tuple(marks))


def _fills(mark: Box, bag: Box) -> bool:
    return FILLS * bag.area <= mark.area < bag.area and mark.share_of_smaller(bag) >= INSIDE


def _placed(sightings: Sequence[Sighting], look: Look, targets: RecognitionTargets) -> Sequence[Mark]:
    return marks_of(sightings, targets.book, look.left, look.top)
