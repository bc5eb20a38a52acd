"""What waits for a camera's decoder is decoded, and not thrown away up to the next key frame."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipelines.cameras.loss_guard import LossGuard
from pipelines.cameras.source import SourceSpec
from pipelines.cpu import decoding, gst, source
from pipelines.deepstream.runtime import source_bin
from tests.fakes.rtsp_camera import RtspCamera, moving_square
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pipelines.cameras.source import Source

FPS = 10
PICTURES = moving_square(96, 64, count=3 * FPS)
"""Each tenth of them is a key frame, of a few packets; each other one is a packet."""


def number_of(opened: Source) -> int:
    """Return which of PICTURES comes next, -1 for none."""
    if not opened.wait(0.1):
        return -1
    luma = opened.take().y.astype(int)
    return int(np.argmin([np.abs(luma - picture.y).mean() for picture in PICTURES]))


class HeldGuard(LossGuard):
    """Keeps the decoder's thread while it is held, as a busy machine does."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.free.set()

    def _pass(self, pad: Any, info: Any) -> Any:
        self.free.wait(300)
        return super()._pass(pad, info)


def test_a_pause_costs_no_picture() -> None:
    """What came after 100 ms of it was thrown away, and all up to the next key frame withheld.

    So it was after pauses of the network: of 25 pictures a second came 8 where 0.3 s of each were silent.
    """
    gst.init()
    guard = HeldGuard()
    with RtspCamera(PICTURES, fps=FPS) as camera:
        opened = source.GstSource(SourceSpec("door", camera.url), guard=guard)
        with contextlib.closing(opened):
            wait_for(lambda: number_of(opened) >= 0)
            guard.free.clear()
            wait_for(lambda: camera.frames_sent >= FPS + 5)
            camera.stall()
            guard.free.set()
            last = camera.frames_sent - 1
            wait_for(lambda: number_of(opened) in (last - 1, last))  # its server may hold one back
            assert opened.take_withheld() == 0


def test_what_comes_before_the_decoder_is_there_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first key frame was thrown away on a busy machine: no picture until the second, 1 to 20 s later."""
    with RtspCamera(PICTURES, fps=FPS) as camera:

        def late(*arguments: Any) -> None:
            wait_for(lambda: camera.frames_sent >= FPS - 1)
            camera.stall()
            decoding.link_rtp(*arguments)

        monkeypatch.setattr(source, "link_rtp", late)
        with contextlib.closing(source.open_source(SourceSpec("door", camera.url))) as opened:
            wait_for(lambda: 0 <= number_of(opened) < FPS)


@pytest.mark.parametrize(("factory", "leaky"), [("rtspsrc", "downstream"), ("filesrc", "no")])
def test_deepstream_throws_away_only_what_a_camera_sends_and_its_decoder_does_not_take(
    factory: str, leaky: str
) -> None:
    gst.init()
    box, call, queue = gst.Gst.Bin.new("source"), gst.make(factory), gst.make("queue")
    box.add(call)
    for element in (call, queue):
        source_bin._configure(box, box, element, source_bin.RtspAccess(), [], LossGuard())
    assert queue.get_property("leaky").value_nick == leaky
    assert factory == "filesrc" or not call.get_property("drop-on-latency")
