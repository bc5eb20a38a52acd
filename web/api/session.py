"""`/api/session`: who the visitor is, signing in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from pipelines.access_log import AccessKind
from pipelines.version import VERSION
from pricing.money import exponent
from web.access import body
from web.access.signin import COOKIE, LIFETIME_S, Right
from web.api.brands import may_edit_brands
from web.refusal import Code, Json, Refused
from web.uploads import webcam

if TYPE_CHECKING:
    from starlette.requests import Request

    from web.access.guard import Gate
    from web.access.notes import AccessNotes
    from web.access.signin import Visitor
    from web.backend import Backend
    from web.uploads.jobs import Jobs


class SessionHandlers:
    """One per server; used in its event loop."""

    def __init__(self, backend: Backend, gate: Gate, jobs: Jobs, notes: AccessNotes) -> None:
        self._backend, self._gate, self._jobs, self._notes = backend, gate, jobs, notes

    async def session(self, request: Request, visitor: Visitor | None) -> Response:
        """Answer who the visitor is; a stranger gets a cookie."""
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
        try:
            role = await self._gate.check(request, token)
        except Refused:
            self._notes.refused(request)
            raise
        cookie, visitor = self._gate.sessions.sign_in(role)
        self._notes.note(AccessKind.SIGNED_IN, request, visitor)
        return self._with_cookie(Json(self._session(visitor)), cookie)

    async def sign_out(self, request: Request, visitor: Visitor | None) -> Response:
        """Sign out."""
        if visitor is not None and visitor.signed_in:
            self._notes.note(AccessKind.SIGNED_OUT, request, visitor)
        self._gate.sessions.sign_out(request.cookies.get(COOKIE, ""))
        return self._with_cookie(Response(status_code=204), "")

    def _session(self, visitor: Visitor) -> dict[str, Any]:
        store, act = self._backend.settings.store, self._gate.may(visitor, Right.ACT)
        manage = self._gate.may(visitor, Right.MANAGE)
        web = self._backend.settings.outputs.web
        return {
            "signed_in": act or visitor.signed_in,
            "login_required": self._gate.login_required,
            "role": None if visitor.role is None else visitor.role.value,
            "csrf": visitor.csrf,
            "version": VERSION,
            "may": {
                "read": self._gate.may(visitor, Right.READ),
                "act": act,
                "upload": act and bool(self._backend.worker),
                "manage": manage,
                "edit_areas": manage and bool(web and web.edit_areas),
                "try_cameras": manage and self._backend.try_camera is not None,
                "edit_cameras": manage and bool(web and web.edit_cameras),
                "edit_brands": manage and may_edit_brands(self._backend.settings),
                "restart": manage and self._backend.restarts(),
            },
            "store": {
                "id": store.id,
                "name": store.name,
                "timezone": store.timezone,
                "currency": store.currency,
                "digits": exponent(store.currency),
                "locale": store.locale,
                "staff": self._backend.desk is not None,
                "insights": self._backend.insights is not None,
                "camera_names": {
                    camera: section.name
                    for camera, section in self._backend.settings.cameras.items()
                    if section.name
                },
            },
            "limits": {
                "upload_bytes": self._jobs.max_bytes,
                "upload_seconds": self._jobs.max_s,
                "result_minutes": web.keep_minutes if web else 0,
                "webcam_width": webcam.WIDTH,
                "webcam_bytes": webcam.MAX_BYTES,
            },
        }

    def _with_cookie(self, answer: Response, cookie: str) -> Response:
        """Set the cookie, or delete it if it is empty."""
        web = self._backend.settings.outputs.web
        framed = web is not None and bool(web.frame_ancestors) and self._gate.https
        answer.set_cookie(
            COOKIE,
            cookie,
            max_age=LIFETIME_S if cookie else 0,
            path=(web.base_path if web else "") or "/",
            secure=self._gate.https,
            httponly=True,
            samesite="none" if framed else "strict",
        )
        if framed:  # a frame of another site gets its own cookie jar (CHIPS); Starlette sets it from 3.14 on
            name, value = answer.raw_headers[-1]
            answer.raw_headers[-1] = name, value + b"; Partitioned"
        return answer
