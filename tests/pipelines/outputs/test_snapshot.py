from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from pipelines.outputs.jpeg import encode_jpeg
from pipelines.outputs.snapshot import SnapshotOutput
from tests.fakes.redacted import plain
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, camera: str = "entrance") -> list[str]:
    return sorted(path.name for path in folder.glob(f"{camera}/*.jpg"))


def level(jpeg: bytes) -> float:
    return float(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).mean())


def test_a_picture_is_what_was_published(tmp_path: Path) -> None:
    output = SnapshotOutput(tmp_path)
    output.add_camera("entrance")
    output.publish(plain(captured_at=2, luma=126))
    wait_for(lambda: written(tmp_path))
    jpeg = (tmp_path / "entrance" / written(tmp_path)[0]).read_bytes()
    assert jpeg[:2] == b"\xff\xd8"
    assert level(jpeg) == pytest.approx((126 - 16) * 255 / 219, abs=3)
    output.close()


def test_cameras_are_apart_and_unknown_ones_are_not_written(tmp_path: Path) -> None:
    output = SnapshotOutput(tmp_path)
    for camera in ("entrance", "till"):
        output.add_camera(camera)
    assert not output.wanted("nowhere")
    for camera in ("entrance", "till", "nowhere"):
        output.publish(plain(camera=camera))
    wait_for(lambda: written(tmp_path) and written(tmp_path, "till"))
    output.remove_camera("till")
    assert not output.wanted("till")
    output.add_camera("till")
    assert output.wanted("till")
    output.close()
    assert not written(tmp_path, "nowhere")


def test_files_come_at_the_interval_and_are_bounded(tmp_path: Path) -> None:
    now = [0.0]
    output = SnapshotOutput(tmp_path, interval_s=10, max_mb=1, clock=lambda: now[0])
    output.add_camera("entrance")
    for step in range(5):
        now[0] = step * 5.0
        wanted = output.wanted("entrance")
        assert wanted == (step % 2 == 0)
        output.publish(plain(captured_at=step * 1_000_000_000))
        wait_for(lambda files=step // 2 + 1: len(written(tmp_path)) == files)
    assert len(written(tmp_path)) == 3
    output._max_bytes = 1
    now[0] = 100.0
    output.publish(plain(captured_at=10**12))
    wait_for(lambda: not list(tmp_path.glob("entrance/*")))
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
    wait_for(lambda: len(read) > 20)
    stop.set()
    thread.join(120)
    output.close()
    assert not bad
    assert not list(tmp_path.glob("entrance/*.part"))


def test_a_frame_that_waits_gives_way_to_a_newer_one(tmp_path: Path) -> None:
    output = SnapshotOutput(tmp_path, interval_s=0)
    output.add_camera("entrance")
    for number in range(1, 20):
        output.publish(plain(1920, 1080, captured_at=number * 1_000_000_000))
    wait_for(lambda: written(tmp_path)[-1:] == ["19700101T000019000Z.jpg"])
    wait_for(lambda: output.dropped + len(written(tmp_path)) == 19)
    output.close()


def test_a_change_of_masks_drops_what_waits_and_has_the_next_picture_taken(
    tmp_path: Path, monkeypatch
) -> None:
    output, go = SnapshotOutput(tmp_path), threading.Event()
    write = output._thread._work
    monkeypatch.setattr(output._thread, "_work", lambda frame: go.wait(300) and write(frame))
    for camera in ("entrance", "till"):
        output.add_camera(camera)
    output.publish(plain(camera="till", captured_at=1_000_000_000))
    wait_for(lambda: not output._thread.frames.waits("till"))  # a disk that takes long
    old = plain(captured_at=2_000_000_000)
    output.publish(old)
    old.masked_by.replace()
    output.forget_pictures("entrance")
    assert output.wanted("entrance")
    assert not output.wanted("till")
    go.set()
    wait_for(lambda: output.dropped == 1)
    output.publish(plain(captured_at=3_000_000_000))
    wait_for(lambda: written(tmp_path) == ["19700101T000003000Z.jpg"] and written(tmp_path, "till"))
    output.close()


def test_a_picture_under_encoding_is_not_written_once_masks_have_changed(tmp_path: Path, monkeypatch) -> None:
    output, old = SnapshotOutput(tmp_path), plain(captured_at=1_000_000_000)

    def slow(pixels, quality):
        if pixels is old.pixels:
            old.masked_by.replace()
        return encode_jpeg(pixels, quality)

    monkeypatch.setattr("pipelines.outputs.snapshot.encode_jpeg", slow)
    output.write(old)
    output.write(plain(captured_at=2_000_000_000))
    assert written(tmp_path) == ["19700101T000002000Z.jpg"]
    output.close()


def test_a_disk_that_refuses_is_logged_once_and_tried_again(tmp_path: Path, caplog) -> None:
    (tmp_path / "entrance").write_text("in the way")
    output = SnapshotOutput(tmp_path, interval_s=0.0)
    output.add_camera("entrance")
    for number in (1, 2):
        output.publish(plain(captured_at=number))
        wait_for(lambda: "cannot be written" in caplog.text)
    (tmp_path / "entrance").unlink()
    wait_for(lambda: output.publish(plain(captured_at=3)) or written(tmp_path))
    output.close()
    assert caplog.text.count("snapshots cannot be written") == 1


def test_a_camera_that_fails_beside_one_that_works_is_logged_once_by_its_name(tmp_path: Path, caplog) -> None:
    """It "could not be written" and was "written again" by turns, with each picture of the other camera."""
    caplog.set_level(logging.INFO)
    (tmp_path / "entrance").write_text("in the way")
    output = SnapshotOutput(tmp_path, interval_s=0.0)
    tried, fail = [], output._thread._outages.fail
    output._thread._outages.fail = lambda *what: tried.append(what) or fail(*what)
    for camera in ("entrance", "till"):
        output.add_camera(camera)
    for number in (1, 2, 3):
        output.publish(plain(captured_at=number * 1_000_000_000))
        output.publish(plain(captured_at=number * 1_000_000_000, camera="till"))
        wait_for(lambda number=number: len(tried) == len(written(tmp_path, "till")) == number)
    (tmp_path / "entrance").unlink()
    output.publish(plain(captured_at=4_000_000_000))
    wait_for(lambda: len(caplog.messages) > 1)
    output.close()
    failed, again = caplog.messages
    assert failed.startswith("snapshots cannot be written (camera entrance: ")
    assert again == "snapshots are written again (camera entrance)"


def test_only_redacted_frames_are_taken(tmp_path: Path) -> None:
    output = SnapshotOutput(tmp_path)
    with pytest.raises(TypeError, match="redacted"):
        output.publish(plain().pixels)  # type: ignore[arg-type]  # that is the test
    output.close()


def test_it_closes_from_any_state_and_twice(tmp_path: Path) -> None:
    output = SnapshotOutput(tmp_path)
    output.add_camera("entrance")
    output.publish(plain())
    output.close()
    output.close()
    assert not output.wanted("entrance")
    output.publish(plain())
    assert not output._thread.is_alive()
