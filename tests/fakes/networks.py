"""ONNX files whose answers are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path


def network_file(
    folder: Path, outputs: dict[str, Any], *, dims: list[Any], opset: int = 17, **more: Any
) -> Path:
    """Write a network that answers with these arrays whatever it sees, as long as it is fed as it wants."""
    kind = more.pop("kind", TensorProto.FLOAT)
    inputs = [helper.make_tensor_value_info("pixels", kind, dims)]
    inputs += [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "h", "w"]) for name in more]
    nodes, held = [], []
    nodes.append(helper.make_node("Cast", ["pixels"], ["fed"], to=TensorProto.FLOAT))
    nodes.append(helper.make_node("ReduceMean", ["fed"], ["mean"], keepdims=0))
    nodes.append(helper.make_node("Mul", ["mean", "nought"], ["nothing"]))
    held.append(numpy_helper.from_array(np.array(0, np.float32), "nought"))
    for name, values in outputs.items():
        held.append(numpy_helper.from_array(values.astype(np.float32), f"{name}-held"))
        nodes.append(helper.make_node("Add", [f"{name}-held", "nothing"], [name]))
    told = [helper.make_tensor_value_info(n, TensorProto.FLOAT, v.shape) for n, v in outputs.items()]
    graph = helper.make_graph(nodes, "net", inputs, told, held)
    path = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path
