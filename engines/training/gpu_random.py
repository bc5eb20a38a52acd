"""Chance on the GPU: numbers, smooth noise and gradients, all from one generator."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class GpuRandom:
    """A generator on a device, with constants that lie there. seed: the same numbers for the same seed."""

    def __init__(self, device: str, seed: int = 0) -> None:
        self.device = device
        self.generator = torch.Generator(device).manual_seed(seed)
        self._constants: dict[tuple[float, ...], Tensor] = {}

    def constants(self, *values: float) -> Tensor:
        """Return numbers on the device, copied once: each copy would wait for all that runs there."""
        if values not in self._constants:
            self._constants[values] = torch.tensor(values, device=self.device)
        return self._constants[values]

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Return numbers between low and high."""
        return torch.rand(shape, device=self.device, generator=self.generator) * (high - low) + low

    def normal(self, *shape: int) -> Tensor:
        """Return normal numbers."""
        return torch.randn(shape, device=self.device, generator=self.generator)

    def below(self, limit: int, count: int) -> Tensor:
        """Return whole numbers from 0 to below the limit."""
        return torch.randint(limit, (count,), device=self.device, generator=self.generator)

    def pick(self, shares: tuple[float, ...], count: int) -> Tensor:
        """Return indices of the shares, each as often as its share says."""
        ends = self.constants(*np.cumsum(shares).tolist())
        return torch.bucketize(self.uniform(count) * ends[-1], ends, right=True).clamp(max=len(shares) - 1)

    def ramp(self, n: int, side: int) -> Tensor:
        """Return (n, 1, side, side) that rises from about -1 to 1 in some direction."""
        turn = self.uniform(n, 1, 1, high=6.283)
        line = torch.linspace(-1, 1, side, device=self.device)
        return (torch.cos(turn) * line.reshape(1, 1, -1) + torch.sin(turn) * line.reshape(1, -1, 1)).clamp(
            -1, 1
        )[:, None]

    def noise(self, n: int, side: int, channels: int = 1) -> Tensor:
        """Return smooth noise of about -1 to 1."""
        cells = int(torch.randint(3, 7, (1,)))
        coarse = self.normal(n, channels, cells, cells)
        return (F.interpolate(coarse, (side, side), mode="bicubic", align_corners=False) / 1.8).clamp(-1, 1)
