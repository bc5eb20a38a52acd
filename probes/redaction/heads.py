"""Locates heads in a frame: detected faces, held over detection gaps, estimated from person boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.frame import Box, Kind
from probes.redaction.followed_head import (
    FollowedHead,
    grown,
    head_of,
    lies_in,
    lower,
    reaching,
    rise,
    scaled_head,
    shift_of_top,
    slowed,
    standing,
    union,
    velocity_of,
    with_evidence,
    within_walk,
)
from probes.redaction.head_matching import fits, match_faces, match_owners, match_persons
from probes.redaction.regions import By, LostMask, Mask, WayMask, WideMask

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.frame import Detection, Frame, TrackId

    StillTest = Callable[[Box, int], bool]

__all__ = ["MAX_HEADS", "PERSONS", "By", "Heads", "Mask", "WayMask", "head_of"]

GROWTH = 0.5
"""By how much of its size a held head is grown on each side, at the end of hold_ms; in proportion before."""
ESTIMATE_GROWTH = 0.2
"""An estimated head region has room around the head already."""
STEP = 0.4
"""How much a held face is covered wider at once, since its person's box tells only roughly where it went."""
UNSURE_NS = 300_000_000
"""How much longer than it was seen something is held that may be no head."""
SURE, SLIMMEST = 0.5, 0.55
"""Least confidence, and least ratio of sides, of a face that replaces the head estimate (see _is_sure)."""
MAX_HEADS = 1000
"""More heads than this are refused, and the frame with them: the matching must stay fast."""
LEAST_READ = 12.0
"""Shortest side, px, without the margin, of a head of which the picture tells where it can have gone."""
LEAST_FRAMES, LONGEST_NS = 2, 3_000_000_000
"""Under load a second may lie between two frames: a head is held over so many of them, so long at most."""
RARE_NS = 300_000_000
"""Where frames are further apart, a lost head is covered as far as people walk: it may have turned round."""
PERSONS = frozenset({Kind.PERSON, Kind.DOUBTFUL, Kind.AGAIN})
"""Whose heads are covered."""


