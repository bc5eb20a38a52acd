"""Items without a visible brand, described by a vision model from redacted crops, within a budget.

A failed request is not repeated: the person's next crop is newer, and each crop sent counts in the budget.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import Enum
from logging import WARNING
from typing import TYPE_CHECKING, Any, Protocol

from engines.describe.jpeg import small_jpeg
from engines.describe.service import NoAnswer, Trouble
from pricing.description import SCHEMA, NotAnAnswer, read_descriptions
from pricing.ledger.votes import Vote
from pricing.live.breaker import Breaker, BreakerState
from pricing.outage import Outage
from probes.bounded_queue import DropOldestQueue, take_all
from probes.redaction.redacted_crop import RedactedCrop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pricing.description import Description
    from pricing.value import PersonValue
    from probes.frame import TrackId
    from probes.recognition.describe_candidates import DescribeCandidates
    from probes.recognition.sent_log import SentLog
    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)

QUEUE = 4
WAIT_S = 1.0
STALE_S = 4.0
"""A crop that has waited longer is not sent: its votes would come too late to count."""
MAX_ANSWERS = 256
MAX_AGE_S = 3600.0
FOR_GOOD = frozenset({Trouble.AUTH, Trouble.REJECTED})
WORKS = frozenset({Trouble.REFUSED, Trouble.MALFORMED})


class DescribeResult(str, Enum):
    """What became of a crop, besides each `Trouble`."""

    DESCRIBED = "described"
    NOTHING = "nothing"
    CACHED = "cached"
    DROPPED = "dropped"
    OVER_BUDGET = "over_budget"
    FAILED = "failed"


UNSENT = frozenset({DescribeResult.DROPPED, DescribeResult.OVER_BUDGET})
"""Such a crop is none of the few that may be sent of a person."""


class Service(Protocol):
    """A vision service, such as engines.describe.http.VisionService; used by one thread."""

    def ask(self, prompt: str, jpeg: bytes, schema: Mapping[str, Any]) -> str:
        """Return the model's text; raises NoAnswer."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(frozen=True, slots=True)
class DescribePlan:
    """per_hour: crops per clock hour. longest_px: of a crop. votes: how many looks an answer is worth.

    min_confidence: below it an item is not believed.
    """

    prompt: str
    per_hour: int = 60
    longest_px: int = 384
    votes: int = 2
    min_confidence: float = 0.6


