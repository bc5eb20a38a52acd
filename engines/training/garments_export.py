"""Writes a trained garment parser as one ONNX file, for OpenVINO and TensorRT alike.

Half floats throughout, in weights and arithmetic: half the space, and weights that TensorRT's parser takes as
weights. Normalisations are folded into the convolutions, and paddings into their attributes.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from engines.garments.classes import CLASSES
from engines.training.garments_network import HEIGHT, STRIDE, WIDTH, GarmentConv

if TYPE_CHECKING:
    from pathlib import Path

    from engines.training.garments_network import ParserNetwork

OPSET = 17
INPUT, OUTPUT = "picture", "shares"


class _Half(nn.Module):
    """The network in half floats between floats. temperature: what the logits are divided by."""

    def __init__(self, net: ParserNetwork, temperature: float) -> None:
        super().__init__()
        self.net = net.half()
        with torch.no_grad():
            net.decoder.out.weight /= temperature
            assert net.decoder.out.bias is not None
            net.decoder.out.bias /= temperature

    def forward(self, picture: Tensor) -> Tensor:
        shares: Tensor = self.net(picture.half())
        return shares.float()


def write(
    net: ParserNetwork, path: Path, temperature: float = 1.0, size: tuple[int, int] = (HEIGHT, WIDTH)
) -> None:
    """Write the file: picture 1 x 3 x height x width -> shares 1 x classes x height / 4 x width / 4.

    size: (height, width), both divisible by 32.
    """
    folded = copy.deepcopy(net).eval()
    for part in list(folded.modules()):
        if isinstance(part, GarmentConv):
            _fold(part)
    shown = torch.rand(1, 3, *size) * 255
    torch.onnx.export(
        _Half(folded, temperature),
        (shown,),
        str(path),
        input_names=[INPUT],
        output_names=[OUTPUT],
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(path)
    _pad_as_trained(model.graph)
    model.doc_string = f"Garment parser, classes: {', '.join(CLASSES)}; cells of {STRIDE} px"
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _fold(part: GarmentConv) -> None:
    """Put the normalisation of a GarmentConv into its convolution, and the padding before it."""
    layers = list(part)
    place = next(i for i, layer in enumerate(layers) if isinstance(layer, nn.Conv2d))
    fused: Any = fuse_conv_bn_eval(layers[place], layers[place + 1])
    if place:
        fused.padding = tuple(side // 2 for side in fused.kernel_size)
        part.__setitem__(0, nn.Identity())
    part.__setitem__(place, fused)
    part.__setitem__(place + 1, nn.Identity())


def _pad_as_trained(graph: onnx.GraphProto) -> None:
    """Take one row and column off the padding before the picture, where TensorFlow's stride of 2 has less."""
    for node in graph.node:
        held = {attribute.name: attribute for attribute in node.attribute}
        if node.op_type == "Conv" and list(held["strides"].ints) == [2, 2]:
            side = held["kernel_shape"].ints[0] // 2
            held["pads"].ints[:] = [side - 1, side - 1, side, side]
