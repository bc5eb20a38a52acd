"""The model of marks as a file: OpenVINO runs it, and TensorRT reads it with its own operators alone."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import numpy_helper

from engines.deepstream.nvinfer_config import MARK_OUTPUTS
from engines.manifest import Decoder, read_manifest
from engines.marks.types import VECTOR

(MARKS,) = (model for model in read_manifest().values() if model.decoder is Decoder.MARKS)
TOP = 20
NATIVE = frozenset(
    """
    Add AveragePool BatchNormalization Cast Clip Concat Constant ConstantOfShape Conv ConvTranspose Div Equal
    Exp Expand Flatten Gather GatherElements Gemm GlobalAveragePool GridSample Identity LessOrEqual MatMul
    MaxPool Mul Pad Pow ReduceL2 ReduceMax ReduceMean Relu Reshape Resize Shape Sigmoid Slice Softmax Split
    Sqrt Squeeze Sub TopK Transpose Unsqueeze Where
    """.split()  # noqa: SIM905 a list of words
)
"""Some that onnx-tensorrt's operators.md has for both 8.6 and 10.1 (GridSample and TopK since 8.5)."""
MAX_BEST = 3840
"""K of TopK, from the same table."""


@cache
def graph() -> onnx.GraphProto:
    return onnx.load(MARKS.path).graph


def test_inputs_and_outputs_are_those_that_nvinfer_is_told_of() -> None:
    def shapes(values: object) -> dict[str, list[object]]:
        return {
            value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
            for value in values  # type: ignore[attr-defined]  # protobuf's repeated fields
        }

    assert shapes(graph().input) == {"picture": ["batch", 3, MARKS.input.height, MARKS.input.width]}
    expected = {"boxes": ["batch", TOP, 4], "scores": ["batch", TOP], "vectors": ["batch", TOP, VECTOR]}
    assert shapes(graph().output) == expected
    assert tuple(expected) == MARK_OUTPUTS
    floats = [value.type.tensor_type.elem_type for value in (*graph().input, *graph().output)]
    assert set(floats) == {onnx.TensorProto.FLOAT}
    assert onnx.load(MARKS.path).opset_import[0].version <= 17  # the most that TensorRT 8.6 reads


def test_every_operator_is_one_that_tensorrt_has() -> None:
    assert {node.op_type for node in graph().node} - NATIVE == set()
    assert all(node.domain in ("", "ai.onnx") for node in graph().node)


def test_operators_are_used_as_tensorrt_takes_them() -> None:
    held = {one.name: numpy_helper.to_array(one) for one in graph().initializer}
    held |= {
        node.output[0]: numpy_helper.to_array(node.attribute[0].t)
        for node in graph().node
        if node.op_type == "Constant"
    }
    for node in graph().node:
        given = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        if node.op_type in ("Conv", "ConvTranspose", "Gemm"):
            assert all(name in held for name in node.input[1:]), f"{node.name}: its weights are no weights"
        if node.op_type == "TopK":
            assert (int(held[node.input[1]].item()) < MAX_BEST, given.get("sorted", 1)) == (True, 1)
        if node.op_type == "GridSample":
            assert given["mode"] in (b"bilinear", b"nearest")
        if node.op_type == "Resize":
            assert given["mode"] in (b"nearest", b"linear")
        if node.op_type == "MaxPool":
            assert (len(node.output), set(given.get("dilations", [1]))) == (1, {1})


@pytest.mark.parametrize("count", [1, 3])
def test_a_batch_says_what_its_pictures_say(count: int) -> None:
    rng = np.random.default_rng(5)
    coarse = rng.uniform(0, 255, (count, 3, MARKS.input.height // 16, MARKS.input.width // 16))
    pixels = np.repeat(np.repeat(coarse, 16, 2), 16, 3).astype(np.float32)
    model = ov.Core().compile_model(str(MARKS.path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    together = {key.get_any_name(): values.copy() for key, values in model(pixels).items()}
    last = {key.get_any_name(): values for key, values in model(pixels[-1:]).items()}
    for name in MARK_OUTPUTS:
        np.testing.assert_allclose(together[name][-1], last[name][0], atol=2e-3)
    assert np.linalg.norm(together["vectors"], axis=2) == pytest.approx(1, abs=1e-3)
