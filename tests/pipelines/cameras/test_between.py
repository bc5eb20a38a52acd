"""Frames that wait to be shown between two analysed ones."""

from __future__ import annotations

from engines.image import I420
from pipelines.cameras.between import MAX_BYTES, FramesBetween
from pipelines.cameras.source import RawFrame


def raw(camera: str, at: int) -> RawFrame:
    return RawFrame(camera, at, I420.black(64, 64), wanted=False)


def test_they_come_in_order_those_before_a_time_and_of_one_camera() -> None:
    dropped: list[tuple[str, str]] = []
    waiting = FramesBetween(lambda camera, reason: dropped.append((camera, reason)))
    for at in (2, 1, 3):
        waiting.put(raw("door", at), "rate")
    waiting.put(raw("till", 1), "superseded")
    assert len(waiting) == 4
    assert [one.captured_at for one, _ in waiting.take("door", before=3)] == [1, 2]
    waiting.remove("door")
    waiting.drop(waiting.take("till", before=2))
    assert dropped == [("door", "rate"), ("till", "superseded")]
    assert not len(waiting)


def test_what_waits_of_a_camera_is_bounded_and_the_oldest_goes() -> None:
    dropped: list[str] = []
    waiting = FramesBetween(lambda camera, _: dropped.append(camera))
    fit = MAX_BYTES // (64 * 64 * 3 // 2)
    for at in range(fit + 3):
        waiting.put(raw("door", at), "rate")
    assert dropped == ["door"] * 3
    assert [one.captured_at for one, _ in waiting.take("door", before=5)] == [3, 4]
