"""The garment parser: EfficientNet-Lite2 as its backbone, and a decoder that joins four of its scales.

The backbone is written after M. Tan, Q. Le, EfficientNet (ICML 2019), and the table of its Lite variants: no
squeeze-and-excitation, ReLU6, strides padded as TensorFlow does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.convert.efficientnet_lite import LITE2_STAGES, MEAN, SCALE
from engines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEIGHT, WIDTH, STRIDE = 320, 192, 4
TAPS = (3, 6, 14, 20)
"""The blocks whose outputs are read: strides 4, 8, 16 and 32."""
CHANNELS = (24, 48, 120, 352)
INPUTS = sum(CHANNELS) + CHANNELS[2]
HIDDEN, NARROW = 192, 96
_TOP = ("_conv_head", "_bn1", "_fc")


class GarmentConv(nn.Sequential):
    """A convolution, its normalisation, and ReLU6 unless `act` is off."""

    def __init__(
        self,
        inside: int,
        outside: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        *,
        act: bool = True,
    ) -> None:
        space = max(kernel - stride, 0)
        edge = (space // 2, space - space // 2)
        layers: list[nn.Module] = [nn.ZeroPad2d((*edge, *edge))] if stride == 2 else []
        padding = 0 if stride == 2 else kernel // 2
        layers += [
            nn.Conv2d(inside, outside, kernel, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(outside, eps=1e-3, momentum=0.01),
        ]
        super().__init__(*layers, *([nn.ReLU6()] if act else []))


class InvertedResidual(nn.Module):
    """An inverted residual."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.body = nn.Sequential(
            *([GarmentConv(inside, wide)] if expansion > 1 else []),
            GarmentConv(wide, wide, kernel, stride, wide),
            GarmentConv(wide, outside, act=False),
        )
        self.residual = stride == 1 and inside == outside
        self.skipped = 0.0
        """How often the body is left out of a sample while the backbone learns (stochastic depth)."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.residual:
            return self.body(x)
        body = self.body(x)
        if self.training and self.skipped:
            used = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.skipped
            body = body * used.to(body.dtype) / (1 - self.skipped)
        return x + body


class EfficientNetLite(nn.Module):
    """(n, 3, HEIGHT, WIDTH) RGB, normalised -> features at strides 4, 8, 16, 32 of CHANNELS."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = GarmentConv(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        inside = 32
        for repeats, kernel, stride, expansion, outside in LITE2_STAGES:
            for number in range(repeats):
                blocks.append(
                    InvertedResidual(inside, outside, kernel, stride if number == 0 else 1, expansion)
                )
                inside = outside
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        features = []
        x = self.stem(x)
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in TAPS:
                features.append(x)
        return tuple(features)

    def read(self, path: Path) -> None:
        """Take the weights of a checkpoint of EfficientNet-Lite2, whose layers come in the same order."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        theirs = [(name, value) for name, value in state.items() if not name.startswith(_TOP)]
        own = self.state_dict()
        if len(theirs) != len(own) or any(
            ours.shape != value.shape for ours, (_, value) in zip(own.values(), theirs, strict=False)
        ):
            raise BadInput(f"{path}: these are not the weights of EfficientNet-Lite2")
        for ours, (_, value) in zip(own.values(), theirs, strict=True):
            ours.copy_(value)


class CellDecoder(nn.Module):
    """Features at strides 4, 8, 16, 32 -> logits (n, classes, HEIGHT / 4, WIDTH / 4).

    Each cell is classified by itself, from what all scales say of its place, of its surroundings and of the
    whole picture: so it can be trained on a few cells of many pictures. A linear layer may come before or
    after an enlargement: it comes before, where there are fewer cells.
    """

    def __init__(self, classes: int, hidden: int = HIDDEN, narrow: int = NARROW) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(channels, hidden, 1, bias=False) for channels in CHANNELS)
        self.whole = nn.Conv2d(CHANNELS[-1], hidden, 1)
        self.around = nn.Conv2d(CHANNELS[2], hidden, 1, bias=False)
        self.narrow, self.out = nn.Conv2d(hidden, narrow, 1), nn.Conv2d(narrow, classes, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        two, three, four, five = features
        low2, low3, low4, low5 = self.laterals
        x = _doubled(low5(five) + self.whole(five.mean((2, 3), keepdim=True)))
        x = _doubled(x + low4(four) + self.around(surroundings(four)))
        x = _doubled(x + low3(three)) + low2(two)
        return self.out(F.relu6(self.narrow(F.relu6(x))))


class PyramidDecoder(nn.Module):
    """Features at strides 4, 8, 16, 32 -> logits (n, classes, height / 4, width / 4).

    A pyramid from the coarsest scale to the finest, each joined and then mixed by a depthwise convolution; it
    learns together with the backbone. The coarsest sees far (7 x 7 cells of 16 px) and the whole picture, so
    that parts of one garment agree.
    """

    def __init__(self, classes: int, hidden: int = 128) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(GarmentConv(channels, hidden, act=False) for channels in CHANNELS)
        self.whole = nn.Conv2d(CHANNELS[-1], hidden, 1)
        self.mixes = nn.ModuleList(
            nn.Sequential(
                GarmentConv(hidden, hidden, kernel, 1, hidden, act=False),
                GarmentConv(hidden, hidden),
            )
            for kernel in (5, 7, 5, 3, 3)
        )
        self.dropped = nn.Dropout2d(0.1)
        self.out = nn.Conv2d(hidden, classes, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        two, three, four, five = features
        low2, low3, low4, low5 = self.laterals
        mix5, mix4, mix3, mix2, last = self.mixes
        x = F.relu6(low5(five) + self.whole(five.mean((2, 3), keepdim=True)))
        x = x + mix5(x)
        x = F.relu6(_doubled(x) + low4(four))
        x = x + mix4(x)
        x = F.relu6(_doubled(x) + low3(three))
        x = x + mix3(x)
        x = F.relu6(_doubled(x) + low2(two))
        x = x + mix2(x)
        x = x + last(x)
        return self.out(self.dropped(x))


def surroundings(four: Tensor) -> Tensor:
    """Return the mean of 5 x 5 cells of the features at stride 16."""
    return F.avg_pool2d(four, 5, 1, 2, count_include_pad=False)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def enlarged(features: Sequence[Tensor]) -> Tensor:
    """Return all that is known of each cell but the whole, (n, INPUTS, HEIGHT / 4, WIDTH / 4)."""
    two, three, four, five = features
    x = torch.cat([four, surroundings(four), _doubled(five)], 1)
    return torch.cat([two, _doubled(torch.cat([three, _doubled(x)], 1))], 1)


class ParserNetwork(nn.Module):
    """(n, 3, HEIGHT, WIDTH) RGB 0..255 -> shares (n, classes, HEIGHT / 4, WIDTH / 4), which sum to 1."""

    def __init__(self, classes: int, decoder: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone, self.decoder = EfficientNetLite(), decoder or CellDecoder(classes)

    def forward(self, picture: Tensor) -> Tensor:
        return self.logits(picture).softmax(1)

    def logits(self, picture: Tensor) -> Tensor:
        """Return what the shares are the softmax of."""
        logits: Tensor = self.decoder(self.backbone((picture - MEAN) * SCALE))
        return logits
