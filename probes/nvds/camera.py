"""Converts one camera's DeepStream metadata to a Frame, and the heads to cover to boxes on the surface."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from engines.found_twice import TrackedTwice
from probes.events.messages import same
from probes.frame import Box, Detection, Frame, Kind, TrackId, followed
from probes.nvds.camera_masks import CameraMasks
from probes.nvds.frame_origins import FrameOrigins
from probes.nvds.meta import REDACTION_TAG, UNTRACKED, MetaError
from probes.nvds.native_detections import CameraLookup, PackedObjects, PackedPairs

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from probes.nvds.meta import FrameMeta, ObjectMeta
    from probes.people.tracks import TrackBook
    from probes.redaction.redact import HeadWatch, Mask, Polygon

    Classes = Mapping[tuple[int, int], tuple[Kind, str]]
    """What (gie-unique-id, class id) stand for."""

FULL = 400
"""So many objects of one detector in a frame: its 500 places, before suppression, may have been full."""
_PERSON, _DOUBTFUL, _AGAIN = Kind.PERSON, Kind.DOUBTFUL, Kind.AGAIN
_SURE = frozenset({_PERSON, _AGAIN})
_NOTHING: frozenset[Kind] = frozenset()
BODIES = 1 << 40
"""Numbers from here on are of second boxes, for masks alone; no track of a person has one."""
SURE_FACE = 0.5
"""Confidence of a face that tells whether two boxes are one person."""
CLOCK_SET = 10_000_000_000
"""A step in time, ns, that is no pause between frames: the clock was set."""


class CameraMeta:
    """The probe's state of one camera. Frames come in order, from one thread."""

    def __init__(
        self,
        camera: str,
        *,
        classes: Classes,
        watch: HeadWatch,
        book: TrackBook,
        now_ns: Callable[[], int],
        from_wall: Callable[[int], int] = same,
        masks: Sequence[Polygon] = (),
        counted: float = 0.0,
    ) -> None:
        """Begin. masks: polygons, corners from 0 to 1 of the frame.

        now_ns: UTC ns, for frames that bring no time; from_wall: what it showed at a frame's own time.
        counted: confidence below which a detected person is only masked.
        """
        self.camera = camera
        self._counted = counted
        self._classes, self._watch, self._book, self._now_ns = classes, watch, book, now_ns
        self._from_wall = from_wall
        self._analysed = frozenset(kind for kind, _ in classes.values())
        self.masks, self.origins = CameraMasks(masks), FrameOrigins()
        self.is_turned = False
        """Whether its frames are withheld, since people do not stand upright in them. From any thread."""
        self.found_again: Container[int] = ()
        """The tracker's numbers that were another person's box in the last frame. From any thread."""
        self._goes_on: Mapping[int, int] = {}
        self._names: dict[int, TrackId] = {}
        self._twice = TrackedTwice()
        self._lookup = CameraLookup(classes, counted)
        self._numbers, self._body_numbers = count(1), count(BODIES)
        self._bodies: dict[int, TrackId] = {}
        """By the tracker's number whom masks follow in one person's second box."""
        self._last = self._stamp = 0
        self._lock = threading.Lock()

    def set_masks(self, masks: Sequence[Polygon]) -> None:
        """Hide other parts of the picture from the next frame on. From any thread.

        Where the camera's source changes, too, `origins.renew` comes first: who works on a frame takes the
        masks first and asks for its origin then, so that no frame of the old source has the new masks.
        Pictures of frames that were judged by others leave no more, nor does that of one under way.
        """
        if tuple(map(tuple, masks)) != self.masks.polygons:
            self.masks = CameraMasks(masks, self.masks.masked_by.replace())

    def frame(
        self, meta: FrameMeta, surface: tuple[int, int], masks: CameraMasks
    ) -> tuple[Frame, Sequence[tuple[ObjectMeta, Detection | None]]]:
        """Return the frame in the camera's own pixels, and each object with its detection.

        masks: nobody is seen behind them. Raises MetaError where the metadata is inconsistent.
        """
        if meta.objects is None:
            raise MetaError("the objects of a frame could not be read")
        width, height = meta.source_size
        if not (width > 0 and height > 0 and surface[0] > 0 and surface[1] > 0):
            raise MetaError("a frame without a size")
        at = self._steady(self._from_wall(meta.ntp) if meta.ntp else self._now_ns())
        scale = width / surface[0], height / surface[1]
        objects, analysed = meta.objects, self._analysed if meta.inferred else _NOTHING
        if len(objects) >= FULL:
            by_model = Counter(seen.component for seen in objects)
            if any(by_model[component] >= FULL for component, _ in self._classes):
                raise MetaError("more persons or faces than a detector lists")
        with self._lock:
            pairs = self._detect(objects, scale, at, (width, height), masks)
            if isinstance(pairs, PackedPairs):
                return Frame(self.camera, at, (width, height), pairs.detections, analysed), pairs
            bodies = {number: body for number, body in self._bodies.items() if number not in self._names}
        seen = [(one.number, detection) for one, detection in pairs if detection is not None]
        found = tuple([detection for _, detection in seen])
        frame = Frame(self.camera, at, (width, height), found, analysed)
        if bodies:
            masked = enumerate(seen)
            whom = {
                n: bodies[number] for n, (number, one) in masked if number in bodies and one.kind in _SURE
            }
            frame = replace(frame, followed=followed(found, whom))
        return frame, pairs

    def heads(self, frame: Frame) -> Sequence[Mask]:
        """Return the heads to cover. Any doubt raises."""
        return self._watch.locate(frame)

    def ended(self, now: int) -> list[TrackId]:
        """Return the tracks that have ended by UTC nanoseconds `now`, once. From any thread."""
        if not self._book.may_expire(now):
            return []
        with self._lock:
            ended = self._book.expire(now)
            if ended:
                gone = set(ended)
                self._names = {number: name for number, name in self._names.items() if name not in gone}
                self._lookup.name(self._names)
            return ended

    def close(self) -> list[TrackId]:
        """End all tracks and return them. From any thread."""
        with self._lock:
            self._names.clear()
            self._lookup.name(self._names)
            self._bodies.clear()
            self._twice = TrackedTwice()  # the tracker's numbers may come again for others
            return self._book.clear()

    def _detect(
        self,
        objects: Sequence[ObjectMeta],
        scale: tuple[float, float],
        at: int,
        size: tuple[int, int],
        masks: CameraMasks,
    ) -> PackedPairs | list[tuple[ObjectMeta, Detection | None]]:
        """Return the objects with their detections, by the reader where it can.

        It knows named tracks alone, so whoever is new is named here first. One person in two boxes is left
        to Python.
        """
        packed = objects if isinstance(objects, PackedObjects) and len(objects) < FULL else None
        if packed is not None and (pairs := self._detect_packed(packed, scale, at, size, masks)) is not None:
            return pairs
        again, goes_on = self.found_again, self._goes_on = self._found_again(objects, at, scale, size, masks)
        is_plain = not (again or goes_on or self._bodies)
        if (
            packed is not None
            and is_plain
            and self._name_new(packed, scale, at, size, masks)
            and (pairs := self._detect_packed(packed, scale, at, size, masks)) is not None
        ):
            return pairs
        return self._detect_here(objects, scale, at, size, masks)

    def _detect_packed(
        self,
        objects: PackedObjects,
        scale: tuple[float, float],
        at: int,
        size: tuple[int, int],
        masks: CameraMasks,
    ) -> PackedPairs | None:
        """Do `_detect_here` in the reader; None where it does not."""
        lookup = self._lookup
        camera = lookup.camera(masks, scale, size)
        pairs = objects.detect(lookup, camera)
        if pairs is not None:
            self.found_again = ()
            self._book.see_again(pairs.seen, at)
        return pairs

    def _name_new(
        self,
        objects: Sequence[ObjectMeta],
        scale: tuple[float, float],
        at: int,
        size: tuple[int, int],
        masks: CameraMasks,
    ) -> bool:
        """Name whom `_detect_here` would name, in the same order; False, for nobody, if one has two boxes."""
        across, down = scale
        new: dict[int, ObjectMeta] = {}
        for seen in objects:
            if seen.component == REDACTION_TAG:
                raise MetaError("a frame that has a redaction tag already")
            kind, _ = self._classes.get((seen.component, seen.class_id), (None, ""))
            if kind is _PERSON and seen.number != UNTRACKED and seen.number not in self._names:
                if seen.number in new:
                    return False
                new[seen.number] = seen
        for number, seen in new.items():
            if not 0 <= seen.confidence < self._counted:
                box = Box(seen.left * across, seen.top * down, seen.width * across, seen.height * down)
                hidden = bool(masks.polygons) and masks.hides(box, size)
                self._name(number, at, hidden=hidden)
        return True

    def _detect_here(
        self,
        objects: Sequence[ObjectMeta],
        scale: tuple[float, float],
        at: int,
        size: tuple[int, int],
        masks: CameraMasks,
    ) -> list[tuple[ObjectMeta, Detection | None]]:
        """Return the objects with their detections, after `_found_again`."""
        across, down = scale
        polygons, counted, new = masks.polygons, self._counted, tuple.__new__
        pairs: list[tuple[ObjectMeta, Detection | None]] = []
        taken = set()
        again, goes_on = self.found_again, self._goes_on
        last_component = last_class = mapped = None
        for seen in objects:
            component, class_id, number, confidence, left, top, width, height, _, _ = seen
            if class_id != last_class or component != last_component:  # those of a class lie side by side
                last_component, last_class = component, class_id
                mapped = self._classes.get((component, class_id))
                if component == REDACTION_TAG:
                    raise MetaError("a frame that has a redaction tag already")
            if mapped is None:
                pairs.append((seen, None))
                continue
            kind, label = mapped
            track = None
            box = new(Box, (left * across, top * down, width * across, height * down))
            if kind is _PERSON:
                # Below 0 is no confidence at all: a person whom the tracker carries on without a detection.
                # Somebody who was counted on this track before does not vanish where the detector is unsure.
                if 0 <= confidence < counted and number not in self._names:
                    kind = _DOUBTFUL
                elif number in again:
                    kind = _AGAIN
                elif number != UNTRACKED and number not in taken:
                    taken.add(number)
                    hidden = bool(polygons) and masks.hides(box, size)
                    track = self._name(goes_on.get(number, number), at, hidden=hidden)
            sure = confidence if 0 <= confidence <= 1 else 0.0
            pairs.append((seen, new(Detection, (kind, label, sure, box, track))))
        return pairs

    def _found_again(
        self,
        objects: Sequence[ObjectMeta],
        at: int,
        scale: tuple[float, float],
        size: tuple[int, int],
        masks: CameraMasks,
    ) -> tuple[Container[int], Mapping[int, int]]:
        """Return the tracks without a name that are another's person, or may be, and who goes on as whom.

        See TrackedTwice. Who is only masked, or behind a mask, gets no name: such a one is none of them, and
        nobody is theirs.
        """
        across, down = scale
        people: dict[int, ObjectMeta] = {}
        faces: list[ObjectMeta] = []
        for seen in objects:
            kind, _ = self._classes.get((seen.component, seen.class_id), (None, ""))
            if kind is _PERSON and seen.number != UNTRACKED:
                people.setdefault(seen.number, seen)
            elif kind is Kind.FACE and seen.confidence >= SURE_FACE:
                faces.append(seen)

        def is_shown(seen: ObjectMeta) -> bool:
            box = Box(seen.left * across, seen.top * down, seen.width * across, seen.height * down)
            return not (masks.polygons and masks.hides(box, size))

        names = self._names
        unnamed = (one for one in people.values() if one.number not in names)
        fresh = {one.number for one in unnamed if not 0 <= one.confidence < self._counted and is_shown(one)}
        if not fresh:  # as in the frames that the reader does alone
            return (), {}
        shown = [
            one for one in people.values() if one.number in fresh or (one.number in names and is_shown(one))
        ]
        numbers = [one.number for one in shown]
        owners = self._twice.update(numbers, _corners(shown), _corners(faces), at, named=names)
        present = set(people)
        again: set[int] = set()
        goes_on: dict[int, int] = {}
        for number in (number for number in numbers if number in fresh):
            owner = owners.get(number, number)
            if owner != number and (owner in names or owner in fresh):
                if owner in present:
                    again.add(number)
                else:
                    goes_on[number] = owner
                    present.add(owner)
        self._bodies = {number: body for number, body in self._bodies.items() if number in owners}
        for number in (*again, *goes_on):
            if number not in self._bodies:
                self._bodies[number] = TrackId(self.camera, "again", next(self._body_numbers))
        return again, goes_on

    def _steady(self, stamp: int) -> int:
        """Return a frame's time, later than all before; it advances at the frame rate if the clock went back.

        As CaptureClock on the CPU: otherwise no track would end until the clock has caught up.
        """
        step, self._stamp = stamp - self._stamp, stamp
        least = self._last + (step if 0 < step < CLOCK_SET else 1)
        self._last = stamp if stamp > least else least
        return self._last

    def _name(self, number: int, at: int, *, hidden: bool) -> TrackId | None:
        """Name a track by a number of our own: the tracker's may come again for another, or have 64 bits.

        hidden: behind a mask, where nobody is seen: a track that is known goes on until it is over.
        """
        name = self._names.get(number)
        if hidden:
            return name
        if name is None:
            name = self._names[number] = self._book.see(next(self._numbers), at)
            self._lookup.add(number, name)
            return name
        return self._book.see(name.number, at)


def _corners(objects: Iterable[ObjectMeta]) -> list[tuple[float, float, float, float]]:
    """Return x1 y1 x2 y2 of objects."""
    return [(one.left, one.top, one.left + one.width, one.top + one.height) for one in objects]
