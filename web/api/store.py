"""The API: what each address of web/openapi.yaml does."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from prometheus_client.exposition import choose_encoder
from starlette.responses import FileResponse, Response, StreamingResponse

from pipelines.settings.load import parse_settings
from pipelines.settings.mistakes import SettingsError
from pipelines.version import VERSION
from probes.events.messages import rfc3339
from probes.events.staff_orders import Action, Order
from web.access import body
from web.access.guard import address
from web.access.signin import COOKIE, LIFETIME_S, Right, Visitor
from web.api import store_file as areas
from web.live.events import EventHub, writers
from web.live.film import Showing, media_type
from web.live.video import BOUNDARY, Viewers
from web.refusal import Code, Json, Refused
from web.uploads import webcam

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from web.access.guard import Gate
    from web.backend import Backend
    from web.uploads.jobs import Jobs
    from web.uploads.webcam import Webcams

PERSON = re.compile(r"[a-z0-9]{1,16}-[0-9]{1,12}")
TICKET = re.compile(r"[A-Za-z0-9_-]{22}")
LARGEST = 10_000


class Held(StreamingResponse):
    """A stream that counts: however it ends, its source is closed and `leave` is called, once."""

    def __init__(
        self,
        source: AsyncGenerator[bytes, None],
        leave: Callable[[], None],
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            source, media_type=media_type, headers={"X-Accel-Buffering": "no", **(headers or {})}
        )
        self._source, self._leave = source, leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until it ends or the client goes."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()
            await self._source.aclose()


class Handlers:
    """One per server; used in its event loop."""

    def __init__(
        self, backend: Backend, gate: Gate, jobs: Jobs, webcams: Webcams, closing: asyncio.Event
    ) -> None:
        self._backend, self._gate, self._jobs, self._webcams = backend, gate, jobs, webcams
        self.viewers = Viewers(backend.live, closing)
        self._writers = writers(
            backend, sizes=self.viewers.sizes, uploads=jobs.summary, started_ns=time.time_ns()
        )
        self._closing = closing
        self.hub = EventHub(backend, self._writers, closing)
        self._writing = asyncio.Lock()

    async def healthz(self, _request: Request, _visitor: Visitor | None) -> Response:
        """Tell whether frames flow."""
        return _health(self._backend.health())

    async def readyz(self, _request: Request, _visitor: Visitor | None) -> Response:
        """Tell whether all has been started."""
        return _health(self._backend.ready())

    async def metrics(self, request: Request, _visitor: Visitor | None) -> Response:
        """Write the metrics for Prometheus."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._backend.metrics.registry), media_type=content_type)

    async def session(self, request: Request, visitor: Visitor | None) -> Response:
        """Say who the visitor is; a stranger gets a cookie."""
        if visitor is not None:
            return Json(self._session(visitor))
        cookie, visitor = self._gate.sessions.begin()
        return self._with_cookie(Json(self._session(visitor)), cookie)

    async def sign_in(self, request: Request, _visitor: Visitor | None) -> Response:
        """Sign in by the token."""
        given = await body.json_object(request)
        token = given.get("token")
        if set(given) != {"token"} or not isinstance(token, str) or not 1 <= len(token) <= 256:
            raise Refused(Code.INVALID, "send the token as `token`")
        await self._gate.check(request, token)
        cookie, visitor = self._gate.sessions.sign_in()
        return self._with_cookie(Json(self._session(visitor)), cookie)

    async def sign_out(self, request: Request, _visitor: Visitor | None) -> Response:
        """Sign out."""
        self._gate.sessions.sign_out(request.cookies.get(COOKIE, ""))
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, secure=self._gate.https, httponly=True, samesite="strict")
        return answer

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

        source = self._while_allowed(request, self.hub.listen(own))
        return Held(source, self.hub.leave, "text/event-stream")

    async def served(self, request: Request, _visitor: Visitor | None) -> Response:
        """Take a person off the list."""
        return self._order(request, Action.SERVED)

    async def not_customer(self, request: Request, _visitor: Visitor | None) -> Response:
        """Take a person out of all counts."""
        return self._order(request, Action.NOT_CUSTOMER)

    async def video(self, request: Request, _visitor: Visitor | None) -> Response:
        """Stream a camera."""
        camera = self._camera(request)
        width, fps = _number(request, "width", 640, LARGEST), _number(request, "fps", 30, 30)
        self._check_live()
        self.viewers.enter(camera)
        return Held(
            self._while_allowed(request, self.viewers.video(camera, width, fps)),
            lambda: self.viewers.leave(camera),
            f"multipart/x-mixed-replace; boundary={BOUNDARY}",
        )

    async def film(self, request: Request, _visitor: Visitor | None) -> Response:
        """Stream a camera as fragmented MP4."""
        camera, output = self._camera(request), self._backend.film
        self._check_live()
        if output is None or not self._backend.settings.cameras[camera].enabled:
            raise Refused(Code.NOT_FOUND, "there is no such video of this camera; take video.mjpg")
        self.viewers.enter(camera)
        showing = None

        def leave() -> None:
            self.viewers.leave(camera)
            if showing is not None:
                showing.close()

        try:
            showing = Showing(output, camera, self._closing)
            stream = await showing.begin()
        except BaseException:
            leave()
            raise
        self.viewers.sizes[camera] = stream.frame_size
        source = self._while_allowed(request, showing.fragments())
        return Held(source, leave, media_type(stream), {"X-Captured-At": rfc3339(stream.began_at)})

    async def picture(self, request: Request, _visitor: Visitor | None) -> Response:
        """Give one picture."""
        camera = self._camera(request)
        width, draw = _number(request, "width", 1280, LARGEST), request.query_params.get("draw")
        if draw not in (None, "areas"):
            raise Refused(Code.INVALID, "draw: areas is all that can be drawn")
        self._check_live()
        picture = await self.viewers.first(camera, width)
        jpeg = picture.jpeg
        if draw:
            from web.api.drawing import with_areas  # noqa: PLC0415 OpenCV is loaded only where it is needed

            settings = self._backend.settings.cameras[camera]
            jpeg = await to_thread.run_sync(with_areas, jpeg, settings)
        return Response(
            jpeg,
            media_type="image/jpeg",
            headers={"X-Captured-At": rfc3339(picture.captured_at)},
        )

    async def areas(self, request: Request, _visitor: Visitor | None) -> Response:
        """Give a camera's zones and masks."""
        camera, settings = self._camera(request), self._backend.settings
        raw = await to_thread.run_sync(self._store_file)
        try:
            settings = await to_thread.run_sync(lambda: parse_settings(raw, settings.path, env=os.environ))
        except SettingsError:
            settings = self._backend.settings
        if camera not in settings.cameras:
            settings = self._backend.settings
        found = areas.current(camera, settings)
        return Json(
            {"camera": camera, "yaml": areas.block(found), "revision": areas.revision(raw)}
            | {"writable": self._may_edit()}
            | found
        )

    async def check_areas(self, request: Request, _visitor: Visitor | None) -> Response:
        """Check zones and masks."""
        camera = self._camera(request)
        wanted, _ = _areas(await body.json_object(request))
        raw = await to_thread.run_sync(self._store_file)
        path = self._backend.settings.path
        return Json({"yaml": (await to_thread.run_sync(areas.draft, raw, path, camera, wanted)).yaml})

    async def write_areas(self, request: Request, _visitor: Visitor | None) -> Response:
        """Write zones and masks into the store file."""
        camera = self._camera(request)
        wanted, revision = _areas(await body.json_object(request))
        if not self._may_edit():
            raise Refused(
                Code.CONFLICT, "the store file does not set outputs.web.edit_areas; paste the YAML instead"
            )
        path = self._backend.settings.path
        async with self._writing:
            raw = await to_thread.run_sync(self._store_file)
            if revision != areas.revision(raw):
                raise Refused(
                    Code.CONFLICT, "the store file has been changed meanwhile; load the areas again"
                )
            draft = await to_thread.run_sync(areas.draft, raw, path, camera, wanted)
            written = await to_thread.run_sync(areas.write, path, draft.text, revision)
        return Json({"yaml": draft.yaml, "revision": written, "restart_needed": True})

    async def jobs(self, request: Request, visitor: Visitor | None) -> Response:
        """List the visitor's uploads."""
        return Json(self._jobs.of(_owner(request, visitor)))

    async def upload(self, request: Request, visitor: Visitor | None) -> Response:
        """Take a file."""
        self._check_uploads()
        length = request.headers.get("content-length")
        job = await self._jobs.receive(
            _owner(request, visitor),
            _shown(request.query_params.get("name", "")),
            int(length) if length else None,
            body.chunks(request, self._jobs.most_bytes),
        )
        return Json(job, 201)

    async def job(self, request: Request, visitor: Visitor | None) -> Response:
        """Tell how far an upload is."""
        return Json(self._jobs.write(self._jobs.find(_owner(request, visitor), _ticket(request, "job"))))

    async def delete_job(self, request: Request, visitor: Visitor | None) -> Response:
        """Delete an upload."""
        await self._jobs.delete(self._jobs.find(_owner(request, visitor), _ticket(request, "job")))
        return Response(status_code=204)

    async def result(self, request: Request, visitor: Visitor | None) -> Response:
        """Give an upload's annotated copy."""
        job = self._jobs.find(_owner(request, visitor), _ticket(request, "job"))
        download = request.query_params.get("download")
        if download not in (None, "1"):
            raise Refused(Code.INVALID, "download: 1 or nothing")
        if job.state.value != "done":
            raise Refused(Code.NOT_READY, "it is not done yet" if job.error is None else job.error)
        stem = job.name.rpartition(".")[0] or job.name or "upload"
        return FileResponse(
            job.result,
            media_type=job.what.media_type,
            filename=f"{stem}-masked{job.what.result}",
            content_disposition_type="attachment" if download else "inline",
        )

    async def open_webcam(self, request: Request, visitor: Visitor | None) -> Response:
        """Begin a webcam run."""
        self._check_uploads()
        return Json(await self._webcams.open(_owner(request, visitor)), 201)

    async def webcam_frame(self, request: Request, visitor: Visitor | None) -> Response:
        """Annotate a webcam's picture."""
        owner, number = _owner(request, visitor), _ticket(request, "webcam")
        jpeg = await body.whole(request, webcam.MOST_BYTES)
        return Json(await self._webcams.frame(owner, number, jpeg))

    async def close_webcam(self, request: Request, visitor: Visitor | None) -> Response:
        """End a webcam run."""
        await self._webcams.close(_owner(request, visitor), _ticket(request, "webcam"))
        return Response(status_code=204)

    async def _while_allowed(
        self, request: Request, source: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        """Pass a stream on until its visitor's sign-in ends: no one watches on after that."""
        cookie = "" if "authorization" in request.headers else request.cookies.get(COOKIE, "")
        try:
            async for chunk in source:
                if cookie and not self._gate.may(self._gate.sessions.find(cookie), Right.READ):
                    return
                yield chunk
        finally:
            await source.aclose()

    def _session(self, visitor: Visitor) -> dict[str, Any]:
        store, act = self._backend.settings.store, self._gate.may(visitor, Right.ACT)
        web = self._backend.settings.outputs.web
        return {
            "signed_in": act,
            "login_required": self._gate.token is not None,
            "csrf": visitor.csrf,
            "version": VERSION,
            "may": {
                "read": self._gate.may(visitor, Right.READ),
                "act": act,
                "upload": act and bool(self._backend.worker),
                "edit_areas": act and self._may_edit(),
            },
            "store": {
                "id": store.id,
                "name": store.name,
                "timezone": store.timezone,
                "currency": store.currency,
            },
            "limits": {
                "upload_bytes": self._jobs.most_bytes,
                "upload_seconds": self._jobs.most_s,
                "result_minutes": web.keep_minutes if web else 0,
                "webcam_width": webcam.WIDTH,
                "webcam_bytes": webcam.MOST_BYTES,
            },
        }

    def _with_cookie(self, answer: Response, cookie: str) -> Response:
        answer.set_cookie(
            COOKIE, cookie, max_age=LIFETIME_S, secure=self._gate.https, httponly=True, samesite="strict"
        )
        return answer

    def _order(self, request: Request, action: Action) -> Response:
        camera, name = self._camera(request), request.path_params["person"]
        known = any(p.camera == camera and p.track == name for p in self._backend.floor.snapshot().persons)
        if not known or not PERSON.fullmatch(name):
            raise Refused(Code.NOT_FOUND, "this person is not in the shop any more")
        if not self._backend.floor.order(Order(action, camera, name)):
            raise Refused(Code.BUSY, "too many orders wait; try again", headers={"Retry-After": "1"})
        return Response(status_code=204)

    def _camera(self, request: Request) -> str:
        camera = str(request.path_params["camera"])
        if camera not in self._backend.settings.cameras:
            raise Refused(Code.NOT_FOUND, "there is no camera of this name")
        return camera

    def _check_live(self) -> None:
        if self._backend.live is None:
            raise Refused(Code.NO_PICTURE, "no store runs, only its page")

    def _check_uploads(self) -> None:
        if not self._backend.worker:
            raise Refused(Code.FORBIDDEN, "uploads are off: set outputs.web.uploads: true in the store file")

    def _may_edit(self) -> bool:
        web = self._backend.settings.outputs.web
        return web is not None and web.edit_areas

    def _store_file(self) -> bytes:
        try:
            return self._backend.settings.path.read_bytes()
        except OSError as error:
            raise Refused(Code.CONFLICT, f"the store file cannot be read ({error.strerror})") from None


def _health(health: Any) -> Response:
    return Json({"ok": health.ok, "reasons": list(health.reasons)}, 200 if health.ok else 503)


def _owner(request: Request, visitor: Visitor | None) -> str:
    """Return whose uploads these are: a session's; without one (no token set), the address's."""
    return visitor.name if visitor is not None else f"at {address(request)}"


def _ticket(request: Request, name: str) -> str:
    ticket = str(request.path_params[name])
    if not TICKET.fullmatch(ticket):
        raise Refused(Code.NOT_FOUND, "there is nothing at this address")
    return ticket


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= most:
        raise Refused(Code.INVALID, f"{name}: a whole number from 1 to {most}")
    return int(text)


def _shown(name: str) -> str:
    """Return a file's name as it may be shown: its last part, without control characters."""
    if len(name) > 200:
        raise Refused(Code.INVALID, "name: at most 200 characters")
    last = re.split(r"[/\\]", name)[-1]
    return "".join(c for c in last if c.isprintable()).strip(" .") or "upload"


def _areas(given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the areas asked for and the revision they were made on; Refused where their form is wrong."""
    unknown = set(given) - {"zones", "masks", "revision"}
    revision = given.get("revision", "")
    if unknown or not {"zones", "masks"} <= set(given) or not isinstance(revision, str) or len(revision) > 64:
        raise Refused(Code.INVALID, "send zones, masks and revision")
    if "${" in json.dumps(given):  # a secret would be filled in, and a message might quote it
        raise Refused(Code.INVALID, "areas hold no ${NAME}")
    for section in areas.SECTIONS:
        found = given[section]
        if not isinstance(found, dict) or len(found) > 64:
            raise Refused(Code.INVALID, f"{section}: an object of at most 64 areas")
        for name, area in found.items():
            if not re.fullmatch(r"[a-z0-9-]{1,32}", name):
                raise Refused(Code.INVALID, f"{section}: names are 1 to 32 of a-z, 0-9 and -")
            polygon = area.get("polygon") if isinstance(area, dict) else None
            if not isinstance(polygon, list) or not all(map(_is_point, polygon)):
                raise Refused(Code.INVALID, f"{section}.{name}: needs a polygon of [x, y] from 0 to 1")
    return {section: given[section] for section in areas.SECTIONS}, revision


def _is_point(point: object) -> bool:
    return (
        isinstance(point, list)
        and len(point) == 2
        and all(isinstance(x, (int, float)) and not isinstance(x, bool) and 0 <= x <= 1 for x in point)
    )
