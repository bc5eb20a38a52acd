"""What one look says of a person's clothes: regions of the crop by class, and the items made of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.garments.classes import BODY, CLASSES, GROUPS
from engines.garments.colours import name_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.letterbox import Fit

    Shares = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.bool_]
    Corners = tuple[float, float, float, float]

STRIDE = 4
"""Pixels of the network's input that one cell of its answer stands for."""
SURE, TOLD = 0.6, 0.6
"""Least mean share of a group in its region, and of a class in its group, for the finer type to be said."""
TOUCHED = 0.4
"""Share of a box that a garment must cover for a mark there to be on it."""
PERSON = 0.012
"""Least share of skin and hair among all that is seen of a body: flat garments and mannequins have less."""

_CELLS = {"glasses": 3, "belt": 5, "shoes": 6, "hat": 10, "bag": 12, "scarf": 12}
_FEWEST = 24
_UNTOLD = {"top": "top", "outerwear": "outerwear", "trousers": "trousers", "shoes": "shoes"}
_ONE_EACH = (("outerwear", "dress", "top"), ("trousers", "skirt", "shorts"))
_COVER = 0.2
"""An outer layer is what is worn where it covers at least this much of all layers."""


@dataclass(frozen=True, slots=True)
class Garment:
    """One thing seen. type: a product type, the coarse one where the finer is not sure. box: px of the crop.

    confidence: from 0 to 1, that the type is right. colour: in a word, None where it has no clear one.
    """

    type: str
    confidence: float
    box: Corners
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class _Region:
    group: str
    mask: Mask
    sure: float


class Outfit:
    """The parse of one crop. shares: (classes, h, w) float32, each cell's sum is 1; pixels: the RGB input.

    fit: where the crop lies in the input. Immutable.
    """

    def __init__(self, shares: Shares, pixels: npt.NDArray[np.uint8], fit: Fit) -> None:
        top, left = fit.top // STRIDE, fit.left // STRIDE
        bottom = -(-(fit.top + fit.height) // STRIDE)
        right = -(-(fit.left + fit.width) // STRIDE)
        inside = np.zeros(shares.shape[1:], np.bool_)
        inside[top:bottom, left:right] = True
        self._shares, self._fit = shares, fit
        self._colours = pixels[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        names = tuple(GROUPS)
        self._members = [[CLASSES.index(one) for one in GROUPS[name]] for name in names]
        self._grouped = np.stack([shares[rows].sum(0) for rows in self._members])
        bare = shares[[CLASSES.index("background"), *(CLASSES.index(one) for one in BODY)]]
        told = np.concatenate([self._grouped, bare]).argmax(0)
        self._told = np.where(inside, told, len(names))
        self._names = names

    @property
    def is_person(self) -> bool:
        """Whether skin or hair is seen: a garment on a hanger or a figure has none."""
        count = len(self._names)
        bare = int((self._told > count).sum())
        worn = int((self._told < count).sum())
        return bare >= max(2, PERSON * (bare + worn))

    @cached_property
    def garments(self) -> tuple[Garment, ...]:
        """The things seen, at most one of each slot, surest first."""
        regions = {name: region for name in self._names if (region := self._region(name))}
        for layers in _ONE_EACH:
            _keep_outer([regions[name] for name in layers if name in regions], regions)
        found = [self._garment(region) for region in regions.values()]
        kept = [garment for garment in found if garment is not None]
        return tuple(sorted(kept, key=lambda garment: -garment.confidence))

    def at(self, box: Corners) -> str | None:
        """Return the type of what lies at a box, px of the crop; None where nothing clearly does."""
        cells = self._cells(box)
        place = self._told[cells]
        if not place.size:
            return None
        counts = np.bincount(place.ravel(), minlength=len(self._names) + 3)[: len(self._names)]
        best = int(counts.argmax())
        if counts[best] < TOUCHED * place.size:
            return None
        region = self._region(self._names[best])
        garment = self._garment(region) if region else None
        return garment.type if garment else None

    def _cells(self, box: Corners) -> tuple[slice, slice]:
        x1, y1, x2, y2 = self._fit.to_input(np.array([box], np.float32))[0] / STRIDE
        tall, wide = self._told.shape
        left, top = min(max(int(x1), 0), wide - 1), min(max(int(y1), 0), tall - 1)
        right, bottom = max(left + 1, int(np.ceil(x2))), max(top + 1, int(np.ceil(y2)))
        return slice(top, min(bottom, tall)), slice(left, min(right, wide))

    def _region(self, group: str) -> _Region | None:
        number = self._names.index(group)
        mask = self._told == number
        if group == "bag":
            mask = _largest(mask)
        if mask.sum() < _CELLS.get(group, _FEWEST):
            return None
        return _Region(group, mask, float(self._grouped[number][mask].mean()))

    def _garment(self, region: _Region) -> Garment | None:
        if region.sure < SURE:
            return None
        members = GROUPS[region.group]
        mean = self._shares[[CLASSES.index(one) for one in members]][:, region.mask].mean(1)
        best = int(mean.argmax())
        share = float(mean[best] / max(mean.sum(), 1e-6))
        finer = share >= TOLD
        type_ = members[best] if finer else _UNTOLD[region.group]
        confidence = region.sure * share if finer and len(members) > 1 else region.sure
        colour = name_of(self._colours[region.mask])
        return Garment(type_, min(1.0, confidence), self._box(region.mask), colour)

    def _box(self, mask: Mask) -> Corners:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        corners = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32) * STRIDE
        limit = np.array(self._fit.picture * 2, np.float32)
        x1, y1, x2, y2 = np.clip(self._fit.to_picture(corners)[0], 0, limit).tolist()
        return x1, y1, x2, y2


def _keep_outer(layers: list[_Region], regions: dict[str, _Region]) -> None:
    """Of layers in one slot, outermost first, leave the first that covers enough of them all."""
    total = sum(int(region.mask.sum()) for region in layers)
    outer = next((region for region in layers if region.mask.sum() >= _COVER * total), None)
    for region in layers:
        if region is not outer:
            del regions[region.group]


def _largest(mask: Mask) -> Mask:
    """Return the largest connected part."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask
    found: Mask = parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return found
