"""Live video and single pictures over HTTP, from the output that encodes each size once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipelines.outputs.watching import MAX_FPS, WIDTHS
from probes.events.messages import rfc3339, same
from web.refusal import Code, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from pipelines.outputs.watching import LivePicture, LiveViewer, LiveViewers

BOUNDARY = "frame"
MULTIPART, PLAIN = f"multipart/x-mixed-replace; boundary={BOUNDARY}", "application/octet-stream"
"""What a stream of pictures is called; its bytes are the same. The second is for who asks for it so.

WebKit, and so every browser of an iPhone or iPad, cancels each multipart load that is no image's."""
MAX_VIEWERS = 64
MAX_PER_CAMERA = 48
NO_STORE = "no store runs, only its page"
NOTHING_NOW = "the camera gives no picture now; its state says why"
QUIET_S = 5.0
PICTURE_S = 2.0
ADAPT_S, RECOVER_S = 3.0, 20.0


@dataclass(eq=False)
class ViewerSlot:
    """The newest picture for a viewer; it replaces an older one."""

    ready: asyncio.Event
    picture: LivePicture | None = None
    missed: int = 0

    def put(self, picture: LivePicture) -> None:
        """Take a newer picture."""
        self.missed += self.picture is not None
        self.picture = picture
        self.ready.set()

    async def get(self, timeout_s: float) -> LivePicture | None:
        """Return the next picture that may leave still; None where none comes in time."""
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self.ready.wait(), timeout_s)
        self.ready.clear()
        picture, self.picture = self.picture, None
        return picture if picture is None or picture.masked_by.in_force else await self.get(timeout_s)


class Adapting:
    """Adapts a viewer's size: smaller while many pictures are missed, back to the wanted size later."""

    def __init__(self, width: int, now: float) -> None:
        self._sizes = [w for w in WIDTHS if w < width] + [next((w for w in WIDTHS if w >= width), WIDTHS[-1])]
        self._at = len(self._sizes) - 1
        self._begun = self._calm = now
        self._sent = 0

    @property
    def width(self) -> int:
        """The width to send now, px."""
        return self._sizes[self._at]

    def sent(self, missed: int, now: float) -> bool:
        """Note a sent picture, and how many were missed in this spell; return whether a new spell begins."""
        self._sent += 1
        if now - self._begun < ADAPT_S:
            return False
        if missed > self._sent and self._at > 0:
            self._at -= 1
            self._calm = now
        elif missed * 10 > self._sent:
            self._calm = now
        elif now - self._calm > RECOVER_S and self._at < len(self._sizes) - 1:
            self._at += 1
            self._calm = now
        self._begun, self._sent = now, 0
        return True


class Viewers:
    """All who watch. One per server; used in its event loop. utc: see `Backend`."""

    def __init__(
        self, live: LiveViewers | None, closing: asyncio.Event, utc: Callable[[int], int] = same
    ) -> None:
        self._live, self._closing, self._utc = live, closing, utc
        self._count: dict[str, int] = {}
        self.sizes: dict[str, tuple[int, int]] = {}

    def enter(self, camera: str) -> None:
        """Count a viewer in; Refused where there are too many."""
        if sum(self._count.values()) >= MAX_VIEWERS or self._count.get(camera, 0) >= MAX_PER_CAMERA:
            raise Refused(Code.BUSY, "too many watch already; try again later, or use the RTSP stream")
        self._count[camera] = self._count.get(camera, 0) + 1

    def check(self, camera: str) -> None:
        """Raise Refused where no store runs, or not with this camera."""
        if self._live is None:
            raise Refused(Code.NO_PICTURE, NO_STORE)
        if camera not in self._live.cameras:
            raise Refused(Code.NO_PICTURE, NOTHING_NOW)

    async def first(self, camera: str, width: int) -> LivePicture:
        """Return a picture captured from now on; Refused where none comes."""
        slot = ViewerSlot(asyncio.Event())
        watch = self._watch(camera, slot, width, MAX_FPS)
        try:
            picture = await slot.get(PICTURE_S)
        finally:
            self._unwatch(watch)
        if picture is None:
            raise Refused(Code.NO_PICTURE, NOTHING_NOW)
        self.sizes[camera] = picture.frame_size
        return picture

    async def video(self, camera: str, width: int, fps: float) -> AsyncGenerator[bytes, None]:
        """Yield the parts of the stream to someone who has entered, until there is no new picture for 5 s."""
        slot, size = ViewerSlot(asyncio.Event()), Adapting(width, time.monotonic())
        watch = None
        try:
            watch = self._watch(camera, slot, size.width, fps)
            yield f"--{BOUNDARY}\r\n".encode()
            while not self._closing.is_set():
                picture = await slot.get(QUIET_S)
                if picture is None:
                    return
                self.sizes[camera] = picture.frame_size
                yield part(picture)
                before = size.width
                if size.sent(slot.missed, time.monotonic()):
                    slot.missed = 0
                if size.width != before:
                    self._unwatch(watch)
                    watch = self._watch(camera, slot, size.width, fps)
        except Refused:  # it was taken out just now
            return
        finally:
            if watch:
                self._unwatch(watch)

    def leave(self, camera: str) -> None:
        """Count a viewer out."""
        self._count[camera] -= 1
        if not self._count[camera]:
            del self._count[camera]

    def _watch(self, camera: str, slot: ViewerSlot, width: int, fps: float) -> LiveViewer:
        if self._live is None:
            raise Refused(Code.NO_PICTURE, NO_STORE)
        loop = asyncio.get_running_loop()

        def give(picture: LivePicture) -> None:
            told = replace(picture, captured_at=self._utc(picture.captured_at))
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(slot.put, told)

        try:
            return self._live.watch(camera, give, width=width, fps=fps)
        except KeyError:
            raise Refused(Code.NO_PICTURE, NOTHING_NOW) from None

    def _unwatch(self, watch: LiveViewer) -> None:
        if self._live is not None:
            self._live.unwatch(watch)


def part(picture: LivePicture) -> bytes:
    """Write one part of multipart/x-mixed-replace, with the boundary after it: browsers wait for that."""
    head = (
        "Content-Type: image/jpeg\r\n"
        f"Content-Length: {len(picture.jpeg)}\r\n"
        f"X-Captured-At: {rfc3339(picture.captured_at)}\r\n\r\n"
    )
    return head.encode() + picture.jpeg + f"\r\n--{BOUNDARY}\r\n".encode()
