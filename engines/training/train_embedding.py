"""Trains the embedding: a camera's crop of a mark beside its clean drawing, against thousands of other marks.

A run that resumes fills half of each batch with groups of marks that the checkpoint finds alike, which is
what an un-enrolled mark looks like. Steps of constant rate with averaged weights, then a straight fall to
zero, which can start from any checkpoint. A softmax over all marks at once, with a margin, did not begin to
learn within a thousand steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.training.loop import TrainingRun, arguments, loader, material, train
from engines.training.networks import Embedding
from engines.training.render import TRAINING, TYPICAL, Renderer
from engines.training.samples import MINED_FILE, MINED_HELD_OUT, Sampler, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engines.training.art import Art

SHARPNESS = 18.0
SAME_FROM = 0.5
"""The similarity from which two pictures are to show the same mark."""
DOUBLE = 0.93
"""Marks more alike than this are drawings of one thing, and not told apart."""
KINDS = {"icons": 0.5, "flipped": 0.13, "emblems": 0.2, "words": 0.1, "blobs": 0.07}
ALIKE = 0.5
"""Share of a batch that comes in groups of marks like each other."""
GROUP = 4
MEMORY = 250
"""Batches kept to be shown once more, in other colours: drawing them costs as much as learning from them."""
TWICE = 0.25
NOTHING = 0.22
"""Queries without a mark, as a share of the others; where there are mined ones, three in four are those."""
MINED = 0.75


class Batches(torch.utils.data.Dataset[tuple[Tensor, ...]]):
    """Batch number i, made from seed and i alone: clean (n), queries (n), second queries (n), nothing (m)."""

    neighbours: Any = None
    mined: Any = None

    def __init__(
        self, arts: dict[str, list[Art]], backgrounds: Any, size: int, steps: int, seed: int, start: int = 0
    ) -> None:
        self.arts: list[Art] = [art for kind in KINDS for art in arts[kind]]
        lengths = [len(arts[kind]) for kind in KINDS]
        ends = np.cumsum(lengths)
        self._ranges = list(zip(ends - lengths, ends, strict=True))
        self._backgrounds, self._size, self._steps, self._seed = backgrounds, size, steps, seed
        self._start = start
        self._sampler: Sampler | None = None

    def __len__(self) -> int:
        return (self._steps - self._start + 1) // 2

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        if self._sampler is None:
            self._sampler = Sampler(Renderer(self._seed), self._backgrounds)
        sampler, rng = self._sampler, np.random.default_rng((self._seed, index + self._start))
        kinds = rng.choice(len(KINDS), self._size, p=list(KINDS.values()))
        chosen = [int(rng.integers(*self._ranges[kind])) for kind in kinds]
        if self.neighbours is not None:
            leaders = int(self._size * ALIKE) // GROUP
            for i in range(leaders):
                like = rng.choice(self.neighbours[chosen[i]], GROUP - 1, replace=False)
                for j, number in enumerate(like):
                    chosen[leaders + i * (GROUP - 1) + j] = int(number)
        numbers = np.unique(chosen)
        cleans, queries, which = [], [], []
        for number in numbers:
            art = self.arts[number]
            cleans.append(clean(art, rng))
            for _ in range(2 if rng.random() < TWICE else 1):
                height = float(np.exp(rng.uniform(np.log(12), np.log(84))))
                preset = TYPICAL if rng.random() < 0.3 else TRAINING
                crop = sampler.query(art, height, preset, rng, off=float(rng.choice([0.03, 0.1, 0.2])))
                if crop is not None:
                    queries.append(crop)
                    which.append(len(cleans) - 1)
        nothing = [self._nothing(sampler, rng) for _ in range(int(len(queries) * NOTHING))]
        return (
            _pictures(cleans),
            _pictures(queries),
            torch.tensor(which),
            _pictures(nothing),
        )

    def _nothing(self, sampler: Sampler, rng: np.random.Generator) -> Any:
        if self.mined is None or rng.random() > MINED:
            return sampler.nothing(TRAINING, rng)
        return _colours(self.mined[int(rng.integers(len(self.mined)))], rng)


def _colours(picture: Any, rng: np.random.Generator) -> Any:
    """Return the picture mirrored and in other light, by chance."""
    picture = picture[:, ::-1] if rng.random() < 0.5 else picture
    return np.clip(picture * rng.uniform(0.8, 1.15) + rng.uniform(-15, 15), 0, 255).astype(np.uint8)


def _pictures(crops: Sequence[Any]) -> Tensor:
    return torch.from_numpy(np.stack(crops)[..., ::-1].transpose(0, 3, 1, 2).copy())


def twice(batches: Iterable[Any], rng: np.random.Generator) -> Iterator[Any]:
    """Yield each batch, and after each an older one in other colours."""
    memory: list[Any] = []
    for batch in batches:
        yield batch
        memory = [*memory[-MEMORY + 1 :], batch]
        cleans, queries, which, nothing = memory[int(rng.integers(len(memory)))]
        turn = torch.from_numpy(rng.permutation(3))
        if rng.random() < 0.3:
            cleans, queries = 255 - cleans, 255 - queries
        yield cleans[:, turn], queries[:, turn], which, nothing


def loss_of(queries: Tensor, which: Tensor, nothing: Tensor, cleans: Tensor) -> tuple[Tensor, float]:
    """Return the loss and the share of queries whose own mark comes first in the batch.

    Two halves. Ranking: a query's own drawing before the batch's others, and the other way round (InfoNCE,
    van den Oord et al. 2018). Telling: each pair by itself is the same or not, by one similarity for all
    (Zhai et al. 2023), so that a threshold means the same for every mark and crops of nothing pass none.
    """
    near = queries @ cleans.T
    own = F.one_hot(which, len(cleans)).bool()
    back = SHARPNESS * near.T
    ranking = F.cross_entropy(SHARPNESS * near, which)
    ranking = ranking - (F.log_softmax(back, 1) * own.T).sum(1).div(own.T.sum(1).clamp(min=1)).mean()
    others = SHARPNESS * (torch.cat([near.masked_fill(own, -1.0), nothing @ cleans.T]) - SAME_FROM)
    rivals = SHARPNESS * ((cleans @ cleans.T).masked_fill(torch.eye(len(cleans)).bool(), -1.0) - SAME_FROM)
    telling = F.softplus(SHARPNESS * (SAME_FROM - near[own])).mean()
    telling = telling + F.softplus(others).sum(1).mean() + 0.5 * F.softplus(rivals).sum(1).mean()
    right = float((near.argmax(1) == which).float().mean())
    return ranking + 0.5 * telling, right


def neighbours_of(net: nn.Module, arts: Sequence[Art], count: int = 12) -> Any:
    """Return for each mark the numbers of those most like it, (marks, count), but for its doubles."""
    net.eval()
    with torch.no_grad():
        parts = [
            net(_pictures([clean(a) for a in arts[i : i + 256]]).float()) for i in range(0, len(arts), 256)
        ]
    vectors, found = torch.cat(parts), []
    for start in range(0, len(vectors), 1024):
        near = vectors[start : start + 1024] @ vectors.T
        found.append(near.masked_fill(near > DOUBLE, -1.0).topk(count).indices)
    return torch.cat(found).numpy()


def evaluate(net: nn.Module, arts: Sequence[Art], backgrounds: Any, count: int = 200) -> dict[int, float]:
    """Return top-1 among `count` unseen marks by height, one clean drawing enrolled each, typical."""
    sampler, found = Sampler(Renderer(7), backgrounds), {}
    arts = [a for a in arts if 0.3 < a.aspect < 3.5][:count]
    net.eval()
    with torch.no_grad():
        gallery = net(_pictures([clean(a) for a in arts]).float())
        for height in (16, 24, 32, 48):
            rng = np.random.default_rng(height)
            crops = [sampler.query(a, height, TYPICAL, rng, off=0.1) for a in arts]
            rows = [i for i, crop in enumerate(crops) if crop is not None]
            vectors = net(_pictures([crops[i] for i in rows]).float())
            first = (vectors @ gallery.T).argmax(1)
            found[height] = round(float((first == torch.tensor(rows)).float().mean()), 3)
    return found


def main() -> None:
    """Train, from a checkpoint if there is one."""
    args = arguments(__doc__, batch=224)
    arts, unseen, backgrounds, judged = material(args.material)
    run = TrainingRun.of(Embedding(), args.rate, args.resume)
    last = run.step + args.decay if args.decay else args.steps
    data = Batches(arts, backgrounds, args.batch, last, args.seed, run.step)
    if args.resume:
        data.neighbours = neighbours_of(run.slow, data.arts)
    if (args.material / MINED_FILE).exists():
        data.mined = np.load(args.material / MINED_FILE)[:-MINED_HELD_OUT]

    def losses(batch: Any) -> tuple[Tensor, dict[str, float], int]:
        cleans, queries, which, nothing = batch
        pictures = torch.cat([cleans, queries, nothing]).float().to(memory_format=torch.channels_last)
        vectors = run.net(pictures)
        a, b = len(cleans), len(cleans) + len(queries)
        with torch.autocast("cpu", enabled=False):
            loss, right = loss_of(vectors[a:b], which, vectors[b:], vectors[:a])
        return loss, {"loss": float(loss.detach()), "first": right}, len(pictures)

    batches = twice(loader(data, args.workers), np.random.default_rng((args.seed, run.step)))
    train(run, batches, losses, lambda net: evaluate(net, unseen, judged), args, judge_every=500)


if __name__ == "__main__":
    main()
