"""Places labels: beside the person's box, inside the frame, off other people, steady over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    import numpy.typing as npt

    from probes.frame import Box, TrackId
    from probes.overlay.label import Label

    Rectangles = npt.NDArray[np.float32]
    Placed = tuple[Label, int, int]

GAP = 4
BESIDE = 10
"""So many candidates touch the person's box; the others lie further away."""
ORDER = 0.06
"""What each later candidate costs, in shares of the label's area that lie over people."""
LITTLE, ENOUGH = 0.3, 0.6
"""The share of a label over other people at which it is shortened: from the start, and once it is shown."""
STICKY = 0.5
"""How much worse, in shares of its area, the last frame's place may be until the label moves."""


class Placer:
    """Places the labels of each camera. It remembers the side of each label, so that labels do not jump."""

    def __init__(self) -> None:
        self._choices: dict[str, dict[TrackId, tuple[int, int]]] = {}

    def keep_only(self, cameras: Container[str]) -> None:
        """Forget all other cameras."""
        self._choices = {camera: sides for camera, sides in self._choices.items() if camera in cameras}

    def place(
        self,
        camera: str,
        size: tuple[int, int],
        blocks: Sequence[tuple[TrackId, Box, tuple[Label, ...]]],
        persons: Sequence[Box],
        taken: Sequence[Box] = (),
    ) -> Iterator[Placed]:
        """Yield each label with its left and top (even pixels), in the given order of priority.

        Of the labels of a block, fullest first, the first that covers no other label and little of other
        people is taken; where none can, the last one goes where it covers least, even away from its box.
        `taken` stays free.
        """
        before, now = self._choices.get(camera, {}), {}
        people, busy = _rectangles(persons), _rectangles(taken)
        for track, box, labels in blocks:
            last = before.get(track)
            own = _rectangles([box])
            for level, label in enumerate(labels):
                spots = _spots(box, label.size, size)
                if label is not labels[-1]:
                    spots = spots[:BESIDE]
                people_covered, labels_covered = _covered(spots, people), _covered(spots, busy)
                cost = people_covered + ORDER * np.arange(len(spots)) + 100 * labels_covered
                if last and last[1] < len(spots):
                    cost[last[1]] -= STICKY
                side = int(np.argmin(cost))
                others = people_covered[side] - _covered(spots[side : side + 1], own)[0]
                if labels_covered[side] == 0 and others < (ENOUGH if last and last[0] == level else LITTLE):
                    break
            now[track] = level, side
            x, y = (int(value) for value in spots[side, :2])
            busy = np.concatenate([busy, spots[side : side + 1]])
            yield label, x, y
        self._choices[camera] = now


def _rectangles(boxes: Sequence[Box]) -> Rectangles:
    return np.array([box.corners for box in boxes], np.float32).reshape(-1, 4)


def _spots(box: Box, label: tuple[int, int], size: tuple[int, int]) -> Rectangles:
    """Return candidates (N, 4) as x1 y1 x2 y2 inside the frame, the best side of the box first."""
    width, height = label
    above, below, inside = box.y - height - GAP, box.bottom + GAP, box.bottom - height - GAP
    right, left = box.right + GAP, box.x - width - GAP
    middle = (box.y + box.bottom - height) / 2
    choices = np.array(
        [
            (box.x, above),
            (box.right - width, above),
            (right, box.y),
            (left, box.y),
            (box.x, below),
            (right, middle),
            (left, middle),
            (box.x + GAP, inside),
            (right, inside),
            (left, inside),
            (box.x, above - height - GAP),
            (box.x, below + height + GAP),
            (box.x, above - 2 * (height + GAP)),
            (box.x, below + 2 * (height + GAP)),
        ],
        np.float32,
    )
    room = np.maximum(0, np.array([size[0] - width, size[1] - height]))
    corners = np.minimum(np.maximum(choices, 0), room) // 2 * 2
    return np.concatenate([corners, corners + np.array([width, height])], axis=1).astype(np.float32)


def _covered(spots: Rectangles, others: Rectangles) -> npt.NDArray[np.float32]:
    """Return (N,): the summed share of each spot, all of one size, that the others, (M, 4), cover."""
    low = np.maximum(spots[:, None, :2], others[None, :, :2])
    high = np.minimum(spots[:, None, 2:], others[None, :, 2:])
    common = np.maximum(high - low, 0)
    width, height = spots[0, 2] - spots[0, 0], spots[0, 3] - spots[0, 1]
    return np.asarray(np.einsum("ij,ij->i", common[..., 0], common[..., 1]) / (width * height), np.float32)
