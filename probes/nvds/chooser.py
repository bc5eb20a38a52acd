"""Chooses on which persons the secondary nvinfer runs the brand model: by need, within a budget.

nvinfer itself would work on every person of every frame (see engines.deepstream.nvinfer_config). So the model
works only on looks: objects that are added here, each the box of a person with all that the person carries.
"""

from __future__ import annotations

import logging
import time
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING

from pricing.outage import Outage
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.nvds.meta import UNTRACKED
from probes.nvds.redaction_gate import BufferVerdict
from probes.recognition.look import extent
from probes.recognition.look_scheduler import LookScheduler, RateLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container

    from probes.nvds.camera import Classes
    from probes.nvds.meta import FrameMeta, MetaReader, Rectangle
    from probes.nvds.tensors import LookObjects
    from probes.recognition.look_history import LookHistory

logger = logging.getLogger(__name__)

GPU_LIMITS = RateLimits(per_second=20.0)
"""A look costs the GPU little; the budget is for small ones, with faces to find on every frame."""
SMALLEST = 32
"""nvinfer leaves out objects with a side below this (input-object-min-width, -height)."""


class Chooser:
    """Adds the looks. One thread; it never fails a batch, which is valid without looks."""

    def __init__(
        self,
        reader: MetaReader,
        looks: LookObjects,
        *,
        classes: Classes,
        wanted: Callable[[], bool],
        counted: float = 0.0,
        limits: RateLimits = GPU_LIMITS,
        on_owed: Callable[[bool], None] = lambda _: None,
        unseen: Collection[int] = (),
        found_again: Callable[[int], Container[int]] = lambda _pad: (),
        history: LookHistory | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """wanted: whether there is any mark to look for. classes: what the detectors' objects stand for.

        counted: confidence below which a person is only masked. unseen: mux pads that are no cameras.
        found_again: the tracker's numbers, by pad, that were another person's box in the last frame.
        on_owed, history: see `LookScheduler`; tracks are those of `tracker_id`. These looks are part of the
        graph: none waits for a worker, so only the budget bounds them.
        """
        self._counted, self._unseen, self._found_again = counted, frozenset(unseen), found_again
        self._reader, self._looks, self._classes = reader, looks, classes
        self._wanted, self._clock_ns = wanted, clock_ns
        self._picker = LookScheduler(limits, history, on_owed=on_owed)
        self._outage = Outage(logger, "brand looks failed", "brand looks work again")

    def add_looks(self, buffer: int) -> BufferVerdict:
        """Add the looks that are due to the batch at this address; it passes in any case."""
        try:
            if self._wanted():
                self._choose(buffer)
        except Exception as error:  # noqa: BLE001 a look that fails is a look less
            self._outage.fail(type(error).__name__)
        else:
            self._outage.recover()
        return BufferVerdict.PASS

    def stretch(self, pad: int, number: int) -> float:
        """Return by how much more rarely than usual a person is looked at; see `LookScheduler`. Any thread.

        number: the tracker's.
        """
        return self._picker.stretch(tracker_id(pad, number))

    def _choose(self, buffer: int) -> None:
        batch, at = self._reader.read(buffer), self._clock_ns()
        for meta in batch.frames:
            if not meta.objects or meta.pad in self._unseen:
                continue
            surface = self._reader.surface_of(meta)
            frame = self._frame(meta, surface, at)
            for person in self._picker.pick(frame):
                box = _even(extent(frame, person), surface)
                if box is not None and person.track is not None:
                    self._looks.add(batch, meta, box, person.track.number)

    def _frame(self, meta: FrameMeta, surface: tuple[int, int], at: int) -> Frame:
        """Return what was detected, in pixels of the surface, under the tracker's own numbers.

        A person's second box is left out: its looks would count for nobody, and it would hide the person.
        """
        found, again = [], self._found_again(meta.pad)
        for seen in meta.objects or ():
            kind, label = self._classes.get((seen.component, seen.class_id), (Kind.MARK, ""))
            box = Box(seen.left, seen.top, seen.width, seen.height)
            if kind not in (Kind.PERSON, Kind.ACCESSORY) or not all(map(isfinite, box)):
                continue
            doubtful = 0 <= seen.confidence < self._counted  # below 0: carried on by the tracker
            tracked = kind is Kind.PERSON and seen.number != UNTRACKED and not doubtful
            if tracked and seen.number in again:
                continue
            track = tracker_id(meta.pad, seen.number) if tracked else None
            found.append(Detection(kind, label, seen.confidence, box, track))
        return Frame(str(meta.pad), at, surface, tuple(found))


def tracker_id(pad: int, number: int) -> TrackId:
    """Return a person as looks are chosen: by the tracker's number, which the probe has not named yet."""
    return TrackId(str(pad), "", number)


def _even(box: Box, surface: tuple[int, int]) -> Rectangle | None:
    """Return the box in even pixels inside the surface, as nvinfer rounds crops; None if too small."""
    left, top = max(0, floor(box.x)) // 2 * 2, max(0, floor(box.y)) // 2 * 2
    right, bottom = (
        min(limit, ceil(end)) for limit, end in zip(surface, (box.right, box.bottom), strict=True)
    )
    width, height = (right - left) // 2 * 2, (bottom - top) // 2 * 2
    return (left, top, width, height) if min(width, height) >= SMALLEST else None
