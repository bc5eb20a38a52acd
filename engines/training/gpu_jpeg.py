"""What JPEG does to pictures, in torch: whole batches at a time."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

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


class GpuJpeg:
    """Quantises pictures as JPEG does; chroma has half the resolution."""

    def __init__(self, device: str) -> None:
        k = torch.arange(8, dtype=torch.float32)
        dct = torch.cos((2 * k[None] + 1) * k[:, None] * math.pi / 16) * 0.5
        dct[0] *= math.sqrt(0.5)
        self._dct = dct.to(device)
        chroma = torch.full((8, 8), 99.0)
        chroma[:4, :4] = torch.tensor(_CHROMA, dtype=torch.float32)
        self._tables = torch.stack([torch.tensor(_LUMA, dtype=torch.float32), chroma, chroma]).to(device)

    def degrade(self, pictures: Tensor, quality: Tensor) -> Tensor:
        """Return pictures, (n, 3, h, w) RGB 0..255, as JPEG of these qualities, (n, 1), leaves them."""
        high, wide = pictures.shape[2:]
        padded = F.pad(pictures, (0, -wide % 8, 0, -high % 8), "replicate")
        n, _, height, width = padded.shape
        r, g, b = padded.unbind(1)
        y = 0.299 * r + 0.587 * g + 0.114 * b
        chroma = torch.stack([(b - y) * 0.564, (r - y) * 0.713], 1)
        chroma = F.interpolate(F.avg_pool2d(chroma, 2), scale_factor=2.0)
        parts = torch.cat([(y - 128)[:, None], chroma], 1)
        blocks = parts.reshape(n, 3, height // 8, 8, width // 8, 8)
        d = self._dct
        waves = torch.einsum("ij,ncajbk,lk->ncaibl", d, blocks, d)
        scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality).reshape(n, 1, 1, 1) / 100
        table = (self._tables[None] * scale).round().clamp(1, 255).reshape(n, 3, 1, 8, 1, 8)
        waves = (waves / table).round() * table
        y, cb, cr = torch.einsum("ij,ncaibl,lk->ncajbk", d, waves, d).reshape(n, 3, height, width).unbind(1)
        y = y + 128
        found = torch.stack([y + 1.403 * cr, y - 0.344 * cb - 0.714 * cr, y + 1.773 * cb], 1)
        return found[..., :high, :wide].clamp(0, 255).round()
