"""USB cameras: most give more than a few frames a second of a large picture as JPEG only, some H.264."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipelines.deepstream.graph.build import build_graph, engine_files
from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline
from pipelines.deepstream.runtime.elements import Gst
from tests.fakes.deepstream import FakeElementFactory
from tests.fakes.nvidia_decoder import nvidia_decoder
from tests.pipelines.deepstream.stores import BOXES, store

if TYPE_CHECKING:
    from pathlib import Path

WAIT_S = 60
GIVES = {
    "raw": "capsfilter caps=video/x-raw,format=YUY2",
    "jpeg": "jpegenc",
    "h264": "x264enc tune=zerolatency key-int-max=3 ! h264parse",
}


class UsbCameras(FakeElementFactory):
    """Makes a camera that gives one format alone of each v4l2src."""

    gives = ""

    def make(self, factory: str, name: str) -> Any:
        if factory != "v4l2src":
            return super().make(factory, name)
        made: Any = Gst.parse_bin_from_description(
            f"videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=10/1 ! {self.gives}",
            True,
        )
        made.set_name(name)
        return made


@pytest.mark.parametrize("gives", sorted(GIVES))
@pytest.mark.parametrize("box", ["orin-legacy-blur", "dgpu-legacy-blur"])
def test_a_usb_camera_is_read_whatever_it_gives(tmp_path: Path, box: str, gives: str) -> None:
    settings, factory = store(tmp_path, ["/dev/video0"], "nothing"), UsbCameras(BOXES[box])
    factory.gives = GIVES[gives]
    graph, _ = build_graph(settings, BOXES[box], engine_files(settings))
    camera = BuiltPipeline(graph, factory).camera_bin("c0")
    pipeline: Any = Gst.Pipeline.new(None)
    sink: Any = Gst.ElementFactory.make("appsink", None)
    sink.set_property("sync", False)
    for element in (camera, sink):
        pipeline.add(element)
    camera.link(sink)
    with nvidia_decoder():  # as on the box: NVIDIA's decoder would be taken before all software
        pipeline.set_state(Gst.State.PLAYING)
        sample = sink.emit("try-pull-sample", WAIT_S * Gst.SECOND)
        error = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
        pipeline.set_state(Gst.State.NULL)
    assert error is None or sample is not None, error.parse_error()
    assert sample is not None
    assert "memory:NVMM" in sample.get_caps().to_string()
