"""The two networks: one tells where marks may be, one turns a crop of a mark into a vector."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from engines.convert.efficientnet_lite import LITE0_STAGES
from engines.errors import BadInput
from engines.training.garments_network import GarmentConv, InvertedResidual
from engines.training.samples import CROP

VECTOR = 128
STRIDE = 4


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Return convolution, batch norm, ReLU."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2015)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = conv(inputs, outputs, 3, stride)
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
            self.shortcut = nn.Sequential(
                pool, nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(self.first(x)) + self.shortcut(x))


class Embedding(nn.Module):
    """(n, 3, CROP, CROP) RGB 0..255 -> (n, VECTOR) of unit length. About 1.3 million parameters."""

    def __init__(self, widths: tuple[int, int, int, int] = (24, 48, 96, 176)) -> None:
        super().__init__()
        self.side = CROP
        a, b, c, d = widths
        self.body = nn.Sequential(
            conv(3, a, 5, 2),
            Residual(a, b, 2),
            Residual(b, b),
            Residual(b, c, 2),
            Residual(c, c),
            Residual(c, d, 2),
            Residual(d, d),
        )
        self.squeeze = nn.Conv2d(d, 64, 1)
        self.head = nn.Linear(64 * (CROP // 16) ** 2, VECTOR)

    def forward(self, x: Tensor) -> Tensor:
        # Each crop is brought to one brightness and contrast: a shop's light tells nothing of a mark.
        mean = x.mean((1, 2, 3), keepdim=True)
        spread = ((x - mean) ** 2).mean((1, 2, 3), keepdim=True).sqrt()
        x = self.body((x - mean) / (spread + 8.0))
        return F.normalize(self.head(self.squeeze(x).flatten(1)).float(), dim=1)


class LiteEmbedding(nn.Module):
    """(n, 3, side, side) RGB 0..255 -> (n, VECTOR) of unit length: EfficientNet-Lite0's first stages.

    Cut where a cell sees most of the crop: what follows tells kinds of things, not shapes.
    """

    def __init__(self, side: int = CROP) -> None:
        super().__init__()
        self.side = side
        self.stem = GarmentConv(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        inside = 32
        for repeats, kernel, stride, expansion, outside in LITE0_STAGES:
            for number in range(repeats):
                blocks.append(
                    InvertedResidual(inside, outside, kernel, stride if number == 0 else 1, expansion)
                )
                inside = outside
        self.blocks = nn.Sequential(*blocks)
        self.squeeze = nn.Conv2d(inside, 64, 1)
        self.head = nn.Linear(64 * (side // 16) ** 2, VECTOR)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((1, 2, 3), keepdim=True)
        spread = ((x - mean) ** 2).mean((1, 2, 3), keepdim=True).sqrt()
        x = self.blocks(self.stem((x - mean) / (2 * spread + 16.0)))
        return F.normalize(self.head(self.squeeze(x).flatten(1)).float(), dim=1)

    def read(self, state: dict[str, Tensor]) -> None:
        """Take a checkpoint's weights of EfficientNet-Lite0, whose layers come in the same order."""
        own = [*self.stem.state_dict().values(), *self.blocks.state_dict().values()]
        for ours, value in zip(own, list(state.values())[: len(own)], strict=True):
            if ours.shape != value.shape:
                raise BadInput("these are not the weights of EfficientNet-Lite0")
            ours.copy_(value)


class Proposals(nn.Module):
    """(n, 3, h, w) RGB 0..255 -> logits (n, 1, h/4, w/4) and log distances to the sides (n, 4, h/4, w/4).

    h and w are multiples of 32. Distances are left, top, right, bottom from a cell's centre, in px.
    """

    def __init__(self, widths: tuple[int, int, int, int, int] = (16, 32, 56, 80, 112)) -> None:
        super().__init__()
        a, b, c, d, e = widths
        self.stem = conv(3, a, 5, 2)
        self.four = nn.Sequential(Residual(a, b, 2), Residual(b, b))
        self.eight = nn.Sequential(Residual(b, c, 2), Residual(c, c))
        self.sixteen = nn.Sequential(Residual(c, d, 2), Residual(d, d))
        self.wide = nn.Sequential(Residual(d, e, 2), Residual(e, e))
        self.up16 = nn.Conv2d(e, d, 1)
        self.up8 = nn.Conv2d(d, c, 1)
        self.up4 = nn.Conv2d(c, b, 1)
        self.mix16, self.mix8, self.mix4 = conv(d, d), conv(c, c), conv(b, b)
        self.where = nn.Sequential(conv(b, b), nn.Conv2d(b, 1, 1))
        self.size = nn.Sequential(conv(b, b), nn.Conv2d(b, 4, 1))
        nn.init.constant_(self.where[1].bias, -4.0)  # type: ignore[arg-type]  # the bias is there
        nn.init.constant_(self.size[1].bias, 2.7)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = (x - 118.0) / 60.0
        four = self.four(self.stem(x))
        eight = self.eight(four)
        sixteen = self.sixteen(eight)
        y = self.mix16(sixteen + F.interpolate(self.up16(self.wide(sixteen)), scale_factor=2.0))
        y = self.mix8(eight + F.interpolate(self.up8(y), scale_factor=2.0))
        y = self.mix4(four + F.interpolate(self.up4(y), scale_factor=2.0))
        return self.where(y), self.size(y)
