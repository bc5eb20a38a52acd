"""Renders marks as `render` does, thousands at once, in torch: a GPU draws tens of thousands a second.

Coverage and colours of all marks and all backgrounds lie in the device's memory. A batch is drawn in sizes,
each crop at the size in px that a camera would give it; what is drawn is not one drawing but a version of it:
bolder, thinner, as an outline, with its holes filled, its parts in colours of their own, or with a gradient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engines.training.drawings import INNER, PARTS, TEXTURE

FINE = 192
"""Side in which a crop is sampled before it is brought to a network's input, px."""
MARGIN = 1.16
EDGE = 8
"""Px that a crop is drawn wider, so that blocks of JPEG begin anywhere."""
SLOTS = ((16,), (24,), (32,), (40, 48), (56, 64, 72), (80, 96, 112))
SIDE_SHARES = (0.2, 0.2, 0.2, 0.18, 0.13, 0.09)
"""Sides of crops in the camera's px, one of each slot a batch, and each slot's share of the batch."""
PLAIN, BOLD, THIN, OUTLINE, HOLES, PIECES, GRADIENT = range(7)
QUERY_VERSIONS = (0.5, 0.08, 0.06, 0.09, 0.11, 0.06, 0.1)
CLEAN_VERSIONS = (0.84, 0.04, 0.03, 0.04, 0.03, 0.02, 0.0)
PRINT, EMBROIDERY, JACQUARD, EMBOSS, METAL, PLATE = range(6)
STYLES = (0.53, 0.15, 0.07, 0.04, 0.05, 0.16)
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = ((17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99))
"""The tables of JPEG's annex K; of chroma the part that is not 99."""


@dataclass(slots=True)
class Textures:
    """What is drawn from, on one device.

    alphas, labels: (n, TEXTURE, TEXTURE) uint8. colours: (m, 3, TEXTURE, TEXTURE) uint8 RGB. coloured: (n,)
    the row of colours, -1 for a drawing of one tone. backgrounds: (k, s, s, 3) uint8 RGB.
    """

    alphas: Tensor
    labels: Tensor
    colours: Tensor
    coloured: Tensor
    backgrounds: Tensor

    def to(self, device: str) -> Textures:
        """Return the same on a device."""
        return Textures(*(getattr(self, name).to(device) for name in self.__slots__))


