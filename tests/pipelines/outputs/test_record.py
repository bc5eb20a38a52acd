from __future__ import annotations

import shutil
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from engines.paths import ROOT
from pipelines.outputs.disk import OutputFailed, stamp, trim, write_whole
from pipelines.outputs.record import VideoRecorder
from tests.fakes.redacted import plain
from tests.pipelines.outputs.test_mp4 import times
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffprobe (apt: ffmpeg)")
START = 1_800_000_000 * 1_000_000_000


def record(recorder: VideoRecorder, offsets_ms: list[int], camera: str = "entrance", width: int = 64) -> None:
    """Publish frames as fast as the recorder takes them, without loss."""
    tape = recorder._tapes[camera]
    for ms in offsets_ms:
        wait_for(lambda: tape._frames.qsize() < 2)
        recorder.publish(plain(width, camera=camera, captured_at=START + ms * 1_000_000))
    wait_for(tape._frames.empty)


def test_segments_have_the_frames_at_their_times(tmp_path: Path) -> None:
    recorder = VideoRecorder(tmp_path, segment_s=2)
    recorder.add_camera("entrance")
    record(recorder, list(range(0, 5000, 100)))
    recorder.close()
    files = sorted((tmp_path / "entrance").iterdir())
    assert [f.name for f in files] == [
        "20270115T080000000Z.mp4",
        "20270115T080002000Z.mp4",
        "20270115T080004000Z.mp4",
    ]
    shown = [times(f) for f in files]
    assert [len(s) for s in shown] == [20, 20, 10]
    assert shown[0] == pytest.approx([n / 10 for n in range(20)], abs=1e-4)


@pytest.mark.parametrize(
    ("offsets", "counts"),
    [
        ([0, 100, 60_000, 60_100], [2, 2]),
        ([0, 100, -3_600_000, -3_599_900], [2, 2]),
        ([0, 100, 100, 200], [3]),
    ],
    ids=["gap", "clock set back", "same frame twice"],
)
def test_gaps_and_clock_changes_begin_a_new_file(
    tmp_path: Path, offsets: list[int], counts: list[int]
) -> None:
    recorder = VideoRecorder(tmp_path)
    recorder.add_camera("entrance")
    record(recorder, offsets)
    recorder.close()
    assert [len(times(f)) for f in sorted((tmp_path / "entrance").iterdir())] == counts


def test_a_new_size_begins_a_new_file(tmp_path: Path) -> None:
    recorder = VideoRecorder(tmp_path)
    recorder.add_camera("entrance")
    record(recorder, [0, 100])
    record(recorder, [200, 300], width=128)
    recorder.close()
    assert [len(times(f)) for f in sorted((tmp_path / "entrance").iterdir())] == [2, 2]


def test_only_cameras_that_were_added_are_recorded(tmp_path: Path) -> None:
    recorder = VideoRecorder(tmp_path)
    recorder.add_camera("entrance")
    recorder.publish(plain(camera="till"))
    assert recorder.wanted("entrance")
    assert not recorder.wanted("till")
    record(recorder, [0, 100])
    recorder.remove_camera("entrance")
    assert not recorder.wanted("entrance")
    assert [len(times(f)) for f in tmp_path.glob("*/*")] == [2]
    recorder.close()
    recorder.close()
    with pytest.raises(TypeError, match="redacted"):
        recorder.publish(plain().pixels)  # type: ignore[arg-type]  # that is the test


def test_publish_drops_and_counts_when_the_encoder_is_behind(tmp_path: Path) -> None:
    recorder = VideoRecorder(tmp_path)
    recorder.add_camera("entrance")
    frames = [plain(1280, 720, captured_at=START + n * 100_000_000) for n in range(40)]
    before = time.thread_time()
    for frame in frames:
        recorder.publish(frame)
    assert time.thread_time() - before < 1  # of this thread's own work: no encoder runs in it
    dropped = recorder.dropped("entrance")
    recorder.close()
    assert dropped > 0
    assert sum(len(times(f)) for f in tmp_path.glob("*/*.mp4")) == 40 - dropped


