"""Files whose end is missing, or whose middle is damaged: what is there is read, and the rest is told."""

import logging
import random
import shutil
import subprocess
import threading
from functools import partial

import pytest
from PIL import Image

from pipelines.cameras.file_end import has_lost_index, is_cut_off, is_whole, log_cut_off
from pipelines.cameras.source import SourceLost, SourceSpec
from pipelines.cameras.states import Cause
from pipelines.cameras.supervisor import CameraSupervisor
from pipelines.cpu.source import open_source
from pipelines.errors import BadInput
from pipelines.offline import reader
from pipelines.offline.frame_count import count_frames
from pipelines.offline.reader import probe_media
from tests.fakes.sources import Ear
from tests.fakes.video_file import H264, write_video
from tests.pipelines.offline.films import FRAMES, X264, make_film, read, timing

HOW = {
    "a.avi": ["-c:v", "mjpeg", "-q:v", "3"],
    "h264.avi": [*X264, "-bf", "0"],
    "fast.mp4": [*X264, "-movflags", "+faststart"],
    "pieces.mp4": [*X264, "-g", "10", "-movflags", "+frag_keyframe+empty_moov"],
    "a.mov": [*X264, "-movflags", "+faststart"],
    "a.3gp": ["-c:v", "mpeg4", "-movflags", "+faststart"],
    "a.mkv": [*X264],
    # In real time this encoder would do less on a busy machine, and the damage lie elsewhere.
    "a.webm": ["-c:v", "libvpx", "-deadline", "good", "-cpu-used", "5", "-b:v", "2M"],
    "a.flv": ["-c:v", "flv"],
    "a.wmv": ["-c:v", "wmv2"],
    "a.mpg": ["-c:v", "mpeg2video"],
    "a.ts": [*X264],
    "a.ogv": ["-c:v", "libtheora"],
}
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")
BARE = {"a.h264": ["-c:v", "libx264"], "a.h265": [*X265]}
"""Streams without a container: nobody can tell where they end."""


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """One film in every container; noise, so that its bytes lie evenly."""
    folder = tmp_path_factory.mktemp("films")
    noise = "testsrc=size=160x120:rate=10,noise=alls=60:allf=t"
    for name, how in (HOW | BARE).items():
        pixels = "yuvj420p" if "mjpeg" in how else "yuv420p"
        make_film(folder / name, noise, "-frames:v", str(FRAMES), *how, "-pix_fmt", pixels)
    return folder


@pytest.mark.parametrize("name", [*HOW, *BARE])
def test_the_frames_of_a_whole_film_are_read_without_a_word(films, name):
    assert not is_cut_off(films / name)
    assert read(films / name) == (FRAMES, [])


def test_a_whole_film_that_the_first_demuxer_refuses_is_read_by_the_other_without_a_word(films, monkeypatch):
    """The one that waits for data fails at times on an Ogg's first packets."""

    def refused(path, *, pull=False):
        if not pull:
            raise BadInput(f"{path}: refused")
        return opened(path, pull=True)

    opened = reader._open
    monkeypatch.setattr(reader, "_open", refused)
    assert read(films / "a.ogv") == (FRAMES, [])


@pytest.mark.parametrize("share", [0.61, 0.87])
@pytest.mark.parametrize("name", HOW)
def test_a_film_that_was_cut_off_tells_how_much_of_it_was_read(films, tmp_path, name, share):
    path = tmp_path / name
    data = (films / name).read_bytes()
    path.write_bytes(data[: int(len(data) * share) | 1])
    assert is_cut_off(path)
    assert not is_whole(path)
    count, notes = read(path)
    assert 0 < count < FRAMES
    assert len(notes) == 1
    assert notes[0].startswith(f"the file is cut short: {count} frame")
    assert notes[0].endswith(" s, were read")


