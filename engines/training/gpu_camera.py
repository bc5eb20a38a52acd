"""What a camera makes of a scene, in torch: blur, exposure, grain, JPEG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from engines.training.gpu_jpeg import GpuJpeg

if TYPE_CHECKING:
    from engines.training.gpu_random import GpuRandom


class GpuCamera:
    """Photographs scenes, each with faults of its own."""

    def __init__(self, random: GpuRandom) -> None:
        self.random, self.device = random, random.device
        self._jpeg = GpuJpeg(random.device)

    def photograph(self, scene: Tensor, typical: Tensor, side: int) -> Tensor:
        """Return pictures of scenes, (n, 3, s, s), for crops of `side` px.

        typical: (n, 1), those with small faults.
        """
        n = len(scene)
        max_sigma = torch.where(typical, 0.7, 1.1 + 0.012 * side).reshape(n, 1)
        sigma = self.random.uniform(n, 1) * max_sigma
        smear = torch.where(
            self.random.uniform(n, 1) < 0.25, self.random.uniform(n, 1, low=1.0, high=2.5), 1.0
        )
        scene = self._blurred(scene, sigma / smear.sqrt(), sigma * smear.sqrt())
        lit = (self.random.uniform(n, 1, 1, 1) < 0.8).float()
        gain = 1 + lit * (self.random.uniform(n, 1, 1, 1, low=0.65, high=1.2) - 1)
        shift = self.random.uniform(n, 1, 1, 1, low=-35, high=30) + self.random.uniform(
            n, 3, 1, 1, low=-9, high=9
        )
        scene = scene * gain + 128 * (1 - gain) + lit * shift
        grain = self.random.uniform(n, 1, 1, 1) * torch.where(typical, 5.0, 9.0).reshape(n, 1, 1, 1)
        scene = (scene + grain * self.random.normal(*scene.shape)).clamp(0, 255).round()
        low = torch.where(typical, 60.0, 30.0)
        packed = self._jpeg.degrade(scene, low + self.random.uniform(n, 1) * (95 - low))
        return torch.where(self.random.uniform(n, 1, 1, 1) < 0.8, packed, scene)

    def _blurred(self, scene: Tensor, narrow: Tensor, long: Tensor) -> Tensor:
        """Blur each picture by a Gaussian of its own, longer in one direction."""
        n, reach = len(scene), 3 if scene.shape[2] < 64 else 4
        k = torch.arange(-reach, reach + 1, device=self.device).float()
        turn = self.random.uniform(n, 1, 1, high=math.pi)
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
