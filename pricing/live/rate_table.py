"""Exchange rates that follow the European Central Bank's daily file."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from pricing.errors import BadInput
from pricing.live.rates import ExchangeRates, read_ecb
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

    from pricing.live.http import HttpClient

logger = logging.getLogger(__name__)

EVERY_S = 6 * 3600.0
RETRY_S = 900.0


class RateTable:
    """The rates in use: those configured, until the feed has newer ones. url: None to stay with them."""

    def __init__(
        self,
        configured: ExchangeRates | None,
        url: str | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.current = configured
        self._url = url
        self._clock = clock
        self._due = float("-inf")
        self._outage = Outage(
            logger,
            "exchange rates cannot be fetched",
            "exchange rates are fetched again",
            level=logging.WARNING,
        )
        self._lock = threading.Lock()

    @property
    def failing(self) -> bool:
        """Whether the last try to fetch the feed failed."""
        return self._outage.active

    def refresh(self, client: HttpClient) -> None:
        """Fetch the feed where it is due; a failure keeps the old rates and is logged once."""
        with self._lock:
            now = self._clock()
            if self._url is None or now < self._due or client.closed:
                return
            self._due = now + RETRY_S
            reply = client.get(self._url, {}, {"Accept": "application/xml"})
            try:
                if reply.failure is not None or reply.status != 200:
                    raise BadInput("no answer")
                fresh = read_ecb(reply.body)
            except BadInput:
                if not client.closed:
                    self._outage.fail(f"those of {self._day()} stay")
                return
            self._outage.recover()
            self._due = now + EVERY_S
            if self.current is None or fresh.day >= self.current.day:
                self.current = fresh
            logger.info("exchange rates of %s are in use", self._day())

    def _day(self) -> str:
        return str(self.current.day) if self.current else "no day"