def test_a_program_stream_with_few_packs_is_not_surely_cut(tmp_path):
    """Of 4 Mbit/s, and with a pack every two seconds, as ffmpeg writes it; and where none is near the end."""
    pack = b"\0\0\x01\xba\x44" + bytes(8) + b"\xf8"
    packet = b"\0\0\x01\xe0" + (2030).to_bytes(2, "big") + b"\x55" * 2030
    path = tmp_path / "x.mpg"
    for count in (490, 3000):
        path.write_bytes(pack + 3000 * packet + pack + count * packet)
        assert not is_cut_off(path)
    path.write_bytes((pack + 490 * packet)[:-7])
    assert is_cut_off(path)


@pytest.mark.parametrize("length", [188, 192])
def test_a_transport_stream_with_a_short_packet_in_its_middle_is_not_surely_cut(tmp_path, length):
    packet, path = bytes(length - 188) + b"\x47" + bytes(187), tmp_path / "x.ts"
    path.write_bytes(100 * packet + packet[:90] + 100 * packet)
    assert not is_cut_off(path)
    path.write_bytes(100 * packet + packet[:90] + 100 * packet + packet[:100])
    assert is_cut_off(path)
    path.write_bytes(200 * packet + bytes(1000))
    assert not is_cut_off(path)


def test_an_avi_whose_header_holds_the_size_of_the_file_is_whole(films, tmp_path):
    path, data = tmp_path / "x.avi", bytearray((films / "a.avi").read_bytes())
    data[4:8] = len(data).to_bytes(4, "little")
    path.write_bytes(data)
    assert is_whole(path)
    assert not is_cut_off(path)
    path.write_bytes(data[:-100])
    assert is_cut_off(path)


NO_WAIT = [*X264, "-bf", "0"]
STILL = {
    "x.mp4": NO_WAIT,
    "pieces.mp4": [*NO_WAIT, "-g", "10", "-movflags", "+frag_keyframe+empty_moov"],
    "x.mov": NO_WAIT,
    "x.mkv": NO_WAIT,
    "x.webm": HOW["a.webm"],
    "x.avi": ["-c:v", "mjpeg", "-q:v", "3"],
    "h264.avi": NO_WAIT,
    "x.flv": ["-c:v", "flv"],
    "h264.flv": NO_WAIT,
    "x.wmv": ["-c:v", "wmv2"],
    "mpeg4.asf": ["-c:v", "msmpeg4"],
}


