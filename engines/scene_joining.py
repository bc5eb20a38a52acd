"""Joins what several views of one picture show, so that nobody is listed twice and nobody is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.close_look import CLEAR
from engines.detections import Detections
from engines.nms import overlaps, suppress

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from engines.manifest import Model
    from engines.views import Size, View

SAME, INSIDE = 0.5, 0.6
"""Two views see one person: by intersection over union; by the share of the smaller box in the other."""


class PersonJoiner:
    """Joins persons and accessories of several views.

    person: class id of a person. counted: the score from which a person is tracked, shown and priced.
    smallest_px: height of the smallest person that the network finds well, px of the input.
    """

    def __init__(self, person: int, *, counted: float, smallest_px: float) -> None:
        self._person, self._counted, self._smallest_px = person, counted, smallest_px

    def join(
        self, views: Sequence[tuple[View, Detections]], patches: Sequence[Detections], picture: Size
    ) -> tuple[Detections, Detections]:
        """Return what counts, and the persons that are only masked.

        views: each with what it shows, the whole picture first. patches: what the close look shows, nothing
        of it cut off. picture: width and height, px.
        """
        base, *details = views
        certain = self._is_counted(base[1])
        objects, doubtful = base[1].where(certain), [base[1].where(~certain)]
        if not details and not patches:
            return objects, doubtful[0]
        # The base view decides what it shows well enough: a second detection would double people.
        large = CLEAR * self._smallest_px / base[0].scale
        for view, found in details:
            entire = self._is_counted(found) & ~is_cut(found.boxes, view, picture)
            entire &= _heights(found.boxes) < large
            objects, again = self._added(objects, found.where(entire))
            doubtful += [again, found.where(~entire)]
        if patches:
            found = together(patches)
            found = found.where(_heights(found.boxes) < large)
            counted = self._is_counted(found)
            objects, _ = self._added(objects, found.where(counted))
            doubtful.append(found.where(~counted & ~is_known(found, objects)))
        others = together(doubtful)
        others = _best(others.where(others.classes == self._person), SAME)
        same = overlaps(others.boxes, objects.boxes[objects.classes == self._person])
        return objects, others.where(np.asarray((same <= SAME).all(axis=1)))

    def split(self, found: Detections) -> tuple[Detections, Detections]:
        """Return what counts, each once, and the persons that are only masked, of places seen alone."""
        best = _best(found, SAME)
        counted = self._is_counted(best)
        return best.where(counted), best.where(~counted)

    def _added(self, objects: Detections, found: Detections) -> tuple[Detections, Detections]:
        """Return the objects with what of `found` is new, and those of `found` that are known persons."""
        fresh = _best(found, SAME)
        new = ~is_known(fresh, objects)
        return together([objects, fresh.where(new)]), fresh.where(~new & (fresh.classes == self._person))

    def _is_counted(self, found: Detections) -> npt.NDArray[np.bool_]:
        """Return which detections count; only persons have a second, lower threshold."""
        return np.asarray((found.classes != self._person) | (found.scores >= self._counted))


def joined_faces(parts: Sequence[Detections], model: Model) -> Detections:
    """Return each face of all parts once, highest score first. model: the one that found them."""
    return _best(together(parts), model.nms_iou)


def together(parts: Sequence[Detections]) -> Detections:
    """Return the detections of all parts, highest score first."""
    boxes, scores, classes = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("boxes", "scores", "classes")
    )
    order = np.argsort(-scores, kind="stable")
    return Detections(boxes[order], scores[order], classes[order])


def is_cut(boxes: npt.NDArray[np.float32], view: View, picture: Size) -> npt.NDArray[np.bool_]:
    """Return which boxes end at a border of the view that is none of the picture: parts of something."""
    left, top, right, bottom = view.region
    near = 0.01 * max(right - left, bottom - top)
    cut = np.zeros(len(boxes), np.bool_)
    for axis, border, inner in (
        (0, left, left > 0),
        (1, top, top > 0),
        (2, right, right < picture[0]),
        (3, bottom, bottom < picture[1]),
    ):
        if inner:
            cut |= np.abs(boxes[:, axis] - border) <= near
    return cut


def is_known(found: Detections, known: Detections) -> npt.NDArray[np.bool_]:
    """Return which of `found` are in `known` already, whole or as a part of it or the other way round."""
    if not len(found) or not len(known):
        return np.zeros(len(found), np.bool_)
    a, b = found.boxes[:, None], known.boxes[None]
    sides = np.maximum(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0)
    smaller = np.minimum(_areas(found.boxes)[:, None], _areas(known.boxes)[None])
    share = sides[..., 0] * sides[..., 1] / np.maximum(smaller, 1e-6)
    same = (share > INSIDE) | (overlaps(found.boxes, known.boxes) > SAME)
    return np.asarray((same & (found.classes[:, None] == known.classes[None])).any(axis=1))


def _best(found: Detections, limit: float) -> Detections:
    stay = suppress(found.boxes, found.scores, found.classes, limit)
    return Detections(found.boxes[stay], found.scores[stay], found.classes[stay])


def _heights(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(boxes[:, 3] - boxes[:, 1], np.float32)


def _areas(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)
