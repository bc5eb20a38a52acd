"""Where a mark lies in a camera's picture: turned, seen at an angle, cut out as a finder would."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from engines.training.gpu_random import GpuRandom

MARGIN = 1.16
"""Side of a crop to the longer side of the mark in it."""


def placed(random: GpuRandom, alpha: Tensor, angle: Tensor, bent: Tensor) -> tuple[Tensor, Tensor]:
    """Return matrices from places to the texture's (n, 3, 3), and boxes of what is drawn (n, 4)."""
    n = len(alpha)
    unit = random.constants(-0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5).reshape(4, 2)
    corners = unit + random.uniform(n, 4, 2, low=-1) * bent[:, None]
    squeeze = torch.cat([1 - random.uniform(n, 1) * 2.4 * bent, 1 - random.uniform(n, 1) * 1.2 * bent], 1)
    corners = corners * squeeze[:, None]
    turn = random.normal(n, 1) * angle / 2 * (math.pi / 180)
    c, s = torch.cos(turn), torch.sin(turn)
    x, y = corners[..., 0], corners[..., 1]
    corners = torch.stack([x * c - y * s, x * s + y * c], -1)
    inverse = torch.linalg.inv(_square_to_quad(corners))
    few = 40
    low, high = corners.amin(1), corners.amax(1)
    line = (torch.arange(few, device=random.device).float() + 0.5) / few
    gx = low[:, :1] + line[None] * (high - low)[:, :1]
    gy = low[:, 1:] + line[None] * (high - low)[:, 1:]
    points = torch.stack(
        [
            gx[:, None].expand(n, few, few),
            gy[:, :, None].expand(n, few, few),
            torch.ones(n, few, few, device=random.device),
        ],
        -1,
    ).reshape(n, -1, 3)
    uvw = points @ inverse.transpose(1, 2)
    uv = (uvw[..., :2] / uvw[..., 2:].abs().clamp(min=1e-4)).reshape(n, few, few, 2)
    there = F.grid_sample(alpha, uv * 2 - 1, align_corners=False)[:, 0] > 0.3
    box = [_ends(there.any(1), gx), _ends(there.any(2), gy)]
    half = (high - low) / few / 2
    x0, x1 = box[0][0] - half[:, 0], box[0][1] + half[:, 0]
    y0, y1 = box[1][0] - half[:, 1], box[1][1] + half[:, 1]
    return inverse, torch.stack([x0, y0, x1, y1], 1)


def window(random: GpuRandom, box: Tensor, side: int, *, hard: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return left and top of the crop around a box that is off as a finder's, and what a px is."""
    n = len(box)
    w, h = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    levels = random.constants(*((0.03, 0.1, 0.2) if hard else (0.1, 0.1, 0.1)))
    reach = (levels[random.below(3, n)] * (w + h) / 2)[:, None]
    d = (random.normal(n, 4) * reach / 2).clamp(-1.5, 1.5)
    d = torch.minimum(torch.maximum(d, -1.5 * reach), 1.5 * reach)
    off = box + d
    cx, cy = (off[:, 0] + off[:, 2]) / 2, (off[:, 1] + off[:, 3]) / 2
    longest = torch.maximum(off[:, 2] - off[:, 0], off[:, 3] - off[:, 1]).clamp(min=0.05)
    size = (longest * MARGIN)[:, None]
    return cx[:, None] - size / 2, cy[:, None] - size / 2, size / side


def strip(random: GpuRandom, box: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return where a strip of up to a third of a box is, (n, 1, side, side)."""
    n = len(box)
    u = (x - box[:, :1, None]) / (box[:, 2:3, None] - box[:, :1, None])
    v = (y - box[:, 1:2, None]) / (box[:, 3:, None] - box[:, 1:2, None])
    share = random.uniform(n, 1, 1, low=0.1, high=0.33)
    edge = random.below(4, n)[:, None, None]
    found = torch.where(edge == 0, u < share, u > 1 - share)
    found = torch.where(edge == 2, v < share, found)
    return torch.where(edge == 3, v > 1 - share, found)[:, None]


def _square_to_quad(corners: Tensor) -> Tensor:
    """Return (n, 3, 3) that take the unit square's corners to these, (n, 4, 2)."""
    x, y = corners[..., 0], corners[..., 1]
    dx1, dx2 = x[:, 1] - x[:, 2], x[:, 3] - x[:, 2]
    dy1, dy2 = y[:, 1] - y[:, 2], y[:, 3] - y[:, 2]
    sx, sy = x[:, 0] - x[:, 1] + x[:, 2] - x[:, 3], y[:, 0] - y[:, 1] + y[:, 2] - y[:, 3]
    det = dx1 * dy2 - dx2 * dy1
    g, h = (sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det
    rows = [
        torch.stack([x[:, 1] - x[:, 0] + g * x[:, 1], x[:, 3] - x[:, 0] + h * x[:, 3], x[:, 0]], 1),
        torch.stack([y[:, 1] - y[:, 0] + g * y[:, 1], y[:, 3] - y[:, 0] + h * y[:, 3], y[:, 0]], 1),
        torch.stack([g, h, torch.ones_like(g)], 1),
    ]
    return torch.stack(rows, 1)


def _ends(there: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and last of the places where something is; of none, the outermost."""
    some = there.any(1, keepdim=True)
    there = there | ~some
    low = torch.where(there, places, torch.inf).amin(1)
    return low, torch.where(there, places, -torch.inf).amax(1)