class Heads:
    """Tracks the heads of one camera, so that a face stays covered when its detector loses it.

    >>> from probes.frame import Box, Detection, Frame, Kind
    >>> person = Detection(Kind.PERSON, "person", 0.9, Box(100, 50, 80, 240))
    >>> masks = Heads(margin=0.2, hold_ms=800).locate(Frame("door", 0, (640, 360), (person,)))
    >>> [(mask.by.value, round(mask.box.w)) for mask in masks]
    [('head_estimate', 80)]
    """

    def __init__(self, *, margin: float, hold_ms: int) -> None:
        """Masks are `margin` of the face wider on every side, and held hold_ms after the last detection."""
        self.reconfigure(margin=margin, hold_ms=hold_ms)
        self._heads: list[FollowedHead] = []
        self._size: tuple[int, int] | None = None

    def reconfigure(self, *, margin: float, hold_ms: int) -> None:
        """Mask by another margin and hold from now on; the heads that are followed stay."""
        self._margin = margin
        self._hold = hold_ms * 1_000_000

    def locate(self, frame: Frame, is_still: StillTest | None = None) -> tuple[Mask, ...]:
        """Return every region to cover in this frame; frames must come in the order of their time.

        is_still: tells whether nothing has changed about a place since a time: then a head is there still.
        """
        now = frame.captured_at
        self._fit_to(frame.size)
        persons, counted, faces, sure_faces = _found(frame)
        old = [head for head in self._heads if self._is_held(head, now)]
        matches = match_persons(old, persons, now)
        held = {
            index: place
            for index, (number, _) in matches.items()
            if (place := self._held_place(old[number], persons[index][0], frame)) is not None
        }
        ended = {number for number, sure in matches.values() if sure}
        numbers = [number for number in range(len(old)) if number not in ended]
        unmatched = [old[number] for number in numbers]
        claimed = {number for number, _ in matches.values()}
        # Who is found elsewhere may be them; of the others nobody knows where they went meanwhile.
        lone = {
            place
            for place, number in enumerate(numbers)
            if number not in claimed and _is_long_ago(old[number], now)
        }
        known = {index: held.get(index) for index, (_, sure) in matches.items() if sure}
        others = [head.at(now) for head in unmatched if head.track is not None]
        owners = match_owners(sure_faces, persons, known, others)
        masks = [Mask(grown(face, self._margin), By.DETECTOR) for face in faces]
        heads: list[FollowedHead] = []
        for index, person in enumerate(persons):
            number, sure = matches.get(index, (None, False))
            before = None if number is None else old[number]
            head, by = self._head_of(person, owners.get(index), before, held.get(index), frame)
            same_head = before if sure else None
            heads.append(with_evidence(head, same_head, counted[index] or by is By.DETECTOR))
            if by is By.HOLD:
                masks.append(self._held_mask(head, now, is_still))
            elif by is By.HEAD_ESTIMATE:
                masks.append(self._mask(head, by, now))
            if by is By.HEAD_ESTIMATE and before is not None and sure:
                unmatched += self._detached(before, now)
        owned = set(owners.values())
        free = [face for face in faces if face not in owned]
        earlier = match_faces(free, unmatched, now)
        for index, face in enumerate(free):
            number, near = earlier.get(index, (None, False))
            before = None if number is None else unmatched[number]
            # Whose person is not found any more is known by the face: a neighbour's person must not get it.
            track = before.track if before is not None and near else None
            head = FollowedHead(face, now, now, track=track, velocity=velocity_of(before, face, None, now))
            heads.append(with_evidence(head, before if near else None, face in sure_faces))
        ended = {number for number, sure in earlier.values() if sure}
        lone -= {number for number, _ in earlier.values()}
        masks.extend(
            self._lost_mask(head, now, is_still, is_lone=number in lone)
            for number, head in enumerate(unmatched)
            if number not in ended
        )
        unmatched = [head for number, head in enumerate(unmatched) if number not in ended]
        if len(heads) + len(unmatched) > MAX_HEADS:
            raise ValueError("more heads than can be followed")
        self._heads = heads + [head._replace(missed=head.missed + 1) for head in unmatched]
        return tuple(masks)

    def lost(self) -> tuple[tuple[Box, int], ...]:
        """Return the heads that are held and were not seen in the last frame: place, and when last seen.

        What may be no head is left out: a coat stand goes nowhere.
        """
        return tuple((head.box, head.seen_at) for head in self._heads if head.missed and head.is_sure)

    def followed(self) -> tuple[tuple[Box, int], ...]:
        """Return all heads, held ones too: place, and when last seen, as `lost` will give those not seen."""
        return tuple((head.box, head.seen_at) for head in self._heads if head.is_sure)

    def _is_held(self, head: FollowedHead, now: int) -> bool:
        """Return whether a head is held: for hold_ms, and where frames are rare for LEAST_FRAMES of them.

        What may be no head at all is held as long as it was seen, and a moment more: coat stands that flicker
        at the threshold covered more of the picture than all people did.
        """
        age, hold = now - head.seen_at, self._hold
        if not head.is_sure and head.first_at is not None:
            hold = min(hold, UNSURE_NS + head.seen_at - head.first_at)
        return age <= hold or (head.missed < LEAST_FRAMES and age <= LONGEST_NS)

    def shift(self, nanoseconds: int) -> None:
        """Move all memories in time, as when the clock of the frames was set."""
        self._heads = [
            head._replace(
                seen_at=head.seen_at + nanoseconds,
                face_at=None if head.face_at is None else head.face_at + nanoseconds,
                first_at=None if head.first_at is None else head.first_at + nanoseconds,
                stood_at=head.stood_at + nanoseconds,
            )
            for head in self._heads
        ]

    def _fit_to(self, size: tuple[int, int]) -> None:
        """Bring the memories to the size of the pictures: a stream may change it while it plays."""
        last, self._size = self._size, size
        if last is not None and last != size and min(last) > 0:
            self._heads = [scaled_head(head, size[0] / last[0], size[1] / last[1]) for head in self._heads]

    def _head_of(
        self,
        person: tuple[Box, TrackId | None],
        face: Box | None,
        before: FollowedHead | None,
        held: Box | None,
        frame: Frame,
    ) -> tuple[FollowedHead, By]:
        (box, track), now = person, frame.captured_at
        at, place, by = (now, face, By.DETECTOR) if face is not None else (None, None, By.HEAD_ESTIMATE)
        last = None
        if place is None and before is not None and held is not None:
            at, place, by = before.face_at, held, By.HOLD
            last = before.box if before.is_found else before.face
        depth = 0.0 if before is None else before.depth
        if face is not None:
            depth = face.bottom + self._margin * face.h - box.y
        stood, stood_at = standing(box, now, before, is_face=face is not None, bottom=frame.size[1])
        if place is None:
            raised = 0.0 if stood is None else rise(stood, box)
            place = reaching(head_of(box), box.y + depth, raised)
        twice = by is By.DETECTOR and before is not None and before.face_at == before.seen_at
        velocity = velocity_of(before, place, box, now, is_tracked=track is not None, is_face=twice)
        found = by is not By.HOLD
        head = FollowedHead(place, now, at, box, track, velocity, is_found=found, depth=depth, face=last)
        return head._replace(stood=stood, stood_at=stood_at), by

    def _held_place(self, head: FollowedHead, person: Box, frame: Frame) -> Box | None:
        """Return where a face of before is, carried along with its person; None where that is not known."""
        at = head.face_at
        if head.person is None or at is None or frame.captured_at - at > self._hold:
            return None
        dx, dy = shift_of_top(head.person, person)
        held = Box(head.box.x + dx, head.box.y + dy, head.box.w, head.box.h)
        return held if fits(held, head_of(person)) and not _is_cut(person, frame.size) else None

    def _detached(self, head: FollowedHead, now: int) -> list[FollowedHead]:
        """Return the held face that no longer moves with its person."""
        at = head.face_at
        if at is None or now - at > self._hold:
            return []
        return [FollowedHead(head.at(at), at, at, velocity=head.velocity, is_found=head.is_found)]

    def _held_mask(self, head: FollowedHead, now: int, is_still: StillTest | None) -> Mask:
        """Return what to cover of a face that is not found in this frame, while its person is in view."""
        mask = self._mask(head, By.HOLD, now)
        return mask if is_still is None else self._read_mask(head, mask, is_still)

    def _lost_mask(self, head: FollowedHead, now: int, is_still: StillTest | None, *, is_lone: bool) -> Mask:
        """is_lone: nobody knows where it went since the last frame."""
        slow = head
        if not head.is_sure and head.face_at is None:
            # Boxes that come and go at the threshold jump faster than anybody runs.
            slow = head._replace(velocity=slowed(head))
        mask = self._mask(slow, By.HOLD, now)
        if is_lone:
            mask = WideMask(union(within_walk(head, now), mask.box), By.HOLD, head.box)
        return mask if is_still is None else self._read_mask(head, mask, is_still)

    def _read_mask(self, head: FollowedHead, mask: Mask, is_still: StillTest) -> Mask:
        """Return the mask of an unseen head where the picture tells where it has not gone."""
        share = 0.0 if head.face_at is None else self._margin
        found, since = head.box, head.seen_at
        if not head.is_found:
            # What a head did inside its person since its face was lost is not known. The place where that was
            # found tells, if the person has not carried it away from there.
            if head.face is None or head.face_at is None or not lies_in(head.box, grown(head.face, share)):
                return mask
            found, since = head.face, head.face_at
        if min(found.w, found.h) < LEAST_READ:
            return mask
        place = grown(found, share)
        return Mask(place, By.HOLD) if is_still(found, since) else LostMask(mask, place, since)

    def _mask(self, head: FollowedHead, by: By, now: int) -> Mask:
        """Return the region of an unseen head: from its last to its predicted place, growing with time."""
        since, share = (head.seen_at, 0.0) if head.face_at is None else (head.face_at, self._margin)
        if by is By.HOLD and self._hold:
            growth, step = (ESTIMATE_GROWTH, 0.0) if head.face_at is None else (GROWTH, STEP)
            share += growth * (now - since) / self._hold + step
        # A box that arms have raised has carried the face up with it.
        more = 0.0 if head.face_at is None else head.raised
        here = lower(grown(head.box, share), more)
        if head.velocity is None or head.seen_at == now:
            return Mask(union(here, here), by)
        there = lower(grown(head.at(now), share), more)
        return WayMask(union(here, there), by, (here, there))


