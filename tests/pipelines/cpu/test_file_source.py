"""Files, folders of pictures and devices as cameras."""

import os
import random

import cv2
import numpy as np
import pytest

from pipelines.cameras.source import SourceSpec
from pipelines.cameras.states import CameraState, Cause
from pipelines.cpu.source import open_source
from tests.fakes.video_file import write_video


def test_a_file_is_a_camera_that_ends(watch, tmp_path):
    path = write_video(tmp_path / "x.mp4", frames=15)
    supervisor, ear = watch(str(path))
    ear.until_state(CameraState.STOPPED, Cause.ENDED)
    assert ear.frames["c"] >= 14
    assert ear.times[-1] - ear.times[0] > 1_000_000_000  # at its own rate, not as fast as it can
    assert supervisor.status().connects == 1


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_loops_without_a_new_connection(watch, tmp_path, kind):
    path = write_video(tmp_path / "x.mp4", frames=5) if kind == "file" else tmp_path
    cv2.imwrite(str(tmp_path / "x.png"), np.zeros((48, 64, 3), np.uint8))
    supervisor, ear = watch(str(path), loop=True)
    ear.until_more("c", 13)
    assert supervisor.status().connects == 1
    assert ear.states[-1][1] is CameraState.LIVE


@pytest.mark.parametrize("how", ["replaced", "grown"])
def test_a_looping_film_that_changed_on_disk_is_opened_anew_at_its_end(watch, tmp_path, how):
    path = write_video(tmp_path / "x.ts", frames=5, mux="mpegtsmux")
    supervisor, ear = watch(str(path), loop=True)
    ear.until_more("c", 7)
    assert supervisor.status().connects == 1
    other = write_video(tmp_path / "other.ts", frames=5, size=(160, 120), mux="mpegtsmux")
    if how == "replaced":
        other.replace(path)
    else:
        with path.open("ab") as file:
            file.write(other.read_bytes())
    ear.until(lambda: ear.connects == [("c", "ok")] * 2)
    ear.until(lambda: how == "grown" or ear.last["c"].pixels.width == 160)
    ear.until_more("c", 13)
    assert supervisor.status().connects == 2
    assert {state for _, state, _ in ear.states} == {CameraState.CONNECTING, CameraState.LIVE}


def test_garbage_is_a_typed_cause(watch, tmp_path):
    (tmp_path / "x.mp4").write_bytes(random.Random(1).randbytes(50_000))
    _, ear = watch(str(tmp_path / "x.mp4"))
    ear.until_state(CameraState.BACKOFF, Cause.FILE)
    os.mkfifo(tmp_path / "pipe.mp4")  # opening it waits for who writes into it
    _, ear = watch(str(tmp_path / "pipe.mp4"))
    ear.until_state(CameraState.BACKOFF, Cause.FILE)
    _, ear = watch("/dev/video99")
    ear.until_state(CameraState.BACKOFF, Cause.DEVICE)


@pytest.mark.parametrize(("degrees", "corner"), [(0, (0, 0)), (90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_a_turned_camera_gives_upright_pictures(tmp_path, degrees, corner):
    sheet = np.full((40, 60, 3), 40, np.uint8)
    sheet[:10, :10] = 220
    cv2.imwrite(str(tmp_path / "a.png"), sheet)
    source = open_source(SourceSpec("c", str(tmp_path), fps=60, rotate=degrees))
    for _ in range(100):
        if source.wait(1):
            break
    picture = source.take()
    source.close()
    assert (picture.width, picture.height) == ((60, 40) if degrees in (0, 180) else (40, 60))
    assert picture.y[corner] > 150
    assert sum(int(picture.y[y, x]) > 150 for y in (0, -1) for x in (0, -1)) == 1
