"""Trackers that take out of the metadata whom they do not track: heads are covered all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gi
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from probes.nvds.kept_people import MOST, KeptPeople  # noqa: E402
from probes.nvds.meta import UNTRACKED  # noqa: E402
from probes.nvds.redaction_gate import BufferVerdict  # noqa: E402
from tests.fakes.nvds import (  # noqa: E402
    BINDING,
    Obj,
    Pic,
    a_buffer,
    face,
    frames_of,
    meta_of,
    objects_of,
    person,
    pyds,
    rig,
    take_out,
)
from tests.probes.nvds.test_probe import WHOLE, boxes, snapshot  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

Gst.init(None)
PASS, DROP = BufferVerdict.PASS, BufferVerdict.DROP
STRANGER = Obj(1, 0, UNTRACKED, 0.9, (700.0, 150.0, 160.0, 300.0))


@pytest.fixture(scope="module", params=["pyds", "reader"])
def ds(request: pytest.FixtureRequest) -> Iterator[Any]:
    BINDING[0] = request.param
    yield pyds()
    BINDING[0] = "pyds"


def kept_by(meta: Any) -> KeptPeople:
    return KeptPeople(meta, meta, [(1, 0)])


def covered(ds: Any, *objects: Obj, tracker: Any) -> list[Any]:
    """Return what is covered of a frame with these objects, behind a tracker."""
    using = rig(ds)
    kept, buffer = kept_by(using.meta), a_buffer(ds, Pic(objects=objects))
    assert kept.keep(hash(buffer)) is PASS
    tracker(ds, buffer)
    assert kept.restore(hash(buffer)) is PASS
    assert using.probe.process(hash(buffer)) is PASS
    (frame,) = frames_of(ds, hash(buffer))
    return sorted(boxes(snapshot(ds, frame)))


def leaves_all(_ds: Any, _buffer: Any) -> None:
    pass


def takes_out_strangers(ds: Any, buffer: Any) -> None:
    """Faces are found behind it."""
    take_out(ds, hash(buffer), lambda one: (one.unique_component_id, one.object_id) == (1, UNTRACKED))


def moves_and_takes_out(ds: Any, buffer: Any) -> None:
    """The tracker's own estimate of a box is a little beside the detector's."""
    takes_out_strangers(ds, buffer)
    for frame in frames_of(ds, hash(buffer)):
        for one in objects_of(ds, frame):
            one.rect_params.left += 12.0


@pytest.mark.parametrize(
    "objects",
    [
        [STRANGER],
        [person(1), STRANGER],
        [person(1, 640.0), STRANGER],  # who stands before them
        [person(1), STRANGER, Obj(1, 0, UNTRACKED, 0.9, (-20.5, 100.0, 90.5, 200.0)), face()],
    ],
    ids=["alone", "beside another", "behind another", "at the border"],
)
def test_whom_the_tracker_takes_out_is_covered_as_if_it_had_not(ds: Any, objects: list[Obj]) -> None:
    there = covered(ds, *objects, tracker=leaves_all)
    assert len(there) == len([one for one in objects if one.component == 1])
    assert covered(ds, *objects, tracker=takes_out_strangers) == there


def test_who_is_tracked_is_put_in_once(ds: Any) -> None:
    kept, buffer = (
        kept_by(meta_of(ds)),
        a_buffer(ds, Pic(objects=[person(1), person(2, 640.0), STRANGER, face()])),
    )
    kept.keep(hash(buffer))
    moves_and_takes_out(ds, buffer)
    kept.restore(hash(buffer))
    (frame,) = frames_of(ds, hash(buffer))
    people = [one for one in objects_of(ds, frame) if one.unique_component_id == 1]
    assert sorted(one.object_id for one in people) == [1, 2, UNTRACKED]


@pytest.mark.parametrize("forgotten", ["never seen", "long ago", "unreadable"])
def test_a_frame_of_which_nothing_is_known_is_covered_whole_and_the_others_are_not(
    ds: Any, forgotten: str
) -> None:
    using = rig(ds)
    kept = kept_by(using.meta)
    nowhere = Obj(1, 0, UNTRACKED, 0.9, (float("nan"), 0.0, 9.0, 9.0))
    known, unknown = Pic(0, [person(1)]), Pic(1, [nowhere if forgotten == "unreadable" else STRANGER])
    buffer, others = a_buffer(ds, known, unknown), [a_buffer(ds, known)]
    if forgotten == "long ago":
        others = [a_buffer(ds, Pic(2, number=number)) for number in range(MOST)] + others
    for one in others if forgotten == "never seen" else [buffer, *others]:
        kept.keep(hash(one))
    takes_out_strangers(ds, buffer)
    assert kept.restore(hash(buffer)) is PASS
    using.probe.process(hash(buffer))
    good, bad = sorted(frames_of(ds, hash(buffer)), key=lambda frame: frame.pad_index)
    assert (WHOLE, 1) not in boxes(snapshot(ds, good))
    assert (WHOLE, 1) in boxes(snapshot(ds, bad))


def test_what_cannot_be_read_goes_no_further(ds: Any) -> None:
    kept, bare = kept_by(meta_of(ds)), Gst.Buffer.new_allocate(None, 16, None)
    assert (kept.keep(hash(bare)), kept.restore(hash(bare))) == (DROP, DROP)
