"""Replays a record through a floor: the same record always gives the same messages."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import OrderedDict
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from pipelines.errors import BadInput
from pipelines.floor.plan import apply_plan, build_floor, read_plan
from pipelines.outputs.journal.format import (
    SCHEMA,
    Line,
    read_absence,
    read_answers,
    read_frame,
    read_links,
    read_price,
    read_tracks,
    read_votes,
)
from pricing.plain_file import open_plain
from probes.events.staff_orders import StaffAction, StaffOrder
from probes.events.status import Summaries
from probes.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipelines.floor.floor import Floor
    from pipelines.floor.plan import FloorPlan
    from pipelines.floor.view import FloorView
    from pricing.ledger.lookup_once import Question
    from pricing.value import Price
    from probes.events.messages import Message
    from probes.frame import Frame
    from probes.people.reidentification import TrackLink

FRAMES = 4096
"""Frames kept for the answers to their looks, all cameras together."""
RANKING_NS = 60_000_000_000
MAX_LINE = 4 * 2**20


@dataclass(slots=True)
class Counts:
    """What was in the record.

    lost: entries that the recorder had no room for, answers without a frame. restarts: runs that were killed.
    """

    frames: int = 0
    prices: int = 0
    orders: int = 0
    lost: int = 0
    restarts: int = 0
    broken_off: bool = False


@dataclass(slots=True)
class _Prices:
    """The price sources as the record knows them."""

    answers: dict[Question, Price | None] = field(default_factory=dict)

    def __call__(self, *question: str | None) -> Price | None:
        return self.answers.get(question)


class _Sayings:
    """A Publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.said: list[Line] = []

    def send(self, message: Message) -> bool:
        self.said.append({"topic": message.topic, **message.payload})
        return True

    def set_state(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Let the state go: the events say the same and more."""

    def clear_state(self, topic: str) -> None:
        """Have nothing to take away."""


class Replay:
    """One run through one record. Iterate over `entries`; then `counts` is complete.

    plan: the floor's, instead of the one in the record, to try other rules on the same day.
    Raises BadInput where the file is no record.
    """

    def __init__(self, path: Path, plan: FloorPlan | None = None) -> None:
        self.counts = Counts()
        self._lines = read_lines(path, self.counts)
        head = next(self._lines, None)
        if head is None or head.get("schema") != SCHEMA:
            raise BadInput(f"{path}: is no record of a floor (its first line names no {SCHEMA})")
        self.plan, self._is_other = plan or read_plan(head.get("plan")), plan is not None
        self._path = path
        self.at = 0
        """UTC nanoseconds of the last entry that has a time."""
        self._prices, self._sayings = _Prices(), _Sayings()
        self._returned: list[TrackLink] = []
        self._frames: OrderedDict[tuple[str, int], Frame] = OrderedDict()
        zones = {camera: [zone.name for zone in found] for camera, found in self.plan.zones.items()}
        self.floor: Floor = build_floor(
            self.plan,
            self._prices,
            summaries=Summaries(zones, self.plan.currency),
            publisher=self._sayings,
            metrics=Metrics(()),
            getrandbits=Random(0).getrandbits,
        )

    def entries(self) -> Iterator[Line]:
        """Yield the floor's messages, and once a minute the list of whom to serve next."""
        ranked_at, at = 0, 0
        for number, entry in enumerate(self._lines, 2):
            try:
                at = self.at = self._apply(entry) or at
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise BadInput(
                    f"{self._path}:{number}: cannot be read ({type(error).__name__}: {error})"
                ) from None
            yield from self._said()
            # `at` may be of another camera's frame, and a little before the last list.
            if abs(at - ranked_at) >= RANKING_NS:
                ranked_at = at
                yield ranking(self.floor.snapshot())
        self.floor.close(at)
        yield from self._said()

    def _said(self) -> list[Line]:
        said, self._sayings.said = self._sayings.said, []
        return said

    def _apply(self, entry: Line) -> int | None:
        if self._is_of_the_next(entry):
            return None
        for action, camera, track in entry.get("orders", ()):
            self.floor.order(StaffOrder(StaffAction(action), camera, track))
            self.counts.orders += 1
        if "frame" in entry:
            return self._frame(entry)
        if "quiet" in entry:
            camera = entry["quiet"]
            ended, absence = read_tracks(camera, entry["ended"]), read_absence(entry)
            self.floor.quiet(camera, entry["at"], ended, absence=absence)
            return int(entry["at"])
        if "plan" in entry:
            if "schema" in entry:
                self.floor.end_all(self.at)  # the run before was killed; whoever was there has an end now
                self.counts.restarts += 1
            if not self._is_other:
                apply_plan(self.floor, read_plan(entry["plan"]), self.at)
            return None
        if "close" in entry:
            self.floor.end_all(entry["close"])
            return int(entry["close"])
        self.counts.lost += entry["gap"]
        return None

    def _is_of_the_next(self, entry: Line) -> bool:
        """Take what belongs to the frame that follows; return whether the entry was that."""
        if "price" in entry:
            question, price = read_price(entry)
            self._prices.answers[question] = price
            self.counts.prices += 1
        elif "returned" in entry:
            self._returned = read_links(entry)
        else:
            return False
        return True

    def _frame(self, entry: Line) -> int:
        frame = read_frame(entry)
        self._frames[frame.camera, frame.captured_at] = frame
        if len(self._frames) > FRAMES:
            self._frames.popitem(last=False)
        answers, lost = read_answers(entry, self._frames)
        self.counts.frames += 1
        self.counts.lost += lost
        ended = read_tracks(frame.camera, entry.get("ended", ()))
        returned, self._returned = self._returned, []
        self.floor.update(frame, answers, ended, read_votes(entry), returned)
        return frame.captured_at


def ranking(view: FloorView) -> Line:
    """Return who is to be served next as one entry."""
    return {
        "ranking": view.at,
        "persons": [
            [p.rank, f"{p.camera}/{p.track}", p.score_minor, p.total.amount_minor, round(p.certainty, 3)]
            for p in view.persons
            if p.rank is not None
        ],
    }


def read_lines(path: Path, counts: Counts) -> Iterator[Line]:
    """Yield the entries of a record, plain or gzip; one that a power cut broke off ends where it broke.

    Raises BadInput where the file cannot be read, or a line in the middle is no entry.
    """
    try:
        with open_plain(path) as probe:
            zipped = probe.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if zipped else path.open("rb") as file:
            number = 0
            while text := file.readline(MAX_LINE):
                number += 1
                if not text.endswith(b"\n") and len(text) < MAX_LINE:
                    counts.broken_off = True
                    return
                yield _entry(text, path, number)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        counts.broken_off = True
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from None


def _entry(text: bytes, path: Path, number: int) -> Line:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        entry = None
    if not isinstance(entry, dict):
        raise BadInput(f"{path}:{number}: is no line of a record")
    return entry
