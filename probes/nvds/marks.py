"""Brand marks from the brand model's tensors: copied in the probe, compared in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engines.deepstream.nvinfer_config import LOOKS
from engines.marks.types import Candidates
from pricing.outage import Outage
from probes.bounded_queue import DropOldestQueue, take_all
from probes.frame import Box, Kind
from probes.nvds.chooser import tracker_id
from probes.recognition.look_history import remember
from probes.recognition.look_workers import LookResult
from probes.recognition.marks import MarkStream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pricing.value import PersonValue
    from probes.answers import LookAnswer
    from probes.frame import Frame, TrackId
    from probes.nvds.camera_masks import CameraMasks
    from probes.nvds.meta import FrameMeta
    from probes.nvds.overlay import Pairs
    from probes.nvds.tensors import LookObjects, Tensors
    from probes.recognition.look_history import LookHistory
    from probes.recognition.targets import RecognitionTargets

logger = logging.getLogger(__name__)

WAITING = 32
MAX_ANSWERS = 256
STOP_S = 2.0


Brands = Callable[[], "RecognitionTargets"]
"""What is looked for now, the same that looks read by."""


@dataclass(frozen=True, slots=True)
class TensorLook:
    """The brand model's output of a look at one person.

    crop: what it saw of the surface, px. hidden(box): whether a box of the frame lies behind a camera mask.
    chosen_as: the person as the chooser of looks knows them. stretch: as of LookAnswer.
    """

    track: TrackId
    frame: Frame
    surface: tuple[int, int]
    crop: Box
    tensors: Tensors
    hidden: Callable[[Box], bool]
    chosen_as: TrackId
    stretch: float


def candidates_of(look: TensorLook, network: tuple[int, int]) -> Candidates:
    """Return the candidates in pixels of the frame: finite, inside the crop, not behind a mask.

    network: width, height of the model's input. nvinfer scales a crop as a whole into its top left corner,
    to whole pixels (get_converted_buffer, gst-nvinfer/gstnvinfer.cpp, 9.1).
    """
    boxes, scores, vectors = look.tensors
    crop = look.crop
    inside = _fitted((int(crop.w), int(crop.h)), network)
    scale = np.array([crop.w / inside[0], crop.h / inside[1]] * 2, np.float32)
    there = np.clip(boxes, 0, np.array(inside * 2, np.float32)) * scale
    to_frame = [size / of for size, of in zip(look.frame.size, look.surface, strict=True)]
    placed = ((there + np.array([crop.x, crop.y] * 2)) * np.array(to_frame * 2)).astype(np.float32)
    length = np.linalg.norm(vectors, axis=1)
    good = np.isfinite(boxes).all(axis=1) & np.isfinite(scores) & np.isfinite(length) & (length > 0)
    good &= (placed[:, 2] - placed[:, 0] >= 1) & (placed[:, 3] - placed[:, 1] >= 1)
    good[good] = [not look.hidden(Box.from_corners(*one)) for one in placed[good].tolist()]
    # Half precision leaves them not quite of unit length.
    return Candidates(placed[good], scores[good], vectors[good] / length[good, None])


def _fitted(crop: tuple[int, int], network: tuple[int, int]) -> tuple[int, int]:
    high, wide = network[0] * crop[1] / crop[0], network[1] * crop[0] / crop[1]
    return (network[0], int(high)) if high <= network[1] else (int(wide), network[1])


class MarkLooks:
    """Takes looks in the probe, at most WAITING wait; compares them with the gallery; `drain` gives answers.

    brands: called for each look, so that a reloaded gallery counts from the next one. on_result: called once
    per look, from any thread. stretch: by how much more rarely than usual a person is looked at, by pad and
    the tracker's number. history: takes the results, for whoever chooses the looks.
    """

    def __init__(
        self,
        looks: LookObjects,
        network: tuple[int, int],
        *,
        brands: Brands,
        on_result: Callable[[LookResult], None],
        stretch: Callable[[int, int], float],
        history: LookHistory,
    ) -> None:
        self._looks, self._network, self._brands, self._on_result = looks, network, brands, on_result
        self._stretch, self._history = stretch, history
        self._chosen_as: dict[TrackId, TrackId] = {}
        self._stream = MarkStream()
        self._waiting = DropOldestQueue[TensorLook](WAITING)
        self._answers: deque[LookAnswer] = deque(maxlen=MAX_ANSWERS)
        self._outage = Outage(
            logger,
            "brand marks are not compared; the video goes on without new ones",
            "brand marks are compared again",
        )
        self._thread = threading.Thread(target=self._work, name="marks", daemon=True)

    @property
    def wanted(self) -> bool:
        """Whether there is any mark to look for."""
        return self._brands().gallery is not None

    def take(
        self, meta: FrameMeta, pairs: Pairs, masks: CameraMasks, frame: Frame, surface: tuple[int, int]
    ) -> None:
        """Copy the tensors of a frame's looks, and remove the looks from it; call it in the probe.

        frame: without the persons behind camera masks.
        """
        looks = [seen for seen, _ in pairs if seen.component == LOOKS]
        if not looks:
            return
        public = {person.track for person in frame.of(Kind.PERSON)}
        tracks = {
            seen.number: found.track for seen, found in pairs if found is not None and found.track in public
        }
        for seen in looks:
            tensors, track = self._looks.take(meta, seen), tracks.get(seen.number)
            if tensors is not None and track is not None:
                crop = Box(seen.left, seen.top, seen.width, seen.height)
                hidden, stretch = _hidden_by(masks, frame.size), self._stretch(meta.pad, seen.number)
                chosen_as = tracker_id(meta.pad, seen.number)
                self._put(TensorLook(track, frame, surface, crop, tensors, hidden, chosen_as, stretch))

    def drain(self) -> list[LookAnswer]:
        """Return the answers that have come since the last call, oldest first."""
        return take_all(self._answers)

    def set_values(self, values: Mapping[TrackId, PersonValue]) -> None:
        """Take what persons are now believed to wear, so that those with less confirmed come first."""
        chosen_as = [(self._chosen_as.get(track), value) for track, value in values.items()]
        self._history.set_confirmed({known: value for known, value in chosen_as if known is not None})

    def start(self) -> None:
        """Begin to compare."""
        self._thread.start()

    def close(self) -> bool:
        """End within seconds, from any state; False where the thread was left behind."""
        self._count_results([LookResult.DROPPED] * len(self._waiting.close()))
        if self._thread.ident is not None:
            self._thread.join(STOP_S)
        return not self._thread.is_alive()

    def _put(self, look: TensorLook) -> None:
        self._count_results([LookResult.DROPPED] * len(self._waiting.put(look)))

    def _work(self) -> None:
        while (look := self._waiting.take()) is not None:
            try:
                self._count_results([self._compare(look)])
            except Exception as error:  # noqa: BLE001 whatever it was, the next look may succeed
                self._count_results([LookResult.FAILED])
                self._outage.fail(error=error)
            else:
                self._outage.recover()

    def _compare(self, look: TensorLook) -> LookResult:
        targets = self._brands()
        gallery = targets.gallery
        if gallery is None or not self._stream.due(look.track, look.frame.captured_at):
            return LookResult.DROPPED
        seen = gallery.sightings(candidates_of(look, self._network))
        answer = self._stream.take(look.frame, look.track, seen, targets.book)
        if answer is None:
            return LookResult.DROPPED
        answer = replace(answer, stretch=look.stretch)
        remember(self._chosen_as, look.track, look.chosen_as)
        self._history.add_seen(look.chosen_as, (mark.brand for mark in answer.marks))
        if len(self._answers) == MAX_ANSWERS:
            self._count_results([LookResult.DROPPED])
        self._answers.append(answer)
        return LookResult.MARKS if answer.marks else LookResult.NONE

    def _count_results(self, results: Sequence[LookResult]) -> None:
        for result in results:
            self._on_result(result)


def _hidden_by(masks: CameraMasks, size: tuple[int, int]) -> Callable[[Box], bool]:
    return lambda box: masks.hides(box, size)
