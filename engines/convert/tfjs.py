"""Reading a TensorFlow.js graph model: a GraphDef in JSON, its constants in a file of their own."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Node:
    """One operator: its kind, its inputs (`name` or `name:output`), its attributes as in JSON."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any]

    def text(self, key: str) -> str:
        """Return a string attribute."""
        return base64.b64decode(self.attributes[key]["s"]).decode()

    def integers(self, key: str) -> list[int]:
        """Return a list-of-integers attribute."""
        return [int(value) for value in self.attributes[key]["list"]["i"]]


@dataclass(frozen=True, slots=True)
class TfjsGraph:
    """The operators by name, and the values of the Const ones as the file stores them (float16 here)."""

    nodes: dict[str, Node]
    constants: dict[str, npt.NDArray[Any]]


def read_tfjs(path: Path) -> TfjsGraph:
    """Read model.json and the weight file beside it. Only float16-quantised or plain weights are known."""
    document = json.loads(path.read_text())
    nodes = {
        node["name"]: Node(node["name"], node["op"], tuple(node.get("input", ())), node.get("attr", {}))
        for node in document["modelTopology"]["node"]
    }
    constants: dict[str, npt.NDArray[Any]] = {}
    for group in document["weightsManifest"]:
        data = b"".join((path.parent / name).read_bytes() for name in group["paths"])
        offset = 0
        for weight in group["weights"]:
            stored = weight.get("quantization", {}).get("dtype", weight["dtype"])
            if stored not in {"float16", "float32", "int32"}:
                raise BadInput(
                    f"{path}: weight {weight['name']} is {stored}; float16, float32, int32 are known"
                )
            kind = np.dtype(stored).newbyteorder("<")
            count = int(np.prod(weight["shape"], dtype=np.int64))
            values = np.frombuffer(data, kind, count, offset).reshape(weight["shape"])
            constants[weight["name"]] = values
            offset += count * kind.itemsize
        if offset != len(data):
            raise BadInput(
                f"{path}: weights end at byte {offset} of {len(data)}; wrong or damaged weight file"
            )
    return TfjsGraph(nodes, constants)
