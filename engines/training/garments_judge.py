"""Judges a parser on photographs kept back: is each visible garment's type right, coarse and fine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from engines.garments.classes import CLASSES, GROUP_OF, GROUPS
from engines.training.garments_network import HEIGHT, WIDTH
from engines.training.garments_samples import names_of, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from engines.training.garments_samples import Photograph

    Image = npt.NDArray[np.uint8]
    Shares = npt.NDArray[np.float32]

SEEN_PX = 12
"""Cells of 4 px that a garment must cover to count as visible."""


@dataclass(slots=True)
class Judgement:
    """right, visible: counts by class. found: by group, how often the garment's place was predicted as it."""

    visible: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    grouped: Counter[str] = field(default_factory=Counter)
    inside: dict[str, float] = field(default_factory=dict)

    def coarse(self) -> float:
        """Share of visible garments whose group is right."""
        return sum(self.grouped.values()) / max(1, sum(self.visible.values()))

    def fine(self) -> float:
        """Share of visible garments whose class is right."""
        return sum(self.right.values()) / max(1, sum(self.visible.values()))

    def text(self) -> str:
        """Say it in two lines."""
        each = ", ".join(f"{n} {self.right[n]}/{self.grouped[n]}/{v}" for n, v in self.visible.most_common())
        iou = ", ".join(f"{name} {value:.2f}" for name, value in self.inside.items())
        return (
            f"coarse {self.coarse():.3f}, fine {self.fine():.3f} (class right/group right/visible): {each}\n"
            f"mean IoU {np.mean(list(self.inside.values())):.3f}: {iou}"
        )


def judge(
    parse: Callable[[Image], Shares],
    photographs: Iterable[Photograph],
    allowed: list[tuple[str, ...]],
    height: int | None = None,
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> Judgement:
    """Parse each person, at a height in px where given. parse: input picture -> (classes, h, w) shares.

    size: the parser's input, (height, width).
    """
    found = Judgement()
    both, either = np.zeros(len(CLASSES)), np.zeros(len(CLASSES))
    groups = list(GROUPS)
    member = np.array([[GROUP_OF.get(name) == group for name in CLASSES] for group in groups], np.float32)
    for photograph in photographs:
        picture, labels = plain(photograph, height, size)
        shares, truth = parse(picture), names_of(labels, allowed)
        predicted = shares.argmax(0)
        for number, name in enumerate(CLASSES):
            mine, theirs = (predicted == number) & (truth >= 0), truth == number
            both[number] += (mine & theirs).sum()
            either[number] += (mine | theirs).sum()
            if name not in GROUP_OF or theirs.sum() < SEEN_PX:
                continue
            mean = shares[:, theirs].mean(1)
            found.visible[name] += 1
            found.right[name] += int(mean[3:].argmax() + 3 == number and mean[number] > mean[0])
            best = groups[int((member @ mean).argmax())]
            found.grouped[name] += int(best == GROUP_OF[name] and (member @ mean).max() > mean[:3].max())
    found.inside = {n: float(b / e) for n, b, e in zip(CLASSES, both, either, strict=True) if e}
    return found
