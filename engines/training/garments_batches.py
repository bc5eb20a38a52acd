"""Training samples of the garment parser made on the GPU, whole batches at a time.

The same kinds as `garments_samples` makes one by one (parts of a person, few pixels, JPEG, light, other
backgrounds, garments without a person, mannequins), and things of one photograph put onto another's person.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engines.garments.classes import CLASSES
from engines.training.garments_network import STRIDE
from engines.training.garments_samples import FLAT, FLAT_CLASSES, MANNEQUIN, SCENE, person_of
from engines.training.gpu_jpeg import GpuJpeg

if TYPE_CHECKING:
    from engines.training.garments_samples import Material

PASTED = ("bag", "scarf", "hat", "glasses", "bag", "belt")
PASTE = 0.35
TINT = 0.25
GROUP = 8
"""Samples that share a size in pixels."""


class BatchSampler:
    """Keeps all photographs on the device. size: (height, width) of the network's input.

    class_share: of the photographs with a class. class_size: its pixels there, the median.
    """

    def __init__(self, material: Material, size: tuple[int, int], device: str, seed: int = 1) -> None:
        self._size, self._device = size, device
        photographs = material.learned
        sides = [p.labels.shape for p in photographs]
        tall, wide = max(s[0] for s in sides), max(s[1] for s in sides)
        pictures = np.zeros((len(photographs), 3, tall, wide), np.uint8)
        labels = np.zeros((len(photographs), tall, wide), np.uint8)
        for number, one in enumerate(photographs):
            height, width = one.labels.shape
            room = ((0, tall - height), (0, wide - width))
            pictures[number] = np.pad(one.picture[..., ::-1].transpose(2, 0, 1), ((0, 0), *room), "edge")
            labels[number] = np.pad(one.labels, room)
        self._pictures = torch.from_numpy(pictures).to(device)
        self._labels = torch.from_numpy(labels).to(device)
        self._sides = torch.tensor(sides, dtype=torch.float32, device=device)
        boxes = [person_of(p.labels) for p in photographs]
        self._persons = torch.tensor(boxes, dtype=torch.float32, device=device)
        class_of = np.full(256, -1)
        for value, allowed in enumerate(material.allowed):
            if len(allowed) == 1:
                class_of[value] = CLASSES.index(allowed[0])
        self._class_of = torch.from_numpy(class_of).to(device)
        counts = np.stack(
            [np.bincount(class_of[p.labels.ravel()] + 1, minlength=len(CLASSES) + 1)[1:] for p in photographs]
        )
        flat = np.array([name in FLAT_CLASSES for name in CLASSES])
        self._flat_odds = torch.from_numpy(((counts > 2000) & flat) + 1e-6).float().to(device)
        self._donors = {
            name: torch.from_numpy(np.flatnonzero(counts[:, CLASSES.index(name)] > 150)).to(device)
            for name in set(PASTED)
        }
        seen = (counts > 100).astype(np.float64)
        rare = 1 / np.sqrt(np.maximum(seen.sum(0), 4))
        self._odds = torch.from_numpy((seen[:, 3:] * rare[3:]).max(1) + 0.03).float()
        self.class_share = torch.from_numpy(np.maximum(seen.mean(0), 4 / len(photographs))).float().to(device)
        there = np.where(counts > 100, counts, np.nan)
        there[:, (counts <= 100).all(0)] = 100
        self.class_size = torch.from_numpy(np.nanmedian(there, 0)).float().to(device)
        self._rng = np.random.default_rng(seed)
        rows = torch.arange(tall, device=device, dtype=torch.float32) + 0.5
        columns = torch.arange(wide, device=device, dtype=torch.float32) + 0.5
        self._y, self._x = rows[None, :, None], columns[None, None, :]
        self._jpeg = GpuJpeg(device)

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        """Return pictures (count, 3, height, width) RGB 0..255 and label values at STRIDE."""
        index = torch.multinomial(self._odds, count, replacement=True).to(self._device)
        pictures, labels = self._pictures[index].float(), self._labels[index].long()
        pictures, labels = self._pasted(pictures, labels, index)
        pictures = self._tinted(pictures, labels)
        pictures, labels = self._set(pictures, labels, index)
        pictures, labels, black = self._cropped(pictures, labels, index)
        pictures = self._shot(pictures).masked_fill(black, 0)
        return pictures, labels

    def _uniform(self, count: int, low: float, high: float) -> Tensor:
        return torch.rand(count, device=self._device) * (high - low) + low

    def _chance(self, count: int, share: float) -> Tensor:
        return torch.rand(count, device=self._device) < share

    def _sampled(self, source: Tensor, x: Tensor, y: Tensor, mode: str = "bilinear") -> Tensor:
        """Sample (n, c, h, w) at pixel places x, y, (n, H, W)."""
        height, width = source.shape[2:]
        grid = torch.stack([x * (2 / width) - 1, y * (2 / height) - 1], 3)
        return F.grid_sample(source, grid, mode=mode, padding_mode="border", align_corners=False)

    def _pasted(self, pictures: Tensor, labels: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Put a thing of another photograph onto some persons, about where it was worn."""
        count = len(index)
        name = PASTED[self._rng.integers(len(PASTED))]
        chosen = self._chance(count, PASTE).nonzero()[:, 0]
        donors = self._donors[name]
        if not len(chosen) or not len(donors):
            return pictures, labels
        n = len(chosen)
        donor = donors[torch.randint(len(donors), (n,), device=self._device)]
        ours, theirs = self._persons[index[chosen]], self._persons[donor]
        free = 0.12 if name == "bag" else 0.02
        spread = 1.3 if name == "bag" else 1.08
        ratio = (ours[:, 3] - ours[:, 1]) / (theirs[:, 3] - theirs[:, 1])
        ratio = ratio * torch.exp(self._uniform(n, -math.log(spread), math.log(spread)))
        tall = ours[:, 3] - ours[:, 1]
        dx, dy = (self._uniform(n, -free, free) * tall for _ in range(2))
        mirror = torch.where(self._chance(n, 0.5), 1.0, -1.0)
        middle, other = (ours[:, 0] + ours[:, 2]) / 2, (theirs[:, 0] + theirs[:, 2]) / 2

        def place(one: Tensor) -> Tensor:
            return one[:, None, None]

        x = place(other) + place(mirror / ratio) * (self._x - place(middle + dx))
        y = place(theirs[:, 1]) + (self._y - place(ours[:, 1] + dy)) / place(ratio)
        x, y = torch.broadcast_tensors(x, y)
        values = self._sampled(self._labels[donor][:, None].float(), x, y, "nearest")[:, 0].long()
        thing = self._class_of[values] == CLASSES.index(name)
        thing &= (x > 0) & (y > 0) & (x < self._x.shape[2]) & (y < self._y.shape[1])
        shown = self._sampled(self._pictures[donor].float(), x, y)
        share = _soft(thing)
        pictures[chosen] = pictures[chosen] * (1 - share) + shown * share
        labels[chosen] = torch.where(thing, values, labels[chosen])
        return pictures, labels

    def _tinted(self, pictures: Tensor, labels: Tensor) -> Tensor:
        """Change the colour of one garment of some persons; jeans stay."""
        count = len(labels)
        classes = self._class_of[labels]
        some = torch.randint(3, len(CLASSES), (count, 6), device=self._device)
        some[some == CLASSES.index("jeans")] = CLASSES.index("dress")
        mask = (classes[:, None] == some[..., None, None]).any(1) & self._chance(count, TINT)[:, None, None]
        tint = self._uniform(count * 3, 0.55, 1.4).view(count, 3, 1, 1)
        swapped = torch.where(self._chance(count, 0.5)[:, None, None, None], pictures, pictures.flip(1))
        gamma = torch.exp(self._uniform(count, -0.6, 0.6))[:, None, None, None]
        changed = (255 * (swapped.clamp(0, 255) / 255) ** gamma * tint).clamp(0, 255)
        share = _soft(mask)
        return pictures * (1 - share) + changed * share

    def _set(self, pictures: Tensor, labels: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Change what is behind; leave one garment; make a mannequin."""
        count = len(index)
        kind = torch.rand(count, device=self._device)
        flat = (kind < FLAT)[:, None, None]
        mannequin = ((kind >= FLAT) & (kind < FLAT + MANNEQUIN))[:, None, None]
        changed = (kind < FLAT + MANNEQUIN + SCENE)[:, None, None]
        classes = self._class_of[labels]
        one = torch.multinomial(self._flat_odds[index], 1)[..., None]
        skin, hair = classes == CLASSES.index("skin"), classes == CLASSES.index("hair")
        grey = F.interpolate(
            F.avg_pool2d(pictures, 8, ceil_mode=True), size=labels.shape[1:], mode="bilinear"
        )
        grey = grey.mean(1, keepdim=True) / 255
        shades = torch.tensor([235.0, 200.0, 150.0, 40.0], device=self._device)
        shade = shades[torch.randint(4, (count,), device=self._device)][:, None] * self._uniform(
            count * 3, 0.9, 1
        ).view(count, 3)
        shaped = (shade[..., None, None] * (0.7 + 0.5 * grey)).clamp(0, 255)
        pictures = torch.where((mannequin & skin)[:, None], shaped, pictures)
        labels = torch.where(mannequin & (skin | hair), 0, labels)
        garment_mask = torch.where(flat, classes == one, labels != 0)
        garment_mask = torch.where(mannequin & ~skin, garment_mask & ~hair, garment_mask | (mannequin & skin))
        labels = torch.where(flat & ~garment_mask, 0, labels)
        garment_mask = garment_mask | ~changed
        share = F.avg_pool2d(_soft(garment_mask), 3, 1, 1, count_include_pad=False)
        return pictures * share + self._scenes(count) * (1 - share), labels

    def _scenes(self, count: int) -> Tensor:
        """Return backgrounds: what is beside other persons, enlarged, or one colour."""
        other = torch.randint(len(self._labels), (count,), device=self._device)
        person, width = self._persons[other], self._sides[other, 1]
        left = person[:, 0] > width - person[:, 2]
        begin = torch.where(left, torch.zeros_like(width), torch.minimum(person[:, 2], width - 8))
        end = torch.where(left, person[:, 0].clamp(min=8), width)
        begin, wide = begin[:, None, None], (end - begin)[:, None, None]
        x = begin + self._x / self._x.shape[2] * wide
        x, y = torch.broadcast_tensors(x, self._y.expand(count, -1, -1))
        scene = self._sampled(self._pictures[other].float(), x, y)
        shades = torch.tensor([255.0, 240.0, 200.0, 128.0, 60.0], device=self._device)
        plain = shades[torch.randint(5, (count,), device=self._device)][:, None]
        plain = (plain * self._uniform(count * 3, 0.85, 1).view(count, 3))[..., None, None]
        plain = (plain + torch.randn_like(scene) * 3).clamp(0, 255)
        return torch.where(self._chance(count, 0.45)[:, None, None, None], plain, scene)

    def _cropped(self, pictures: Tensor, labels: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Cut out the whole person or a part, mirrored and turned by chance, and fit it into the input."""
        count, (high, wide) = len(index), self._size
        x1, y1, x2, y2 = self._boxes(index)
        scale = torch.minimum(wide / (x2 - x1), high / (y2 - y1))[:, None, None]
        angle = self._uniform(count, -0.16, 0.16) * self._chance(count, 0.3)
        mirror = torch.where(self._chance(count, 0.5), 1.0, -1.0)[:, None, None]
        sine, cosine = torch.sin(angle)[:, None, None], torch.cos(angle)[:, None, None]
        middle = ((x1 + x2) / 2)[:, None, None], ((y1 + y2) / 2)[:, None, None]

        def places(step: float) -> tuple[Tensor, Tensor, Tensor]:
            rows = (torch.arange(round(high / step), device=self._device) + 0.5) * step - high / 2
            columns = (torch.arange(round(wide / step), device=self._device) + 0.5) * step - wide / 2
            across, down = columns[None, None] / scale * mirror, rows[None, :, None] / scale
            outside = (across.abs() > ((x2 - x1) / 2)[:, None, None]) | (
                down.abs() > ((y2 - y1) / 2)[:, None, None]
            )
            x = middle[0] + across * cosine - down * sine
            y = middle[1] + across * sine + down * cosine
            return x, y, outside

        x, y, _ = places(0.5)
        shown = F.avg_pool2d(self._sampled(pictures, x, y), 2)
        black = places(1)[2][:, None]
        x, y, outside = places(STRIDE)
        values = self._sampled(labels[:, None].float(), x, y, "nearest")[:, 0].long()
        values = values.masked_fill(outside, 0)
        return *self._hidden(shown, values), black

    def _hidden(self, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Put a plain thing before a part of some."""
        count, (high, wide) = len(labels), self._size
        top, left = self._uniform(count, 0, high), self._uniform(count, 0, wide)
        bottom = top + high * self._uniform(count, 0.1, 0.35) * self._chance(count, 0.15)
        right = left + wide * self._uniform(count, 0.2, 0.7)

        def inside(step: int) -> Tensor:
            rows = (torch.arange(high // step, device=self._device) + 0.5) * step
            columns = (torch.arange(wide // step, device=self._device) + 0.5) * step
            down = (rows > top[:, None]) & (rows < bottom[:, None])
            across = (columns > left[:, None]) & (columns < right[:, None])
            return down[:, :, None] & across[:, None]

        colour = self._uniform(count * 3, 0, 255).view(count, 3, 1, 1)
        return torch.where(inside(1)[:, None], colour, pictures), labels.masked_fill(inside(STRIDE), 0)

    def _boxes(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        count, person = len(index), self._persons[index]
        x1, y1, x2, y2 = person.unbind(1)
        width, height = x2 - x1, y2 - y1
        kind = torch.rand(count, device=self._device)
        top, bottom = torch.zeros_like(kind), torch.ones_like(kind)
        upper = (kind >= 0.5) & (kind < 0.72)
        trunk = (kind >= 0.72) & (kind < 0.9)
        lower = kind >= 0.9
        bottom = torch.where(upper, self._uniform(count, 0.35, 0.75), bottom)
        top = torch.where(trunk, self._uniform(count, 0.08, 0.2), top)
        bottom = torch.where(trunk, top + self._uniform(count, 0.35, 0.8), bottom)
        top = torch.where(lower, self._uniform(count, 0.35, 0.55), top)
        out = [self._uniform(count, -0.03, 0.12) for _ in range(4)]
        high, wide = self._sides[index].unbind(1)
        begin = y1 + (top - torch.where(top == 0, out[1] * 0.6, 0)) * height
        end = y1 + (bottom + torch.where(bottom == 1, out[3] * 0.6, 0)) * height
        left = (x1 - out[0] * width).clamp(min=0)
        right = torch.minimum(x2 + out[2] * width, wide)
        begin = begin.clamp(min=0)
        end = torch.maximum(torch.minimum(end, high), begin + 16)
        return left, begin, torch.maximum(right, left + 8), end

    def _shot(self, pictures: Tensor) -> Tensor:
        """Show crops as a camera would: fewer pixels, JPEG, other light and colour."""
        rng, (high, wide) = self._rng, self._size
        parts = []
        for whole in pictures.split(GROUP):
            part, size = whole, (high, wide)
            if rng.random() < 0.6:
                tall = min(high, 16 * round(math.exp(rng.uniform(math.log(90), math.log(330))) / 16))
                size = (tall, max(16, round(wide * tall / high)))
                part = F.interpolate(whole, size=size, mode="bilinear", antialias=True)
                if rng.random() < 0.3:
                    part = _blurred(part, rng.uniform(0.4, 1.0))
            if rng.random() < 0.4:
                quality = torch.full((len(part), 1), float(rng.integers(30, 85)), device=self._device)
                part = self._jpeg.degrade(part, quality)
            parts.append(part if size == (high, wide) else F.interpolate(part, (high, wide), mode="bilinear"))
        return self._lit(torch.cat(parts))

    def _lit(self, pictures: Tensor) -> Tensor:
        count = len(pictures)

        def each(low: float, high: float) -> Tensor:
            return self._uniform(count, low, high)[:, None, None, None]

        x = 255 * (pictures.clamp(0, 255) / 255) ** each(0.65, 1.5)
        x = ((x - 128) * each(0.75, 1.2) + 128 + each(-20, 20)).clamp(0, 255)
        x = (x * self._uniform(count * 3, 0.9, 1.1).view(count, 3, 1, 1)).clamp(0, 255)
        grey = x.mean(1, keepdim=True)
        share = torch.where(self._chance(count, 0.1), 1.0, self._uniform(count, -0.3, 0.3))
        x = x + (grey - x) * share[:, None, None, None]
        return (x + torch.randn_like(x) * each(0, 4)).clamp(0, 255)


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    places = torch.arange(-2, 3, device=pictures.device, dtype=torch.float32)
    weights = torch.exp(-(places**2) / (2 * sigma**2))
    weights = (weights / weights.sum()).expand(3, 1, -1)
    x = F.pad(pictures, (2, 2, 2, 2), "replicate")
    return F.conv2d(F.conv2d(x, weights[:, :, None], groups=3), weights[..., None], groups=3)


def _soft(mask: Tensor) -> Tensor:
    """(n, h, w) bool -> (n, 1, h, w) shares, with soft edges."""
    return F.avg_pool2d(mask[:, None].float(), 3, 1, 1, count_include_pad=False)
