import logging
import struct
import wave

import cv2
import numpy as np
import pytest
from PIL import Image

from engines.colour import to_bgr
from pipelines.cameras.file_end import is_whole
from pipelines.cameras.movie_header import begins_late, header_patches
from pipelines.cpu.decoding import add_file
from pipelines.cpu.gst import Gst
from pipelines.errors import BadInput
from pipelines.offline import reader
from pipelines.offline.reader import MediaKind, probe_media, read_frames
from tests.fakes.video_file import H264, write_video
from tests.pipelines.offline.films import ffmpeg, make_film, timing

FORMATS = {
    "mp4": {},
    "h265.mp4": {"encoder": "x265enc speed-preset=ultrafast ! h265parse"},
    "mkv": {"mux": "matroskamux"},
    "ts": {"mux": "mpegtsmux"},
    "avi": {"encoder": "jpegenc", "mux": "avimux"},
    "odd.mp4": {"size": (321, 241), "pixels": "Y444", "encoder": f"{H264} ! video/x-h264,profile=high-4:4:4"},
    "4:2:2.mp4": {"pixels": "Y42B", "encoder": f"{H264} ! video/x-h264,profile=high-4:2:2"},
    "10 bit.mp4": {"pixels": "I420_10LE", "encoder": f"{H264} ! video/x-h264,profile=high-10"},
    "720p.mp4": {"size": (1280, 720)},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_frame_of_a_video_with_its_time_and_colours(tmp_path, name):
    path = write_video(tmp_path / name, **FORMATS[name])
    frames = list(read_frames(path))
    assert [round(time_ns / 1e8) for time_ns, _ in frames] == list(range(20))
    assert {(p.width, p.height) for _, p in frames} == {FORMATS[name].get("size", (320, 240))}
    bgr = to_bgr(frames[-1][1])
    white, blue = bgr[5, 5].astype(int), bgr[5, -10].astype(int)
    assert white.min() > 150
    assert blue[0] - blue[2] > 100


def test_a_film_ends_though_the_file_is_asked_for_buffers_to_the_last(tmp_path, monkeypatch):
    """GStreamer asks again each time decodebin links something; a queue lost the end of a short film then."""

    def add_and_ask(pipeline, path, max_threads, **options):
        add_file(pipeline, path, max_threads, **options)
        (source,) = pipeline.iterate_sources()
        source.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, ask)

    def ask(pad, _):
        pad.mark_reconfigure()
        return Gst.PadProbeReturn.OK

    monkeypatch.setattr(reader, "add_file", add_and_ask)
    assert len(list(read_frames(write_video(tmp_path / "x.mp4", frames=100)))) == 100


@pytest.mark.parametrize(("encoder", "mux"), [("jpegenc quality=95", "avimux"), ("full-range", "mpegtsmux")])
def test_full_range_video_becomes_studio_range(tmp_path, encoder, mux):
    """White and black of a camera that uses all 256 values must not be clipped later."""
    if encoder == "full-range":
        encoder = f"capssetter caps=video/x-raw,colorimetry=1:4:0:0 ! {H264}"
    for pattern, written, read in (("white", 235, 218), ("black", 16, 30)):
        path = write_video(tmp_path / "x", encoder=encoder, mux=mux, pattern=pattern, frames=5)
        picture = next(read_frames(path))[1]
        assert abs(int(picture.y.mean()) - read) <= 1, f"{pattern} was {written} of 255"
        assert abs(int(picture.u.mean()) - 128) <= 1


def test_probe_tells_what_reading_gives(tmp_path):
    media = probe_media(write_video(tmp_path / "x.mp4", fps=25, frames=50))
    assert (media.kind, media.size, media.fps, media.frames) == (MediaKind.VIDEO, (320, 240), 25, 50)
    assert media.duration_ns == 2_000_000_000


def test_videos_are_turned_upright(tmp_path):
    path = write_video(tmp_path / "x.mp4")
    identity = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    quarter_turn = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 240 << 16, 0, 0x40000000)
    head, track = path.read_bytes().split(b"tkhd", 1)  # as phones write it
    path.write_bytes(head + b"tkhd" + track.replace(identity, quarter_turn, 1))
    assert probe_media(path).size == (240, 320)
    assert next(read_frames(path))[1].height == 320


