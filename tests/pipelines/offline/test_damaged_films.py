"""Films whose pictures are damaged, missing or never sent: no loss goes untold, and nothing else is told."""

import random

import pytest

from pipelines.cameras.file_end import has_lost_index
from pipelines.offline.frame_count import count_frames, is_torn
from tests.pipelines.offline.films import FRAMES, X264, ffmpeg, make_film, read


@pytest.fixture(scope="module")
def short_groups(tmp_path_factory):
    """Films in groups of ten pictures that are out of order, the last one of few."""
    folder = tmp_path_factory.mktemp("groups")
    noise = "testsrc2=size=176x144:rate=25,noise=alls=20:allf=t"
    open_groups = [*X264, "-g", "10", "-bf", "3", "-x264-params", "open-gop=1"]
    for name, how in {
        "x.mp4": open_groups,
        "x.mov": open_groups,
        "x.mkv": open_groups,
        "x.flv": open_groups,
        "x.avi": [*X264, "-bf", "0", "-g", "10"],
        "x.wmv": ["-c:v", "wmv2"],
        "png.mov": ["-c:v", "png"],
        "mjpeg.mkv": ["-c:v", "mjpeg", "-q:v", "3"],
        "mjpeg.avi": ["-c:v", "mjpeg", "-q:v", "3"],
        "x.ogv": ["-c:v", "libtheora"],
    }.items():
        pixels = "yuvj420p" if "mjpeg" in how else "rgb24" if "png" in how else "yuv420p"
        make_film(folder / name, noise, "-frames:v", str(FRAMES), *how, "-pix_fmt", pixels)
    return folder


GROUPS = ["x.mp4", "x.mov", "x.mkv", "x.flv", "x.avi", "x.wmv", "png.mov", "mjpeg.mkv", "mjpeg.avi", "x.ogv"]


@pytest.mark.parametrize("name", GROUPS)
def test_a_film_whose_last_group_of_pictures_is_short_is_read_whole(short_groups, name):
    """Of an MP4 the demuxer left out its last two pictures."""
    assert read(short_groups / name) == (FRAMES, [])
    assert not is_torn(short_groups / name)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("how", ["zeros", "random", "hole"])
@pytest.mark.parametrize("name", GROUPS)
def test_no_picture_of_a_damaged_film_is_missing_without_a_word(short_groups, tmp_path, name, how, seed):
    """Demuxers pass over what makes no sense to them, and decoders leave out what they cannot make out."""
    data, dice = bytearray((short_groups / name).read_bytes()), random.Random(f"{name} {how} {seed}")
    begin, length = int(len(data) * dice.uniform(0.15, 0.85)), int(len(data) * dice.choice([0.01, 0.03, 0.1]))
    data[begin : begin + length] = {
        "zeros": bytes(length),
        "random": dice.randbytes(length),
        "hole": b"",
    }[how]
    path = tmp_path / name
    path.write_bytes(data)
    if has_lost_index(path):
        return
    count, notes = read(path)
    assert 0 < count <= FRAMES
    assert count == FRAMES or "were read" in notes[0]
    assert len(notes) <= 1


def test_an_ogg_whose_last_page_lost_its_head_is_told(short_groups, tmp_path):
    """What stands behind the pages is somebody's own only behind the last page of all."""
    data = (short_groups / "x.ogv").read_bytes()
    path, last = tmp_path / "x.ogv", data.rindex(b"OggS")
    path.write_bytes(data + b"of somebody" * 9)
    assert not is_torn(path)
    path.write_bytes(data[:last] + data[last + 40 :])
    assert is_torn(path)
    count, notes = read(path)
    assert count < FRAMES
    assert len(notes) == 1
    path.write_bytes(data[: last + 14] + b"no number" + data[last + 23 :])
    assert is_torn(path)


def test_the_pictures_that_are_missing_are_counted(short_groups, tmp_path):
    path, data = tmp_path / "x.wmv", bytearray((short_groups / "x.wmv").read_bytes())
    begin = len(data) // 2
    data[begin : begin + len(data) // 6] = bytes(len(data) // 6)
    path.write_bytes(data)
    count, notes = read(path)
    assert count < FRAMES
    were = "were" if FRAMES - count > 1 else "was"
    assert notes[0].endswith(f"; {FRAMES - count} {were} not")


def test_a_film_of_a_live_recorder_that_announces_no_sizes_is_not_torn(short_groups, tmp_path):
    """Browsers and recorders write the clusters of an MKV without sizes."""
    path = tmp_path / "live.mkv"
    ffmpeg("-i", short_groups / "x.mkv", "-c", "copy", "-live", "1", path)
    assert count_frames(path) is None
    assert read(path) == (FRAMES, [])


def test_headers_alone_in_a_decoder_are_no_picture(tmp_path):
    """As of H.264 in an ASF, which some recorders export."""
    path = tmp_path / "h264.asf"
    make_film(path, "testsrc=size=160x96:rate=10", "-frames:v", str(FRAMES), *X264)
    assert read(path) == (FRAMES, [])


@pytest.mark.parametrize("name", ["x.ogv", "vp8.webm", "vp9.webm", "x.avi"])
def test_a_film_in_which_nothing_moves_is_read_without_a_word(tmp_path, name):
    """Some codecs store nothing for a picture that is shown again, or pictures that are never shown."""
    how = {
        "x.ogv": ["-c:v", "libtheora"],
        "vp8.webm": ["-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-cpu-used", "5"],
        "vp9.webm": ["-c:v", "libvpx-vp9", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-cpu-used", "8"],
        "x.avi": ["-c:v", "mpeg4", "-bf", "2"],
    }[name]
    make_film(tmp_path / name, "testsrc2=size=160x96:rate=25,loop=-1:1:0", "-frames:v", "50", *how)
    assert read(tmp_path / name)[1] == []
