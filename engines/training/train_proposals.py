"""Trains the proposals: where on a picture any mark at all may be, whatever it is.

A cell in the middle of a mark learns 1, far ones 0 (focal loss on a Gaussian: Zhou et al. 2019), and the
distances to the mark's sides (GIoU: Rezatofighi et al. 2019). Scenes of any size will do later; training uses
small ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.nms import overlaps
from engines.training.loop import TrainingRun, arguments, loader, material, train
from engines.training.networks import STRIDE, Proposals
from engines.training.render import TRAINING, TYPICAL, Renderer
from engines.training.samples import Sampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines.training.art import Art

SIDE = 192
KINDS = {"icons": 0.5, "flipped": 0.1, "emblems": 0.2, "words": 0.1, "blobs": 0.1}
TOP = 20


class Scenes(torch.utils.data.Dataset[tuple[Tensor, ...]]):
    """Batch number i, made from seed and i alone: pictures, heat (n, 1, h, w), distances and weights."""

    def __init__(
        self, arts: dict[str, list[Art]], backgrounds: Any, size: int, steps: int, seed: int, start: int
    ) -> None:
        self._arts, self._backgrounds, self._size = arts, backgrounds, size
        self._steps, self._seed, self._start = steps, seed, start
        self._sampler: Sampler | None = None

    def __len__(self) -> int:
        return self._steps - self._start

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        if self._sampler is None:
            self._sampler = Sampler(Renderer(self._seed), self._backgrounds)
        rng = np.random.default_rng((self._seed, index + self._start))
        pictures, heats, sides, weights = [], [], [], []
        for _ in range(self._size):
            kinds = rng.choice(list(KINDS), 6, p=list(KINDS.values()))
            arts = [self._arts[kind][int(rng.integers(len(self._arts[kind])))] for kind in kinds]
            preset = TYPICAL if rng.random() < 0.4 else TRAINING
            # A small person is enlarged to the network's picture: so are the marks, and their blur.
            larger = rng.uniform(1.2, 2.6) if rng.random() < 0.3 else 1.0
            picture, boxes, _ = self._sampler.scene(arts, round(SIDE / larger), preset, rng)
            if larger > 1.0:
                boxes = boxes * (SIDE / picture.shape[0])
                enlarged = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
                picture = np.asarray(enlarged, np.uint8)
            pictures.append(picture[..., ::-1].transpose(2, 0, 1))
            heat, side, weight = targets(boxes, SIDE // STRIDE)
            heats.append(heat[None])
            sides.append(side)
            weights.append(weight[None])
        return tuple(torch.from_numpy(np.stack(x)) for x in (pictures, heats, sides, weights))


def targets(boxes: Any, cells: int) -> tuple[Any, Any, Any]:
    """Return heat (cells, cells), sides (4, cells, cells) in px and weight (cells, cells), float32."""
    heat = np.zeros((cells, cells), np.float32)
    side = np.ones((4, cells, cells), np.float32)
    weight = np.zeros((cells, cells), np.float32)
    y, x = np.mgrid[:cells, :cells].astype(np.float32)
    for x0, y0, x1, y1 in boxes:
        cx, cy = (x0 + x1) / 2 / STRIDE - 0.5, (y0 + y1) / 2 / STRIDE - 0.5
        sx, sy = max(0.6, (x1 - x0) / STRIDE / 9), max(0.6, (y1 - y0) / STRIDE / 9)
        bump = np.exp(-((x - cx) ** 2) / (2 * sx**2) - (y - cy) ** 2 / (2 * sy**2))
        column, row = int(np.clip(round(cx), 0, cells - 1)), int(np.clip(round(cy), 0, cells - 1))
        bump[row, column] = 1.0
        mine = bump > np.maximum(heat, 0.35)
        at_x, at_y = (x + 0.5) * STRIDE, (y + 0.5) * STRIDE
        for i, distance in enumerate((at_x - x0, at_y - y0, x1 - at_x, y1 - at_y)):
            side[i][mine] = np.maximum(distance[mine], 0.5)
        weight[mine] = bump[mine] / max(1.0, float(bump[mine].sum()))
        heat = np.maximum(heat, bump)
    return heat, side, weight


def loss_of(
    logits: Tensor, logs: Tensor, heat: Tensor, side: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the loss of places and that of boxes."""
    logits = logits.float()
    p = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    sure = heat == 1.0
    count = sure.sum().clamp(min=1)
    hits = -((1 - p) ** 2 * p.log())[sure].sum()
    misses = -((1 - heat) ** 4 * p**2 * (1 - p).log())[~sure].sum()
    mine = weight[:, 0] > 0
    guess = logs.float().clamp(-2, 6).exp().permute(0, 2, 3, 1)[mine]
    truth = side.permute(0, 2, 3, 1)[mine]
    inner, outer = torch.minimum(guess, truth), torch.maximum(guess, truth)
    both = (inner[:, 0] + inner[:, 2]) * (inner[:, 1] + inner[:, 3])
    union = _area(guess) + _area(truth) - both
    hull = _area(outer)
    giou = both / union - (hull - union) / hull
    share = weight[:, 0][mine]
    return (hits + misses) / count, ((1 - giou) * share).sum() / share.sum().clamp(min=1e-3)


