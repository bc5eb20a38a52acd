"""Films that were cut out of longer ones without being encoded anew are whole; what is damaged is told."""

import random

import pytest

from pipelines.cpu.gst import Gst
from pipelines.offline.complaints import MAX_LINES, Complaints
from pipelines.offline.frame_count import count_frames
from tests.pipelines.offline.films import ffmpeg, make_film, read

OPEN = ["-c:v", "libx264", "-g", "25", "-bf", "3", "-x264-params", "open-gop=1:b-pyramid=normal:ref=4"]
OPEN_265 = [
    *("-c:v", "libx265", "-preset", "ultrafast"),
    *("-x265-params", "log-level=error:open-gop=1:keyint=25:bframes=4"),
]
REFUSED_SINCE = (1, 24)
"""GStreamer that refuses FFmpeg memory for what was cut away: up to a second is lost, and told."""
CUTS = ["at.mp4", "at.mkv", "at.ts", "piece%d.mp4", "piece%d.ts", "middle.ts"]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Moving pictures in open groups of a second."""
    folder = tmp_path_factory.mktemp("films")
    moving = "testsrc2=size=160x120:rate=25,noise=alls=20:allf=t"
    for name, how in {"264.ts": OPEN, "265.ts": OPEN_265}.items():
        make_film(folder / name, moving, "-t", "8", "-pix_fmt", "yuv420p", *how)
        ffmpeg("-i", folder / name, "-c", "copy", folder / name.replace("ts", "mp4"))
    return folder


def cut(film, to):
    """Cut a film as a person, a recorder, and a receiver do; leave out the whole first piece."""
    if to.name == "middle.ts":
        data = film.with_suffix(".ts").read_bytes()
        to.write_bytes(data[len(data) * 42 // 100 // 188 * 188 :])
        return [to]
    if "%" not in to.name:
        ffmpeg("-ss", "3.3", "-i", film, "-c", "copy", to)
        return [to]
    ffmpeg("-i", film, "-c", "copy", "-f", "segment", "-segment_time", "2", to)
    return sorted(to.parent.glob(f"piece*{to.suffix}"))[1:]


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("film", ["264.mp4", "265.mp4"])
def test_a_film_that_was_cut_at_an_open_group_is_read_without_a_word(films, tmp_path, film, name):
    pieces = cut(films / film, tmp_path / name)
    assert pieces
    for piece in pieces:
        count, notes = read(piece)
        if Gst.version()[:2] < REFUSED_SINCE:
            assert notes == []
            assert count > 25
        else:
            assert [note for note in notes if not note.startswith("the file is damaged: ")] == []
        assert 20 < count <= (count_frames(piece) or 999)


@pytest.mark.parametrize("name", ["at.mp4", "at.mkv", "at.ts"])
@pytest.mark.parametrize("seed", [1, 2])
def test_such_a_film_that_is_damaged_is_told(films, tmp_path, name, seed):
    (piece,) = cut(films / "264.mp4", tmp_path / name)
    data, dice = bytearray(piece.read_bytes()), random.Random(seed)
    begin = int(len(data) * dice.uniform(0.2, 0.7))
    data[begin : begin + len(data) // 20] = dice.randbytes(len(data) // 20)
    piece.write_bytes(data)
    _, notes = read(piece)
    assert len(notes) == 1
    assert notes[0].startswith("the file is damaged: ")


def test_a_film_of_which_a_part_of_a_picture_never_came_is_told(tmp_path):
    """No decoder calls that an error: it says that it guesses the rest, and of the frames none is missing."""
    path = tmp_path / "x.h264"
    noise = "testsrc2=size=160x120:rate=25,noise=alls=20:allf=t"
    how = ["-frames:v", "30", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-x264-params", "slices=4"]
    make_film(path, noise, *how)
    assert read(path) == (30, [])
    start = b"\0\0\1"
    units = path.read_bytes().split(start)
    slices = [number for number, unit in enumerate(units) if unit[:1] and unit[0] & 31 == 1]
    assert len(slices) == 4 * 29
    del units[slices[42]]
    path.write_bytes(start.join(units))
    told = "the file is damaged: 30 frames, 1.2 s, were read; pictures are missing or broken"
    assert read(path) == (30, [told])


def test_missing_references_are_damage_unless_they_were_cut_away():
    lines = ["Missing reference picture, default is 0", "reference picture missing during reorder"]
    opened, whole = Complaints(), Complaints()
    assert opened.see(is_key=True, is_idr=lambda: False)
    assert not whole.see(is_key=True, is_idr=lambda: True)
    for line in lines:
        opened.add(line)
        whole.add(line)
    assert (opened.lines, whole.lines) == ([], lines)
    while opened.see(is_key=True, is_idr=lambda: False):
        pass
    opened.add(lines[0])
    assert opened.lines == lines[:1]


def test_few_of_many_complaints_are_kept():
    complaints = Complaints()
    for number in range(100_000):
        complaints.add(f"error while decoding MB {number}")
    assert len(complaints.lines) == MAX_LINES
    assert complaints.lines[0] == "error while decoding MB 0"
