from __future__ import annotations

import json
import shutil
import subprocess
import sys
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engines.image import I420
from pipelines.errors import BadInput
from pipelines.outputs.disk import OutputFailed
from pipelines.outputs.mp4 import Mp4Writer
from tests.fakes.redacted import plain, redacted
from tests.pipelines.offline.films import timing

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffprobe (apt: ffmpeg)")


def times(path: Path) -> list[float]:
    """Return the presentation time of every decodable frame, seconds."""
    shown = subprocess.run(
        [
            "ffprobe",
            "-v",
            "error",
            "-show_frames",
            "-show_entries",
            "frame=best_effort_timestamp_time",
            "-of",
            "json",
            str(path),
        ],
        capture_output=True,
        check=True,
    )
    assert shown.stderr == b""
    return [float(frame["best_effort_timestamp_time"]) for frame in json.loads(shown.stdout)["frames"]]


def pictures(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Return the luma of all frames, (N, height, width)."""
    raw = [*timing("passthrough"), "-f", "rawvideo", "-pix_fmt", "yuv420p"]
    shown = subprocess.run(["ffmpeg", "-v", "error", "-i", path, *raw, "-"], capture_output=True, check=True)
    frames = np.frombuffer(shown.stdout, np.uint8).reshape(-1, size[1] * size[0] * 3 // 2)
    return frames[:, : size[0] * size[1]].reshape(-1, size[1], size[0])


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), 10.0, 12.5])
@pytest.mark.parametrize("kind", ["whole", "fragmented"])
def test_every_frame_is_there_at_its_exact_time(tmp_path: Path, fps: float, kind: str) -> None:
    path, count = tmp_path / "out.mp4", 60
    with Mp4Writer(path, (64, 48), fps, kind=kind) as writer:  # type: ignore[arg-type]  # literal by table
        for number in range(count):
            writer.write(plain(luma=20 + 3 * number))
    assert times(path) == pytest.approx([n / float(fps) for n in range(count)], abs=2e-6)
    levels = pictures(path, (64, 48)).mean((1, 2))
    assert levels == pytest.approx([20 + 3 * n for n in range(count)], abs=3)
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


def test_given_times_are_kept(tmp_path: Path) -> None:
    path, at = tmp_path / "out.mp4", [0, 40, 123, 124, 900, 3000]
    with Mp4Writer(path, (64, 48), 25) as writer:
        for ms in at:
            writer.write(plain(), ms * 1_000_000)
    assert times(path) == pytest.approx([ms / 1000 for ms in at], abs=1e-5)


def test_the_index_comes_before_the_pictures(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with Mp4Writer(path, (64, 48), 25) as writer:
        writer.write(plain())
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_another_size_is_letterboxed_and_odd_sizes_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with Mp4Writer(path, (161, 121), 10) as writer:
        writer.write(plain(161, 121, 200))
        writer.write(plain(61, 121, 200))
    first, second = pictures(path, (160, 120))
    assert first.mean() > 190
    assert second[:, :40].mean() < 30
    assert second[:, 75:85].mean() > 190


def test_the_picture_is_the_published_one(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    pixels = I420.black(320, 240)
    pixels.y[:] = np.linspace(30, 220, 320, dtype=np.uint8)
    with Mp4Writer(path, (320, 240), 10) as writer:
        writer.write(redacted(pixels))
    assert np.abs(pictures(path, (320, 240))[0].astype(int) - pixels.y).mean() < 3


def test_cancelled_or_failed_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with pytest.raises(TypeError), Mp4Writer(path, (64, 48), 25) as writer:
        writer.write(None)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(OutputFailed, match="no frame"), Mp4Writer(path, (64, 48), 25):
        pass
    writer = Mp4Writer(path, (64, 48), 25)
    writer.write(plain())
    writer.cancel()
    writer.cancel()
    with pytest.raises(ValueError, match="finished"):
        writer.write(plain())
    assert not list(tmp_path.iterdir())


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with Mp4Writer(path, (64, 48), 25) as writer:
        writer.write(plain())
        assert path.read_bytes() == b"old"
    assert len(times(path)) == 1


def test_mistakes_are_clear(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        Mp4Writer(tmp_path / "no" / "out.mp4", (64, 48), 25)
    with pytest.raises(BadInput, match="16 x 16"):
        Mp4Writer(tmp_path / "out.mp4", (8, 48), 25)


def test_only_redacted_frames_are_taken(tmp_path: Path) -> None:
    frame = plain()
    with pytest.raises(TypeError, match="redacted"), Mp4Writer(tmp_path / "out.mp4", (64, 48), 25) as writer:
        writer.write(SimpleNamespace(frame=frame.frame, pixels=frame.pixels))  # type: ignore[arg-type]  # the test
    assert not list(tmp_path.iterdir())


FULL = """
import resource, signal, sys
import numpy as np
from pathlib import Path
from pipelines.outputs.disk import OutputFailed
from pipelines.outputs.mp4 import Mp4Writer
from tests.fakes.redacted import plain
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
random = np.random.default_rng(0)
try:
    with Mp4Writer(Path(sys.argv[1]), (320, 240), 25) as writer:
        for _ in range(200):
            frame = plain(320, 240)
            frame.pixels.y[:] = random.integers(16, 235, (240, 320), np.uint8)
            writer.write(frame)
except OutputFailed as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_is_a_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.startswith(f"{path}: ")
    assert done.stdout.count("\n") == 1
    assert not list(tmp_path.iterdir())
