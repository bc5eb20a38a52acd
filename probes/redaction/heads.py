"""Locates heads in a frame: detected faces, held over detection gaps, estimated from person boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.frame import Box, Kind
from probes.redaction.pairs import PairRow, one_each
from probes.redaction.regions import By, LostMask, Mask, WayMask

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.frame import Detection, Frame, TrackId

    StillTest = Callable[[Box, int], bool]

__all__ = ["MAX_HEADS", "PERSONS", "By", "Heads", "Mask", "WayMask", "head_of"]

HEAD_TO_WIDTH, HEAD_TO_HEIGHT = 0.60, 0.15
"""Height of a head as a share of the person box's width and height; the larger of the two (see head_of)."""
HEADROOM = 0.15
"""Share of the head's height that is covered above the person's box: detectors cut hair and hats off."""
DEEPEST = 1.4
"""So far down a slim person is covered at most, in heights of the guess: to where the face was last seen."""
GROWTH = 0.5
"""By how much of its size a held head is grown on each side, at the end of hold_ms; in proportion before."""
ESTIMATE_GROWTH = 0.2
"""An estimated head region has room around the head already."""
STEP = 0.4
"""How much a held face is covered wider at once, since its person's box tells only roughly where it went."""
UNSURE_NS = 300_000_000
"""How much longer than it was seen something is held that may be no head."""
FASTEST, FURTHEST = 12.0, 3.0
"""How fast a head moves, in head sizes a second (12 of 23 cm: 2.8 m/s, a run), and its longest way."""
FASTEST_UNSURE = 5.0
"""The same of what may be nobody, in sizes of the guess, which is as wide as a person (55 cm)."""
SAME_PERSON = 0.15
"""IoU from which two boxes without a track are surely one person; below it the hold goes on."""
SURE, SLIMMEST = 0.5, 0.55
"""Least confidence, and least ratio of sides, of a face that replaces the head estimate (see _is_sure)."""
UNLIKE = 1.5
"""Boxes without a track that differ more in width, either way, tell nothing of how a person moved."""
MAX_HEADS = 1000
"""More heads than this are refused, and the frame with them: the matching must stay fast."""
LEAST_READ = 12.0
"""Shortest side, px, without the margin, of a head of which the picture tells where it can have gone."""
LEAST_FRAMES, LONGEST_NS = 2, 3_000_000_000
"""Under load a second may lie between two frames: a head is held over so many of them, so long at most."""
PERSONS = frozenset({Kind.PERSON, Kind.DOUBTFUL, Kind.AGAIN})
"""Whose heads are covered."""


