"""`/api/desk`: the manager's view of staff, offers and unattended customers."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from starlette.responses import Response

from pipelines.access_log import AccessKind
from pricing.sales.types import StaffState
from probes.events.messages import rfc3339
from web.access.guard import address
from web.access.signin import COOKIE, Right, hash_token
from web.api.common import TrackedStream
from web.api.staff import act, desk_of, fields_of, one_of, text_of
from web.refusal import Code, Json, Refused
from web.sales import DeskWriter

if TYPE_CHECKING:
    from starlette.requests import Request

    from web.access.guard import Gate
    from web.access.notes import AccessNotes
    from web.access.signin import Visitor
    from web.backend import Backend
    from web.live.desk_events import DeskEvents


PIN = re.compile(r"[0-9]{4,12}", re.ASCII)


class DeskHandlers:
    """One per server; used in its event loop. Orders are noted; whom they are about, for PINs only."""

    def __init__(self, backend: Backend, gate: Gate, events: DeskEvents, notes: AccessNotes) -> None:
        self._backend, self._gate, self._events, self._notes = backend, gate, events, notes

    async def read(self, _request: Request, _visitor: Visitor | None) -> Response:
        """Write everything."""
        return Json({"at": rfc3339(time.time_ns()), **self._written()})

    async def events(self, request: Request, visitor: Visitor | None) -> Response:
        """Stream that as it changes, until the sign-in ends."""
        desk_of(self._backend)
        listener = self._events.enter(f"manager {visitor.name if visitor else address(request)}")
        cookie = "" if "authorization" in request.headers else request.cookies.get(COOKIE, "")

        def write() -> dict[str, Any] | None:
            if cookie and not self._gate.may(self._gate.sessions.find(cookie), Right.MANAGE):
                return None
            try:
                return self._written()
            except Refused:  # the store file names no staff any more
                return None

        source = self._events.listen(listener, write)
        return TrackedStream(source, partial(self._events.leave, listener), "text/event-stream")

    async def state(self, request: Request, visitor: Visitor | None) -> Response:
        """Set a salesperson's state."""
        desk, _ = desk_of(self._backend)
        given = await fields_of(request, {"name", "state"})
        name, state = text_of(given, "name"), one_of(given, "state", StaffState)
        self._notes.note(AccessKind.COMMAND, request, visitor, detail="staff")
        return await act(desk.set_state, name, state)

    async def attend(self, request: Request, visitor: Visitor | None) -> Response:
        """Send a salesperson to a customer."""
        desk, _ = desk_of(self._backend)
        given = await fields_of(request, {"name", "camera", "person"})
        camera, person, name = (text_of(given, key) for key in ("camera", "person", "name"))
        listed = camera if camera in self._backend.settings.cameras else ""
        self._notes.note(AccessKind.COMMAND, request, visitor, camera=listed, detail="attend")
        return await act(desk.attend, camera, person, name)

    async def sign_out(self, request: Request, visitor: Visitor | None) -> Response:
        """Sign out all phones of a salesperson, one of which is lost."""
        desk, _ = desk_of(self._backend)
        given = await fields_of(request, {"name"})
        name = text_of(given, "name")
        self._notes.note(AccessKind.COMMAND, request, visitor, detail="sign out phones")
        await to_thread.run_sync(desk.phones.sign_out_all, name)
        return Response(status_code=204)

    async def pin(self, request: Request, visitor: Visitor | None) -> Response:
        """Set a salesperson's PIN, of which only a hash is kept, or return to the store file's."""
        desk, staff = desk_of(self._backend)
        given = await fields_of(request, {"name", "pin"})
        name, pin = text_of(given, "name"), given["pin"]
        if name not in staff.people:
            raise Refused(Code.NOT_FOUND, "nobody of the staff has this name", reason="name_gone")
        if pin is not None and not (isinstance(pin, str) and PIN.fullmatch(pin)):
            raise Refused(Code.INVALID, "pin: 4 to 12 digits, or null")
        did = "remove PIN" if pin is None else "set PIN"
        self._notes.note(AccessKind.COMMAND, request, visitor, detail=f"{did}: {name}")

        def keep() -> bool:
            return desk.phones.set_pin(name, None if pin is None else hash_token(pin))

        if not await to_thread.run_sync(keep):
            raise Refused(
                Code.FAILED,
                "the change counts now, but is not on disk yet: it is written once the disk takes it",
                reason="pin_unwritten",
            )
        return Response(status_code=204)

    def _written(self) -> dict[str, Any]:
        desk, _ = desk_of(self._backend)
        return DeskWriter(self._backend, desk).manager()
