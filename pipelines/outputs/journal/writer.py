"""Writes a record to disk on a thread of its own: bounded in memory and on disk, never in the way."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelines.outputs.journal.format import (
    SCHEMA,
    Line,
    frame_line,
    line,
    links_line,
    price_line,
    tracks_line,
)
from pipelines.outputs.journal.part import RecordPart
from pipelines.outputs.journal.resume import check_record, find_broken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pricing.ledger.lookup_once import Question
    from pricing.ledger.votes import Vote
    from pricing.value import Price
    from probes.answers import LookAnswer
    from probes.events.staff_orders import StaffOrder
    from probes.frame import Frame, TrackId
    from probes.people.reidentification import TrackLink
    from probes.people.returns import Absence

logger = logging.getLogger(__name__)

WAITING = 4096
FLUSH_S = 1.0
CLOSE_S = 5.0
AGAIN_S = 10.0
"""A record that cannot be written is tried again so often."""
MAX_PRICES = 16_384


class JournalWriter:
    """A record in a gzip file. An older or full one becomes `FILE.1`, in place of the one before.

    One that a kill or power cut broke off is gone on with; a line like its first says where a run begins.
    Each file begins with the plan and the prices known by then. At most max_bytes on disk for the two; what
    finds no room in memory is left out and counted in the record. A full disk means a gap, not the end.
    A file that is deleted or moved away begins anew; one that is no record is left as it is.
    plan: what the floor was built from, as JSON values. max_age_s: no entry is kept longer; the file begins
    anew after half of it, on quiet cameras too. Raises OSError where the file cannot be made, unless told to
    insist: then it is tried again.
    """

    def __init__(
        self,
        path: Path,
        plan: Mapping[str, Any],
        max_bytes: int,
        *,
        max_age_s: float | None = None,
        insist: bool = False,
        clock: Callable[[], float] = time.monotonic,
        expiry_s: Callable[[], float] = time.time,
    ) -> None:
        """clock: monotonic seconds; expiry_s: UTC seconds, as files' times are, by which what is old goes."""
        self._path, self._max = path, max_bytes // 2
        self._half_age_s = None if max_age_s is None else max_age_s / 2
        self._clock, self._expiry_s, self._began_at = clock, expiry_s, clock()
        self._plan, self._is_headed = plan, False
        self._prices: dict[Question, Price | None] = {}
        self._change = threading.Condition()
        self._waiting: deque[Callable[[], Line]] = deque()
        self._lost = 0
        self._closed = False
        self._part: RecordPart | None = None
        self._failed: RecordPart | None = None
        self._is_failing = False
        try:
            self._part = self._begin(resume=True)
        except OSError as error:
            if not insist:
                raise
            self._fail(error)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def prices(self, changed: Sequence[tuple[Question, Price | None]]) -> None:
        """Take new answers of the price sources."""
        for question, price in changed:
            self._put(partial(self._priced, question, price))

    def frame(
        self,
        frame: Frame,
        answers: Sequence[LookAnswer],
        votes: Sequence[tuple[TrackId, Sequence[Vote]]],
        ended: Sequence[TrackId],
        orders: Sequence[StaffOrder],
    ) -> None:
        """Take a frame and what came with it."""
        ended = tuple(ended)
        self._put(lambda: {**frame_line(frame, answers, votes, ended), **_orders(orders)})

    def returned(self, links: Sequence[TrackLink]) -> None:
        """Take who of those held was found again with the frame that comes next."""
        if links:
            self._put(lambda: links_line(links))

    def quiet(
        self,
        camera: str,
        at: int,
        ended: Sequence[TrackId],
        orders: Sequence[StaffOrder],
        absence: Absence | None = None,
    ) -> None:
        """Take a quiet moment of a camera; absence: who ended is held for it."""
        entry = {"quiet": camera, "at": at, "ended": tracks_line(tuple(ended))}
        held = {} if absence is None else {"held": absence.value}
        self._put(lambda: {**entry, **held, **_orders(orders)})

    def plan(self, plan: Mapping[str, Any]) -> None:
        """Take another plan; files that begin later begin with it."""
        self._put(lambda: self._planned(plan))

    def close(self, at: int) -> None:
        """Take the end, and write all that waits; returns within seconds."""
        self._put(lambda: {"close": at})
        with self._change:
            self._closed = True
            self._change.notify()
        self._thread.join(CLOSE_S)

    def _put(self, entry: Callable[[], Line]) -> None:
        with self._change:
            if self._closed or len(self._waiting) >= WAITING:
                self._lost += 1
                return
            if self._lost:
                lost, self._lost = self._lost, 0
                self._waiting.append(lambda: {"gap": lost})
            self._waiting.append(entry)
            if len(self._waiting) == 1:
                self._change.notify()

    def _run(self) -> None:
        while self._work():
            pass
        if self._part is not None:
            try:
                self._part.close()
            except OSError:
                logger.debug("the record's end could not be written")

    def _work(self) -> bool:
        """Write what waits; False after the last."""
        part = self._part or self._try_again()
        if part is None:
            with self._change:
                return not self._change.wait_for(lambda: self._closed, AGAIN_S)
        with self._change:
            if not self._waiting and not self._closed:
                self._change.wait(FLUSH_S)
            closed, entries = self._closed, list(self._waiting)
            self._waiting.clear()
        lines = [line(entry()) for entry in entries]
        left = len(lines)
        try:
            if lines:
                part.write(lines)
                left = 0
                self._succeed()
            if not closed and (self._is_old() or self._is_full_or_gone()):
                part.close()
                self._part = None
                self._part = self._begin()
        except OSError as error:
            if self._part is part:
                self._failed, self._part = part, None
            self._fail(error, left)
        return not closed

    def _fail(self, error: OSError, lost: int = 0) -> None:
        with self._change:
            self._lost += lost
        if not self._is_failing:
            self._is_failing = True
            text = "the record %s cannot be written: %s; what comes is left out of it until that is mended"
            logger.error(text, self._path, error.strerror or error)

    def _try_again(self) -> RecordPart | None:
        """Go on after what was written before a failure, or begin anew where that is gone."""
        try:
            goes_on = self._failed is not None and self._failed.cut()
            self._part = self._headed(append=True) if goes_on else self._begin(resume=True)
        except OSError as error:
            self._fail(error)
            return None
        return self._part

    def _succeed(self) -> None:
        """Say once that it goes on; not where a part's beginning alone found room."""
        if self._is_failing:
            self._is_failing = False
            logger.info("the record %s is written again", self._path)

    def _is_old(self) -> bool:
        return self._half_age_s is not None and self._clock() - self._began_at >= self._half_age_s

    def _is_full_or_gone(self) -> bool:
        try:
            return self._path.stat().st_size > self._max
        except FileNotFoundError:  # somebody deleted what it holds, not what comes
            return True

    def _begin(self, *, resume: bool = False) -> RecordPart:
        self._is_headed = False
        if self._path.exists():
            check_record(self._path)
        if resume and self._resume():
            return self._headed(append=True)
        before = self._path.with_name(self._path.name + ".1")
        if self._path.exists():
            self._path.replace(before)
        half_s = self._half_age_s
        if half_s is not None and before.exists() and self._expiry_s() - before.stat().st_mtime > half_s:
            before.unlink()  # an earlier run's
        self._began_at = self._clock()
        return self._headed()

    def _resume(self) -> bool:
        """Mend the record of a run that was killed; return whether it is to be gone on with."""
        broken = find_broken(self._path)
        if broken is None or self._path.stat().st_size > self._max:
            return False
        age_s = 0.0 if broken.first_ns is None else max(0.0, self._expiry_s() - broken.first_ns / 1e9)
        if self._half_age_s is not None and age_s >= self._half_age_s:
            return False
        broken.mend()
        self._began_at = self._clock() - age_s
        logger.info("the record %s was cut short; recording continues in it", self._path)
        return True

    def _headed(self, *, append: bool = False) -> RecordPart:
        """Open the file, and write what each part of it begins with."""
        part = RecordPart(self._path, append=append)
        self._failed = part  # until its beginning is written
        head = {"plan": self._plan} if self._is_headed else {"schema": SCHEMA, "plan": self._plan}
        part.write([line(head), *(line(price_line(q, price)) for q, price in self._prices.items())])
        self._failed, self._is_headed = None, True
        return part

    def _planned(self, plan: Mapping[str, Any]) -> Line:
        self._plan = plan
        return {"plan": plan}

    def _priced(self, question: Question, price: Price | None) -> Line:
        if len(self._prices) >= MAX_PRICES:
            self._prices.clear()
        self._prices[question] = price
        return price_line(question, price)


def _orders(orders: Sequence[StaffOrder]) -> Line:
    return {"orders": [[o.action.value, o.camera, o.track] for o in orders]} if orders else {}
