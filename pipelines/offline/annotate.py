"""The work of `msh annotate`: one file in, one annotated file and its findings out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import cache, partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import cv2

from engines.colour import to_bgr
from engines.detector import FILE_PATIENCE_S
from engines.manifest import GARMENTS, find_model, read_manifest
from engines.openvino_runtime import Precision
from engines.scene import TooMany
from engines.scene_detector import load_scene_detector
from pipelines.assembly.recognisers import build_recogniser
from pipelines.brands.registry import targets_in
from pipelines.offline.annotator import Annotator
from pipelines.offline.reader import MediaKind, probe_media, read_frames
from pipelines.outputs.disk import write_whole
from pipelines.outputs.mp4 import Mp4Writer
from pipelines.settings.privacy import FacesConfig
from pricing.ledger.ledger import Ledger
from pricing.money import display
from probes.events.events import item, total
from probes.overlay.draw import Overlay
from probes.overlay.text import ENGLISH
from probes.reason import Reason
from probes.recognition.file_looks import SynchronousLooks
from probes.redaction.look_ahead import AHEAD_MS
from probes.redaction.redact import RedactionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from engines.image import I420
    from pipelines.brands.gallery import BrandSet
    from pipelines.offline.annotator import Annotated
    from pipelines.offline.reader import Media
    from pricing.catalogue.catalogue import Catalogue
    from pricing.value import PersonValue, Price, Total
    from probes.people.unworn import Unworn
    from probes.recognition.file_looks import FileLooks
    from probes.recognition.reading import Recogniser
    from probes.redaction.redact import RedactedFrame

CURRENCY = "EUR"
MIN_VOTES = 3
FALLBACK_FPS = 25.0
SPEED_LIMIT = 240
MIN_FRAMES = 3
"""A video of fewer frames is judged like pictures: looks of so few can not agree."""
TURNED = (
    "people stand upright when it is turned by {0} degrees clockwise; they are masked as it is, but not"
    " recognised: turn it (msh annotate --rotate {0})"
)
LEFT_OUT = "{} more people are masked but were not looked at: cut the picture"
DETECTORS = "nanodet-416", "centerface"
"""Of a single picture they run in fp32: nobody waits for it, and it is told alike on every CPU."""
SILENT = Reason("the sound is left out: the copy is silent", why="silent_copy")
ALL_WITHHELD = "masking was not certain in any frame, so there is no copy"


def _itself(looks: FileLooks) -> FileLooks:
    return looks


class AnnotateJob:
    """Loads models once; then annotates files."""

    def __init__(
        self,
        listed: Catalogue,
        brands: BrandSet,
        *,
        rotate: int = 0,
        garments: str | None = GARMENTS,
        today: Callable[[], date] = date.today,
        watch: Callable[[FileLooks], FileLooks] = _itself,
    ) -> None:
        """Load what is always needed; BadInput where a model is amiss.

        rotate: degrees clockwise by which each picture is turned upright first, 0, 90, 180 or 270, as of a
        camera. garments: the model that sees them; None for none. today: the day of which prices are, in the
        store's time zone. watch: is put before the looks.
        """
        self._rotate = rotate
        self._book = brands.book.with_listed(listed.names)
        prices = listed.joined(self._book.key_of)
        self._names = prices.names
        self._currency = prices.currency or CURRENCY
        models = read_manifest()
        for name in (*DETECTORS, *([garments] if garments is not None else [])):
            find_model(name, models).check_file()
        recogniser = cache(partial(_recogniser, garments))
        targets = targets_in(brands, self._book)

        def annotator(*, single: bool) -> Annotator:
            return Annotator(
                load_scene_detector(
                    *DETECTORS,
                    patience_s=FILE_PATIENCE_S,
                    precision=Precision.FP32 if single else Precision.FASTEST,
                ),
                looks=lambda single: watch(SynchronousLooks(recogniser(single), targets)),
                ledger=lambda votes: Ledger(
                    self._currency,
                    lambda brand, type_, slot: prices.lookup(brand, type_, slot, today()),
                    min_votes=votes,
                ),
                masking=FacesConfig(),
                min_votes=MIN_VOTES,
            )

        self._annotator = cache(annotator)
        self._overlay = Overlay(_money, self._brand)

    def annotate(
        self, source: Path, target: Path, on_progress: Callable[[int, int | None], None]
    ) -> dict[str, Any]:
        """Write the annotated copy; return what was found. BadInput, OutputFailed, RedactionFailed."""
        media = probe_media(source)
        if self._rotate in (90, 270):
            media = replace(media, size=(media.size[1], media.size[0]))
        found = {"file": str(source), "output": str(target), "kind": media.kind.value, "size": media.size}
        work = self._picture if media.kind is MediaKind.IMAGE else self._video
        return found | work(source, target, media, on_progress)

    def picture(self, source: Path) -> Annotated:
        """Annotate a picture without writing it. BadInput, RedactionFailed."""
        ((_, pixels),) = self._frames(source)
        return self._annotator(single=True).picture(pixels)

    def _frames(self, source: Path, warn: Callable[[str], None] | None = None) -> Iterator[tuple[int, I420]]:
        """Yield the frames of a file, turned upright."""
        frames = read_frames(source, warn)
        return ((at, pixels.rotated(self._rotate)) for at, pixels in frames) if self._rotate else frames

    def live(
        self, frames: Iterable[tuple[int, I420]]
    ) -> Iterator[tuple[RedactedFrame, list[dict[str, Any]]]]:
        """Yield the annotated copy of each frame as it comes, and who is in it; withheld ones are not."""
        for done in self._annotator(single=False).video("webcam", frames).frames:
            self._overlay.draw(done.redacted, done.values)
            yield done.redacted, [_person(value) for value in done.values.values()]

    def say(self, worn: dict[str, Any]) -> str:
        """Write an item as the original page did: jacket (Burberry) €1,290. Without a brand: beige coat."""
        brand = self._brand(worn["brand"]) if worn["brand"] else None
        name = ENGLISH.name(worn["type"], brand, worn.get("colour"))
        price = worn["price"]
        if not price:
            return name
        about = " (estimate)" if price.get("estimate") else ""
        return f"{name} {display(price['amount_minor'], self._currency)}{about}"

    def say_total(self, sum_: dict[str, Any]) -> str:
        """Write a total."""
        return display(sum_["amount_minor"], self._currency)

    def _unworn(self, seen: Unworn) -> dict[str, Any]:
        box = [round(v) for v in (seen.box.x, seen.box.y, seen.box.w, seen.box.h)]
        return {"brand": self._brand(seen.brand), "type": seen.type, "box": box}

    def _brand(self, brand: str) -> str:
        return self._names.get(brand) or self._book.name(brand)

    def _picture(
        self, source: Path, target: Path, _media: Media, on_progress: Callable[[int, int | None], None]
    ) -> dict[str, Any]:
        notes: list[str] = []
        ((_, pixels),) = self._frames(source, notes.append)
        done = self._annotator(single=True).picture(pixels)
        self._draw(done)
        good, data = cv2.imencode(target.suffix, to_bgr(done.redacted.pixels))
        if not good:
            raise RuntimeError("the annotated picture could not be encoded")
        write_whole(target, data.tobytes())
        on_progress(1, 1)
        persons = [_person(value) for value in done.values.values()]
        unworn = [self._unworn(seen) for seen in done.unworn]
        notes += self._notes(done.turn, done.left_out)
        return {"persons": persons, "unworn": unworn} | _noted(notes)

    def _draw(self, done: Annotated) -> None:
        """Draw what was found on a picture, and on a frame that is judged like one."""
        self._overlay.draw(done.redacted, done.values)
        self._overlay.draw_marks(done.redacted, [(seen.box, self._brand(seen.brand)) for seen in done.unworn])

    def _notes(self, turn: int, left_out: int = 0) -> Iterator[str]:
        if turn:
            degrees = (turn + self._rotate) % 360
            yield Reason(TURNED.format(degrees), why="people_turned", degrees=degrees)
        if left_out:
            yield Reason(LEFT_OUT.format(left_out), why="people_left_out", count=left_out)

    def _video(
        self, source: Path, target: Path, media: Media, on_progress: Callable[[int, int | None], None]
    ) -> dict[str, Any]:
        fps = min(media.fps or FALLBACK_FPS, SPEED_LIMIT)
        notes: list[str] = [SILENT] if media.sound else []
        frames = self._frames(source, notes.append)
        begun = list(islice(frames, MIN_FRAMES))
        if len(begun) < MIN_FRAMES:
            return {"fps": fps} | self._few(begun, target, media.size, fps, notes)
        video = self._annotator(single=False).video(source.stem, chain(begun, frames), ahead_ms=AHEAD_MS)
        written = 0
        with Mp4Writer(target, media.size, Fraction(fps).limit_denominator(1001)) as writer:
            for done in video.frames:
                self._overlay.draw(done.redacted, done.values)
                writer.write(done.redacted, done.at)
                written += 1
                on_progress(written, media.frames)
            if video.withheld and not written:
                raise RedactionFailed(ALL_WITHHELD)
        persons = [
            {"first_s": seen.first / 1e9, "last_s": seen.last / 1e9} | _person(seen.value)
            for seen in video.persons.values()
        ]
        notes += self._notes(video.turn)
        return {"fps": fps, "frames": written, "withheld": video.withheld, "persons": persons} | _noted(notes)

    def _few(
        self,
        frames: list[tuple[int, I420]],
        target: Path,
        size: tuple[int, int],
        fps: float,
        notes: list[str],
    ) -> dict[str, Any]:
        """Annotate each frame as a picture: so few can neither be tracked nor agree. The fullest counts."""
        seen: list[tuple[int, Annotated]] = []
        with Mp4Writer(target, size, Fraction(fps).limit_denominator(1001)) as writer:
            for at, pixels in frames:
                try:
                    done = self._annotator(single=True).picture(pixels)
                except (RedactionFailed, TooMany):
                    continue
                self._draw(done)
                writer.write(done.redacted, at)
                seen.append((at, done))
            if frames and not seen:
                raise RedactionFailed(ALL_WITHHELD)
        at, fullest = max(seen, key=lambda one: (len(one[1].values), len(one[1].unworn)))
        notes += self._notes(
            next((done.turn for _, done in seen if done.turn), 0), max(done.left_out for _, done in seen)
        )
        return {
            "frames": len(seen),
            "withheld": len(frames) - len(seen),
            "persons": [
                {"first_s": at / 1e9, "last_s": at / 1e9} | _person(value)
                for value in fullest.values.values()
            ],
            "unworn": [self._unworn(one) for one in fullest.unworn],
        } | _noted(notes)


def _recogniser(garments: str | None, single: bool) -> Recogniser:
    return build_recogniser(lambda _: None, patient=single, more_words=True, garments=garments)


def _person(value: PersonValue) -> dict[str, Any]:
    return {"items": [item(worn) for worn in value.items], "total": total(value.total)}


def _noted(notes: list[str]) -> dict[str, Any]:
    """Return what a person should know of the file itself, where there is something."""
    return {"notes": notes} if notes else {}


def _money(sum_: Price | Total) -> str:
    return display(sum_.amount_minor, sum_.currency)
