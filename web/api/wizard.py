"""`/api/cameras/find`, `/streams`, `/try`, `/new`: a manager finds a camera, tries it, and adds it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from anyio import to_thread

from engines.errors import InferenceFailed
from pipelines.access_log import AccessKind
from pipelines.cameras.onvif import sub_stream_beside
from pipelines.cameras.states import Cause
from pipelines.cameras.trial import near_address, pinned
from pipelines.errors import BadInput
from pipelines.settings.load import secrets_folder
from probes.redaction.redact import RedactionFailed
from web.access import body
from web.access.limits import Allowance
from web.api import store_file
from web.api.common import taken_up
from web.api.masked_hosts import masked_alike, masked_there
from web.api.new_camera import (
    SUB_SOURCE,
    camera_of_form,
    check_secret,
    form_of,
    named,
    secret_of,
    service_of,
    with_camera,
    write_secret_file,
)
from web.refusal import Code, Json, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from pipelines.settings.camera import CameraConfig
    from web.access.notes import AccessNotes
    from web.access.signin import Visitor
    from web.api.new_camera import CameraForm
    from web.backend import Backend

TRY_S = 12.0
TRIES, PER_S = 6, 0.1
"""So many tries at once, then one in ten seconds, all managers together: no tool to search networks."""


class WizardHandlers:
    """One per server; used in its event loop."""

    def __init__(self, backend: Backend, notes: AccessNotes) -> None:
        self._backend, self._notes = backend, notes
        self._trying, self._writing = asyncio.Lock(), asyncio.Lock()
        self._finding, self._asking = asyncio.Lock(), asyncio.Lock()
        self._tries = Allowance(TRIES, PER_S, time.monotonic)
        self._asks = Allowance(TRIES, PER_S, time.monotonic)
        self._finds = Allowance(1, PER_S, time.monotonic)

    async def attempt(self, request: Request, visitor: Visitor | None) -> Response:
        """Connect to a camera once, and show its first picture with all heads covered."""
        form, attempt = form_of(await body.json_object(request)), self._backend.try_camera
        if attempt is None:
            raise Refused(Code.CONFLICT, "no store runs, only its page")
        if self._trying.locked() or not self._tries.allows("all"):
            raise Refused(Code.TOO_MANY, "one camera at a time, six a minute", headers={"Retry-After": "10"})
        async with self._trying:
            self._hide(form)
            camera, address = await self._checked(form)
            masked = await self._masked_there(form, address)
            alike = masked_alike(camera, masked)
            there = (alike or camera).model_copy(update={"source": pinned(form.source, address)})
            self._note_tried(request, visitor, form)  # before it is connected to: a try may fail
            try:
                trial = await to_thread.run_sync(attempt, there, TRY_S)
            except BadInput as error:
                raise Refused(Code.INVALID, str(error)) from None
            except (RedactionFailed, InferenceFailed, TimeoutError):
                raise Refused(Code.NO_PICTURE, "its picture cannot be masked now; try again") from None
        good = trial.cause is Cause.NONE
        # Another stream of a camera with masks: it would show what they hide.
        jpeg = b"" if masked and alike is None else trial.jpeg
        return Json(
            {
                "ok": good,
                "cause": None if good else trial.cause.value,
                "remedy": None if good else trial.remedy,
                "answer": trial.answer or None,
                "size": list(trial.size) if good else None,
                "seconds": round(trial.seconds, 1),
                "picture": base64.b64encode(jpeg).decode() or None,
            }
        )

    async def streams(self, request: Request, visitor: Visitor | None) -> Response:
        """Ask a camera's ONVIF service which streams it offers."""
        given = await body.json_object(request)
        form = form_of(given, frozenset({"service"}))
        if self._backend.try_camera is None:
            raise Refused(Code.CONFLICT, "no store runs, only its page")
        service = service_of(given, form.source)
        if self._asking.locked() or not self._asks.allows("all"):
            raise Refused(Code.TOO_MANY, "one camera at a time, six a minute", headers={"Retry-After": "10"})
        async with self._asking:
            self._hide(form)
            camera, address = await self._checked(form)
            login = camera.credentials
            password = login.password.get_secret_value() if login else ""
            host = urlsplit(form.source).hostname or ""
            ask = self._backend.find_streams
            self._note_tried(request, visitor, form)
            try:
                found = await to_thread.run_sync(
                    ask, pinned(service, address), host, login.username if login else "", password
                )
            except BadInput as error:
                raise Refused(Code.CONFLICT, str(error)) from None
        beside = {one.source: sub_stream_beside(one, found) for one in found}
        return Json(
            {
                "streams": [
                    asdict(one) | {"sub_source": sub.source if (sub := beside[one.source]) else ""}
                    for one in found
                ]
            }
        )

    async def _checked(self, form: CameraForm) -> tuple[CameraConfig, str]:
        """Return the form's camera with its password, and its host's address; Refused where it may not be."""
        settings = self._backend.settings
        check_secret(await to_thread.run_sync(_raw, settings.path), settings.cameras, form)
        camera = camera_of_form(form, secrets_folder(os.environ))
        try:
            return camera, await to_thread.run_sync(near_address, form.source)
        except BadInput as error:
            raise Refused(Code.INVALID, str(error)) from None

    async def _masked_there(self, form: CameraForm, address: str) -> list[CameraConfig]:
        """Return the store's cameras with masks at the form's host."""
        cameras = self._backend.settings.cameras.values()
        return await to_thread.run_sync(masked_there, cameras, form.source, address)

    async def find(self, _request: Request, _visitor: Visitor | None) -> Response:
        """Ask the store's network once which cameras there are."""
        if self._backend.try_camera is None:
            raise Refused(Code.CONFLICT, "no store runs, only its page")
        if self._finding.locked() or not self._finds.allows("all"):
            raise Refused(Code.TOO_MANY, "the network was asked just now", headers={"Retry-After": "10"})
        async with self._finding:
            try:
                found = await to_thread.run_sync(self._backend.find_cameras)
            except OSError as error:
                words = f"the network cannot be asked ({error.strerror or 'no reason'}); type the address"
                raise Refused(Code.CONFLICT, words) from None
        return Json({"cameras": [asdict(camera) for camera in found]})

    async def add(self, request: Request, visitor: Visitor | None) -> Response:
        """Write a camera into the store file, which the running store takes up."""
        given = await body.json_object(request)
        form, (camera, name) = form_of(given, frozenset({"id", "name", SUB_SOURCE})), named(given)
        web, path = self._backend.settings.outputs.web, self._backend.settings.path
        self._hide(form)
        if web is None or not web.edit_cameras:
            raise Refused(
                Code.CONFLICT, "the store file does not set outputs.web.edit_cameras; add the camera there"
            )
        _, address = await self._checked(form)
        if not web.edit_areas and await self._masked_there(form, address):
            words = "a camera of this host has masks, which a second one would not have: add it there"
            words += ", or set outputs.web.edit_areas"
            raise Refused(Code.CONFLICT, words, reason="camera_masked")
        async with self._writing:
            line = await to_thread.run_sync(_write, path, camera, name, form)
        self._notes.note(AccessKind.CAMERA_ADDED, request, visitor, camera=camera)
        return Json({"id": camera, "yaml": line.strip(), **await taken_up(self._backend, camera)}, 201)

    def _note_tried(self, request: Request, visitor: Visitor | None, form: CameraForm) -> None:
        host = urlsplit(form.source).hostname or ""
        self._notes.note(AccessKind.CAMERA_TRIED, request, visitor, detail=f"at {host}")

    def _hide(self, form: CameraForm) -> None:
        if form.password and form.secret_name is None:
            self._backend.hide_in_log([form.password])


def _raw(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(Code.CONFLICT, f"the store file cannot be read ({error.strerror})") from None


def _write(path: Path, camera: str, name: str, form: CameraForm) -> str:
    """Keep the camera's password and write its line; both or neither."""
    raw = _raw(path)
    secret_file = None
    if form.password and form.secret_name is None:
        secret_file = write_secret_file(secret_of(camera, form), form.password)
    try:
        text, line = with_camera(raw, path, camera, name, form)
        store_file.write(path, text, store_file.revision(raw))
    except BaseException:
        if secret_file is not None:
            with contextlib.suppress(OSError):
                secret_file.unlink()
        raise
    return line
