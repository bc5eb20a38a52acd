"""How many pictures an ONNX file takes at once, read without ONNX's package, which no shop's box has.

Most exporters fix the batch at 1 unless told otherwise. TensorRT then builds for that number and no other,
and nvinfer does not start where it is to work on more (checkBackendParams of nvdsinfer_context_impl.cpp).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GRAPH, _INPUT, _TYPE, _TENSOR, _SHAPE, _SIDE, _LENGTH = 7, 11, 2, 1, 2, 1, 1
"""Fields of onnx.proto on the way from a model to the length of a side of an input."""
_PICTURE: Final = 4
_LONGEST: Final = 10
"""Most bytes of a number."""
_VARINT, _EIGHT, _TEXT, _FOUR = 0, 1, 2, 5


def fixed_batch(path: Path) -> int | None:
    """Return the batch that a network's file is made for; None where it takes any, or cannot be read."""
    try:
        return _fixed_batch(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, IndexError):  # whoever runs it says what is wrong
        return None


@lru_cache(maxsize=16)
def _fixed_batch(path: Path, _changed: int) -> int | None:
    for graph in _inside(memoryview(path.read_bytes()), _GRAPH):
        for one in _inside(graph, _INPUT):
            shapes = (s for k in _inside(one, _TYPE) for t in _inside(k, _TENSOR) for s in _inside(t, _SHAPE))
            sides = [side for shape in shapes for side in _inside(shape, _SIDE)]
            if len(sides) == _PICTURE:
                lengths = (value for number, value in _fields(sides[0]) if number == _LENGTH)
                length = next(lengths, 0)
                return length if isinstance(length, int) and length > 0 else None
    return None


def _inside(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """Yield the messages in a field of a message."""
    for number, value in _fields(message):
        if number == wanted and isinstance(value, memoryview):
            yield value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field, as protobuf writes them."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind, size = key & 7, 0
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == _TEXT:
            size, at = _varint(message, at)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
        else:
            raise ValueError("not a message of protobuf")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_LONGEST):
        byte = message[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number without an end")
