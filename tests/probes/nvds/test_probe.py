from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import gi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from probes.frame import Kind  # noqa: E402
from probes.nvds.meta import HEADS, REDACTION_TAG, UNTRACKED  # noqa: E402
from probes.nvds.redaction_gate import BufferVerdict, RedactionGate  # noqa: E402
from tests.fakes.failing_pyds import Faulty  # noqa: E402
from tests.fakes.nvds import (  # noqa: E402
    BINDING,
    PROCESS_KEY,
    SURFACE,
    Obj,
    Pic,
    Rig,
    a_buffer,
    face,
    frames_of,
    objects_of,
    person,
    pyds,
    rig,
)
from tests.fakes.people import SECOND, START, value  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

Gst.init(None)
WHOLE = (0.0, 0.0, float(SURFACE[0]), float(SURFACE[1]))


@pytest.fixture(scope="module", params=["pyds", "reader"])
def ds(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return pyds to look with; the probe works through it, or through the C reader."""
    BINDING[0] = request.param
    yield pyds()
    BINDING[0] = "pyds"


def judged(ds: Any, using: Rig, *pics: Pic) -> tuple[BufferVerdict, BufferVerdict, list[list[Any]]]:
    """Return the probe's verdict, the gate's, and each frame's objects, frames by pad."""
    buffer = a_buffer(ds, *pics)
    verdict = using.probe.process(hash(buffer))
    gate = RedactionGate(using.meta, PROCESS_KEY).verify(hash(buffer))
    found = sorted(frames_of(ds, hash(buffer)), key=lambda frame: frame.pad_index)
    return verdict, gate, [snapshot(ds, frame) for frame in found]


def snapshot(ds: Any, frame: Any) -> list[Any]:
    """Copy what is asked for: metadata is dead once its buffer is."""
    return [
        (
            o.unique_component_id,
            (o.rect_params.left, o.rect_params.top, o.rect_params.width, o.rect_params.height),
            o.rect_params.has_bg_color,
            o.rect_params.border_width,
            ds.get_string(o.text_params.display_text) if o.text_params.display_text else "",
        )
        for o in objects_of(ds, frame)
    ]


def boxes(objects: list[Any]) -> list[Any]:
    return [(box, opaque) for component, box, opaque, *_ in objects if component == HEADS]


def covers(objects: list[Any], box: tuple[float, float, float, float]) -> bool:
    left, top, width, height = box
    return any(
        x <= left and y <= top and x + w >= left + width and y + h >= top + height
        for (x, y, w, h), _ in boxes(objects)
    )


def test_frames_come_in_the_camera_s_pixels_and_with_names_of_our_own(ds: Any) -> None:
    using = rig(ds)
    huge = 2**63 + 17
    for number in (1, 2):
        pic = Pic(objects=[person(huge), person(UNTRACKED, 700), face()], number=number, ntp=START + number)
        assert judged(ds, using, pic)[:2] == (BufferVerdict.PASS, BufferVerdict.PASS)
    first, second = (probed.frame for probed in using.frame_queue.take(1))
    assert (first.camera, first.captured_at, first.size) == ("cam0", START + 1, (640, 480))
    known, unknown = second.of(Kind.PERSON)
    assert (known.box.x, known.box.y, known.box.w, known.box.h) == (100, 100, 80, 200)
    assert known.track is not None
    assert (known.track.camera, known.track.number, unknown.track) == ("cam0", 1, None)
    assert known.track == first.of(Kind.PERSON)[0].track
    assert first.analysed >= {Kind.PERSON, Kind.FACE}


def test_an_id_that_comes_again_after_the_track_has_ended_is_another_person(ds: Any) -> None:
    using = rig(ds)
    for second in (0, 1, 5, 6):
        objects = [person(7)] if second != 5 else []
        judged(ds, using, Pic(objects=objects, number=second, ntp=START + second * SECOND))
    found_frames = using.frame_queue.take(1)
    names = [p.track.number for s in found_frames for p in s.frame.of(Kind.PERSON) if p.track]
    assert names == [1, 1, 2]
    assert [[track.number for track in s.ended] for s in found_frames] == [[], [], [1], []]


@settings(max_examples=50, deadline=None)
@pytest.mark.usefixtures("ds")
@given(
    st.lists(st.builds(person, st.integers(0, 5), st.integers(0, 1200)), max_size=5),
    st.lists(st.builds(face, st.integers(-40, 1260), st.integers(-40, 700)), max_size=5),
    st.randoms(),
)
def test_the_order_of_the_lists_changes_nothing(people: list[Obj], faces: list[Obj], random: Any) -> None:
    ds, objects = pyds(), [*people, *faces]
    shuffled = random.sample(objects, len(objects))
    found = []
    for order in (objects, shuffled):
        using = rig(ds)
        *verdicts, (seen,) = judged(ds, using, Pic(objects=order))
        found.append((verdicts, sorted(seen), using.frame_queue.take(1)[0].frame))
    assert found[0] == found[1]


@pytest.mark.parametrize("opaque", [False, True])
def test_faces_and_the_heads_of_people_without_one_are_covered(ds: Any, opaque: bool) -> None:
    turned = person(2, 700)
    verdict, gate, (seen,) = judged(ds, rig(ds, opaque=opaque), Pic(objects=[person(1), face(), turned]))
    assert (verdict, gate) == (BufferVerdict.PASS, BufferVerdict.PASS)
    assert covers(seen, face().box)
    assert covers(seen, (700, 150, 160, 40))
    assert {filled for _, filled in boxes(seen)} == {int(opaque)}
    assert all(x >= 0 and y >= 0 and x + w <= 1280 and y + h <= 720 for (x, y, w, h), _ in boxes(seen))
    assert all(w >= 4 and h >= 4 and w == int(w) for (_, _, w, h), _ in boxes(seen))


def test_camera_masks_are_hidden_and_nothing_follows_from_what_is_behind_them(ds: Any) -> None:
    masks = [((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.75, 1.0))]
    using = rig(ds, masks=masks)
    *_, (seen,) = judged(ds, using, Pic(objects=[person(1), person(2, 1000)]))
    assert [p.box.x for p in using.frame_queue.take(1)[0].frame.of(Kind.PERSON)] == [100]
    strips = [box for box, opaque in boxes(seen) if opaque]
    for x, y in ((660, 20), (1279, 719), (1000, 400), (962, 718)):
        assert any(left <= x <= left + w and top <= y <= top + h for left, top, w, h in strips)
    assert not any(left < 600 for left, *_ in strips)


def test_items_and_totals_are_written_and_everything_else_is_silent(ds: Any) -> None:
    using = rig(ds)
    judged(ds, using, Pic(objects=[person(1)]))
    track = using.frame_queue.take(1)[0].frame.of(Kind.PERSON)[0].track
    assert track is not None
    using.values[track] = value(129000, 4900)
    bag = Obj(1, 1, UNTRACKED, 0.7, (600, 300, 50, 50))
    pic = Pic(objects=[person(1), person(UNTRACKED, 900), face(), bag], number=2, ntp=START + 1)
    *_, (seen,) = judged(ds, using, pic)
    by_left = {box[0]: (width, text) for component, box, _, width, text in seen if component in (1, 2)}
    assert by_left[200][0] == 3
    assert by_left[200][1].split("\n")[0] == "€1339"
    assert "€1290" in by_left[200][1]
    assert (by_left[900], by_left[240], by_left[600]) == ((1, ""), (0, ""), (1, ""))


@pytest.mark.parametrize(
    "bad",
    [
        Pic(pad=1, objects=[face()], inferred=0),
        Pic(pad=1, objects=[Obj(2, 0, box=(float("nan"), 0, 10, 10))]),
        Pic(pad=1, objects=[Obj(2, 0, box=(0, 0, float("inf"), 10))]),
        Pic(pad=1, objects=[Obj(2, 0, box=(0, 0, -5, 10))]),
        Pic(pad=9, objects=[face()]),
        Pic(pad=1, objects=[Obj(REDACTION_TAG, 0, PROCESS_KEY)]),
    ],
    ids=["not inferred", "nan", "inf", "negative", "unknown pad", "tagged before"],
)
def test_a_frame_in_doubt_is_covered_whole_and_the_others_go_on(ds: Any, bad: Pic) -> None:
    using = rig(ds)
    verdict, gate, (good, covered) = judged(ds, using, Pic(objects=[person(1), face()]), bad)
    assert verdict is BufferVerdict.PASS
    assert gate is (BufferVerdict.DROP if bad.objects[0].component == REDACTION_TAG else BufferVerdict.PASS)
    assert (WHOLE, 1) in boxes(covered)
    assert (WHOLE, 1) not in boxes(good)
    assert len(using.failures) == 1
    assert [mask.by.value for mask in using.frame_queue.take(1)[0].masks or ()] == ["detector"]


def test_a_frame_of_which_nobody_is_told_does_not_pass_for_the_one_before(ds: Any) -> None:
    """Its picture, black, would be sent as that of a customer who is in the last frame."""
    using = rig(ds)
    for number, objects in enumerate(([person(1)], [Obj(REDACTION_TAG, 0, PROCESS_KEY)])):
        before, _ = using.frame_queue.newest.get("cam0", (0, None))
        judged(ds, using, Pic(number=number, ntp=START + number * SECOND, objects=objects))
        assert using.frame_queue.newest["cam0"][0] > before
    assert [one.frame.captured_at for one in using.frame_queue.take(1)] == [START]


def test_a_clock_that_is_set_back_uncovers_nothing_and_time_goes_on(ds: Any) -> None:
    using, back = rig(ds), 3600
    stamps = [0, 1, 2 - back, 3 - back, 2, 5]
    for number, second in enumerate(stamps):
        pic = Pic(number=number, ntp=START + second * SECOND, objects=[face()])
        *_, (seen,) = judged(ds, using, pic)
        assert (WHOLE, 1) not in boxes(seen)
        assert covers(seen, face().box)
    times = [(s.frame.captured_at - START) / SECOND for s in using.frame_queue.take(1)]
    assert times == pytest.approx([0, 1, 1, 2, 2, 5], abs=1e-6)
    assert times == sorted(set(times))


def test_an_empty_batch_and_a_buffer_without_metadata_are_dropped(ds: Any) -> None:
    using = rig(ds)
    assert judged(ds, using)[:2] == (BufferVerdict.DROP, BufferVerdict.DROP)
    bare = Gst.Buffer.new_allocate(None, 16, None)
    assert using.probe.process(hash(bare)) is BufferVerdict.DROP
    assert using.failures == [None]  # a batch without frames is no failure: there is nothing to see


def test_two_frames_of_a_camera_in_a_batch_are_taken_in_their_order(ds: Any) -> None:
    using = rig(ds)
    late, early = (
        Pic(number=5, ntp=START + 9, objects=[face()]),
        Pic(number=4, ntp=START + 2, objects=[face()]),
    )
    assert judged(ds, using, late, early)[:2] == (BufferVerdict.PASS, BufferVerdict.PASS)
    assert [s.frame.captured_at for s in using.frame_queue.take(1)] == [START + 2, START + 9]
    assert using.failures == []


def tamper_nothing(_ds: Any, _frame: Any) -> None:
    return None


def lose_a_box(ds: Any, frame: Any) -> None:
    head = next(o for o in objects_of(ds, frame) if o.unique_component_id == HEADS)
    ds.nvds_remove_obj_meta_from_frame(frame, head)


def lose_the_tag(ds: Any, frame: Any) -> None:
    found = next(o for o in objects_of(ds, frame) if o.unique_component_id == REDACTION_TAG)
    ds.nvds_remove_obj_meta_from_frame(frame, found)


def forge(ds: Any, frame: Any) -> None:
    next(o for o in objects_of(ds, frame) if o.unique_component_id == REDACTION_TAG).object_id = 1


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (tamper_nothing, BufferVerdict.PASS),
        (lose_a_box, BufferVerdict.DROP),
        (lose_the_tag, BufferVerdict.DROP),
        (forge, BufferVerdict.DROP),
    ],
)
def test_the_gate_asks_for_the_tag_and_for_every_box(ds: Any, tamper: Any, expected: BufferVerdict) -> None:
    using = rig(ds)
    buffer = a_buffer(ds, Pic(objects=[face(), face(900)]), Pic(pad=1))
    using.probe.process(hash(buffer))
    tamper(ds, next(f for f in frames_of(ds, hash(buffer)) if f.pad_index == 0))
    gate = RedactionGate(using.meta, PROCESS_KEY)
    assert gate.verify(hash(buffer)) is expected
    assert gate.dropped == (expected is BufferVerdict.DROP)


