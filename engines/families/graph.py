"""Adding to an ONNX graph at both ends. Names of what is added begin with `msh/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from engines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import onnx

    from engines.families.family import Scale

OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes")
MAX_BOXES = 300
"""Boxes that an adapted network answers with at most, the best."""
PREFIX = "msh/"
INPUT = "msh/picture"
_PICTURE_RANK = 4


class Editor:
    """One graph under work. Tensors are known by name. Raises BadInput where there is no picture input."""

    def __init__(self, model: onnx.ModelProto, source: str) -> None:
        self.source = source
        self._graph = model.graph
        held = {tensor.name for tensor in self._graph.initializer}
        self._inputs = [one for one in self._graph.input if one.name not in held]
        pictures = [one for one in self._inputs if len(one.type.tensor_type.shape.dim) == _PICTURE_RANK]
        if len(pictures) != 1:
            raise BadInput(f"{source}: expected one picture input of 4 dimensions, found {len(pictures)}")
        self._picture = pictures[0]
        dims = [d.dim_value for d in self._picture.type.tensor_type.shape.dim]
        self._last = dims[3] == 3 and dims[1] != 3
        if not self._last and dims[1] not in {0, 3}:
            raise BadInput(f"{source}: expected a picture of 3 channels, found {dims}")
        sides = dims[1:3] if self._last else dims[2:]
        self.size = (sides[1], sides[0]) if all(sides) else None
        self._front: list[onnx.NodeProto] = []
        self._count = 0

    def feed(self, size: tuple[int, int], scale: Scale, order: str) -> None:
        """Put in front what makes the network's input of pixels, N x 3 x height x width, 0 to 255."""
        name, kind = self._picture.name, self._picture.type.tensor_type.elem_type
        batch = self._picture.type.tensor_type.shape.dim[0]
        first: Any = batch.dim_value or "batch"
        self._graph.input.remove(self._picture)
        fed = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [first, 3, size[1], size[0]])
        self._graph.input.insert(0, fed)
        mean, spread = scale.mean_and_spread
        if order == "bgr":
            mean, spread = mean[::-1], spread[::-1]
        there = INPUT
        if any(mean):
            there = self._ahead("Sub", [there, self.constant(np.array(mean, np.float32).reshape(1, 3, 1, 1))])
        if any(value != 1 for value in spread):
            factor = (1 / np.array(spread, np.float64)).astype(np.float32).reshape(1, 3, 1, 1)
            there = self._ahead("Mul", [there, self.constant(factor)])
        if self._last:
            there = self._ahead("Transpose", [there], perm=[0, 2, 3, 1])
        if kind != TensorProto.FLOAT:
            there = self._ahead("Cast", [there], to=kind)
        self._ahead("Identity", [there], output=name)
        self._fill_others(size)

    def _fill_others(self, size: tuple[int, int]) -> None:
        """Give a mask of pixels, which some exports of DETR ask for, as all ones; refuse other inputs."""
        for other in [one for one in self._inputs if one is not self._picture]:
            if "mask" not in other.name:
                raise BadInput(f"{self.source}: it asks for an input {other.name} besides the picture")
            dims = [d.dim_value for d in other.type.tensor_type.shape.dim]
            shape = (dims[0] or 1, dims[1] or size[1], dims[2] or size[0])
            kind = helper.tensor_dtype_to_np_dtype(other.type.tensor_type.elem_type)
            self._graph.input.remove(other)
            self._graph.initializer.append(numpy_helper.from_array(np.ones(shape, kind), other.name))

    def _ahead(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        output = output or self._name(kind)
        self._front.append(helper.make_node(kind, inputs, [output], self._name(kind), **attributes))
        return output

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{PREFIX}{kind}-{self._count}"

    def constant(self, values: npt.NDArray[Any]) -> str:
        """Add a constant."""
        name = self._name("constant")
        self._graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def numbers(self, *values: int) -> str:
        """Add a list of whole numbers."""
        return self.constant(np.array(values, np.int64))

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add an operator with one output behind the network."""
        output = output or self._name(kind)
        self._graph.node.append(
            helper.make_node(kind, list(inputs), [output], self._name(kind), **attributes)
        )
        return output

    def top(self, values: str, count: int) -> tuple[str, str]:
        """Add TopK along the last axis; return values and int64 indices."""
        found, places = self._name("values"), self._name("indices")
        node = helper.make_node(
            "TopK", [values, self.numbers(count)], [found, places], self._name("TopK"), axis=-1
        )
        self._graph.node.append(node)
        return found, places

    def part(self, tensor: str, axis: int, start: int, end: int) -> str:
        """Add a Slice along one axis."""
        return self.op("Slice", tensor, *(self.numbers(one) for one in (start, end, axis)))

    def outputs(self) -> dict[str, list[int]]:
        """Return the network's outputs, each with its sides, 0 where they are open."""
        return {one.name: [d.dim_value for d in one.type.tensor_type.shape.dim] for one in self._graph.output}

    def rename(self, name: str) -> None:
        """Give one of the network's own tensors another name, because ours takes it."""
        other = f"{PREFIX}own/{name}"
        for node in self._graph.node:
            for names in (node.input, node.output):
                for place, one in enumerate(names):
                    if one == name:
                        names[place] = other

    def output(self, wanted: Sequence[str], last: int | None = None) -> str:
        """Return the output whose name holds one of the words, or whose last side is `last`."""
        found = self.outputs()
        for word in wanted:
            for name in found:
                if word in name:
                    return name
        sized = [name for name, dims in found.items() if last is not None and dims and dims[-1] == last]
        if len(sized) == 1:
            return sized[0]
        shown = ", ".join(f"{name} {dims}" for name, dims in found.items())
        raise BadInput(f"{self.source}: no output {' or '.join(wanted)} among: {shown}")

    def finish(self) -> None:
        """Put the outputs and the nodes in their order."""
        nodes = [*self._front, *self._graph.node]
        del self._graph.node[:]
        self._graph.node.extend(nodes)
        batch: Any = self._graph.input[0].type.tensor_type.shape.dim[0].dim_value or "batch"
        del self._graph.output[:]
        open_side: list[Any] = [None]
        for name, tail in zip(OUTPUTS, ([None, 4], open_side, open_side), strict=True):
            shape: Any = [batch, *tail]
            self._graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