class _Head(NamedTuple):
    """One head, as last seen. face_at: last time of a face, if any; velocity: px per ns, if seen twice.

    missed: frames since then. first_at: since when it was seen again and again. is_sure: it is a head.
    is_found: the box was found at seen_at, neither carried along with a person nor calculated.
    depth: how far below the top of its person its face was last found to reach, with the margin, px.
    """

    box: Box
    seen_at: int
    face_at: int | None = None
    person: Box | None = None
    track: TrackId | None = None
    velocity: tuple[float, float] | None = None
    missed: int = 0
    first_at: int | None = None
    is_sure: bool = True
    is_found: bool = True
    depth: float = 0.0

    def at(self, now: int) -> Box:
        """Return where the head is if it went on as it moved."""
        return _moved(self.box, self.velocity, now - self.seen_at)


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
        self._heads: list[_Head] = []
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
        owners = _owners(sure_faces, persons)
        old = [head for head in self._heads if self._is_held(head, now)]
        matches = _match_persons(old, persons, now)
        masks = [Mask(_grown(face, self._margin), By.DETECTOR) for face in faces]
        heads: list[_Head] = []
        ended = {number for number, sure in matches.values() if sure}
        unmatched = [head for number, head in enumerate(old) if number not in ended]
        for index, person in enumerate(persons):
            number, sure = matches.get(index, (None, False))
            before = None if number is None else old[number]
            head, by = self._head_of(person, owners.get(index), before, frame)
            same_head = before if sure else None
            heads.append(_with_evidence(head, same_head, counted[index] or by is By.DETECTOR))
            if by is not By.DETECTOR:
                masks.append(self._mask(head, by, now))
            if by is By.HEAD_ESTIMATE and before is not None and sure:
                unmatched += self._detached(before, now)
        owned = set(owners.values())
        free = [face for face in faces if face not in owned]
        earlier = _match_faces(free, unmatched, now)
        for index, face in enumerate(free):
            number, near = earlier.get(index, (None, False))
            before = None if number is None else unmatched[number]
            head = _Head(face, now, now, velocity=_velocity(before, face, None, now))
            heads.append(_with_evidence(head, before if near else None, face in sure_faces))
        ended = {number for number, sure in earlier.values() if sure}
        unmatched = [head for number, head in enumerate(unmatched) if number not in ended]
        masks.extend(self._lost_mask(head, now, is_still) for head in unmatched)
        if len(heads) + len(unmatched) > MAX_HEADS:
            raise ValueError("more heads than can be followed")
        self._heads = heads + [head._replace(missed=head.missed + 1) for head in unmatched]
        return tuple(masks)

    def lost(self) -> tuple[tuple[Box, int], ...]:
        """Return the heads that are held and were not seen in the last frame: place, and when last seen.

        What may be no head is left out: a coat stand goes nowhere.
        """
        return tuple((head.box, head.seen_at) for head in self._heads if head.missed and head.is_sure)

    def _is_held(self, head: _Head, now: int) -> bool:
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
            )
            for head in self._heads
        ]

    def _fit_to(self, size: tuple[int, int]) -> None:
        """Bring the memories to the size of the pictures: a stream may change it while it plays."""
        last, self._size = self._size, size
        if last is not None and last != size and min(last) > 0:
            self._heads = [_scaled(head, size[0] / last[0], size[1] / last[1]) for head in self._heads]

    def _head_of(
        self, person: tuple[Box, TrackId | None], face: Box | None, before: _Head | None, frame: Frame
    ) -> tuple[_Head, By]:
        (box, track), now = person, frame.captured_at
        at, place, by = (now, face, By.DETECTOR) if face is not None else (None, None, By.HEAD_ESTIMATE)
        if place is None and before is not None and before.person is not None and before.face_at is not None:
            dx, dy = _shift(before.person, box)
            held = Box(before.box.x + dx, before.box.y + dy, before.box.w, before.box.h)
            lasting = now - before.face_at <= self._hold and not _is_cut(box, frame.size)
            if lasting and _fits(held, head_of(box)):
                at, place, by = before.face_at, held, By.HOLD
        depth = 0.0 if before is None else before.depth
        if face is not None:
            depth = face.bottom + self._margin * face.h - box.y
        if place is None:
            place = _reaching(head_of(box), box.y + depth)
        twice = by is By.DETECTOR and before is not None and before.face_at == before.seen_at
        velocity = _velocity(before, place, box, now, is_tracked=track is not None, is_face=twice)
        found = by is not By.HOLD
        return _Head(place, now, at, box, track, velocity, is_found=found, depth=depth), by

    def _detached(self, head: _Head, now: int) -> list[_Head]:
        """Return the held face that no longer moves with its person."""
        at = head.face_at
        if at is None or now - at > self._hold:
            return []
        return [_Head(head.at(at), at, at, velocity=head.velocity, is_found=head.is_found)]

    def _lost_mask(self, head: _Head, now: int, is_still: StillTest | None) -> Mask:
        # What a head did inside its person since its face was lost is not known: only a found box stays.
        place = _grown(head.box, 0.0 if head.face_at is None else self._margin)
        if is_still is None or not head.is_found or min(head.box.w, head.box.h) < LEAST_READ:
            is_read = False
        elif is_still(head.box, head.seen_at):
            return Mask(place, By.HOLD)
        else:
            is_read = True
        if not head.is_sure and head.face_at is None:
            # Boxes that come and go at the threshold jump faster than anybody runs.
            head = head._replace(velocity=_slowed(head))
        mask = self._mask(head, By.HOLD, now)
        return LostMask(mask, place, head.seen_at) if is_read else mask

    def _mask(self, head: _Head, by: By, now: int) -> Mask:
        """Return the region of an unseen head: from its last to its predicted place, growing with time."""
        since, share = (head.seen_at, 0.0) if head.face_at is None else (head.face_at, self._margin)
        if by is By.HOLD and self._hold:
            growth, step = (ESTIMATE_GROWTH, 0.0) if head.face_at is None else (GROWTH, STEP)
            share += growth * (now - since) / self._hold + step
        here = _grown(head.box, share)
        if head.velocity is None or head.seen_at == now:
            return Mask(_union(here, here), by)
        there = _grown(head.at(now), share)
        return WayMask(_union(here, there), by, (here, there))


