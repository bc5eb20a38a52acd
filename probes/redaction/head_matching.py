"""Which person has which face, and which head seen before is whose: the nearest pairs first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.redaction.followed_head import FASTEST, FURTHEST, head_of, moved, shift_of_top
from probes.redaction.pairs import PairRow, one_each

if TYPE_CHECKING:
    from probes.frame import Box, TrackId
    from probes.redaction.followed_head import FollowedHead

ASIDE = 1.0
"""No face is so far from where it was in its person a moment ago, in sizes of it."""
GONE_ON = 0.5
"""A face that near, in sizes of it, to where another head is expected is that one's."""
SAME_PERSON = 0.15
"""IoU from which two boxes without a track are surely one person; below it the hold goes on."""
RENUMBERED = 0.6
"""The same for boxes of two tracks: a track that was lost and got another number."""


def fits(face: Box, head: Box) -> bool:
    """Return whether a face can be that head's, and not a print on a shirt, a hand or a nearer person."""
    left, top, width, height = head
    x, y, w, h = face
    return (
        left <= x + w / 2 <= left + width
        and top <= y + h / 2 <= top + height
        and 0.3 * height <= h <= 1.5 * height
    )


def match_owners(
    faces: list[Box],
    persons: list[tuple[Box, TrackId | None]],
    held: dict[int, Box | None],
    others: list[Box],
) -> dict[int, Box]:
    """Match faces to persons, the best placed first; return the face by the person's index.

    held: by the index, of who was seen before, where the face is by that, if it is known. One that is found
    aside is a neighbour's, whose person was not found. others: where heads are expected of tracked people
    who were not found: a face that is found there is theirs, unless it is nearer to where hers is.
    """
    if not faces or not persons:
        return {}
    row, pairs = PairRow(faces), []
    theirs = PairRow(others)
    nearest = [
        min((_away(face, others[n]) for n in theirs.about(face.centre[0], theirs.largest)), default=GONE_ON)
        for face in faces
    ]
    for index, (person, _) in enumerate(persons):
        head = head_of(person)
        for number in row.between(head.x, head.right):
            face = faces[number]
            if fits(face, head) and not (index in held and _is_others(face, held[index], nearest[number])):
                (x, y), (head_x, head_y) = face.centre, head.centre
                pairs.append(((abs(x - head_x) + abs(y - head_y)) / person.w, index, number))
    return {index: faces[number] for _, index, number in one_each(sorted(pairs))}


def _is_others(face: Box, held: Box | None, nearest: float) -> bool:
    """nearest: how far the face is from the nearest place of another one, in sizes of that."""
    away = GONE_ON if held is None else _away(face, held)
    return away > ASIDE or (nearest < GONE_ON and nearest < away)


def _away(face: Box, place: Box) -> float:
    """Return how far a face is from a place of one, in sizes of that."""
    (x, y), (other_x, other_y) = face.centre, place.centre
    return max(abs(x - other_x), abs(y - other_y)) / max(place.w, place.h)


def match_persons(
    old: list[FollowedHead], persons: list[tuple[Box, TrackId | None]], now: int
) -> dict[int, tuple[int, bool]]:
    """Return the earlier head of each person, both by index, and whether they surely are one person.

    By track, then by overlap. Without overlap, or with little and of another track, it may be another: good
    for the velocity, not to end a hold.
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
            expected = moved(head.person, head.velocity, now - head.seen_at)
            reach = min(FURTHEST, FASTEST * (now - head.seen_at) / 1e9) * max(head.box.w, head.box.h)
            for place in row.about(expected.centre[0], max(reach, (expected.w + row.widest) / 2)):
                box = persons[free[place]][0]
                overlap, away = expected.iou(box), max(map(abs, shift_of_top(expected, box)))
                if overlap >= SAME_PERSON or away <= reach:
                    pairs.append(((overlap, -away), free[place], number))
    for (overlap, _), index, number in one_each(sorted(pairs, reverse=True)):
        least = SAME_PERSON if None in (persons[index][1], old[number].track) else RENUMBERED
        matches[index] = number, overlap >= least
    return matches


def match_faces(faces: list[Box], heads: list[FollowedHead], now: int) -> dict[int, tuple[int, bool]]:
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
