"""What one look says of a person's clothes: regions of the crop by class, and the items made of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.garments.classes import BODY, CLASSES, GROUP_OF, GROUPS
from engines.garments.colours import name_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.letterbox import Fit

    Shares = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.bool_]
    Corners = tuple[float, float, float, float]

STRIDE = 4
"""Pixels of the network's input that one cell of its answer stands for."""
SURE, REFINED = 0.6, 0.42
"""Least mean share of a group in its region, and of a class in its group, for the finer type to be said."""
LEAD = 0.08
"""By how much a class must lead the next of its group."""
_SURE = {
    "bag": 0.55,
    "shoes": 0.5,
    "glasses": 0.65,
    "hat": 0.55,
    "belt": 0.8,
    "scarf": 0.7,
    "outerwear": 0.65,
    "dress": 0.66,
}
"""Where another share is better; chosen on the even half, by number, of the photographs kept back."""
SAME_BAG = 0.2
"""Least overlap of the parser's bag and a box, as intersection over union in cells, to be the same bag."""
BAG_SHARE = 0.01
"""Least share of a bag in all that is worn, in cells: smaller ones are folds, hands, the crop's edge."""
CUT_BAG_SHARE = 0.02
"""The same of one at the crop's lower edge: what begins there is mostly a print or somebody else's."""
EDGE_ROWS = 2
"""Rows of cells that are the crop's upper or lower edge."""
SUPPORTED = 0.15
"""Mean share of a bag in a box from which the parser agrees with who saw a bag there."""
TIE_BESIDE, TIE_ROWS = 0.45, 0.2
"""Mean share of tops that one side of what another took for a tie must have, half a width wide, beside the
upper part of it, as a share of its height: a knot lies on a shirt, the strip of one in an open coat does not.
"""
TIE_WIDEST = 0.35
"""Most of a tie's height that it is wide: a wider one is the front of a shirt."""
TOUCHED = 0.4
"""Share of a box that a garment must cover for a mark there to be on it."""
PERSON = 0.033
"""Least share of skin and hair among all that is seen of a body: flat garments and mannequins have less."""
SURE_SKIN, SURE_CELLS = 0.75, 5
"""How sure the parser must be of skin and hair, and of how many cells, for less of it to be enough. Five flat
garments and mannequins in twelve lights and sizes have 3 cells at most.
"""

_CELLS = {"glasses": 3, "belt": 5, "shoes": 6, "hat": 10, "bag": 12, "scarf": 12}
_FEWEST = 24
_UNTOLD = {"top": "top", "outerwear": "outerwear", "trousers": "trousers", "shoes": "shoes"}
_LAYERS = {"top": ("outerwear", "dress", "top"), "trousers": ("skirt", "shorts", "trousers")}
"""Groups of one slot of the product, outermost first; every other group is a slot of its own."""
_SLOT_OF = {name: slot for slot, layers in _LAYERS.items() for name in layers}
_COVER = 0.2
"""An outer layer is what is worn where it covers at least this much of all layers."""
_LEADING_COVER, _LEADING_SURE = 0.7, 0.5
"""A layer that covers this share of all layers is named from a lower confidence on. Never a dress: skirts are
taken for one."""
_TOP_SURE = 0.65
_TOP_SHARE = (0.2, 0.7)
"""How sure a top must be, and its least size beside top and dress, its most beside the dress, for what the
parser calls a dress below it to be a skirt."""
_BESIDE = 0.3
"""Most of the dress that may lie no lower than most of the top, which is this percentile of its rows:"""
_MOST_ROWS = 75
_OF_DRESS = 0.5
"""Least size of a dress beside skirt, shorts or trousers, as a share of these."""
_REST = 0.1
"""Share of the dress and of what is below it from which the latter is more than a hem."""


@dataclass(frozen=True, slots=True)
class Garment:
    """One thing seen. type: a product type, the coarse one where the finer is not sure. box: px of the crop.

    confidence: from 0 to 1, that the type is right. colour: in a word, None where it has no clear one.
    """

    type: str
    confidence: float
    box: Corners
    colour: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ClothRegion:
    """Where one garment or bag may be. box: px of the crop; mask: (h, w) of that box, True on it."""

    type: str
    box: Corners
    mask: Mask


