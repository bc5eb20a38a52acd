"""The start of GStreamer from many threads at once, as cameras do it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.paths import ROOT
from pipelines.cameras.source import SourceLost
from pipelines.cpu import gst
from pipelines.cpu.gst import Gst, GstVideo
from tests.fakes.scenes import noise

if TYPE_CHECKING:
    from engines.image import I420

RACE = """
import threading
from pipelines.cpu import gst
go, made = threading.Barrier(8), []
def camera():
    go.wait()
    gst.init()
    made.append(gst.make("appsink"))
threads = [threading.Thread(target=camera) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(made))
"""


def test_every_thread_finds_every_element_whoever_comes_first():
    runs = [
        subprocess.Popen([sys.executable, "-c", RACE], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)
    ]
    assert [run.communicate(timeout=120)[0] for run in runs] == [b"8\n"] * 3


SIDES = st.integers(1, 41)


def padded(picture: I420, spare: list[int], before: int, *, short: int = 0) -> Any:
    """Return a sample whose rows are longer than the picture's, as hardware decoders give them."""
    gst.init()
    data, strides, offsets = bytearray(b"\x07" * before), [], []
    for plane, more in zip((picture.y, picture.u, picture.v), spare, strict=True):
        wide = np.full((plane.shape[0], plane.shape[1] + more), 255, np.uint8)
        wide[:, : plane.shape[1]] = plane
        strides.append(wide.shape[1])
        offsets.append(len(data))
        data += wide.tobytes() + b"\x07" * before
    buffer = Gst.Buffer.new_wrapped(bytes(data[: len(data) - short]))
    if before or any(spare):
        GstVideo.buffer_add_video_meta_full(
            buffer,
            GstVideo.VideoFrameFlags.NONE,
            GstVideo.VideoFormat.I420,
            picture.width,
            picture.height,
            3,
            [*offsets, 0],
            [*strides, 0],
        )
    size = f"width={picture.width},height={picture.height}"
    caps = Gst.Caps.from_string(f"video/x-raw,format=I420,{size},framerate=1/1,colorimetry=2:3:5:1")
    return Gst.Sample.new(buffer, caps, None, None)


@settings(max_examples=80, deadline=None)
@given(SIDES, SIDES, st.lists(st.integers(1, 70), min_size=3, max_size=3), st.integers(0, 9))
def test_a_picture_is_read_right_whatever_its_size_and_padding(
    width: int, height: int, spare: list[int], before: int
) -> None:
    picture = noise(width, height)
    assert gst.copy_i420(padded(picture, spare, before)).tobytes() == picture.tobytes()


def test_a_frame_too_short_for_its_size_is_refused() -> None:
    picture = noise(33, 17)
    with pytest.raises(SourceLost):
        gst.copy_i420(padded(picture, [3, 5, 7], 2, short=30))
