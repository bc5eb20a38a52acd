"""`/api/access`: the access log, for managers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from anyio import to_thread

from pipelines.access_log import MAX_PAGE, AccessKind
from web.refusal import Code, Json, Refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from web.access.notes import AccessNotes
    from web.access.signin import Visitor


class AccessHandlers:
    """One per server; used in its event loop."""

    def __init__(self, notes: AccessNotes) -> None:
        self._notes = notes

    async def entries(self, request: Request, visitor: Visitor | None) -> Response:
        """Give a page of the log, newest first. That somebody read it is noted, too."""
        given = request.query_params.get("before")
        if given is not None and not re.fullmatch(r"[0-9]{1,15}", given):
            raise Refused(Code.INVALID, "before: the number of an entry")
        if given is None:
            self._notes.note(AccessKind.LOG_READ, request, visitor)
        log = self._notes.log
        found = await to_thread.run_sync(log.entries, None if given is None else int(given))
        return Json(
            {
                "days": log.days,
                "dropped": log.dropped,
                "more": len(found) == MAX_PAGE,
                "entries": [{"number": number, **entry.payload()} for number, entry in found],
            }
        )
