"""Notices a camera that hangs turned by what is found in its picture once that is turned; covers meanwhile.

A live picture cannot be turned four times for each frame. So it is turned at the start while anything moves,
until people surely stand upright in it, then each minute; and all the time while people lie in it. Small
people are searched for so, too, while nobody is sure, but less often, and where something begins to move: it
takes a share of the time, however many cameras there are (`pipelines.cpu.turn_pace`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.errors import InferenceFailed
from engines.fresh_motion import FreshMotion
from pipelines.cpu.turned import FINE_NS, TurnedWatch
from pipelines.cpu.turned_evidence import stands_sure
from pricing.news import news
from probes.redaction.redact import RedactionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from engines.image import I420, Plane
    from engines.scene import Scene
    from engines.scene_detector import SceneDetector
    from pipelines.cpu.turn_pace import TurnPace
    from pipelines.settings.privacy import FacesConfig
    from probes.redaction.heads import Mask

logger = logging.getLogger(__name__)

UNSURE_NS = 500_000_000
"""How often a picture is turned while nothing is known, or people lie in it."""
EVERY_NS = 60_000_000_000
"""How often once people stand upright in it."""
UPRIGHT = 3
"""So many looks at people who surely stand are enough."""
FOREVER_NS = 2**62
MAX_LOOKS = 40
"""After so many looks that found nobody in a turn they become rarer: cost is bounded where nobody is sure."""
RARELY_NS = 5_000_000_000
"""How often then. The first customer of a camera that moved all night for nothing must not wait a minute."""
CHANCES, CHANCE_NS, AGAIN_NS = 2, 2_000_000_000, 10_000_000_000
"""Then, where something of a person's size begins to move: so many looks for small people, and how often.

The second one sees who came in only in part before. So long after them the next beginning counts.
"""
CELL, CHANGE, CELLS = 16, 5, 2
"""Motion: so many cells of this side, px, of which the mean has changed by so much, of 255."""
ADVICE = "people seem to be turned in the picture: set rotate: {} for this camera"


class CameraTurn:
    """Follows one camera. Used by one thread; the pictures come in the order of their time.

    pace: of looks for small people, shared with the other cameras; the first at one waits for none. on_turn:
    called with the degrees clockwise by which people would stand upright; at first with 0.
    """

    def __init__(
        self,
        camera: str,
        scenes: SceneDetector,
        faces: FacesConfig,
        *,
        min_person_px: float,
        pace: TurnPace | None = None,
        on_turn: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._pace = pace
        self._camera, self._on_turn = camera, on_turn
        self._watch = TurnedWatch(scenes, faces, min_person_px=min_person_px)
        self._scenes = scenes
        self._min_person_px, self._fresh, self._chances = min_person_px, FreshMotion(), 0
        self._upright = self._looks = self._turn = 0
        self._looked: npt.NDArray[np.float32] | None = None
        self._looked_finely: npt.NDArray[np.float32] | None = None
        on_turn(0)  # a camera that is connected anew may have been turned upright

    def masks(self, pixels: I420, at: int, scene: Scene) -> Sequence[Mask]:
        """Return what to cover of people who do not stand upright.

        scene: what is found in the picture as it is. Raises RedactionFailed where the search fails.
        """
        try:
            if self._is_due(pixels.y, at):
                self._look(pixels, at, scene)
            return self._watch.masks(pixels, at, scene)
        except InferenceFailed as error:
            raise RedactionFailed(f"{error}, in a turned picture") from error

    def _is_due(self, luma: Plane, at: int) -> bool:
        self._note_beginning(luma, at)
        last = self._watch.looked_at
        if last is None or not 0 <= at - last < EVERY_NS:
            return True
        if self._watch.is_settled or (not self._watch.is_turned and self._upright >= UPRIGHT):
            return False
        every = UNSURE_NS if self._looks < MAX_LOOKS or self._chances else RARELY_NS
        if at - last < every:
            return False
        return (
            self._watch.is_turned
            or _has_moved(luma, self._looked)
            or (
                self._watch.fine_at is not None
                and _has_moved(luma, self._looked_finely)
                and self._may_be_fine(at)
            )
        )

    def _note_beginning(self, luma: Plane, at: int) -> None:
        """Allow looks for small people where something begins to move; they have become rare by then."""
        fine_at = self._watch.fine_at
        if (
            self._fresh.begins(luma, at, self._min_person_px)
            and self._looks >= MAX_LOOKS
            and not self._chances
            and (fine_at is None or at - fine_at >= AGAIN_NS)
        ):
            self._chances = CHANCES

    def _may_be_fine(self, at: int) -> bool:
        """Return whether a look for small people is due, and it is this camera's turn."""
        fine_at = self._watch.fine_at
        if fine_at is None:
            return True
        if 0 <= at - fine_at < self._fine_ns:
            return False
        return self._pace is None or self._pace.may_look(self._camera)

    @property
    def _fine_ns(self) -> int:
        if self._looks < MAX_LOOKS:
            return FINE_NS
        return CHANCE_NS if self._chances else EVERY_NS

    def reconfigure(self, faces: FacesConfig, *, min_person_px: float) -> None:
        """Cover by other settings from the next frame on, in the thread that uses it."""
        self._min_person_px = min_person_px
        self._watch.reconfigure(faces, min_person_px=min_person_px)

    def _look(self, pixels: I420, at: int, scene: Scene) -> None:
        self._looked = _means(pixels.y)
        began = self._pace.now() if self._pace else 0.0
        may_be_fine = self._may_be_fine(at)
        is_fine = may_be_fine  # one that fails has taken its time, too
        try:
            self._watch.look(pixels, at, scene, fine_ns=0 if may_be_fine else FOREVER_NS)
            is_fine = self._watch.fine_at == at
        finally:
            if self._pace and may_be_fine:  # else it keeps its place among those that wait
                self._pace.end(self._camera, began if is_fine else None)
        if is_fine:
            self._looked_finely = self._looked
            self._chances = max(0, self._chances - 1)
        turned = self._watch.is_turned
        self._looks = 0 if turned else self._looks + 1
        self._upright = 0 if turned else self._upright + stands_sure(self._scenes, scene)
        if (turn := self._watch.turn) != self._turn:
            self._turn = turn
            self._on_turn(turn)
            if turn:
                extra = news("turned", camera=self._camera, rotate=str(turn))
                logger.warning("camera %s: %s", self._camera, ADVICE.format(turn), extra=extra)


def _has_moved(luma: Plane, before: npt.NDArray[np.float32] | None) -> bool:
    means = _means(luma)
    if before is None or before.shape != means.shape:
        return True
    return int((np.abs(means - before) >= CHANGE).sum()) >= CELLS


def _means(luma: Plane) -> npt.NDArray[np.float32]:
    size = max(1, luma.shape[1] // CELL), max(1, luma.shape[0] // CELL)
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
