"""The self-check's film in the probe, on NVIDIA's metadata library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from probes.nvds.chooser import Chooser
from probes.nvds.redaction_gate import BufferVerdict
from probes.nvds.self_check import MAX_FRAMES, SelfCheck
from tests.fakes.nvds import (
    BINDING,
    CLASSES,
    UNTRACKED,
    Obj,
    Pic,
    Rig,
    a_buffer,
    camera,
    face,
    person,
    pyds,
    rig,
)
from tests.probes.nvds.test_probe import WHOLE, covers, judged

if TYPE_CHECKING:
    from collections.abc import Iterator

PAD = 4
AROUND = Obj(1, 0, UNTRACKED, 0.9, (150.0, 130.0, 300.0, 500.0))
"""A person whose head, as it is estimated, covers `face()`."""
PASS, DROP = BufferVerdict.PASS, BufferVerdict.DROP


@pytest.fixture(scope="module", params=["pyds", "reader"])
def ds(request: pytest.FixtureRequest) -> Iterator[Any]:
    BINDING[0] = request.param
    yield pyds()
    BINDING[0] = "pyds"


def checked(ds: Any) -> tuple[Rig, SelfCheck, list[bool]]:
    """A probe whose film shows its face where `face()` lies."""
    using, results = rig(ds), list[bool]()
    box = face().box
    place = (box[0] / 1280, box[1] / 720, (box[0] + box[2]) / 1280, (box[1] + box[3]) / 720)
    check = SelfCheck(PAD, place, camera=lambda: camera("film"), on_result=results.append)
    using.probe._self_check = check
    return using, check, results


def test_until_the_first_good_answer_frames_go_to_nobody_and_are_counted(ds: Any) -> None:
    using, check, _ = checked(ds)
    withheld: list[tuple[str, str]] = []
    using.probe._on_withheld = lambda camera, reason: withheld.append((camera, reason))
    door = Pic(objects=[person(), face()])
    assert judged(ds, using, door, Pic(pad=1))[0] is DROP
    assert withheld == [("cam0", "self_check"), ("cam1", "self_check")]
    check.begin()
    for number in range(MAX_FRAMES - 1):
        assert judged(ds, using, door, film(number=number))[0] is DROP
    assert (len(withheld), using.frame_queue.take(0)) == (MAX_FRAMES + 1, [])
    assert judged(ds, using, door, film(face(), number=MAX_FRAMES))[0] is PASS, "the answer counts at once"
    assert [probed.frame.camera for probed in using.frame_queue.take(1)] == ["cam0"]
    check.begin()
    for number in range(MAX_FRAMES):
        judged(ds, using, Pic(number=number), film(number=number + 20))
    assert len(using.frame_queue.take(1)) == MAX_FRAMES - 1, "not the frame beside the failing answer"
    assert using.failures == []


def film(*objects: Obj, **more: Any) -> Pic:
    return Pic(objects=list(objects), pad=PAD, **more)


def test_a_face_that_is_covered_passes_it_and_the_film_goes_to_nobody(ds: Any) -> None:
    using, check, results = checked(ds)
    check.begin()
    verdict, gate, found = judged(ds, using, Pic(objects=[person()]), film(face()))
    assert (verdict, gate, check.answered, check.cause, results) == (PASS, PASS, True, "", [True])
    assert covers(found[1], WHOLE)
    assert [probed.frame.camera for probed in using.frame_queue.take(1)] == ["cam0"]
    judged(ds, using, film())
    assert results == [True], "frames after the answer are not judged"


@pytest.mark.parametrize("bad", [{}, {"inferred": False}])
def test_a_face_left_open_withholds_all_frames_until_it_is_covered(ds: Any, bad: dict[str, Any]) -> None:
    using, check, results = checked(ds)
    check.begin()
    for number in range(MAX_FRAMES):
        assert not check.answered
        verdict, _, _ = judged(ds, using, Pic(number=number), film(number=number, **bad))
    assert (verdict, check.answered, results) == (DROP, True, [False])
    assert "the built-in face is not covered" in check.cause
    assert judged(ds, using, Pic(objects=[person()], number=50))[0] is DROP
    check.begin()
    assert judged(ds, using, Pic(number=51))[0] is DROP, "until it is covered, not until it is tried"
    assert judged(ds, using, Pic(number=52), film(face(), number=52))[0] is PASS
    assert judged(ds, using, Pic(number=53))[0] is PASS


def test_a_good_answer_counts_until_the_next_is_overdue(ds: Any) -> None:
    """A film that gives nothing more, and even a bus thread that hangs: nobody needs to do anything."""
    using, check, results = checked(ds)
    now = [100.0]
    check._clock = lambda: now[0]
    check.begin()
    judged(ds, using, film(face()))
    for now[0], verdict in ((175.0, PASS), (175.1, DROP), (200.0, DROP)):
        check.begin()
        check.report_expiry()
        assert judged(ds, using, Pic(objects=[person()], number=int(now[0] * 10)))[0] is verdict
    assert (check.cause, results) == ("no answer for 75 s; all frames are withheld", [True, False])
    assert judged(ds, using, Pic(number=2001), film(face(), number=2001))[0] is PASS
    assert (check.cause, results) == ("", [True, False, True])


def test_a_face_found_elsewhere_is_none(ds: Any) -> None:
    using, check, results = checked(ds)
    check.begin()
    left, top, width, _ = face().box
    for number in range(MAX_FRAMES):
        judged(ds, using, film(face(left + 4 * width, top), number=number))
    assert results == [False]


def test_a_face_covered_only_as_a_head_of_a_person_fails_it(ds: Any) -> None:
    """The person detector alone covers the face of the film: the face detector may be blind."""
    using, check, results = checked(ds)
    check.begin()
    for number in range(MAX_FRAMES):
        judged(ds, using, film(AROUND, number=number))
    assert results == [False]
    check.begin()
    judged(ds, using, film(AROUND, face(), number=MAX_FRAMES))
    assert results == [False, True]


def test_no_look_is_spent_on_the_film(ds: Any) -> None:
    using, added = rig(ds), list[Any]()

    class Looks:
        def add(self, *look: Any) -> None:
            added.append(look)

    def look_at(unseen: tuple[int, ...]) -> int:
        added.clear()
        chooser = Chooser(using.meta, Looks(), classes=CLASSES, wanted=lambda: True, unseen=unseen)
        buffer = a_buffer(ds, film(person(7)))
        chooser.add_looks(hash(buffer))
        return len(added)

    assert (look_at(()), look_at((PAD,))) == (1, 0)
