"""The last part of each family as ONNX operators: from its own outputs to boxes, scores and classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.errors import BadInput
from engines.families.family import Family
from engines.families.graph import MAX_BOXES, OUTPUTS, Editor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Tail = Callable[[Editor, tuple[int, int], int, Sequence[int]], None]

STRIDES = (8, 16, 32)
DETECTNET_NORM = 35.0
DETECTNET_OFFSET = 0.5
_CORNERS = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, -0.5, 0, 0.5], [-0.5, 0, 0.5, 0]], np.float32)
"""(cx, cy, w, h) times this is (y1, x1, y2, x2)."""


def yolox(editor: Editor, size: tuple[int, int], classes: int, used: Sequence[int]) -> None:
    """One output N x places x (4 + 1 + classes): offsets in cells, logs of sides, then shares already.

    As YOLOX exports it without decoding (Ge et al., 2021): centre = (offset + cell) * stride,
    side = exp(log) * stride, score = objectness * class.
    """
    (name, dims), *more = editor.outputs().items()
    _expect(
        editor, not more and len(dims) == 3 and dims[2] in {0, 5 + classes}, f"one of {5 + classes} columns"
    )
    cells, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: size[1] // stride, : size[0] // stride].astype(np.float32)
        cells.append(np.stack([x, y], 2).reshape(-1, 2))
        strides.append(np.full((len(cells[-1]), 1), stride, np.float32))
    cell, stride_of = np.concatenate(cells)[None], np.concatenate(strides)[None]
    _expect(editor, dims[1] in {0, cell.shape[1]}, f"{cell.shape[1]} places at strides 8, 16 and 32")
    shared = editor.constant(stride_of)
    centre = editor.op("Mul", editor.op("Add", editor.part(name, 2, 0, 2), editor.constant(cell)), shared)
    side = editor.op("Mul", editor.op("Exp", editor.part(name, 2, 2, 4)), shared)
    boxes = _corners(editor, editor.op("Concat", centre, side, axis=2), size)
    scores = editor.op("Mul", editor.part(name, 2, 4, 5), editor.part(name, 2, 5, 5 + classes))
    _best_of_each(editor, boxes, scores, places=cell.shape[1], classes=classes, used=used)


def rtdetr(editor: Editor, _: tuple[int, int], classes: int, used: Sequence[int]) -> None:
    """RT-DETR, D-FINE, RF-DETR: logits of independent classes; a query may stand for several (top of all)."""
    boxes, logits = _queries(editor, classes)
    scores = _wanted(editor, editor.op("Sigmoid", logits), classes, used)
    flat = editor.op("Reshape", scores, editor.numbers(0, -1))
    queries = editor.outputs()[logits][1]
    count = min(MAX_BOXES, queries * len(used)) if queries else len(used)
    found, places = editor.top(flat, count)
    width = editor.numbers(len(used))
    query = editor.op("Div", places, width)
    number = editor.op("Sub", places, editor.op("Mul", query, width))
    _answer(editor, _corners(editor, boxes), query, found, number)


def detr(editor: Editor, _: tuple[int, int], classes: int, used: Sequence[int]) -> None:
    """DETR, YOLOS: shares of the classes and of nothing, which comes last; the best class of each query."""
    boxes, logits = _queries(editor, classes + 1)
    scores = editor.part(editor.op("Softmax", logits, axis=-1), 2, 0, classes)
    queries = editor.outputs()[logits][1]
    _best_of_each(editor, _corners(editor, boxes), scores, places=queries, classes=classes, used=used)


def detectnet(editor: Editor, size: tuple[int, int], classes: int, used: Sequence[int]) -> None:
    """DetectNet v2: shares per cell (N x classes x h x w), distances to the four sides in units of 35 px."""
    cover, boxes = editor.output(["cov", "Sigmoid"]), editor.output(["bbox", "Bias"])
    _expect(editor, cover != boxes, "a coverage and a box output")
    dims = editor.outputs()[cover]
    _expect(editor, len(dims) == 4 and dims[1] in {0, classes}, f"a coverage of {classes} classes")
    tall, wide = dims[2] or size[1] // 16, dims[3] or size[0] // 16
    y, x = np.mgrid[:tall, :wide].astype(np.float32)
    step = (size[0] / wide, size[1] / tall)
    centre = np.stack([x * step[0] + DETECTNET_OFFSET, y * step[1] + DETECTNET_OFFSET], 2).reshape(
        1, 1, -1, 2
    )
    raw = editor.op("Reshape", boxes, editor.numbers(0, classes, 4, -1))
    raw = editor.op("Transpose", raw, perm=[0, 1, 3, 2])
    reach = editor.op(
        "Mul", raw, editor.constant(np.array([[[[-1, -1, 1, 1]]]], np.float32) * DETECTNET_NORM)
    )
    corners = editor.op("Add", reach, editor.constant(np.tile(centre, 2)))
    swap = np.zeros((4, 4), np.float32)
    for target, source in enumerate((1, 0, 3, 2)):
        swap[source, target] = 1 / (size[1] if source % 2 else size[0])
    placed = editor.op("MatMul", corners, editor.constant(swap))
    if len(used) < classes:
        placed = editor.op("Gather", placed, editor.numbers(*used), axis=1)
        cover = editor.op("Gather", cover, editor.numbers(*used), axis=1)
    flat = editor.op("Reshape", cover, editor.numbers(0, -1))
    found, places = editor.top(flat, min(MAX_BOXES, len(used) * tall * wide))
    number = editor.op("Div", places, editor.numbers(tall * wide))
    _answer(editor, editor.op("Reshape", placed, editor.numbers(0, -1, 4)), places, found, number)


def ssd(editor: Editor, _: tuple[int, int], classes: int, used: Sequence[int]) -> None:
    """SSD as the TensorFlow object detection exports it: decoded already, classes counted from 1.

    A number that is below or above those is no class.
    """
    boxes, scores = editor.output(["detection_boxes"]), editor.output(["detection_scores"])
    labels = editor.output(["detection_classes"])
    held = editor.outputs()[scores][-1]
    table, good = np.zeros(classes + 2, np.float32), np.zeros(classes + 2, np.float32)
    for number, index in enumerate(used):
        table[index + 1], good[index + 1] = number, 1
    # Unique names: the network's own outputs may be called as ours are.
    whole = editor.op(
        "Cast",
        editor.op("Clip", editor.op("Cast", labels, to=1), _scalar(editor, 0), _scalar(editor, classes + 1)),
        to=7,
    )
    mine = editor.op("Gather", editor.constant(table), whole, axis=0)
    kept_scores = editor.op("Mul", scores, editor.op("Gather", editor.constant(good), whole, axis=0))
    found, places = editor.top(kept_scores, min(MAX_BOXES, held) if held else 1)
    chosen = editor.op("GatherElements", mine, places, axis=1)
    _answer(editor, boxes, places, found, chosen)


def _expect(editor: Editor, holds: bool, wanted: str) -> None:
    if not holds:
        shown = ", ".join(f"{name} {dims}" for name, dims in editor.outputs().items())
        raise BadInput(f"{editor.source}: expected {wanted}, found outputs: {shown}")


def _queries(editor: Editor, columns: int) -> tuple[str, str]:
    """Return the outputs of boxes (N x queries x 4, centre and sides from 0 to 1) and logits."""
    boxes = editor.output(["pred_boxes", "dets", "boxes"], last=4)
    logits = next((name for name in editor.outputs() if name != boxes and _is_logits(editor, name)), None)
    dims = editor.outputs()[logits] if logits else []
    _expect(editor, len(dims) == 3 and dims[2] in {0, columns}, f"logits of {columns} columns")
    _expect(editor, bool(dims[1]), "a fixed number of queries")
    return boxes, logits or ""


def _is_logits(editor: Editor, name: str) -> bool:
    return "logits" in name or name in {"labels", "scores"} or len(editor.outputs()) == 2


def _corners(editor: Editor, boxes: str, size: tuple[int, int] | None = None) -> str:
    """Turn centre and sides into y1 x1 y2 x2; with a size they were pixels, and become shares of it."""
    turn = _CORNERS if size is None else _CORNERS / np.array([size[1], size[0]] * 2, np.float32)
    return editor.op("MatMul", boxes, editor.constant(turn.astype(np.float32)))


def _wanted(editor: Editor, scores: str, classes: int, used: Sequence[int]) -> str:
    if len(used) == classes:
        return scores
    return editor.op("Gather", scores, editor.numbers(*used), axis=2)


def _best_of_each(
    editor: Editor, boxes: str, scores: str, *, places: int, classes: int, used: Sequence[int]
) -> None:
    """Answer with the best class of each place. Classes that are not wanted compete, then count nothing."""
    best, number = editor.top(scores, 1)
    flat, number = (editor.op("Reshape", one, editor.numbers(0, -1)) for one in (best, number))
    table, good = np.zeros(classes, np.int64), np.zeros(classes, np.float32)
    table[list(used)], good[list(used)] = np.arange(len(used)), 1
    if len(used) < classes:
        flat = editor.op("Mul", flat, editor.op("Gather", editor.constant(good), number, axis=0))
        number = editor.op("Gather", editor.constant(table), number, axis=0)
    found, order = editor.top(flat, min(MAX_BOXES, places))
    _answer(editor, boxes, order, found, editor.op("GatherElements", number, order, axis=1))


def _answer(editor: Editor, boxes: str, places: str, scores: str, number: str) -> None:
    """Write the outputs: boxes of the places, cut to the picture."""
    column = editor.op("Reshape", places, editor.numbers(0, -1, 1))
    four = editor.op("Concat", column, column, column, column, axis=2)
    chosen = editor.op("GatherElements", boxes, four, axis=1)
    found = editor.op("Clip", chosen, _scalar(editor, 0), _scalar(editor, 1))
    taken = set(editor.outputs())
    for name, tensor in zip(OUTPUTS, (found, scores, editor.op("Cast", number, to=1)), strict=True):
        if name in taken:
            editor.rename(name)
        editor.op("Identity", tensor, output=name)


def _scalar(editor: Editor, value: float) -> str:
    return editor.constant(np.array(value, np.float32))


TAILS: dict[Family, Tail] = {
    Family.YOLOX: yolox,
    Family.RTDETR: rtdetr,
    Family.DETR: detr,
    Family.YOLOS: detr,
    Family.DETECTNET: detectnet,
    Family.SSD: ssd,
}