def test_without_the_probe_nothing_passes_the_gate(ds: Any) -> None:
    using = rig(ds)
    for buffer in (a_buffer(ds, Pic(objects=[face()])), Gst.Buffer.new_allocate(None, 16, None)):
        assert RedactionGate(using.meta, PROCESS_KEY).verify(hash(buffer)) is BufferVerdict.DROP


@pytest.mark.parametrize("error", [RuntimeError, UnicodeDecodeError, StopIteration, TypeError, -2])
def test_whatever_pyds_call_fails_no_face_passes_uncovered(ds: Any, error: Any) -> None:
    """Fail at the first access to metadata, at the second, and so on, until none is left to fail."""
    if error is UnicodeDecodeError:
        error = lambda _why: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "injected")  # noqa: E731
    if isinstance(error, int) and BINDING[0] == "pyds":
        error = ValueError
    outcomes = set()
    for at in count():
        using = rig(Faulty(ds, at, error))
        buffer = a_buffer(ds, Pic(objects=[person(1), face()]), Pic(pad=1, objects=[face(800)]))
        verdict = using.probe.process(hash(buffer))
        gate = RedactionGate(rig(ds).meta, PROCESS_KEY).verify(hash(buffer))
        passed = verdict is BufferVerdict.PASS and gate is BufferVerdict.PASS
        if passed:
            for frame in frames_of(ds, hash(buffer)):
                seen = snapshot(ds, frame)
                for box in (o[1] for o in seen if o[0] == 2):
                    assert covers(seen, box), (at, seen)
        whole = passed and any((WHOLE, 1) in boxes(snapshot(ds, f)) for f in frames_of(ds, hash(buffer)))
        outcomes.add((passed, whole))
        most = 200 if BINDING[0] == "pyds" else 30
        if passed and not using.failures and not using.probe._failures and at > most:
            break
    assert outcomes == {(False, False), (True, True), (True, False)}