@pytest.mark.parametrize("name", STILL)
def test_a_film_whose_last_picture_stands_still_is_read_once_and_without_a_word(tmp_path, name, monkeypatch):
    options = subprocess.run(["ffmpeg", "-v", "error", "-h", "bsf=setts"], capture_output=True, check=True)
    if b"-duration " not in options.stdout:
        pytest.skip("this ffmpeg cannot set how long a picture stands (5.0 and newer can)")
    path = tmp_path / name
    noise = "testsrc=size=160x120:rate=10,noise=alls=60:allf=t,settb=1/1000,setpts=N*100"
    still = f"setts=duration=if(gte(N\\,{FRAMES - 1})\\,10000\\,100)"
    pixels = "yuvj420p" if "mjpeg" in STILL[name] else "yuv420p"
    how = [*timing("passthrough"), "-pix_fmt", pixels, "-bsf:v", still]
    make_film(path, noise, "-frames:v", str(FRAMES), *STILL[name], *how)
    pulled, opened = [], reader._open
    monkeypatch.setattr(
        reader, "_open", lambda path, *, pull=False: pulled.append(pull) or opened(path, pull=pull)
    )
    if path.suffix not in (".mp4", ".mov"):  # ffmpeg's MP4 keeps little of the last duration
        assert probe_media(path).duration_ns > 10e9
        pulled.clear()
    assert read(path) == (FRAMES, [])
    assert pulled == [False]
    assert count_frames(path) == FRAMES
    data = bytearray(path.read_bytes())
    begin = int(len(data) * 0.5)
    data[begin : begin + len(data) // 4] = random.Random(1).randbytes(len(data) // 4)
    path.write_bytes(data)
    count, notes = read(path)
    assert count == FRAMES or "were read" in notes[0]


def _box(kind, content=b""):
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def test_a_long_film_in_fragments_is_counted_to_its_end_and_seen_to_be_cut_there(tmp_path):
    """4096 boxes were looked at, half an hour of fragments of a second."""
    table = _box(b"minf", _box(b"stbl", _box(b"stsz", bytes(12))))
    media = _box(b"mdia", _box(b"hdlr", bytes(8) + b"vide") + table)
    run = _box(b"tfhd", bytes(4) + b"\0\0\0\1") + _box(b"trun", bytes(4) + (25).to_bytes(4, "big"))
    second = _box(b"moof", _box(b"traf", run)) + _box(b"mdat", bytes(8))
    path = tmp_path / "long.mp4"
    film = _box(b"ftyp", bytes(8)) + _box(b"moov", _box(b"trak", media)) + 7200 * second
    path.write_bytes(film)
    assert count_frames(path) == 7200 * 25
    assert is_whole(path)
    path.write_bytes(film[:-3])
    assert is_cut_off(path)
    assert not is_whole(path)
    assert count_frames(path) is None


def test_a_film_whose_index_was_to_come_last_is_called_cut_short_at_once(tmp_path, monkeypatch):
    """The second reading, of a demuxer that pulls, said nothing for 15 s."""
    pulled, opened = [], reader._open
    monkeypatch.setattr(
        reader, "_open", lambda path, *, pull=False: pulled.append(pull) or opened(path, pull=pull)
    )
    path = write_video(tmp_path / "x.mp4", frames=50)
    assert not has_lost_index(path)
    whole = path.read_bytes()
    for cut in (whole[:-2000], whole[:-1]):
        path.write_bytes(cut)
        assert has_lost_index(path)
        for use in (probe_media, read):
            with pytest.raises(BadInput, match="cut short; send it again"):
                use(path)
    assert pulled == 4 * [False]


@pytest.mark.parametrize(
    "tail", [b"\n", b"TAG" + bytes(125), b"appended by a program" * 9, bytes(4096), b"\0\0\0\x0cPICTabcd"]
)
@pytest.mark.parametrize("name", HOW)
def test_what_stands_behind_a_film_cuts_nothing_off(films, tmp_path, name, tail):
    path = tmp_path / name
    shutil.copy(films / name, path)
    with path.open("ab") as file:
        file.write(tail)
    count, notes = read(path)
    assert count == FRAMES
    # These end by what their last packet says, and a recorder that was switched off leaves the same.
    packets = path.suffix in (".ts", ".flv", ".mpg", ".ogv")
    assert packets or not any("cut short" in note for note in notes)


@pytest.mark.parametrize("share", [0.02, 0.15])
@pytest.mark.parametrize("name", [*HOW, *BARE])
def test_a_film_with_a_damaged_middle_is_read_as_far_as_it_goes_and_told(films, tmp_path, name, share):
    path, data = tmp_path / name, bytearray((films / name).read_bytes())
    begin = int(len(data) * 0.45)
    end = begin + int(len(data) * share)
    data[begin:end] = random.Random(1).randbytes(end - begin)
    path.write_bytes(data)
    count, notes = read(path)
    assert 0 < count <= FRAMES
    # GStreamer 1.22 says nothing of a lost page of an Ogg, nor of a broken H.265 picture that no other needs.
    assert count == FRAMES or len(notes) == 1 or name in ("a.ogv", "a.h265")
    assert all(f": {count} frame" in note and "were read" in note for note in notes)
    assert probe_media(path).size == (160, 120)


def test_the_pictures_that_a_slow_film_out_of_order_has_lost_are_counted(films, tmp_path):
    """Its edit list skips 0.2 s, in which there is no picture; newer decoders say nothing of the loss."""
    path, data = tmp_path / "x.mp4", bytearray((films / "fast.mp4").read_bytes())
    begin, end = int(len(data) * 0.45), int(len(data) * 0.6)
    data[begin:end] = random.Random(1).randbytes(end - begin)
    path.write_bytes(data)
    count, (note,) = read(path)
    assert count < FRAMES
    assert note.endswith(f"; {FRAMES - count} were not")


def test_a_film_whose_pictures_are_all_there_but_broken_is_told(films, tmp_path):
    path = tmp_path / "x.mp4"
    data = bytearray((films / "fast.mp4").read_bytes())
    begin = data.index(b"mdat") + 10_000
    data[begin : begin + 3] = bytes(byte ^ 0x55 for byte in data[begin : begin + 3])
    path.write_bytes(data)
    assert read(path) == (
        FRAMES,
        ["the file is damaged: 30 frames, 2.9 s, were read; pictures are missing or broken"],
    )


@pytest.mark.parametrize(("form", "suffix"), [("GIF", "gif"), ("PNG", "png")])
def test_a_moving_picture_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path, form, suffix):
    path, dice = tmp_path / f"x.{suffix}", random.Random(1)
    pictures = [Image.frombytes("RGB", (60, 40), dice.randbytes(7200)) for _ in range(8)]
    pictures[0].save(path, form, save_all=True, append_images=pictures[1:], duration=100)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.7)])
    assert probe_media(path).frames == 5
    assert read(path) == (5, ["the file is cut short: 5 frames, 0.5 s, were read"])


