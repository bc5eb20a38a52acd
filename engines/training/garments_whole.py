"""Trains the whole garment parser, backbone and decoder, on a GPU: minutes for some hundred photographs."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from engines.garments.classes import CLASSES
from engines.training.garments_batches import BatchSampler
from engines.training.garments_labels import targets
from engines.training.garments_network import InvertedResidual, ParserNetwork, PyramidDecoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engines.training.garments_samples import Material

    Say = Callable[[str], None]

REGION_CELLS = 10
"""Cells a region must have for its mean to be asked for its type."""
WARM_STEPS = 100
MAX_NORM = 5.0
LOADING_STEPS = 3
"""The first steps take up to half a minute, for the GPU's libraries: the rates fall from then on."""
REPORT_S = 10.0


@dataclass(frozen=True, slots=True)
class WholePlan:
    """seconds: how long it learns. rates: of the decoder and of the backbone's last block.

    decay: a block's rate to the next one's. region: weight of the loss on a garment's mean. size: input,
    (height, width); that of the parser that comes along.
    """

    seconds: float
    size: tuple[int, int] = (384, 224)
    batch: int = 64
    rate: float = 1.5e-3
    backbone_rate: float = 8e-4
    decay: float = 0.97
    weight_decay: float = 0.05
    region: float = 1.0
    balance: float = 0.4
    skipped: float = 0.1
    hidden: int = 128
    average: float = 0.998
    seed: int = 1
    taught: float = 0.5


def fresh_whole(backbone: Path, plan: WholePlan) -> ParserNetwork:
    """Return a parser with the backbone's published weights and a pyramid decoder."""
    net = ParserNetwork(len(CLASSES), PyramidDecoder(len(CLASSES), plan.hidden))
    with torch.no_grad():
        net.backbone.read(backbone)
    blocks = [block for block in net.backbone.blocks if isinstance(block, InvertedResidual)]
    for number, block in enumerate(blocks):
        block.skipped = plan.skipped * number / len(blocks)
    return net


def train_whole(
    net: ParserNetwork,
    material: Material,
    plan: WholePlan,
    device: str,
    say: Say,
    *,
    teachers: tuple[ParserNetwork, ...] = (),
    on_quarter: Callable[[ParserNetwork, float], None] = lambda net, share: None,
) -> ParserNetwork:
    """Train for plan.seconds; return the averaged weights. on_quarter: called at each quarter with them."""
    torch.manual_seed(plan.seed)
    sampler = BatchSampler(material, plan.size, device, plan.seed)
    table = torch.from_numpy(targets(material.allowed)).to(device)
    worth = (sampler.class_share / sampler.class_share.mean()) ** -plan.balance
    worth = (worth / worth.mean()).clamp(max=4)
    net = net.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    slow: ParserNetwork = copy.deepcopy(net).eval().requires_grad_(False)
    teachers = tuple(one.to(device).eval().requires_grad_(False) for one in teachers)
    optimiser = torch.optim.AdamW(_groups(net, plan), fused=device.startswith("cuda"))
    first = [float(group["lr"]) for group in optimiser.param_groups]
    course, quarter = _Course(plan.seconds, say), 1
    while (share := course.share()) < 1:
        if share >= quarter / 4:
            on_quarter(slow, share)
            quarter += 1
        factor = 0.5 * (1 + math.cos(math.pi * share)) * min(1.0, (course.step + 1) / WARM_STEPS)
        for group, rate in zip(optimiser.param_groups, first, strict=True):
            group["lr"] = rate * factor
        pictures, labels = sampler.batch(plan.batch)
        fed = pictures.contiguous(memory_format=torch.channels_last)
        with _fast(device):
            logits = net.logits(fed).float()
        cells, regions = whole_loss(logits, labels, table, worth)
        loss = cells + plan.region * regions
        if teachers:
            learned = _learned(logits, _answers(teachers, fed, device), labels)
            loss = (1 - plan.taught) * loss + plan.taught * learned
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), MAX_NORM)
        optimiser.step()
        _average(slow, net, max(1 - plan.average, 1 / (course.step + 2)))
        course.stepped(torch.stack([cells, regions]).detach())
    _rebalance(slow, worth / sampler.class_size.sqrt())
    slow.eval()
    return slow


def _rebalance(net: ParserNetwork, weights: Tensor) -> None:
    """Take off the last layer what the cells' weights gave to rare classes and small regions."""
    out = net.decoder.out
    assert isinstance(out, nn.Conv2d)
    assert out.bias is not None
    out.bias.data -= (weights / weights[0]).log()