def test_the_bound_deletes_the_oldest_of_all_cameras_and_never_an_unfinished_one(tmp_path: Path) -> None:
    for camera, names in {"a": ["1.mp4", "3.mp4"], "b": ["2.mp4", "4.mp4", "0.mp4.part"]}.items():
        for name in names:
            write_whole(tmp_path / camera / name, bytes(100))
    assert trim(tmp_path, ".mp4", 300, now=START) == 2
    assert sorted(p.name for p in tmp_path.glob("*/*")) == ["0.mp4.part", "3.mp4", "4.mp4"]
    assert trim(tmp_path, ".mp4", 0, now=START) == 2
    assert trim(tmp_path, ".mp4", 0, now=START) == 0


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("2026-11-30", ["20261129T080000000Z.mp4", "20261130T080000000Z.mp4"]),
        ("1970-01-01", ["19700101T080000000Z.mp4", "20991231T080000000Z.mp4"]),
    ],
)
def test_what_a_clock_that_ran_ahead_has_named_makes_room_first(
    tmp_path: Path, now: str, left: list[str]
) -> None:
    """Once those of 2099 fill the bound, each new recording would be deleted as soon as it is whole."""
    for day in ("19700101", "20261129", "20261130", "20991230", "20991231"):
        write_whole(tmp_path / "entrance" / f"{day}T080000000Z.mp4", bytes(100))
    at = int(datetime.fromisoformat(f"{now}T08:05+00:00").timestamp())
    assert trim(tmp_path, ".mp4", 200, now=at * 1_000_000_000) == 3
    assert sorted(path.name for path in tmp_path.glob("*/*")) == left


def test_old_segments_make_room_for_new_ones(tmp_path: Path) -> None:
    old = tmp_path / "entrance" / "20200101T000000000Z.mp4"
    write_whole(old, bytes(2_000_000))
    recorder = VideoRecorder(tmp_path, max_mb=1)
    recorder.add_camera("entrance")
    record(recorder, [0, 100])
    recorder.close()
    assert not old.exists()
    assert len(list(tmp_path.glob("*/*.mp4"))) == 1


def test_a_file_that_cannot_be_deleted_ends_no_recording_and_costs_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = tmp_path / "kept" / "20200101T000000000Z.mp4"
    write_whole(stuck, bytes(2_000_000))
    unlink = type(stuck).unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path == stuck:
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(type(stuck), "unlink", refused)
    recorder = VideoRecorder(tmp_path, max_mb=1)
    recorder.add_camera("entrance")
    record(recorder, [0, 100, 60_000, 60_100])
    recorder.close()
    assert stuck.exists()
    assert [len(times(f)) for f in (tmp_path / "entrance").iterdir()] == [2, 2]


KILLED = """
import sys, time
from pathlib import Path
from pipelines.outputs.record import VideoRecorder
from tests.fakes.redacted import plain
recorder = VideoRecorder(Path(sys.argv[1]), segment_s=2)
recorder.add_camera("entrance")
n = 0
while True:
    recorder.publish(plain(captured_at=1_800_000_000_000_000_000 + n * 100_000_000))
    n += 1
    time.sleep(0.01)
"""


def test_after_kill_9_all_files_play_and_the_last_one_gets_its_name_at_the_next_start(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)])

    def begun() -> list[Path]:
        """Unfinished files with a picture; one may get its name meanwhile."""
        found = []
        for part in tmp_path.glob("*/*.part"):
            with suppress(FileNotFoundError):
                found += [part] if b"moof" in part.read_bytes() else []
        return found

    try:
        wait_for(lambda: len(list(tmp_path.glob("*/*.mp4"))) >= 2 and begun())
    finally:
        process.kill()
        process.wait()
    finished = list(tmp_path.glob("*/*.mp4"))
    # A busy machine drops frames on the way to the encoder; what was written must play.
    assert all(1 <= len(times(path)) <= 20 for path in finished)
    left = begun()  # where it was killed between two files, none is
    recorder = VideoRecorder(tmp_path)
    recorder.add_camera("entrance")
    recorder.close()
    assert not list(tmp_path.glob("*/*.part"))
    for part in left:
        assert times(part.with_suffix(""))


def test_what_a_camera_left_unfinished_that_the_store_has_no_more_gets_its_name_at_the_next_start(
    tmp_path: Path,
) -> None:
    (tmp_path / "gone").mkdir()
    for name, content in (("1.mp4.part", b"....moof...."), ("2.mp4.part", b"")):
        (tmp_path / "gone" / name).write_bytes(content)
    recorder = VideoRecorder(tmp_path)
    recorder.add_camera("entrance")
    recorder.close()
    assert [path.name for path in (tmp_path / "gone").iterdir()] == ["1.mp4"]


