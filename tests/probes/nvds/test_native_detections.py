"""The reader makes the detections, tracks, drawings and masks that the Python way makes, on random films."""

from __future__ import annotations

import pickle
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import gi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from probes.frame import Kind  # noqa: E402
from probes.nvds.camera import FULL, CameraMeta  # noqa: E402
from probes.nvds.camera_masks import CameraMasks  # noqa: E402
from probes.nvds.meta import REDACTION_TAG, UNTRACKED, MetaError  # noqa: E402
from probes.nvds.native_detections import PackedDetections, PackedPairs  # noqa: E402
from probes.nvds.native_meta import NativeMeta  # noqa: E402
from probes.nvds.overlay import MetaOverlay  # noqa: E402
from probes.nvds.pyds_meta import PydsMeta  # noqa: E402
from probes.people.tracks import Sessions, TrackBook  # noqa: E402
from probes.redaction.redact import HeadWatch, RedactionFailed  # noqa: E402
from tests.fakes.nvds import CLASSES, SURFACE, Obj, Pic, a_buffer, face, person, pyds  # noqa: E402
from tests.fakes.nvds_reader import EXAMPLES, reader  # noqa: E402
from tests.fakes.people import START, value  # noqa: E402

Gst.init(None)
MS = 1_000_000
WALL = (0.0, 0.0), (0.4, 0.0), (0.4, 1.0), (0.0, 1.0)

EDGE = st.floats(-300, 1500, width=32)
SIDE = st.floats(0, 600, width=32) | st.sampled_from([0.0, 40.0, 90.0])
OBJECTS = st.builds(
    Obj,
    st.sampled_from([1, 1, 1, 2, 3]),
    st.sampled_from([0, 0, 0, 1, 7]),
    st.integers(1, 4) | st.just(UNTRACKED),
    st.sampled_from([-0.1, 0.0, 0.2, 0.39, 0.4, 0.9, 1.0, 1.5]),
    st.tuples(EDGE, EDGE, SIDE, SIDE),
)
STEPS = st.sampled_from([1, 40, 100, 100, 900, 2500, 2501, 6000]).map(lambda ms: ms * MS)
SHARE = st.floats(-0.1, 1.1) | st.sampled_from([0.0, 0.25, 0.5, 1.0])
POLYGONS = st.lists(st.lists(st.tuples(SHARE, SHARE), min_size=3, max_size=6), min_size=1, max_size=3)
FILMS = st.lists(
    st.tuples(st.lists(OBJECTS, max_size=9), STEPS, st.booleans(), st.just([]) | st.just([WALL]) | POLYGONS),
    min_size=1,
    max_size=10,
)


def camera(watch: HeadWatch) -> CameraMeta:
    book = TrackBook("cam0", Sessions(ZoneInfo("Europe/Berlin"), Random(1)), 2500)
    return CameraMeta("cam0", classes=CLASSES, watch=watch, book=book, now_ns=lambda: START, counted=0.4)


class Way:
    """One of the two ways, with all that it remembers."""

    def __init__(self, meta: Any, watch: HeadWatch) -> None:
        self.meta, self.camera = meta, camera(watch)
        # Persons of even numbers have a price, which changes from one to the next.
        self.overlay = MetaOverlay(
            lambda total: str(total.amount_minor),
            lambda track: value(100 * track.number) if track.number % 2 else None,
        )

    def answers(self, buffer: int, masks: CameraMasks) -> tuple[Any, ...]:
        (meta,) = self.meta.read(buffer).frames
        frame, pairs = self.camera.frame(meta, SURFACE, masks)
        seen = [(tuple(one[:8]), found) for one, found in pairs]
        try:
            heads: Any = tuple(self.camera.heads(frame))
        except RedactionFailed as error:
            heads = str(error)
        drawn = self.overlay.drawing("cam0", pairs, SURFACE).objects
        return frame, masks.public(frame), seen, heads, drawn, self.camera.ended(frame.captured_at)


def native() -> Way:
    meta = NativeMeta(reader(), SURFACE)
    return Way(meta, meta.head_watch(margin=0.25, hold_ms=800))


@settings(max_examples=EXAMPLES, deadline=None)
@given(FILMS)
def test_it_answers_as_the_python_way_does(film: Any) -> None:
    ds, at = pyds(), START
    plain, packed = Way(PydsMeta(ds, SURFACE), HeadWatch(margin=0.25, hold_ms=800)), native()
    last: list[Obj] = []
    for fresh, step, again, polygons in film:
        # People who stay are known by name, which is what the reader can do by itself.
        objects, at = ([*last, *fresh[:1]] if again else fresh), at + step
        buffer = a_buffer(ds, Pic(objects=objects, ntp=at))
        masks = CameraMasks(polygons)
        assert packed.answers(hash(buffer), masks) == plain.answers(hash(buffer), masks)
        last = objects


