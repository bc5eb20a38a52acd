"""Pictures and videos from files, offline: every frame, in order, as fast as the machine can."""

from __future__ import annotations

import logging
import os
from collections import deque
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from engines.held_motion import HeldMotion
from engines.scene import TooMany
from engines.tracking import Tracker
from pipelines.cpu.chain import ANALYSED, PERSON, CameraChain, detections_of
from pipelines.cpu.turned import (
    CHECK_NS,
    FILE_FINE_NS,
    FINE_NS,
    SELDOM_NS,
    TurnedWatch,
    look_turned,
)
from pipelines.cpu.turned_evidence import SURE_FACE
from pipelines.offline.film_faces import FilmFaces
from pipelines.offline.framed_picture import look_at_framed
from pipelines.offline.key_frames import KeyFrames
from pipelines.offline.lying_looks import LyingLooks, upright_in
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.price_probe import PriceProbe
from probes.people.tracks import TrackBook
from probes.people.unworn import around, seen_beside_people, seen_on_nobody, things_apart
from probes.redaction.followed_head import grown
from probes.redaction.look_ahead import masks_from_later
from probes.redaction.redact import By, Mask, RedactionFailed, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from engines.image import I420
    from engines.scene import Scene, SceneRequest
    from engines.scene_detector import SceneDetector
    from pipelines.offline.lying_looks import Upright
    from pipelines.settings.privacy import FacesConfig
    from pricing.ledger.ledger import Ledger
    from pricing.value import PersonValue
    from probes.answers import LookAnswer
    from probes.people.unworn import Unworn
    from probes.recognition.file_looks import FileLooks
    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)

LOST_MS = 2000
GAP_MS = 2500
LARGE_PX = 4_000_000
"""After each step at pictures of so many pixels the networks give their memory back: the next needs it."""
MAX_THINGS = 4
"""Things beside people that are read, the largest: each is another look."""
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Most luma bytes of the frames that wait to be covered."""


@dataclass(slots=True)
class Seen:
    """One person of a video: when first and last seen, ns since the first frame, and what is worn."""

    first: int
    last: int
    value: PersonValue


@dataclass(frozen=True, slots=True)
class Annotated:
    """A frame that may leave, when it was (ns since the first), and what its confirmed persons are worth.

    unworn: brands on a picture that are on nobody. left_out: people of a picture who had no look, for there
    were too many; they are masked all the same. turn: degrees clockwise by which more people stand upright.
    """

    at: int
    redacted: RedactedFrame
    values: Mapping[TrackId, PersonValue]
    unworn: Sequence[Unworn] = ()
    left_out: int = 0
    turn: int = 0


@dataclass(slots=True)
class Video:
    """The run through one video: iterate over `frames`; then `persons` is complete.

    withheld: frames that could not be masked for sure, and are not among `frames`. turn: as of `Annotated`.
    """

    frames: Iterator[Annotated]
    persons: dict[TrackId, Seen] = field(default_factory=dict)
    withheld: int = 0
    turn: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A frame that is not covered yet. Nobody but the redaction gets it.

    between: the frames since the one that waits before it, which were not analysed.
    """

    frame: Frame
    pixels: I420
    scene: Scene
    values: Mapping[TrackId, PersonValue]
    upright: Upright
    between: Sequence[tuple[int, I420]] = ()


