from __future__ import annotations

import copy
import dataclasses
import math
import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.image import I420
from probes.frame import Frame, Kind
from probes.redaction import redact
from probes.redaction.redact import RedactedFrame, RedactionFailed, Redactor
from tests.fakes.scenes import face, frame, noise, person

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.frame import Detection

SIZE = (640, 480)


def redactor(method: str = "pixelate", **other: object) -> Redactor:
    return Redactor(**{"method": method, "margin": 0.25, "hold_ms": 800, **other})  # type: ignore[arg-type]  # a table of settings


@pytest.fixture
def done() -> RedactedFrame:
    return redactor().redact(frame(face(100, 100, 40, 50), person(300, 100, 80, 200)), noise(*SIZE))


def test_it_says_what_it_covered_and_why(done: RedactedFrame) -> None:
    assert done.masked == {"detector": 1, "hold": 0, "head_estimate": 1}
    box = done.masks[0].box
    assert (box.x, box.y, box.right, box.bottom) == (90, 86, 150, 164)
    assert done.frame.camera == "entrance"


@pytest.mark.parametrize(
    "forge",
    [
        lambda done: RedactedFrame(done.frame, noise(*SIZE), (), seal=object()),
        lambda done: RedactedFrame(done.frame, noise(*SIZE), ()),  # type: ignore[call-arg]  # a forgery
        lambda done: type("Forged", (RedactedFrame,), {}),
        lambda done: dataclasses.replace(done, pixels=noise(*SIZE)),
        copy.copy,
        copy.deepcopy,
        pickle.dumps,
        lambda done: object.__new__(RedactedFrame).pixels,
        lambda done: setattr(done, "pixels", noise(*SIZE)),
        lambda done: setattr(done, "_pixels", noise(*SIZE)),
        lambda done: done.masked.update(detector=0),
        lambda done: RedactedFrame.__init__(done, done.frame, noise(*SIZE), (), seal=None),
    ],
)
def test_no_one_else_makes_a_redacted_frame(
    done: RedactedFrame, forge: Callable[[RedactedFrame], object]
) -> None:
    before = done.pixels
    with pytest.raises((TypeError, AttributeError)):
        forge(done)
    assert done.pixels is before


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.builds(face, st.floats(-80, 700), st.floats(-80, 500), st.floats(1, 300), st.floats(1, 300)),
        max_size=4,
    ),
    st.sampled_from(["pixelate", "solid"]),
)
def test_nothing_but_the_masks_changes_and_all_of_them_does(faces: list[Detection], method: str) -> None:
    raw = noise(*SIZE)
    done = redactor(method).redact(frame(*faces), raw.copy())
    touched = np.zeros((SIZE[1], SIZE[0]), bool)
    for mask in done.masks:
        box = mask.box
        touched[int(box.y) : int(box.bottom), int(box.x) : int(box.right)] = True
    for plane, was, area in (
        (done.pixels.y, raw.y, touched),
        (done.pixels.u, raw.u, touched[::2, ::2]),
        (done.pixels.v, raw.v, touched[::2, ::2]),
    ):
        assert np.array_equal(plane[~area], was[~area])
    for one in faces:
        box = one.box
        left, right = max(0, math.floor(box.x)), min(SIZE[0], math.ceil(box.right))
        top, bottom = max(0, math.floor(box.y)), min(SIZE[1], math.ceil(box.bottom))
        if right - left > 16 and bottom - top > 16:
            assert detail(done.pixels.y[top:bottom, left:right]) < 0.5 * detail(raw.y[top:bottom, left:right])


def detail(plane: np.ndarray) -> float:
    return float(np.abs(np.diff(plane.astype(int), axis=1)).mean())