def test_an_image_is_one_frame(tmp_path):
    path = tmp_path / "x.png"
    cv2.imwrite(str(path), np.zeros((48, 64, 3), np.uint8))
    assert probe_media(path).kind is MediaKind.IMAGE
    assert [(time_ns, p.width) for time_ns, p in read_frames(path)] == [(0, 64)]


def test_an_animation_is_a_video_with_its_own_times(tmp_path):
    path = tmp_path / "x.jpg"
    pictures = [Image.new("RGB", (41, 30), (200 * (n % 2), 0, 0)) for n in range(4)]
    pictures[0].save(path, "GIF", save_all=True, append_images=pictures[1:], duration=[200, 0, 50, 50])
    media = probe_media(path)
    assert (media.kind, media.size, media.frames) == (MediaKind.VIDEO, (40, 30), 4)
    assert media.duration_ns == 400_000_000
    frames = list(read_frames(path))
    assert [time_ns // 1_000_000 for time_ns, _ in frames] == [0, 200, 300, 350]
    assert [int(p.y.mean()) > 40 for _, p in frames] == [False, True, False, True]


@pytest.mark.parametrize("form", ["WEBP", "PNG", "AVIF"])
def test_what_moves_in_another_picture_is_read_as_in_a_gif(tmp_path, form):
    path = tmp_path / "x.jpg"
    pictures = [Image.new("RGB", (40, 30), (200 * (n % 2), 0, 0)) for n in range(4)]
    pictures[0].save(path, form, save_all=True, append_images=pictures[1:], duration=[200, 40, 80, 80])
    media = probe_media(path)
    assert (media.kind, media.frames, media.duration_ns) == (MediaKind.VIDEO, 4, 400_000_000)
    frames = list(read_frames(path))
    assert [time_ns // 1_000_000 for time_ns, _ in frames] == [0, 200, 240, 320]
    assert [int(p.y.mean()) > 40 for _, p in frames] == [False, True, False, True]


def test_a_png_s_picture_for_programs_that_show_no_others_is_not_of_the_film(tmp_path):
    path = tmp_path / "x.png"
    pictures = [Image.new("RGB", (40, 30), (0, level, 0)) for level in (0, 100, 200)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], default_image=True, duration=50)
    assert probe_media(path).frames == 2
    assert min(int(picture.y.mean()) for _, picture in read_frames(path)) > 40


def test_a_video_that_begins_late_is_read_at_once(tmp_path):
    """An empty edit, or sound first, prerolls the sink by a gap, without a picture."""
    path = write_video(tmp_path / "x.mp4", frames=20, fps=10)
    path.write_bytes(with_empty_edit(path.read_bytes(), seconds=2))
    media = probe_media(path)
    assert (media.size, media.fps) == ((320, 240), 10)
    notes: list[str] = []
    assert [round(time_ns / 1e8) for time_ns, _ in read_frames(path, notes.append)] == list(range(20))
    assert notes == []


def test_a_video_that_begins_late_loses_no_beginning(tmp_path):
    """GStreamer 1.26, where its demuxer waits for data, left out as much of it as the edit is long."""
    path = write_video(tmp_path / "x.mp4", frames=30, fps=10)
    assert not begins_late(path)
    pictures = [bytes(picture.y) for _, picture in read_frames(path)]
    path.write_bytes(with_empty_edit(path.read_bytes(), seconds=1))
    assert begins_late(path)
    assert [bytes(picture.y) for _, picture in read_frames(path)] == pictures
    path.write_bytes(path.read_bytes()[:-9])
    assert not begins_late(path)


def test_a_name_that_is_no_utf_8_is_read(tmp_path):
    path = write_video(tmp_path / "x.mp4", frames=5, fps=10).rename(tmp_path / "Sch\udcfcrze.mp4")
    assert probe_media(path).frames == 5
    assert len(list(read_frames(path))) == 5


def with_empty_edit(data: bytes, seconds: int) -> bytes:
    """Put a gap before the first frame (ISO/IEC 14496-12, 8.6.6): one more entry in the track's edit list."""
    at = data.index(b"elst") - 4
    size, kind, version, count = struct.unpack_from(">I4sII", data, at)
    (timescale,) = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)
    gap = struct.pack(">IiI", seconds * timescale, -1, 0x10000)
    entry = struct.pack(">I4sII", size + 12, kind, version, count + 1) + gap
    data = data[:at] + entry + data[at + 16 :]
    for box in (b"moov", b"trak", b"edts"):
        place = data.index(box) - 4
        larger = struct.unpack_from(">I", data, place)[0] + 12
        data = data[:place] + struct.pack(">I", larger) + data[place + 4 :]
    return data


