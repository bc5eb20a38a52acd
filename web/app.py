"""The page's server as an ASGI application: its routes, and the right that each needs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from web.access.guard import Gate, Guard
from web.access.notes import AccessNotes
from web.access.proxy import behind_proxies
from web.access.signin import PageRole, Right, Token
from web.api.access import AccessHandlers
from web.api.areas import AreaHandlers
from web.api.brands import BrandHandlers
from web.api.cameras import CameraHandlers
from web.api.desk import DeskHandlers
from web.api.insights import InsightsHandlers
from web.api.session import SessionHandlers
from web.api.staff import PhoneHandlers
from web.api.store import StoreHandlers
from web.api.uploads import UploadHandlers
from web.api.wizard import WizardHandlers
from web.live.desk_events import DeskEvents
from web.live.video import Viewers
from web.refusal import ENDING, Code, Refused, on_http_error, on_refused
from web.uploads.jobs import Jobs
from web.uploads.webcam import Webcams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Scope

    from web.access.signin import Visitor
    from web.backend import Backend
    from web.uploads.scratch import Scratch

    Handler = Callable[[Request, Visitor | None], Awaitable[Response]]

STATIC = Path(__file__).parent / "static"


class Page(StaticFiles):
    """The page's files, which are sent packed; a browser asks each time whether they have changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Give a file."""
        found = await super().get_response(path, scope)
        found.headers["Cache-Control"] = "no-cache"
        if tag := found.headers.get("etag"):
            found.headers["etag"] = f"W/{tag}"  # packed or not, it is the same file of other bytes
        if found.status_code == HTTPStatus.NOT_MODIFIED:
            found.headers["Vary"] = "Accept-Encoding"  # as the answer that it stands for
        return found