class Describer:
    """Takes redacted frames, gives votes. `offer` and `drain` never wait; one slow thread sends requests.

    on_sent: called before each crop leaves. on_result: called once per crop with its result, from any thread.
    random: 0 to 1. clock: seconds.
    """

    def __init__(
        self,
        service: Service,
        plan: DescribePlan,
        candidates: DescribeCandidates,
        sent: SentLog,
        *,
        on_sent: Callable[[], None],
        on_result: Callable[[str], None],
        random: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service, self._plan, self._candidates, self._sent = service, plan, candidates, sent
        self._on_sent, self._on_result, self._clock = on_sent, on_result, clock
        self._breaker = Breaker(random, failures=3, first_s=10.0)
        self._quiet_until = 0.0
        self._cache: OrderedDict[str, tuple[float, tuple[Description, ...]]] = OrderedDict()
        self._waiting = DropOldestQueue[RedactedCrop](QUEUE)
        self._unsent: deque[TrackId] = deque(maxlen=MAX_ANSWERS)
        self._answers: deque[tuple[TrackId, tuple[Vote, ...]]] = deque(maxlen=MAX_ANSWERS)
        self._outage = Outage(logger, "items are not described", "items are described again", level=WARNING)
        self._thread = threading.Thread(target=self._work, name="describe", daemon=True)

    @property
    def depth(self) -> int:
        """How many crops wait to be sent."""
        return len(self._waiting)

    def offer(self, redacted: RedactedFrame, values: Mapping[TrackId, PersonValue]) -> None:
        """Copy the crops of customers to describe now, before anything is drawn; from one thread only."""
        for track in take_all(self._unsent):
            self._candidates.take_back(track)
        wanted = self._candidates.select(redacted.frame, values)
        if not wanted or self._waiting.closed or not self._open():
            return
        for track, box in wanted:
            try:
                crop = RedactedCrop(redacted, box, track, self._clock())
            except ValueError:
                continue
            self._candidates.record(track, redacted.frame.captured_at)
            self._put(crop)

    def drain(self) -> list[tuple[TrackId, tuple[Vote, ...]]]:
        """Return the votes that have come since the last call, oldest first."""
        return take_all(self._answers)

    def close(self) -> None:
        """Stop; crops that wait are dropped. The answer to a request under way is ignored."""
        for _ in self._waiting.close():
            self._on_result(DescribeResult.DROPPED.value)
        if self._thread.ident is not None:
            self._thread.join(2 * WAIT_S)

    def _open(self) -> bool:
        """Return whether a request may be sent now; otherwise no person is picked."""
        now = self._clock()
        paused = self._breaker.state is BreakerState.OPEN and now < self._breaker.ready_at
        return not paused and now >= self._quiet_until and self._sent.this_hour() < self._plan.per_hour

    def _put(self, crop: RedactedCrop) -> None:
        for dropped in self._waiting.put(crop):
            self._unsent.append(dropped.track)
            self._on_result(DescribeResult.DROPPED.value)
        if self._thread.ident is None and not self._waiting.closed:
            self._thread.start()

    def _next(self) -> RedactedCrop | None:
        while not self._waiting.closed:
            self._forget()
            if (crop := self._waiting.take(WAIT_S)) is not None:
                return crop
        return None

    def _work(self) -> None:
        while (crop := self._next()) is not None:
            try:
                result = self._describe(crop).value
                if result in UNSENT:
                    self._unsent.append(crop.track)
            except NoAnswer as trouble:
                result = trouble.trouble.value
                if not self._waiting.closed:
                    self._stumble(trouble)
            except Exception as error:  # noqa: BLE001 the video and the next crop must not suffer
                result = DescribeResult.FAILED.value
                if not self._waiting.closed:
                    self._breaker.fail(self._clock())
                    self._outage.fail(f"{type(error).__name__}: {error}", cause=result, error=error)
            self._on_result(result)
        self._service.close()

    def _describe(self, crop: RedactedCrop) -> DescribeResult:
        now = self._clock()
        if now - crop.offered_at > STALE_S:
            return DescribeResult.DROPPED
        jpeg = small_jpeg(crop.picture, self._plan.longest_px)
        name = hashlib.sha256(jpeg).hexdigest()
        cached = self._cache.get(name)
        if cached is not None:
            self._vote(crop, name, cached[1])
            return DescribeResult.CACHED
        if self._sent.this_hour() >= self._plan.per_hour:
            return DescribeResult.OVER_BUDGET
        if now < self._quiet_until or not self._breaker.admits(now):
            return DescribeResult.DROPPED
        if not crop.masked_by.in_force:
            return DescribeResult.DROPPED
        self._sent.add()
        self._on_sent()
        items = self._ask(jpeg)
        self._works()
        self._remember(name, items)
        voted = self._vote(crop, name, items)
        return DescribeResult.DESCRIBED if voted else DescribeResult.NOTHING

    def _ask(self, jpeg: bytes) -> tuple[Description, ...]:
        text = self._service.ask(self._plan.prompt, jpeg, SCHEMA)
        try:
            return read_descriptions(text)
        except NotAnAnswer as error:
            raise NoAnswer(Trouble.MALFORMED, str(error)) from None

    def _forget(self) -> None:
        while self._cache and self._clock() - next(iter(self._cache.values()))[0] > MAX_AGE_S:
            self._cache.popitem(last=False)

    def _remember(self, name: str, items: tuple[Description, ...]) -> None:
        self._cache[name] = self._clock(), items
        self._cache.move_to_end(name)
        if len(self._cache) > MAX_ANSWERS:
            self._cache.popitem(last=False)

    def _vote(self, crop: RedactedCrop, name: str, items: Sequence[Description]) -> bool:
        votes = tuple(
            vote
            for item in items
            if item.confidence >= self._plan.min_confidence
            for vote in votes_of(item, crop.at, name, self._plan.votes)
        )
        if votes and not self._waiting.closed:
            self._answers.append((crop.track, votes))
        return bool(votes)

    def _works(self) -> None:
        self._breaker.succeed()
        self._outage.recover()

    def _stumble(self, error: NoAnswer) -> None:
        """Pause as the service asks or the breaker demands; log it once per cause."""
        now, trouble = self._clock(), error.trouble
        if trouble in WORKS:
            self._breaker.succeed()
        else:
            self._breaker.fail(now, for_good=trouble in FOR_GOOD)
        self._quiet_until = now + (error.retry_after_s or 0.0)
        wait = max(self._quiet_until, self._breaker.ready_at) - now
        self._outage.fail(f"{error}{f'; next in {wait:.0f} s' if wait > 0 else ''}", cause=trouble.value)


def votes_of(item: Description, at: int, picture: str, count: int) -> list[Vote]:
    """Return the votes of one item; the same picture's have the same ids, so that they never count twice.

    An item of which only the slot is known gives no vote: everybody wears some top.
    """
    type_ = item.type if item.type != item.slot else None
    if type_ is None and item.brand is None:
        return []
    ids = (f"described {picture[:16]} {item.slot} {number}" for number in range(count))
    model = item.model or None
    return [Vote(id_, item.slot, type_, item.brand, item.confidence, at, model) for id_ in ids]
