"""Annotated streams over RTSP, encoded only while someone watches."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer, GstVideo  # noqa: E402

from pipelines.errors import BadInput  # noqa: E402
from pipelines.outputs.gst import (  # noqa: E402
    caps,
    encoder,
    even_size,
    initialise,
    only_redacted,
    plays,
)
from pipelines.outputs.no_picture import EVERY_S, Card, silent_after_s  # noqa: E402
from pipelines.outputs.rtsp_clients import RtspClients, disconnect  # noqa: E402
from pipelines.outputs.rtsp_stream import WAITING, RtspMedia, RtspStream, RtspWatcher  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.outputs.watching import WatchListener
    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)

SESSION_S = 30
"""Silence after which a viewer that vanished without a word is dropped (RFC 2326, 12.37)."""
CLOSE_S = 5.0
GONE_S = 1.0
"""Until viewers are gone at the end; one that waits for a camera's first picture stays, and asks nothing."""
CLIENT_THREADS = 32
"""A viewer of a camera without pictures waits in its own thread, so that it holds up nobody else."""
ROLE = "viewer"
# Read before threads: see pipelines.cameras.login_guard.
_DIGEST = GstRtsp.RTSPAuthMethod.DIGEST


class RtspOutput:
    """An RTSP server with one stream a camera; a FrameSink.

    A stream keeps the size of its first picture while anyone watches; pictures of another size are
    scaled into it with black borders. Where none comes for seconds, viewers see that: a picture that stands
    would be taken for what the camera sees. `on_viewers(camera, count)` and `on_watch` are
    called from GStreamer's threads.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8554,
        *,
        path: str = "/{camera}",
        bitrate_kbit: int = 2500,
        credentials: tuple[str, str] | None = None,
        on_viewers: Callable[[str, int], None] | None = None,
        on_watch: WatchListener | None = None,
    ) -> None:
        """Port 0 takes a free one. credentials: user name and password that viewers need."""
        self._host, self._asked_port, self._path, self._bitrate = host, port, path, bitrate_kbit
        self._credentials, self._on_viewers, self._on_watch = credentials, on_viewers, on_watch
        self._lock = threading.Lock()
        self._streams: dict[str, RtspStream] = {}
        self._server: Any = None
        self._clients: RtspClients | None = None
        self._context: Any = None
        self._loop: Any = None
        self._sources: list[Any] = []
        self._thread: threading.Thread | None = None
        # Not the server's: a card may take seconds to encode, and no viewer of any camera would be answered.
        self._cards = threading.Thread(target=self._keep_telling, name="rtsp-cards", daemon=True)
        self._stop = threading.Event()

    @property
    def port(self) -> int:
        """The port that the server listens on; 0 while it does not."""
        return int(self._server.get_bound_port()) if self._server else 0

    def start(self) -> None:
        """Listen; raises BadInput where the address cannot be had or GStreamer lacks an element."""
        if self._server is not None:
            return
        initialise("rtph264pay")
        server: Any = GstRtspServer.RTSPServer()
        context = GLib.MainContext.new()
        server.set_address(self._host)
        server.set_service(str(self._asked_port))
        server.get_thread_pool().set_max_threads(CLIENT_THREADS)
        if self._credentials:
            server.set_auth(_auth(*self._credentials))
        server.connect("client-connected", self._connected)
        self._clients = clients = RtspClients(server)
        number = server.attach(context)
        if number == 0:
            raise BadInput(
                f"outputs.rtsp.listen: cannot listen on {self._host}:{self._asked_port}: "
                "the port is in use, or the address is not of this machine; choose another"
            )
        cleaner = GLib.timeout_source_new_seconds(2)
        cleaner.set_callback(partial(_clean, server, clients))
        cleaner.attach(context)
        self._sources = [context.find_source_by_id(number), cleaner]
        self._context, self._server, self._loop = context, server, GLib.MainLoop.new(context, False)
        self._thread = threading.Thread(target=self._loop.run, name="rtsp-server", daemon=True)
        self._thread.start()
        self._cards.start()
        for camera, stream in self._streams.items():
            self._mount(camera, stream)

    @property
    def cameras(self) -> frozenset[str]:
        """The cameras that have a stream."""
        return frozenset(self._streams)

    def add_camera(self, camera: str, fps: int = 10) -> None:
        """Offer a stream; `fps` sets its keyframe interval and rate control."""
        stream = RtspStream(self._path.replace("{camera}", camera), fps)
        with self._lock:
            if camera in self._streams:
                return
            self._streams[camera] = stream
        if self._server is not None:
            self._mount(camera, stream)

    def remove_camera(self, camera: str) -> None:
        """Take a stream away; its viewers are disconnected."""
        with self._lock:
            stream = self._streams.pop(camera, None)
        if stream is None or self._server is None:
            return
        self._server.get_mount_points().remove_factory(stream.path)
        viewers = set(stream.viewers)
        self._on_loop(lambda: disconnect(self._server, viewers))
        self._watch(camera, stream, {})

    def forget_pictures(self, camera: str) -> None:
        """Have viewers get no picture any more that lies in the encoder; they go on with the next."""
        stream = self._streams.get(camera)
        if stream is not None and stream.media is not None:
            stream.media.begin_anew()

    def wanted(self, camera: str) -> bool:
        """Return whether an encoder runs for this camera, which is so only while someone watches."""
        stream = self._streams.get(camera)
        return stream is not None and stream.media is not None

    def viewers(self, camera: str) -> int:
        """Return how many clients watch this camera."""
        stream = self._streams.get(camera)
        return len(stream.viewers) if stream else 0

    def dropped(self, camera: str) -> int:
        """Return how many frames found the encoder busy since the camera was added."""
        stream = self._streams.get(camera)
        return stream.dropped if stream else 0

    def publish(self, frame: RedactedFrame) -> None:
        """Copy the picture to the encoder, if there is one; never waits. TypeError on anything else."""
        only_redacted(frame)
        stream = self._streams.get(frame.frame.camera)
        media = stream.media if stream else None
        if stream is None or media is None or not plays(media.source):
            return
        if media.source.get_property("current-level-buffers") >= WAITING:
            stream.dropped += 1
            return
        size = even_size(frame.pixels)
        if min(size) < 16:
            stream.dropped += 1
            return
        media.note_picture()
        if media.size is None:
            media.size = size
            media.scaled.set_property("caps", Gst.Caps.from_string(caps(size, stream.fps)))
        if not media.push(frame, stream.fps):
            stream.dropped += 1

    def _keep_telling(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._show_silent()

    def _show_silent(self) -> None:
        """Have viewers of cameras that give no picture see that, one after the other."""
        for camera, stream in list(self._streams.items()):
            media = stream.media
            if media is None or media.size is None or media.picture_at is None or not plays(media.source):
                continue
            silent_s = time.monotonic() - media.picture_at
            if silent_s >= silent_after_s(media.gap_s):
                try:
                    self._show_card(camera, stream, media, Card(media.size, camera, silent_s))
                except Exception:
                    media.picture_at = None  # said once, not each second, until a picture comes
                    logger.exception("camera %s: viewers are not told that no picture comes", camera)

    def _show_card(self, _camera: str, stream: RtspStream, media: RtspMedia, card: Card) -> None:
        media.push(card, stream.fps)

    def close(self) -> None:
        """Disconnect every viewer, close the port and end the thread; the object cannot be started again."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop.set()

        def stop() -> None:
            disconnect(self._server)
            for source in self._sources:
                source.destroy()

        self._on_loop(stop)
        if self._clients is not None:
            self._clients.wait_gone(GONE_S)
        self._loop.quit()
        thread.join(CLOSE_S)
        self._cards.join(CLOSE_S)
        with self._lock:
            streams, self._streams = self._streams, {}
        for camera, stream in streams.items():
            self._server.get_mount_points().remove_factory(stream.path)
            self._watch(camera, stream, {})
        self._server = self._context = self._loop = None
        self._sources = []

    def _on_loop(self, function: Callable[[], object]) -> None:
        done = threading.Event()

        def run(*_: object) -> bool:
            try:
                function()
            finally:
                done.set()
            return False

        source = GLib.idle_source_new()
        source.set_callback(run)
        source.attach(self._context)
        if not done.wait(5):
            logger.error("RTSP server does not answer")

    def _launch(self, fps: int) -> str:
        """Return the pipeline of a stream with this frame rate, from the element `in` to `pay0`."""
        return (
            f"( appsrc name=in is-live=true do-timestamp=true format=time leaky-type=downstream"
            f" max-buffers={2 * WAITING} max-bytes=0 ! videoscale add-borders=true ! capsfilter name=size"
            f" ! {encoder(fps, self._bitrate, live=True)}"
            " ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
        )

    def _mount(self, camera: str, stream: RtspStream) -> None:
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(self._launch(stream.fps))
        factory.set_shared(True)
        if self._credentials:
            permissions = GstRtspServer.RTSPPermissions()
            for what in ("media.factory.access", "media.factory.construct"):
                permissions.add_permission_for_role(ROLE, what, True)
            factory.set_permissions(permissions)
        factory.connect("media-configure", self._configured, camera, stream)
        self._server.get_mount_points().add_factory(stream.path, factory)

    def _configured(self, _factory: object, media: Any, camera: str, stream: RtspStream) -> None:
        top = media.get_element()
        one = RtspMedia(*(top.get_by_name_recurse_up(name) for name in ("in", "size", "encoder")))
        media.connect("target-state", self._targets, camera, stream)
        media.connect("unprepared", self._unprepared, stream, one)
        stream.media = one

    def _targets(self, _media: object, state: int, camera: str, stream: RtspStream) -> None:
        """Give the stream a new factory when its last viewer leaves.

        The old one would hand the media that is being stopped to whoever comes now, who would get a 503.
        """
        if state == Gst.State.NULL:
            with self._lock:
                if self._streams.get(camera) is stream and self._server is not None:
                    self._mount(camera, stream)

    def _unprepared(self, _media: object, stream: RtspStream, one: RtspMedia) -> None:
        with self._lock:
            if stream.media is one:
                stream.media = None

    def _connected(self, _server: object, client: Any) -> None:
        viewer = hash(client)
        # A viewer of UDP that vanished leaves its connection open, and would count as one for ever.
        client.set_property("post-session-timeout", SESSION_S)
        client.connect("new-session", _shorten)
        client.connect("play-request", self._plays, viewer)
        client.connect("teardown-request", self._leaves, viewer)
        client.connect("closed", self._closed, viewer)

    def _plays(self, client: Any, context: Any, viewer: int) -> None:
        for camera, stream in self._at(context):
            if viewer not in stream.viewers:
                address = client.get_connection().get_ip() or ""
                self._watch(
                    camera, stream, {**stream.viewers, viewer: RtspWatcher(address, time.monotonic())}
                )
            media = stream.media
            if media is not None:  # a late viewer would otherwise wait for the next keyframe
                media.encoder.send_event(
                    GstVideo.video_event_new_upstream_force_key_unit(Gst.CLOCK_TIME_NONE, True, 0)
                )

    def _leaves(self, _client: object, context: Any, viewer: int) -> None:
        for camera, stream in self._at(context):
            self._watch(camera, stream, _without(stream.viewers, viewer))

    def _closed(self, _client: object, viewer: int) -> None:
        for camera, stream in list(self._streams.items()):
            self._watch(camera, stream, _without(stream.viewers, viewer))

    def _at(self, context: Any) -> list[tuple[str, RtspStream]]:
        """Return the stream that a request is about; the URI may end in the name of its control."""
        path = context.uri.abspath
        return [
            (camera, stream)
            for camera, stream in list(self._streams.items())
            if path == stream.path or path.startswith(stream.path + "/")
        ]

    def _watch(self, camera: str, stream: RtspStream, viewers: dict[int, RtspWatcher]) -> None:
        with self._lock:
            before, stream.viewers = stream.viewers, viewers
        if before.keys() == viewers.keys():
            return
        logger.info("camera %s: viewers of its stream: %d", camera, len(viewers))
        if self._on_viewers:
            self._on_viewers(camera, len(viewers))
        if self._on_watch:
            for one in viewers.keys() - before.keys():
                self._on_watch(camera, viewers[one].address, None)
            for one in before.keys() - viewers.keys():
                self._on_watch(camera, before[one].address, time.monotonic() - before[one].since)


def _without(viewers: dict[int, RtspWatcher], gone: int) -> dict[int, RtspWatcher]:
    return {number: viewer for number, viewer in viewers.items() if number != gone}


def _auth(user: str, password: str) -> Any:
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    # Not basic: it would send the password readable, and the streams are not encrypted.
    auth.set_supported_methods(_DIGEST)
    auth.add_digest(user, password, token)
    return auth


def _clean(server: Any, clients: RtspClients, *_: object) -> bool:
    server.get_session_pool().cleanup()
    clients.drop_silent(server)
    return True


def _shorten(_client: object, session: Any) -> None:
    session.set_timeout(SESSION_S)
