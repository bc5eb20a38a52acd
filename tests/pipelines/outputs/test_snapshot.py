from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from pipelines.outputs.snapshot import SnapshotOutput
from tests.fakes.redacted import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def until(condition: Callable[[], bool], timeout_s: float = 60) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


@pytest.fixture
def memory() -> Iterator[SnapshotOutput]:
    output = SnapshotOutput()
    output.add_camera("entrance")
    yield output
    output.close()


def level(jpeg: bytes) -> float:
    return float(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).mean())


def test_nothing_is_encoded_until_asked_and_then_once(memory: SnapshotOutput) -> None:
    assert not memory.wanted("entrance")
    memory.publish(plain(captured_at=1))
    assert memory.latest("entrance") is None
    assert memory.wanted("entrance")
    memory.publish(plain(captured_at=2, luma=126))
    assert until(lambda: "entrance" in memory._latest)
    assert not memory.wanted("entrance")
    shown = memory.latest("entrance")
    assert shown is not None
    assert shown.captured_at == 2
    assert shown.jpeg[:2] == b"\xff\xd8"
    assert level(shown.jpeg) == pytest.approx((126 - 16) * 255 / 219, abs=3)
    memory.publish(plain(captured_at=3))
    assert until(lambda: memory._latest["entrance"].captured_at == 3)


def test_cameras_are_apart_and_unknown_ones_are_not_kept(memory: SnapshotOutput) -> None:
    memory.add_camera("till")
    assert memory.latest("nowhere") is None
    assert not memory.wanted("nowhere")
    memory.latest("entrance")
    memory.latest("till")
    memory.publish(plain(camera="entrance", captured_at=5))
    memory.publish(plain(camera="till", captured_at=6))
    memory.publish(plain(camera="nowhere", captured_at=7))
    assert until(lambda: len(memory._latest) == 2)
    assert {name: shot.captured_at for name, shot in memory._latest.items()} == {"entrance": 5, "till": 6}
    memory.remove_camera("till")
    assert memory.latest("till") is None
    memory.publish(plain(camera="till"))
    assert not memory.wanted("till")


def test_files_come_at_the_interval_and_are_bounded(tmp_path: Path) -> None:
    now = [0.0]
    output = SnapshotOutput(tmp_path, interval_s=10, max_mb=1, clock=lambda: now[0])
    output.add_camera("entrance")
    for step in range(5):
        now[0] = step * 5.0
        wanted = output.wanted("entrance")
        assert wanted == (step % 2 == 0)
        output.publish(plain(captured_at=step * 1_000_000_000))
        assert until(lambda: not output.wanted("entrance"))
    assert until(lambda: len(list(tmp_path.glob("entrance/*.jpg"))) == 3)
    output._most_bytes = 1
    now[0] = 100.0
    output.publish(plain(captured_at=10**12))
    assert until(lambda: not list(tmp_path.glob("entrance/*")))
    output.close()


def test_a_reader_never_finds_half_a_file(tmp_path: Path) -> None:
    output = SnapshotOutput(tmp_path, interval_s=0.0, quality=95)
    output.add_camera("entrance")
    read, bad, stop = [], [], threading.Event()

    def reader() -> None:
        while not stop.is_set():
            for path in tmp_path.glob("entrance/*.jpg"):
                data = path.read_bytes()
                (read if data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9" else bad).append(path.name)

    thread = threading.Thread(target=reader, daemon=True)
    thread.start()
    for number in range(40):
        output.publish(plain(640, 480, captured_at=number * 1_000_000_000))
        time.sleep(0.005)
    assert until(lambda: len(read) > 20)
    stop.set()
    thread.join(5)
    output.close()
    assert not bad
    assert not list(tmp_path.glob("entrance/*.part"))


def test_a_frame_that_waits_gives_way_to_a_newer_one(memory: SnapshotOutput) -> None:
    memory.latest("entrance")
    big = [plain(1920, 1080, captured_at=n) for n in range(1, 20)]
    for frame in big:
        memory.latest("entrance")
        memory.publish(frame)
    assert until(lambda: "entrance" in memory._latest and not memory._waiting)
    assert until(lambda: memory._latest["entrance"].captured_at == 19)
    assert memory.dropped > 0


def test_a_disk_that_refuses_does_not_stop_pictures_for_the_page(tmp_path: Path) -> None:
    (tmp_path / "entrance").write_text("in the way")
    output = SnapshotOutput(tmp_path, interval_s=0.0)
    output.add_camera("entrance")
    for number in (1, 2):
        output.publish(plain(captured_at=number))
        assert until(
            lambda n=number: "entrance" in output._latest and output._latest["entrance"].captured_at == n
        )
    output.close()


def test_only_redacted_frames_are_taken(memory: SnapshotOutput) -> None:
    with pytest.raises(TypeError, match="redacted"):
        memory.publish(plain().pixels)  # type: ignore[arg-type]  # that is the test


def test_it_closes_from_any_state_and_twice(tmp_path: Path) -> None:
    output = SnapshotOutput(tmp_path)
    output.add_camera("entrance")
    output.publish(plain())
    output.close()
    output.close()
    assert not output.wanted("entrance")
    assert output.latest("till") is None
    output.publish(plain())
    assert not output._thread.is_alive()
