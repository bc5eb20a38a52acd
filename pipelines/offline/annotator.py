"""Pictures and videos from files, offline: every frame, in order, as fast as the machine can."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from engines.tracking import Tracker
from pipelines.cpu.chain import ANALYSED, CameraChain
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.attribution import PriceProbe
from probes.people.tracks import TrackBook
from probes.redaction.redact import RedactionFailed, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from engines.detector import Detector
    from engines.image import I420
    from pipelines.settings.privacy import FacesConfig
    from pricing.ledger.ledger import Ledger
    from pricing.value import PersonValue
    from probes.recognition.look_workers import Looks
    from probes.redaction.redact import RedactedFrame

LOST_MS = 2000
GAP_MS = 2500


@dataclass(slots=True)
class Seen:
    """One person of a video: when first and last seen, ns since the first frame, and what is worn."""

    first: int
    last: int
    value: PersonValue


@dataclass(frozen=True, slots=True)
class Annotated:
    """A frame that may leave, when it was (ns since the first), and what its confirmed persons are worth."""

    at: int
    redacted: RedactedFrame
    values: Mapping[TrackId, PersonValue]


@dataclass(slots=True)
class Video:
    """The run through one video: iterate over `frames`; then `persons` is complete.

    withheld: frames that could not be masked for sure, and are not among `frames`.
    """

    frames: Iterator[Annotated]
    persons: dict[TrackId, Seen] = field(default_factory=dict)
    withheld: int = 0


class Annotator:
    """Detects, tracks, masks and prices, as the live pipeline does.

    looks: makes the looks of one file, told whether it is a single picture. ledger: makes its ledger, from
    the number of votes that confirm.
    """

    def __init__(
        self,
        persons: Detector,
        faces: Detector,
        *,
        looks: Callable[[bool], Looks],
        ledger: Callable[[int], Ledger],
        masking: FacesConfig,
        min_votes: int,
    ) -> None:
        self._persons, self._faces, self._looks = persons, faces, looks
        self._ledger, self._masking, self._min_votes = ledger, masking, min_votes

    def picture(self, pixels: I420) -> Annotated:
        """Annotate one picture, in place: everyone in it counts, and one look worth a whole vote confirms."""
        objects, heads = self._persons.start([pixels]), self._faces.start([pixels])
        found, faces = objects.result()[0], heads.result()[0]
        detections = []
        for number, (corners, score, class_id) in enumerate(
            zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True), 1
        ):
            label = self._persons.classes[class_id]
            kind = Kind.PERSON if label == "person" else Kind.ACCESSORY
            track = TrackId("picture", "p", number) if kind is Kind.PERSON else None
            detections.append(Detection(kind, label, score, _box(corners), track))
        for corners, score in zip(faces.boxes.tolist(), faces.scores.tolist(), strict=True):
            detections.append(Detection(Kind.FACE, "face", score, _box(corners)))
        frame = Frame("picture", 0, (pixels.width, pixels.height), tuple(detections), ANALYSED)
        looks = self._looks(True)
        looks.offer(frame, pixels)
        values = PriceProbe(self._ledger(1)).update(frame, looks.drain())
        return Annotated(0, self._redactor().redact(frame, pixels), values)

    def video(self, name: str, frames: Iterable[tuple[int, I420]]) -> Video:
        """Annotate a video frame by frame; a frame that cannot be masked is withheld."""
        video = Video(iter(()))
        video.frames = self._run(name, frames, video)
        return video

    def _run(self, name: str, frames: Iterable[tuple[int, I420]], video: Video) -> Iterator[Annotated]:
        session = Random(name).choice
        letters = "".join(session("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(4))
        chain = CameraChain(
            name,
            labels=self._persons.classes,
            tracker=Tracker(person_class=self._persons.classes.index("person"), lost_ms=LOST_MS),
            book=TrackBook(name, lambda _: letters, GAP_MS),
            redactor=self._redactor(),
        )
        prices, looks = PriceProbe(self._ledger(self._min_votes)), self._looks(False)
        for at, pixels in frames:
            objects, heads = self._persons.start([pixels]), self._faces.start([pixels])
            frame = chain.assemble(at, pixels, objects.result()[0], heads.result()[0])
            looks.offer(frame, pixels)
            values = prices.update(frame, looks.drain())
            for track, value in values.items():
                seen = video.persons.setdefault(track, Seen(at, at, value))
                seen.last, seen.value = at, value
            try:
                redacted = chain.redact(frame, pixels)
            except RedactionFailed:
                video.withheld += 1
            else:
                yield Annotated(at, redacted, values)
            for track in chain.ended(at):
                prices.end(track)

    def _redactor(self) -> Redactor:
        faces = self._masking
        return Redactor(method=faces.method, margin=faces.margin, hold_ms=faces.hold_ms)


def _box(corners: list[float]) -> Box:
    left, top, right, bottom = corners
    return Box(left, top, right - left, bottom - top)
