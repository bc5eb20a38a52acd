"""The garment parser: EfficientNet-Lite2 as its backbone, and a small decoder that joins four of its scales.

The backbone is written after M. Tan, Q. Le, EfficientNet (ICML 2019), and the table of its Lite variants: no
squeeze-and-excitation, ReLU6, strides padded as TensorFlow does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

HEIGHT, WIDTH, STRIDE = 320, 192, 4
MEAN = 127.0
SCALE = 1 / 128
_STAGES = (
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)
"""Of EfficientNet-Lite2: blocks, kernel, stride of the first, expansion, channels."""
TAPS = (3, 6, 14, 20)
"""The blocks whose outputs are read: strides 4, 8, 16 and 32."""
FROZEN = 11
"""The blocks below stay as they are: their outputs are computed once."""
_TOP = ("_conv_head", "_bn1", "_fc")


class Conv(nn.Sequential):
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


class Block(nn.Module):
    """An inverted residual."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.body = nn.Sequential(
            *([Conv(inside, wide)] if expansion > 1 else []),
            Conv(wide, wide, kernel, stride, wide),
            Conv(wide, outside, act=False),
        )
        self.residual = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)


class Backbone(nn.Module):
    """(n, 3, HEIGHT, WIDTH) RGB, normalised -> features at strides 4, 8, 16, 32 of 24, 48, 120, 352 channels.

    `below` gives what the frozen blocks make, `above` goes on from there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Conv(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        inside = 32
        for repeats, kernel, stride, expansion, outside in _STAGES:
            for number in range(repeats):
                blocks.append(Block(inside, outside, kernel, stride if number == 0 else 1, expansion))
                inside = outside
        self.blocks = nn.ModuleList(blocks)

    def below(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the features at strides 4 and 8, and what goes into block FROZEN."""
        kept = []
        x = self.stem(x)
        for number in range(FROZEN):
            x = self.blocks[number](x)
            if number in TAPS:
                kept.append(x)
        return kept[0], kept[1], x

    def above(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features at strides 16 and 32."""
        kept = []
        for number in range(FROZEN, len(self.blocks)):
            x = self.blocks[number](x)
            if number in TAPS:
                kept.append(x)
        return kept[0], kept[1]

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


def _separable(inside: int, outside: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(Conv(inside, inside, kernel, groups=inside, act=False), Conv(inside, outside))


class Decoder(nn.Module):
    """Features at strides 4, 8, 16, 32 -> logits (n, classes, HEIGHT / 4, WIDTH / 4)."""

    def __init__(self, classes: int, wide: int = 112, fine: int = 64) -> None:
        super().__init__()
        self.lateral5, self.context = Conv(352, wide, act=False), nn.Conv2d(352, wide, 1)
        self.lateral4 = Conv(120, wide, act=False)
        self.lateral3 = Conv(48, wide, act=False)
        self.lateral2 = Conv(24, fine, act=False)
        self.merge5 = _separable(wide, wide, 5)
        self.merge4 = nn.Sequential(_separable(wide, wide, 5), _separable(wide, wide, 5))
        self.merge3 = nn.Sequential(_separable(wide, wide, 5), _separable(wide, fine, 5))
        self.merge2 = _separable(fine, fine, 3)
        self.out = nn.Conv2d(fine, classes, 1)

    def forward(self, two: Tensor, three: Tensor, four: Tensor, five: Tensor) -> Tensor:
        whole = self.context(five.mean((2, 3), keepdim=True))
        x = self.merge5(F.relu6(self.lateral5(five) + whole))
        x = self.merge4(F.relu6(_doubled(x) + self.lateral4(four)))
        x = self.merge3(F.relu6(_doubled(x) + self.lateral3(three)))
        x = self.merge2(F.relu6(_doubled(x) + self.lateral2(two)))
        return self.out(x)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Parser(nn.Module):
    """(n, 3, HEIGHT, WIDTH) RGB 0..255 -> shares (n, classes, HEIGHT / 4, WIDTH / 4), which sum to 1."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone, self.decoder = Backbone(), Decoder(classes)

    def logits(self, two: Tensor, three: Tensor, middle: Tensor) -> Tensor:
        """Go on from what the frozen blocks have made."""
        return self.decoder(two, three, *self.backbone.above(middle))

    def forward(self, picture: Tensor) -> Tensor:
        return self.logits(*self.backbone.below((picture - MEAN) * SCALE)).softmax(1)