class _Course:
    """How far a training of so many seconds is. Says what it loses, every REPORT_S."""

    def __init__(self, seconds: float, say: Say) -> None:
        self._begun = self._printed_at = time.monotonic()
        self._end = self._begun + seconds
        self._say, self._lost, self._since_print = say, torch.zeros(2), 0
        self.step = 0

    def share(self) -> float:
        """Return from 0 to 1; 0 until the GPU's libraries are loaded."""
        now = time.monotonic()
        if now > self._end:
            return 1.0
        if self.step <= LOADING_STEPS:
            self._begun = now
        return (now - self._begun) / max(1.0, self._end - self._begun)

    def stepped(self, losses: Tensor) -> None:
        """Count a step. losses: of cells and of regions."""
        self.step, self._since_print = self.step + 1, self._since_print + 1
        self._lost = self._lost.to(losses.device) + losses
        if time.monotonic() - self._printed_at > REPORT_S:
            cells, regions = (self._lost / self._since_print).tolist()
            self._say(f"{self.share():.0%}: step {self.step}, losses {cells:.3f} and {regions:.3f}")
            self._printed_at, self._since_print = time.monotonic(), 0
            self._lost = torch.zeros_like(self._lost)


def _learned(logits: Tensor, taught: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of what teachers answer, rare regions as in `whole_loss`."""
    weights = _rarity(labels)[0]
    return -((taught * logits.log_softmax(1)).sum(1) * weights).sum() / weights.sum()


def _answers(teachers: tuple[ParserNetwork, ...], fed: Tensor, device: str) -> Tensor:
    with torch.no_grad(), _fast(device):
        each = [one.logits(fed).float().softmax(1) for one in teachers]
    return torch.stack(each).mean(0)


def whole_loss(logits: Tensor, labels: Tensor, table: Tensor, worth: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of cells and the loss of regions.

    A label asks for any of the classes that it allows. A region of n cells counts as n to the power 1/2, rare
    classes more. The shares of a garment's cells are also averaged: their mean is what names its type.
    """
    count, classes = logits.shape[:2]
    allowed = table[labels]
    is_specific = ~allowed.all(-1)
    logs = logits.log_softmax(1).permute(0, 2, 3, 1)
    right = -logs.masked_fill(~allowed, -1e4).logsumexp(-1)
    rarity, regions, sizes = _rarity(labels)
    weights = (allowed.float() * worth).sum(-1) / allowed.sum(-1) * rarity * is_specific
    cells = (right * weights).sum() / weights.sum().clamp(min=1e-6)
    shares = torch.zeros(count * 256, classes, device=logits.device)
    shares = shares.index_add(0, regions, logs.exp().flatten(0, 2)) / sizes.clamp(min=1)[:, None]
    table_of = table.repeat(count, 1)
    is_judged = (sizes >= REGION_CELLS) & ~table_of.all(1) & ~table_of[:, :3].any(1)
    worth_of = (table_of.float() * worth).sum(1) / table_of.sum(1) * is_judged
    named = -(shares * table_of).sum(1).clamp(min=1e-3).log()
    return cells, (named * worth_of).sum() / worth_of.sum().clamp(min=1e-6)


def _rarity(labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the cells' weights, one over the root of the region's size, their regions, and the sizes."""
    count = len(labels)
    regions = (labels + torch.arange(count, device=labels.device)[:, None, None] * 256).flatten()
    sizes = torch.bincount(regions, minlength=count * 256).float()
    return (1 / sizes.clamp(min=1).sqrt())[regions].view(labels.shape), regions, sizes


def _groups(net: ParserNetwork, plan: WholePlan) -> list[dict[str, Any]]:
    """Return groups of parameters with their rates: the earlier in the backbone, the slower."""
    blocks: list[nn.Module] = [net.backbone.stem, *net.backbone.blocks]
    rated = [
        (block, plan.backbone_rate * plan.decay ** (len(blocks) - 1 - number))
        for number, block in enumerate(blocks)
    ]
    rated.append((net.decoder, plan.rate))
    groups: list[dict[str, Any]] = []
    for part, rate in rated:
        wide = [p for p in part.parameters() if p.ndim > 1]
        thin = [p for p in part.parameters() if p.ndim <= 1]
        groups.append({"params": wide, "lr": rate, "weight_decay": plan.weight_decay})
        groups.append({"params": thin, "lr": rate, "weight_decay": 0.0})
    return groups


def _average(slow: nn.Module, net: nn.Module, share: float) -> None:
    """Move the averaged weights, and what normalisations keep, by a share towards the latest."""
    ours, theirs = list(slow.parameters()), [p.detach() for p in net.parameters()]
    torch._foreach_lerp_(ours, theirs, share)
    averaged = [b for b in slow.buffers() if b.is_floating_point()]
    given = [b for b in net.buffers() if b.is_floating_point()]
    torch._foreach_lerp_(averaged, given, share)


def _fast(device: str) -> torch.autocast:
    """Return bf16 where the device is fast at it."""
    kind = device.partition(":")[0]
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=kind == "cuda")