@pytest.mark.parametrize(("ratio", "width"), [("16/11", 466), ("1/1", 320), ("8/9", 284)])
def test_pixels_are_made_square(tmp_path, ratio, width):
    encoder = f"capssetter caps=video/x-raw,pixel-aspect-ratio={ratio} ! {H264}"
    path = write_video(tmp_path / "x.mp4", encoder=encoder, frames=3)
    assert abs(probe_media(path).size[0] - width) <= 1
    picture = next(read_frames(path))[1]
    assert (abs(picture.width - width) <= 1, picture.height) == (True, 240)


def test_leaving_early_leaves_nothing_behind(tmp_path):
    path = write_video(tmp_path / "x.mp4")
    frames = read_frames(path)
    _, first = next(frames)
    frames.close()
    assert first.y.max() > 100


def sound_only(path):
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))


def cut(path, share):
    write_video(path, frames=50)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


BAD = {
    "gone.mp4": (lambda path: None, "no such file"),
    "empty.mp4": (lambda path: path.touch(), "is empty; send it again"),
    "garbage.mp4": (lambda path: path.write_bytes(np.random.default_rng(1).bytes(5_000)), "can be annotated"),
    "garbage.png": (lambda path: path.write_bytes(b"\x89PNG"), "no picture"),
    "login.jpg": (lambda path: path.write_bytes(b"<html>Sign in"), "is a web page"),
    "login.mp4": (lambda path: path.write_bytes(b"<html>Sign in"), "is a web page"),
    "sound.wav": (sound_only, "no picture was found in the file"),
    "cut.mp4": (lambda path: cut(path, 0.5), "is cut short; send it again"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("use", [probe_media, lambda path: list(read_frames(path))], ids=["probe", "read"])
def test_bad_files_are_told_in_one_line(tmp_path, name, use):
    make, word = BAD[name]
    make(tmp_path / name)
    with pytest.raises(BadInput, match=word) as told:
        use(tmp_path / name)
    assert name in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("frames", [1, 2, 3, 6, 8])
def test_a_video_of_a_few_frames_gives_all_of_them(tmp_path, frames):
    path = tmp_path / "short.mp4"  # B-frames and an edit list
    how = ["-frames:v", str(frames), "-c:v", "libx264", "-pix_fmt", "yuv420p"]
    make_film(path, "testsrc=size=320x240:rate=10", *how)
    assert [at for at, _ in read_frames(path)] == [100_000_000 * one for one in range(frames)]


def test_a_stream_whose_tables_come_late_is_read_from_the_next_whole_picture(tmp_path):
    path = write_video(
        tmp_path / "late.ts", encoder=f"{H264} ! h264parse config-interval=-1", mux="mpegtsmux"
    )
    data = path.read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    tables = [int.from_bytes(packet[1:3], "big") & 0x1FFF in (0, 0x20) for packet in packets]
    assert sum(tables) > 2
    kept = [
        p
        for n, (p, table) in enumerate(zip(packets, tables, strict=True))
        if not table or n > len(packets) / 4
    ]
    path.write_bytes(b"".join(kept))
    assert 10 <= len(list(read_frames(path))) < 20
    path.write_bytes(data[57:])  # begins within a packet
    assert len(list(read_frames(path))) >= 10


@pytest.mark.parametrize("index", [b"", b"\xa5" * 600])
def test_an_avi_without_a_good_index_is_read_whole(tmp_path, index):
    path = write_video(tmp_path / "x.avi", encoder="jpegenc", mux="avimux")
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"idx1") + (8 if index else 0)] + index)
    assert len(list(read_frames(path))) == 20


def test_uneven_times_of_frames_are_kept(tmp_path):
    path = tmp_path / "uneven.mp4"
    uneven = "testsrc=size=320x240:rate=10,select='not(mod(n,3))',setpts='PTS+if(gte(N,5),8/TB,0)'"
    how = ["-frames:v", "10", *timing("vfr"), "-c:v", "libx264", "-pix_fmt", "yuv420p"]
    make_film(path, uneven, *how)
    times = [at / 1e9 for at, _ in read_frames(path)]
    assert times == pytest.approx([0.3 * n + (8 if n >= 5 else 0) for n in range(10)], abs=0.01)


