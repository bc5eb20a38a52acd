"""Trains the garment parser in minutes on two CPU cores: the backbone stays, the decoder learns single cells.

Neighbouring cells say much the same: of each sample a few cells are drawn, rare things as often as common
ones, and what the backbone says of them is kept. The decoder is then trained on these rows alone.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.convert.efficientnet_lite import MEAN, SCALE
from engines.garments.classes import CLASSES
from engines.training.garments_labels import targets
from engines.training.garments_network import (
    CHANNELS,
    HEIGHT,
    HIDDEN,
    INPUTS,
    NARROW,
    WIDTH,
    CellDecoder,
    ParserNetwork,
    enlarged,
)
from engines.training.garments_samples import GarmentSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from engines.training.garments_samples import Material

    Say = Callable[[str], None]

CELLS = 192
"""Drawn from one sample."""
BATCH = 4096
DROPPED = 0.25
REPORT = 200


class _Backbone(nn.Module):
    """A picture -> what is told of each cell, and of the whole."""

    def __init__(self, net: ParserNetwork) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        features = self.net.backbone((picture - MEAN) * SCALE)
        return enlarged(features), features[-1].mean((2, 3))


@dataclass(slots=True)
class Cells:
    """Drawn cells. rows: (n, INPUTS). whole: (samples, channels). sample: (n,), into whole. labels: (n,)."""

    rows: Tensor
    whole: Tensor
    sample: Tensor
    labels: Tensor


def draw(net: ParserNetwork, material: Material, count: int, seed: int, say: Say) -> Cells:
    """Make `count` samples, each photograph in turn, and draw CELLS cells of each."""
    import openvino as ov  # type: ignore[import-untyped]  # of the extra cpu

    shown = torch.zeros(1, 3, HEIGHT, WIDTH)
    model = ov.convert_model(_Backbone(net.eval()), example_input=shown, input=[1, 3, HEIGHT, WIDTH])
    settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "ENABLE_CPU_PINNING": False}
    run = ov.Core().compile_model(model, "CPU", settings)
    rows = np.zeros((count * CELLS, INPUTS), np.float16)
    whole, labels = np.zeros((count, CHANNELS[-1]), np.float16), np.zeros(count * CELLS, np.int64)
    sampler, rng, begun = GarmentSampler(material, seed), np.random.default_rng(seed), time.monotonic()
    order = rng.permutation(count) % len(material.learned)
    for number, photograph in enumerate(order):
        picture, values = sampler.sample(material.learned[photograph])
        answer = list(run([picture.transpose(2, 0, 1)[None].astype(np.float32)]).values())
        cells = _drawn(values, rng)
        place = slice(number * CELLS, (number + 1) * CELLS)
        rows[place] = answer[0][0].reshape(INPUTS, -1).T[cells]
        labels[place] = values.ravel()[cells]
        whole[number] = answer[1][0]
        if number % 500 == 499:
            pace = (time.monotonic() - begun) / (number + 1) * 1000
            say(f"{number + 1} of {count} samples, {pace:.0f} ms each")
    samples = np.repeat(np.arange(count), CELLS)
    return Cells(*map(torch.from_numpy, (rows, whole, samples, labels)))


def _drawn(values: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw cells; one of a region of n cells comes as often as n to the power -1/2 says."""
    flat = values.ravel()
    odds = 1 / np.sqrt(np.bincount(flat, minlength=256))[flat]
    found: npt.NDArray[np.int64] = rng.choice(flat.size, CELLS, p=odds / odds.sum())
    return found


