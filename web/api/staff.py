"""`/api/staff`: a salesperson's phone. Signing in by name and PIN, state, answers to offers."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from starlette.responses import Response

from pipelines.access_log import AccessKind
from pricing.errors import BadInput
from pricing.sales.types import SaleOutcome, StaffState, UnknownSeller
from probes.events.messages import rfc3339
from web.access import body
from web.access.pins import PHONE_COOKIE, Pins, cookie_of, secret_of, seller_of
from web.access.signin import Right
from web.api.common import TrackedStream
from web.refusal import Code, Json, Refused
from web.sales import DeskWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

    from starlette.requests import Request

    from pipelines.sales.floor_desk import FloorDesk
    from pipelines.settings.staff import StaffConfig
    from web.access.guard import Gate
    from web.access.notes import AccessNotes
    from web.access.signin import Visitor
    from web.backend import Backend
    from web.live.desk_events import DeskEvents

MAX_AMOUNT = 10**12
LIFETIME_S = 16 * 3600
Fields = dict[str, Any]


class PhoneHandlers:
    """One per server; used in its event loop. Whoever is signed in here may answer for themselves alone."""

    def __init__(self, backend: Backend, gate: Gate, events: DeskEvents, notes: AccessNotes) -> None:
        self._backend, self._gate, self._events, self._notes = backend, gate, events, notes
        self._pins = Pins()

    async def read(self, request: Request, visitor: Visitor | None) -> Response:
        """Answer who may sign in here, and what the one who is signed in sees."""
        desk, staff = desk_of(self._backend)
        act = self._gate.may(visitor, Right.ACT)
        names = [
            {"name": name, "pin": bool(secret_of(staff, name, desk.phones))}
            for name in staff.people
            if act or secret_of(staff, name, desk.phones)
        ]
        seller = seller_of(request, staff, desk.phones)
        shown = DeskWriter(self._backend, desk).phone(seller[0] if seller else "")
        return Json({"at": rfc3339(time.time_ns()), "names": names, **shown})

    async def sign_in(self, request: Request, visitor: Visitor | None) -> Response:
        """Sign a phone in."""
        desk, staff = desk_of(self._backend)
        given = await fields_of(request, {"name", "pin"}, optional={"pin"})
        name, pin = text_of(given, "name"), given.get("pin")
        if pin is not None and not isinstance(pin, str):
            raise Refused(Code.INVALID, "pin: must be text")
        if name not in staff.people:
            raise Refused(Code.NOT_FOUND, "nobody of the staff has this name", reason="name_gone")
        if secret := secret_of(staff, name, desk.phones):
            try:
                await self._pins.check(request, secret, name, pin or "")
            except Refused:
                self._notes.refused(request)
                raise
        elif not self._gate.may(visitor, Right.ACT):
            raise Refused(
                Code.SIGN_IN,
                "this name has no PIN: sign in to the store's page on this phone first",
                reason="no_pin",
            )
        self._notes.note(AccessKind.SIGNED_IN, request, visitor, detail="phone", who=name)
        if before := seller_of(request, staff, desk.phones):  # the same phone, again or by another name
            old = secret_of(staff, before[0], desk.phones)
            await to_thread.run_sync(desk.phones.sign_out, before[0], old, before[1])
        ticket = await to_thread.run_sync(desk.phones.sign_in, name, secret)
        shown = DeskWriter(self._backend, desk).phone(name)
        return self._with_cookie(Json({"at": rfc3339(time.time_ns()), **shown}), cookie_of(name, ticket))

    async def sign_out(self, request: Request, visitor: Visitor | None) -> Response:
        """Sign this phone out; the salesperson's state stays."""
        desk, staff = desk_of(self._backend)
        if seller := seller_of(request, staff, desk.phones):
            name, ticket = seller
            self._notes.note(AccessKind.SIGNED_OUT, request, visitor, detail="phone", who=name)
            secret = secret_of(staff, name, desk.phones)
            await to_thread.run_sync(desk.phones.sign_out, name, secret, ticket)
        return self._with_cookie(Response(status_code=204), "")

    async def events(self, request: Request, _visitor: Visitor | None) -> Response:
        """Stream what this phone shows."""
        listener = self._events.enter(f"phone {self._seller(request)[1]}")

        def write() -> Fields | None:
            try:
                desk, name = self._seller(request)
            except Refused:
                return None
            return DeskWriter(self._backend, desk).phone(name)

        source = self._events.listen(listener, write)
        return TrackedStream(source, partial(self._events.leave, listener), "text/event-stream")

    async def state(self, request: Request, _visitor: Visitor | None) -> Response:
        """Set one's own state."""
        desk, name = self._seller(request)
        given = await fields_of(request, {"state"})
        state = one_of(given, "state", StaffState)
        return await act(desk.set_state, name, state)

    async def answer(self, request: Request, _visitor: Visitor | None) -> Response:
        """Accept or decline an offer."""
        (desk, name), offer = self._seller(request), _offer_of(request)
        given = await fields_of(request, {"answer"})
        answer = given["answer"]
        if answer not in ("accept", "decline"):
            raise Refused(Code.INVALID, "answer: accept or decline")
        return await act(lambda: desk.answer(offer, name, accept=answer == "accept"))

    async def done(self, request: Request, _visitor: Visitor | None) -> Response:
        """End attending a customer."""
        (desk, name), offer = self._seller(request), _offer_of(request)
        given = await fields_of(request, {"outcome", "amount_minor"}, optional={"amount_minor"})
        outcome, amount = one_of(given, "outcome", SaleOutcome), given.get("amount_minor")
        if amount is not None and (type(amount) is not int or not 0 <= amount <= MAX_AMOUNT):
            raise Refused(Code.INVALID, f"amount_minor: a whole number from 0 to {MAX_AMOUNT}")
        return await act(lambda: desk.done(offer, name, outcome, amount))

    def _seller(self, request: Request) -> tuple[FloorDesk, str]:
        desk, staff = desk_of(self._backend)
        seller = seller_of(request, staff, desk.phones)
        if seller is None:
            raise Refused(Code.SIGN_IN, "sign in with name and PIN")
        return desk, seller[0]

    def _with_cookie(self, answer: Response, cookie: str) -> Response:
        """Set the phone's cookie, or delete it if it is empty."""
        web = self._backend.settings.outputs.web
        answer.set_cookie(
            PHONE_COOKIE,
            cookie,
            max_age=LIFETIME_S if cookie else 0,
            path=(web.base_path if web else "") or "/",
            secure=self._gate.https,
            httponly=True,
            samesite="strict",
        )
        return answer


