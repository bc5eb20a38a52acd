from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from pricing.live.breaker import Breaker
from pricing.live.cache import PriceCache, history
from pricing.live.json_service import JsonPaths
from pricing.live.live import MAX_WAITING, LivePrices, LiveSpec
from pricing.live.offers import Judge
from pricing.live.rate_table import RateTable
from pricing.live.rates import ExchangeRates
from pricing.live.remembered import Freshness
from pricing.live.services import DescribedService, OpenWebNinja, PriceService
from tests.fakes.price_server import KEY, PriceServer, product
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pricing.value import Price

HOUR = 3_600_000_000_000
FRESH = Freshness(fresh=24 * HOUR, stale=240 * HOUR, nothing=2 * HOUR)
RATES = ExchangeRates(date(2026, 11, 20), "ECB", "EUR", {"USD": Decimal("1.25")})


class Shop:
    """Live prices against a server, with a wall clock that tests may turn."""

    def __init__(
        self,
        server: PriceServer,
        path: Path,
        service: PriceService | None = None,
        rates: RateTable | None = None,
        **spec: object,
    ) -> None:
        self.results: Counter[str] = Counter()
        self.hours = self.later_s = 0.0
        self.began = time.time_ns()
        self.rates = rates or RateTable(RATES, None)
        self.live = LivePrices(
            service or OpenWebNinja(server.url, KEY, country="us", language="en", currency="USD"),
            lambda: Judge("EUR", Decimal(1), Decimal(100_000), self.rates.current),
            PriceCache(path, 10_000_000, self.now),
            LiveSpec(
                **{"freshness": FRESH, "budget_per_day": 1000, "timeout_s": 60.0, "retry_s": 0.02, **spec}
            ),  # type: ignore[arg-type]  # a test's shorthand
            random=lambda: 0.5,
            today=lambda: date(2026, 11, 22),
            spell=str.title,
            on_result=lambda word: self.results.update([word]),
            rates=self.rates,
            now_ns=self.now,
            clock=lambda: time.monotonic() + self.later_s,
            breaker=Breaker(lambda: 0.5, failures=3, first_s=0.2, max_s=0.4),
            again_s=0.05,
        )
        self.live.start()

    def now(self) -> int:
        return time.time_ns() + int(self.hours * HOUR)

    def ask(self, brand: str = "nike", type_: str = "sneakers") -> Price | None:
        return self.live.recall(brand, type_)

    def wait(self, minor: int | None, *, stale: bool = False, seconds: float = 300.0) -> None:
        """Ask as the ledger does, again and again, until the price is so."""

        def so() -> bool:
            price = self.ask()
            return (price is None and minor is None) or (
                price is not None and price.amount_minor == minor and price.stale == stale
            )

        wait_for(so, seconds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prices.db"


@pytest.fixture
def server() -> Iterator[PriceServer]:
    with PriceServer() as one:
        yield one


@pytest.fixture
def shop(server: PriceServer, path: Path) -> Iterator[Shop]:
    one = Shop(server, path)
    yield one
    one.live.stop()


def test_a_price_comes_later_and_is_asked_for_once(shop: Shop, server: PriceServer) -> None:
    assert shop.ask() is None
    for _ in range(1000):
        shop.ask()
    shop.wait(10320)
    price = shop.ask()
    assert price
    assert (price.source, price.currency, price.stale) == ("openwebninja", "EUR", False)
    assert len(server.asked) == 1
    asked, query, headers = server.asked[0]
    assert asked.endswith("/realtime-product-search/search-v2")
    assert query == {
        "q": "Nike sneakers", "country": "us", "language": "en", "limit": "20", "product_condition": "NEW",
    }  # fmt: skip
    assert headers["x-api-key"] == KEY
    assert "x-rapidapi-key" not in headers


def test_at_the_gateway_the_headers_are_rapidapi_s() -> None:
    base = "https://real-time-product-search.p.rapidapi.com"
    url, _, headers = OpenWebNinja(base, KEY, country="de", language="de", currency="EUR").question(
        history_thing(), "Nike"
    )
    assert url == f"{base}/search-v2"
    assert headers == {"x-rapidapi-key": KEY, "x-rapidapi-host": "real-time-product-search.p.rapidapi.com"}


def history_thing():
    from pricing.live.remembered import Thing

    return Thing("nike", "sneakers")


def test_memory_outlives_the_process_and_tells_its_history(server: PriceServer, path: Path) -> None:
    first = Shop(server, path)
    first.wait(10320)
    first.live.stop()
    server.mode = "500"
    second = Shop(server, path)
    price = second.ask()
    second.live.stop()
    assert price
    assert price.amount_minor == 10320
    (answer,) = history(path, history_thing())
    assert answer.detail == "median of 3 offers; USD at 0.8 (ECB 2026-11-20)"


@pytest.mark.parametrize(
    "mode",
    ["500", "401", "429", "302", "400", "404", "slow", "drip", "garbage", "html", "nan", "deep", "huge",
     "bomb", "cut", "absurd"],
)  # fmt: skip
def test_while_it_fails_the_old_price_is_used_as_stale_and_it_recovers_by_itself(
    server: PriceServer, path: Path, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shop = Shop(server, path, timeout_s=1.0 if mode in ("slow", "drip") else 60.0)
    try:
        shop.wait(10320)
        caplog.clear()  # of an answer that came late on a busy machine
        shop.hours = 25
        server.mode, server.price = mode, "$150.00"
        if mode == "429":
            server.headers["Retry-After"] = "1"
        shop.wait(10320, stale=True)
        asked = len(server.asked)
        wait_for(lambda: (shop.ask() and sum(shop.results.values()) >= 4) or mode == "429")
        price = shop.ask()
        assert price
        assert (price.amount_minor, price.stale) == (10320, True)
        lines = [r.message for r in caplog.records if r.levelno >= logging.WARNING]
        assert len(lines) == len(set(lines)) <= 1
        server.mode = "good"
        shop.wait(12000)
        assert len(server.asked) > asked
        assert KEY not in caplog.text
        assert "nike" not in "".join(lines).lower()
    finally:
        shop.live.stop()


def test_recall_never_waits_while_the_service_hangs(server: PriceServer, path: Path) -> None:
    server.mode = "slow"
    shop = Shop(server, path, timeout_s=60.0)
    try:
        slowest = 0.0
        for n in range(3000):
            begins = time.perf_counter()
            shop.live.recall(f"brand {n}", "hat")
            slowest = max(slowest, time.perf_counter() - begins)
        assert shop.live.waiting <= MAX_WAITING
        assert shop.results["dropped"] >= 3000 - MAX_WAITING
        assert slowest < 30
    finally:
        begins = time.monotonic()
        shop.live.stop()
        assert time.monotonic() - begins < 50
    assert not any(t.is_alive() for t in shop.live._threads)


def test_a_service_that_is_down_is_asked_rarely(shop: Shop, server: PriceServer) -> None:
    server.mode = "500"
    begins = time.monotonic()
    while time.monotonic() - begins < 1.5:
        for n in range(20):
            shop.live.recall(f"brand {n}", "hat")
        time.sleep(0.01)
    wait_for(lambda: len(server.asked) >= 3)
    # Three failures open it; then single tries after 0.2 and every 0.4 s, with two threads' worth of slack.
    assert len(server.asked) <= 9 + (time.monotonic() - begins) / 0.4


def test_other_brands_and_empty_answers_are_remembered_as_nothing(shop: Shop, server: PriceServer) -> None:
    server.mode = "wrong"
    shop.ask()
    wait_for(lambda: shop.results["nothing"] == 1)
    time.sleep(0.1)
    assert shop.ask() is None
    assert len(server.asked) == 1
    shop.hours = 3
    server.mode = "good"
    shop.wait(10320)


@pytest.mark.parametrize(("feed", "again_s"), [("http://127.0.0.1:9/", 900), (None, 2 * 3600)])
def test_a_price_without_a_rate_is_no_nothing_but_sought_again_when_there_may_be_one(
    server: PriceServer, path: Path, feed: str | None, again_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop(server, path, rates=RateTable(None, feed))
    try:
        shop.ask()
        wait_for(lambda: shop.results["no_rate"] == 1)
        assert history(path, history_thing()) == []
        assert "currencies without an exchange rate" in caplog.text
        shop.rates.current, shop.later_s = RATES, again_s - 60
        assert shop.ask() is None
        assert shop.live.waiting == 0
        shop.later_s = again_s + 60
        shop.wait(10320)
        assert len(server.asked) == 2
    finally:
        shop.live.stop()


def test_a_service_whose_prices_are_in_doubt_is_asked_on_about_others_and_the_log_tells_once(
    server: PriceServer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It answers well: it must neither be let be nor asked for the same all day, which spends the budget."""
    server.answers = {f"/{n}": {"price": "1.290"} for n in range(8)} | {"/Good": {"price": "103.20"}}
    url, headers = f"{server.url.rsplit('/', 1)[0]}/{{brand}}", {"x-api-key": KEY}
    service = DescribedService(url, headers, JsonPaths(), values={}, currency="EUR")
    shop = Shop(server, path, service)
    try:
        for n in range(8):
            shop.ask(str(n))
            wait_for(lambda n=n: shop.results["doubtful"] == n + 1)
        shop.later_s = 2 * 3600 - 60
        assert [shop.ask(str(n)) for n in range(8)] == [None] * 8
        assert shop.live.waiting == 0
        shop.ask("good")
        wait_for(lambda: shop.ask("good") is not None)
        assert len(server.asked) == 9
        told = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
        assert len(told) == 1
        assert "prices.live.service.three_digits" in told[0]
        shop.later_s = 2 * 3600 + 60
        shop.ask("0")
        wait_for(lambda: shop.results["doubtful"] == 9)
    finally:
        shop.live.stop()


def test_a_price_that_jumps_is_believed_when_it_comes_twice(shop: Shop, server: PriceServer) -> None:
    shop.wait(10320)
    shop.hours = 25
    server.price = "$1290.00"
    shop.wait(10320, stale=True)
    shop.wait(103200)
    assert len(server.asked) == 3


def test_the_budget_of_the_day_holds_over_restarts(
    server: PriceServer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        shop = Shop(server, path, budget_per_day=3)
        for n in range(3 + len(server.asked)):
            shop.live.recall(f"brand {len(server.asked)}.{n}", "hat")
        wait_for(lambda: len(server.asked) == 3)
        time.sleep(0.1)
        shop.live.stop()
    assert len(server.asked) == 3
    assert len([r for r in caplog.records if "is used up" in r.message]) <= 2


def test_nothing_remaining_holds_the_next_question_back(shop: Shop, server: PriceServer) -> None:
    server.headers = {"X-RateLimit-Requests-Remaining": "0", "X-RateLimit-Requests-Reset": "600"}
    shop.wait(10320)
    shop.live.recall("adidas", "hat")
    shop.later_s = 500
    shop.live.recall("prada", "hat")
    time.sleep(0.1)
    assert len(server.asked) == 1
    shop.later_s = 601
    shop.live.recall("gucci", "hat")
    wait_for(lambda: len(server.asked) > 1)


def test_many_threads_asking_at_once_ask_the_service_once(shop: Shop, server: PriceServer) -> None:
    threads = [threading.Thread(target=lambda: [shop.ask() for _ in range(300)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    shop.wait(10320)
    assert len(server.asked) == 1


PATHS = JsonPaths("$.articles[*]", "$.price.cents", None, "$.price.currency", "$.name", in_minor=True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"articles": [{"name": "Nike 1", "price": {"cents": 12900, "currency": "EUR"}}]}, 12900),
        ({"articles": [{"name": "Nike 1", "price": {"cents": 12500, "currency": "USD"}}]}, 10000),
        ({"articles": [{"name": "Nike 1", "price": {"cents": 12900}}]}, 12900),
        ({"articles": [{"name": "Adidas", "price": {"cents": 12900}}]}, "nothing"),
        ({"articles": []}, "nothing"),
        ({"articles": [{"name": "Nike", "price": {"cents": "on request"}}]}, "nothing"),
        ({"articles": [{"name": "Nike"}]}, "garbage"),
        ("text", "garbage"),
    ],
)
def test_a_retailer_s_own_service_described_in_the_store_file(
    server: PriceServer, path: Path, answer: object, expected: object
) -> None:
    base = server.url.rsplit("/", 1)[0]
    url = f"{base}/v1/price/{{brand}}?kind={{type}}&land={{country}}"
    service = DescribedService(url, {"x-shop-key": KEY}, PATHS, values={"country": "de"}, currency="EUR")
    server.answers["/v1/price/Nike"] = answer
    shop = Shop(server, path, service, retries=0)
    try:
        if isinstance(expected, int):
            shop.wait(expected)
        else:
            shop.ask()
            wait_for(lambda: shop.results[str(expected)] == 1)
        assert server.asked[0][:2] == ("/v1/price/Nike", {"kind": "sneakers", "land": "de"})
    finally:
        shop.live.stop()


def test_names_from_outside_cannot_leave_their_place_in_the_url() -> None:
    service = DescribedService("http://x/{brand}?t={type}", {}, PATHS, values={}, currency="EUR")
    assert service.question(history_thing(), "a/../b?c&d#e ü{type}")[0] == (
        "http://x/a%2F..%2Fb%3Fc%26d%23e%20%C3%BC%7Btype%7D?t=sneakers"
    )


def test_products_of_the_fake_are_like_the_service_s() -> None:
    assert {"product_title", "typical_price_range", "offer"} <= set(product("x"))


def test_a_passing_failure_is_tried_again_without_being_asked_for(server: PriceServer, path: Path) -> None:
    server.mode = "500"
    shop = Shop(server, path, retries=50)
    try:
        shop.ask()
        wait_for(lambda: len(server.asked) >= 2)
        server.mode = "good"
        wait_for(lambda: shop.results["answered"] == 1)
    finally:
        shop.live.stop()
