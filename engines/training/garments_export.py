"""Writes a trained garment parser as one ONNX file, for OpenVINO and TensorRT alike.

Half floats throughout, in weights and arithmetic: half the space, and weights that TensorRT's parser takes as
weights. Normalisations are folded into the convolutions, and paddings into their attributes.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from engines.garments.classes import CLASSES
from engines.training.garments_network import HEIGHT, STRIDE, WIDTH, Conv

if TYPE_CHECKING:
    from pathlib import Path

    from engines.training.garments_network import Parser

OPSET = 17
INPUT, OUTPUT = "picture", "shares"


class _Half(nn.Module):
    """The network in half floats between floats. temperature: what the logits are divided by."""

    def __init__(self, net: Parser, temperature: float) -> None:
        super().__init__()
        self.net = net.half()
        with torch.no_grad():
            net.decoder.out.weight /= temperature
            assert net.decoder.out.bias is not None
            net.decoder.out.bias /= temperature

    def forward(self, picture: Tensor) -> Tensor:
        shares: Tensor = self.net(picture.half())
        return shares.float()


def write(net: Parser, path: Path, temperature: float = 1.0) -> None:
    """Write the file: picture 1 x 3 x HEIGHT x WIDTH -> shares 1 x classes x HEIGHT / 4 x WIDTH / 4."""
    folded = copy.deepcopy(net).eval()
    for part in list(folded.modules()):
        if isinstance(part, Conv):
            _fold(part)
    shown = torch.rand(1, 3, HEIGHT, WIDTH) * 255
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
    _pad_inside(model.graph)
    model.doc_string = f"Garment parser, classes: {', '.join(CLASSES)}; cells of {STRIDE} px"
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _fold(part: Conv) -> None:
    """Put the normalisation of a Conv into its convolution."""
    layers = dict(part.named_children())
    names = list(layers)
    place = next(i for i, name in enumerate(names) if isinstance(layers[name], nn.Conv2d))
    fused = fuse_conv_bn_eval(layers[names[place]], layers[names[place + 1]])  # type: ignore[type-var]
    part[place] = fused
    part[place + 1] = nn.Identity()


def _pad_inside(graph: onnx.GraphProto) -> None:
    """Give a convolution the padding of the Pad before it, which then goes."""
    made = {name: node for node in graph.node for name in node.output}
    held = {tensor.name: tensor for tensor in graph.initializer}
    for node in [one for one in graph.node if one.op_type == "Conv"]:
        pad = made.get(node.input[0])
        if pad is None or pad.op_type != "Pad":
            continue
        values = _constant(pad.input[1], made, held)
        if len(values) != 8 or any(values[:2]) or any(values[4:6]):
            raise ValueError(f"{pad.name}: pads more than height and width")
        for attribute in node.attribute:
            if attribute.name == "pads":
                attribute.ints[:] = [values[2], values[3], values[6], values[7]]
        node.input[0] = pad.input[0]
        graph.node.remove(pad)
    _drop_unused(graph)


def _constant(
    name: str, made: dict[str, onnx.NodeProto], held: dict[str, onnx.TensorProto]
) -> list[int]:
    """Work out what the exporter computes paddings with: constants through Cast, Reshape, Slice, Transpose."""
    import numpy as np
    from onnx.reference import ReferenceEvaluator

    wanted: list[onnx.NodeProto] = []
    open_names = [name]
    while open_names:
        node = made.get(open_names.pop())
        if node is not None and node not in wanted:
            wanted.insert(0, node)
            open_names += [one for one in node.input if one]
    order = {output: i for i, n in enumerate(made.values()) for output in n.output}
    wanted.sort(key=lambda node: order[node.output[0]])
    tensors = [held[one] for node in wanted for one in node.input if one in held]
    info = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, None)
    graph = onnx.helper.make_graph(wanted, "pads", [], [info], tensors)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8)
    return [int(one) for one in np.asarray(ReferenceEvaluator(model).run(None, {})[0])]


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove nodes and constants that nothing reads."""
    outputs = {output.name for output in graph.output}
    while True:
        read = {name for node in graph.node for name in node.input} | outputs
        spare = [node for node in graph.node if not read.intersection(node.output)]
        if not spare:
            break
        for node in spare:
            graph.node.remove(node)
    for tensor in [one for one in graph.initializer if one.name not in read]:
        graph.initializer.remove(tensor)