def test_a_frame_of_a_batch_that_is_dropped_is_not_taken_as_shown(ds: Any) -> None:
    using = rig(ds)

    def fail(_batch: Any, _meta: Any) -> None:
        raise RuntimeError("not even the whole frame can be covered")

    using.probe._cover_all = fail  # type: ignore[method-assign]
    door = Pic(objects=[person(), face()])
    assert judged(ds, using, door, Pic(pad=1, inferred=False))[0] is BufferVerdict.DROP
    assert [(one.frame.camera, one.masks) for one in using.frame_queue.take(1)] == [
        ("cam0", None),
        ("cam1", None),
    ]


def test_a_gate_that_cannot_read_drops(ds: Any) -> None:
    for at in count():
        using = rig(ds)
        buffer = a_buffer(ds, Pic(objects=[face()]))
        using.probe.process(hash(buffer))
        verdict = RedactionGate(rig(Faulty(ds, at, RuntimeError)).meta, PROCESS_KEY).verify(hash(buffer))
        if verdict is BufferVerdict.PASS:
            break
        assert verdict is BufferVerdict.DROP
    assert at > (10 if BINDING[0] == "pyds" else 0)


def test_failures_are_logged_once(ds: Any, caplog: pytest.LogCaptureFixture) -> None:
    using = rig(ds)
    with caplog.at_level("INFO"):
        for number in range(5):
            judged(ds, using, Pic(number=number, inferred=number % 2))
    assert [r.message for r in caplog.records if "probe" in r.name] == ["cam0: not analysed for face, person"]
