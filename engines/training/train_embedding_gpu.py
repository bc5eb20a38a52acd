r"""Trains the embedding of marks on a GPU, with what `gpu_render` draws, for so many seconds.

    python -m engines.training.train_embedding_gpu DATA OUT.pt --backbone efficientnet-lite0-57934424.pth \
        --drawings SOURCES/drawings --seconds 480

DATA is `material`'s, with `mine`'s crops where there are any. OUT.pt holds the weights averaged over the last
steps, as half floats. As `train_embedding` it ranks and tells; it also holds two looks at one mark for near.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.training.gpu_material import mined_crops, training_shelf, unseen_shelf
from engines.training.gpu_render import FINE, SIDE_SHARES, SLOTS, GpuRenderer
from engines.training.networks import LiteEmbedding

if TYPE_CHECKING:
    from collections.abc import Callable

    Batch = tuple[Tensor, tuple[int, int], Tensor]

SHARPNESS = 18.0
SAME_FROM = 0.5
DOUBLE = 0.93
ALIKE, GROUP = 0.5, 4
NOTHING = 0.22
NEGATIVES = 256
"""What the sum over the pairs that differ is brought to, however large a batch is."""
WARM_STEPS = 80
"""Steps in which the rate rises; it falls from the middle on."""
MEMORY = 12
"""MarkBatches kept to be shown once more, in other colours: drawing costs as much as learning."""
RATE, DECAY, CLIP = 1.6e-3, 0.995, 3.0
SAME_SIZE = 0.9
"""Share of a batch's marks that stays when doubles are out: with the number the kernels stay the same."""
TELL_S, SAVE_S = 15.0, 60.0