def _scaled(head: _Head, across: float, down: float) -> _Head:
    """Return a head in pictures that are so many times as wide and as high."""

    def scaled(box: Box) -> Box:
        return Box(box.x * across, box.y * down, box.w * across, box.h * down)

    return head._replace(
        box=scaled(head.box),
        person=None if head.person is None else scaled(head.person),
        velocity=None if head.velocity is None else (head.velocity[0] * across, head.velocity[1] * down),
        depth=head.depth * down,
    )


def _with_evidence(head: _Head, before: _Head | None, is_sure: bool) -> _Head:
    """Return a head with what was known of it: since when it was seen, and whether it ever was sure."""
    if before is None:
        return head._replace(first_at=head.seen_at, is_sure=is_sure)
    return head._replace(first_at=before.first_at, is_sure=is_sure or before.is_sure)


def head_of(person: Box) -> Box:
    """Return the region in which the head of a person lies: the top of the box, in its full width.

    A standing person is about 7.5 heads high, and about two heads wide at the shoulders; the box of a person
    cut off at the hips or the breast has the width of the shoulders still, hence a height from the width.
    Full width, since the head is anywhere in it when arms are stretched out; some headroom for tight boxes.
    """
    x, y, w, h = person
    by_width, by_height = w * HEAD_TO_WIDTH, h * HEAD_TO_HEIGHT
    height = by_height if by_height > by_width else by_width
    height = height if height < h else h
    return Box(x, y - HEADROOM * height, w, (1 + HEADROOM) * height)


def _reaching(head: Box, low: float) -> Box:
    """Return the region of a head, as low as the face that was found there, DEEPEST of its height at most."""
    x, y, w, h = head
    more = low - y if low - y < DEEPEST * h else DEEPEST * h
    return head if more <= h else Box(x, y, w, more)


def _is_sure(face: Detection) -> bool:
    """Return whether this detection is surely the face: slivers and faint ones appear on the backs of heads.

    Others are covered too, but the head estimate is covered as well.
    """
    return face.confidence >= SURE and SLIMMEST <= face.box.w / face.box.h <= 1 / SLIMMEST


def _is_cut(box: Box, size: tuple[int, int]) -> bool:
    return box.x <= 1 or box.y <= 1 or box.right >= size[0] - 1


def _fits(face: Box, head: Box) -> bool:
    """Return whether a face can be that head's, and not a print on a shirt, a hand or a nearer person."""
    left, top, width, height = head
    x, y, w, h = face
    return (
        left <= x + w / 2 <= left + width
        and top <= y + h / 2 <= top + height
        and 0.3 * height <= h <= 1.5 * height
    )


def _owners(faces: list[Box], persons: list[tuple[Box, TrackId | None]]) -> dict[int, Box]:
    """Match faces to persons, the best placed first; return the face by the person's index."""
    if not faces or not persons:
        return {}
    row, pairs = PairRow(faces), []
    for index, (person, _) in enumerate(persons):
        head = head_of(person)
        for number in row.between(head.x, head.right):
            face = faces[number]
            if _fits(face, head):
                (x, y), (head_x, head_y) = face.centre, head.centre
                pairs.append(((abs(x - head_x) + abs(y - head_y)) / person.w, index, number))
    return {index: faces[number] for _, index, number in one_each(sorted(pairs))}


def _match_persons(
    old: list[_Head], persons: list[tuple[Box, TrackId | None]], now: int
) -> dict[int, tuple[int, bool]]:
    """Return the earlier head of each person, both by index, and whether they surely are one person.

    By track, then by overlap. Without overlap it may be another: good for the velocity, not to end a hold.
    """
    matches: dict[int, tuple[int, bool]] = {}
    tracks = {head.track: number for number, head in enumerate(old) if head.track is not None}
    for index, (_, track) in enumerate(persons):
        if track in tracks:
            matches[index] = tracks.pop(track), True
    taken = {number for number, _ in matches.values()}
    free = [index for index in range(len(persons)) if index not in matches]
    if not free or len(taken) == len(old):
        return matches
    row, pairs = PairRow([persons[index][0] for index in free]), []
    for number, head in enumerate(old):
        if number not in taken and head.person is not None:
            expected = _moved(head.person, head.velocity, now - head.seen_at)
            reach = min(FURTHEST, FASTEST * (now - head.seen_at) / 1e9) * max(head.box.w, head.box.h)
            for place in row.about(expected.centre[0], max(reach, (expected.w + row.widest) / 2)):
                box = persons[free[place]][0]
                overlap, away = expected.iou(box), max(map(abs, _shift(expected, box)))
                if overlap >= SAME_PERSON or away <= reach:
                    pairs.append(((overlap, -away), free[place], number))
    for (overlap, _), index, number in one_each(sorted(pairs, reverse=True)):
        matches[index] = number, overlap >= SAME_PERSON
    return matches