def _area(sides: Tensor) -> Tensor:
    return (sides[:, 0] + sides[:, 2]) * (sides[:, 1] + sides[:, 3])


def found_boxes(logits: Tensor, logs: Tensor, top: int = TOP) -> tuple[Tensor, Tensor]:
    """Return the boxes (n, top, 4) x1 y1 x2 y2 px and scores (n, top) of the highest peaks."""
    heat = logits.float().sigmoid()
    heat = heat * (F.max_pool2d(heat, 3, 1, 1) == heat)
    n, _, _, w = heat.shape
    scores, places = heat.reshape(n, -1).topk(top)
    sides = logs.float().clamp(-2, 6).exp().reshape(n, 4, -1)
    sides = sides.gather(2, places[:, None].expand(-1, 4, -1))
    x, y = (places % w + 0.5) * STRIDE, (places // w + 0.5) * STRIDE
    return torch.stack([x - sides[:, 0], y - sides[:, 1], x + sides[:, 2], y + sides[:, 3]], 2), scores


def evaluate(net: nn.Module, arts: Sequence[Art], backgrounds: Any, count: int = 120) -> dict[int, float]:
    """Return recall at TOP (IoU 0.5) by height on 480 x 320 person-sized scenes of unseen marks."""
    sampler = Sampler(Renderer(7), backgrounds)
    net.eval()
    found = {}
    with torch.no_grad():
        for height in (16, 24, 32, 48):
            rng = np.random.default_rng(height)
            hits = 0
            for number in range(count):
                scene = sampler.background(480, rng)[:, :320].copy()
                art = arts[number % len(arts)]
                reach = height * max(1, art.aspect) / 2 + 2
                centre = rng.uniform([reach, reach], [320 - reach, 480 - reach])
                box = sampler._renderer.paste(scene, art, tuple(centre), height, TYPICAL, rng)
                picture = sampler._renderer.spoil(scene, TYPICAL, rng)
                if box is None:
                    continue
                shown = torch.from_numpy(picture[..., ::-1].transpose(2, 0, 1)[None].copy()).float()
                boxes, _ = found_boxes(*net(shown))
                hits += bool((overlaps(boxes[0].numpy(), np.asarray([box])) >= 0.5).any())
            found[height] = round(hits / count, 3)
    return found


def main() -> None:
    """Train, from a checkpoint if there is one."""
    args = arguments(__doc__, batch=16)
    arts, unseen, backgrounds, judged = material(args.material)
    run = TrainingRun.of(Proposals(), args.rate, args.resume)
    last = run.step + args.decay if args.decay else args.steps
    data = Scenes(arts, backgrounds, args.batch, last, args.seed, run.step)

    def losses(batch: Any) -> tuple[Tensor, dict[str, float], int]:
        pictures, heat, side, weight = batch
        logits, logs = run.net(pictures.float().to(memory_format=torch.channels_last))
        with torch.autocast("cpu", enabled=False):
            where, size = loss_of(logits, logs, heat, side, weight)
        shown = {"where": float(where.detach()), "size": float(size.detach())}
        return where + 1.5 * size, shown, len(pictures)

    batches = loader(data, args.workers)
    train(run, batches, losses, lambda net: evaluate(net, unseen, judged), args, judge_every=1000)


if __name__ == "__main__":
    main()