class PageApp:
    """The application. `closing` ends its streams; set it in the event loop, by way of `close`."""

    def __init__(self, backend: Backend, scratch: Scratch, *, static: Path = STATIC) -> None:
        """Build it; BadInput for a broken token."""
        web = backend.settings.outputs.web
        given = web.secrets if web else {}
        tokens = {PageRole(role): Token(secret.get_secret_value()) for role, secret in given.items()}
        self.gate = Gate(
            tokens, read_open=bool(web and web.read_without_login), https=bool(web and web.secure)
        )
        self._closing = asyncio.Event()
        self._jobs = Jobs(backend, scratch)
        self._webcams = Webcams(backend, scratch)
        viewers = Viewers(backend.live, self._closing, backend.utc)
        self._notes = notes = AccessNotes(backend.access)
        self._store = StoreHandlers(backend, self.gate, self._jobs, viewers, self._closing, notes=notes)
        self._session = SessionHandlers(backend, self.gate, self._jobs, notes)
        self._cameras = CameraHandlers(backend, self.gate, viewers, self._closing, notes)
        self._areas, self._wizard = AreaHandlers(backend, notes), WizardHandlers(backend, notes)
        self._uploads = UploadHandlers(backend, self._jobs, self._webcams, notes)
        self._access = AccessHandlers(notes)
        self._brands = BrandHandlers(backend, scratch, viewers, notes)
        desk_events = DeskEvents(self._closing)
        self._phone = PhoneHandlers(backend, self.gate, desk_events, notes)
        self._desk = DeskHandlers(backend, self.gate, desk_events, notes)
        self._insights = InsightsHandlers(backend, notes)
        self._static = static
        files = Page(directory=static, html=True, check_dir=False)
        app = Starlette(
            routes=[*self._routes(), Mount("/", GZipMiddleware(files, compresslevel=6))],
            exception_handlers={Refused: on_refused, HTTPException: on_http_error},
            lifespan=self._lifespan,
        )
        names = {socket.gethostname().lower(), *(web.hosts if web else ())}
        framed_by = web.frame_ancestors if web else ()
        guarded = Guard(app, self.gate, names, framed_by=framed_by, hsts=bool(web and web.https))
        self.asgi: ASGIApp = behind_proxies(
            guarded, web.trusted_proxies if web else (), web.base_path if web else ""
        )

    async def close(self) -> None:
        """End all streams."""
        self._closing.set()
        await self._store.hub.stop()

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._jobs.run()), asyncio.create_task(self._webcams.run())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._webcams.stop()

    def _routes(self) -> list[Route]:
        read, act = Right.READ, Right.ACT
        store, session, cameras, uploads = self._store, self._session, self._cameras, self._uploads
        person, areas = "/api/people/{camera}/{person}", "/api/cameras/{camera}/areas"
        table: list[tuple[str, dict[str, Handler], Right]] = [
            ("/healthz", {"GET": store.healthz}, Right.NOTHING),
            ("/readyz", {"GET": store.readyz}, Right.NOTHING),
            ("/metrics", {"GET": store.metrics}, read),
            (
                "/api/session",
                {
                    "GET": session.session,
                    "POST": session.sign_in,
                    "DELETE": session.sign_out,
                },
                Right.NOTHING,
            ),
            ("/api/floor", {"GET": store.floor}, read),
            ("/api/cameras", {"GET": store.cameras}, read),
            ("/api/cameras/find", {"POST": self._wizard.find}, Right.MANAGE),
            ("/api/cameras/new", {"POST": self._wizard.add}, Right.MANAGE),
            ("/api/cameras/streams", {"POST": self._wizard.streams}, Right.MANAGE),
            ("/api/cameras/try", {"POST": self._wizard.attempt}, Right.MANAGE),
            ("/api/brands", {"GET": self._brands.brands}, Right.MANAGE),
            ("/api/brands/new", {"POST": self._brands.add}, Right.MANAGE),
            ("/api/brands/pictures", {"POST": self._brands.picture}, Right.MANAGE),
            ("/api/brands/try", {"POST": self._brands.attempt}, Right.MANAGE),
            ("/api/system", {"GET": store.system}, read),
            ("/api/events", {"GET": store.events}, read),
            (f"{person}/served", {"POST": store.served}, act),
            (f"{person}/not-served", {"POST": store.not_served}, act),
            (f"{person}/not-customer", {"POST": store.not_customer}, act),
            ("/api/cameras/{camera}/video.mjpg", {"GET": cameras.video}, read),
            ("/api/cameras/{camera}/video.mp4", {"GET": cameras.film}, read),
            ("/api/cameras/{camera}/picture.jpg", {"GET": cameras.picture}, read),
            (areas, {"GET": self._areas.read, "PUT": self._areas.write}, Right.MANAGE),
            (f"{areas}/check", {"POST": self._areas.check}, Right.MANAGE),
            ("/api/access", {"GET": self._access.entries}, Right.MANAGE),
            ("/api/restart", {"POST": store.restart}, Right.MANAGE),
            *self._sales(),
            ("/api/jobs", {"GET": uploads.jobs, "POST": uploads.upload}, act),
            ("/api/jobs/{job}", {"GET": uploads.job, "DELETE": uploads.delete_job}, act),
            ("/api/jobs/{job}/result", {"GET": uploads.result}, act),
            ("/api/webcam", {"POST": uploads.open_webcam}, act),
            ("/api/webcam/{webcam}", {"DELETE": uploads.close_webcam}, act),
            ("/api/webcam/{webcam}/frames", {"POST": uploads.webcam_frame}, act),
        ]
        return [
            *(_route(path, self._endpoint(methods, right)) for path, methods, right in table),
            _route("/api/{rest:path}", _nothing),
            Route("/staff", self._staff_page, methods=["GET", "HEAD"]),
        ]

    def _sales(self) -> list[tuple[str, dict[str, Handler], Right]]:
        """Return the routes of phones, each of which checks its own sign-in, and of the manager's view."""
        phone, desk, own, manage = self._phone, self._desk, Right.NOTHING, Right.MANAGE
        return [
            ("/api/staff", {"GET": phone.read}, own),
            ("/api/staff/session", {"POST": phone.sign_in, "DELETE": phone.sign_out}, own),
            ("/api/staff/events", {"GET": phone.events}, own),
            ("/api/staff/state", {"POST": phone.state}, own),
            ("/api/staff/offers/{offer}", {"POST": phone.answer}, own),
            ("/api/staff/offers/{offer}/done", {"POST": phone.done}, own),
            ("/api/insights", {"GET": self._insights.read}, manage),
            ("/api/insights/cells", {"GET": self._insights.export}, manage),
            ("/api/desk", {"GET": desk.read}, manage),
            ("/api/desk/events", {"GET": desk.events}, manage),
            ("/api/desk/state", {"POST": desk.state}, manage),
            ("/api/desk/attend", {"POST": desk.attend}, manage),
            ("/api/desk/sign-out", {"POST": desk.sign_out}, manage),
            ("/api/desk/pin", {"POST": desk.pin}, manage),
        ]

    async def _staff_page(self, _request: Request) -> Response:
        """Give the phone page; its address has no ending, for it is typed on phones."""
        return FileResponse(self._static / "staff.html", headers={"Cache-Control": "no-cache"})

    def _endpoint(
        self, methods: dict[str, Handler], right: Right
    ) -> Callable[[Request], Awaitable[Response]]:
        allowed = ", ".join([*methods, *(["HEAD"] if "GET" in methods else [])])

        async def endpoint(request: Request) -> Response:
            handler = methods.get("GET" if request.method == "HEAD" else request.method)
            if handler is None:
                raise Refused(Code.METHOD, f"only {allowed} here", headers={"Allow": allowed})
            try:
                visitor = await self.gate.admit(request, right)
            except Refused as refused:
                if refused.code is Code.WRONG_TOKEN:
                    self._notes.refused(request)
                raise
            if visitor is not None and visitor.by_token:
                self._notes.token_shown(request, visitor)
            try:
                return await handler(request, visitor)
            except asyncio.CancelledError:  # by uvicorn, where the end of the page waited long enough for it
                if not self._closing.is_set():
                    raise
                raise Refused(Code.BUSY, ENDING) from None

        return endpoint


def _route(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """Return a route for any method: the endpoint refuses what does not fit, else the page's files would."""
    route = Route(path, endpoint)
    route.methods = None
    return route


async def _nothing(_request: Request) -> Response:
    raise Refused(Code.NOT_FOUND, "there is nothing at this address")