def _match_faces(faces: list[Box], heads: list[_Head], now: int) -> dict[int, tuple[int, bool]]:
    """Return the earlier head of each face, both by index, nearest first, and whether they surely are one.

    Further than a face away it may be another's face: good for the velocity, not to end a hold.
    """
    if not faces or not heads:
        return {}
    row, pairs = PairRow(faces), []
    for number, head in enumerate(heads):
        x, y = head.at(now).centre
        reach = min(FURTHEST, 1 + FASTEST * (now - head.seen_at) / 1e9)
        for index in row.about(x, reach * row.largest):
            face = faces[index]
            size = max(face.w, face.h)
            away = max(abs(face.centre[0] - x), abs(face.centre[1] - y)) / size
            if away <= reach and 0.5 <= head.box.w / face.w <= 2:
                pairs.append((away, index, number))
    return {index: (number, away < 1) for away, index, number in one_each(sorted(pairs))}


def _velocity(
    before: _Head | None,
    box: Box,
    person: Box | None,
    now: int,
    *,
    is_tracked: bool = False,
    is_face: bool = False,
) -> tuple[float, float] | None:
    """Return px per ns: the mean of the last velocity and of the last step, no faster than people run.

    is_tracked: the tracker knows the person again; else a box of another size may be somebody else's.
    is_face: both boxes are found faces, which tell more exactly how a head moved than their person's box.
    """
    if before is None:
        return None
    elapsed = now - before.seen_at
    if elapsed <= 0:
        return before.velocity
    last = before.person
    if person and last and not is_tracked and not 1 / UNLIKE <= person.w / last.w <= UNLIKE:
        return before.velocity
    if person and last and not is_face:
        dx, dy = _shift(last, person)
    else:
        dx, dy = box.centre[0] - before.box.centre[0], box.centre[1] - before.box.centre[1]
    limit = FASTEST * (box.h if box.h > box.w else box.w) / 1e9
    vx, vy = dx / elapsed, dy / elapsed
    if before.velocity is not None:
        vx, vy = (vx + before.velocity[0]) / 2, (vy + before.velocity[1]) / 2
    vx, vy = vx if vx < limit else limit, vy if vy < limit else limit
    return vx if vx > -limit else -limit, vy if vy > -limit else -limit


def _slowed(head: _Head) -> tuple[float, float] | None:
    """Return the velocity of what may be nobody, no faster than people run."""
    if head.velocity is None:
        return None
    (vx, vy), box = head.velocity, head.box
    limit = FASTEST_UNSURE * (box.h if box.h > box.w else box.w) / 1e9
    vx, vy = vx if vx < limit else limit, vy if vy < limit else limit
    return vx if vx > -limit else -limit, vy if vy > -limit else -limit


def _shift(before: Box, after: Box) -> tuple[float, float]:
    """Return how far the top of a person went; the bottom jumps when counters hide the legs."""
    x, y, w, _ = after
    old_x, old_y, old_w, _ = before
    return (x + w / 2) - (old_x + old_w / 2), y - old_y


def _moved(box: Box, velocity: tuple[float, float] | None, nanoseconds: int) -> Box:
    if velocity is None:
        return box
    x, y, w, h = box
    return Box(x + velocity[0] * nanoseconds, y + velocity[1] * nanoseconds, w, h)


def _grown(box: Box, share: float) -> Box:
    x, y, w, h = box
    dx, dy = w * share, h * share
    return Box(x - dx, y - dy, w + 2 * dx, h + 2 * dy)


def _union(a: Box, b: Box) -> Box:
    left, top = min(a.x, b.x), min(a.y, b.y)
    return Box(left, top, max(a.right, b.right) - left, max(a.bottom, b.bottom) - top)
