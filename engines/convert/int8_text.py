"""Make the 8 bit file of the detector of text, for CPUs with VNNI.

    python -m engines.convert.int8_text PHOTOGRAPHS FONTS engines/models/text-regions-int8.xml

PHOTOGRAPHS: a folder with at least 100 JPEG files of people, on whom names of brands in the fonts of FONTS
are drawn. What each layer's numbers reach is measured on the canvases that `engines.ocr` makes of those,
without the rarest. Sums and convolutions of one channel each stay in float; NNCF's rounding of the same
layers leaves the map further off (docs/decisions-measured.md).
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import openvino as ov  # type: ignore[import-untyped]  # the wheel has no py.typed
from openvino import opset13 as ops
from openvino._offline_transformations import (  # type: ignore[import-untyped]  # the same
    apply_moc_transformations,
)
from PIL import Image, ImageDraw, ImageFont

from engines.convert.int8 import LEAST_PHOTOGRAPHS
from engines.errors import BadInput
from engines.manifest import find_model, read_manifest
from engines.ocr.energy import text_areas
from engines.ocr.faint import half_size
from engines.ocr.reader import MAX_SIDE, UPSCALE
from engines.ocr.windows import on_canvas, windows
from engines.paths import CONFIGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Bgr = npt.NDArray[np.uint8]
    FloatArray = npt.NDArray[np.float32]

NAME: Final = "text-regions"
STEM: Final = re.compile(r"Conv\.[0-4]")
"""Convolutions that stay in float beside those of one depth: they see the picture itself, and each step of
theirs is seen by all that follow."""
CANVASES: Final = 400
"""Most canvases that are measured."""
DRAWN: Final = (0, 1, 2, 3, 4)
LOWEST, HIGHEST = 8, 64
"""Heights of drawn capitals, px."""
HALF: Final = 0.15
"""The share of canvases at half their size."""
RARE: Final = 0.05
"""The share of canvases whose least and greatest values of a channel may be cut off."""
STEPS: Final = 255
"""Steps between the least and the greatest of 8 bits."""
TINY: Final = 1e-6


def convert(photographs: Sequence[Path], fonts: Sequence[Path], target: Path) -> None:
    """Write the detector in 8 bits, its weights beside it as `.bin`. Raises BadInput."""
    if len(photographs) < LEAST_PHOTOGRAPHS:
        raise BadInput(f"{len(photographs)} photographs; at least {LEAST_PHOTOGRAPHS} are needed")
    if not fonts:
        raise BadInput("no fonts: no file of the folder ends in .ttf")
    path = find_model(NAME, read_manifest()).path
    chance = random.Random(5)
    drawn = composed(photographs, fonts, chance)
    canvases = [canvas for picture in drawn for canvas in _canvases(picture, chance)]
    chance.shuffle(canvases)
    reaches = _reaches(simplified(path), canvases[:CANVASES])
    network = quantised(with_biases(simplified(path)), reaches)
    ov.save_model(network, target, compress_to_fp16=False)


def simplified(path: Path) -> ov.Model:
    """Return the network as OpenVINO's compiler sees it: GELU is one step, what does nothing is gone."""
    network = ov.Core().read_model(path)
    apply_moc_transformations(network, cf=False)
    return network


def with_biases(network: ov.Model) -> ov.Model:
    """Give each convolution without a bias one that says nothing.

    Where its answer is both averaged and scaled, as by the branches that weigh channels, OpenVINO 2026.4 in 8
    bits answers wrongly else: off by thirty times what rounding costs.
    """
    for node in network.get_ordered_ops():
        if node.get_type_name() != "Convolution":
            continue
        readers = list(node.output(0).get_target_inputs())
        if [reader.get_node().get_type_name() for reader in readers] == ["Add"]:
            continue
        channels = node.get_output_partial_shape(0)[1].get_length()
        bias = ops.add(node, ops.constant(np.full((1, channels, 1, 1), TINY, np.float32)))
        for reader in readers:
            reader.replace_source_output(bias.output(0))
    network.validate_nodes_and_infer_types()
    return network


