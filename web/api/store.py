"""The store's API: floor, cameras, system, events, health, and staff actions."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from prometheus_client.exposition import choose_encoder
from starlette.responses import Response

from pipelines.access_log import AccessKind
from probes.events.staff_orders import StaffAction, StaffOrder
from web.access.signin import Right
from web.api.common import TrackedStream, camera_of, while_allowed
from web.live.events import EventHub, writers
from web.refusal import Code, Json, Refused

if TYPE_CHECKING:
    import asyncio

    from starlette.requests import Request

    from web.access.guard import Gate
    from web.access.notes import AccessNotes
    from web.access.signin import Visitor
    from web.backend import Backend
    from web.live.video import Viewers
    from web.uploads.jobs import Jobs

PERSON = re.compile(r"[a-z0-9]{1,16}-[0-9]{1,12}")


class StoreHandlers:
    """One per server; used in its event loop."""

    def __init__(
        self,
        backend: Backend,
        gate: Gate,
        jobs: Jobs,
        viewers: Viewers,
        closing: asyncio.Event,
        *,
        notes: AccessNotes,
    ) -> None:
        self._backend, self._gate, self._jobs, self._notes = backend, gate, jobs, notes
        self._writers = writers(backend, sizes=viewers.sizes, uploads=jobs.summary, started=time.monotonic())
        self.hub = EventHub(backend, self._writers, closing)

    async def healthz(self, _request: Request, _visitor: Visitor | None) -> Response:
        """Return whether frames flow."""
        return _health(self._backend.health())

    async def readyz(self, _request: Request, _visitor: Visitor | None) -> Response:
        """Return whether all has been started."""
        return _health(self._backend.ready())

    async def metrics(self, request: Request, _visitor: Visitor | None) -> Response:
        """Write the metrics for Prometheus."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._backend.metrics.registry), media_type=content_type)

    async def floor(self, _request: Request, _visitor: Visitor | None) -> Response:
        """Write the floor."""
        return Json(self._writers["floor"][1]())

    async def cameras(self, _request: Request, _visitor: Visitor | None) -> Response:
        """Write the cameras."""
        return Json(self._writers["cameras"][1]())

    async def system(self, _request: Request, _visitor: Visitor | None) -> Response:
        """Write the system."""
        return Json(self._writers["system"][1]())

    async def events(self, request: Request, visitor: Visitor | None) -> Response:
        """Stream all of that as it changes."""
        self.hub.enter()
        own = None
        if visitor is not None and self._gate.may(visitor, Right.ACT):
            name = visitor.name

            def own() -> tuple[int, Any]:
                return self._jobs.version, self._jobs.of(name)

        manages = self._gate.may(visitor, Right.MANAGE)
        source = while_allowed(request, self._gate, self.hub.listen(own, manages=manages))
        return TrackedStream(source, self.hub.leave, "text/event-stream")

    async def served(self, request: Request, _visitor: Visitor | None) -> Response:
        """Take a person off the list."""
        return self._order(request, StaffAction.SERVED)

    async def not_served(self, request: Request, _visitor: Visitor | None) -> Response:
        """Put a person back on the list."""
        return self._order(request, StaffAction.NOT_SERVED)

    async def not_customer(self, request: Request, _visitor: Visitor | None) -> Response:
        """Take a person out of all counts."""
        return self._order(request, StaffAction.NOT_CUSTOMER)

    async def restart(self, request: Request, visitor: Visitor | None) -> Response:
        """Have the store end, to be started again by the service manager."""
        if not self._backend.restart():
            raise Refused(Code.CONFLICT, "nothing would start the store again; restart it on the box")
        self._notes.note(AccessKind.RESTARTED, request, visitor)
        return Response(status_code=202)

    def _order(self, request: Request, action: StaffAction) -> Response:
        camera, name = camera_of(request, self._backend), request.path_params["person"]
        is_present = any(
            p.camera == camera and p.track == name for p in self._backend.floor.snapshot().persons
        )
        if not is_present or not PERSON.fullmatch(name):
            raise Refused(Code.NOT_FOUND, "this person is not in the shop any more")
        if not self._backend.floor.order(StaffOrder(action, camera, name)):
            raise Refused(Code.BUSY, "too many orders wait; try again", headers={"Retry-After": "1"})
        return Response(status_code=204)


def _health(health: Any) -> Response:
    return Json({"ok": health.ok, "reasons": list(health.reasons)}, 200 if health.ok else 503)
