"""What both trainings share: arguments, rate, averaged weights, checkpoints, and what is printed."""

from __future__ import annotations

import argparse
import copy
import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engines.training.art import Art

WARM_STEPS = 300
AVERAGING = 0.998
CLIP = 3.0


@dataclass(slots=True)
class TrainingRun:
    """A network in training. slow: its weights averaged over the last steps; a checkpoint is judged by it."""

    net: nn.Module
    slow: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    decayed: bool = False

    @classmethod
    def of(cls, net: nn.Module, rate: float, resume: Path | None) -> TrainingRun:
        """Begin, or go on from a checkpoint."""
        net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        run = cls(net, copy.deepcopy(net), torch.optim.AdamW(net.parameters(), rate, weight_decay=0.02))
        if resume:
            state = torch.load(resume)
            run.net.load_state_dict(state["net"])
            run.slow.load_state_dict(state["slow"])
            run.optimiser.load_state_dict(state["optimiser"])
            run.step = state["step"]
        return run

    @property
    def best(self) -> nn.Module:
        """The weights to judge and export: the averaged ones, or after a fall of the rate the last ones."""
        return self.net if self.decayed else self.slow

    def learn(self, loss: Tensor, rate: float) -> None:
        """Take one step."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        self.optimiser.step()
        self.step += 1
        decay = min(AVERAGING, self.step / (self.step + 20))
        with torch.no_grad():
            for ours, theirs in zip(
                self.slow.state_dict().values(), self.net.state_dict().values(), strict=True
            ):
                ours.copy_(ours * decay + theirs * (1 - decay) if ours.is_floating_point() else theirs)

    def save(self, path: Path) -> None:
        """Write a checkpoint whole or not at all."""
        part = path.with_suffix(".part")
        torch.save(
            {
                "net": self.net.state_dict(),
                "slow": self.slow.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "decayed": self.decayed,
            },
            part,
        )
        part.replace(path)


def arguments(doc: str | None, *, batch: int) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("material", type=Path, help="folder of train_arts.pkl, test_arts.pkl, bg_*.npy")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument(
        "--decay", type=int, default=0, help="let the rate fall to zero in so many steps, stop"
    )
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)  # its threads do not survive the fork of the workers
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    return args


def material(folder: Path) -> tuple[dict[str, list[Art]], list[Art], Any, Any]:
    """Return the marks to train on, unseen symbols, and backgrounds to train on and to judge by."""
    with (folder / "train_arts.pkl").open("rb") as file:
        arts = pickle.load(file)
    with (folder / "test_arts.pkl").open("rb") as file:
        unseen = pickle.load(file)["icons"]
    return arts, unseen, np.load(folder / "bg_train.npy"), np.load(folder / "bg_test.npy")


def loader(data: torch.utils.data.Dataset[tuple[Tensor, ...]], workers: int) -> Any:
    """Return the batches in their order."""
    return torch.utils.data.DataLoader(data, batch_size=None, num_workers=workers, prefetch_factor=4)


def train(
    run: TrainingRun,
    batches: Iterable[Any],
    losses: Callable[[Any], tuple[Tensor, dict[str, float], int]],
    judge: Callable[[nn.Module], dict[int, float]],
    args: argparse.Namespace,
    *,
    judge_every: int,
) -> None:
    """Train to the last step. losses(batch): what to descend, what to print, how many pictures."""
    begun, start, seen = time.monotonic(), run.step, 0
    last = start + args.decay if args.decay else args.steps
    sums: dict[str, float] = {}
    run.decayed = bool(args.decay)
    for batch in batches:
        rate = args.rate * min(1.0, (run.step + 1) / WARM_STEPS)
        if args.decay:
            rate = args.rate * (1 - (run.step - start) / args.decay)
        run.net.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss, shown, count = losses(batch)
        run.learn(loss, rate)
        seen += count
        sums = {name: sums.get(name, 0.0) + value for name, value in shown.items()}
        if run.step % 100 == 0:
            means = " ".join(f"{name} {value / 100:.3f}" for name, value in sums.items())
            print(f"{run.step} {means} {seen / (time.monotonic() - begun):.0f}/s", flush=True)
            sums = {}
        if run.step % judge_every == 0 or run.step == last:
            print("   unseen", judge(run.best), flush=True)
            run.save(args.out)
        if run.step == last:
            return
