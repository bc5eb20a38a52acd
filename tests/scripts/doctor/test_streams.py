"""`msh doctor`: key frames, order of pictures, size and clock of a camera."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from pipelines.cameras.source import SourceLost, SourceSpec
from pipelines.cameras.states import Cause
from pipelines.cpu.stream_look import StreamFacts, look_at_stream
from pipelines.settings import load_settings
from scripts.doctor.streams import judge_stream, look_at_streams
from tests.fakes.rtsp_camera import RtspCamera, moving_square
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def test_a_real_stream_tells_key_frames_and_its_clock() -> None:
    with RtspCamera(moving_square(count=30), fps=10) as camera:
        spec = SourceSpec("door", camera.url)

        def look() -> StreamFacts | None:
            try:
                return look_at_stream(spec, 60, 120, now_s=lambda: time.time() + 5000)
            except SourceLost as lost:
                if lost.cause is not Cause.BUSY:  # as a server on a busy machine answers that gives up
                    raise
            return None

        facts = wait_for(look, 600)
    assert (facts.codec, facts.size, facts.reordered) == ("H264", (320, 240), False)
    assert facts.key_s is not None
    assert len(facts.keys) >= 3
    assert facts.ahead_s == pytest.approx(-5000, abs=100)


def test_a_camera_that_hangs_up_after_some_pictures_is_told() -> None:
    """It had a first picture, and nothing more was said of it."""
    launch = (
        "( videotestsrc num-buffers=25 is-live=true ! video/x-raw,width=320,height=240,framerate=10/1"
        " ! x264enc tune=zerolatency key-int-max=100 ! rtph264pay name=pay0 config-interval=-1 )"
    )
    with RtspCamera(launch=launch) as camera:
        facts = look_at_stream(SourceSpec("door", camera.url), 300, 300)
    assert facts is not None
    (found,) = judge_stream("door", facts, 10)
    assert (found.level.value, "lost after" in found.found, "(ended)" in found.found) == ("warn", True, True)


GOOD = StreamFacts((1280, 720), "H264", 10, 250, 1.0, False, 0.2)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (GOOD, ["ok H264 1280x720, 25 frames/s, a key frame every 1.0 s", "ok 0.2 s ahead"]),
        (StreamFacts((1280, 720), "H264", 10, 250, 8.0), ["warn key frames are rare"]),
        (
            StreamFacts((1280, 720), "H265", 10, 250),
            ["warn one key frame or none", "warn key frames are rare"],
        ),
        (StreamFacts((1280, 720), "", 10, 250), ["ok JPEG 1280x720, 25 frames/s"]),
        (StreamFacts((3840, 2160), "H264", 10, 250, 2, True), ["B-frames", "larger than is analysed"]),
        (StreamFacts((1280, 720), "H264", 10, 40, 2), ["warn 10 frames/s are asked for"]),
        (StreamFacts((1280, 720), "H264", 10, 250, 2, False, -3600), ["ok H264", "warn 3600.0 s behind"]),
    ],
)
def test_what_a_camera_sends_is_judged(facts: StreamFacts, words: list[str]) -> None:
    found = list(judge_stream("door", facts, 10))
    lines = [f"{one.level.value} {one.found}" for one in found]
    for word in words:
        level, _, rest = word.partition(" ")
        level, rest = (level, rest) if level in ("ok", "warn") else ("", word)
        assert any(line.startswith(level) and rest in line for line in lines), (word, lines)
    assert all(one.mend for one in found if one.level.value == "warn")


@pytest.mark.parametrize(
    ("size", "level", "words"),
    [
        ((640, 360), "ok", "H264 640x360"),
        ((704, 400), "ok", "704x400"),
        ((704, 576), "warn", "another shape"),
        ((1280, 720), "warn", "not smaller"),
        (None, "warn", "gives no picture"),
    ],
)
def test_a_sub_stream_is_smaller_and_shows_the_same(
    size: tuple[int, int] | None, level: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "store.yaml"
    path.write_text(
        "version: 1\nstore: {id: s, name: S, timezone: UTC, currency: EUR}\ncameras:\n"
        "  door: {source: 'rtsp://10.0.0.1/a', sub_source: 'rtsp://10.0.0.1/b'}\n"
    )

    def look(spec: SourceSpec, _timeout: float, _watch: float) -> StreamFacts | None:
        if spec.source.endswith("/a"):
            return GOOD
        return None if size is None else StreamFacts(size, "H264", 10, 150, 1.0)

    (found,) = (
        one for one in look_at_streams(load_settings(path, env={}), 1, look) if one.name == "sub-stream door"
    )
    assert (found.level.value, words in found.found) == (level, True), found
    assert found.mend or level == "ok"


def test_cameras_without_a_picture_are_told_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "store.yaml"
    path.write_text(
        "version: 1\nstore: {id: s, name: S, timezone: UTC, currency: EUR}\ncameras:\n"
        "  door: {source: 'rtsp://10.0.0.1/a'}\n  usb: {source: /dev/video0}\n  till: {source: 'rtsp://10.0.0.2/a'}\n"
    )
    settings = load_settings(path, env={})
    asked: list[str] = []

    def look(spec: SourceSpec, _timeout: float, _watch: float) -> StreamFacts | None:
        asked.append(spec.camera)
        return GOOD if spec.camera == "till" else None

    assert [one.name for one in look_at_streams(settings, 1, look)] == ["stream till", "clock till"]
    assert sorted(asked) == ["door", "till"]
