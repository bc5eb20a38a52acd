"""The queue between the streaming thread and the floor."""

from __future__ import annotations

import threading

from probes.nvds.frame_queue import FrameQueue, ProbedFrame
from probes.redaction.masked_by import MaskedBy
from tests.fakes.people import START, frame, track


def probed(number: int, ended: list[int] | None = None, camera: str = "handbags") -> ProbedFrame:
    return ProbedFrame(frame(number, camera=camera), MaskedBy(), [track(n, camera) for n in ended or []])


def test_when_the_handoff_is_full_the_oldest_goes_but_no_end_is_lost() -> None:
    dropped: list[str] = []
    frame_queue = FrameQueue(dropped.append, waiting=2)
    for number in range(4):
        frame_queue.put([probed(number, [number])])
    taken = frame_queue.take(1)
    assert dropped == ["handbags", "handbags"]
    assert [s.frame.captured_at - START for s in taken] == [2_000_000_000, 3_000_000_000]
    assert [[t.number for t in s.ended] for s in taken] == [[0, 1, 2], [3]]


def test_a_batch_that_is_larger_than_the_room_loses_its_oldest_frames_and_no_end() -> None:
    dropped: list[str] = []
    frame_queue = FrameQueue(dropped.append, waiting=2)
    frame_queue.put([probed(number, [number], camera=f"c{number % 2}") for number in range(5)])
    assert dropped == ["c0", "c1", "c0"]
    assert [[t.number for t in s.ended] for s in frame_queue.take(1)] == [[1, 3], [0, 2, 4]]


def test_an_end_waits_for_the_next_frame_of_its_own_camera() -> None:
    frame_queue = FrameQueue(lambda _camera: None, waiting=1)
    frame_queue.put([probed(0, [7])])
    frame_queue.put([probed(1, camera="door")])
    assert [s.ended for s in frame_queue.take(1)] == [[]]
    frame_queue.put([probed(2)])
    assert [[t.number for t in s.ended] for s in frame_queue.take(1)] == [[7]]


def test_an_end_in_a_dropped_frame_is_told_where_no_frame_of_its_camera_comes_any_more() -> None:
    frame_queue = FrameQueue(lambda _camera: None, waiting=1)
    frame_queue.put([probed(0, [7]), probed(1, camera="door")])
    frame_queue.take(1)
    assert [t.number for t in frame_queue.ended("handbags")] == [7]
    assert frame_queue.ended("handbags") == []
    frame_queue.put([probed(2)])
    assert [s.ended for s in frame_queue.take(1)] == [[]]


def test_closing_wakes_who_waits() -> None:
    frame_queue = FrameQueue(lambda _camera: None)
    taken: list[list[ProbedFrame]] = []
    thread = threading.Thread(target=lambda: taken.append(frame_queue.take(60)), daemon=True)
    thread.start()
    frame_queue.close()
    thread.join(120)
    assert taken == [[]]
