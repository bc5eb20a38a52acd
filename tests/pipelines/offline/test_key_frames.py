"""Which frames of a video are analysed."""

from __future__ import annotations

import numpy as np
import pytest

from engines.image import I420
from pipelines.offline.key_frames import KeyFrames
from probes.frame import Frame

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


def test_what_waits_is_analysed_where_the_next_frame_comes_late_and_after_a_failure() -> None:
    chosen, found = KeyFrames(200 * MS), []
    for between, at, pixels in chosen.groups((ms * MS, STILL) for ms in (0, 40, 80, 900, 940)):
        found.append((at // MS, len(between)))
        if at != 900 * MS:
            chosen.add(Frame("film", at, (320, 240)), pixels)
    assert found == [(0, 0), (80, 1), (900, 0), (940, 0)]
    assert np.array_equal(STILL.y, I420.black(320, 240).y)
