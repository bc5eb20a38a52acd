"""Live video as fragmented MP4 over HTTP: encoded once per camera; slow viewers skip to a keyframe."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from probes.events.messages import same
from web.live.video import NOTHING_NOW, PICTURE_S, QUIET_S
from web.refusal import Code, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from pipelines.outputs.fragments import Fragment, FragmentOutput, Stream, Viewing

LATE = 8
"""Fragments that may wait when a keyframe comes; where more do, the viewer goes on from that keyframe."""
MAX_WAITING, MAX_BYTES = 128, 4_000_000


class Backlog:
    """The fragments of one stream that a viewer has not got yet. Not thread-safe."""

    def __init__(self) -> None:
        self.stream: Stream | None = None
        self.ended = False
        self.missed = 0
        self.ready = asyncio.Event()
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._behind = True

    def put(self, fragment: Fragment) -> None:
        """Take the next fragment, or drop what waits where that is too much; another stream is the end."""
        if self.stream is None and fragment.keyframe:
            self.stream = fragment.stream
            self._waiting.append(fragment.stream.init)
        if self.stream is not None and fragment.stream is not self.stream:
            self.ended = True
        elif self.stream is not None:
            self._append(fragment)
        if self.ended or self._waiting:
            self.ready.set()
        else:
            self.ready.clear()

    async def get(self, timeout_s: float) -> bytes:
        """Return all waiting fragments; empty after the time limit, or at the end."""
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self.ready.wait(), timeout_s)
        self.ready.clear()
        data = b"" if self.ended else b"".join(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return data

    def _append(self, fragment: Fragment) -> None:
        begun = self._waiting[:1] if self.stream and self._waiting[:1] == [self.stream.init] else []
        waiting = len(self._waiting) - len(begun)
        full = waiting >= MAX_WAITING or self._bytes + len(fragment.data) > MAX_BYTES
        if full or (fragment.keyframe and waiting > LATE):
            self.missed += waiting
            self._waiting, self._bytes, self._behind = begun, 0, True
        self._behind = self._behind and not fragment.keyframe
        if self._behind:
            self.missed += 1
            return
        self._waiting.append(fragment.data)
        self._bytes += len(fragment.data)


class FilmViewer:
    """A camera's video for one viewer. Used in the server's event loop; close it. utc: see `Backend`."""

    def __init__(
        self,
        output: FragmentOutput,
        camera: str,
        closing: asyncio.Event,
        utc: Callable[[int], int] = same,
    ) -> None:
        self._output, self._closing, self._utc, self._backlog = output, closing, utc, Backlog()
        self.began_at = 0
        """When the picture at media time zero was captured, UTC ns by the clock as it was at `begin`."""
        self._viewing: Viewing | None = None
        loop = asyncio.get_running_loop()

        def give(fragment: Fragment) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._backlog.put, fragment)

        try:
            self._viewing = output.watch(camera, give)
        except KeyError:  # it is taken out, or comes, just now
            raise Refused(Code.NO_PICTURE, NOTHING_NOW) from None

    async def begin(self) -> Stream:
        """Wait for the first keyframe; Refused where none comes."""
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self._backlog.ready.wait(), PICTURE_S)
        if self._backlog.stream is None:
            raise Refused(Code.NO_PICTURE, "the camera gives no video now; its state says why")
        self.began_at = self._utc(self._backlog.stream.began_at)
        return self._backlog.stream

    async def fragments(self) -> AsyncGenerator[bytes, None]:
        """Yield the init segment and then fragments, until the stream ends or nothing has come for 5 s.

        Where the clock is set the stream ends, too: its beginning would have the time of before.
        """
        while not self._closing.is_set() and (data := await self._backlog.get(QUIET_S)):
            stream = self._backlog.stream
            if stream is None or self._utc(stream.began_at) != self.began_at:
                return
            yield data

    def close(self) -> None:
        """Stop watching."""
        viewing, self._viewing = self._viewing, None
        if viewing is not None:
            self._output.unwatch(viewing)


def media_type(stream: Stream) -> str:
    """Return the content type that a MediaSource needs."""
    return f'video/mp4; codecs="{stream.codecs}"'
