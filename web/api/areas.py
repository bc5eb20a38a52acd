"""`/api/cameras/ID/areas`: the zones and masks of a camera, read, checked and written."""

from __future__ import annotations

import asyncio
import json
import os
import re
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from pipelines.access_log import AccessKind
from pipelines.settings.load import parse_settings
from pipelines.settings.mistakes import SettingsError
from web.access import body
from web.api import store_file
from web.api.common import camera_of, taken_up
from web.refusal import Code, Json, Refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from web.access.notes import AccessNotes
    from web.access.signin import Visitor
    from web.backend import Backend


class AreaHandlers:
    """One per server; used in its event loop."""

    def __init__(self, backend: Backend, notes: AccessNotes) -> None:
        self._backend, self._notes = backend, notes
        self._writing = asyncio.Lock()

    @property
    def may_edit(self) -> bool:
        """Whether the store file may be written."""
        web = self._backend.settings.outputs.web
        return web is not None and web.edit_areas

    async def read(self, request: Request, _visitor: Visitor | None) -> Response:
        """Give a camera's zones and masks."""
        camera, settings = camera_of(request, self._backend), self._backend.settings
        raw = await to_thread.run_sync(self._store_file)
        try:
            settings = await to_thread.run_sync(lambda: parse_settings(raw, settings.path, env=os.environ))
        except SettingsError:
            settings = self._backend.settings
        if camera not in settings.cameras:
            settings = self._backend.settings
        found = store_file.current(camera, settings)
        return Json(
            {"camera": camera, "yaml": store_file.block(found), "revision": store_file.revision(raw)}
            | {"writable": self.may_edit}
            | found
        )

    async def check(self, request: Request, _visitor: Visitor | None) -> Response:
        """Check zones and masks."""
        camera = camera_of(request, self._backend)
        wanted, _ = _areas(await body.json_object(request))
        raw = await to_thread.run_sync(self._store_file)
        path = self._backend.settings.path
        return Json({"yaml": (await to_thread.run_sync(store_file.draft, raw, path, camera, wanted)).yaml})

    async def write(self, request: Request, visitor: Visitor | None) -> Response:
        """Write zones and masks into the store file."""
        camera = camera_of(request, self._backend)
        wanted, revision = _areas(await body.json_object(request))
        if not self.may_edit:
            raise Refused(
                Code.CONFLICT, "the store file does not set outputs.web.edit_areas; paste the YAML instead"
            )
        path = self._backend.settings.path
        async with self._writing:
            raw = await to_thread.run_sync(self._store_file)
            if revision != store_file.revision(raw):
                raise Refused(
                    Code.CONFLICT,
                    "the store file has been changed meanwhile; load the areas again",
                    reason="file_changed",
                )
            draft = await to_thread.run_sync(store_file.draft, raw, path, camera, wanted)
            written = await to_thread.run_sync(store_file.write, path, draft.text, revision)
        named = ", ".join(f"{section}: {' '.join(wanted[section]) or '-'}" for section in store_file.SECTIONS)
        self._notes.note(AccessKind.AREAS_CHANGED, request, visitor, camera=camera, detail=named)
        return Json({"yaml": draft.yaml, "revision": written, **await taken_up(self._backend, camera)})

    def _store_file(self) -> bytes:
        try:
            return self._backend.settings.path.read_bytes()
        except OSError as error:
            raise Refused(Code.CONFLICT, f"the store file cannot be read ({error.strerror})") from None


def _areas(given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the areas asked for and the revision they were made on; Refused where their form is wrong."""
    unknown = set(given) - {"zones", "masks", "revision"}
    revision = given.get("revision", "")
    if unknown or not {"zones", "masks"} <= set(given) or not isinstance(revision, str) or len(revision) > 64:
        raise Refused(Code.INVALID, "send zones, masks and revision")
    if "${" in json.dumps(given):  # a secret would be filled in, and a message might quote it
        raise Refused(Code.INVALID, "areas hold no ${NAME}")
    for section in store_file.SECTIONS:
        found = given[section]
        if not isinstance(found, dict) or len(found) > 64:
            raise Refused(Code.INVALID, f"{section}: an object of at most 64 areas")
        for name, area in found.items():
            if not re.fullmatch(r"[a-z0-9-]{1,32}", name):
                raise Refused(Code.INVALID, f"{section}: names are 1 to 32 of a-z, 0-9 and -")
            polygon = area.get("polygon") if isinstance(area, dict) else None
            if not isinstance(polygon, list) or not all(map(_is_point, polygon)):
                raise Refused(Code.INVALID, f"{section}.{name}: needs a polygon of [x, y] from 0 to 1")
    return {section: given[section] for section in store_file.SECTIONS}, revision


def _is_point(point: object) -> bool:
    return (
        isinstance(point, list)
        and len(point) == 2
        and all(isinstance(x, (int, float)) and not isinstance(x, bool) and 0 <= x <= 1 for x in point)
    )
