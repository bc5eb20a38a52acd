"""`/api/jobs` and `/api/webcam`: what visitors send to be annotated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, Response

from pipelines.access_log import AccessKind
from web.access import body
from web.api.common import owner_of, ticket_of
from web.refusal import Code, Json, Refused
from web.uploads import webcam

if TYPE_CHECKING:
    from starlette.requests import Request

    from web.access.notes import AccessNotes
    from web.access.signin import Visitor
    from web.backend import Backend
    from web.uploads.jobs import Jobs
    from web.uploads.webcam import Webcams


class UploadHandlers:
    """One per server; used in its event loop."""

    def __init__(self, backend: Backend, jobs: Jobs, webcams: Webcams, notes: AccessNotes) -> None:
        self._backend, self._jobs, self._webcams, self._notes = backend, jobs, webcams, notes

    async def jobs(self, request: Request, visitor: Visitor | None) -> Response:
        """List the visitor's uploads."""
        return Json(self._jobs.of(owner_of(request, visitor)))

    async def upload(self, request: Request, visitor: Visitor | None) -> Response:
        """Take a file."""
        self._check_uploads()
        length = request.headers.get("content-length")
        job = await self._jobs.receive(
            owner_of(request, visitor),
            _shown(request.query_params.get("name", "")),
            int(length) if length else None,
            body.chunks(request, self._jobs.max_bytes),
        )
        self._notes.note(AccessKind.UPLOADED, request, visitor, detail=job["name"])
        return Json(job, 201)

    async def job(self, request: Request, visitor: Visitor | None) -> Response:
        """Answer the state of an upload."""
        return Json(self._jobs.write(self._jobs.find(owner_of(request, visitor), ticket_of(request, "job"))))

    async def delete_job(self, request: Request, visitor: Visitor | None) -> Response:
        """Delete an upload."""
        await self._jobs.delete(self._jobs.find(owner_of(request, visitor), ticket_of(request, "job")))
        return Response(status_code=204)

    async def result(self, request: Request, visitor: Visitor | None) -> Response:
        """Give an upload's annotated copy."""
        job = self._jobs.find(owner_of(request, visitor), ticket_of(request, "job"))
        download = request.query_params.get("download")
        if download not in (None, "1"):
            raise Refused(Code.INVALID, "download: 1 or nothing")
        if job.state.value != "done":
            raise Refused(Code.NOT_READY, "it is not done yet" if job.error is None else job.error)
        if download and request.method == "GET":
            self._notes.note(AccessKind.DOWNLOADED, request, visitor, detail=job.name)
        stem = job.name.rpartition(".")[0] or job.name or "upload"
        return FileResponse(
            job.result,
            media_type=job.what.result_media_type,
            filename=f"{stem}-masked{job.what.result_suffix}",
            content_disposition_type="attachment" if download else "inline",
        )

    async def open_webcam(self, request: Request, visitor: Visitor | None) -> Response:
        """Begin a webcam run."""
        self._check_uploads()
        opened = await self._webcams.open(owner_of(request, visitor))
        self._notes.note(AccessKind.UPLOADED, request, visitor, detail="pictures of a browser's camera")
        return Json(opened, 201)

    async def webcam_frame(self, request: Request, visitor: Visitor | None) -> Response:
        """Annotate a webcam's picture."""
        owner, number = owner_of(request, visitor), ticket_of(request, "webcam")
        jpeg = await body.whole(request, webcam.MAX_BYTES)
        return Json(await self._webcams.frame(owner, number, jpeg))

    async def close_webcam(self, request: Request, visitor: Visitor | None) -> Response:
        """End a webcam run."""
        await self._webcams.close(owner_of(request, visitor), ticket_of(request, "webcam"))
        return Response(status_code=204)

    def _check_uploads(self) -> None:
        if not self._backend.worker:
            raise Refused(Code.FORBIDDEN, "uploads are off: set outputs.web.uploads: true in the store file")


def _shown(name: str) -> str:
    """Return a file's name as it may be shown: its last part, without control characters."""
    if len(name) > 200:
        raise Refused(Code.INVALID, "name: at most 200 characters")
    last = re.split(r"[/\\]", name)[-1]
    return "".join(c for c in last if c.isprintable()).strip(" .") or "upload"
