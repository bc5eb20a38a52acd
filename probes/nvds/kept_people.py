"""Puts people back whom nvtracker takes out of the metadata, so that their heads are covered, too.

Up to DeepStream 8.0 it removes every object that its library did not report (nvtracker_proc.cpp): people in
their first frames, those beyond its limits, and whom it takes for another's second box. Since 9.0 it has a
property, operate-on-class-ids, that leaves all of them in, and none of this is needed.
"""

from __future__ import annotations

import logging
import threading
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING, Final

from pricing.outage import Outage
from probes.frame import Box
from probes.nvds.meta import REDACTION_TAG
from probes.nvds.redaction_gate import BufferVerdict

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from probes.nvds.meta import BatchMeta, FrameMeta, MetaReader, MetaWriter

    Key = tuple[int, int, int]
    Class = tuple[int, int]
    Person = tuple[Class, Box]

logger = logging.getLogger(__name__)

MOST: Final = 1024
"""Frames that may be on their way through the tracker; of older ones nothing is known any more."""
SAME: Final = 0.5
"""Share that a tracked box and a detected one have in common where they are one person."""


class KeptPeople:
    """`keep` stands before the tracker, `restore` behind it, each in a thread of its own. Neither raises."""

    def __init__(self, reader: MetaReader, writer: MetaWriter, people: Collection[Class]) -> None:
        """people: the (gie-unique-id, class id) of persons."""
        self._reader, self._writer, self._people = reader, writer, frozenset(people)
        self._kept: dict[Key, list[Person]] = {}
        self._lock = threading.Lock()
        self._outage = Outage(
            logger,
            "people before the tracker cannot be read: frames are dropped",
            "people before the tracker are read again",
        )

    def keep(self, buffer: int) -> BufferVerdict:
        """Remember the people of the batch at this address."""
        try:
            batch = self._reader.read(buffer)
            found = {_key(frame): self._people_of(frame) for frame in batch.frames if _is_whole(frame)}
        except Exception as error:  # noqa: BLE001 nobody would know whom the tracker takes out
            self._outage.fail(type(error).__name__)
            return BufferVerdict.DROP
        with self._lock:
            self._kept |= found
            while len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]
        self._outage.recover()
        return BufferVerdict.PASS

    def restore(self, buffer: int) -> BufferVerdict:
        """Put those back who are missing; a frame of which nothing is known is covered whole by the probe."""
        try:
            batch = self._reader.read(buffer)
            for frame in batch.frames:
                self._restore(batch, frame)
        except Exception as error:  # noqa: BLE001 as above
            self._outage.fail(type(error).__name__)
            return BufferVerdict.DROP
        return BufferVerdict.PASS

    def _restore(self, batch: BatchMeta, frame: FrameMeta) -> None:
        with self._lock:
            before = self._kept.pop(_key(frame), None)
        if before is None or not _is_whole(frame):
            self._writer.add(batch, frame, (REDACTION_TAG, 0), (0, 0, 0, 0))  # which is a doubt to the probe
            return
        for kind, box in _missing(before, self._people_of(frame)):
            left, top = floor(box.x), floor(box.y)
            sides = left, top, ceil(box.right) - left, ceil(box.bottom) - top
            self._writer.add(batch, frame, kind, sides)

    def _people_of(self, frame: FrameMeta) -> list[Person]:
        return [
            ((seen.component, seen.class_id), Box(seen.left, seen.top, seen.width, seen.height))
            for seen in frame.objects or ()
            if (seen.component, seen.class_id) in self._people
        ]


def _left_of(one: Person) -> float:
    return one[1].x


def _key(frame: FrameMeta) -> Key:
    return frame.pad, frame.number, frame.pts


def _is_whole(frame: FrameMeta) -> bool:
    """Return whether all objects of a frame could be read, and have a place."""
    return frame.objects is not None and all(isfinite(sum(seen[4:8])) for seen in frame.objects)


def _missing(before: Sequence[Person], after: Sequence[Person]) -> list[Person]:
    """Return who of `before` has nobody in `after`, where each is one of them at most."""
    if len(before) == len(after):  # mostly all are there, and from left to right as they were
        from_left = zip(sorted(before, key=_left_of), sorted(after, key=_left_of), strict=True)
        if all(one[1].iou(other[1]) >= SAME for one, other in from_left):
            return []
    pairs = sorted(
        ((one[1].iou(other[1]), i, j) for i, one in enumerate(before) for j, other in enumerate(after)),
        reverse=True,
    )
    there: set[int] = set()
    taken: set[int] = set()
    for share, i, j in pairs:
        if share >= SAME and i not in there and j not in taken:
            there.add(i)
            taken.add(j)
    return [one for i, one in enumerate(before) if i not in there]
