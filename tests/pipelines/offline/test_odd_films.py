"""Films as recorders and editing programs write them, which GStreamer's demuxers do not make out alone."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from engines.file_type import MPEG_PS, other_kind, read_type
from pipelines.cameras.file_end import is_cut_off
from pipelines.cameras.file_patch import FilePatch
from pipelines.cameras.movie_header import header_patches
from pipelines.cameras.program_stream import PACK, stream_map
from pipelines.cameras.raw_avi import has_raw_pictures
from pipelines.cameras.source import SourceSpec
from pipelines.cpu import gst
from pipelines.cpu.decoding import add_file
from pipelines.cpu.patched_source import PatchedFile
from pipelines.cpu.source import open_source
from pipelines.errors import BadInput
from pipelines.offline.reader import probe_media, read_frames
from tests.fakes.video_file import write_video
from tests.pipelines.offline.films import make_film

if TYPE_CHECKING:
    from pathlib import Path

FRAMES, RATE = 50, 25
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2")
X265 = ("-c:v", "libx265", "-x265-params", "log-level=error")
HIKVISION = b"IMKH" + bytes(36)
WITHOUT_A_MAP = {
    "h264.mpg": [*X264, "-f", "mpeg"],
    "h264.vob": [*X264, "-f", "vob"],
    "h265.mpg": [*X265, "-f", "mpeg"],
    "mpeg4.mpg": ["-c:v", "mpeg4", "-f", "vob"],
}
ODD = {
    "dnxhr.mov": ["-c:v", "dnxhd", "-profile:v", "dnxhr_sq", "-pix_fmt", "yuv422p"],
    "no-edit-list.mp4": [*X264, "-use_editlist", "0"],
    "no-edit-list-h265.mp4": [*X265, "-use_editlist", "0", "-movflags", "+faststart"],
}


def _film(path: Path, how: list[str], *, sound: bool = False) -> Path:
    tone = ["-f", "lavfi", "-i", "sine", "-c:a", "mp2"] if sound else []
    kind = [] if "-pix_fmt" in how else ["-pix_fmt", "yuv420p"]
    make_film(path, f"testsrc2=size=320x240:rate={RATE}", *tone, "-t", str(FRAMES / RATE), *how, *kind)
    return path


def _read(path: Path) -> tuple[list[int], list[str]]:
    notes: list[str] = []
    return [at for at, _ in read_frames(path, notes.append)], notes


def _is_whole(path: Path) -> bool:
    """Return whether all is read. The times of single pictures may be off by one or two pictures."""
    times, notes = _read(path)
    step = 1e9 / RATE
    off = max(abs(at - number * step) for number, at in enumerate(times))
    return len(times) == FRAMES and off <= 2 * step and notes == []


@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize("name", WITHOUT_A_MAP)
def test_a_program_stream_without_a_map_is_read_whole(tmp_path: Path, name: str, sound: bool) -> None:
    path = _film(tmp_path / name, WITHOUT_A_MAP[name], sound=sound)
    assert stream_map(path) is not None
    assert probe_media(path).size == (320, 240)
    assert _is_whole(path)


def test_a_recorder_s_own_header_before_a_program_stream_is_passed_over(tmp_path: Path) -> None:
    """What Hikvision's recorders export under the name of an MP4."""
    path = tmp_path / "export.mp4"
    path.write_bytes(HIKVISION + _film(tmp_path / "a.mpg", WITHOUT_A_MAP["h264.mpg"]).read_bytes())
    assert read_type(path) is MPEG_PS
    assert _is_whole(path)


def test_a_program_stream_without_a_map_that_was_cut_off_is_told_as_one(tmp_path: Path) -> None:
    path = _film(tmp_path / "a.mpg", WITHOUT_A_MAP["h264.mpg"])
    for before in (b"", HIKVISION):
        path.write_bytes(before + path.read_bytes()[:-3000])
        times, (note,) = _read(path)
        assert is_cut_off(path)
        assert 0 < len(times) < FRAMES
        assert "cut short" in note


def test_a_camera_plays_a_program_stream_without_a_map_again_and_again(tmp_path: Path) -> None:
    path = _film(tmp_path / "a.mpg", WITHOUT_A_MAP["h264.mpg"])
    source = open_source(SourceSpec(camera="c", source=str(path), loop=True))
    try:
        taken = 0
        for _ in range(600):
            if source.wait(1.0):
                assert source.take().width == 320
                taken += 1
            if taken > FRAMES + 5:
                break
        assert taken > FRAMES + 5
    finally:
        source.close()


def test_a_map_is_given_only_to_a_program_stream_that_needs_one(tmp_path: Path) -> None:
    for kind in ("mpeg1video", "mpeg2video"):
        assert stream_map(_film(tmp_path / f"{kind}.mpg", ["-c:v", kind, "-f", "vob"])) is None
    assert stream_map(write_video(tmp_path / "mapped.mpg", frames=10, mux="h264parse ! mpegpsmux")) is None
    assert stream_map(_film(tmp_path / "a.mp4", [*X264])) is None
    assert stream_map(tmp_path / "missing.mpg") is None


def test_no_beginning_of_a_program_stream_raises(tmp_path: Path) -> None:
    whole = _film(tmp_path / "a.mpg", WITHOUT_A_MAP["h264.mpg"]).read_bytes()
    draw, path = random.Random(10), tmp_path / "b.mpg"
    for _ in range(300):
        data = bytearray(whole[: draw.randrange(len(PACK), 400)])
        for at in draw.choices(range(len(PACK), 400), k=draw.randrange(8)):
            data[at : at + 1] = bytes([draw.randrange(256)])
        path.write_bytes(data)
        stream_map(path)