def _found(
    frame: Frame,
) -> tuple[list[tuple[Box, TrackId | None]], list[bool], list[Box], list[Box]]:
    """Return the persons of a frame, whether each is a counted one, all faces, and the sure ones."""
    persons: list[tuple[Box, TrackId | None]] = []
    counted: list[bool] = []
    faces: list[Box] = []
    sure_faces: list[Box] = []
    for found in frame.detections if frame.followed is None else frame.followed:
        box = found.box
        if found.kind in PERSONS and box.area > 0:
            persons.append((box, found.track))
            counted.append(found.kind is not Kind.DOUBTFUL)
        elif found.kind is Kind.FACE and box.area > 0:
            faces.append(box)
            if _is_sure(found):
                sure_faces.append(box)
    return persons, counted, faces, sure_faces


def _is_sure(face: Detection) -> bool:
    """Return whether this detection is surely the face: slivers and faint ones appear on the backs of heads.

    Others are covered too, but the head estimate is covered as well.
    """
    return face.confidence >= SURE and SLIMMEST <= face.box.w / face.box.h <= 1 / SLIMMEST


def _is_long_ago(head: FollowedHead, now: int) -> bool:
    """Return whether a head was seen in the last frame, and that was long ago."""
    return head.is_sure and not head.missed and now - head.seen_at > RARE_NS


def _is_cut(box: Box, size: tuple[int, int]) -> bool:
    return box.x <= 1 or box.y <= 1 or box.right >= size[0] - 1
