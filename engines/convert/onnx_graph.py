"""Building small ONNX graphs: what both converters share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

OPSET, IR_VERSION = 17, 8
FLOAT, INT64 = int(TensorProto.FLOAT), int(TensorProto.INT64)
Dimension = str | int


class Graph:
    """An ONNX graph in the making. Tensors are known by name; float32 unless said."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, values: npt.NDArray[Any]) -> str:
        """Add a constant once; float32 values that float16 holds exactly are stored so, behind a Cast."""
        if name in self._initializers:
            return name
        half = values.astype(np.float16) if values.dtype == np.float32 else values
        if values.dtype != np.float32 or values.size < 16 or not np.array_equal(half, values):
            self._initializers[name] = numpy_helper.from_array(values, name)
            return name
        self._initializers[name] = numpy_helper.from_array(half, name + ".half")
        self._nodes.append(helper.make_node("Cast", [name + ".half"], [name], name, to=TensorProto.FLOAT))
        return name

    def op(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Add an operator with one output, named as the operator; return that name."""
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def top(self, scores: str, count: int, name: str) -> tuple[str, str]:
        """Add TopK over the last axis; return the names of values and int64 indices, both [..., count]."""
        values, indices = f"{name}.values", f"{name}.indices"
        k = self.constant(f"{name}.k", np.array([count], np.int64))
        self._nodes.append(helper.make_node("TopK", [scores, k], [values, indices], name, axis=-1))
        return values, indices

    def numbers(self, name: str, *values: int) -> str:
        """Add a one-dimensional int64 constant."""
        return self.constant(name, np.array(values, np.int64))

    def extent(self, tensor: str, axis: int, name: str) -> str:
        """Add the size of one axis, an int64 scalar."""
        shape = self.op("Shape", [tensor], f"{name}.shape")
        return self.op("Gather", [shape, self.constant(f"{name}.axis", np.array(axis, np.int64))], name)

    def part(self, tensor: str, axis: int, start: int, end: int, name: str) -> str:
        """Add a Slice along one axis."""
        limits = [
            self.numbers(f"{name}.{key}", value)
            for key, value in (("start", start), ("end", end), ("axis", axis))
        ]
        return self.op("Slice", [tensor, *limits], name)

    def pick(self, tensor: str, cells: str, rows: int, name: str) -> str:
        """Pick the columns of [N, rows, all] that cells [N, K] names; the result is [N, rows, K]."""
        wanted = self.op("Unsqueeze", [cells, self.numbers("axis", 1)], f"{name}.row")
        spread = self.op("Expand", [wanted, self.numbers(f"{name}.rows", 1, rows, 1)], f"{name}.cells")
        return self.op("GatherElements", [tensor, spread], name, axis=2)

    def centres(self, cells: str, columns: str) -> str:
        """Return centres, [N, 2, K] y x in cells, of the cells [N, K] counted row by row."""
        row = self.op("Div", [cells, columns], "row")
        column = self.op("Sub", [cells, self.op("Mul", [row, columns], "row_start")], "column")
        pair = [self.op("Unsqueeze", [n, self.numbers("axis", 1)], f"{n}_only") for n in (row, column)]
        corner = self.op("Cast", [self.op("Concat", pair, "cell_yx", axis=1)], "cell_corner", to=FLOAT)
        return self.op("Add", [corner, self.constant("half", np.array(0.5, np.float32))], "cell_centre")

    def boxes(self, corners: str, grid: str) -> None:
        """End with detection_boxes: corners [N, 4, K], in cells of a grid, as parts of the grid's sides."""
        sides = self.part(self.op("Shape", [grid], "grid_shape"), 0, 2, 4, "grid_sides")
        twice = self.op("Cast", [self.op("Concat", [sides, sides], "sides", axis=0)], "sides_float", to=FLOAT)
        last = self.op("Transpose", [corners], "corners_last", perm=[0, 2, 1])
        limits = [self.constant(n, np.array(v, np.float32)) for n, v in (("low", 0), ("high", 1))]
        self.op("Clip", [self.op("Div", [last, twice], "scaled"), *limits], "detection_boxes")

    def adopt(self, node: onnx.NodeProto) -> None:
        """Add an existing node as it is."""
        self._nodes.append(node)

    def save_detector(self, path: Path, count: int, about: str) -> None:
        """Write the graph of a detector that gives its `count` best boxes; see `save`."""
        self.save(
            path,
            {"input": ["batch", 3, "height", "width"]},
            {
                "detection_boxes": ["batch", count, 4],
                "detection_scores": ["batch", count],
                "detection_classes": ["batch", count],
            },
            about,
        )

    def save(
        self,
        path: Path,
        inputs: dict[str, Sequence[Dimension]],
        outputs: dict[str, Sequence[Dimension]],
        about: str,
    ) -> None:
        """Check the graph and write it; inputs and outputs are float32."""

        def infos(shapes: dict[str, Sequence[Dimension]]) -> list[onnx.ValueInfoProto]:
            return [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
                for name, shape in shapes.items()
            ]

        graph = helper.make_graph(
            self._nodes, self._name, infos(inputs), infos(outputs), list(self._initializers.values())
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, doc_string=about
        )
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString(deterministic=True))