def test_a_file_cut_short_is_said_aloud(tmp_path, caplog):
    path = write_video(
        tmp_path / "x.mp4", frames=60, encoder=H264, mux="mp4mux faststart=true", pattern="snow"
    )
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.4)])
    with caplog.at_level(logging.WARNING):
        count = len(list(read_frames(path)))
    assert 10 < count < 40
    assert "cut short" in caplog.text


@pytest.mark.parametrize("more", [b"", b"\0\0\0\x0cPICTabcd"])
@pytest.mark.parametrize("mux", ["mp4mux", "mp4mux faststart=true", "qtmux", "matroskamux", "avimux"])
def test_a_film_with_a_longer_sound_track_is_read_whole(tmp_path, caplog, mux, more):
    """more: a box that no standard names is a part of an MP4 like any other."""
    sound = "audiotestsrc num-buffers=700 ! audioconvert ! avenc_aac ! aacparse"
    path = write_video(
        tmp_path / "x", frames=15, encoder=f"{H264} ! h264parse ! m. {sound}", mux=f"{mux} name=m"
    )
    with path.open("ab") as file:
        file.write(more)
    assert is_whole(path)
    with caplog.at_level(logging.WARNING):
        assert len(list(read_frames(path))) == 15
    assert "cut short" not in caplog.text


@pytest.fixture(scope="module")
def long_groups(tmp_path_factory):
    """Ten seconds with a key picture every four, as phones and cameras write them; also one with sound."""
    path = tmp_path_factory.mktemp("films") / "long.mp4"
    tone = ["-f", "lavfi", "-i", "sine=440", "-c:a", "aac"]
    how = ["-t", "10", "-c:v", "libx264", "-bf", "0", "-g", "40"]
    make_film(path, "testsrc2=size=160x96:rate=10", *tone, *how)
    return path


@pytest.mark.parametrize("sound", [["-an"], []])
@pytest.mark.parametrize("suffix", ["mp4", "mov"])
@pytest.mark.parametrize(("begin", "seconds"), [(3.3, 4.0), (3.3, 6.7), (7.0, 2.5), (4.0, 4.0)])
def test_a_film_that_was_trimmed_is_read_to_its_end(
    long_groups, tmp_path, caplog, begin, seconds, suffix, sound
):
    """Its pictures from the key picture before are in the file, and an edit list skips them."""
    path = tmp_path / f"trimmed.{suffix}"
    ffmpeg("-ss", str(begin), "-t", str(seconds), "-i", long_groups, "-c", "copy", *sound, path)
    with caplog.at_level(logging.WARNING):
        times = [at for at, _ in read_frames(path)]
    assert caplog.messages == []
    assert 10 * seconds <= len(times) <= 10 * seconds + 2
    assert seconds - 0.2 <= times[-1] / 1e9 <= seconds
    assert probe_media(path).duration_ns / 1e9 == pytest.approx(seconds, abs=0.15)


@pytest.mark.parametrize(("box", "name"), [(b"mvhd", b"free"), (b"elst", b"free"), (b"edts", b"free")])
def test_a_trimmed_film_without_a_part_of_its_header_raises_nothing(long_groups, tmp_path, box, name):
    path = tmp_path / "trimmed.mp4"
    ffmpeg("-ss", "3.3", "-t", "4", "-i", long_groups, "-c", "copy", "-an", path)
    assert header_patches(path)
    path.write_bytes(path.read_bytes().replace(box, name))
    assert not header_patches(path)


def test_fragments_with_an_edit_without_a_duration_are_read_as_they_are(tmp_path):
    path = tmp_path / "fragments.mp4"
    how = ["-c:v", "libx264", "-bf", "2", "-g", "10", "-movflags", "frag_keyframe+empty_moov+delay_moov"]
    make_film(path, "testsrc2=size=160x96:rate=5", "-t", "6", *how)
    assert b"elst" in path.read_bytes()
    assert not header_patches(path)
    assert len(list(read_frames(path))) == 30


def test_what_a_header_announces_is_compared_with_the_file(tmp_path):
    for mux in ("mp4mux faststart=true", "matroskamux", "avimux"):
        path = write_video(tmp_path / "x", frames=10, mux=f"h264parse ! {mux}")
        data = path.read_bytes()
        assert is_whole(path), mux
        path.write_bytes(data[: len(data) * 2 // 3])
        assert not is_whole(path), mux
        assert not header_patches(path)
    path.write_bytes(bytes(100))
    assert not is_whole(path)
