from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.frame import Box, Detection, TrackId
from probes.redaction import heads
from probes.redaction.followed_head import FASTEST, FURTHEST, head_of, moved, shift_of_top
from probes.redaction.head_matching import ASIDE, GONE_ON, RENUMBERED, SAME_PERSON, fits
from probes.redaction.heads import Heads
from probes.redaction.pairs import PairRow, one_each
from tests.fakes.scenes import face, frame, person

PLACES = st.integers(0, 40).map(lambda n: n * 12.0) | st.floats(-50, 700)
SIDES = st.integers(1, 8).map(lambda n: n * 12.0) | st.floats(0.01, 250)
BOXES = st.builds(Box, PLACES, PLACES, SIDES, SIDES)
TRACKS = st.none() | st.integers(0, 4).map(lambda n: TrackId("entrance", "k7f3", n))


def passers_by(boxes: list[Box], tracks: list[TrackId | None]) -> list[Detection]:
    """A person at each box, and a face about where the head of every other one is."""
    people = [person(*box, track) for box, track in zip(boxes, tracks, strict=False)]
    return people + [face(x + w / 4, y, w / 2, min(w / 2, h / 4)) for x, y, w, h in boxes[::2]]


SCENES = st.tuples(
    st.lists(BOXES, max_size=8), st.lists(TRACKS, min_size=8, max_size=8), st.lists(BOXES, max_size=4)
).map(lambda drawn: [*passers_by(*drawn[:2]), *(face(*box) for box in drawn[2])])
FILMS = st.lists(st.tuples(st.sampled_from([0, 1, 40, 200, 900]), SCENES), min_size=1, max_size=5)


def best(pairs: list[tuple[Any, int, int]]) -> dict[int, tuple[Any, int]]:
    found: dict[int, tuple[Any, int]] = {}
    for rank, index, number in pairs:
        if index not in found and number not in {other for _, other in found.values()}:
            found[index] = rank, number
    return found


def owners_of_all_pairs(
    faces: list[Box], persons: list[Any], held: dict[int, Box | None], others: list[Box]
) -> dict[int, Box]:
    pairs = []
    for index, (one, _) in enumerate(persons):
        x, y = head_of(one).centre
        for number, seen in enumerate(faces):
            nearest, away = min([away_from(seen, other) for other in others], default=GONE_ON), 0.0
            if index in held:
                away = GONE_ON if (place := held[index]) is None else away_from(seen, place)
            hers = away <= ASIDE and (nearest >= GONE_ON or nearest >= away)
            if fits(seen, head_of(one)) and hers:
                pairs.append(((abs(seen.centre[0] - x) + abs(seen.centre[1] - y)) / one.w, index, number))
    return {index: faces[number] for index, (_, number) in best(sorted(pairs)).items()}


def away_from(seen: Box, place: Box) -> float:
    away = max(abs(seen.centre[0] - place.centre[0]), abs(seen.centre[1] - place.centre[1]))
    return away / max(place.w, place.h)


def matches_of_all_pairs(old: list[Any], persons: list[Any], now: int) -> dict[int, tuple[int, bool]]:
    tracks = {head.track: number for number, head in enumerate(old) if head.track is not None}
    matches = {
        index: (tracks.pop(track), True) for index, (_, track) in enumerate(persons) if track in tracks
    }
    taken, pairs = {number for number, _ in matches.values()}, []
    for number, head in enumerate(old):
        if number not in taken and head.person is not None:
            expected = moved(head.person, head.velocity, now - head.seen_at)
            reach = min(FURTHEST, FASTEST * (now - head.seen_at) / 1e9) * max(head.box.w, head.box.h)
            for index, (box, _) in enumerate(persons):
                overlap = expected.iou(box)
                away = max(map(abs, shift_of_top(expected, box)))
                if index not in matches and (overlap >= SAME_PERSON or away <= reach):
                    pairs.append(((overlap, -away), index, number))
    chosen = best(sorted(pairs, reverse=True))
    for index, (rank, number) in chosen.items():
        one_track = old[number].track is None or persons[index][1] is None
        matches[index] = number, rank[0] >= (SAME_PERSON if one_track else RENUMBERED)
    return matches


def face_matches_of_all_pairs(faces: list[Box], old: list[Any], now: int) -> dict[int, tuple[int, bool]]:
    pairs = []
    for number, head in enumerate(old):
        x, y = head.at(now).centre
        reach = min(FURTHEST, 1 + FASTEST * (now - head.seen_at) / 1e9)
        for index, seen in enumerate(faces):
            away = max(abs(seen.centre[0] - x), abs(seen.centre[1] - y)) / max(seen.w, seen.h)
            if away <= reach and 0.5 <= head.box.w / seen.w <= 2:
                pairs.append((away, index, number))
    return {index: (number, away < 1) for index, (away, number) in best(sorted(pairs)).items()}


@settings(max_examples=200, deadline=None)
@given(FILMS)
def test_heads_are_those_that_a_look_at_all_pairs_finds(film: list[tuple[int, list[Detection]]]) -> None:
    def masks() -> list[Any]:
        memory, ms, found = Heads(margin=0.25, hold_ms=800), 0, []
        for later, detections in film:
            ms += later
            found.append(memory.locate(frame(*detections, ms=ms)))
        return found

    quick = masks()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heads, "match_owners", owners_of_all_pairs)
        patch.setattr(heads, "match_persons", matches_of_all_pairs)
        patch.setattr(heads, "match_faces", face_matches_of_all_pairs)
        assert masks() == quick


@given(st.lists(BOXES, max_size=12), PLACES, st.floats(0, 300))
def test_a_row_finds_all_that_stand_there(boxes: list[Box], place: float, reach: float) -> None:
    row = PairRow(boxes)
    near = {n for n, box in enumerate(boxes) if abs(box.centre[0] - place) <= reach}
    assert near <= set(row.about(place, reach))
    inside = {n for n, box in enumerate(boxes) if place <= box.centre[0] <= place + reach}
    assert set(row.between(place, place + reach)) == inside


def test_each_is_paired_once_the_best_first() -> None:
    pairs = [(0.1, 0, 1), (0.2, 1, 1), (0.3, 0, 0), (0.4, 1, 0), (0.5, 2, 2)]
    assert list(one_each(pairs)) == [(0.1, 0, 1), (0.4, 1, 0), (0.5, 2, 2)]