def refuse(opened, _spec):
    opened.release()
    raise SourceLost(Cause.FILE, "cannot be read")


def test_a_file_camera_whose_file_was_cut_off_is_logged_once(films, tmp_path, caplog):
    path = tmp_path / "a.avi"
    path.write_bytes((films / "a.avi").read_bytes()[:-3000])
    with caplog.at_level(logging.WARNING):
        for camera, film in (("door", path), ("till", films / "a.avi")):
            opened = threading.Semaphore(0)
            spec = SourceSpec(camera, str(film), reconnect_first_ms=1, reconnect_max_ms=2)
            supervisor = CameraSupervisor(spec, Ear(), partial(refuse, opened))
            supervisor.start()
            assert all(opened.acquire(timeout=120) for _ in range(3))
            assert supervisor.stop(120)
    assert [record.getMessage() for record in caplog.records] == [
        f"camera door: {path}: the file is cut short; what is there is played"
    ]


def test_of_a_cameras_film_that_lost_its_index_nothing_is_promised(tmp_path, caplog):
    path = write_video(tmp_path / "a.mp4", frames=FRAMES, encoder=H264)
    path.write_bytes(path.read_bytes()[:-3000])
    assert has_lost_index(path)
    log_cut_off("door", path)
    assert caplog.messages == [f"camera door: {path}: the file is cut short; no picture of it can be read"]


@pytest.mark.parametrize("name", ["a.avi", "a.flv", "fast.mp4", "a.mkv"])
def test_a_file_that_was_cut_off_is_opened_anew_where_it_is_to_start_over(films, tmp_path, name):
    """Wound back, an AVI was called damaged at each round, and an FLV gave no more frames."""
    path = tmp_path / name
    data = (films / name).read_bytes()
    path.write_bytes(data[: int(len(data) * 0.61) | 1])
    source = open_source(SourceSpec("door", str(path), fps=60, loop=True))
    with pytest.raises(SourceLost) as lost:
        _play(source)
    source.close()
    assert lost.value.cause is Cause.ENDED


def _play(source):
    for _ in range(4 * FRAMES):
        if source.wait(5):
            source.take()


def test_files_of_other_kinds_are_not_called_cut(tmp_path):
    dice = random.Random(2)
    for number, head in enumerate(
        [b"", b"RIFF", b"FLV\x01", b"OggS", b"\x1a\x45\xdf\xa3", b"\0\0\x01\xba", b"G"]
    ):
        for size in (0, 1, 3, 40, 9000):
            path = tmp_path / str(number)
            path.write_bytes(head + dice.randbytes(size))
            assert not is_whole(path)
            is_cut_off(path)  # whatever it is, no error
    log_cut_off("door", tmp_path / "gone.mp4")
    path = write_video(tmp_path / "x.mp4", frames=3, encoder=H264)
    assert is_whole(path)
