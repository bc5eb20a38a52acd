"""The page's H.264: real frames in, ffmpeg's own reading of what comes out."""

import json
import shutil
import subprocess
import threading
import time

import cv2
import numpy as np
import pytest

from engines.image import I420
from pipelines.outputs import fragments
from pipelines.outputs.fragments import Fragment, FragmentOutput
from pipelines.outputs.jpeg import encode_jpeg
from tests.fakes.redacted import plain, redacted
from tests.waiting import wait_for

FPS = 5
STEP = 1_000_000_000 // FPS


@pytest.fixture
def output():
    made = FragmentOutput({"entrance": FPS, "till": FPS})
    yield made
    made.close()


def watch(output: FragmentOutput, camera: str = "entrance") -> list[Fragment]:
    got: list[Fragment] = []
    output.watch(camera, got.append)
    return got


def film(output: FragmentOutput, count: int, *, first: int = 0, size=(320, 240), camera="entrance") -> None:
    """Publish frames one by one: each is out of the encoder before the next goes in."""
    for number in range(first, first + count):
        before = output.encoded
        output.publish(plain(*size, luma=40 + number % 99, camera=camera, captured_at=7_000 + number * STEP))
        wait_for(lambda before=before: output.encoded > before)


def probe(tmp_path, got: list[Fragment]) -> dict:
    path = tmp_path / "live.mp4"
    path.write_bytes(got[0].stream.init + b"".join(one.data for one in got))
    command = [
        "ffprobe",
        "-v",
        "error",
        "-count_frames",
        "-show_streams",
        "-show_packets",
        "-of",
        "json",
        path,
    ]
    done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    assert done.stderr == b""
    return json.loads(done.stdout)


def test_each_picture_is_out_before_the_next_goes_in_and_ffmpeg_plays_them(output, tmp_path):
    if not shutil.which("ffprobe"):
        pytest.skip("ffprobe is not installed (apt: ffmpeg)")
    got = watch(output)
    film(output, 25)
    seen = probe(tmp_path, got)
    (stream,) = seen["streams"]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", 320, 240)
    assert stream["nb_read_frames"] == "25"
    times = [float(packet["pts_time"]) for packet in seen["packets"]]
    assert times == pytest.approx([number / FPS for number in range(25)])
    assert [n for n, one in enumerate(got) if one.keyframe] == [0, 10, 20]
    assert got[0].stream.began_at == 7_000
    assert got[0].stream.codecs.startswith("avc1.42")


def test_who_comes_later_begins_at_the_newest_keyframe(output, tmp_path):
    watch(output)
    film(output, 13)
    late = watch(output)
    film(output, 1, first=13)
    wait_for(lambda: len(late) == 4)
    assert [one.keyframe for one in late] == [True, False, False, False]
    if shutil.which("ffprobe"):
        seen = probe(tmp_path, late)
        assert seen["streams"][0]["nb_read_frames"] == "4"
        assert float(seen["packets"][0]["pts_time"]) == pytest.approx(10 / FPS)


def test_after_a_change_of_masks_nobody_gets_a_picture_of_before(output):
    """Who opened a watched camera then got all since its last keyframe, redacted by the masks of before."""
    early, other = watch(output), watch(output, "till")
    film(output, 3)
    film(output, 1, camera="till")
    output.forget_pictures("entrance")
    late = watch(output)
    assert late == []
    assert early[-1].stream is fragments.NO_STREAM
    film(output, 1, first=3)
    wait_for(lambda: len(late) == 1)
    assert late[0].keyframe
    assert late[0].stream is early[-1].stream is not early[0].stream
    assert len(early) == 5
    film(output, 1, first=1, camera="till")
    assert [one.stream for one in other] == [other[0].stream] * 2


def test_a_frame_on_its_way_to_the_encoder_is_let_go_with_those_of_before(output, monkeypatch):
    got, taken = watch(output), threading.Event()

    def idle():
        if not taken.is_set():
            taken.set()
            output.forget_pictures("entrance")
        return []

    monkeypatch.setattr(output, "_idle", idle)
    output.publish(plain(320, 240, captured_at=7_000))
    wait_for(lambda: output.dropped == 1)
    film(output, 1, first=1)
    assert [one.stream is fragments.NO_STREAM for one in got] == [True, False]


def test_one_encoder_for_all_and_only_while_watched(output):
    assert not output.wanted("entrance")
    output.publish(plain())
    viewings = [output.watch("entrance", lambda _: None) for _ in range(20)]
    film(output, 3)
    assert output.encoded == 3
    assert output.watched("entrance") == 20
    assert not output.wanted("till")
    for viewing in viewings:
        assert output._cameras["entrance"].encoder
        output.unwatch(viewing)
    wait_for(lambda: not output._cameras["entrance"].encoder)


@pytest.mark.parametrize("change", [{"size": (640, 480)}, {"first": 1000}])
def test_another_size_or_a_jump_in_time_begins_a_new_stream(output, change):
    got = watch(output)
    film(output, 2)
    film(output, 2, **({"first": 2} | change))
    assert [one.keyframe for one in got] == [True, False, True, False]
    assert got[1].stream is got[0].stream
    assert got[2].stream is got[3].stream is not got[0].stream


def test_pictures_wider_than_the_page_shows_are_scaled(output, tmp_path):
    got = watch(output)
    film(output, 1, size=(1921, 1081))
    assert got[0].stream.frame_size == (1921, 1081)
    if shutil.which("ffprobe"):
        stream = probe(tmp_path, got)["streams"][0]
        assert (stream["width"], stream["height"]) == (1280, 720)


def test_a_camera_that_cannot_be_encoded_touches_no_other(output, monkeypatch, caplog):
    now = [0.0]
    monkeypatch.setattr(output, "_clock", lambda: now[0])
    small, got = watch(output, "till"), watch(output)
    for number in range(3):
        output.publish(plain(8, 8, camera="till", captured_at=1 + number * STEP))
        film(output, 1, first=number)
    assert len(got) == 3
    assert small == []
    assert len(caplog.records) == 1
    now[0] = fragments.AGAIN_S
    film(output, 1, camera="till")
    assert len(small) == 1


def test_it_ends_from_every_state():
    for how_far in range(4):
        output = FragmentOutput({"entrance": FPS})
        viewing = output.watch("entrance", lambda _: None) if how_far else None
        if how_far > 1:
            film(output, 1)
        if how_far > 2:
            output.publish(plain(320, 240, captured_at=10 * STEP))
            output.unwatch(viewing)
        begun = time.monotonic()
        output.close()
        output.close()
        assert time.monotonic() - begun < 60
        assert not output._cameras["entrance"].encoder
        assert not output._thread.is_alive()
        output.publish(plain())


def test_takes_redacted_frames_alone(output):
    with pytest.raises(TypeError):
        output.publish(object())


def test_a_still_scene_takes_a_fraction_of_what_jpegs_take(output):
    got, jpegs = watch(output), 0
    noise = np.random.default_rng(1)
    still = cv2.resize(noise.integers(60, 180, (60, 80), np.uint8), (640, 480))
    for number in range(20):
        pixels = I420.black(640, 480)
        pixels.y[:] = still
        jpegs += len(encode_jpeg(pixels, 75))
        before = output.encoded
        output.publish(redacted(pixels, captured_at=1 + number * STEP))
        wait_for(lambda before=before: output.encoded > before)
    assert sum(len(one.data) for one in got) < jpegs / 3
