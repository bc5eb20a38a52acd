"""Frames that no detector saw: no head comes open in them, and in doubt none of them leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from engines.held_motion import HeldMotion
from engines.image import I420
from probes.frame import Box, Kind, TrackId
from probes.redaction.redact import RedactionFailed, Redactor
from tests.fakes.scenes import face, frame, person
from tests.probes.redaction.test_faults import body_of, open_share, walk

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 1280, 720
GREY = np.full((360, 640), 128, np.uint8)
ANN = TrackId("entrance", "k7f3", 1)


def cloth(high: int, wide: int, low: int, seed: int) -> np.ndarray:
    """Return luma that is soft, as a camera's is, and nowhere plain."""
    coarse = (
        np.random.default_rng(seed).integers(low, low + 90, (high // 6 + 2, wide // 6 + 2)).astype(np.uint8)
    )
    return np.asarray(cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC))


ROOM = cloth(720, 1280, 50, 1)


def picture(*things: tuple[Box, int]) -> I420:
    """Return a room with things in it, each of its own cloth."""
    luma = ROOM.copy()
    for box, seed in things:
        left, top, right, bottom = (int(side) for side in (box.x, box.y, box.right, box.bottom))
        inside = (slice(max(0, top), max(0, bottom)), slice(max(0, left), max(0, right)))
        shown = cloth(bottom - top, right - left, 130, seed)[max(0, -top) :, max(0, -left) :]
        high, wide = luma[inside].shape
        luma[inside] = shown[:high, :wide]
    return I420(luma, GREY.copy(), GREY.copy())


def redactor() -> Redactor:
    return Redactor(method="solid", margin=0.25, hold_ms=800, motion=HeldMotion())


def is_in_view(box: Box) -> bool:
    return box.x >= 0 and box.y >= 0 and box.right <= SIZE[0] and box.bottom <= SIZE[1]


@pytest.mark.parametrize(("fps", "step"), [(30, 6), (15, 3), (10, 2), (10, 4)])
def test_no_fault_of_a_detector_opens_a_head_between(fps: float, step: int) -> None:
    covered = 0
    for seed in range(8):
        covers, waiting = redactor(), []
        for number, (known, head, _) in enumerate(walk(seed, fps)):
            shown = picture((body_of(seed, known.captured_at), seed), (head, seed + 100))
            if number % step:
                covers.watch_between(known.captured_at, shown)
                waiting.append((known.captured_at, head, shown))
                continue
            covers.redact(known, shown)
            for at, place, pixels in waiting:
                try:
                    redacted = covers.redact_between(at, pixels)
                except RedactionFailed:
                    continue
                covered += 1
                assert not is_in_view(place) or open_share(place, redacted.masks) <= 0.05, (seed, number)
            waiting = []
    assert covered > 90


def test_who_is_in_both_frames_is_shown_where_they_are_and_nobody_else() -> None:
    covers = redactor()
    for ms, x in ((0, 300), (200, 360)):
        seen = person(x, 200, 80, 240, ANN), person(900, 200, 80, 240), face(x + 20, 210, 40, 50)
        covers.redact(frame(*seen, ms=ms, size=SIZE), picture())
    done = covers.redact_between(frame(ms=50).captured_at, picture())
    assert [(seen.kind, seen.box.x, seen.track) for seen in done.frame.detections] == [
        (Kind.PERSON, 315, ANN)
    ]
    assert done.frame.captured_at == frame(ms=50).captured_at
    assert done.masked["hold"] > 0


def fails(covers: Redactor) -> None:
    with pytest.raises(RedactionFailed):
        covers.redact(frame(ms=250, size=(640, 360)), picture())


SOMEBODY = picture((Box(600, 300, 60, 160), 7))


@pytest.mark.parametrize(
    ("times", "at", "shown", "then"),
    [
        ([0], 0, picture(), None),
        ([0, 200], 201, picture(), None),
        ([100, 300], 99, picture(), None),
        ([0, 501], 200, picture(), None),
        ([0, 200], 100, SOMEBODY, None),
        ([0, 200], 100, I420.black(640, 360), None),
        ([0, 200], 100, picture(), fails),
        (
            [0, 200],
            100,
            picture(),
            lambda covers: covers.reconfigure(method="solid", margin=0.5, hold_ms=800, masks=()),
        ),
    ],
    ids=["one frame", "later", "earlier", "too far apart", "somebody", "size", "withheld", "other settings"],
)
def test_in_doubt_it_does_not_leave(
    times: list[int], at: int, shown: I420, then: Callable[[Redactor], None] | None
) -> None:
    covers = redactor()
    for ms in times:
        covers.redact(frame(ms=ms, size=SIZE), picture())
    if then is not None:
        then(covers)
    pixels = shown.copy()
    with pytest.raises(RedactionFailed):
        covers.redact_between(frame(ms=at).captured_at, pixels)
    assert (pixels.y == 16).all(), "nothing of it is left"


def test_somebody_may_be_as_in_either_frame() -> None:
    covers = redactor()
    covers.redact(frame(size=SIZE), picture())
    covers.redact(frame(person(600, 300, 60, 160), ms=200, size=SIZE), SOMEBODY.copy())
    assert covers.redact_between(frame(ms=100).captured_at, SOMEBODY.copy()).masks