def loss_of(queries: Tensor, which: Tensor, nothing: Tensor, cleans: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss and the share of queries whose own mark comes first: as in `train_embedding`."""
    near = queries @ cleans.T
    own = F.one_hot(which, len(cleans)).bool()
    back = SHARPNESS * near.T
    ranking = F.cross_entropy(SHARPNESS * near, which)
    ranking = ranking - (F.log_softmax(back, 1) * own.T).sum(1).div(own.T.sum(1).clamp(min=1)).mean()
    share = min(1.0, NEGATIVES / len(cleans))
    others = SHARPNESS * (torch.cat([near.masked_fill(own, -1.0), nothing @ cleans.T]) - SAME_FROM)
    eye = torch.eye(len(cleans), dtype=torch.bool, device=near.device)
    rivals = SHARPNESS * ((cleans @ cleans.T).masked_fill(eye, -1.0) - SAME_FROM)
    telling = F.softplus(SHARPNESS * (SAME_FROM - near[own])).mean()
    telling = telling + share * F.softplus(others).sum(1).mean()
    telling = telling + 0.5 * share * F.softplus(rivals).sum(1).mean()
    pairs = queries @ queries.T
    same = which[:, None] == which[None]
    self_ = torch.eye(len(queries), dtype=torch.bool, device=near.device)
    logs = F.log_softmax((SHARPNESS * pairs).masked_fill(self_, -1e4), 1)
    both = same & ~self_
    alike = -(logs * both).sum(1).div(both.sum(1).clamp(min=1)).mean()
    return ranking + 0.5 * telling + 0.3 * alike, (near.argmax(1) == which).float().mean()


class Learner:
    """The network in training beside its averaged weights."""

    def __init__(self, net: LiteEmbedding, rate: float, device: str) -> None:
        self.side, self.rate, self.step = net.side, rate, 0
        self.net: nn.Module = net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.slow = copy.deepcopy(self.net)
        groups = [
            {"params": [p for p in net.parameters() if p.ndim >= 2], "weight_decay": 0.02},
            {"params": [p for p in net.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, rate)
        self.shown = torch.zeros(2, device=device)

    def learn(self, pictures: Tensor, counts: tuple[int, int], which: Tensor, rate: float) -> None:
        """Take one step. rate: 0 to 1 of the learner's own."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * rate
        self.net.train()
        with torch.autocast(pictures.device.type, dtype=torch.bfloat16):
            vectors = self.net(resized(pictures, self.side))
        a, b = counts
        vectors = vectors.float()
        loss, right = loss_of(vectors[a:b], which, vectors[b:], vectors[:a])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        self.optimiser.step()
        self.step += 1
        decay = min(DECAY, self.step / (self.step + 20))
        with torch.no_grad():
            ours, theirs = (
                [value for value in net.state_dict().values() if value.is_floating_point()]
                for net in (self.slow, self.net)
            )
            torch._foreach_lerp_(ours, theirs, 1 - decay)
        self.shown += torch.stack([loss.detach(), right.detach()])

    def save(self, path: Path) -> None:
        """Write the averaged weights as half floats, whole or not at all."""
        state = {k: v.half() if v.is_floating_point() else v for k, v in self.slow.state_dict().items()}
        part = path.with_suffix(".part")
        torch.save({name: value.cpu() for name, value in state.items()}, part)
        part.replace(path)


def resized(fine: Tensor, side: int) -> Tensor:
    """Bring fine crops to a network's input."""
    small = F.avg_pool2d(fine, fine.shape[2] // side)
    return small.contiguous(memory_format=torch.channels_last)


def once_more(batch: Batch) -> Batch:
    """Return a batch in other colours, all of it mirrored and with light and dark exchanged by chance."""
    pictures = batch[0][:, torch.randperm(3).tolist()].float()
    if torch.rand(1) < 0.3:
        pictures = 255 - pictures
    if torch.rand(1) < 0.5:
        pictures = pictures.flip(3)
    return pictures, *batch[1:]


class MarkBatches:
    """Draws batches. starts, counts: of each mark, its first drawing and how many; odds: of each mark."""

    def __init__(
        self, renderer: GpuRenderer, starts: Tensor, counts: Tensor, odds: Tensor, mined: Tensor, size: int
    ) -> None:
        self.renderer, self.starts, self.counts = renderer, starts, counts
        self._odds, self._mined, self._size = odds, mined, size
        self.neighbours: Tensor | None = None

    def rows(self, marks: Tensor) -> Tensor:
        """Return the row of a drawing of each mark."""
        draw = self.renderer.random.uniform(len(marks)) * self.counts[marks]
        return self.starts[marks] + draw.long()

    def _chosen(self) -> Tensor:
        """Return different marks, half of them in groups of marks like each other."""
        r, size = self.renderer, self._size
        chosen = torch.multinomial(self._odds, size, replacement=True, generator=r.random.generator)
        if self.neighbours is not None:
            heads = int(size * ALIKE) // GROUP
            near = self.neighbours[chosen[:heads]]
            order = r.random.uniform(*near.shape).argsort(1)[:, : GROUP - 1]
            chosen[heads : heads * GROUP] = near.gather(1, order).flatten()
        chosen = torch.unique(chosen)
        order = torch.randperm(len(chosen), device=chosen.device, generator=r.random.generator)
        return chosen[order[: int(SAME_SIZE * size)]]

    def __call__(self) -> Batch:
        """Return crops (clean, seen, nothing), where the seen begin and end, and which clean each shows."""
        r, chosen = self.renderer, self._chosen()
        n = len(chosen)
        pictures = [r.clean(self.rows(chosen))]
        which = torch.arange(n, device=chosen.device).repeat(2)
        which = which[torch.randperm(2 * n, device=chosen.device, generator=r.random.generator)]
        ends = [*(int(2 * n * share) for share in np.cumsum(SIDE_SHARES[:-1])), 2 * n]
        for slot, start, end in zip(SLOTS, [0, *ends], ends, strict=False):
            if end > start:
                side = slot[int(torch.randint(len(slot), (1,)))]
                pictures.append(r.seen(self.rows(chosen[which[start:end]]), side))
        pictures += self._nothing(int(2 * n * NOTHING))
        return torch.cat(pictures), (n, 3 * n), which

    def _nothing(self, count: int) -> list[Tensor]:
        r = self.renderer
        found = [r.nothing(max(1, count // 8), side) for side in (24, 40, 64)]
        rest = count - sum(map(len, found))
        if len(self._mined) and rest > 0:
            picked = self._mined[r.random.below(len(self._mined), rest)].float()
            picked = torch.where(r.random.uniform(rest, 1, 1, 1) < 0.5, picked, picked.flip(3))
            light = r.random.uniform(rest, 1, 1, 1, low=0.8, high=1.15)
            picked = (picked * light + r.random.uniform(rest, 1, 1, 1, low=-15, high=15)).clamp(0, 255)
            found.append(F.interpolate(picked, (FINE, FINE), mode="bilinear", align_corners=False))
        return found


@torch.no_grad()  # type: ignore[untyped-decorator]
def embedded(learner: Learner, draw: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """Return the vectors of what is drawn of rows, by the averaged weights."""
    learner.slow.eval()
    parts = []
    for some in rows.split(768):
        with torch.autocast(rows.device.type, dtype=torch.bfloat16):
            parts.append(learner.slow(resized(draw(some), learner.side)).float())
    return torch.cat(parts)


def neighbours_of(learner: Learner, batches: MarkBatches, count: int = 16) -> Tensor:
    """Return for each mark those most like it, but for its doubles: (marks, count)."""
    vectors = embedded(learner, lambda some: batches.renderer.clean(some, plain=True), batches.starts)
    found = []
    for part in vectors.split(1024):
        near = part @ vectors.T
        found.append(near.masked_fill(near > DOUBLE, -1.0).topk(min(count, len(vectors))).indices)
    return torch.cat(found)


def judged(learner: Learner, renderer: GpuRenderer, rows: Tensor) -> dict[str, float]:
    """Return top-1 among unseen marks by the crop's px, one drawing enrolled each; `h`: as in training."""
    gallery = embedded(learner, lambda some: renderer.clean(some, plain=True), rows)
    found = {}
    for side, hard in ((16, False), (24, False), (32, False), (48, False), (32, True), (64, True)):
        near = embedded(learner, lambda some: renderer.seen(some, side, hard=hard), rows) @ gallery.T  # noqa: B023
        right = near.argmax(1) == torch.arange(len(rows), device=rows.device)
        found[f"{side}{'h' if hard else ''}"] = round(float(right.float().mean()), 3)
    return found


def train(
    learner: Learner, batches: MarkBatches, unseen: Tensor, judge: GpuRenderer, out: Path, seconds: float
) -> None:
    """Train for so many seconds; judge and save at times and at the end."""
    start = printed_at = saved_at = time.monotonic()
    memory: list[Batch] = []
    share, since, around = 0.0, 0, 0
    while share < 1.0:
        share = (time.monotonic() - start) / seconds
        rate = min(1.0, (learner.step + 1) / WARM_STEPS) * min(1.0, max(1e-3, (1.0 - share) / 0.6))
        with torch.no_grad():
            if learner.step % 2 == 0:
                batch = batches()
                memory = [*memory[-MEMORY + 1 :], (batch[0].half(), *batch[1:])]
            else:
                batch = once_more(memory[int(torch.randint(len(memory), (1,)))])
        learner.learn(*batch, rate)
        since += 1
        if share > (0.12, 0.3, 0.6, 0.9, 2.0)[around]:
            around += 1
            batches.neighbours = neighbours_of(learner, batches)
        now = time.monotonic()
        if now - printed_at > TELL_S:
            loss, right = (learner.shown / since).tolist()
            print(f"{now - start:.0f} s step {learner.step} loss {loss:.3f} first {right:.3f}", flush=True)
            learner.shown.zero_()
            printed_at, since = now, 0
        if now - saved_at > SAVE_S or share >= 1.0:
            learner.save(out)
            print(f"   {now - start:.0f} s unseen {judged(learner, judge, unseen)}", flush=True)
            saved_at = time.monotonic()


def main() -> None:
    """Train until the time is over."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("material", type=Path, help="folder of train_arts.pkl, test_arts.pkl, bg_*.npy")
    parser.add_argument("out", type=Path)
    parser.add_argument("--backbone", type=Path, required=True, help="weights of EfficientNet-Lite0")
    parser.add_argument("--drawings", type=Path, help="folder of icon packages, one folder each")
    parser.add_argument("--seconds", type=float, default=480.0)
    parser.add_argument("--marks", type=int, default=1024, help="marks of a batch")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    begun = time.monotonic()
    torch.manual_seed(1)
    shelf, unseen = training_shelf(args.material, args.drawings, args.workers), unseen_shelf(args.material)
    seen, judged_by = (
        held.textures(np.load(args.material / name)[..., ::-1]).to(args.device)
        for held, name in ((shelf, "bg_train.npy"), (unseen, "bg_test.npy"))
    )
    starts = torch.tensor(shelf.starts, device=args.device)
    ends = torch.tensor([*shelf.starts[1:], len(shelf.alphas)], device=args.device)
    batches = MarkBatches(
        GpuRenderer(seen, args.device, 1),
        starts,
        ends - starts,
        shelf.odds().to(args.device),
        mined_crops(args.material).to(args.device),
        args.marks,
    )
    net = LiteEmbedding()
    net.read(torch.load(args.backbone, map_location="cpu", weights_only=True))
    learner = Learner(net, RATE, args.device)
    print(f"{len(starts)} marks, {len(shelf.alphas)} drawings, {time.monotonic() - begun:.0f} s", flush=True)
    rows = torch.tensor(unseen.starts, device=args.device)
    train(learner, batches, rows, GpuRenderer(judged_by, args.device, 7), args.out, args.seconds)


if __name__ == "__main__":
    main()
