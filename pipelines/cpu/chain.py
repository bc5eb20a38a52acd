"""One camera's way from detections to a redacted frame, on the CPU platform."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engines.border_motion import BorderMotion
from engines.close_look import CloseLook
from engines.detections import Detections
from engines.found_twice import TrackedTwice
from engines.scene import MIN_PERSON_PX, Scene, SceneRequest
from engines.still_scene import StillScene
from probes.frame import Box, Detection, Frame, Kind, TrackId, followed
from probes.redaction.heads import By, Mask
from probes.redaction.redact import black_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engines.image import I420
    from engines.tracking import Tracker
    from pipelines.cpu.camera_turn import CameraTurn
    from pipelines.settings.privacy import FacesConfig
    from probes.people.tracks import TrackBook
    from probes.redaction.redact import Polygon, RedactedFrame, Redactor

ANALYSED = frozenset({Kind.PERSON, Kind.FACE, Kind.ACCESSORY})
PERSON = "person"
SURE_FACE = 0.5
"""Score of a face that tells whether two boxes are one person."""


class CameraChain:
    """What one camera's frames go through, in order. Used by one thread.

    labels: the class names of the person and accessory detector. min_person_px: height of the smallest
    person to find. by_motion: look closely only where it is worth it, see `CloseLook`; else at everything.
    cover_entering: cover what moves in at the border and is no known person yet, see `BorderMotion`.
    turn: finds people who do not stand upright in the picture; they are covered, too.
    """

    def __init__(
        self,
        camera: str,
        *,
        labels: Sequence[str],
        tracker: Tracker,
        book: TrackBook,
        redactor: Redactor,
        masks: Sequence[Polygon] = (),
        min_person_px: float = MIN_PERSON_PX,
        by_motion: bool = False,
        cover_entering: bool = False,
        turn: CameraTurn | None = None,
    ) -> None:
        self.camera = camera
        self._min_person_px = min_person_px
        self._close = CloseLook() if by_motion else None
        self._still = StillScene()
        self._border = BorderMotion() if cover_entering else None
        self._entering: tuple[Mask, ...] = ()
        self._turn, self._scene = turn, Scene.empty()
        self._labels = tuple(labels)
        self._tracker, self._book, self._redactor = tracker, book, redactor
        self._masks = tuple(masks)
        self._twice = TrackedTwice()

    def reconfigure(self, *, faces: FacesConfig, masks: Sequence[Polygon], min_person_px: float) -> None:
        """Go on with other masks and bounds from the next frame on, in the thread that uses the chain."""
        if min_person_px != self._min_person_px:
            self._still = StillScene()
        self._min_person_px, self._masks = min_person_px, tuple(masks)
        self._redactor.reconfigure(
            method=faces.method, margin=faces.margin, hold_ms=faces.hold_ms, masks=masks
        )
        if self._turn is not None:
            self._turn.reconfigure(faces, min_person_px=min_person_px)

    def prepare(self, pixels: I420, captured_at: int) -> SceneRequest:
        """Black the camera's masks out, so that nothing behind them is analysed; return where to look."""
        black_out(pixels, self._masks)
        return SceneRequest(self._min_person_px, self._close, captured_at, self._still)

    def assemble(self, captured_at: int, pixels: I420, scene: Scene) -> Frame:
        """Track what was detected on a picture and write it down as a frame; `redact` comes next."""
        self._scene = scene
        if self._border is not None:
            self._entering = self._strips(self._border, captured_at, pixels, scene)
        bodies: dict[int, TrackId] = {}
        found = [
            *self._objects(captured_at, scene.objects, scene.doubtful, scene.faces, bodies),
            *detections_of(scene.faces, Kind.FACE, "face"),
        ]
        frame = Frame(self.camera, captured_at, (pixels.width, pixels.height), tuple(found), ANALYSED)
        return replace(frame, followed=followed(found, bodies)) if bodies else frame

    def redact(self, frame: Frame, pixels: I420, more: Sequence[Mask] = ()) -> RedactedFrame:
        """Cover all heads, and `more`, in place. Raises RedactionFailed: then nothing of it may leave."""
        lying = self._turn.masks(pixels, frame.captured_at, self._scene) if self._turn else ()
        return self._redactor.redact(frame, pixels, (*more, *self._entering, *lying))

    def watch_between(self, at: int, pixels: I420) -> None:
        """Take a picture that is not analysed, before the next that is; see `Redactor.watch_between`."""
        black_out(pixels, self._masks)
        self._redactor.watch_between(at, pixels)

    def redact_between(self, at: int, pixels: I420) -> RedactedFrame:
        """Cover a frame between the last two that were redacted, in place; see `Redactor.redact_between`."""
        return self._redactor.redact_between(at, pixels)

    def ended(self, now: int) -> list[TrackId]:
        """Return the tracks that have ended by UTC nanoseconds `now`, once."""
        return self._book.expire(now)

    def close(self) -> list[TrackId]:
        """End all tracks and return them; no picture of before leaves any more."""
        self._redactor.outdate()
        self._tracker.reset()
        return self._book.clear()

    def _strips(self, border: BorderMotion, captured_at: int, pixels: I420, scene: Scene) -> tuple[Mask, ...]:
        persons = scene.objects.boxes[scene.objects.classes == self._labels.index(PERSON)]
        every = np.concatenate([persons, scene.doubtful.boxes])
        found = border.strips(pixels.y, captured_at, every, self._min_person_px)
        return tuple(Mask(_box(*corners), By.HEAD_ESTIMATE) for corners in found.tolist())

    def _objects(
        self,
        captured_at: int,
        objects: Detections,
        doubtful: Detections,
        faces: Detections,
        bodies: dict[int, TrackId],
    ) -> Iterator[Detection]:
        """Yield persons and accessories; a doubtful person counts where a track goes on with it.

        Somebody who tracked well so far does not vanish for one frame in which the detector is unsure. One
        person found twice is counted once; who came alone and now stands behind another is somebody else.
        bodies: takes by row whom masks follow there, where that is not the track.
        """
        tracked = self._tracker.update(_both(objects, doubtful), captured_at)
        numbers = [seen.number for seen in tracked if seen.number is not None]
        owners = self._twice.update(
            numbers,
            np.array([seen.box for seen in tracked if seen.number is not None]).reshape(-1, 4),
            faces.boxes[faces.scores >= SURE_FACE],
            captured_at,
            named={number for number in numbers if self._book.name_of(number) is not None},
        )
        taken = set(numbers)
        for row, seen in enumerate(tracked):
            label, box = self._labels[seen.class_id], _box(*seen.box)
            if seen.number is not None and seen.number in owners:
                bodies[row] = TrackId(self.camera, "again", seen.number)
            if row >= len(objects) and seen.number is None:
                yield Detection(Kind.DOUBTFUL, PERSON, seen.score, box)
            elif label != PERSON:
                yield Detection(Kind.ACCESSORY, label, seen.score, box)
            elif seen.number is None:
                yield Detection(Kind.PERSON, label, seen.score, box)
            elif seen.number in owners and owners[seen.number] in taken:
                yield Detection(Kind.AGAIN, PERSON, seen.score, box)
            else:
                number = owners.get(seen.number, seen.number)
                taken.add(number)
                track = self._book.see(number, captured_at)
                yield Detection(Kind.PERSON, label, seen.score, box, track)


def _both(first: Detections, second: Detections) -> Detections:
    return Detections(
        *(np.concatenate([getattr(part, name) for part in (first, second)]) for name in Detections.__slots__)
    )


def detections_of(found: Detections, kind: Kind, label: str) -> Iterator[Detection]:
    """Yield detections of one kind as they are written down in a frame."""
    for corners, score in zip(found.boxes.tolist(), found.scores.tolist(), strict=True):
        yield Detection(kind, label, score, _box(*corners))


def _box(left: float, top: float, right: float, bottom: float) -> Box:
    return Box(float(left), float(top), float(right - left), float(bottom - top))
