"""The price services: how each is asked, and how its answer is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from pricing.live.http import Failure, HttpClient, parse_json
from pricing.live.json_service import JsonService, fill
from pricing.live.offers import BadAnswer, Doubtful
from pricing.live.openwebninja import SOURCE, read_offers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pricing.live.http import Reply
    from pricing.live.json_service import JsonPaths
    from pricing.live.offers import Offer
    from pricing.live.remembered import Thing

GATEWAY = ".p.rapidapi.com"
Question = tuple[str, dict[str, str], dict[str, str]]
"""URL, parameters, headers."""


class PriceService(Protocol):
    """One price service. source: its name beside a price; host: its name in logs."""

    @property
    def source(self) -> str:
        """Its name beside a price."""

    @property
    def host(self) -> str:
        """Its name in logs."""

    def question(self, thing: Thing, brand: str) -> Question:
        """Return what to GET. brand: as people spell it."""

    def offers(self, answer: object) -> list[Offer]:
        """Return the offers in parsed JSON; raises BadAnswer."""


class OpenWebNinja:
    """Real-Time Product Search, at the maker's host or through the RapidAPI gateway, told by the host name.

    base_url: up to the path of the operation. The key goes in `x-api-key`, at the gateway in `x-rapidapi-key`
    with `x-rapidapi-host` beside it. currency: of the country's prices.
    """

    source = SOURCE

    def __init__(self, base_url: str, key: str, *, country: str, language: str, currency: str) -> None:
        self._url = f"{base_url.rstrip('/')}/search-v2"
        self.host = urlsplit(base_url).hostname or ""
        self._currency = currency
        self._params = {"country": country, "language": language, "limit": "20", "product_condition": "NEW"}
        self._headers = {"x-api-key": key}
        if self.host.endswith(GATEWAY):
            self._headers = {"x-rapidapi-key": key, "x-rapidapi-host": self.host}

    def question(self, thing: Thing, brand: str) -> Question:
        """Return what to GET."""
        words = " ".join(filter(None, (brand, thing.model, thing.type.replace("-", " "))))
        return self._url, {"q": words, **self._params}, self._headers

    def offers(self, answer: object) -> list[Offer]:
        """Return the offers in parsed JSON; raises BadAnswer."""
        return read_offers(answer, self._currency)


class DescribedService:
    """A retailer's own service, as the store file describes it."""

    source = "service"

    def __init__(
        self, url: str, headers: Mapping[str, str], paths: JsonPaths, *, values: dict[str, str], currency: str
    ) -> None:
        self._url, self._headers, self._values, self._currency = url, dict(headers), values, currency
        self._reader = JsonService(paths)
        self.host = urlsplit(url).hostname or ""

    def question(self, thing: Thing, brand: str) -> Question:
        """Return what to GET."""
        return fill(self._url, thing, {**self._values, "brand": brand}), {}, self._headers

    def offers(self, answer: object) -> list[Offer]:
        """Return the offers in parsed JSON; raises BadAnswer."""
        return self._reader.read_offers(answer, self._currency)


def read(service: PriceService, reply: Reply) -> list[Offer] | Failure:
    """Return what a reply offers, nothing for "not found", or why it is no answer."""
    if reply.failure is not None:
        return reply.failure
    if reply.status == 404:
        # A described service may say so of one thing; OpenWeb Ninja's search never does.
        return Failure.REJECTED if isinstance(service, OpenWebNinja) else []
    try:
        return service.offers(parse_json(reply.body))
    except Doubtful:
        return Failure.DOUBTFUL
    except (BadAnswer, ValueError):
        return Failure.GARBAGE


def ask(
    service: PriceService, client: HttpClient, thing: Thing, brand: str
) -> tuple[list[Offer] | Failure, Reply]:
    """Ask about one thing; never raises for what the network or the service does."""
    reply = client.get(*service.question(thing, brand))
    return read(service, reply), reply
