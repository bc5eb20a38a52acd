"""Writes the trained networks as ONNX: the finder (proposals, embedding) in one graph, and the embedding.

The finder cuts its own crops out of its input with GridSample, so that one inference gives boxes and vectors
on OpenVINO and, as a secondary nvinfer, on TensorRT, which has GridSample and TopK of its own since 8.6.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper
from torch import Tensor, nn

from engines.training.networks import STRIDE, Embedding, LiteEmbedding, Proposals
from engines.training.samples import MARGIN

HEIGHT, WIDTH, TOP = 480, 320, 20
OPSET = 17
SMALLEST_SIDE = 4.0
LEAST_HALVED = 1000


class MarksGraph(nn.Module):
    """(n, 3, HEIGHT, WIDTH) RGB 0..255 -> boxes (n, TOP, 4), scores (n, TOP), vectors (n, TOP, 128)."""

    def __init__(self, proposals: nn.Module, embedding: nn.Module, crop: int) -> None:
        super().__init__()
        self.proposals, self.embedding, self.crop = proposals, embedding, crop
        y, x = np.mgrid[: HEIGHT // STRIDE, : WIDTH // STRIDE].astype(np.float32)
        places = (np.stack([x, y]).reshape(1, 2, -1) + 0.5) * STRIDE
        self.register_buffer("places", torch.from_numpy(places))
        taps = (torch.arange(2 * crop) + 0.5) / (2 * crop) - 0.5
        self.register_buffer("taps", taps)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, logs = self.proposals(picture)
        heat = logits.sigmoid()
        heat = heat * (F.max_pool2d(heat, 3, 1, 1) <= heat).float()
        scores, order = heat.flatten(1).topk(TOP)
        side = torch.clamp(logs, -2, 6).exp().flatten(2)
        centre: Any = self.places
        edges = torch.cat([centre - side[:, :2], centre + side[:, 2:]], 1)
        boxes = edges.gather(2, order.unsqueeze(1).expand(-1, 4, -1)).transpose(1, 2)
        crops = self._cut(picture, boxes)
        vectors = self.embedding(crops).reshape(-1, TOP, 128)
        return boxes, scores, vectors

    def _cut(self, picture: Tensor, boxes: Tensor) -> Tensor:
        """Return the square around each box as (n * TOP, 3, crop, crop), two taps a pixel."""
        middle = (boxes[..., :2] + boxes[..., 2:]) / 2
        spread = (
            torch.clamp((boxes[..., 2:] - boxes[..., :2]).amax(2, keepdim=True), min=SMALLEST_SIDE) * MARGIN
        )
        taps: Any = self.taps
        x = (middle[..., :1] + spread * taps) * (2 / WIDTH) - 1
        y = (middle[..., 1:] + spread * taps) * (2 / HEIGHT) - 1
        fine = 2 * self.crop
        grid_x = x.unsqueeze(2).expand(-1, -1, fine, -1)
        grid_y = y.unsqueeze(3).expand(-1, -1, -1, fine)
        grid = torch.stack([grid_x, grid_y], 4).reshape(-1, TOP * fine, fine, 2)
        sheet = F.grid_sample(picture, grid, "bilinear", "border", align_corners=False)
        crops = sheet.reshape(-1, 3, TOP, fine, fine).transpose(1, 2).reshape(-1, 3, fine, fine)
        return F.avg_pool2d(crops, 2)


def load(path: Path, net: nn.Module) -> nn.Module:
    """Return the network with the averaged weights of a checkpoint, or the last ones after a decay."""
    state = torch.load(path, map_location="cpu")
    net.load_state_dict(state["slow"] if not state.get("decayed") else state["net"])
    return net.eval()


def load_proposals(path: Path) -> nn.Module:
    """Return the finder's network, from a checkpoint or out of an exported `marks.onnx`.

    There each convolution holds its normalisation: it is read into the convolution, and the normalisation
    then changes nothing.
    """
    net = Proposals()
    if path.suffix != ".onnx":
        return load(path, net)
    model = onnx.load(path)
    held = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type == "Conv"]
    order: list[nn.Conv2d] = []
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda one, _given, _found: order.append(one))
    net.eval()(torch.zeros(1, 3, 64, 64))
    after = dict(zip(net.modules(), [*net.modules()][1:], strict=False))
    with torch.no_grad():
        for conv, node in zip(order, nodes, strict=False):
            weight, bias = (torch.from_numpy(held[name].copy()) for name in node.input[1:])
            conv.weight.copy_(weight)
            norm = after.get(conv)
            if conv.bias is not None:
                conv.bias.copy_(bias)
            elif isinstance(norm, nn.BatchNorm2d):
                norm.bias.copy_(bias)
                norm.running_var.fill_(1.0 - norm.eps)  # type: ignore[union-attr]  # it tracks them
    for module in net.modules():
        module._forward_hooks.clear()
    return net


def load_embedding(path: Path) -> Embedding | LiteEmbedding:
    """Return the network that `train_embedding` or `train_embedding_gpu` wrote."""
    state = torch.load(path, map_location="cpu")
    if "slow" in state:
        plain = Embedding()
        plain.load_state_dict(state["slow"] if not state.get("decayed") else state["net"])
        plain.eval()
        return plain
    cells = state["head.weight"].shape[1] // state["squeeze.weight"].shape[0]
    lite = LiteEmbedding(16 * math.isqrt(cells))
    lite.load_state_dict(state)
    lite.eval()
    return lite


def write(
    net: nn.Module, shown: Tensor, path: Path, shapes: dict[str, tuple[int, ...]], *, plain: bool
) -> None:
    """Write one ONNX file with a dynamic batch. shapes: of the outputs by name, without the batch.

    plain: no half floats in the file, for TensorRT: to its parser weights of a convolution that come out of a
    Cast are a tensor, not weights (onnx-tensorrt 10.1, convMultiInput in importerUtils.cpp).
    """
    inputs, outputs = ["picture"], list(shapes)
    torch.onnx.export(
        net,
        (shown,),
        str(path),
        input_names=inputs,
        output_names=outputs,
        dynamic_axes={name: {0: "batch"} for name in [*inputs, *outputs]},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(path)
    round_weights(model, plain=plain)
    for output in model.graph.output:
        for dim, size in zip(output.type.tensor_type.shape.dim[1:], shapes[output.name], strict=True):
            dim.dim_value = size
    onnx.checker.check_model(model)
    onnx.save(model, path)


def round_weights(model: onnx.ModelProto, *, plain: bool) -> None:
    """Round large weights to half floats, the same in every file, and cast them back when it is loaded.

    That takes half the space; plain: they stay floats in the file.
    """
    for held in list(model.graph.initializer):
        values = numpy_helper.to_array(held)
        if values.dtype != np.float32 or values.size < LEAST_HALVED:
            continue
        if plain:
            held.CopyFrom(numpy_helper.from_array(values.astype(np.float16).astype(np.float32), held.name))
            continue
        model.graph.initializer.remove(held)
        half = numpy_helper.from_array(values.astype(np.float16), f"{held.name}/half")
        model.graph.initializer.append(half)
        cast = helper.make_node("Cast", [half.name], [held.name], to=onnx.TensorProto.FLOAT)
        model.graph.node.insert(0, cast)


def main() -> None:
    """Export both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("proposals", type=Path, help="its checkpoint, or the marks.onnx to take it from")
    parser.add_argument("embedding", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    embedding = load_embedding(args.embedding)
    side = embedding.side
    finder = MarksGraph(load_proposals(args.proposals), embedding, side).eval()
    args.out.mkdir(parents=True, exist_ok=True)
    shown = torch.rand(2, 3, side, side) * 255
    write(embedding, shown, args.out / "mark-embedding.onnx", {"vectors": (128,)}, plain=False)
    outputs = {"boxes": (TOP, 4), "scores": (TOP,), "vectors": (TOP, 128)}
    write(finder, torch.rand(2, 3, HEIGHT, WIDTH) * 255, args.out / "marks.onnx", outputs, plain=True)


if __name__ == "__main__":
    main()