def test_what_another_store_writes_into_the_same_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    with (tmp_path / "theirs" / "1.mp4.part").open("wb") as file:
        VideoRecorder(tmp_path).close()
        assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["1.mp4.part"]
        file.write(b"....moof....")
    VideoRecorder(tmp_path).close()
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["1.mp4"]


OPENED_MEANWHILE = """
import fcntl, os, sys
from pathlib import Path
from pipelines.outputs.record import recover

ask, folder = fcntl.fcntl, Path(sys.argv[1])

def asked(file, command, *more):
    answer = ask(file, command, *more)
    if (command, *more) == (fcntl.F_SETLEASE, fcntl.F_RDLCK):
        try:
            os.open(folder / "1.mp4.part", os.O_WRONLY | os.O_NONBLOCK)
        except BlockingIOError:
            print("the lease was broken")
    return answer

fcntl.fcntl = asked
recover(folder)
"""


def test_who_opens_an_unfinished_file_while_it_is_looked_at_does_not_end_the_store(tmp_path: Path) -> None:
    (tmp_path / "1.mp4.part").write_bytes(b"moof")
    command = [sys.executable, "-c", OPENED_MEANWHILE, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "the lease was broken\n"), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["1.mp4"]


def test_a_camera_that_is_taken_out_while_the_disk_refuses_leaves_no_unfinished_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = VideoRecorder(tmp_path)
    recorder.add_camera("entrance")
    record(recorder, list(range(0, 3000, 100)))
    wait_for(lambda: any(b"moof" in part.read_bytes() for part in tmp_path.glob("*/*.part")))

    def refuse(*_: object) -> None:
        raise OutputFailed("no space left on device")

    monkeypatch.setattr("pipelines.outputs.record.Mp4Writer.write", refuse)
    record(recorder, [3000])
    wait_for(lambda: recorder.dropped("entrance"))  # the frame before may have been under way
    recorder.remove_camera("entrance")
    (left,) = (tmp_path / "entrance").iterdir()
    assert left.suffix == ".mp4"
    assert times(left)
    recorder.close()


def test_a_disk_that_refuses_is_tried_again_later(tmp_path: Path) -> None:
    now = [0.0]
    recorder = VideoRecorder(tmp_path, clock=lambda: now[0])
    recorder.add_camera("entrance")
    folder = tmp_path / "entrance"
    folder.write_text("in the way")
    record(recorder, [0, 100, 200])
    wait_for(lambda: recorder.dropped("entrance") == 3)
    folder.unlink()
    now[0] = 60.0
    record(recorder, [300, 400])
    recorder.close()
    assert [len(times(f)) for f in folder.iterdir()] == [2]


def test_a_full_disk_that_takes_the_first_seconds_of_each_file_is_told_once_and_tried_ever_more_rarely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    now, is_full, writers = [0.0], [True], []

    class Writer:
        bytes_written = 0

        def __init__(self, _path: Path, size: tuple[int, int], _fps: int, **_: object) -> None:
            self.size, self.written = size, 0
            writers.append(self)

        def write(self, _frame: object, _at: int) -> None:
            self.written += 1
            if is_full[0] and self.written > 3:
                raise OutputFailed("no space left on device")

        def abandon(self) -> None:
            """Leave nothing."""

        def finish(self, timeout_s: float = 0) -> None:
            """Leave nothing."""

    monkeypatch.setattr("pipelines.outputs.record.Mp4Writer", Writer)
    recorder = VideoRecorder(tmp_path, clock=lambda: now[0])
    recorder.add_camera("entrance")
    for second in range(900):
        is_full[0] = second < 600
        now[0] = float(second)
        record(recorder, [1000 * second])
    recorder.close()
    said = [one.message.partition(" (")[0] for one in caplog.records]
    assert said == ["camera entrance: not recorded", "camera entrance: recorded again"]
    assert len(writers) < 20


def test_stamps_sort_by_time() -> None:
    at = [0, 999_000_000, 1_000_000_000, START, START + 1_000_000, START + 10**9]
    assert sorted(map(stamp, at)) == list(map(stamp, at))
    assert stamp(START + 412_999_999) == "20270115T080000412Z"
