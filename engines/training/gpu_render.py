"""Renders marks as `render` does, thousands at once, in torch: a GPU draws tens of thousands a second.

Coverage and colours of all marks and all backgrounds lie in the device's memory. A batch is drawn in sizes,
each crop at the size in px that a camera would give it; what is drawn is not one drawing but a version of it:
bolder, thinner, as an outline, with its holes filled, its parts in colours of their own, or with a gradient.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from engines.training.drawings import INNER, TEXTURE
from engines.training.gpu_camera import GpuCamera
from engines.training.gpu_placing import MARGIN, placed, strip, window
from engines.training.gpu_random import GpuRandom
from engines.training.gpu_versions import MarkVersions

if TYPE_CHECKING:
    from engines.training.gpu_versions import Textures

FINE = 192
"""Side in which a crop is sampled before it is brought to a network's input, px."""
EDGE = 8
"""Px that a crop is drawn wider, so that blocks of JPEG begin anywhere."""
SLOTS = ((16,), (24,), (32,), (40, 48), (56, 64, 72), (80, 96, 112))
SIDE_SHARES = (0.2, 0.2, 0.2, 0.18, 0.13, 0.09)
"""Sides of crops in the camera's px, one of each slot a batch, and each slot's share of the batch."""
QUERY_VERSIONS = (0.5, 0.08, 0.06, 0.09, 0.11, 0.06, 0.1)
CLEAN_VERSIONS = (0.84, 0.04, 0.03, 0.04, 0.03, 0.02, 0.0)
PRINT, EMBROIDERY, JACQUARD, EMBOSS, METAL, PLATE = range(6)
STYLES = (0.53, 0.15, 0.07, 0.04, 0.05, 0.16)


