"""Trains the garment parser on two CPU cores: features cached once, the decoder first, then the upper blocks.

The frozen blocks run once per sample, in OpenVINO; their outputs lie in one file as half floats. Rounds over
the cached samples then cost a third of whole training.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from engines.garments.classes import CLASSES
from engines.training.garments_labels import targets
from engines.training.garments_network import FROZEN, HEIGHT, MEAN, SCALE, STRIDE, WIDTH, Parser
from engines.training.garments_samples import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from engines.training.garments_samples import Material

BATCH = 16
AVERAGING = 0.995
CLIP = 2.0
WARM_STEPS = 60
REPORT = 50
SIDES = (HEIGHT // STRIDE, WIDTH // STRIDE)
SHAPES = ((24, 80, 48), (48, 40, 24), (88, 20, 12), (120, 20, 12), (352, 10, 6))
"""Of a sample's cached features: strides 4, 8, into block FROZEN, strides 16 and 32 of the first weights."""


class _Frozen(nn.Module):
    """A picture -> all that is cached of it."""

    def __init__(self, net: Parser) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        low = self.net.backbone.below((picture - MEAN) * SCALE)
        return (*low, *self.net.backbone.above(low[2]))


@dataclass(slots=True)
class Cache:
    """Features (n, ...) and label values (n, height / 4, width / 4) of samples, on disk."""

    features: Sequence[npt.NDArray[np.float16]]
    labels: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)


def fill(
    net: Parser, material: Material, folder: Path, count: int, seed: int, say: Callable[[str], None]
) -> Cache:
    """Make `count` samples, each photograph in turn, and write their features into the folder."""
    import openvino as ov  # type: ignore[import-untyped]  # of the extra cpu

    shown = torch.zeros(1, 3, HEIGHT, WIDTH)
    model = ov.convert_model(_Frozen(net.eval()), example_input=shown, input=[1, 3, HEIGHT, WIDTH])
    settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "ENABLE_CPU_PINNING": False}
    run = ov.Core().compile_model(model, "CPU", settings)
    folder.mkdir(parents=True, exist_ok=True)
    features = [
        np.lib.format.open_memmap(folder / f"features-{n}.npy", "w+", np.float16, (count, *shape))
        for n, shape in enumerate(SHAPES)
    ]
    labels = np.zeros((count, *SIDES), np.uint8)
    sampler, begun = Sampler(material, seed), time.monotonic()
    order = np.random.default_rng(seed).permutation(count) % len(material.learned)
    for row, number in enumerate(order):
        picture, labels[row] = sampler.sample(material.learned[number])
        answer = run([picture.transpose(2, 0, 1)[None].astype(np.float32)])
        for held, value in zip(features, answer.values(), strict=True):
            held[row] = value[0]
        if row % 500 == 499:
            say(f"{row + 1} of {count} samples, {(time.monotonic() - begun) / (row + 1) * 1000:.0f} ms each")
    return Cache(features, labels)


def loss_of(logits: Tensor, labels: Tensor, table: Tensor) -> Tensor:
    """Return minus the log of the share of what the labels allow.

    Within a sample a pixel counts by its region's area to the power -1/2, lest small things be lost.
    """
    shares = logits.float().log_softmax(1)
    allowed = table[labels.long()].permute(0, 3, 1, 2)
    told = allowed.all(1).logical_not()
    least = torch.where(allowed, shares, torch.full_like(shares, -1e4)).logsumexp(1)
    sizes = torch.stack([torch.bincount(one.flatten().long(), minlength=256) for one in labels]).float()
    each = sizes.clamp(min=1).rsqrt().gather(1, labels.flatten(1).long()).view_as(least) * told
    return -(least * each).sum() / each.sum().clamp(min=1e-6)


def _batches(cache: Cache, steps: int, seed: int) -> Iterator[tuple[list[Tensor], Tensor]]:
    rng = np.random.default_rng(seed)
    order: list[int] = []
    for _ in range(steps):
        if len(order) < BATCH:
            order = list(rng.permutation(len(cache)))
        rows = np.sort(order[:BATCH])
        order = order[BATCH:]
        held = [torch.from_numpy(np.ascontiguousarray(one[rows])) for one in cache.features]
        yield held, torch.from_numpy(cache.labels[rows])


@dataclass(frozen=True, slots=True)
class Phase:
    """What is trained, for how long. upper: the blocks from FROZEN on too, at a tenth of the rate."""

    steps: int
    rate: float
    upper: bool


def train(
    net: Parser,
    cache: Cache,
    material: Material,
    phase: Phase,
    *,
    seed: int,
    say: Callable[[str], None],
    judged: Callable[[nn.Module], str] | None = None,
    judge_every: int = 400,
) -> Parser:
    """Train one phase; return the network with the weights averaged over the last steps."""
    table = torch.from_numpy(targets(material.allowed))
    upper = [p for block in net.backbone.blocks[FROZEN:] for p in block.parameters()]
    groups: list[dict[str, Any]] = [{"params": list(net.decoder.parameters()), "share": 1.0}]
    if phase.upper:
        groups.append({"params": upper, "share": 0.15})
    for weights in net.backbone.parameters():
        weights.requires_grad_(False)
    for weights in upper:
        weights.requires_grad_(phase.upper)
    optimiser = torch.optim.AdamW(groups, phase.rate, weight_decay=0.02)
    slow, total, begun = copy.deepcopy(net), 0.0, time.monotonic()
    for step, (held, labels) in enumerate(_batches(cache, phase.steps, seed), 1):
        rate = phase.rate * min(1.0, step / WARM_STEPS) * 0.5 * (1 + np.cos(np.pi * step / phase.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate * group["share"]
        net.eval()
        net.decoder.train()
        two, three, middle, four, five = (
            one.float().contiguous(memory_format=torch.channels_last) for one in held
        )
        logits = net.logits(two, three, middle) if phase.upper else net.decoder(two, three, four, five)
        loss = loss_of(logits, labels, table)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([p for g in groups for p in g["params"]], CLIP)
        optimiser.step()
        _average(slow, net, min(AVERAGING, step / (step + 10)))
        total += float(loss.detach())
        if step % REPORT == 0:
            pace = (time.monotonic() - begun) / step
            say(f"{step} of {phase.steps}: loss {total / REPORT:.3f}, {pace:.2f} s a step")
            total = 0.0
        if judged and (step % judge_every == 0 or step == phase.steps):
            say(judged(slow.eval()))
    slow.eval()
    return slow


def _average(slow: nn.Module, net: nn.Module, keep: float) -> None:
    with torch.no_grad():
        for ours, theirs in zip(slow.state_dict().values(), net.state_dict().values(), strict=True):
            if ours.is_floating_point():
                ours.lerp_(theirs, 1 - keep)
            else:
                ours.copy_(theirs)


def fresh(backbone: Path) -> Parser:
    """Return a parser with the backbone's published weights."""
    net = Parser(len(CLASSES))
    net.backbone.read(backbone)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net