@pytest.mark.parametrize("name", ODD)
def test_a_movie_as_editing_programs_write_it_is_read_whole(tmp_path: Path, name: str) -> None:
    path = _film(tmp_path / name, ODD[name])
    assert header_patches(path)
    assert _is_whole(path)


def _upright(path: Path) -> Path:
    """Return an AVI of RGB as capture programs write it, from the bottom up; FFmpeg says the reverse."""
    data = bytearray(path.read_bytes())
    height = data.index(b"strf") + 16
    rows = int.from_bytes(data[height : height + 4], "little", signed=True)
    data[height : height + 4] = abs(rows).to_bytes(4, "little")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize("pixels", ["yuyv422", "uyvy422", "yuv420p", "bgr24", "bgra"])
def test_an_avi_that_is_not_compressed_keeps_its_times(tmp_path: Path, pixels: str, sound: bool) -> None:
    how = ["-c:v", "rawvideo", "-pix_fmt", pixels, "-c:a", "pcm_s16le"]
    path = _film(tmp_path / "capture.avi", how, sound=sound)
    path = _upright(path) if pixels.startswith("bgr") else path
    assert has_raw_pictures(path)
    assert probe_media(path).duration_ns == FRAMES / RATE * 1e9
    assert _is_whole(path)
    # A camera's, too, else it shows all of the film at once.
    gst.init()
    pipeline = gst.pipeline_to_i420(max_buffers=FRAMES, drop=False, sync=False, upright=True)
    add_file(pipeline, str(path), max_threads=1)
    pipeline.set_state(gst.Gst.State.PLAYING)
    try:
        sink = pipeline.get_by_name(gst.SINK)
        times = [sink.try_pull_sample(60 * gst.Gst.SECOND).get_buffer().pts for _ in range(3)]
        assert times == [0, 40_000_000, 80_000_000]
    finally:
        pipeline.set_state(gst.Gst.State.NULL)


def test_an_avi_that_is_not_compressed_and_was_cut_off_is_told_as_one(tmp_path: Path) -> None:
    how = ["-c:v", "rawvideo", "-pix_fmt", "yuyv422"]
    path = _film(tmp_path / "capture.avi", how)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    times, (note,) = _read(path)
    assert 0 < len(times) < FRAMES
    assert times[-1] == (len(times) - 1) * 1e9 / RATE
    assert "cut short" in note
    path.write_bytes(data[: data.index(b"movi")])  # its demuxer would wait for the rest
    assert not has_raw_pictures(path)


def test_only_an_avi_whose_pictures_are_not_compressed_is_one(tmp_path: Path) -> None:
    assert not has_raw_pictures(_film(tmp_path / "a.avi", ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"]))
    assert not has_raw_pictures(_film(tmp_path / "a.mov", ["-c:v", "rawvideo", "-pix_fmt", "uyvy422"]))
    assert not has_raw_pictures(tmp_path / "missing.avi")


def test_a_movie_whose_edit_list_says_when_it_begins_is_read_as_it_is(tmp_path: Path) -> None:
    assert header_patches(_film(tmp_path / "a.mp4", [*X264])) == []


def test_a_recorder_s_own_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "export.dav"
    path.write_bytes(b"DHAV\xfd\0\0\0" + random.Random(1).randbytes(6000))
    assert "DAV" in str(other_kind(path.read_bytes()))
    with pytest.raises(BadInput, match="export it there, or by its player, as MP4 or AVI"):
        probe_media(path)


def test_a_patched_file_reads_as_one_that_was_written_so(tmp_path: Path) -> None:
    draw, path = random.Random(3), tmp_path / "x"
    data = draw.randbytes(500)
    path.write_bytes(data)
    patches = [FilePatch(20, b"instead", 7), FilePatch(100, b"between", 0), FilePatch(499, b"longer", 1)]
    wanted = data[:20] + b"instead" + data[27:100] + b"between" + data[100:499] + b"longer"
    file = PatchedFile(str(path), patches)
    assert file.size == len(wanted)
    for _ in range(200):
        at, length = draw.randrange(len(wanted)), draw.randrange(1, 600)
        file.seek(None, at)
        assert file.read(length) == wanted[at : at + length]
        assert file.read(10) == wanted[at + length :][:10]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".h265"])
def test_h265_of_single_fields_gives_whole_pictures(tmp_path: Path, suffix: str) -> None:
    whole = "testsrc2=size=320x240:rate=25"
    fields = f"{whole[:-2]}50,interlace=lowpass=off,separatefields"
    how = [*X265[:2], "-x265-params", "log-level=error:interlace=tff", "-pix_fmt", "yuv420p"]
    path = tmp_path / f"fields{suffix}"
    make_film(path, fields, "-t", "1", *how)
    notes: list[str] = []
    pictures = [picture for _, picture in read_frames(path, notes.append)]
    assert (len(pictures), notes) == (25, [])
    assert {(picture.width, picture.height) for picture in pictures} == {(320, 240)}
    original = next(iter(read_frames(_film(tmp_path / "one.mp4", [*X264, "-qp", "10"]))))[1]
    off = abs(pictures[0].y.astype(int) - original.y.astype(int)).mean()
    assert off < 12


def test_a_picture_that_only_gstreamer_knows_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "scan.ppm"
    path.write_bytes(b"P6 320 240 255\n" + random.Random(1).randbytes(3 * 320 * 240))
    times, notes = _read(path)
    assert (len(times), notes) == (1, [])
