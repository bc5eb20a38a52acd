"""From detections to a frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.detections import Detections
from engines.image import I420
from engines.scene import Scene
from engines.tracking import Tracker
from pipelines.cpu.chain import CameraChain
from probes.frame import Frame, Kind, TrackId
from probes.people.tracks import TrackBook
from probes.redaction.proof import is_everybody_masked
from probes.redaction.redact import Redactor

ANN, SIGN = (20.0, 20.0, 60.0, 120.0), (100.0, 20.0, 140.0, 120.0)
MS = 1_000_000


def people(*boxes: tuple[float, float, float, float], score: float) -> Detections:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(corners, np.full(len(boxes), score, np.float32), np.zeros(len(boxes), np.int32))


def a_chain() -> CameraChain:
    return CameraChain(
        "door",
        labels=("person",),
        tracker=Tracker(confirm_hits=2),
        book=TrackBook("door", lambda _: "abcd", 2500),
        redactor=Redactor(method="solid", margin=0.2, hold_ms=500),
    )


def test_who_tracked_well_does_not_vanish_for_a_frame_of_doubt() -> None:
    chain = a_chain()
    none = Detections.empty()
    sure, unsure = people(ANN, score=0.9), people(ANN, SIGN, score=0.3)
    scenes = [Scene(sure, none, none)] * 3 + [Scene(none, unsure, none), Scene(sure, none, none)]
    frames = [
        chain.assemble(number * 100 * MS, I420.black(160, 128), scene) for number, scene in enumerate(scenes)
    ]
    tracks = [[person.track for person in frame.of(Kind.PERSON)] for frame in frames]
    assert tracks[2] == tracks[3] == tracks[4]
    assert tracks[2] != [None]
    (sign,) = frames[3].of(Kind.DOUBTFUL)
    assert (sign.box.x, sign.track) == (100, None)


def seen_twice(left: float, sure: float = 0.6) -> Detections:
    """Return Bea, 40 px wide, with a box of 25 px from `left` on, as tall; both could start a track."""
    boxes = np.array([[60, 20, 100, 120], [left, 22, left + 25, 119]], np.float32)
    return Detections(boxes, np.array([0.7, sure], np.float32), np.zeros(2, np.int32))


def frames_of(*found: Detections, faces: Detections | None = None) -> list[Frame]:
    chain, none = a_chain(), Detections.empty()
    made = []
    for number, objects in enumerate(found):
        pixels = I420.black(160, 128)
        frame = chain.assemble(
            number * 100 * MS, pixels, Scene(objects, none, none if faces is None else faces)
        )
        redacted = chain.redact(frame, pixels)
        assert is_everybody_masked(frame, redacted.masks)
        made.append(frame)
    return made


def tracks_of(frames: list[Frame]) -> set[TrackId]:
    return {one.track for frame in frames for one in frame.detections if one.track is not None}


@given(st.lists(st.tuples(st.floats(60, 75), st.floats(0.5, 0.9)), min_size=4, max_size=8))
@settings(max_examples=40, deadline=None)
def test_one_person_found_twice_is_one_track_and_both_heads_are_masked(films) -> None:
    frames = frames_of(*(seen_twice(left, sure) for left, sure in films))
    assert len(tracks_of(frames)) == 1
    assert all(sum(one.track is not None for one in frame.of(Kind.PERSON)) == 1 for frame in frames[1:])
    assert len(frames[1].of(Kind.AGAIN)) == 1


def test_the_second_box_goes_on_with_the_track_where_the_first_is_not_found() -> None:
    both = seen_twice(70)
    second = both.where(np.array([False, True]))
    frames = frames_of(*[both] * 4, *[second] * 3, both)
    assert len(tracks_of(frames)) == 1
    assert [len(frame.of(Kind.PERSON)) for frame in frames[1:]] == [1] * 7


def shifted(left: float) -> Detections:
    """Return two boxes as tall and as wide, the second begins `left` px further right."""
    boxes = np.array([[20, 20, 80, 120], [20 + left, 20, 80 + left, 120]], np.float32)
    return Detections(boxes, np.array([0.7, 0.6], np.float32), np.zeros(2, np.int32))


ONE, OTHER = [45, 25, 60, 45], [66, 25, 78, 45]


@pytest.mark.parametrize(
    ("faces", "people"),
    [([ONE], 1), ([ONE, OTHER], 2), ([[22, 25, 34, 45]], 2), ([], 2)],
    ids=["one face in both", "a face each", "a face in one", "no face"],
)
def test_two_boxes_that_share_the_one_face_are_one_person(faces, people) -> None:
    """Others are counted once they have stood so close for a second."""
    found = Detections(
        np.array(faces, np.float32).reshape(-1, 4),
        np.full(len(faces), 0.9, np.float32),
        np.zeros(len(faces), int),
    )
    frames = frames_of(*[shifted(15)] * 14, faces=found)
    assert len(frames[-1].of(Kind.PERSON)) == people
    assert len(tracks_of(frames)) == people


@given(st.integers(1, 6), st.booleans())
@settings(max_examples=20, deadline=None)
def test_who_walks_behind_somebody_keeps_the_track(behind, back) -> None:
    """Two people come apart, one walks behind the other for some frames and goes on, or back."""
    way = [*range(110, 65, -4), *[66] * behind, *(range(66, 100, 4) if back else range(66, 20, -4))]
    frames = frames_of(*(seen_twice(left) for left in way))
    assert len(tracks_of(frames)) == 2
    assert all(len({one.track for one in frame.of(Kind.PERSON)}) == 2 for frame in frames[1:])


@pytest.mark.parametrize("left", [30, 45, 88, 95])
def test_who_stands_beside_somebody_from_the_first_frame_on_is_counted(left) -> None:
    """A box of which more than a third lies outside the other is somebody else."""
    assert len(tracks_of(frames_of(*[seen_twice(left)] * 3))) == 2


def test_who_was_counted_stays_counted_where_the_box_lies_within_anothers_later() -> None:
    """Two who stand close for more than a second are counted; one steps behind the other then."""
    frames = frames_of(*[shifted(15)] * 14, *[shifted(5)] * 6, *[shifted(15)] * 3)
    assert all(len({one.track for one in frame.of(Kind.PERSON)}) == 2 for frame in frames[12:])
    assert len(tracks_of(frames)) == 2


def test_a_face_stays_covered_where_only_the_second_box_of_its_person_is_found() -> None:
    """The second box goes on with the track; it is no step of the head, which is where it was."""
    chain, none = a_chain(), Detections.empty()
    boxes = np.array([[60, 20, 110, 120], [80, 22, 110, 119]], np.float32)
    both = Detections(boxes, np.array([0.7, 0.6], np.float32), np.zeros(2, np.int32))
    face = people((70, 24, 80, 36), score=0.9)
    second = both.where(np.array([False, True]))
    for number, (objects, faces) in enumerate([(both, face)] * 5 + [(second, none)]):
        pixels = I420.black(160, 128)
        pixels.y[:] = 200
        frame = chain.assemble(number * 100 * MS, pixels, Scene(objects, none, faces))
        chain.redact(frame, pixels)
        assert (pixels.y[24:36, 70:80] != 200).all(), number
    assert [one.track and one.track.number for one in frame.of(Kind.PERSON)] == [1]
