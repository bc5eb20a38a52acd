"""What is looked at closely in one camera's pictures: small parts of them, chosen anew for each.

A picture is seen whole in cheap inputs. Small people give only a faint answer there, but enough to tell
where to look again at full scale: at persons that are small, and at their heads. Beside these, what changed
and no person accounts for is looked at, and every tile of the picture at times. Where the last picture was
long ago, all that changed is looked at. At the start, after a pause, after a look that failed, and when all
of the picture changes, all of it is.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from engines.median import median_change
from engines.patches import LARGEST_PATCH, Patch, patch_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.image import Plane
    from engines.views import Region

    Boxes = npt.NDArray[np.float32]

FAINT = 0.1
"""Least score of a person in the whole view at which its place is looked at closely."""
ACCOUNTED = 0.25
"""From this score on a large person accounts for the motion in its box."""
CERTAIN = 0.4
"""From this score on the whole view has found a person, however small."""
CLEAR = 1.5
"""Things of so many times the smallest height that a network finds are clear to it."""
FACE_SHARE = 0.1
"""Height of a face, as a share of its person."""
SEEN_WELL_PX = 24
"""Faces need not be drawn higher than this, px of the input."""
CELL = 16
"""Side of a cell, px. A cell is compared by its mean, which sensor noise hardly moves."""
CHANGE = 5
"""Change of a cell's mean since its last close look, of 255, that counts as motion."""
STIR = 3
"""Change that is enough where a person is suspected."""
CELLS_OF_MOTION = 2
"""So many changed cells make a tile worth a look."""
TILE_PX = 192
"""Side of a tile, px of the face network's input."""
FACE_ROOM_PX = 24
"""How far around a tile or a moving thing faces are looked for, px of the picture."""
MAX_TILES = 2
"""Most tiles or moving things looked at in one picture beside persons: cost is bounded."""
STALE_NS = 4_000_000_000
"""A tile in which nothing happened is looked at again after this."""
HOLD_NS = 1_000_000_000
"""How long after it was last found the place of a face or small person is looked at."""
AGAIN_NS = 50_000_000
"""How often a person is looked at again at most."""
SUSPECT_NS = 300_000_000
"""How often a suspected person is looked at again though nothing changes there."""
MAX_AREA = 800_000
"""Most px of the heads looked at again in one picture; new ones are looked at beyond it."""
FOREVER_NS = 3_600_000_000_000
LATE_NS = HOLD_NS
"""After a longer gap in time all that changed is looked at, and nobody is forgotten for the gap alone.

To look at all of the picture would make a machine with too many cameras later still with each.
"""
LATE_CHANCES = 4
"""So many late pictures in which somebody is not found again are as long as HOLD_NS: detectors miss one."""
PAUSE_NS = 30_000_000_000
"""A gap in time after which nothing earlier counts."""
NEARLY_ALL = 0.6
"""Share of the cells that must change at once for the whole picture to be looked at."""
WHOLE_AT_MOST_NS = 1_000_000_000
SMALLEST_PATCH_PX = 4
CONTAINED = 0.7
"""A patch of which this share lies in another, drawn as large, may become part of it."""


class Scales(NamedTuple):
    """How large a network is shown things: in the whole view, and closely; input px for one of the picture.

    smallest_px: height of the smallest thing that the network finds well, px of the input.
    """

    whole: float
    close: float
    smallest_px: float

    @property
    def clear_px(self) -> float:
        """Height from which on the whole view shows a thing clearly, px of the picture."""
        return CLEAR * self.smallest_px / self.whole


