"""Prices of a live service: cached ones at once, the others are requested in the background."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING

from pricing.brands.names import normal_brand
from pricing.live.breaker import Breaker, BreakerState, Budget, pause_s
from pricing.live.http import Failure, HttpClient
from pricing.live.offers import BadAnswer, NoRate, Quote
from pricing.live.rate_table import RETRY_S
from pricing.live.remembered import Answer, Freshness, PriceBelief, Result, Thing, updated
from pricing.live.services import ask
from pricing.news import news
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from pricing.live.cache import PriceCache
    from pricing.live.http import Reply
    from pricing.live.offers import Judge
    from pricing.live.rate_table import RateTable
    from pricing.live.services import PriceService
    from pricing.value import Price

logger = logging.getLogger(__name__)

RESULTS = ("answered", "nothing", "no_rate", "dropped", *(failure.value for failure in Failure))
"""The values of `on_result`."""
THREADS = 2
MAX_WAITING = 256
MAX_SUPPRESSED = 4096
MAX_THINGS = 20_000
LONGEST_NAME = 80
AGAIN_S = 20.0
"""After a request, whatever its result, the same item is not requested for so long."""
_IDLE_S = 30.0
_WORTH_TELLING_S = 60.0
WORDS = {
    Failure.TIMEOUT: "does not answer in time",
    Failure.UNREACHABLE: "cannot be reached: check prices.live and the network",
    Failure.TLS: "has no trusted certificate",
    Failure.REFUSED: "refuses the key: check prices.live",
    Failure.LIMITED: "asks for a pause",
    Failure.BROKEN: "reports an error of its own",
    Failure.REJECTED: "rejects the question: check the address in prices.live",
    Failure.GARBAGE: "answers with what is no sensible price",
    Failure.DOUBTFUL: "gives prices such as 1.290, or 1,290 of dinars, which is 1290 or 1.29: say"
    " which by prices.live.service.three_digits",
}
WITHOUT_RATE = "gives prices in currencies without an exchange rate: check prices.rates and prices.live"


@dataclass(frozen=True, slots=True)
class LiveSpec:
    """How requests are made. retries: more attempts at one request after a passing failure.

    The first comes after about retry_s, each next after twice as long.
    """

    freshness: Freshness
    budget_per_day: int
    timeout_s: float
    retries: int = 2
    retry_s: float = 1.0


@dataclass(order=True, slots=True)
class _Job:
    due: float
    number: int
    thing: Thing = field(compare=False)
    attempts: int = field(default=0, compare=False)


class LivePrices:
    """Looks up unknown or stale prices in a service, one request per item at a time, and caches answers.

    `recall` never waits; any thread may call it. Requests above MAX_WAITING are dropped; the next recall
    queues them again. judge: called for each answer, as rates change. today: the day of the budget. spell: a
    brand's normal form as people write it. on_result: called with the result of each request, of RESULTS.
    """

    def __init__(
        self,
        service: PriceService,
        judge: Callable[[], Judge],
        cache: PriceCache,
        spec: LiveSpec,
        *,
        random: Callable[[], float],
        today: Callable[[], date],
        spell: Callable[[str], str] = str,
        on_result: Callable[[str], None] = lambda _: None,
        rates: RateTable | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        clock: Callable[[], float] = time.monotonic,
        breaker: Breaker | None = None,
        again_s: float = AGAIN_S,
    ) -> None:
        self._service, self._judge, self._cache, self._spec = service, judge, cache, spec
        self._random, self._today, self._spell, self._on_result = random, today, spell, on_result
        self._rates, self._now_ns, self._clock, self._again_s = rates, now_ns, clock, again_s
        self._beliefs: dict[Thing, PriceBelief] = cache.believed(judge().currency)
        self._budget = Budget(spec.budget_per_day, cache.spent)
        self._breaker = breaker or Breaker(random)
        self._wake = threading.Condition()
        self._jobs: list[_Job] = []
        self._waiting: set[Thing] = set()
        self._suppressed_until: dict[Thing, float] = {}
        self._numbers = count()
        self._paused_until = 0.0
        self._outage = Outage(
            logger,
            f"price service {service.host} fails, known prices are used",
            f"price service {service.host} answers again",
            level=logging.WARNING,
        )
        self._logged_results: set[str] = set()
        """Results other than failures of which the log tells."""
        self._spent_logged: date | None = None
        self._stopping = False
        self._clients = [HttpClient(spec.timeout_s) for _ in range(THREADS)]
        self._threads = [
            threading.Thread(target=self._run, args=(client,), name=f"prices-{n}", daemon=True)
            for n, client in enumerate(self._clients)
        ]

    @property
    def waiting(self) -> int:
        """Number of queued requests."""
        return len(self._waiting)

    def start(self) -> None:
        """Start the request threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Cancel running requests and stop the threads; answers that arrived are kept."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        for client in self._clients:
            client.close()
        ends = self._clock() + timeout_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, ends - self._clock()))
        self._cache.close()

    def expire(self) -> None:
        """Delete the answers on disk that have had their time."""
        self._cache.expire()

    def recall(self, brand: str, type_: str, model: str = "") -> Price | None:
        """Return the cached price, stale or not, and queue a request if one is due; never waits."""
        thing = _thing(brand, type_, model)
        belief, now = self._beliefs.get(thing), self._now_ns()
        if belief is None or belief.needs_lookup(now, self._spec.freshness):
            self._enqueue(thing)
        return belief.price_at(now, self._spec.freshness) if belief is not None else None

    def _enqueue(self, thing: Thing) -> None:
        if thing in self._waiting or not 0 < len(thing.brand) <= LONGEST_NAME:
            return
        now = self._clock()
        if now < self._suppressed_until.get(thing, 0.0):
            return
        with self._wake:
            if thing in self._waiting or self._stopping:
                return
            if len(self._waiting) >= MAX_WAITING:
                self._suppress(thing, now)
                self._on_result("dropped")
                return
            self._waiting.add(thing)
            heapq.heappush(self._jobs, _Job(now, next(self._numbers), thing))
            self._wake.notify()

    def _run(self, client: HttpClient) -> None:
        while (job := self._next()) is not None:
            try:
                if self._rates is not None:
                    self._rates.refresh(client)
                self._answer(job, client)
            except Exception:
                # One question that breaks the reader must not end all others.
                logger.exception("asking for a price failed")
                self._failed(job, Failure.GARBAGE, 0.0)

    def _next(self) -> _Job | None:
        """Wait for the next request that may be sent; return None at the end."""
        with self._wake:
            while not self._stopping:
                wait_s = self._wait_s(self._clock())
                if wait_s <= 0:
                    self._budget.spend(self._today())
                    return heapq.heappop(self._jobs)
                self._wake.wait(min(wait_s, _IDLE_S))
        return None

    def _wait_s(self, now: float) -> float:
        """Return how long to wait at least; 0 where the breaker has just let the first job out."""
        if not self._jobs:
            return _IDLE_S
        held = max(self._jobs[0].due, self._paused_until) - now
        if held > 0:
            return held
        today = self._today()
        if self._budget.left(today) <= 0:
            if self._spent_logged != today:
                self._spent_logged = today
                spent = self._budget.spent(today)
                logger.warning(
                    "daily budget of %d price service requests is used up",
                    spent,
                    extra=news("price_budget", count=spent),
                )
            return _IDLE_S
        if self._breaker.admits(now):
            return 0.0
        return max(self._breaker.ready_at - now, 0.2)

    def _answer(self, job: _Job, client: HttpClient) -> None:
        self._cache.spend(self._today())
        brand = self._spell(job.thing.brand)
        found, reply = ask(self._service, client, job.thing, brand)
        if self._stopping:
            return
        pause = self._pause(reply)
        if found is Failure.DOUBTFUL:
            self._not_to_be_read(job, found.value, WORDS[found])
            return
        if isinstance(found, Failure):
            self._failed(job, found, pause)
            return
        try:
            judge = self._judge()
            quote = judge.quote(brand, found)
        except BadAnswer:
            self._failed(job, Failure.GARBAGE, pause)
            return
        except NoRate:
            self._without_rate(job)
            return
        self._learn(answer_of(job.thing, quote, judge.currency, self._service.source, self._now_ns()))
        self._succeeded(job)
        self._on_result("answered" if quote else "nothing")

    def _learn(self, answer: Answer) -> None:
        self._cache.put(answer)
        with self._wake:
            self._beliefs[answer.thing] = updated(self._beliefs.pop(answer.thing, None), answer)
            if len(self._beliefs) > MAX_THINGS:
                del self._beliefs[next(iter(self._beliefs))]

    def _without_rate(self, job: _Job) -> None:
        """Leave it for later: the missing exchange rate may come with the feed or after a restart."""
        soon = self._rates is not None and self._rates.failing
        self._not_to_be_read(job, "no_rate", WITHOUT_RATE, RETRY_S if soon else None)

    def _not_to_be_read(self, job: _Job, result: str, why: str, again_s: float | None = None) -> None:
        """Cache nothing of a service that answers well, since what lacks is ours, and say so once.

        again_s: when the same is asked for again; None: as late as what the service does not know.
        """
        self._succeeded(job, self._spec.freshness.nothing / 1e9 if again_s is None else again_s)
        if result not in self._logged_results:
            self._logged_results.add(result)
            logger.warning("price service %s %s", self._service.host, why)
        self._on_result(result)

    def _succeeded(self, job: _Job, again_s: float | None = None) -> None:
        with self._wake:
            self._breaker.succeed()
            self._done(job, again_s)
            self._wake.notify_all()
        self._outage.recover()

    def _failed(self, job: _Job, failure: Failure, pause: float) -> None:
        self._on_result(failure.value)
        with self._wake:
            now = self._clock()
            if failure is Failure.LIMITED:
                self._breaker.succeed()  # it lives; the pause holds everything back
            else:
                self._breaker.fail(now, for_good=failure is Failure.REFUSED)
            opened = self._breaker.state is BreakerState.OPEN or pause >= _IDLE_S
            job.attempts += 1
            lasting = failure in (Failure.REFUSED, Failure.REJECTED)
            if job.attempts > self._spec.retries or lasting:
                self._done(job)
            else:
                job.due = now + self._spec.retry_s * 2 ** (job.attempts - 1) * (0.5 + self._random())
                heapq.heappush(self._jobs, job)
            self._wake.notify_all()
        if opened:
            self._outage.fail(f"it {WORDS[failure]}")

    def _pause(self, reply: Reply) -> float:
        """Pause all requests for as long as the response asks."""
        pause = pause_s(reply.status, reply.headers, self._now_ns() / 1e9)
        with self._wake:
            now = self._clock()
            fresh, self._paused_until = self._paused_until <= now, max(self._paused_until, now + pause)
        if pause >= _WORTH_TELLING_S and fresh:
            logger.info("price service %s asks for a pause; next request in %d s", self._service.host, pause)
        return pause

    def _done(self, job: _Job, again_s: float | None = None) -> None:
        self._waiting.discard(job.thing)
        self._suppress(job.thing, self._clock(), again_s)

    def _suppress(self, thing: Thing, now: float, again_s: float | None = None) -> None:
        suppressed_s = self._again_s if again_s is None else again_s
        if len(self._suppressed_until) >= MAX_SUPPRESSED:
            self._suppressed_until = {
                thing: until for thing, until in self._suppressed_until.items() if until > now
            }
        if len(self._suppressed_until) >= MAX_SUPPRESSED:
            del self._suppressed_until[next(iter(self._suppressed_until))]
        self._suppressed_until[thing] = now + suppressed_s * (0.75 + 0.5 * self._random())


def answer_of(thing: Thing, quote: Quote | None, currency: str, source: str, at: int) -> Answer:
    """Return the answer to cache; no quote is NOTHING. at: UTC ns."""
    if quote is None:
        return Answer(thing, at, Result.NOTHING, 0, 0, 0, currency, source, "no offer")
    amounts = quote.amount_minor, quote.min_minor, quote.max_minor
    return Answer(thing, at, Result.PRICED, *amounts, currency, source, quote.detail)


@lru_cache(maxsize=4096)
def _thing(brand: str, type_: str, model: str) -> Thing:
    return Thing(normal_brand(brand), type_, normal_brand(model))
