"""What the CPU reads on a box with DeepStream: uploads, films to annotate, and USB cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engines.paths import ROOT
from pipelines.cpu import gst
from pipelines.cpu.decoding import decode_any
from pipelines.cpu.gst import Gst
from pipelines.offline.reader import read_frames
from tests.fakes.nvidia_decoder import NAME, nvidia_decoder

if TYPE_CHECKING:
    from collections.abc import Iterator

FILM = ROOT / "pipelines/deepstream/self-check.mp4"
WAIT_S = 60


@pytest.fixture(autouse=True)
def _deepstream_is_installed() -> Iterator[None]:
    with nvidia_decoder():
        yield


def test_the_stand_in_is_what_decodebin_would_take() -> None:
    pipeline: Any = Gst.parse_launch(
        f"filesrc location={FILM} ! decodebin name=decode force-sw-decoders=true ! fakesink async=false"
    )
    pipeline.set_state(Gst.State.PLAYING)
    wanted = Gst.MessageType.ERROR | Gst.MessageType.EOS
    assert pipeline.get_bus().timed_pop_filtered(WAIT_S * Gst.SECOND, wanted) is not None
    made = [one.get_factory().get_name() for one in pipeline.get_by_name("decode").children]
    pipeline.set_state(Gst.State.NULL)
    assert NAME in made


def test_a_film_is_read() -> None:
    pictures = list(read_frames(FILM))
    assert len(pictures) > 10


def test_a_usb_camera_that_sends_jpeg_is_read() -> None:
    pipeline = gst.pipeline_to_i420(max_buffers=1, drop=False, sync=False)
    made: Any = Gst.parse_bin_from_description("videotestsrc num-buffers=3 ! jpegenc", True)
    gst.chain(pipeline, made, decode_any(max_threads=1))
    pipeline.set_state(Gst.State.PLAYING)
    sample = pipeline.get_by_name(gst.SINK).emit("try-pull-sample", WAIT_S * Gst.SECOND)
    pipeline.set_state(Gst.State.NULL)
    assert sample is not None
