"""Versions of marks, drawn in torch: bolder, thinner, as an outline, in other colours, with a gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from engines.training.drawings import PARTS, TEXTURE

if TYPE_CHECKING:
    from engines.training.gpu_random import GpuRandom

PLAIN, BOLD, THIN, OUTLINE, HOLES, PIECES, GRADIENT = range(7)
"""PIECES: its parts in colours of their own. HOLES: its holes filled."""


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


class MarkVersions:
    """Draws versions of marks at the resolution of their textures."""

    def __init__(self, textures: Textures, random: GpuRandom) -> None:
        self.t, self.random, self.device = textures, random, random.device

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
        drawn = torch.where(
            of(BOLD) & mono, torch.where(self.random.uniform(n, 1, 1, 1) < 0.5, wide, wider), alpha
        )
        drawn = torch.where(of(THIN) & mono, narrow, drawn)
        drawn = torch.where(of(OUTLINE) & mono, (wide - narrow).clamp(0, 1), drawn)
        drawn = torch.where(of(HOLES) & mono & hole, torch.maximum(alpha, 1 - alpha), drawn)
        palette = ink[:, None, :].repeat(1, 2 * PARTS, 1)
        others = self.inks(ink.repeat_interleave(2 * PARTS, 0), 50.0).reshape(n, 2 * PARTS, 3)
        same = others[:, :1].expand_as(others)
        few = torch.where(self.random.uniform(n, 2 * PARTS, 1) < 0.5, others, same)
        number = torch.arange(2 * PARTS, device=self.device).reshape(1, -1, 1)
        palette = torch.where(of(HOLES)[:, 0] & (number >= PARTS), few, palette)
        palette = torch.where(of(PIECES)[:, 0] & (number < PARTS) & (number > 1), few, palette)
        flat = palette.gather(1, labels.reshape(n, -1, 1).expand(-1, -1, 3))
        colour = flat.reshape(n, side, side, 3).permute(0, 3, 1, 2)
        ramp = self.random.ramp(n, side) * 0.5 + 0.5
        second = others[:, 3].reshape(n, 3, 1, 1)
        colour = torch.where(of(GRADIENT), colour * (1 - ramp) + second * ramp, colour)
        if len(self.t.colours):
            own = self.t.colours[self.t.coloured[marks].clamp(min=0)].float()
            own = self._recoloured(own)
            colour = torch.where(mono, colour, own)
        return torch.cat([colour, drawn], 1)

    def as_drawn(self, marks: Tensor, ink: Tensor) -> Tensor:
        """Return what `drawings` does, of marks as they are."""
        n = len(marks)
        alpha = self.t.alphas[marks].float()[:, None] / 255
        colour = ink.reshape(n, 3, 1, 1).expand(n, 3, TEXTURE, TEXTURE)
        if len(self.t.colours):
            mono = (self.t.coloured[marks] < 0).reshape(n, 1, 1, 1)
            own = self.t.colours[self.t.coloured[marks].clamp(min=0)].float()
            colour = torch.where(mono, colour, own)
        return torch.cat([colour, alpha], 1)

    def _recoloured(self, colour: Tensor) -> Tensor:
        """Return colours as they are, some in other light, with light and dark or channels exchanged."""
        n = len(colour)
        turned = torch.where(self.random.uniform(n, 1, 1, 1) < 0.12, 255 - colour, colour)
        mixed = turned[:, torch.randperm(3, device=self.device, generator=self.random.generator)]
        turned = torch.where(self.random.uniform(n, 1, 1, 1) < 0.15, mixed, turned)
        grey = turned.mean(1, keepdim=True).expand_as(turned)
        turned = torch.where(self.random.uniform(n, 1, 1, 1) < 0.1, grey, turned)
        lit = turned * self.random.uniform(n, 1, 1, 1, low=0.75, high=1.1) + self.random.uniform(
            n, 3, 1, 1, low=-18, high=18
        )
        return torch.where(self.random.uniform(n, 1, 1, 1) < 0.5, lit, turned)

    def inks(self, behind: Tensor, contrast: float | Tensor) -> Tensor:
        """Return colours that differ from those behind by at least `contrast` in brightness or hue."""
        n, tries = len(behind), 8
        least = contrast if isinstance(contrast, float) else contrast.reshape(n, 1)
        grey = torch.stack(
            [
                self.random.uniform(n, tries, low=5, high=60),
                self.random.uniform(n, tries, low=200, high=252),
                self.random.uniform(n, tries, low=60, high=200),
            ],
            -1,
        )
        which = torch.randint(3, (n, tries, 1), device=self.device, generator=self.random.generator)
        grey = grey.gather(2, which).expand(n, tries, 3)
        colour = torch.where(
            self.random.uniform(n, tries, 1) < 0.5, grey, self.random.uniform(n, tries, 3, high=255)
        )
        off = (colour - behind[:, None]).abs()
        weights = self.random.constants(0.299, 0.587, 0.114)
        good = torch.maximum(off.mean(2), (off * weights).sum(2)) >= least
        first = torch.where(good.any(1), good.float().argmax(1), 0)
        found = colour[torch.arange(n, device=self.device), first]
        clear = torch.where(behind.mean(1, keepdim=True) < 128, 245.0, 10.0).expand(n, 3)
        return torch.where(good.any(1, keepdim=True), found, clear)
