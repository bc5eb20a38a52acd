"""`/api/cameras/ID/`: live video and single pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import to_thread
from starlette.responses import Response

from probes.events.messages import rfc3339
from web.api.common import MAX_SIZE, TrackedStream, camera_of, number_of, while_allowed
from web.live.film import FilmViewer, media_type
from web.live.video import MULTIPART, PLAIN
from web.refusal import Code, Refused

if TYPE_CHECKING:
    import asyncio

    from starlette.requests import Request

    from web.access.guard import Gate
    from web.access.notes import AccessNotes
    from web.access.signin import Visitor
    from web.backend import Backend
    from web.live.video import Viewers


class CameraHandlers:
    """One per server; used in its event loop."""

    def __init__(
        self, backend: Backend, gate: Gate, viewers: Viewers, closing: asyncio.Event, notes: AccessNotes
    ) -> None:
        self._backend, self._gate, self._viewers, self._closing = backend, gate, viewers, closing
        self._notes = notes

    async def video(self, request: Request, visitor: Visitor | None) -> Response:
        """Stream a camera."""
        camera = camera_of(request, self._backend)
        width, fps = number_of(request, "width", 640, MAX_SIZE), number_of(request, "fps", 30, 30)
        self._viewers.check(camera)
        self._viewers.enter(camera)
        ended = self._notes.watching(request, visitor, camera)

        def leave() -> None:
            self._viewers.leave(camera)
            ended()

        return TrackedStream(
            while_allowed(request, self._gate, self._viewers.video(camera, width, fps)),
            leave,
            PLAIN if request.headers.get("accept") == PLAIN else MULTIPART,
        )

    async def film(self, request: Request, visitor: Visitor | None) -> Response:
        """Stream a camera as fragmented MP4."""
        camera, output = camera_of(request, self._backend), self._backend.film
        self._check_live()
        if output is None or not self._backend.settings.cameras[camera].enabled:
            raise Refused(Code.NOT_FOUND, "there is no such video of this camera; take video.mjpg")
        self._viewers.enter(camera)
        ended = self._notes.watching(request, visitor, camera)
        viewer = None

        def leave() -> None:
            self._viewers.leave(camera)
            ended()
            if viewer is not None:
                viewer.close()

        try:
            viewer = FilmViewer(output, camera, self._closing, self._backend.utc)
            stream = await viewer.begin()
        except BaseException:
            leave()
            raise
        self._viewers.sizes[camera] = stream.frame_size
        source = while_allowed(request, self._gate, viewer.fragments())
        return TrackedStream(source, leave, media_type(stream), {"X-Captured-At": rfc3339(viewer.began_at)})

    async def picture(self, request: Request, visitor: Visitor | None) -> Response:
        """Give one picture."""
        camera = camera_of(request, self._backend)
        width, draw = number_of(request, "width", 1280, MAX_SIZE), request.query_params.get("draw")
        if draw not in (None, "areas"):
            raise Refused(Code.INVALID, "draw: areas is all that can be drawn")
        picture = await self._viewers.first(camera, width)
        self._notes.picture(request, visitor, camera)
        jpeg = picture.jpeg
        if draw:
            from web.api.drawing import with_areas  # noqa: PLC0415 OpenCV is loaded only where it is needed

            # Asked anew: the picture was waited for, and the camera may have been taken out meanwhile.
            settings = self._backend.settings.cameras[camera_of(request, self._backend)]
            jpeg = await to_thread.run_sync(with_areas, jpeg, settings)
        return Response(
            jpeg,
            media_type="image/jpeg",
            headers={"X-Captured-At": rfc3339(picture.captured_at)},
        )

    def _check_live(self) -> None:
        if self._backend.live is None:
            raise Refused(Code.NO_PICTURE, "no store runs, only its page")