@dataclass(frozen=True, slots=True)
class _Region:
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
        self._rows = (top + EDGE_ROWS, bottom - EDGE_ROWS)
        self._colours = pixels[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        names = tuple(GROUPS)
        self._members = [[CLASSES.index(one) for one in GROUPS[name]] for name in names]
        self._grouped = np.stack([shares[rows].sum(0) for rows in self._members])
        bare = shares[[CLASSES.index("background"), *(CLASSES.index(one) for one in BODY)]]
        types = np.concatenate([self._grouped, bare]).argmax(0)
        self._cell_types = np.where(inside, types, len(names))
        self._names = names
        self._part_dress()

    @property
    def is_person(self) -> bool:
        """Whether skin or hair is seen, or somebody is dressed from top to shoes, as with a hood and gloves.

        A garment on a hanger or a figure shows neither.
        """
        count = len(self._names)
        body = self._cell_types > count
        bare, worn = int(body.sum()), int((self._cell_types < count).sum())
        if bare >= max(2, PERSON * (bare + worn)):
            return True
        sure = self._shares[[CLASSES.index(one) for one in BODY]].sum(0) >= SURE_SKIN
        return int((body & sure).sum()) >= SURE_CELLS or all(
            self._region(groups) for groups in (*_LAYERS.values(), ("shoes",))
        )

    @cached_property
    def garments(self) -> tuple[Garment, ...]:
        """The things seen, at most one of each slot, surest first."""
        layered = {name for layers in _LAYERS.values() for name in layers}
        found = [self._slot(slot, layers) for slot, layers in _LAYERS.items()]
        for name in self._names:
            region = self._region((name,)) if name not in layered else None
            found.append(self._garment(name, region) if region else None)
        visible = [garment for garment in found if garment is not None]
        return tuple(sorted(visible, key=lambda garment: -garment.confidence))

    def cloth(self) -> list[ClothRegion]:
        """Return where each garment and bag is, sure or not, at most one of a group, in px of the crop."""
        found = []
        fit = self._fit
        for name in self._names:
            cells = self._cells_of(name)
            if name == "bag":
                cells = _largest(cells)
            if cells.sum() < _FEWEST:
                continue
            input_px: npt.NDArray[np.uint8] = np.repeat(
                np.repeat(cells.astype(np.uint8), STRIDE, axis=0), STRIDE, axis=1
            )
            inner = input_px[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width]
            mask = cv2.resize(inner, fit.picture, interpolation=cv2.INTER_NEAREST).astype(np.bool_)
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            if not len(rows):
                continue
            top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
            box = (float(left), float(top), float(right), float(bottom))
            found.append(
                ClothRegion(self._type_in(_SLOT_OF.get(name, name)), box, mask[top:bottom, left:right])
            )
        return found

    def _part_dress(self) -> None:
        """Make a skirt of a dress that begins below a top: hardly anybody wears a short top over one.

        Where an open coat or jacket lies over both, the parser is not overruled.
        """
        dress, skirt = self._names.index("dress"), self._names.index("skirt")
        below, above = self._cells_of("dress"), self._cells_of("top")
        size, tops = int(below.sum()), int(above.sum())
        outer, lower = int(self._cells_of("outerwear").sum()), int(self._cells_of(*_LAYERS["trousers"]).sum())
        min_share, max_share = _TOP_SHARE
        if min(size, tops) < _FEWEST or size < lower or outer >= _COVER * (size + tops + outer):
            return
        if not min_share * (size + tops) <= tops < max_share * size:
            return
        waist = int(np.percentile(np.repeat(np.arange(len(above)), above.sum(1)), _MOST_ROWS))
        sure = float(self._grouped[self._names.index("top")][above].mean())
        if sure < _TOP_SURE or below[: waist + 1].sum() >= _BESIDE * size:
            return
        self._cell_types[below] = skirt
        self._grouped[skirt][below] += self._grouped[dress][below]
        self._grouped[dress][below] = 0

    def _cells_of(self, *groups: str) -> Mask:
        return np.isin(self._cell_types, [self._names.index(name) for name in groups])

    def _fits(self, name: str, region: _Region) -> bool:
        """Return whether a layer is large enough beside the others: no top with a dress is larger."""
        size = int(region.mask.sum())
        if name != "dress":
            return True
        lower = int(self._cells_of(*_LAYERS["trousers"]).sum())
        return size >= int(self._cells_of("top").sum()) and size >= _OF_DRESS * lower

    def _slot(self, slot: str, layers: tuple[str, ...]) -> Garment | None:
        """Return what is worn in a slot: its outer layer, or the slot's own name where that is not told."""
        whole = self._region(layers)
        if whole is None:
            return None
        size = int(whole.mask.sum())
        if "dress" not in layers and size < _REST * (size + int(self._cells_of("dress").sum())):
            return None
        for name in layers:
            region = self._region((name,))
            if region is not None and region.mask.sum() >= _COVER * size:
                garment = self._garment(name, region) if self._fits(name, region) else None
                if garment is not None:
                    return garment
                break
        if whole.sure < SURE:
            return None
        return self._leading(layers, size) or Garment(
            slot, whole.sure, self._box(whole.mask), name_of(self._colours[whole.mask])
        )

    def _leading(self, layers: tuple[str, ...], size: int) -> Garment | None:
        """Return the layer that covers most of all layers, where no layer is sure enough by itself.

        The parser then wavers between coat and shirt on the rest of it, and hardly where it is decided.
        """
        for name in layers:
            region = self._region((name,)) if name != "dress" else None
            if region is not None and region.mask.sum() >= _LEADING_COVER * size:
                return self._garment(name, region, _LEADING_SURE)
        return None

    def supports_bag(self, box: Corners) -> bool:
        """Return whether a bag may be what lies at a box, px of the crop, though it is not sure alone."""
        place = self._grouped[self._names.index("bag")][self._cells(box)]
        return bool(place.size) and float(place.mean()) >= SUPPORTED

    def supports_tie(self, box: Corners) -> bool:
        """Return whether what lies at a box, px of the crop, may be a tie: narrow, beside a shirt."""
        x1, y1, x2, y2 = box
        wide, tall = x2 - x1, y2 - y1
        if wide > TIE_WIDEST * tall:
            return False
        knot = y1 + TIE_ROWS * tall
        sides = ((x1 - wide / 2, y1, x1, knot), (x2, y1, x2 + wide / 2, knot))
        tops = self._grouped[self._names.index("top")]
        return max(float(tops[self._cells(side)].mean()) for side in sides) >= TIE_BESIDE

    def is_bag_in(self, box: Corners) -> bool:
        """Return whether the bag seen lies about where a box is, px of the crop."""
        region = self._region(("bag",))
        if region is None:
            return False
        there = np.zeros_like(region.mask)
        there[self._cells(box)] = True
        return bool((there & region.mask).sum() >= SAME_BAG * (there | region.mask).sum())

    def at(self, box: Corners) -> str | None:
        """Return the type of what lies at a box, px of the crop; None where nothing clearly does."""
        place = self._cell_types[self._cells(box)]
        if not place.size:
            return None
        counts = np.bincount(place.ravel(), minlength=len(self._names) + 4)[: len(self._names)]
        shares: dict[str, int] = {}
        for name, count in zip(self._names, counts.tolist(), strict=True):
            slot = _SLOT_OF.get(name, name)
            shares[slot] = shares.get(slot, 0) + count
        slot = max(shares, key=lambda one: shares[one])
        if shares[slot] < TOUCHED * place.size:
            return None
        return self._type_in(slot)

    def _type_in(self, slot: str) -> str:
        return next((one.type for one in self.garments if _slot_of_type(one.type) == slot), slot)

    def _cells(self, box: Corners) -> tuple[slice, slice]:
        x1, y1, x2, y2 = self._fit.to_input(np.array([box], np.float32))[0] / STRIDE
        tall, wide = self._cell_types.shape
        left, top = min(max(int(x1), 0), wide - 1), min(max(int(y1), 0), tall - 1)
        right, bottom = max(left + 1, int(np.ceil(x2))), max(top + 1, int(np.ceil(y2)))
        return slice(top, min(bottom, tall)), slice(left, min(right, wide))

    def _region(self, groups: tuple[str, ...]) -> _Region | None:
        """Return where groups are, and how sure that is; None where they cover too little."""
        numbers = [self._names.index(name) for name in groups]
        mask = self._cells_of(*groups)
        fewest = _CELLS.get(groups[0], _FEWEST)
        if groups == ("bag",):
            mask = _largest(mask)
            fewest = max(fewest, self._smallest_bag(mask))
        if mask.sum() < fewest:
            return None
        return _Region(mask, float(self._grouped[numbers][:, mask].sum(0).mean()))

    def _smallest_bag(self, mask: Mask) -> int:
        """Return how many cells a mask must have to be a bag; at the upper edge more than there are.

        Bags hang: what reaches the crop's upper edge is an arm that is raised, or hair.
        """
        rows = np.flatnonzero(mask.any(1))
        if not len(rows) or rows[0] < self._rows[0]:
            return int(mask.size) + 1
        share = CUT_BAG_SHARE if rows[-1] >= self._rows[1] else BAG_SHARE
        return int(np.ceil(share * (self._cell_types < len(self._names)).sum()))

    def _garment(self, group: str, region: _Region, least: float | None = None) -> Garment | None:
        """Return a group's thing, by its finer type where that is sure; None where the group is not.

        least: share from which the group is; None: its own.
        """
        if region.sure < (_SURE.get(group, SURE) if least is None else least):
            return None
        members = GROUPS[group]
        mean = self._shares[[CLASSES.index(one) for one in members]][:, region.mask].mean(1)
        best = int(mean.argmax())
        whole = np.maximum(mean.sum(), 1e-6)
        share = float(mean[best] / whole)
        others = float(np.delete(mean, best).max(initial=0.0) / whole)
        finer = share >= REFINED and share - others >= LEAD
        type_ = members[best] if finer else _UNTOLD[group]
        confidence = region.sure * share if finer and len(members) > 1 else region.sure
        return Garment(
            type_, min(1.0, confidence), self._box(region.mask), name_of(self._colours[region.mask])
        )

    def _box(self, mask: Mask) -> Corners:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        corners = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32) * STRIDE
        limit = np.array(self._fit.picture * 2, np.float32)
        x1, y1, x2, y2 = np.clip(self._fit.to_picture(corners)[0], 0, limit).tolist()
        return x1, y1, x2, y2


def _slot_of_type(type_: str) -> str:
    group = GROUP_OF.get(type_, type_)
    return _SLOT_OF.get(group, group)


def _largest(mask: Mask) -> Mask:
    """Return the largest connected part."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask
    found: Mask = parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return found