class GpuRenderer:
    """Draws crops of marks, (n, 3, FINE, FINE) float32 RGB 0..255."""

    def __init__(self, textures: Textures, device: str, seed: int = 0) -> None:
        self.t, self.device = textures, device
        self.random = GpuRandom(device, seed)
        self._versions, self._camera = MarkVersions(textures, self.random), GpuCamera(self.random)

    def clean(self, marks: Tensor, *, plain: bool = False) -> Tensor:
        """Draw marks flat, as they are enrolled. plain: black on white, not moved."""
        n = len(marks)
        levels = self.random.constants(0.0, 20.0, 235.0, 255.0, 128.0)
        ground = (
            levels[self.random.below(5, n)][:, None] + self.random.uniform(n, 3, low=-15, high=15)
        ).clamp(0, 255)
        ink = self.random.uniform(n, 3, high=255)
        close = (ground.mean(1, keepdim=True) - ink.mean(1, keepdim=True)).abs() < 90
        ink = torch.where(close, torch.where(ground.mean(1, keepdim=True) < 128, 250.0, 8.0), ink)
        versions = self.random.pick(CLEAN_VERSIONS, n)
        scale, shift = (
            self.random.uniform(n, 1, low=0.95, high=1.05),
            self.random.uniform(n, 2, low=-0.04, high=0.04),
        )
        if plain:
            ground, ink = torch.full_like(ground, 255.0), torch.full_like(ink, 12.0)
            versions, scale, shift = torch.zeros_like(versions), torch.ones_like(scale), shift * 0
        if plain:
            drawn = self._versions.as_drawn(marks, ink)
        else:
            drawn = self._versions.drawings(marks, versions, ink)
        reach = MARGIN * INNER / TEXTURE * scale
        theta = torch.zeros(n, 2, 3, device=self.device)
        theta[:, 0, 0] = theta[:, 1, 1] = reach[:, 0]
        theta[:, :, 2] = shift
        grid = F.affine_grid(theta, [n, 4, FINE, FINE], align_corners=False)
        seen = F.grid_sample(drawn, grid, align_corners=False)
        alpha = seen[:, 3:]
        return (ground.reshape(n, 3, 1, 1) * (1 - alpha) + seen[:, :3] * alpha).clamp(0, 255)

    def background(self, n: int, side: int, taps: int) -> Tensor:
        """Return (n, 3, side, side) pieces of backgrounds, mirrored by chance. taps: px drawn for one."""
        full = self.t.backgrounds.shape[1]
        which = self.random.below(len(self.t.backgrounds), n)
        max_step = min(1.6, (full - 2) / side)
        step = self.random.uniform(n, 1, low=0.35 / taps if side > 60 else 0.5 / taps, high=1.0) * max_step
        room = full - 1 - step * side
        left, top = self.random.uniform(n, 1) * room, self.random.uniform(n, 1) * room
        line = torch.arange(side, device=self.device).float()[None]
        x, y = left + step * line, top + step * line
        x = torch.where(self.random.uniform(n, 1) < 0.5, x, x.flip(1)).clamp(0, full - 2)
        y = y.clamp(0, full - 2)
        x0, y0 = x.long(), y.long()
        fx, fy = (x - x0)[:, None, :, None], (y - y0)[:, :, None, None]
        w, rows, columns = which[:, None, None], y0[:, :, None], x0[:, None, :]
        of = self.t.backgrounds
        above = of[w, rows, columns] * (1 - fx) + of[w, rows, columns + 1] * fx
        below = of[w, rows + 1, columns] * (1 - fx) + of[w, rows + 1, columns + 1] * fx
        return (above * (1 - fy) + below * fy).permute(0, 3, 1, 2)

    def seen(self, marks: Tensor, side: int, *, hard: bool = True) -> Tensor:
        """Draw marks as a camera sees them in a crop of `side` px."""
        n, taps = len(marks), 3 if side <= 24 else 2
        wide = (side + EDGE) * taps
        typical = self.random.uniform(n, 1) < ((0.3 if side > 24 else 0.5) if hard else 2.0)

        def either(easy: float, hardest: float) -> Tensor:
            return torch.where(typical, easy, hardest)

        scene = self.background(n, wide, taps)
        # Clothes are plain more often than photographs are: some backgrounds are brought near one colour.
        mean = scene.mean((2, 3), keepdim=True)
        shade = torch.where(
            self.random.uniform(n, 1, 1, 1) < 0.6, mean, self.random.uniform(n, 3, 1, 1, low=5, high=250)
        )
        plain = shade + (scene - mean) * self.random.uniform(n, 1, 1, 1, high=0.5)
        scene = torch.where(self.random.uniform(n, 1, 1, 1) < 0.4, plain, scene).clamp(0, 255)
        behind = scene.mean((2, 3))
        contrast = either(60.0, 36.0)[:, 0]
        ink = self._versions.inks(behind, contrast)
        style = self.random.pick(STYLES, n)
        if side < 24:
            style = torch.where(style == EMBOSS, PRINT, style)
        tint = self._versions.inks(behind, contrast / 2)
        plated = (style == PLATE).reshape(n, 1)
        ink = torch.where(plated, self._versions.inks(tint, contrast), ink)
        versions = self.random.pick(QUERY_VERSIONS if hard else (1.0, 0, 0, 0, 0, 0, 0), n)
        drawn = self._versions.drawings(marks, versions, ink)
        inverse, box = placed(self.random, drawn[:, 3:], either(15.0, 28.0), either(0.06, 0.13))
        left, top, px = window(self.random, box, side, hard=hard)
        line = (torch.arange(wide, device=self.device).float() + 0.5) / taps
        offset = torch.randint(0, EDGE + 1, (2,))
        x = left + (line[None] - float(offset[0])) * px
        y = top + (line[None] - float(offset[1])) * px
        x, y = x[:, None, :].expand(n, wide, wide), y[:, :, None].expand(n, wide, wide)
        amount = either(0.03, 0.07) * self.random.uniform(n, 1, low=0.2) * (self.random.uniform(n, 1) < 0.5)
        field = self.random.noise(n, wide, 2) * (2 * amount).reshape(n, 1, 1, 1)
        points = torch.stack([x + field[:, 0], y + field[:, 1], torch.ones_like(x)], -1).reshape(n, -1, 3)
        uvw = points @ inverse.transpose(1, 2)
        uv = (uvw[..., :2] / uvw[..., 2:].abs().clamp(min=1e-4)).reshape(n, wide, wide, 2)
        laid = F.grid_sample(drawn, uv * 2 - 1, padding_mode="zeros", align_corners=False)
        # Outside of the texture colours are zero, as is the coverage: only the edge of both is mixed there.
        colour, alpha = laid[:, :3], laid[:, 3:]
        scene = self._plated(scene, tint, style, box, x, y)
        scene = self._composed(scene, colour, alpha, style, side, taps)
        covered = (self.random.uniform(n, 1) < either(0.0, 0.25)).reshape(n, 1, 1, 1)
        scene = torch.where(covered & strip(self.random, box, x, y), scene.roll(1, 0).flip(3), scene)
        depth = self.random.uniform(n, 1, high=0.45) * (self.random.uniform(n, 1) < 0.7)
        scene = scene * (1 + depth.reshape(n, 1, 1, 1) * self.random.noise(n, wide))
        seen = self._camera.photograph(F.avg_pool2d(scene, taps), typical, side)
        ox, oy = int(offset[0]), int(offset[1])
        return _fine(seen[:, :, oy : oy + side, ox : ox + side])

    def nothing(self, n: int, side: int) -> Tensor:
        """Draw crops without a mark."""
        scene = self.background(n, side + EDGE, 1)
        depth = self.random.uniform(n, 1, 1, 1, high=0.45) * (self.random.uniform(n, 1, 1, 1) < 0.5)
        scene = scene * (1 + depth * self.random.noise(n, side + EDGE))
        typical = torch.zeros(n, 1, dtype=torch.bool, device=self.device)
        seen = self._camera.photograph(scene, typical, side)
        return _fine(seen[:, :, :side, :side])

    def _plated(
        self, scene: Tensor, tint: Tensor, style: Tensor, box: Tensor, x: Tensor, y: Tensor
    ) -> Tensor:
        """Lay a patch or badge of one colour where the mark will be."""
        n = len(scene)
        w, h = (box[:, 2] - box[:, 0])[:, None, None], (box[:, 3] - box[:, 1])[:, None, None]
        margin = torch.maximum(w, h) * self.random.uniform(n, 1, 1, low=0.06, high=0.3)
        dx = (x - ((box[:, 0] + box[:, 2]) / 2)[:, None, None]).abs()
        dy = (y - ((box[:, 1] + box[:, 3]) / 2)[:, None, None]).abs()
        a, b = w / 2 + margin, h / 2 + margin
        flat = (dx < a) & (dy < b)
        round_ = (dx / (1.24 * a)) ** 2 + (dy / (1.24 * b)) ** 2 < 1
        on = torch.where(self.random.uniform(n, 1, 1) < 0.6, flat, round_) & (style == PLATE)[:, None, None]
        return torch.where(on[:, None], tint.reshape(n, 3, 1, 1), scene)

    def _composed(
        self, scene: Tensor, colour: Tensor, alpha: Tensor, style: Tensor, side: int, taps: int
    ) -> Tensor:
        n, wide = len(scene), scene.shape[2]

        def of(kind: int) -> Tensor:
            return (style == kind).reshape(n, 1, 1, 1)

        soft = F.avg_pool2d(alpha, 5, 1, 2)
        # Thread: fine stripes, brighter and darker, and darker cloth around it.
        turn = self.random.uniform(n, 1, 1, high=math.pi)
        period = taps * (1.6 + self.random.uniform(n, 1, 1) * max(0.4, side / 16 - 1.6))
        line = torch.arange(wide, device=self.device).float()
        phase = (torch.cos(turn) * line.reshape(1, 1, -1) + torch.sin(turn) * line.reshape(1, -1, 1)) * (
            6.283 / period
        )
        wave = torch.sin(phase[:, None] + 2 * self.random.noise(n, wide))
        thread = colour * (1 + self.random.uniform(n, 1, 1, 1, low=0.06, high=0.22) * wave)
        colour = torch.where(of(EMBROIDERY), thread, colour)
        dark = 1 - self.random.uniform(n, 1, 1, 1, low=0.1, high=0.4) * soft
        scene = torch.where(of(EMBROIDERY), scene * dark, scene)
        # Woven in: the cloth's own colour, lighter or darker.
        bright = self.random.uniform(n, 1, 1, 1) < 0.5
        factor = torch.where(
            bright,
            self.random.uniform(n, 1, 1, 1, low=1.25, high=1.7),
            self.random.uniform(n, 1, 1, 1, low=0.5, high=0.8),
        )
        woven = scene * factor + torch.where(bright, 14.0, -8.0)
        colour = torch.where(of(JACQUARD), woven, colour)
        ramp = 1 + self.random.uniform(n, 1, 1, 1, low=0.1, high=0.4) * self.random.ramp(n, wide)
        colour = torch.where(of(METAL), colour * ramp + 60 * self.random.noise(n, wide).clamp(min=0), colour)
        tone = scene.mean(1, keepdim=True)
        depth = self.random.uniform(n, 1, 1, 1, low=0.2, high=0.6) * (self.random.uniform(n, 1, 1, 1) < 0.5)
        middle = tone.mean((2, 3), keepdim=True).clamp(min=20)
        colour = colour * (1 - depth + depth * tone / middle)
        share = alpha * self.random.uniform(n, 1, 1, 1, low=0.82, high=1.0)
        laid = scene + share * (colour - scene)
        turn = self.random.uniform(n, 1, 1, 1, high=6.283)
        dx = F.pad(soft[..., 2:] - soft[..., :-2], (1, 1))
        dy = F.pad(soft[..., 2:, :] - soft[..., :-2, :], (0, 0, 1, 1))
        relief = (torch.cos(turn) * dx + torch.sin(turn) * dy) * self.random.uniform(
            n, 1, 1, 1, low=90, high=200
        )
        raised = scene + 1.5 * relief + alpha * self.random.uniform(n, 1, 1, 1, low=-30, high=20)
        return torch.where(of(EMBOSS), raised, laid)


def _fine(seen: Tensor) -> Tensor:
    return F.interpolate(seen, (FINE, FINE), mode="bilinear", align_corners=False)
