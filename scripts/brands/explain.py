"""The picture of `msh brands test`: each candidate beside its nearest enrolled mark, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engines.boxes import share_of_smaller
from engines.colour import to_bgr
from engines.garments.parser import GarmentParser
from engines.marks.emblem_parts import find_emblems_patiently
from engines.marks.gallery import LEAST_SCORE, Gallery, read_cohort
from engines.marks.network import PICTURE_VIEWS, MarkFinder
from engines.marks.patterns import PatternSearch
from engines.marks.picture import is_swatch, read_mark
from engines.marks.types import Route
from engines.ocr.reader import WordReader
from engines.openvino_runtime import Precision
from engines.scene_detector import load_scene_detector
from pipelines.assembly.recognisers import patience_of
from pipelines.errors import BadInput
from pipelines.offline.annotator import Annotator
from pipelines.offline.reader import MediaKind, probe_media, read_frames
from pipelines.outputs.disk import write_whole
from pipelines.settings.privacy import FacesConfig
from pricing.ledger.evidence import FULL, weight
from pricing.ledger.ledger import Ledger
from probes.answers import LookAnswer
from probes.frame import Box, Frame, Kind, TrackId
from probes.overlay.fonts import FONTS
from probes.overlay.label import LabelFont
from probes.recognition.look import Look, crop_person
from probes.recognition.marks import marks_of
from probes.recognition.reading import Recogniser
from probes.recognition.targets import RecognitionTargets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engines.colour import Bgr
    from engines.image import I420
    from engines.marks.types import Candidates, Sighting
    from pipelines.brands.gallery import BrandSet

Corners = tuple[float, float, float, float]
NEAR_MISSES = 4
WITHIN = 0.12
"""How far below its threshold a candidate is still worth showing."""
ROW, PANEL = 96, 520
SEEN, NOT = (40, 190, 90), (235, 150, 40)


@dataclass(frozen=True, slots=True)
class Shown:
    """One candidate of the picture: the brand it may be, whether it is accepted, and why."""

    brand: str
    box: Box
    route: Route
    counts: bool
    why: str


def show(source: Path, target: Path, brands: BrandSet) -> Iterator[str]:
    """Write the annotated picture, every face masked, and yield its explanations as lines."""
    if probe_media(source).kind is not MediaKind.IMAGE:
        raise BadInput(f"{source}: is a video; give a picture, such as one that was saved from it")
    explainer = Explainer(brands)
    ((_, pixels),) = read_frames(source)
    annotator = Annotator(
        load_scene_detector("nanodet-416", "centerface"),
        looks=lambda _: explainer,
        ledger=lambda votes: Ledger("EUR", lambda *_: None, min_votes=votes),
        masking=FacesConfig(),
        min_votes=1,
    )
    redacted = annotator.picture(pixels).redacted
    picture = Image.fromarray(np.ascontiguousarray(to_bgr(redacted.pixels)[..., ::-1]))
    write_whole(target, _png(_drawn(picture, explainer.shown, brands)))
    people = f"{explainer.people} people" if explainer.people else "no person: looked at as a whole"
    yield f"{source}: {picture.width}x{picture.height}, {people}; text read: {explainer.texts or 'none'}"
    for shown in explainer.shown:
        name, box = brands.book.name(shown.brand), shown.box
        at = f"{box.w:.0f}x{box.h:.0f} at {box.x:.0f},{box.y:.0f}"
        verdict = "seen" if shown.counts else "not "
        yield f"  {verdict}  {name:<20} {shown.route.value:<7} {at:<20} {shown.why}"
    if not any(shown.counts for shown in explainer.shown):
        yield "  no brand"


class Explainer:
    """Looks that read each person at once, or the whole picture if nobody is on it, and keep the reasons."""

    def __init__(self, brands: BrandSet) -> None:
        self._book, self._enrolled = brands.book, brands.enrolled
        self._gallery = Gallery(brands.enrolled, read_cohort())
        self._targets = RecognitionTargets(brands.book)
        self._finder = MarkFinder(max_views=PICTURE_VIEWS)
        self._words = WordReader(precision=Precision.FP32)  # as `build_recogniser` for pictures
        self._patience = patience_of(self._words)
        self._patterns = [marks.pattern for marks in brands.enrolled if marks.pattern is not None]
        self._parser = GarmentParser() if self._patterns else None
        self.shown: list[Shown] = []
        self.people = 0
        self._texts: list[str] = []
        self.left_out = 0

    @property
    def texts(self) -> str:
        """What was read, whether a brand or not."""
        return ", ".join(self._texts)

    def offer(self, frame: Frame, pixels: I420) -> None:
        """Look at the persons of the picture."""
        people = frame.of(Kind.PERSON)
        self.people = len(people)
        looks = [crop_person(frame, person, pixels, fine=True, patient=True) for person in people]
        whole = Look(TrackId("picture", "p", 0), frame, 0, 0, pixels, fine=True, patient=True)
        for look in looks or [whole]:
            if look is not None:
                self._look(look)
        self.shown.sort(key=lambda shown: not shown.counts)

    def read_whole(self, frame: Frame, pixels: I420, part: Box | None = None) -> LookAnswer:
        """Return nothing: `offer` has looked at all that is to be explained."""
        return LookAnswer(TrackId("picture", "p", 0), frame, ())

    def drain(self) -> list[LookAnswer]:
        """Return nothing: explanations give no votes."""
        return []

    def _look(self, look: Look) -> None:
        bgr = to_bgr(look.crop)
        texts = [word for words in self._patience.words(look.crop) for word in words]
        self._texts += dict.fromkeys(f'"{word.text}" {word.confidence:.2f}' for word in texts)
        for mark in Recogniser(self._words, patience=self._patience).read(look, self._targets).marks:
            self.shown.append(
                Shown(mark.brand, mark.box, Route.WORDS, True, f"read, {mark.confidence:.2f} sure")
            )
        candidates = self._finder.find(bgr)
        seen = self._gallery.sightings(candidates, partial(self._patience.again, bgr))
        emblems = [emblem for marks in self._enrolled for emblem in marks.emblems]
        for sighting in (*seen, *find_emblems_patiently(bgr, emblems), *self._woven(look, bgr)):
            (mark,) = marks_of([sighting], self._book, look.left, look.top)
            worth = weight(mark.route.value, mark.confidence, mark.size)
            lacking = "" if worth >= FULL else "; too small or unsure to count"
            lacking += " alone" if 0 < worth < FULL else ""
            why = f"{sighting.note}; {sighting.confidence:.2f} sure{lacking}"
            self.shown.append(Shown(mark.brand, mark.box, mark.route, worth > 0, why))
        self._near_misses(look, candidates, [s.box for s in seen])

    def _woven(self, look: Look, bgr: Bgr) -> list[Sighting]:
        outfit = self._parser.parse(look.crop) if self._parser else None
        if outfit is None:
            return []
        return [seen for _, seen in PatternSearch().find(bgr, outfit.cloth(), self._patterns)]

    def _near_misses(self, look: Look, candidates: Candidates, taken: list[Corners]) -> None:
        own, other = self._gallery.similarities(candidates.vectors)
        needed = {marks.brand: marks.threshold for marks in self._enrolled}
        if not own.shape[1]:
            return
        names = [
            marks.brand for marks in self._enrolled if Route.SYMBOL in marks.routes and len(marks.vectors)
        ]
        found = []
        for row in np.argsort(-own.max(axis=1)):
            number = int(own[row].argmax())
            alike, brand = float(own[row, number]), names[number]
            x1, y1, x2, y2 = candidates.boxes[row].tolist()
            corners = (x1, y1, x2, y2)
            if alike < needed[brand] - WITHIN or any(share_of_smaller(corners, box) > 0.3 for box in taken):
                continue
            taken = [*taken, corners]
            found.append(
                (brand, corners, _why(alike, needed[brand], float(other[row]), candidates.scores[row]))
            )
        for brand, (x1, y1, x2, y2), why in found[:NEAR_MISSES]:
            box = Box(look.left + x1, look.top + y1, x2 - x1, y2 - y1)
            self.shown.append(Shown(brand, box, Route.SYMBOL, False, why))


def _why(alike: float, needed: float, others: float, score: float) -> str:
    text = f"{alike:.2f} alike, {needed:.2f} needed, others {others:.2f}"
    if score < LEAST_SCORE:
        return f"{text}; hardly a mark at all ({score:.2f})"
    return f"{text}; {'too little alike' if alike < needed else 'as much like another mark'}"


def _drawn(picture: Image.Image, shown: list[Shown], brands: BrandSet) -> Image.Image:
    """Return the picture with numbered boxes, and beside it a row for each: candidate, enrolled mark, why."""
    scale = min(2.0, max(1.0, 900 / max(picture.size)), 1600 / max(picture.size))
    large = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    sheet = Image.new("RGB", (large.width + PANEL, max(large.height, ROW * len(shown) + 10)), (24, 27, 33))
    sheet.paste(large)
    draw = ImageDraw.Draw(sheet)
    bold = ImageFont.truetype(str(FONTS / "Inter-Bold-subset.otf"), 17)
    plain = ImageFont.truetype(str(FONTS / "Inter-Medium-subset.otf"), 14)
    pictures = {source.key: source.pictures for source in brands.sources}
    for number, place in enumerate(shown, 1):
        colour = SEEN if place.counts else NOT
        box, top, left = place.box, ROW * (number - 1) + 8, large.width + 10
        corners = [v * scale for v in box.corners]
        draw.rectangle(corners, outline=colour, width=3)
        draw.text((corners[0] + 2, max(0, corners[1] - 20)), str(number), colour, bold)
        sheet.paste(
            _thumb(picture.crop((int(box.x), int(box.y), int(box.right) + 1, int(box.bottom) + 1))),
            (left, top),
        )
        if place.route is not Route.WORDS and pictures.get(place.brand):
            swatch = place.route is Route.PATTERN
            of = next((one for one in pictures[place.brand] if is_swatch(one) is swatch), None)
            mark = read_mark(of or pictures[place.brand][0]).on()
            sheet.paste(_thumb(Image.fromarray(np.ascontiguousarray(mark[..., ::-1]))), (left + 88, top))
        name = f"{number}  {brands.book.name(place.brand)}{'' if place.counts else '? no'}"
        LabelFont("Bold", 17).draw(draw, (left + 178, top + 9), name, colour)
        for line, text in enumerate((place.route.value, *place.why.split("; "))):
            draw.text((left + 178, top + 22 + 18 * line), text, (225, 228, 235), plain)
    return sheet


def _thumb(picture: Image.Image) -> Image.Image:
    """Return a picture fitted into an 80 px square."""
    scale = 80 / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    square = Image.new("RGB", (80, 80), (60, 64, 72))
    square.paste(picture.resize(size), ((80 - size[0]) // 2, (80 - size[1]) // 2))
    return square


def _png(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
