"""Salespeople's PINs: who may answer offers on which phone."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread

from web.access.guard import address
from web.access.limits import Allowance
from web.access.signin import Token
from web.refusal import Code, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import HTTPConnection

    from pipelines.sales.phones import StaffPhones
    from pipelines.settings.staff import StaffConfig

PHONE_COOKIE = "msh_phone"
TRIES, TRIES_PER_S = 5, 5 / 60
"""Wrong PINs for one name from one address: five at once, then five a minute."""


class Pins:
    """Checks PINs. A wrong one counts against its name and address together, so nobody locks out another.

    Used in one event loop.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._wrong = Allowance(TRIES, TRIES_PER_S, clock)
        self._tokens: dict[str, Token] = {}
        self._one_hash = CapacityLimiter(1)

    async def check(self, request: HTTPConnection, secret: str, name: str, pin: str) -> None:
        """Return where the PIN is this person's; Refused where not, and after too many wrong ones.

        secret: the PIN as the store file has it, or its hash.
        """
        who = f"{address(request)} {name}"
        wait_s = self._wrong.wait_s(who)
        if wait_s > 0:
            raise Refused(
                Code.TOO_MANY,
                "too many wrong PINs; wait a little",
                headers={"Retry-After": str(math.ceil(wait_s))},
            )
        self._wrong.spend(who)  # before the check, so that guesses sent at once count too
        if not await to_thread.run_sync(self._matches, secret, pin, limiter=self._one_hash):
            raise Refused(Code.WRONG_PIN, "that is not the PIN")
        self._wrong.give_back(who)

    def _matches(self, secret: str, pin: str) -> bool:
        token = self._tokens.get(secret)
        if token is None:
            if len(self._tokens) > 256:  # PINs of store files that were changed
                self._tokens.clear()
            token = self._tokens[secret] = Token(secret)
        return token.matches(pin)


def secret_of(staff: StaffConfig, name: str, phones: StaffPhones) -> str:
    """Return the hash of a person's PIN set on the page, else what the store file has; empty without."""
    if (person := staff.people.get(name)) is not None and (own := phones.pin(name)):
        return own
    return person.pin.get_secret_value() if person is not None and person.pin is not None else ""


def cookie_of(name: str, ticket: str) -> str:
    """Return what a phone keeps."""
    return f"{name.encode().hex()}.{ticket}"


def seller_of(request: HTTPConnection, staff: StaffConfig, phones: StaffPhones) -> tuple[str, str] | None:
    """Return name and ticket of the phone that asks; None where it is not signed in."""
    name, ticket = _parse(request.cookies.get(PHONE_COOKIE, ""))
    if name in staff.people and ticket and phones.knows(name, secret_of(staff, name, phones), ticket):
        return name, ticket
    return None


def _parse(cookie: str) -> tuple[str, str]:
    name, _, ticket = cookie.partition(".")
    try:
        return bytes.fromhex(name).decode(), ticket
    except ValueError:
        return "", ""