def halved(picture: I420) -> I420:
    return noise(picture.width // 2, picture.height // 2)


def read_only(picture: I420) -> I420:
    picture.v.flags.writeable = False
    return picture


WHOLE = frame(face(100, 100, 40, 50))


@pytest.mark.parametrize(
    ("metadata", "spoil"),
    [
        (frame(analysed=frozenset({Kind.PERSON})), lambda picture: picture),
        (frame(analysed=frozenset({Kind.FACE})), lambda picture: picture),
        (frame(analysed=frozenset()), lambda picture: picture),
        (frame(size=(480, 640)), lambda picture: picture),
        (WHOLE, halved),
        (WHOLE, read_only),
        (WHOLE, lambda picture: I420(*(p.astype(np.uint16) for p in (picture.y, picture.u, picture.v)))),
        (frame(face(math.nan, 1, 20, 20)), lambda picture: picture),
        (frame(face(1, 1, math.inf, 20)), lambda picture: picture),
        (frame(face(1, -math.inf, 20, 20)), lambda picture: picture),
        (frame(face(50, 50, -20, 20)), lambda picture: picture),
        (frame(person(50, 50, 20, math.nan)), lambda picture: picture),
        (frame(face(1e308, 1, 1e308, 20)), lambda picture: picture),
        (None, lambda picture: picture),
        (WHOLE, lambda picture: None),
    ],
)
def test_any_doubt_fails(metadata: Frame, spoil: Callable[[I420], I420]) -> None:
    with pytest.raises(RedactionFailed):
        redactor().redact(metadata, spoil(noise(*SIZE)))


@pytest.mark.parametrize("stage", ["black_out", "cover", "RedactedFrame"])
def test_an_error_in_the_middle_fails_and_blackens(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, picture = redactor(masks=[[(0, 0), (0.1, 0), (0.1, 0.1)]]), noise(*SIZE)

    def burst(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(redact, stage, burst)
        with pytest.raises(RedactionFailed, match="MemoryError"):
            one.redact(frame(face(100, 100, 40, 50)), picture)
    assert picture.tobytes() == I420.black(*SIZE).tobytes()
    assert one.redact(frame(face(100, 100, 40, 50), ms=100), noise(*SIZE)).masked["detector"] == 1


def test_a_clock_that_goes_back_costs_one_frame_and_no_hold() -> None:
    one = redactor()
    one.redact(frame(face(100, 100, 40, 50), ms=10_000), noise(*SIZE))
    with pytest.raises(RedactionFailed, match="clock"):
        one.redact(frame(ms=2_000), noise(*SIZE))
    assert one.redact(frame(ms=2_700), noise(*SIZE)).masked["hold"] == 1
    assert one.redact(frame(ms=2_799), noise(*SIZE)).masked["hold"] == 1
    assert one.redact(frame(ms=2_801), noise(*SIZE)).masked["hold"] == 0


def test_a_face_seen_in_a_dropped_frame_is_held_too(monkeypatch: pytest.MonkeyPatch) -> None:
    one = redactor()
    with monkeypatch.context() as patch:
        patch.setattr(redact, "cover", None)
        with pytest.raises(RedactionFailed):
            one.redact(frame(face(100, 100, 40, 50)), noise(*SIZE))
    assert one.redact(frame(ms=100), noise(*SIZE)).masked["hold"] == 1


def test_camera_masks_are_black_in_the_output() -> None:
    one = redactor(masks=[[(0.5, 0), (1, 0), (1, 0.5), (0.5, 0.5)]])
    done = one.redact(frame(), noise(*SIZE))
    assert (done.pixels.y[:240, 320:] == 16).all()
    assert (done.pixels.y[300:] != 16).any()


@pytest.mark.parametrize(
    "wrong", [{"method": "blur"}, {"margin": -0.1}, {"margin": math.nan}, {"hold_ms": -1}]
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="faces need"):
        redactor(**wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_a_head_on_a_slanted_way_counts_once_however_many_boxes_cover_it() -> None:
    one = Redactor(method="solid", margin=0.25, hold_ms=800)
    for ms in (0, 100, 200):
        one.redact(frame(face(100 + ms / 5, 100 + ms / 5, 30, 40), ms=ms), noise(*SIZE))
    done = one.redact(frame(ms=700), noise(*SIZE))
    assert done.masked == {"detector": 0, "hold": 1, "head_estimate": 0}
    assert len(done.masks) > 1


FACES = {"method": "solid", "margin": 0.25, "hold_ms": 0}


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        ({}, True),
        ({"masks": [((0, 0), (1, 0), (1, 1))]}, False),
        ({"method": "pixelate"}, False),
        ({"margin": 0.3}, False),
    ],
)
def test_a_picture_may_leave_until_its_camera_is_masked_otherwise(change, stays) -> None:
    redactor = Redactor(**FACES)
    kinds = frozenset({Kind.PERSON, Kind.FACE})
    before = redactor.redact(Frame("door", 1, (64, 48), (), kinds), I420.black(64, 48))
    redactor.reconfigure(**{**FACES, "masks": (), **change})
    after = redactor.redact(Frame("door", 2, (64, 48), (), kinds), I420.black(64, 48))
    assert [before.masked_by.in_force, after.masked_by.in_force] == [stays, True]
