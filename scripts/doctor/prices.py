"""Checks that the price service answers with this key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import BadInput
from pricing.live.remembered import Result, Thing
from pricing.money import display
from scripts.check_result import CheckResult, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings

_ASKED = Thing("nike", "sneakers")


def look_at_price_service(settings: Settings) -> Iterator[CheckResult]:
    """Ask for a price that every shop search knows; this counts as one request of the budget."""
    if settings.prices.live is None:
        return
    from pipelines.assembly.prices import ask_once  # noqa: PLC0415 loads requests

    what = f"price of {_ASKED.brand.title()} {_ASKED.type}"
    try:
        answer = ask_once(settings, _ASKED, _ASKED.brand.title())
    except BadInput as error:
        yield fail("price service", str(error), "until then only known prices are used; mend prices.live")
        return
    if answer.result is Result.NOTHING:
        mend = "look at its answer; prices in other currencies need prices.rates"
        yield warn("price service", f"answers, but with no {what}", mend)
        return
    price = display(answer.amount_minor, answer.currency, settings.store.locale)
    yield ok("price service", f"answers: {what} is {price}, {answer.detail}")
