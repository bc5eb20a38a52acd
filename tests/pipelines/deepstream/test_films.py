"""Films that DeepStream's file source does not play whole: they are named, with a remedy that works."""

from __future__ import annotations

import logging
import shutil
import subprocess

import gi
import pytest

from pipelines.cameras.movie_header import header_patches
from pipelines.deepstream.checks.store_check import LEFT_OUT, check_store
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import rtsp, store
from tests.waiting import wait_for

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

Gst.init(None)


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A film whose first pictures an edit list skips, as phones trim, and one much shorter than its sound."""
    folder = tmp_path_factory.mktemp("films")
    _ffmpeg(*_test_pictures(10), "-bf", "0", "-g", "40", folder / "long.mp4")
    _ffmpeg("-ss", "3.3", "-t", "4", "-i", folder / "long.mp4", "-c", "copy", folder / "trimmed.mp4")
    sound = ["-f", "lavfi", "-t", "8", "-i", "sine=440"]
    _ffmpeg(*_test_pictures(1), *sound, "-bf", "0", folder / "short.mp4")
    return folder


def _test_pictures(seconds):
    return ["-f", "lavfi", "-t", str(seconds), "-i", "testsrc2=size=160x96:rate=10"]


def _ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *arguments], check=True, timeout=300)


def _frames_of(path):
    """Play a film as nvurisrcbin does (populate_uri_bin, 9.1), by GStreamer's own decoders."""
    play = f"uridecodebin uri={path.as_uri()} caps=video/x-raw ! fakesink name=sink sync=false"
    pipeline, frames = Gst.parse_launch(play), []

    def note(_pad, _info):
        frames.append(1)
        return Gst.PadProbeReturn.OK

    pipeline.get_by_name("sink").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, note)
    pipeline.set_state(Gst.State.PLAYING)
    kinds = Gst.MessageType.EOS | Gst.MessageType.ERROR
    message = pipeline.get_bus().timed_pop_filtered(300 * Gst.SECOND, kinds)
    pipeline.set_state(Gst.State.NULL)
    assert message is not None
    return len(frames)


@pytest.mark.parametrize(("name", "frames"), [("trimmed.mp4", 40), ("short.mp4", 10)])
def test_a_film_that_is_not_played_whole_is_named_with_a_remedy_that_works(
    tmp_path, films, caplog, name, frames
):
    settings = store(tmp_path, [name])
    path, new = tmp_path / name, tmp_path / "new.mp4"
    shutil.copy(films / name, path)
    (line,) = [line for line in check_store(settings) if name in line]
    assert line.startswith(f"c0: {path}: ")
    if Gst.version() < (1, 24) or name != "trimmed.mp4":  # newer ones play it whole, DeepStream 7 has 1.20
        assert _frames_of(path) < frames
    remedy = line.partition("by: ")[2].split()
    _ffmpeg(*({"FILM": str(path), "NEW.mp4": str(new)}.get(word, word) for word in remedy[1:]))
    assert _frames_of(new) == frames

    def put_back(settings):
        shutil.copy(films / name, path)
        return settings

    with caplog.at_level(logging.WARNING), running(tmp_path, [name], change=put_back):
        wait_for(lambda: any(f"camera {line}" == message for message in caplog.messages))
    shutil.copy(new, path)
    assert not any(name in line for line in check_store(settings))


def test_a_film_that_a_reload_brings_is_named_too(tmp_path, films, caplog):
    kept, path = [], tmp_path / "trimmed.mp4"
    shutil.copy(films / "trimmed.mp4", path)

    def take_up(run, **fields):
        camera = kept[0].cameras["c0"].model_copy(update=fields)
        changed = kept[0].model_copy(update={"cameras": {**kept[0].cameras, "c0": camera}})
        run.platform.reconfigure(changed, lambda _at: None)

    def keep(settings):
        kept.append(settings)
        return settings

    with caplog.at_level(logging.WARNING), running(tmp_path, rtsp(2), change=keep) as run:
        run.platform.start()
        for times in (1, 2):
            take_up(run, source=str(path))
            wait_for(lambda times=times: caplog.messages.count(f"camera c0: {path}: {LEFT_OUT}") == times)
            take_up(run, source=str(path), enabled=False)


@pytest.mark.parametrize("rate", [2, 5, 10])
def test_a_slow_film_with_pictures_out_of_order_is_played_whole_and_not_named(tmp_path, rate):
    """Its edit list skips the time to the first picture, which is as long as in a film that was trimmed."""
    settings, path = store(tmp_path, ["slow.mp4"]), tmp_path / "new.mp4"
    source = ["-f", "lavfi", "-t", "10", "-i", f"testsrc2=size=160x96:rate={rate}"]
    _ffmpeg(*source, "-c:v", "libx264", "-bf", "3", path)
    assert header_patches(path)
    shutil.copy(path, tmp_path / "slow.mp4")
    assert _frames_of(path) == 10 * rate
    assert not any("slow.mp4" in line for line in check_store(settings))
