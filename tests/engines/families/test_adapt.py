"""Each family's outputs, drawn at random, decoded by the graph and by its formulas written out again here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from engines.decoding import OUTPUTS
from engines.errors import BadInput
from engines.families.adapt import Wish, adapt
from engines.families.family import Family, Scale
from engines.families.graph import Editor
from tests.fakes.networks import network_file as file_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ov = pytest.importorskip("openvino")
Floats = Any
RNG = np.random.default_rng(7)
WIDE, TALL, CLASSES, QUERIES = 96, 64, 5, 40
KEEP = ("person", None, "handbag", "tie", None)


def answer(path: Path, fill: float = 128.0) -> tuple[Floats, Floats, Floats]:
    run = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = run([np.full((1, 3, TALL, WIDE), fill, np.float32)])
    return tuple(found[name][0] for name in OUTPUTS)  # type: ignore[return-value]


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def corners(centred: Floats) -> Floats:
    x, y, w, h = np.moveaxis(centred, -1, 0)
    return np.clip(np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], -1), 0, 1)


def yolox(_: Family) -> tuple[dict[str, Floats], Floats, Floats]:
    cells = [(s, x, y) for s in (8, 16, 32) for y in range(TALL // s) for x in range(WIDE // s)]
    raw = RNG.normal(0, 0.6, (1, len(cells), 5 + CLASSES)).astype(np.float32)
    raw[..., 4:] = sigmoid(raw[..., 4:])
    boxes = np.array(
        [
            [
                (row[0] + x) * s / WIDE,
                (row[1] + y) * s / TALL,
                np.exp(row[2]) * s / WIDE,
                np.exp(row[3]) * s / TALL,
            ]
            for (s, x, y), row in zip(cells, raw[0], strict=True)
        ]
    )
    return {"output": raw}, corners(boxes), raw[0, :, 4:5] * raw[0, :, 5:]


def queries(family: Family) -> tuple[dict[str, Floats], Floats, Floats]:
    boxes = RNG.uniform(0.2, 0.6, (1, QUERIES, 4)).astype(np.float32)
    columns = CLASSES if family is Family.RTDETR else CLASSES + 1
    logits = RNG.normal(0, 2, (1, QUERIES, columns)).astype(np.float32)
    if family is Family.RTDETR:
        return {"logits": logits, "pred_boxes": boxes}, corners(boxes[0]), sigmoid(logits[0])
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum(1, keepdims=True)
    return {"logits": logits, "pred_boxes": boxes}, corners(boxes[0]), shares[:, :-1]


def detectnet(_: Family) -> tuple[dict[str, Floats], Floats, Floats]:
    tall, wide = TALL // 16, WIDE // 16
    cover = RNG.uniform(0, 1, (1, CLASSES, tall, wide)).astype(np.float32)
    reach = RNG.uniform(0, 1, (1, 4 * CLASSES, tall, wide)).astype(np.float32)
    boxes, scores = [], []
    for number in range(CLASSES):
        for y in range(tall):
            for x in range(wide):
                left, top, right, bottom = reach[0, 4 * number : 4 * number + 4, y, x]
                x_, y_ = (16 * x + 0.5) / 35, (16 * y + 0.5) / 35
                box = [(top - y_) * -35 / TALL, (left - x_) * -35 / WIDE, (bottom + y_) * 35 / TALL]
                boxes.append([*box, (right + x_) * 35 / WIDE])
                scores.append([cover[0, number, y, x] if n == number else -1 for n in range(CLASSES)])
    outputs = {"output_cov/Sigmoid": cover, "output_bbox/BiasAdd": reach}
    return outputs, np.clip(np.array(boxes), 0, 1), np.array(scores)


def ssd(_: Family) -> tuple[dict[str, Floats], Floats, Floats]:
    boxes = np.sort(RNG.uniform(0, 1, (1, QUERIES, 4)).astype(np.float32))[..., [0, 1, 2, 3]]
    labels = RNG.integers(1, CLASSES + 1, (1, QUERIES)).astype(np.float32)
    scores = RNG.uniform(0, 1, (1, QUERIES)).astype(np.float32)
    every = np.full((QUERIES, CLASSES), -1.0)
    every[np.arange(QUERIES), labels[0].astype(int) - 1] = scores[0]
    outputs = {"detection_boxes": boxes, "detection_scores": scores, "detection_classes": labels}
    return outputs | {"num_detections": np.array([QUERIES])}, boxes[0], every


DRAWN: dict[Family, Callable[[Family], tuple[dict[str, Floats], Floats, Floats]]] = {
    Family.YOLOX: yolox,
    Family.RTDETR: queries,
    Family.DETR: queries,
    Family.YOLOS: queries,
    Family.DETECTNET: detectnet,
    Family.SSD: ssd,
}


def expected(boxes: Floats, scores: Floats, family: Family, keep: tuple[str | None, ...]) -> list[Any]:
    """Return (class, score, box) best first, as the families' own code would have it."""
    names = [name for name in keep if name]
    found = []
    for box, row in zip(boxes, scores, strict=True):
        several = family is Family.RTDETR
        for number in range(CLASSES) if several else [int(row.argmax())]:
            if keep[number] and row[number] >= 0:
                found.append((names.index(keep[number] or ""), float(row[number]), box))
    return sorted(found, key=lambda one: -one[1])[:300]


