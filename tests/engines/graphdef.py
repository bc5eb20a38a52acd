"""Writes a TensorFlow.js graph as a TensorFlow GraphDef, so that OpenVINO can run the original.

Field numbers: tensorflow/core/framework graph.proto, node_def.proto, attr_value.proto, tensor.proto.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engines.convert.tfjs import TfjsGraph

TYPES = {"DT_FLOAT": 1, "DT_INT32": 3, "DT_INT64": 9, "DT_BOOL": 10}
STORED = {"DT_FLOAT": "<f4", "DT_INT32": "<i4", "DT_INT64": "<i8"}


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _block(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _shape(sizes: Iterable[int]) -> bytes:
    return b"".join(_block(2, _number(1, size)) for size in sizes)


def _attribute(value: dict[str, Any]) -> bytes:
    (kind, content), *_ = value.items()
    if kind == "s":
        return _block(2, base64.b64decode(content))
    if kind == "i":
        return _number(3, int(content))
    if kind == "f":
        return _varint(4 << 3 | 5) + np.array(content, "<f4").tobytes()
    if kind == "b":
        return _number(5, int(content))
    if kind == "type":
        return _number(6, TYPES[content])
    if kind == "shape":
        return _block(7, _shape(int(dim["size"]) for dim in content.get("dim", ())))
    if kind == "list":
        return _block(1, b"".join(_number(3, int(item)) for item in content.get("i", ())))
    raise ValueError(kind)


def graphdef(source: TfjsGraph) -> bytes:
    """Serialize the graph, its Const nodes filled."""
    out = b""
    for node in source.nodes.values():
        attributes = {key: _attribute(value) for key, value in node.attributes.items() if key != "value"}
        if node.kind == "Const":
            kind = node.attributes["dtype"]["type"]
            values = source.constants[node.name].astype(STORED[kind])
            tensor = _number(1, TYPES[kind]) + _block(2, _shape(values.shape)) + _block(4, values.tobytes())
            attributes["value"] = _block(8, tensor)
        body = _block(1, node.name.encode()) + _block(2, node.kind.encode())
        body += b"".join(_block(3, name.encode()) for name in node.inputs)
        for key, data in attributes.items():
            body += _block(5, _block(1, key.encode()) + _block(2, data))
        out += _block(1, body)
    return out