class CloseLook:
    """Follows one camera and chooses. Used by one thread; the pictures come in the order of their time."""

    def __init__(self) -> None:
        self.everything = True
        """Whether all of the last picture is to be looked at closely."""
        self.has_failed = False
        """Whether a look failed and none at all of a picture has followed: somebody may have come unseen."""
        self._size = (0, 0)
        self._now = 0
        self._is_late = False
        """Whether the last picture came long after the one before."""
        self._means = self._looked = np.zeros((0, 0), np.float32)
        self._seen_at = np.zeros((0, 0), np.int64)
        self._last: int | None = None
        self._whole_at = 0
        self._tiles: list[Region] = []
        self._tile_side = 0.0
        self._tile_at: list[int] = []
        self._persons = self._faces = np.zeros((0, 4), np.float32)
        self._persons_at = self._faces_at = np.zeros(0, np.int64)

    def update(self, luma: Plane, now_ns: int) -> None:
        """Take a picture's luma, (height, width), and its time, UTC ns."""
        height, width = luma.shape
        shape = ceil(height / CELL), ceil(width / CELL)
        means = cv2.resize(luma, shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
        last, self._last, self._now = self._last, now_ns, now_ns
        self._is_late = last is not None and now_ns - last > LATE_NS
        if self._is_late and last is not None:
            late_ns = now_ns - last - HOLD_NS // LATE_CHANCES
            self._persons_at, self._faces_at = self._persons_at + late_ns, self._faces_at + late_ns
        goes_on = last is not None and self._size == (width, height) and 0 <= now_ns - last <= PAUSE_NS
        if not goes_on or self.has_failed:
            self._size, self.everything = (width, height), True
            self._persons = self._faces = np.zeros((0, 4), np.float32)
            self._persons_at = self._faces_at = np.zeros(0, np.int64)
            self._tiles = []
        else:
            change = means - self._means
            # The exposure of a camera goes up and down by itself: what all cells do is no motion.
            light = np.float32(median_change(change))
            self._looked += light
            nearly_all = float(np.mean(np.abs(change - light) >= CHANGE)) > NEARLY_ALL
            self.everything = nearly_all and now_ns - self._whole_at >= WHOLE_AT_MOST_NS
        self._means = means
        if self.everything:
            self._seen_at = np.full(shape, -FOREVER_NS, np.int64)
            self._looked, self._whole_at = means.copy(), now_ns
            self._tile_at = [now_ns] * len(self._tiles)

    def choose(
        self,
        persons: Boxes,
        scores: npt.NDArray[np.float32],
        *,
        person: Scales | None,
        face: Scales | None,
        smallest_px: float,
    ) -> tuple[list[Patch], list[Patch]]:
        """Return what of the last picture the persons' and the faces' network are to see closely.

        persons, scores: what the whole view shows from FAINT on; boxes (N, 4) x1 y1 x2 y2, px. person, face:
        None where the whole view is enough. smallest_px: height of the smallest person to find.
        """
        self._forget()
        all_persons = np.concatenate([persons, self._persons])
        given = np.concatenate([scores, np.zeros(len(self._persons), np.float32)])
        sure = given >= ACCOUNTED
        sure[len(persons) :] = True
        heads = self._clipped(_heads(all_persons))
        heights = all_persons[:, 3] - all_persons[:, 1]
        # Who is wider than high is cut off, by the picture or a counter, and nearer than the height tells.
        face_px = FACE_SHARE * np.maximum(heights, 1.3 * (all_persons[:, 2] - all_persons[:, 0]))
        unclear = face_px < (face.clear_px if face else 0)
        fine = np.minimum(face.close if face else 1.0, SEEN_WELL_PX / np.maximum(face_px, 1))
        due = self._due(all_persons, heads, sure, unclear * _areas(heads) * fine**2)
        small = heights < (person.clear_px if person else 0)
        looks = self._clipped(_around(all_persons[small & due & (given < CERTAIN)]))
        self._account_for(np.concatenate([looks, self._clipped(_grown(all_persons[sure], 0.2, CELL))]))
        person_patches = _patches(looks, np.full(len(looks), person.close if person else 1.0))
        lone = self._faces[~_is_inside(self._faces, heads[sure & unclear])]
        lone = lone[lone[:, 3] - lone[:, 1] < (face.clear_px if face else 0)]
        zones = np.concatenate([heads[unclear & due], self._clipped(_grown(lone, 1.0, CELL))])
        scales = np.concatenate([fine[unclear & due], np.full(len(lone), face.close if face else 1.0)])
        face_patches = _patches(zones, scales)
        finest = face or person
        for tile in self._due_tiles(finest.close) if finest else []:
            if person:
                person_patches.append(patch_of(self._reaching(tile, smallest_px), person.close))
            if face:
                face_patches.append(patch_of(self._reaching(tile, FACE_ROOM_PX), face.close))
        return person_patches, face_patches

    def add(self, persons: Boxes, faces: Boxes) -> None:
        """Take what the close look, and for faces any look, has found: it is looked at again."""
        self._persons, self._persons_at = _renewed(self._persons, self._persons_at, persons, self._now)
        self._faces, self._faces_at = _renewed(self._faces, self._faces_at, faces, self._now)

    def _forget(self) -> None:
        stay = self._now - self._persons_at <= HOLD_NS
        self._persons, self._persons_at = self._persons[stay], self._persons_at[stay]
        stay = self._now - self._faces_at <= HOLD_NS
        self._faces, self._faces_at = self._faces[stay], self._faces_at[stay]

    def _due(
        self,
        boxes: Boxes,
        heads: Boxes,
        sure: npt.NDArray[np.bool_],
        costs: npt.NDArray[np.floating],
    ) -> npt.NDArray[np.bool_]:
        """Return which persons are to be looked at in this picture, longest unseen first, and note that.

        heads: with room around; costs: px of input. Whoever is new is looked at. Who is sure is looked at in
        every picture, as far as MAX_AREA goes; who is not, when anything changed there.
        """
        if not len(boxes):
            return np.zeros(0, np.bool_)
        cells = self._cells_of(self._clipped(boxes))
        middles = (cells[:, 1] + cells[:, 3]) // 2, (cells[:, 0] + cells[:, 2]) // 2
        age = self._now - self._seen_at[middles]
        changed = np.pad(np.abs(self._means - self._looked) >= STIR, ((1, 0), (1, 0)))
        sums = changed.cumsum(axis=0).cumsum(axis=1)
        x1, y1, x2, y2 = self._cells_of(heads).T
        moved = sums[y2, x2] - sums[y1, x2] - sums[y2, x1] + sums[y1, x1] > 0
        wanted = (age >= np.where(sure, AGAIN_NS, SUSPECT_NS)) | (~sure & moved)
        order = np.argsort(-age, kind="stable")
        order = order[wanted[order]]
        enough = (np.cumsum(costs[order]) > MAX_AREA) & (age[order] < HOLD_NS)
        due = np.zeros(len(boxes), np.bool_)
        due[order[~enough]] = True
        for left, top, right, bottom in cells[due].tolist():
            self._seen_at[top:bottom, left:right] = self._now
        return due

    def _cells_of(self, boxes: Boxes) -> npt.NDArray[np.intp]:
        """Return the cells that boxes touch, (N, 4): first column and row, last column and row excluded."""
        rows, columns = self._means.shape
        max_cell = np.array([columns, rows] * 2)
        cells = np.concatenate([np.floor(boxes[:, :2] / CELL), np.ceil(boxes[:, 2:] / CELL)], axis=1)
        return np.asarray(np.clip(cells, 0, max_cell).astype(np.intp))

    def _account_for(self, boxes: Boxes) -> None:
        """Take what changed in the boxes as seen."""
        for x1, y1, x2, y2 in self._cells_of(boxes).tolist():
            self._looked[y1:y2, x1:x2] = self._means[y1:y2, x1:x2]

    def _due_tiles(self, scale: float) -> list[Region]:
        """Return the tiles to look at: those with motion, longest unseen first; else a stale one."""
        if not self._tiles or self._tile_side != TILE_PX / scale:
            self._tile_side = TILE_PX / scale
            self._tiles = list(_grid(self._size, self._tile_side))
            self._tile_at = [self._whole_at] * len(self._tiles)
        changed = np.abs(self._means - self._looked) >= CHANGE
        near = cv2.dilate(changed.astype(np.uint8), np.ones((3, 3), np.uint8))
        _, blobs, boxes, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
        order = sorted(range(len(self._tiles)), key=self._tile_at.__getitem__)
        regions: list[Region] = []
        for number in order:
            cells = _cells(self._tiles[number])
            moving = blobs[cells][changed[cells]]
            if len(moving) >= CELLS_OF_MOTION and (self._is_late or len(regions) < MAX_TILES):
                box = boxes[int(np.bincount(moving.astype(np.intp)).argmax())]
                regions.append(self._look_at(number, box, changed))
        if not regions and self._now - self._tile_at[order[0]] >= STALE_NS:
            regions.append(self._look_at(order[0], None, changed))
        return regions

    def _look_at(
        self, number: int, box: npt.NDArray[np.int32] | None, changed: npt.NDArray[np.bool_]
    ) -> Region:
        """Take a tile as looked at; return its region, or that of a moving thing that is partly in it.

        box: left, top, width, height of the thing in cells; it is cut where it reaches far out of it.
        """
        self._tile_at[number] = self._now
        left, top, right, bottom = self._tiles[number]
        if box is not None:
            reach = int(self._tile_side) // 3
            x, y, width, height = (int(side) * CELL for side in box[:4])
            left, right = max(x, left - reach, 0), min(x + width, right + reach, self._size[0])
            top, bottom = max(y, top - reach, 0), min(y + height, bottom + reach, self._size[1])
        cells = _cells((left, top, right, bottom))
        self._looked[cells] = self._means[cells]
        changed[cells] = False
        return left, top, right, bottom

    def _reaching(self, tile: Region, room: float) -> Region:
        box = np.array([tile], np.float32) + np.array([-room, -room, room, room], np.float32)
        left, top, right, bottom = self._clipped(box)[0].astype(int).tolist()
        return left, top, right, bottom

    def _clipped(self, boxes: Boxes) -> Boxes:
        """Return the boxes within the picture, in whole px, left and top even."""
        width, height = self._size
        low = np.maximum(np.floor(boxes[:, :2] / 2) * 2, 0)
        high = np.minimum(np.ceil(boxes[:, 2:]), [width, height])
        return np.concatenate([low, high], axis=1).astype(np.float32)


def _renewed(
    old: Boxes, times: npt.NDArray[np.int64], found: Boxes, now: int
) -> tuple[Boxes, npt.NDArray[np.int64]]:
    """Return the places with the found ones added; an old one near a found one gives way to it."""
    stay = ~_is_inside(old, _grown(found, 1.0, 0))
    old, times = old[stay], times[stay]
    return np.concatenate([old, found]), np.concatenate([times, np.full(len(found), now, np.int64)])


def _is_inside(boxes: Boxes, others: Boxes) -> npt.NDArray[np.bool_]:
    """Return which boxes have their middle in any of the others."""
    middles = ((boxes[:, :2] + boxes[:, 2:]) / 2)[:, None]
    inside = (middles >= others[None, :, :2]) & (middles <= others[None, :, 2:])
    return np.asarray(np.asarray(inside.all(axis=2)).any(axis=1))


def _around(persons: Boxes) -> Boxes:
    """Return the surroundings in which a person is seen as a whole, though the box may be only a part."""
    width, height = persons[:, 2] - persons[:, 0], persons[:, 3] - persons[:, 1]
    x, y = np.maximum(0.5 * width, 0.15 * height), 0.2 * height
    return np.asarray(persons + np.stack([-x, -y, x, y], axis=1), np.float32)


def _heads(persons: Boxes) -> Boxes:
    """Return where the heads of persons are, with room around."""
    width, height = persons[:, 2] - persons[:, 0], persons[:, 3] - persons[:, 1]
    high = np.minimum(np.maximum(0.6 * width, 0.15 * height), height)
    x = np.maximum(0.3 * width, CELL)
    top, bottom = np.maximum(0.45 * high, CELL), np.maximum(1.3 * high, CELL)
    return np.stack(
        [persons[:, 0] - x, persons[:, 1] - top, persons[:, 2] + x, persons[:, 1] + bottom], axis=1
    )


def _areas(boxes: Boxes) -> Boxes:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def _grown(boxes: Boxes, share: float, least: float) -> Boxes:
    room = np.maximum(share * (boxes[:, 3] - boxes[:, 1]), least)[:, None]
    return np.asarray(boxes + np.concatenate([-room, -room, room, room], axis=1), np.float32)


def _patches(boxes: Boxes, scales: npt.NDArray[np.floating]) -> list[Patch]:
    """Return the boxes as patches, the largest first; what lies mostly in another joins it.

    It does where that is cheaper, and is never left out: a face may lie in the part that sticks out, or be
    cut by the other's border.
    """
    large = ((boxes[:, 2:] - boxes[:, :2]) >= SMALLEST_PATCH_PX).all(axis=1)
    boxes, scales = boxes[large], np.asarray(scales)[large]
    drawn = _areas(boxes) * scales**2
    order = np.argsort(-drawn, kind="stable")
    boxes, scales, drawn = boxes[order], scales[order], drawn[order]
    sides = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(
        boxes[:, None, :2], boxes[None, :, :2]
    )
    common = np.maximum(sides, 0).prod(axis=2)
    # [one, other]: one lies in an other that comes before it and is drawn no smaller.
    within = common >= CONTAINED * _areas(boxes)[:, None]
    within = np.tril(within & (scales[None, :] >= 0.9 * scales[:, None]), -1)
    stays = np.ones(len(boxes), np.bool_)
    for number in np.flatnonzero(within.any(axis=1)):
        others = np.flatnonzero(within[number] & stays)
        low = np.minimum(boxes[others, :2], boxes[number, :2])
        high = np.maximum(boxes[others, 2:], boxes[number, 2:])
        wide, tall = ((high - low) * scales[others, None]).T
        more = wide * tall - drawn[others]
        more[(wide > LARGEST_PATCH[0]) | (tall > LARGEST_PATCH[1])] = np.inf
        if len(others) and more.min() <= drawn[number]:
            at = int(more.argmin())
            boxes[others[at]] = np.concatenate([low[at], high[at]])
            drawn[others[at]] += more[at]
            stays[number] = False
    regions = boxes[stays].astype(int).tolist()
    return [
        patch_of((left, top, right, bottom), float(scale))
        for (left, top, right, bottom), scale in zip(regions, scales[stays], strict=True)
    ]


def _grid(size: tuple[int, int], side: float) -> list[Region]:
    """Return tiles of about `side` px that cover a picture; their borders are those of cells."""
    columns, rows = (
        [round(length * at / count / CELL) * CELL for at in range(count)] + [length]
        for length, count in ((length, max(1, round(length / side))) for length in size)
    )
    return [(x1, y1, x2, y2) for y1, y2 in pairwise(rows) for x1, x2 in pairwise(columns)]


def _cells(tile: Region) -> tuple[slice, slice]:
    left, top, right, bottom = tile
    return slice(top // CELL, ceil(bottom / CELL)), slice(left // CELL, ceil(right / CELL))
