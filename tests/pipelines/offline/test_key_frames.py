"""Which frames of a video are analysed."""

from __future__ import annotations

import numpy as np
import pytest

from engines.image import I420
from pipelines.offline import key_frames
from pipelines.offline.key_frames import FRAMES_IN_A_ROW, KeyFrames
from probes.frame import Box, Detection, Frame, Kind, TrackId

STILL = I420.black(320, 240)
MS = 1_000_000


def picture(step: int, moves_at: int | None) -> I420:
    shown = STILL.copy()
    if moves_at is not None and step >= moves_at:
        shown.y[100:180, 40 : 40 + 8 * step] = 200
    return shown


@pytest.mark.parametrize(
    ("every_ms", "step_ms", "moves_at", "keys"),
    [
        (200, 40, None, [0, 5, 10, 11]),
        (200, 100, None, [0, 2, 4, 6, 8, 10, 11]),
        (200, 300, None, [*range(12)]),
        (0, 40, None, [*range(12)]),
        (200, 40, 7, [0, 5, 7, 8, 9, 10, 11]),
    ],
    ids=["25 a second", "10 a second", "3 a second", "each", "somebody comes"],
)
def test_key_frames(every_ms: int, step_ms: int, moves_at: int | None, keys: list[int]) -> None:
    frames = [(step * step_ms * MS, picture(step, moves_at)) for step in range(12)]
    chosen = KeyFrames(every_ms * MS)
    found, times = [], []
    for between, at, pixels in chosen.groups(iter(frames)):
        found.append(at // step_ms // MS)
        times += [*(then for then, _ in between), at]
        chosen.add(Frame("film", at, (320, 240)), pixels)
    assert found == keys
    assert times == [at for at, _ in frames], "each frame is in one group, in order"


@pytest.mark.parametrize(
    ("track", "score", "dense"),
    [(None, 0.6, FRAMES_IN_A_ROW), (None, 0.45, 0), (TrackId("film", "k7f3", 1), 0.6, 0)],
    ids=["somebody new", "unsure", "followed"],
)
def test_frames_follow_each_other_until_somebody_new_is_followed(
    track: TrackId | None, score: float, dense: int
) -> None:
    chosen, found = KeyFrames(200 * MS), []
    for _, at, pixels in chosen.groups((step * 100 * MS, STILL) for step in range(20)):
        found.append(at // MS // 100)
        seen = Detection(Kind.PERSON, "person", score, Box(100 + 2 * found[-1], 80, 60, 120), track)
        chosen.add(Frame("film", at, (320, 240), (seen,)), pixels)
    assert found == [*range(dense), *range(dense, 19, 2), 19][: len(found)]
    assert found[-1] == 19
    other = Detection(Kind.PERSON, "person", 0.6, Box(10, 80, 30, 60))
    chosen.add(Frame("film", 2000 * MS, (320, 240), (other,)), STILL)
    assert not chosen._is_between(2100 * MS, STILL), "somebody else is new"


def test_no_more_wait_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_frames, "MAX_BYTES", 2 * STILL.y.nbytes)
    chosen, waited = KeyFrames(200 * MS), []
    for between, at, pixels in chosen.groups((ms * MS, STILL) for ms in range(0, 120, 10)):
        waited.append(len(between))
        chosen.add(Frame("film", at, (320, 240)), pixels)
    assert waited == [0, 2, 2, 2, 1]


def test_what_waits_is_analysed_where_the_next_frame_comes_late_and_after_a_failure() -> None:
    chosen, found = KeyFrames(200 * MS), []
    for between, at, pixels in chosen.groups((ms * MS, STILL) for ms in (0, 40, 80, 900, 940)):
        found.append((at // MS, len(between)))
        if at != 900 * MS:
            chosen.add(Frame("film", at, (320, 240)), pixels)
    assert found == [(0, 0), (80, 1), (900, 0), (940, 0)]
    assert np.array_equal(STILL.y, I420.black(320, 240).y)