def read(way: Way, objects: list[Obj], at: int = START, masks: CameraMasks = CameraMasks()) -> Any:  # noqa: B008 immutable
    buffer = a_buffer(pyds(), Pic(objects=objects, ntp=at))
    (meta,) = way.meta.read(hash(buffer)).frames
    return way.camera.frame(meta, SURFACE, masks)


def test_a_frame_is_done_in_the_reader_and_who_is_new_is_named_before() -> None:
    way = native()
    frame, pairs = read(way, [person(7), face()])
    assert isinstance(pairs, PackedPairs)
    assert [one.track and one.track.number for one in frame.detections] == [1, None]
    again, pairs = read(way, [person(7), face(), Obj(9)], START + 100 * MS)
    assert isinstance(pairs, PackedPairs)
    assert isinstance(again.detections, PackedDetections)
    assert [found and found.kind for _, found in pairs] == [Kind.PERSON, Kind.FACE, None]
    assert again.of(Kind.PERSON)[0].track == frame.of(Kind.PERSON)[0].track == pairs.tracks[0]
    assert pairs[0][1] == again.detections[0] == again.detections[:1][0]
    assert len(pairs) == 3


@pytest.mark.parametrize(
    "objects",
    [
        [Obj(1, 0, 7, 0.2), Obj(1, 0, 7, 0.9)],
        [Obj(1, 0, 7, 0.9, (200, 150, 160, 300)), Obj(1, 0, 8, 0.9, (220, 150, 100, 299))],
    ],
    ids=["one number twice", "one person in two boxes"],
)
def test_who_has_two_boxes_is_left_to_python(objects: list[Obj]) -> None:
    way = native()
    frame, pairs = read(way, objects)
    assert not isinstance(pairs, PackedPairs)
    assert isinstance(frame.detections, tuple)


def test_a_frame_of_a_camera_with_masks_is_done_in_the_reader() -> None:
    way, masks = native(), CameraMasks([WALL])
    # Who is behind a mask has no name, is no track that is seen, and is there for the search for heads only.
    for n in range(2):
        frame, pairs = read(way, [person(7, left=10), person(8, left=900)], START + n * MS, masks)
    assert isinstance(pairs, PackedPairs)
    assert [one.track and one.track.number for one in frame.detections] == [None, 1]
    assert [str(one) for one in pairs.seen] == [str(one.track) for one in masks.public(frame).detections]
    # Somebody known who walks behind it keeps the name there, and is over when not seen again.
    behind, pairs = read(way, [person(8, left=20)], START + 100 * MS, masks)
    assert [one.track for one in behind.detections] == list(pairs.tracks) == [frame.detections[1].track]
    assert pairs.seen == ()
    assert masks.public(behind).detections == ()
    assert way.camera.ended(START + 2502 * MS) == [frame.detections[1].track]


def test_a_frame_with_as_many_objects_as_a_detector_lists_is_done_in_python() -> None:
    way = native()
    _, pairs = read(way, [Obj(9, number=n) for n in range(FULL)])
    assert not isinstance(pairs, PackedPairs)


def test_a_privacy_mask_without_corners_is_not_passed_over() -> None:
    with pytest.raises(IndexError):
        read(native(), [person(7)], START, CameraMasks([()]))


def test_whose_track_has_ended_gets_another_name() -> None:
    way = native()
    (first,), (again,) = (read(way, [person(7)], START + n)[0].of(Kind.PERSON) for n in range(2))
    assert first.track == again.track
    assert way.camera.ended(START + 10_000 * MS) == [first.track]
    (later,) = read(way, [person(7)], START + 10_001 * MS)[0].of(Kind.PERSON)
    assert later.track != first.track
    way.camera.close()
    (last,) = read(way, [person(7)], START + 10_002 * MS)[0].of(Kind.PERSON)
    assert last.track not in (None, first.track, later.track)
    assert first == again._replace(box=first.box)  # what was handed over before stays as it was


def test_a_frame_with_a_redaction_tag_already_is_refused() -> None:
    way = native()
    read(way, [person(7)])
    with pytest.raises(MetaError, match="redaction tag already"):
        read(way, [person(7), Obj(REDACTION_TAG)])


def test_detections_are_compared_kept_and_sent_as_tuples_are() -> None:
    way = native()
    frames = [read(way, [person(7), face()], START + n * MS)[0] for n in range(2)]
    made, packed = tuple(frames[0].detections), frames[1].detections
    assert isinstance(packed, PackedDetections)
    assert packed == made
    assert made == packed
    assert packed != made[:1]
    assert hash(packed) == hash(made)
    assert type(pickle.loads(pickle.dumps(packed))) is tuple
    assert pickle.loads(pickle.dumps(frames[1])) == frames[1]