def quantised(network: ov.Model, reaches: dict[str, tuple[float, float]]) -> ov.Model:
    """Round what convolutions read and their weights to 8 bits, for those of `_rounded`."""
    read: dict[str, Any] = {}
    for node in _rounded(network):
        source = node.input(0).get_source_output()
        name = source.get_node().get_friendly_name()
        if name not in read:
            low, high = (np.full((1, 1, 1, 1), end, np.float32) for end in reaches[name])
            read[name] = ops.fake_quantize(source, low, high, low, high, STEPS + 1)
        node.input(0).replace_source_output(read[name].output(0))
        weights = np.asarray(node.input(1).get_source_output().get_node().data, np.float32)
        outputs = 1 if node.get_type_name() == "ConvolutionBackpropData" else 0
        others = tuple(axis for axis in range(4) if axis != outputs)
        step = np.maximum(np.abs(weights).max(axis=others, keepdims=True), TINY) / (STEPS // 2)
        whole = ops.constant(np.round(weights / step).astype(np.int8))
        scaled = ops.multiply(ops.convert(whole, np.float32), ops.constant(step))
        node.input(1).replace_source_output(scaled.output(0))
    network.validate_nodes_and_infer_types()
    return network


def _rounded(network: ov.Model) -> list[Any]:
    """Return the convolutions of a map, less STEM and those of one channel each, which gain nothing."""
    return [
        node
        for node in network.get_ordered_ops()
        if node.get_type_name() in {"Convolution", "ConvolutionBackpropData"}
        and node.get_output_partial_shape(0)[2].is_dynamic
        and not STEM.fullmatch(node.get_friendly_name())
    ]


def _reaches(network: ov.Model, canvases: Sequence[Bgr]) -> dict[str, tuple[float, float]]:
    """Return least and greatest of what each rounded convolution reads; 0 is one of the steps between."""
    sources = {
        source.get_node().get_friendly_name(): source
        for source in (node.input(0).get_source_output() for node in _rounded(network))
    }
    found: dict[str, list[FloatArray]] = {name: [] for name in sources}
    seen = ov.Model([ops.result(source) for source in sources.values()], network.get_parameters())
    request = ov.Core().compile_model(seen, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    for canvas in canvases:
        request.infer([cv2.dnn.blobFromImage(canvas, 1 / 127.5, mean=(127.5, 127.5, 127.5))])
        for name, tensor in zip(sources, request.output_tensors, strict=True):
            found[name].append(np.stack([tensor.data[0].min((1, 2)), tensor.data[0].max((1, 2))]))
    return {name: _reach(np.stack(ends)) for name, ends in found.items()}


def _reach(ends: FloatArray) -> tuple[float, float]:
    """Return least and greatest of (canvases, 2, channels) ends of values."""
    low = min(0.0, float(np.quantile(ends[:, 0], RARE, axis=0).min()))
    high = max(TINY, float(np.quantile(ends[:, 1], 1 - RARE, axis=0).max()))
    step = (high - low) / STEPS
    zero = round(-low / step)
    return -zero * step, (STEPS - zero) * step


def composed(photographs: Sequence[Path], fonts: Sequence[Path], chance: random.Random) -> Iterator[Bgr]:
    """Yield the photographs, larger and smaller, darker and brighter, with names of brands on them."""
    names = sorted(folder.name.replace("-", " ") for folder in (CONFIGS / "brands").iterdir())
    for path in photographs:
        picture = cv2.imread(str(path))
        if picture is None:
            raise BadInput("one of the photographs is no JPEG file")
        scale = chance.choice((1, 1, 0.7, 0.5, 1.3))
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = np.clip(picture * chance.choice((1, 1, 0.6, 1.2, 0.4)), 0, 255).astype(np.uint8)
        for _ in range(chance.choice(DRAWN)):
            _draw(picture, chance.choice(names), chance.choice(fonts), chance)
        yield picture


def _draw(picture: Bgr, name: str, font: Path, chance: random.Random) -> None:
    """Draw a name somewhere on a picture, in place."""
    set_in = ImageFont.truetype(str(font), round(1.4 * LOWEST * (HIGHEST / LOWEST) ** chance.random()))
    text = chance.choice((name.upper(), name.title(), name))
    left, top, right, bottom = (round(side) for side in set_in.getbbox(text))
    page = Image.new("L", (right - left + 8, bottom - top + 8))
    ImageDraw.Draw(page).text((4 - left, 4 - top), text, fill=255, font=set_in)
    angle = chance.choice((0, 0, 0, chance.uniform(-30, 30), 90, -90))
    turned = page.rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    ink = np.asarray(np.asarray(turned, np.float32) / 255, np.float32)
    height, width = picture.shape[:2]
    scale = min(1.0, 0.95 * width / ink.shape[1], 0.95 * height / ink.shape[0])
    small = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    ink = np.asarray(small * chance.uniform(0.6, 1), np.float32)
    y, x = chance.randint(0, height - ink.shape[0]), chance.randint(0, width - ink.shape[1])
    under = picture[y : y + ink.shape[0], x : x + ink.shape[1]]
    colour = np.array([chance.randint(0, 255) for _ in range(3)], np.float32)
    under[:] = under * (1 - ink[..., None]) + colour * ink[..., None]


def _canvases(picture: Bgr, chance: random.Random) -> list[Bgr]:
    """Return what the detector is shown of a picture, some of it at half the size, as by quick looks."""
    scale = min(UPSCALE, MAX_SIDE / max(picture.shape[:2]))
    areas = text_areas(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8))
    shown = [on_canvas(picture, window, scale) for window in windows(areas, scale)]
    return [half_size(canvas) if chance.random() < HALF else canvas for canvas in shown]


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description="Make the 8 bit file of the detector of text.")
    parser.add_argument("photographs", type=Path, metavar="PHOTOGRAPHS")
    parser.add_argument("fonts", type=Path, metavar="FONTS")
    parser.add_argument("target", type=Path, metavar="OUT.xml")
    args = parser.parse_args()
    photographs, fonts = sorted(args.photographs.glob("*.jpg")), sorted(args.fonts.rglob("*.ttf"))
    convert(photographs, fonts, args.target)


if __name__ == "__main__":
    main()