class _Rows(nn.Module):
    """A decoder that works on rows of cells. Inputs are dropped at random while it learns.

    mean, spread: of what it is fed, by which it is brought to one scale; `give` folds them into the weights.
    """

    def __init__(self, cells: Cells) -> None:
        super().__init__()
        some = cells.rows[:: max(1, len(cells.rows) // 50_000)].float()
        both = (some, cells.whole.float())
        self.means = [one.mean(0) for one in both]
        self.spreads = [one.std(0).clamp(min=1e-3) for one in both]
        self.rows, self.whole = nn.Linear(INPUTS, HIDDEN, bias=False), nn.Linear(CHANNELS[-1], HIDDEN)
        self.narrow, self.out = nn.Linear(HIDDEN, NARROW), nn.Linear(NARROW, len(CLASSES))

    def forward(self, rows: Tensor, whole: Tensor) -> Tensor:
        fed = [
            F.dropout((one - mean) / spread, DROPPED, self.training)
            for one, mean, spread in zip((rows, whole), self.means, self.spreads, strict=True)
        ]
        x = F.dropout(F.relu6(self.rows(fed[0]) + self.whole(fed[1])), DROPPED, self.training)
        logits: Tensor = self.out(F.relu6(self.narrow(x)))
        return logits

    def give(self, decoder: CellDecoder) -> None:
        """Put the weights into a decoder of maps."""
        two, three, four, five = decoder.laterals
        parts: list[Any] = [two, three, four, decoder.around, five]
        rows, whole = self.rows.weight / self.spreads[0], self.whole.weight / self.spreads[1]
        widths = [part.weight.shape[1] for part in parts]
        with torch.no_grad():
            for part, weight in zip(parts, rows.split(widths, 1), strict=True):
                part.weight.copy_(weight[..., None, None])
            decoder.whole.weight.copy_(whole[..., None, None])
            offset = rows @ self.means[0] + whole @ self.means[1]
            assert decoder.whole.bias is not None
            decoder.whole.bias.copy_(self.whole.bias - offset)
            for ours, theirs in ((decoder.narrow, self.narrow), (decoder.out, self.out)):
                assert ours.bias is not None
                ours.weight.copy_(theirs.weight[..., None, None])
                ours.bias.copy_(theirs.bias)


def loss_of(logits: Tensor, labels: Tensor, table: Tensor) -> Tensor:
    """Return minus the log of the share of the classes that each label allows."""
    allowed = table[labels]
    is_specific = allowed.all(1).logical_not()
    shares = logits.float().log_softmax(1).masked_fill(~allowed, -1e4)
    return -(shares.logsumexp(1) * is_specific).sum() / is_specific.sum().clamp(min=1)


def _batches(count: int, rounds: int, seed: int) -> Iterator[Tensor]:
    rng = torch.Generator().manual_seed(seed)
    for _ in range(rounds):
        order = torch.randperm(count, generator=rng)
        yield from order[: count // BATCH * BATCH or count].split(BATCH)


def train(
    net: ParserNetwork, cells: Cells, material: Material, *, rounds: int, rate: float, seed: int, say: Say
) -> ParserNetwork:
    """Train the decoder; return the network with the weights averaged over the last steps."""
    table = torch.from_numpy(targets(material.allowed))
    learner = _Rows(cells).train()
    optimiser = torch.optim.AdamW(learner.parameters(), rate, weight_decay=0.05)
    steps = rounds * max(1, len(cells.labels) // BATCH)
    slow, total, begun = copy.deepcopy(learner), 0.0, time.monotonic()
    for step, rows in enumerate(_batches(len(cells.labels), rounds, seed), 1):
        for group in optimiser.param_groups:
            group["lr"] = rate * 0.5 * (1 + np.cos(np.pi * step / steps))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = learner(cells.rows[rows].float(), cells.whole[cells.sample[rows]].float())
        loss = loss_of(logits, cells.labels[rows], table)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        with torch.no_grad():
            for ours, theirs in zip(slow.parameters(), learner.parameters(), strict=True):
                ours.lerp_(theirs, max(0.01, 1 / (step + 1)))
        total += float(loss.detach())
        if step % REPORT == 0:
            pace = (time.monotonic() - begun) / step
            say(f"{step} of {steps}: loss {total / REPORT:.3f}, {pace:.2f} s a step")
            total = 0.0
    slow.give(net.decoder)
    net.eval()
    return net


def fresh(backbone: Path) -> ParserNetwork:
    """Return a parser with the backbone's published weights."""
    net = ParserNetwork(len(CLASSES))
    net.backbone.read(backbone)
    net.eval()
    return net
