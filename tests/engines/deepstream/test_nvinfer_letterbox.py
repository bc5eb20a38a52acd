"""The same frame through nvinfer's way into the network and back, and through ours."""

from __future__ import annotations

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.colour import from_bgr
from engines.decoding import thresholds_of
from engines.deepstream.nvinfer_config import BEST_K
from engines.detector import Detector
from engines.letterbox import Fit
from engines.manifest import ChannelOrder, Decoder, read_manifest
from engines.nms import overlaps
from engines.openvino_runtime import Network, Precision
from engines.paths import ROOT
from tests.fakes.nvinfer import NvFit, parse

MODELS = {name: m for name, m in read_manifest().items() if m.decoder is Decoder.TF_SSD}
ASTRONAUT = ROOT / "scripts" / "demo" / "assets" / "astronaut.jpg"
SIDES = st.integers(120, 2048).map(lambda half: 2 * half)  # cameras have even sides
NETWORKS = sorted({(model.input.width, model.input.height) for model in MODELS.values()})


@given(frame=st.tuples(SIDES, SIDES), network=st.sampled_from(NETWORKS))
def test_both_put_the_frame_at_the_same_place(frame: tuple[int, int], network: tuple[int, int]) -> None:
    ours, theirs = Fit.of(frame, network), NvFit.of(frame, network)
    # ours has even sides and offsets, for its chroma planes; theirs an even source
    assert abs(ours.width - theirs.width) <= 3
    assert abs(ours.height - theirs.height) <= 3
    assert abs(ours.left - theirs.left) <= 3
    assert abs(ours.top - theirs.top) <= 3


@pytest.mark.parametrize(
    "frame", [(640, 480), (704, 576), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160)]
)
@pytest.mark.parametrize("network", NETWORKS)
def test_usual_cameras_lie_within_a_pixel(frame: tuple[int, int], network: tuple[int, int]) -> None:
    ours, theirs = Fit.of(frame, network), NvFit.of(frame, network)
    corners = np.array([[0, 0, *frame]], np.float32)
    seen = corners[0] * np.array([theirs.ratio_x, theirs.ratio_y] * 2)
    seen = seen + np.array([theirs.left, theirs.top] * 2)
    assert np.abs(ours.to_input(corners)[0] - seen).max() <= 1.5


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_same_boxes_come_out_of_both(name: str) -> None:
    model = MODELS[name]
    network_size = (model.input.width, model.input.height)
    frame = np.full((720, 1280, 3), 128, np.uint8)
    frame[:, 400:1120] = cv2.resize(np.asarray(cv2.imread(str(ASTRONAUT))), (720, 720))
    network = Network(model, threads=1, precision=Precision.FP32)
    mine = Detector(model, network).detect([from_bgr(frame)])[0]

    fit = NvFit.of((1280, 720), network_size)
    slot = network.take()
    drawn = fit.draw(frame, network_size)
    slot.pixels[:] = np.asarray(
        drawn if model.input.order is ChannelOrder.BGR else drawn[..., ::-1], np.uint8
    )
    slot.start()
    theirs = parse(slot.result(120), fit, network_size, thresholds_of(model), model.nms_iou)

    strong = mine.scores > 0.45
    assert strong.any()
    assert theirs.classes[0] == mine.classes[0]
    assert overlaps(mine.boxes[strong], theirs.boxes).max(axis=1).min() > 0.9


@pytest.mark.parametrize("name", sorted(MODELS))
def test_graphs_have_what_nvinfer_needs(name: str) -> None:
    graph = onnx.load(str(MODELS[name].path)).graph
    assert [i.name for i in graph.input] == ["input"]
    batch, channels, high, wide = graph.input[0].type.tensor_type.shape.dim
    assert (channels.dim_value, batch.dim_value, high.dim_value, wide.dim_value) == (3, 0, 0, 0)  # 0: any
    outputs = {o.name: o.type.tensor_type for o in graph.output}
    assert set(outputs) == {"detection_boxes", "detection_scores", "detection_classes"}
    assert all(o.elem_type == onnx.TensorProto.FLOAT for o in outputs.values())
    assert outputs["detection_scores"].shape.dim[1].dim_value <= BEST_K
    assert {node.domain for node in graph.node} <= {"", "ai.onnx"}  # no source_bin-in