@pytest.mark.parametrize("keep", [("a", "b", "c", "d", "e"), KEEP], ids=["all", "some"])
@pytest.mark.parametrize("family", Family)
def test_the_graph_answers_as_the_family_is_decoded(family: Family, keep: Any, tmp_path: Path) -> None:
    outputs, boxes, scores = DRAWN[family](family)
    made = adapt(
        file_of(tmp_path, outputs, dims=[1, 3, TALL, WIDE]), tmp_path / "made.onnx", Wish(family, keep)
    )
    assert (made.size, made.classes) == ((WIDE, TALL), tuple(name for name in keep if name))
    found_boxes, found_scores, found_classes = answer(tmp_path / "made.onnx")
    wanted = expected(boxes, scores, family, keep)
    count = len(wanted)
    assert np.all(np.diff(found_scores) <= 1e-6)
    np.testing.assert_allclose(found_scores[:count], [score for _, score, _ in wanted], atol=2e-5)
    np.testing.assert_array_equal(found_classes[:count], [number for number, _, _ in wanted])
    np.testing.assert_allclose(found_boxes[:count], [box for _, _, box in wanted], atol=2e-4)
    assert np.all(found_scores[count:] <= 1e-6)
    assert np.all((found_boxes >= 0) & (found_boxes <= 1))
    assert set(np.unique(found_classes)) <= set(range(len(made.classes)))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    ("scale", "order", "fed"),
    [
        (Scale.RAW, "bgr", (30, 20, 10)),
        (Scale.UNIT, "rgb", (10 / 255, 20 / 255, 30 / 255)),
        (Scale.IMAGENET, "rgb", ((10 - 123.675) / 58.395, (20 - 116.28) / 57.12, (30 - 103.53) / 57.375)),
    ],
)
def test_pixels_become_what_the_network_was_trained_on(
    scale: Scale, order: str, fed: Floats, last: bool, tmp_path: Path
) -> None:
    dims = [1, TALL, WIDE, 3] if last else ["batch", 3, None, None]
    value = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, dims)
    kept = helper.make_tensor_value_info("kept", TensorProto.FLOAT, dims)
    node = helper.make_node("Identity", ["pixels"], ["kept"])
    graph = helper.make_graph([node], "net", [value], [kept])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    editor = Editor(model, "net")
    assert editor.size == ((WIDE, TALL) if last else None)
    editor.feed((WIDE, TALL), scale, order)
    nodes = [*editor._front, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, tmp_path / "fed.onnx")
    pixels = np.zeros((1, 3, TALL, WIDE), np.float32)
    pixels[0] = np.array((10, 20, 30) if order == "rgb" else (30, 20, 10)).reshape(3, 1, 1)
    compiled = ov.Core().compile_model(tmp_path / "fed.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    seen = compiled([pixels])["kept"][0]
    channels = seen if not last else seen.transpose(2, 0, 1)
    np.testing.assert_allclose(channels[:, 3, 5], fed, atol=1e-4)


LOGITS = {"logits": np.zeros((1, 8, 6)), "pred_boxes": np.zeros((1, 8, 4))}


@pytest.mark.parametrize(
    ("family", "outputs", "more", "told"),
    [
        (Family.RTDETR, LOGITS, {}, "expected logits of 5 columns, found outputs: logits [1, 8, 6]"),
        (Family.YOLOX, LOGITS, {}, "expected one of 10 columns"),
        (Family.YOLOX, {"output": np.zeros((1, 9, 10))}, {}, "expected 126 places at strides 8, 16 and 32"),
        (Family.SSD, LOGITS, {}, "no output detection_boxes among: logits [1, 8, 6]"),
        (Family.DETECTNET, LOGITS, {}, "no output cov or Sigmoid"),
        (Family.DETR, LOGITS, {"dims": [1, 3, TALL, "w"]}, "say it with --size WIDTHxHEIGHT"),
        (Family.DETR, LOGITS, {"dims": [1, 3, TALL, 50]}, "both sides must be multiples of 8"),
        (Family.DETR, LOGITS, {"dims": [1, 4, TALL, WIDE]}, "expected a picture of 3 channels"),
        (Family.DETR, LOGITS, {"opset": 9}, "ONNX opset 9; export it again"),
        (Family.DETR, LOGITS, {"orig_target_sizes": 1}, "it asks for an input orig_target_sizes"),
    ],
)
def test_what_is_not_of_the_family_is_refused_in_one_line(
    family: Family, outputs: Any, more: Any, told: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput) as error:
        adapt(
            file_of(tmp_path, outputs, **({"dims": [1, 3, TALL, WIDE]} | more)),
            tmp_path / "made.onnx",
            Wish(family, list("abcde")),
        )
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "made.onnx").exists()


def test_numbers_of_an_ssd_beyond_the_named_classes_are_none(tmp_path: Path) -> None:
    outputs, _, _ = ssd(Family.SSD)
    outputs["detection_classes"][0, :3] = 0, CLASSES + 1, CLASSES + 40
    file = file_of(tmp_path, outputs, dims=[1, 3, TALL, WIDE])
    adapt(file, tmp_path / "made.onnx", Wish(Family.SSD, list("abcde")))
    _, scores, _ = answer(tmp_path / "made.onnx")
    np.testing.assert_allclose(scores, [*sorted(outputs["detection_scores"][0, 3:], reverse=True), 0, 0, 0])


def test_a_mask_of_pixels_is_given_and_a_size_may_be_asked_for(tmp_path: Path) -> None:
    path = file_of(tmp_path, LOGITS, dims=["batch", 3, "h", "w"], pixel_mask=1)
    made = adapt(path, tmp_path / "made.onnx", Wish(Family.YOLOS, list("abcde"), (WIDE, TALL)))
    assert made.size == (WIDE, TALL)
    assert [one.name for one in onnx.load(tmp_path / "made.onnx").graph.input] == ["msh/picture"]


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\x08" * 40])
def test_other_files_are_no_models(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(BadInput, match="ONNX file"):
        adapt(tmp_path / "net.onnx", tmp_path / "made.onnx", Wish(Family.DETR, ["a"]))
