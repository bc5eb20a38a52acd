"""Make the 8 bit file of a detector or of the finder of marks, for CPUs with VNNI.

    pip install nncf==3.4.0 opencv-python-headless resvg-py
    python -m engines.convert.int8 nanodet-416 PHOTOGRAPHS engines/models/nanodet-g-int8.xml

By NNCF's post-training quantisation. PHOTOGRAPHS: a folder with at least 100 JPEG files of people. What each
layer's numbers reach is measured on montages of them, 1 to 16 parts each, for persons and faces of a camera
are large and small; on those for the finder marks are drawn. Layers that say what is where stay in float:
8 bits of them are a fifth of a cell, and scores in steps of 0.002. Depthwise layers are rounded by this
module: as NNCF rounds them they would run in float.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import openvino as ov  # type: ignore[import-untyped]  # the wheel has no py.typed
from openvino import opset13 as ops

from engines.errors import BadInput
from engines.manifest import ChannelOrder, Decoder, find_model, read_manifest
from engines.marks.network import places_of
from engines.marks.picture import read_mark
from engines.paths import CONFIGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from engines.manifest import Input, Model

    Bgr = npt.NDArray[np.uint8]

IN_FLOAT: Final = {
    "nanodet-416": r"^(cell_centre|weighted|reach|distance|corners|centre_twice)$,^conv(0|29|31|33)/.*",
    "centerface": r"^(cell_.*|centre|size|reach|start|end|offset|log_size|scaled)$,"
    r"^(corners|maps|picked|detection_).*,^(537|around|beaten|peaks)$,^(363|536|538|539)/.*",
    "marks": r"^/proposals/(Sub|Div|stem|where|size).*",
}
"""Patterns of the names of layers that stay in float: first convolution, heads, and what decodes them."""
MONTAGES: Final = 400
LEAST_PHOTOGRAPHS: Final = 100
MOST_MARKS: Final = 6
PARTS: Final = (1, 1, 2, 2, 3, 4)
"""Parts of a side of a montage, by how often they come."""


def convert(name: str, photographs: Sequence[Path], target: Path) -> None:
    """Write a model of the manifest in 8 bits, its weights beside it as `.bin`. Raises BadInput."""
    if len(photographs) < LEAST_PHOTOGRAPHS:
        raise BadInput(f"{len(photographs)} photographs; at least {LEAST_PHOTOGRAPHS} are needed")
    model = find_model(name, read_manifest())
    if name not in IN_FLOAT:
        raise BadInput(f"model {name}: which of its layers stay in float is not known: {', '.join(IN_FLOAT)}")
    import nncf  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415  for this alone

    chance = random.Random(3)
    pictures = [montage(photographs, model.input, chance) for _ in range(MONTAGES)]
    if model.decoder is Decoder.MARKS:
        draw_marks(pictures, chance)
    fed = [fed_tensor(picture, model.input) for picture in pictures]
    network = _read(ov.Core(), model)
    quantised = nncf.quantize(
        network,
        nncf.Dataset(fed),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(fed),
        ignored_scope=nncf.IgnoredScope(patterns=IN_FLOAT[name].split(","), validate=False),
    )
    round_depthwise(quantised)
    ov.save_model(quantised, target, compress_to_fp16=False)


def round_depthwise(network: ov.Model) -> None:
    """Round the weights of depthwise layers to 8 bits with one step a channel, in place.

    NNCF 3.4 gives each column of such a kernel a step of its own. No kernel of OpenVINO takes that, so these
    layers ran in float without a word, and their neighbours' numbers were converted for them and back.
    """
    for layer in network.get_ops():
        if layer.get_type_name() != "GroupConvolution":
            continue
        rounding = layer.input_value(1).get_node()
        if rounding.get_type_name() != "FakeQuantize":
            continue
        source = rounding.input_value(0)
        weights = _constant(source.get_node()).reshape(tuple(source.get_shape()))
        step = np.abs(weights).max(axis=(2, 3, 4), keepdims=True) / np.float32(127)
        step[step == 0] = 1
        rounded = ops.convert(ops.constant(np.rint(weights / step).astype(np.int8)), "f32")
        layer.input(1).replace_source_output(ops.multiply(rounded, ops.constant(step)).output(0))


def _constant(node: ov.Node) -> npt.NDArray[np.float32]:
    """Return the numbers of a constant, or of one that is reshaped."""
    constant = node.input_value(0).get_node() if node.get_type_name() == "Reshape" else node
    return np.asarray(constant.get_data(), np.float32)


def _read(core: ov.Core, model: Model) -> ov.Model:
    if model.decoder is Decoder.MARKS:
        return places_of(core, model.path)
    network = core.read_model(model.path)
    network.reshape([1, 3, -1, -1])
    return network


def montage(photographs: Sequence[Path], fed: Input, chance: random.Random) -> Bgr:
    """Return a picture of the input's size made of photographs, darker or brighter, (h, w, 3) uint8."""
    parts = chance.choice(PARTS)
    canvas = np.zeros((fed.height, fed.width, 3), np.uint8)
    width, height = fed.width // parts, fed.height // parts
    for row in range(parts):
        for column in range(parts):
            photograph = cv2.imread(str(chance.choice(photographs)))
            if photograph is None:
                raise BadInput("one of the photographs is no JPEG file")
            tall, wide = photograph.shape[:2]
            scale = chance.uniform(0.8, 1.6) * max(width / wide, height / tall)
            method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            photograph = cv2.resize(photograph, None, fx=scale, fy=scale, interpolation=method)
            y = chance.randint(0, max(0, photograph.shape[0] - height))
            x = chance.randint(0, max(0, photograph.shape[1] - width))
            part = photograph[y : y + height, x : x + width]
            top, left = row * height, column * width
            canvas[top : top + part.shape[0], left : left + part.shape[1]] = part
    mirrored = canvas[:, ::-1] if chance.random() < 0.5 else canvas
    lit: Bgr = np.clip(mirrored * chance.uniform(0.4, 1.15), 0, 255).astype(np.uint8)
    return lit


def draw_marks(pictures: Sequence[Bgr], chance: random.Random) -> None:
    """Draw marks of the brands that come along onto pictures, in place: photographs of people show few.

    Without them clear marks have scores up to 0.2 lower than in float.
    """
    drawings = [read_mark(path).views() for path in sorted((CONFIGS / "brands").glob("*/*.svg"))]
    for picture in pictures:
        height, width = picture.shape[:2]
        for _ in range(chance.randint(0, MOST_MARKS)):
            side = round(12 * (min(height, width) / 24) ** chance.random())
            drawn = cv2.resize(
                chance.choice(chance.choice(drawings)), (side, side), interpolation=cv2.INTER_AREA
            )
            y, x = chance.randint(0, height - side), chance.randint(0, width - side)
            picture[y : y + side, x : x + side] = drawn


def fed_tensor(picture: Bgr, fed: Input) -> npt.NDArray[np.float32]:
    """Return a picture of the input's size as the network's file reads it, (1, 3, h, w)."""
    ordered = picture[..., ::-1] if fed.order is ChannelOrder.RGB else picture
    values = (ordered.astype(np.float32) - np.array(fed.mean, np.float32)) * np.float32(fed.scale)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description="Make the 8 bit file of a model.")
    parser.add_argument("model", choices=sorted(IN_FLOAT))
    parser.add_argument("photographs", type=Path, metavar="PHOTOGRAPHS")
    parser.add_argument("target", type=Path, metavar="OUT.xml")
    args = parser.parse_args()
    convert(args.model, sorted(args.photographs.glob("*.jpg")), args.target)


if __name__ == "__main__":
    main()