def desk_of(backend: Backend) -> tuple[FloorDesk, StaffConfig]:
    """Return the desk and the staff in force; Refused where the store has none."""
    if backend.desk is None or backend.settings.staff is None:
        raise Refused(Code.NOT_FOUND, "the store file names no staff, or no store runs")
    return backend.desk, backend.settings.staff


async def fields_of(
    request: Request, wanted: set[str], *, optional: frozenset[str] | set[str] = frozenset()
) -> Fields:
    """Return the fields of a JSON body; Refused where one is missing or another is there."""
    given = await body.json_object(request)
    if not wanted - set(optional) <= set(given) <= wanted:
        raise Refused(Code.INVALID, f"send {', '.join(sorted(wanted))}")
    return given


def text_of(given: Fields, key: str) -> str:
    """Return a text; Refused where it is none."""
    value = given[key]
    if not isinstance(value, str):
        raise Refused(Code.INVALID, f"{key}: must be text")
    return value


def one_of(given: Fields, key: str, kind: type[Enum]) -> Any:
    """Return a member of an enumeration; Refused where there is none of this name."""
    try:
        return kind(text_of(given, key))
    except ValueError:
        raise Refused(Code.INVALID, f"{key}: one of {', '.join(one.value for one in kind)}") from None


async def act(step: Callable[..., None], *given: Any) -> Response:
    """Do a step of the desk, which waits for the disk; Refused where it is not possible now."""
    try:
        await to_thread.run_sync(step, *given)
    except UnknownSeller as error:
        raise Refused(Code.NOT_FOUND, str(error), reason="name_gone") from None
    except BadInput as error:
        raise Refused(Code.CONFLICT, str(error)) from None
    return Response(status_code=204)


def _offer_of(request: Request) -> int:
    text = str(request.path_params["offer"])
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise Refused(Code.NOT_FOUND, "there is no such offer")
    return int(text)