class Annotator:
    """Detects, tracks, masks and prices, as the live pipeline does.

    looks: makes the looks of one file, told whether it is a single picture. ledger: makes its ledger, from
    the number of votes that confirm.
    """

    def __init__(
        self,
        scenes: SceneDetector,
        *,
        looks: Callable[[bool], FileLooks],
        ledger: Callable[[int], Ledger],
        masking: FacesConfig,
        min_votes: int,
    ) -> None:
        self._scenes, self._looks = scenes, looks
        self._ledger, self._masking, self._min_votes = ledger, masking, min_votes

    def picture(self, pixels: I420) -> Annotated:
        """Annotate one picture, in place: everyone in it counts, and one look worth a whole vote confirms."""
        closer = look_at_framed(self._scenes, pixels)
        scene = closer.scene
        self._rest(pixels)
        turned = look_turned(self._scenes, pixels, scene, self._masking)
        self._rest(pixels)
        found = scene.objects
        detections = [
            *detections_of(scene.doubtful, Kind.DOUBTFUL, PERSON),
            *detections_of(scene.faces, Kind.FACE, "face"),
        ]
        for number, (corners, score, class_id) in enumerate(
            zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True), 1
        ):
            label = self._scenes.classes[class_id]
            kind = Kind.PERSON if label == PERSON else Kind.ACCESSORY
            track = TrackId("picture", "p", number) if kind is Kind.PERSON else None
            detections.append(Detection(kind, label, score, Box.from_corners(*corners), track))
        frame = Frame("picture", 0, (pixels.width, pixels.height), tuple(detections), ANALYSED)
        looks = self._looks(True)
        looks.offer(frame, pixels)
        answers, left_out = looks.drain(), looks.left_out
        figures = _figures(answers)
        values = PriceProbe(self._ledger(1)).update(frame, answers)
        values = {track: value for track, value in values.items() if track not in figures}
        unworn = _unworn(looks, frame, pixels, answers, figures)
        shown = _without(figures, frame)
        cut = (Box.from_corners(*face) for face in closer.cut_faces.tolist())
        more = (*turned.masks, *(Mask(grown(face, self._masking.margin), By.DETECTOR) for face in cut))
        redacted = self._redactor().redact(shown, pixels, more)
        return Annotated(0, redacted, values, unworn, left_out, turned.turn)

    def _rest(self, pixels: I420) -> None:
        if pixels.width * pixels.height >= LARGE_PX:
            self._scenes.rest()

    def video(self, name: str, frames: Iterable[tuple[int, I420]], *, ahead_ms: int = 0) -> Video:
        """Annotate a video frame by frame; a frame that cannot be masked is withheld.

        ahead_ms: how long a frame waits for later ones, which show heads that are not found yet in it.
        """
        video = Video(iter(()))
        video.frames = self._run(name, frames, video, ahead_ms)
        return video

    def _run(
        self, name: str, frames: Iterable[tuple[int, I420]], video: Video, ahead_ms: int
    ) -> Iterator[Annotated]:
        chain, lying = self._chain(name), LyingLooks(TurnedWatch(self._scenes, self._masking))
        waiting: deque[_Waiting] = deque()
        keys = KeyFrames() if ahead_ms else KeyFrames(every_ns=0)
        faces = FilmFaces(self._scenes) if ahead_ms else None
        for one in self._priced(chain, frames, video, keys, faces):
            waiting.append(one)
            while (ahead_ms == 0 and waiting) or _is_ripe(waiting, ahead_ms):
                yield from self._redacted(chain, waiting, ahead_ms, video, lying)
        while waiting:
            yield from self._redacted(chain, waiting, ahead_ms, video, lying)

    def _redacted(
        self,
        chain: CameraChain,
        waiting: deque[_Waiting],
        ahead_ms: int,
        video: Video,
        lying: LyingLooks,
    ) -> Iterator[Annotated]:
        """Cover the frame that has waited longest."""
        turned, frames = lying.watch, [one.frame for one in waiting]
        upright = [one.upright for one in waiting]
        newest, now = waiting[-1], waiting.popleft()
        try:
            if lying.is_due(upright) if ahead_ms else self._is_due(turned, now):
                fine_ns = FILE_FINE_NS if ahead_ms else FINE_NS
                turned.look(newest.pixels, newest.frame.captured_at, newest.scene, fine_ns=fine_ns)
                lying.add(newest.upright)
                video.turn = turned.turn or video.turn
            more = (
                masks_from_later(frames, margin=self._masking.margin, ahead_ms=ahead_ms) if ahead_ms else ()
            )
            turned_masks = turned.masks(now.pixels, now.frame.captured_at, now.scene)
            for at, pixels in now.between:
                chain.watch_between(at, pixels)
            redacted = chain.redact(now.frame, now.pixels, (*more, *turned_masks))
        except (RedactionFailed, TooMany):
            video.withheld += 1 + len(now.between)
        else:
            yield from self._between(chain, now, video)
            yield Annotated(now.frame.captured_at, redacted, now.values)

    def _between(self, chain: CameraChain, now: _Waiting, video: Video) -> Iterator[Annotated]:
        """Cover the frames between the last key frame and this one, once both are covered."""
        for at, pixels in now.between:
            try:
                redacted = chain.redact_between(at, pixels)
            except RedactionFailed:
                video.withheld += 1
            else:
                yield Annotated(at, redacted, now.values)

    def _is_due(self, turned: TurnedWatch, one: _Waiting) -> bool:
        """Return whether a look for who lies must come before this frame is covered, which cannot wait."""
        at, last = one.frame.captured_at, turned.looked_at
        if last is None:
            return True
        people = one.scene.objects.classes == self._scenes.classes.index(PERSON)
        is_sure = people.any() and (one.scene.faces.scores >= SURE_FACE).any()
        return at >= last + (SELDOM_NS if is_sure or turned.is_settled else CHECK_NS)

    def _chain(self, name: str) -> CameraChain:
        session = Random(os.fsencode(name)).choice  # a file's name may be no text
        letters = "".join(session("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(4))
        return CameraChain(
            name,
            labels=self._scenes.classes,
            tracker=Tracker(person_class=self._scenes.classes.index(PERSON), lost_ms=LOST_MS),
            book=TrackBook(name, lambda _: letters, GAP_MS),
            redactor=self._redactor(),
            by_motion=True,
        )

    def _priced(
        self,
        chain: CameraChain,
        frames: Iterable[tuple[int, I420]],
        video: Video,
        keys: KeyFrames,
        faces: FilmFaces | None,
    ) -> Iterator[_Waiting]:
        """Yield each key frame with what is known of its persons by then; it is not covered yet.

        faces: looks for who is seen by the face alone; None where frames cannot wait for it.
        """
        prices, looks = PriceProbe(self._ledger(self._min_votes)), self._looks(False)
        for between, at, pixels in keys.groups(frames):
            scene = self._scene(pixels, chain.prepare(pixels, at), video, faces)
            if scene is None:
                video.withheld += len(between)
                continue
            frame = chain.assemble(at, pixels, scene)
            keys.add(frame, pixels)
            looks.offer(frame, pixels)
            values = prices.update(frame, looks.drain())
            for track, value in values.items():
                seen = video.persons.setdefault(track, Seen(at, at, value))
                seen.last, seen.value = at, value
            yield _Waiting(frame, pixels, scene, values, upright_in(frame, pixels), between)
            for track in chain.ended(at):
                if prices.is_figure(track):
                    video.persons.pop(track, None)
                prices.end(track)
        for track in [track for track in video.persons if prices.is_figure(track)]:
            del video.persons[track]

    def _scene(
        self, pixels: I420, wanted: SceneRequest, video: Video, faces: FilmFaces | None
    ) -> Scene | None:
        try:
            scene = self._scenes.detect(pixels, wanted)
            return faces.add(pixels, wanted.at_ns, scene) if faces else scene
        except TooMany:
            video.withheld += 1
            return None

    def _redactor(self) -> Redactor:
        faces = self._masking
        return Redactor(method=faces.method, margin=faces.margin, hold_ms=faces.hold_ms, motion=HeldMotion())


def _is_ripe(waiting: deque[_Waiting], ahead_ms: int) -> bool:
    """Return whether the first frame has waited long enough, or too many wait for the memory they take."""
    if len(waiting) < 2:
        return False
    waited = waiting[-1].frame.captured_at - waiting[0].frame.captured_at
    size = waiting[0].pixels.y.nbytes * sum(1 + len(one.between) for one in waiting)
    return waited >= ahead_ms * 1_000_000 or size > MAX_WAITING_BYTES


def _unworn(
    looks: FileLooks, frame: Frame, pixels: I420, answers: Sequence[LookAnswer], figures: Collection[TrackId]
) -> list[Unworn]:
    """Return the brands on nobody: of all of a picture without people, else of things and figures apart."""
    if all(person.track in figures for person in frame.of(Kind.PERSON)):
        return seen_on_nobody(looks.read_whole(frame, pixels))
    things = [around(thing.box) for thing in things_apart(frame, figures)[:MAX_THINGS]]
    read = []
    for part in things:
        try:
            read.append(looks.read_whole(replace(frame, detections=()), pixels, part))
        except Exception as error:  # noqa: BLE001 whatever a look at a thing does, the people are priced
            logger.warning("a thing beside people could not be read: %s", type(error).__name__)
    return seen_beside_people(
        [*read, *(answer for answer in answers if answer.track in figures)], frame, figures
    )


def _figures(answers: Collection[LookAnswer]) -> set[TrackId]:
    """Return who is no person: a garment on a hanger, or a figure; looks saw no skin and no hair."""
    return {answer.track for answer in answers} - {answer.track for answer in answers if answer.bare}


def _without(figures: Collection[TrackId], frame: Frame) -> Frame:
    """Return the frame with figures as doubtful persons: they are masked, and nothing is drawn for them."""
    detections = (
        seen._replace(kind=Kind.DOUBTFUL, track=None) if seen.track in figures else seen
        for seen in frame.detections
    )
    return replace(frame, detections=tuple(detections))