class GpuRenderer:
    """Draws crops of marks, (n, 3, FINE, FINE) float32 RGB 0..255."""

    def __init__(self, textures: Textures, device: str, seed: int = 0) -> None:
        self.t, self.device = textures, device
        self.chance = torch.Generator(device).manual_seed(seed)
        self._constants: dict[tuple[float, ...], Tensor] = {}
        k = torch.arange(8, dtype=torch.float32)
        dct = torch.cos((2 * k[None] + 1) * k[:, None] * math.pi / 16) * 0.5
        dct[0] *= math.sqrt(0.5)
        self._dct = dct.to(device)
        chroma = torch.full((8, 8), 99.0)
        chroma[:4, :4] = torch.tensor(_CHROMA, dtype=torch.float32)
        self._tables = torch.stack([torch.tensor(_LUMA, dtype=torch.float32), chroma, chroma]).to(device)

    def _held(self, *values: float) -> Tensor:
        """Return constants on the device, copied once: each copy would wait for all that runs there."""
        if values not in self._constants:
            self._constants[values] = torch.tensor(values, device=self.device)
        return self._constants[values]

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Return numbers between low and high."""
        return torch.rand(shape, device=self.device, generator=self.chance) * (high - low) + low

    def normal(self, *shape: int) -> Tensor:
        """Return normal numbers."""
        return torch.randn(shape, device=self.device, generator=self.chance)

    def below(self, limit: int, count: int) -> Tensor:
        """Return whole numbers from 0 to below the limit."""
        return torch.randint(limit, (count,), device=self.device, generator=self.chance)

    def pick(self, shares: tuple[float, ...], count: int) -> Tensor:
        """Return numbers of the shares."""
        ends = self._held(*np.cumsum(shares).tolist())
        return torch.bucketize(self.uniform(count) * ends[-1], ends, right=True).clamp(max=len(shares) - 1)

    def drawings(self, marks: Tensor, versions: Tensor, ink: Tensor) -> Tensor:
        """Return colour and coverage of versions of marks, (n, 4, TEXTURE, TEXTURE), 0..255 and 0..1.

        ink: (n, 3), of drawings of one tone.
        """
        n, side = len(marks), TEXTURE
        alpha = self.t.alphas[marks].float()[:, None] / 255
        labels = self.t.labels[marks].long()
        wide = F.max_pool2d(alpha, 3, 1, 1)
        narrow = -F.max_pool2d(-alpha, 3, 1, 1)
        wider = F.max_pool2d(wide, 3, 1, 1)

        def of(version: int) -> Tensor:
            return (versions == version).reshape(n, 1, 1, 1)

        mono = (self.t.coloured[marks] < 0).reshape(n, 1, 1, 1)
        hole = (labels >= PARTS)[:, None]
        drawn = torch.where(of(BOLD) & mono, torch.where(self.uniform(n, 1, 1, 1) < 0.5, wide, wider), alpha)
        drawn = torch.where(of(THIN) & mono, narrow, drawn)
        drawn = torch.where(of(OUTLINE) & mono, (wide - narrow).clamp(0, 1), drawn)
        drawn = torch.where(of(HOLES) & mono & hole, torch.maximum(alpha, 1 - alpha), drawn)
        palette = ink[:, None, :].repeat(1, 2 * PARTS, 1)
        others = self._inks(ink.repeat_interleave(2 * PARTS, 0), 50.0).reshape(n, 2 * PARTS, 3)
        same = others[:, :1].expand_as(others)
        few = torch.where(self.uniform(n, 2 * PARTS, 1) < 0.5, others, same)
        number = torch.arange(2 * PARTS, device=self.device).reshape(1, -1, 1)
        palette = torch.where(of(HOLES)[:, 0] & (number >= PARTS), few, palette)
        palette = torch.where(of(PIECES)[:, 0] & (number < PARTS) & (number > 1), few, palette)
        flat = palette.gather(1, labels.reshape(n, -1, 1).expand(-1, -1, 3))
        colour = flat.reshape(n, side, side, 3).permute(0, 3, 1, 2)
        ramp = self._ramp(n, side) * 0.5 + 0.5
        second = others[:, 3].reshape(n, 3, 1, 1)
        colour = torch.where(of(GRADIENT), colour * (1 - ramp) + second * ramp, colour)
        if len(self.t.colours):
            own = self.t.colours[self.t.coloured[marks].clamp(min=0)].float()
            own = self._recoloured(own)
            colour = torch.where(mono, colour, own)
        return torch.cat([colour, drawn], 1)

    def _recoloured(self, colour: Tensor) -> Tensor:
        """Return colours as they are, some in other light, with light and dark or channels exchanged."""
        n = len(colour)
        turned = torch.where(self.uniform(n, 1, 1, 1) < 0.12, 255 - colour, colour)
        mixed = turned[:, torch.randperm(3, device=self.device, generator=self.chance)]
        turned = torch.where(self.uniform(n, 1, 1, 1) < 0.15, mixed, turned)
        grey = turned.mean(1, keepdim=True).expand_as(turned)
        turned = torch.where(self.uniform(n, 1, 1, 1) < 0.1, grey, turned)
        lit = turned * self.uniform(n, 1, 1, 1, low=0.75, high=1.1) + self.uniform(
            n, 3, 1, 1, low=-18, high=18
        )
        return torch.where(self.uniform(n, 1, 1, 1) < 0.5, lit, turned)

    def _ramp(self, n: int, side: int) -> Tensor:
        """Return (n, 1, side, side) that rises from about -1 to 1 in some direction."""
        turn = self.uniform(n, 1, 1, high=6.283)
        line = torch.linspace(-1, 1, side, device=self.device)
        return (torch.cos(turn) * line.reshape(1, 1, -1) + torch.sin(turn) * line.reshape(1, -1, 1)).clamp(
            -1, 1
        )[:, None]

    def _inks(self, behind: Tensor, contrast: float | Tensor) -> Tensor:
        """Return colours that differ from those behind by at least `contrast` in brightness or hue."""
        n, tries = len(behind), 8
        least = contrast if isinstance(contrast, float) else contrast.reshape(n, 1)
        grey = torch.stack(
            [
                self.uniform(n, tries, low=5, high=60),
                self.uniform(n, tries, low=200, high=252),
                self.uniform(n, tries, low=60, high=200),
            ],
            -1,
        )
        which = torch.randint(3, (n, tries, 1), device=self.device, generator=self.chance)
        grey = grey.gather(2, which).expand(n, tries, 3)
        colour = torch.where(self.uniform(n, tries, 1) < 0.5, grey, self.uniform(n, tries, 3, high=255))
        off = (colour - behind[:, None]).abs()
        weights = self._held(0.299, 0.587, 0.114)
        good = torch.maximum(off.mean(2), (off * weights).sum(2)) >= least
        first = torch.where(good.any(1), good.float().argmax(1), 0)
        found = colour[torch.arange(n, device=self.device), first]
        clear = torch.where(behind.mean(1, keepdim=True) < 128, 245.0, 10.0).expand(n, 3)
        return torch.where(good.any(1, keepdim=True), found, clear)

    def clean(self, marks: Tensor, *, plain: bool = False) -> Tensor:
        """Draw marks flat, as they are enrolled. plain: black on white, not moved."""
        n = len(marks)
        levels = self._held(0.0, 20.0, 235.0, 255.0, 128.0)
        ground = (levels[self.below(5, n)][:, None] + self.uniform(n, 3, low=-15, high=15)).clamp(0, 255)
        ink = self.uniform(n, 3, high=255)
        close = (ground.mean(1, keepdim=True) - ink.mean(1, keepdim=True)).abs() < 90
        ink = torch.where(close, torch.where(ground.mean(1, keepdim=True) < 128, 250.0, 8.0), ink)
        versions = self.pick(CLEAN_VERSIONS, n)
        scale, shift = self.uniform(n, 1, low=0.95, high=1.05), self.uniform(n, 2, low=-0.04, high=0.04)
        if plain:
            ground, ink = torch.full_like(ground, 255.0), torch.full_like(ink, 12.0)
            versions, scale, shift = torch.zeros_like(versions), torch.ones_like(scale), shift * 0
        if plain:
            alpha = self.t.alphas[marks].float()[:, None] / 255
            colour = ink.reshape(n, 3, 1, 1).expand(n, 3, TEXTURE, TEXTURE)
            if len(self.t.colours):
                mono = (self.t.coloured[marks] < 0).reshape(n, 1, 1, 1)
                own = self.t.colours[self.t.coloured[marks].clamp(min=0)].float()
                colour = torch.where(mono, colour, own)
            drawn = torch.cat([colour, alpha], 1)
        else:
            drawn = self.drawings(marks, versions, ink)
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
        which = self.below(len(self.t.backgrounds), n)
        most = min(1.6, (full - 2) / side)
        step = self.uniform(n, 1, low=0.35 / taps if side > 60 else 0.5 / taps, high=1.0) * most
        room = full - 1 - step * side
        left, top = self.uniform(n, 1) * room, self.uniform(n, 1) * room
        line = torch.arange(side, device=self.device).float()[None]
        x, y = left + step * line, top + step * line
        x = torch.where(self.uniform(n, 1) < 0.5, x, x.flip(1)).clamp(0, full - 2)
        y = y.clamp(0, full - 2)
        x0, y0 = x.long(), y.long()
        fx, fy = (x - x0)[:, None, :, None], (y - y0)[:, :, None, None]
        w, rows, columns = which[:, None, None], y0[:, :, None], x0[:, None, :]
        of = self.t.backgrounds
        above = of[w, rows, columns] * (1 - fx) + of[w, rows, columns + 1] * fx
        below = of[w, rows + 1, columns] * (1 - fx) + of[w, rows + 1, columns + 1] * fx
        return (above * (1 - fy) + below * fy).permute(0, 3, 1, 2)

    def _field(self, n: int, side: int, channels: int = 1) -> Tensor:
        """Return smooth noise of about -1 to 1."""
        cells = int(torch.randint(3, 7, (1,)))
        coarse = self.normal(n, channels, cells, cells)
        return (F.interpolate(coarse, (side, side), mode="bicubic", align_corners=False) / 1.8).clamp(-1, 1)

    def seen(self, marks: Tensor, side: int, *, hard: bool = True) -> Tensor:
        """Draw marks as a camera sees them in a crop of `side` px."""
        n, taps = len(marks), 3 if side <= 24 else 2
        wide = (side + EDGE) * taps
        typical = self.uniform(n, 1) < ((0.3 if side > 24 else 0.5) if hard else 2.0)

        def either(easy: float, most: float) -> Tensor:
            return torch.where(typical, easy, most)

        scene = self.background(n, wide, taps)
        # Clothes are plain more often than photographs are: some backgrounds are brought near one colour.
        mean = scene.mean((2, 3), keepdim=True)
        shade = torch.where(self.uniform(n, 1, 1, 1) < 0.6, mean, self.uniform(n, 3, 1, 1, low=5, high=250))
        plain = shade + (scene - mean) * self.uniform(n, 1, 1, 1, high=0.5)
        scene = torch.where(self.uniform(n, 1, 1, 1) < 0.4, plain, scene).clamp(0, 255)
        behind = scene.mean((2, 3))
        contrast = either(60.0, 36.0)[:, 0]
        ink = self._inks(behind, contrast)
        style = self.pick(STYLES, n)
        if side < 24:
            style = torch.where(style == EMBOSS, PRINT, style)
        tint = self._inks(behind, contrast / 2)
        plated = (style == PLATE).reshape(n, 1)
        ink = torch.where(plated, self._inks(tint, contrast), ink)
        versions = self.pick(QUERY_VERSIONS if hard else (1.0, 0, 0, 0, 0, 0, 0), n)
        drawn = self.drawings(marks, versions, ink)
        inverse, box = self._placed(drawn[:, 3:], either(15.0, 28.0), either(0.06, 0.13))
        left, top, px = self._window(box, side, hard=hard)
        line = (torch.arange(wide, device=self.device).float() + 0.5) / taps
        offset = torch.randint(0, EDGE + 1, (2,))
        x = left + (line[None] - float(offset[0])) * px
        y = top + (line[None] - float(offset[1])) * px
        x, y = x[:, None, :].expand(n, wide, wide), y[:, :, None].expand(n, wide, wide)
        amount = either(0.03, 0.07) * self.uniform(n, 1, low=0.2) * (self.uniform(n, 1) < 0.5)
        field = self._field(n, wide, 2) * (2 * amount).reshape(n, 1, 1, 1)
        points = torch.stack([x + field[:, 0], y + field[:, 1], torch.ones_like(x)], -1).reshape(n, -1, 3)
        uvw = points @ inverse.transpose(1, 2)
        uv = (uvw[..., :2] / uvw[..., 2:].abs().clamp(min=1e-4)).reshape(n, wide, wide, 2)
        laid = F.grid_sample(drawn, uv * 2 - 1, padding_mode="zeros", align_corners=False)
        # Outside of the texture colours are zero, as is the coverage: only the edge of both is mixed there.
        colour, alpha = laid[:, :3], laid[:, 3:]
        scene = self._plated(scene, tint, style, box, x, y)
        scene = self._composed(scene, colour, alpha, style, side, taps)
        covered = (self.uniform(n, 1) < either(0.0, 0.25)).reshape(n, 1, 1, 1)
        scene = torch.where(covered & self._cover(box, x, y), scene.roll(1, 0).flip(3), scene)
        depth = self.uniform(n, 1, high=0.45) * (self.uniform(n, 1) < 0.7)
        scene = scene * (1 + depth.reshape(n, 1, 1, 1) * self._field(n, wide))
        seen = self.spoiled(F.avg_pool2d(scene, taps), typical, side)
        ox, oy = int(offset[0]), int(offset[1])
        return _fine(seen[:, :, oy : oy + side, ox : ox + side])

    def nothing(self, n: int, side: int) -> Tensor:
        """Draw crops without a mark."""
        scene = self.background(n, side + EDGE, 1)
        depth = self.uniform(n, 1, 1, 1, high=0.45) * (self.uniform(n, 1, 1, 1) < 0.5)
        scene = scene * (1 + depth * self._field(n, side + EDGE))
        typical = torch.zeros(n, 1, dtype=torch.bool, device=self.device)
        seen = self.spoiled(scene, typical, side)
        return _fine(seen[:, :, :side, :side])

    def _placed(self, alpha: Tensor, angle: Tensor, bent: Tensor) -> tuple[Tensor, Tensor]:
        """Return matrices from places to the texture's (n, 3, 3), and boxes of what is drawn (n, 4)."""
        n = len(alpha)
        unit = self._held(-0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5).reshape(4, 2)
        corners = unit + self.uniform(n, 4, 2, low=-1) * bent[:, None]
        squeeze = torch.cat([1 - self.uniform(n, 1) * 2.4 * bent, 1 - self.uniform(n, 1) * 1.2 * bent], 1)
        corners = corners * squeeze[:, None]
        turn = self.normal(n, 1) * angle / 2 * (math.pi / 180)
        c, s = torch.cos(turn), torch.sin(turn)
        x, y = corners[..., 0], corners[..., 1]
        corners = torch.stack([x * c - y * s, x * s + y * c], -1)
        inverse = torch.linalg.inv(_square_to_quad(corners))
        few = 40
        low, high = corners.amin(1), corners.amax(1)
        line = (torch.arange(few, device=self.device).float() + 0.5) / few
        gx = low[:, :1] + line[None] * (high - low)[:, :1]
        gy = low[:, 1:] + line[None] * (high - low)[:, 1:]
        points = torch.stack(
            [
                gx[:, None].expand(n, few, few),
                gy[:, :, None].expand(n, few, few),
                torch.ones(n, few, few, device=self.device),
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

    def _window(self, box: Tensor, side: int, *, hard: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Return left and top of the crop around a box that is off as a finder's, and what a px is."""
        n = len(box)
        w, h = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
        levels = self._held(*((0.03, 0.1, 0.2) if hard else (0.1, 0.1, 0.1)))
        reach = (levels[self.below(3, n)] * (w + h) / 2)[:, None]
        d = (self.normal(n, 4) * reach / 2).clamp(-1.5, 1.5)
        d = torch.minimum(torch.maximum(d, -1.5 * reach), 1.5 * reach)
        off = box + d
        cx, cy = (off[:, 0] + off[:, 2]) / 2, (off[:, 1] + off[:, 3]) / 2
        longest = torch.maximum(off[:, 2] - off[:, 0], off[:, 3] - off[:, 1]).clamp(min=0.05)
        size = (longest * MARGIN)[:, None]
        return cx[:, None] - size / 2, cy[:, None] - size / 2, size / side

    def _plated(
        self, scene: Tensor, tint: Tensor, style: Tensor, box: Tensor, x: Tensor, y: Tensor
    ) -> Tensor:
        """Lay a patch or badge of one colour where the mark will be."""
        n = len(scene)
        w, h = (box[:, 2] - box[:, 0])[:, None, None], (box[:, 3] - box[:, 1])[:, None, None]
        margin = torch.maximum(w, h) * self.uniform(n, 1, 1, low=0.06, high=0.3)
        dx = (x - ((box[:, 0] + box[:, 2]) / 2)[:, None, None]).abs()
        dy = (y - ((box[:, 1] + box[:, 3]) / 2)[:, None, None]).abs()
        a, b = w / 2 + margin, h / 2 + margin
        flat = (dx < a) & (dy < b)
        round_ = (dx / (1.24 * a)) ** 2 + (dy / (1.24 * b)) ** 2 < 1
        on = torch.where(self.uniform(n, 1, 1) < 0.6, flat, round_) & (style == PLATE)[:, None, None]
        return torch.where(on[:, None], tint.reshape(n, 3, 1, 1), scene)

    def _cover(self, box: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Return where a strip of up to a third of a box is, (n, 1, side, side)."""
        n = len(box)
        u = (x - box[:, :1, None]) / (box[:, 2:3, None] - box[:, :1, None])
        v = (y - box[:, 1:2, None]) / (box[:, 3:, None] - box[:, 1:2, None])
        share = self.uniform(n, 1, 1, low=0.1, high=0.33)
        edge = self.below(4, n)[:, None, None]
        found = torch.where(edge == 0, u < share, u > 1 - share)
        found = torch.where(edge == 2, v < share, found)
        return torch.where(edge == 3, v > 1 - share, found)[:, None]

    def _composed(
        self, scene: Tensor, colour: Tensor, alpha: Tensor, style: Tensor, side: int, taps: int
    ) -> Tensor:
        n, wide = len(scene), scene.shape[2]

        def of(kind: int) -> Tensor:
            return (style == kind).reshape(n, 1, 1, 1)

        soft = F.avg_pool2d(alpha, 5, 1, 2)
        # Thread: fine stripes, brighter and darker, and darker cloth around it.
        turn = self.uniform(n, 1, 1, high=math.pi)
        period = taps * (1.6 + self.uniform(n, 1, 1) * max(0.4, side / 16 - 1.6))
        line = torch.arange(wide, device=self.device).float()
        phase = (torch.cos(turn) * line.reshape(1, 1, -1) + torch.sin(turn) * line.reshape(1, -1, 1)) * (
            6.283 / period
        )
        wave = torch.sin(phase[:, None] + 2 * self._field(n, wide))
        thread = colour * (1 + self.uniform(n, 1, 1, 1, low=0.06, high=0.22) * wave)
        colour = torch.where(of(EMBROIDERY), thread, colour)
        dark = 1 - self.uniform(n, 1, 1, 1, low=0.1, high=0.4) * soft
        scene = torch.where(of(EMBROIDERY), scene * dark, scene)
        # Woven in: the cloth's own colour, lighter or darker.
        bright = self.uniform(n, 1, 1, 1) < 0.5
        factor = torch.where(
            bright, self.uniform(n, 1, 1, 1, low=1.25, high=1.7), self.uniform(n, 1, 1, 1, low=0.5, high=0.8)
        )
        woven = scene * factor + torch.where(bright, 14.0, -8.0)
        colour = torch.where(of(JACQUARD), woven, colour)
        ramp = 1 + self.uniform(n, 1, 1, 1, low=0.1, high=0.4) * self._ramp(n, wide)
        colour = torch.where(of(METAL), colour * ramp + 60 * self._field(n, wide).clamp(min=0), colour)
        tone = scene.mean(1, keepdim=True)
        depth = self.uniform(n, 1, 1, 1, low=0.2, high=0.6) * (self.uniform(n, 1, 1, 1) < 0.5)
        middle = tone.mean((2, 3), keepdim=True).clamp(min=20)
        colour = colour * (1 - depth + depth * tone / middle)
        share = alpha * self.uniform(n, 1, 1, 1, low=0.82, high=1.0)
        laid = scene + share * (colour - scene)
        turn = self.uniform(n, 1, 1, 1, high=6.283)
        dx = F.pad(soft[..., 2:] - soft[..., :-2], (1, 1))
        dy = F.pad(soft[..., 2:, :] - soft[..., :-2, :], (0, 0, 1, 1))
        relief = (torch.cos(turn) * dx + torch.sin(turn) * dy) * self.uniform(n, 1, 1, 1, low=90, high=200)
        raised = scene + 1.5 * relief + alpha * self.uniform(n, 1, 1, 1, low=-30, high=20)
        return torch.where(of(EMBOSS), raised, laid)

    def spoiled(self, scene: Tensor, typical: Tensor, side: int) -> Tensor:
        """Take the pictures: blur, exposure, grain, JPEG; (n, 3, s, s), s in eights."""
        n = len(scene)
        most = torch.where(typical, 0.7, 1.1 + 0.012 * side).reshape(n, 1)
        sigma = self.uniform(n, 1) * most
        smear = torch.where(self.uniform(n, 1) < 0.25, self.uniform(n, 1, low=1.0, high=2.5), 1.0)
        scene = self._blurred(scene, sigma / smear.sqrt(), sigma * smear.sqrt())
        lit = (self.uniform(n, 1, 1, 1) < 0.8).float()
        gain = 1 + lit * (self.uniform(n, 1, 1, 1, low=0.65, high=1.2) - 1)
        shift = self.uniform(n, 1, 1, 1, low=-35, high=30) + self.uniform(n, 3, 1, 1, low=-9, high=9)
        scene = scene * gain + 128 * (1 - gain) + lit * shift
        grain = self.uniform(n, 1, 1, 1) * torch.where(typical, 5.0, 9.0).reshape(n, 1, 1, 1)
        scene = (scene + grain * self.normal(*scene.shape)).clamp(0, 255).round()
        low = torch.where(typical, 60.0, 30.0)
        packed = self._jpeg(scene, low + self.uniform(n, 1) * (95 - low))
        return torch.where(self.uniform(n, 1, 1, 1) < 0.8, packed, scene)

    def _blurred(self, scene: Tensor, narrow: Tensor, long: Tensor) -> Tensor:
        """Blur each picture by a Gaussian of its own, longer in one direction."""
        n, reach = len(scene), 3 if scene.shape[2] < 64 else 4
        k = torch.arange(-reach, reach + 1, device=self.device).float()
        turn = self.uniform(n, 1, 1, high=math.pi)
        along = torch.cos(turn) * k.reshape(1, 1, -1) + torch.sin(turn) * k.reshape(1, -1, 1)
        across = -torch.sin(turn) * k.reshape(1, 1, -1) + torch.cos(turn) * k.reshape(1, -1, 1)
        a, b = long.clamp(min=0.15).reshape(n, 1, 1), narrow.clamp(min=0.15).reshape(n, 1, 1)
        kernel = torch.exp(-0.5 * ((along / a) ** 2 + (across / b) ** 2))
        kernel = kernel / kernel.sum((1, 2), keepdim=True)
        side = scene.shape[2]
        padded = F.pad(scene, [reach] * 4, mode="replicate")
        found = torch.zeros_like(scene)
        # Shift by shift: a convolution of as many groups as there are pictures can take cuDNN minutes.
        for row in range(2 * reach + 1):
            for column in range(2 * reach + 1):
                weight = kernel[:, row, column].reshape(n, 1, 1, 1)
                found.addcmul_(padded[:, :, row : row + side, column : column + side], weight)
        return found

    def _jpeg(self, scene: Tensor, quality: Tensor) -> Tensor:
        """Return pictures as JPEG of these qualities leaves them; chroma has half the resolution."""
        n, _, side, _ = scene.shape
        r, g, b = scene.unbind(1)
        y = 0.299 * r + 0.587 * g + 0.114 * b
        chroma = torch.stack([(b - y) * 0.564, (r - y) * 0.713], 1)
        chroma = F.interpolate(F.avg_pool2d(chroma, 2), scale_factor=2.0)
        parts = torch.cat([(y - 128)[:, None], chroma], 1)
        blocks = parts.reshape(n, 3, side // 8, 8, side // 8, 8)
        d = self._dct
        waves = torch.einsum("ij,ncajbk,lk->ncaibl", d, blocks, d)
        scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality).reshape(n, 1, 1, 1) / 100
        table = (self._tables[None] * scale).round().clamp(1, 255).reshape(n, 3, 1, 8, 1, 8)
        waves = (waves / table).round() * table
        y, cb, cr = torch.einsum("ij,ncaibl,lk->ncajbk", d, waves, d).reshape(n, 3, side, side).unbind(1)
        y = y + 128
        return (
            torch.stack([y + 1.403 * cr, y - 0.344 * cb - 0.714 * cr, y + 1.773 * cb], 1)
            .clamp(0, 255)
            .round()
        )


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


def _fine(seen: Tensor) -> Tensor:
    return F.interpolate(seen, (FINE, FINE), mode="bilinear", align_corners=False)
