"""A page of a store with staff: the real desk, its file and the real server, over people of a test."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from pipelines.floor.publisher import NoPublisher
from pipelines.insights.file import InsightsFile
from pipelines.sales.file import SaleFile
from pipelines.sales.floor_desk import FloorDesk
from pricing.money import display, exponent
from pricing.sales.desk import SalesDesk
from tests.fakes.broker import free_port
from tests.fakes.served_page import FakeFloor, Page, customer, served_page
from web.access.signin import hash_token

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings.root import Settings
    from probes.metrics import Metrics

PIN = "0417"
SECOND = 1_000_000_000


def staff_section(pin: str = PIN) -> str:
    """Anna has a PIN, of which the file holds the hash; Jörg has none."""
    return f"""\
staff:
  people:
    Anna:
      {{rank: 5, skills: [handbag, Burberry], zones: [doorway], languages: [it, de],
        pin: "{hash_token(pin)}"}}
    Jörg B.: {{rank: 2}}
  accept_within_s: 30
  unattended_after_s: 120
  escalate_at_least: 1000
"""


class SellingPage:
    """A store that can be killed and started anew; `tick` lets its time pass."""

    def __init__(
        self,
        folder: Path,
        *,
        token: str | None = None,
        more: str = "",
        sections: str | None = None,
        locale: str = "en",
        currency: str = "EUR",
    ) -> None:
        """token, more: as of `served_page`."""
        self.folder, self.locale, self.currency = folder, locale, currency
        self.token, self.more = token, more
        self.sections = staff_section() if sections is None else sections
        self.floor, self.port, self.ahead = FakeFloor(), free_port(), 0
        self._stack = contextlib.ExitStack()
        self.page: Page
        self.desk: FloorDesk
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def now(self) -> int:
        return time.time_ns() + self.ahead

    def start(self) -> None:
        """Start, or start again on what the last run left on disk."""

        def build(settings: Settings, floor: FakeFloor, metrics: Metrics) -> FloorDesk:
            assert settings.staff is not None
            money = partial(display, currency=self.currency)
            self.desk = FloorDesk(
                SalesDesk(settings.staff.members(), settings.staff.rules(self.currency), money),
                SaleFile(self.folder / "sales.db", self.now),
                floor,  # type: ignore[arg-type]  # what the desk uses of a floor
                NoPublisher(),
                metrics,
                store="test-store", device="box", currency=self.currency,
                minor_per_unit=10 ** exponent(self.currency), run=f"{self.port:05x}",
                now_ns=self.now, utc=lambda at: at, getrandbits=Random(1).getrandbits,
            )  # fmt: skip
            return self.desk

        served = served_page(
            self.folder,
            token=self.token,
            more=self.more,
            sections=self.sections,
            desk=build,
            insights=InsightsFile(self.folder / "insights.db", self.now),
            floor=self.floor,
            port=self.port,
            locale=self.locale,
            currency=self.currency,
        )
        self.page = self._stack.enter_context(served)

    def stop(self) -> None:
        self._stack.close()
        self.desk.stop()

    def show(self, *worths: int, first: int = 1) -> None:
        """Have so many customers in the shop, of these values; numbered from the first."""
        people = (customer(f"k7f3-{n:04d}", minor, n) for n, minor in enumerate(worths, first))
        self.floor.show(*(replace(one, number=n) for n, one in enumerate(people, first)))
        self.tick()

    def tick(self, after_s: float = 0) -> None:
        self.ahead += int(after_s * SECOND)
        self.desk.tick()
