"""When the waiting frames of a film are looked at for people who lie: a look costs as much as three frames.

No frame leaves without a look at it or at a later one, but where nothing has changed since the last look but
what stood and stands there upright.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engines.explained_motion import SeenPicture, cell_means, is_explained
from engines.tracking import SURE
from pipelines.cpu.turned import SELDOM_NS
from pipelines.cpu.turned_evidence import TALL
from probes.frame import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from engines.image import I420
    from pipelines.cpu.turned import TurnedWatch
    from probes.frame import Frame


class Upright(NamedTuple):
    """What is kept of a frame: its cells, and the boxes of who surely stands in it, (N, 4) x1 y1 x2 y2."""

    at: int
    means: npt.NDArray[np.float32]
    standing: npt.NDArray[np.float32]


def upright_in(frame: Frame, pixels: I420) -> Upright:
    """Return what is kept of a frame, before anything is covered in it."""
    boxes = [seen.box for seen in frame.of(Kind.PERSON) if seen.confidence >= SURE]
    standing = [box.corners for box in boxes if box.h >= TALL * box.w]
    return Upright(frame.captured_at, cell_means(pixels.y), np.array(standing, np.float32).reshape(-1, 4))


class LyingLooks:
    """Says when a look is due in one film. watch: looks, and keeps who was found."""

    def __init__(self, watch: TurnedWatch) -> None:
        self.watch = watch
        self._looked: Upright | None = None

    def add(self, looked: Upright) -> None:
        """Note which frame was looked at."""
        self._looked = looked

    def is_due(self, waiting: Iterable[Upright]) -> bool:
        """Return whether the last of the waiting frames is to be looked at before the first is covered."""
        turned, (first, *later) = self.watch, waiting
        newest, last = later[-1] if later else first, turned.looked_at
        if last is None or self._looked is None:
            return True
        if last >= (newest.at if turned.is_settling else first.at):
            return False
        is_new = turned.is_turned or turned.is_settling or newest.at - last >= SELDOM_NS
        return is_new or not all(self._is_known(one) for one in (first, *later))

    def _is_known(self, one: Upright) -> bool:
        assert self._looked is not None
        at, means, standing = self._looked
        return is_explained(one.means, at, [SeenPicture(at, means, np.concatenate([standing, one.standing]))])
