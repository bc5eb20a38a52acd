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

    def adopt(self, node: onnx.NodeProto) -> None:
        """Add an existing node as it is."""
        self._nodes.append(node)

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
