"""The search for heads in C gives the Python module's answer, to the last bit, whatever is seen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.frame import Box, Detection, Frame, Kind, TrackId, followed
from probes.nvds.meta import MetaError
from probes.nvds.native_heads import NativeHeadWatch, PackedMasks
from probes.nvds.surface import on_surface
from probes.redaction.heads import MAX_HEADS
from probes.redaction.redact import HeadWatch, RedactionFailed
from tests.fakes.nvds import SURFACE
from tests.fakes.nvds_reader import EXAMPLES, reader

SIZE = 1280, 720
NEEDED = frozenset({Kind.PERSON, Kind.FACE})
MS = 1_000_000
AT = st.floats(-60, 1300) | st.integers(0, 40).map(lambda n: n * 30.0)
SIDES = st.floats(0, 500) | st.sampled_from([0.0, 30.0, 60.0, 200.0])
TRACKS = st.none() | st.integers(1, 5).map(lambda number: TrackId("c", "s", number))


@st.composite
def detections(draw: Any) -> Detection:
    kind = draw(
        st.sampled_from([Kind.PERSON, Kind.AGAIN, Kind.DOUBTFUL, Kind.FACE, Kind.FACE, Kind.ACCESSORY])
    )
    box = Box(draw(AT), draw(AT), draw(SIDES), draw(SIDES))
    track = draw(TRACKS) if kind is Kind.PERSON else None
    return Detection(kind, "x", draw(st.sampled_from([0.2, 0.5, 0.9])), box, track)


@st.composite
def people(draw: Any) -> list[Detection]:
    """Return people with faces where faces are, so that something is owned, held and lost."""
    seen: list[Detection] = draw(st.lists(detections(), max_size=3))
    for number in draw(st.lists(st.integers(1, 5), max_size=4)):
        left, top = draw(AT), draw(AT)
        track = TrackId("c", "s", number) if draw(st.booleans()) else None
        seen.append(Detection(Kind.PERSON, "person", 0.9, Box(left, top, 100.0, 260.0), track))
        if draw(st.booleans()):
            face = Box(left + draw(st.floats(-10, 60)), top + draw(st.floats(-20, 30)), 40.0, 50.0)
            seen.append(Detection(Kind.FACE, "face", draw(st.sampled_from([0.4, 0.9])), face))
    return seen


STEPS = st.sampled_from([0, 1, 40, 100, 100, 250, 900, 3500]).map(lambda ms: ms * MS)
SIZES = st.sampled_from([SIZE, SIZE, SIZE, (640, 360), (1920, 1440)])
FILMS = st.lists(st.tuples(people(), STEPS, st.booleans(), SIZES), min_size=1, max_size=12)


@settings(max_examples=EXAMPLES, deadline=None)
@given(FILMS, st.sampled_from([0.0, 0.25]), st.sampled_from([0, 400, 800]))
def test_it_answers_as_the_python_module_does(film: Any, margin: float, hold_ms: int) -> None:
    """Frames follow in any time and size, the clock is set back, scenes are repeated a little further on."""
    native, plain = (
        NativeHeadWatch(reader(), margin=margin, hold_ms=hold_ms),
        HeadWatch(margin=margin, hold_ms=hold_ms),
    )
    now, before = 5_000_000_000, []
    for fresh, step, again, size in film:
        bodies = [place for place, one in enumerate(before if again else fresh) if one.kind is Kind.AGAIN]
        seen = [d._replace(box=d.box._replace(x=d.box.x + 7)) for d in before] if again else fresh
        now, before = now + step, seen
        for at in (now, now - 50 * MS) if step == 3500 * MS else (now,):
            whom = {place: TrackId("c", "again", 1 << 40) for place in bodies[:1]}
            frame = Frame("c", at, size, tuple(seen), NEEDED, followed(seen, whom) if whom else None)
            expected, found = answer(plain, frame), answer(native, frame)
            assert found == expected
            if isinstance(found, tuple):
                packed = native_masks(native, frame)
                boxes = [on_surface(mask.box, size, SURFACE) for mask in answer(plain, frame)]
                covers = packed.covers(size, SURFACE, opaque=True)
                assert [tuple(cover[:4]) for cover in covers] == [box for box in boxes if box]
                assert all(cover.opaque for cover in covers)


@pytest.mark.parametrize("kind", [Kind.DOUBTFUL, Kind.PERSON])
@pytest.mark.parametrize(
    "step", [(12.0, 0.0), (-12.0, 9.0), (55.0, 0.0), (-55.0, 0.0), (0.0, 140.0), (0.0, -140.0)]
)
def test_who_is_lost_after_a_walk_or_a_jump_is_covered_alike(kind: Kind, step: tuple[float, float]) -> None:
    watches = (
        NativeHeadWatch(reader(), margin=0.25, hold_ms=800),
        HeadWatch(margin=0.25, hold_ms=800),
    )
    for number in range(9):
        box = Box(500 + step[0] * number, 400 + step[1] * number, 80.0, 200.0)
        seen = (Detection(kind, "person", 0.9, box),) if number < 3 else ()
        frame = Frame("c", (50 + number) * 100 * MS, SIZE, seen, NEEDED)
        found, expected = (answer(watch, frame) for watch in watches)
        assert found == expected


@pytest.mark.parametrize("is_face_seen", [True, False])
@pytest.mark.parametrize("lift", [30.0, 90.0, 150.0])
@pytest.mark.parametrize("bottom", [0.0, 250.0])
def test_who_raises_arms_is_covered_alike(is_face_seen: bool, lift: float, bottom: float) -> None:
    """Over the bottom of the picture, too, higher than arms reach, in other sizes, and past another clock."""
    watches = (
        NativeHeadWatch(reader(), margin=0.25, hold_ms=800),
        HeadWatch(margin=0.25, hold_ms=800),
    )
    for number in range(45):
        scale, up = 0.5 if number > 20 else 1.0, lift * min(1.0, max(0, number - 2) / 4)
        box = Box(500 * scale, (230 + bottom - up) * scale, 100 * scale, (240 + up) * scale)
        found = [Detection(Kind.PERSON, "person", 0.9, box, TrackId("c", "s", 1))] if number % 7 < 6 else []
        if is_face_seen and number < 2:
            found.append(Detection(Kind.FACE, "face", 0.9, Box(530.0, 240 + bottom, 36.0, 44.0)))
        at = (100 + number) * 100 * MS if number < 10 else (50 + number) * 100 * MS
        size = round(SIZE[0] * scale), round(SIZE[1] * scale)
        answers = [answer(watch, Frame("c", at, size, tuple(found), NEEDED)) for watch in watches]
        assert answers[0] == answers[1], number


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.sampled_from(["both", "face", "person", "nothing"])] * 2), min_size=2, max_size=14
    ),
    st.floats(20, 120),
    st.sampled_from([-12.0, 0.0, 12.0]),
)
def test_neighbours_of_whom_one_is_missed_are_covered_alike(
    film: list[tuple[str, str]], apart: float, step: float
) -> None:
    watches = (
        NativeHeadWatch(reader(), margin=0.25, hold_ms=800),
        HeadWatch(margin=0.25, hold_ms=800),
    )
    for number, whats in enumerate(film):
        seen = []
        for who, what in enumerate(whats):
            left, track = 500 + who * apart + step * number, TrackId("c", "s", 1 + who)
            if what in ("both", "person"):
                seen.append(Detection(Kind.PERSON, "person", 0.9, Box(left, 300.0, 100.0, 260.0), track))
            if what in ("both", "face"):
                seen.append(Detection(Kind.FACE, "face", 0.9, Box(left + 32, 310.0, 36.0, 44.0)))
        frame = Frame("c", (50 + number) * 100 * MS, SIZE, tuple(seen), NEEDED)
        answers = [answer(watch, frame) for watch in watches]
        assert answers[0] == answers[1], (number, whats)


def answer(watch: HeadWatch, frame: Frame) -> Any:
    try:
        return tuple(watch.locate(frame))
    except RedactionFailed as error:
        return str(error)


def native_masks(watch: HeadWatch, frame: Frame) -> PackedMasks:
    masks = watch.locate(frame)
    assert isinstance(masks, PackedMasks)
    return masks


@pytest.mark.parametrize(
    "box",
    [
        Box(0, 0, float("nan"), 5),
        Box(float("inf"), 0, 5, 5),
        Box(0, 0, -1, 5),
        Box(0, 0, 5, -1),
        Box(1e308, 0, 1e308, 5),
    ],
)
@pytest.mark.parametrize("kind", [Kind.PERSON, Kind.FACE, Kind.ACCESSORY])
def test_an_impossible_box_is_refused(box: Box, kind: Kind) -> None:
    frame = Frame("c", 1, SIZE, (Detection(kind, "x", 0.9, box),), NEEDED)
    for watch in (HeadWatch(margin=0.25, hold_ms=800), NativeHeadWatch(reader(), margin=0.25, hold_ms=800)):
        with pytest.raises(RedactionFailed, match="impossible box"):
            watch.locate(frame)


def test_more_heads_than_can_be_followed_are_refused_and_the_next_frame_is_not() -> None:
    watch = NativeHeadWatch(reader(), margin=0.25, hold_ms=800)
    crowd = tuple(
        Detection(Kind.PERSON, "x", 0.9, Box(n % 50 * 20.0, n // 50 * 20.0, 10.0, 15.0))
        for n in range(MAX_HEADS + 1)
    )
    with pytest.raises(RedactionFailed, match="more heads"):
        watch.locate(Frame("c", 1, SIZE, crowd, NEEDED))
    with pytest.raises(RedactionFailed, match="more persons"):
        watch.locate(Frame("c", 2, SIZE, crowd * 5, NEEDED))
    assert len(watch.locate(Frame("c", 3, SIZE, crowd[:5], NEEDED))) == 5


def test_without_inference_nothing_is_located() -> None:
    watch = NativeHeadWatch(reader(), margin=0.25, hold_ms=800)
    with pytest.raises(RedactionFailed, match="not analysed for face"):
        watch.locate(Frame("c", 1, SIZE, (), frozenset({Kind.PERSON})))


def test_a_mask_that_has_no_place_on_a_surface_is_an_error() -> None:
    watch = NativeHeadWatch(reader(), margin=0.25, hold_ms=800)
    face = Detection(Kind.FACE, "x", 0.9, Box(1e300, 0, 1e300, 5))
    masks = native_masks(watch, Frame("c", 1, SIZE, (face,), NEEDED))
    with pytest.raises(MetaError, match="without an end"):
        list(masks.covers((1, 1), (2**30, 2**30), opaque=False))
