"""A camera for tests: a real RTSP server that can freeze, die, come back, and change its picture.

    with RtspCamera(frames, fps=10, user="viewer", password="secret") as camera:
        ...          # camera.url
        camera.stall(), camera.resume()     # freezes without closing any connection
        camera.kill(), camera.restart()     # the port is refused in between, then the same again
        camera.show(other_frames)           # another picture, of another size if you like

The pictures are encoded once; serving costs next to nothing.
"""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING, Any

import gi
import numpy as np

from pipelines.outputs.gst import plays
from pipelines.outputs.rtsp_clients import RtspClients, disconnect

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstApp, GstRtsp, GstRtspServer  # noqa: E402, F401

from engines.colour import from_bgr  # noqa: E402
from engines.image import I420  # noqa: E402
from tests.fakes.broker import free_port  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Picture = I420 | npt.NDArray[np.uint8]

Gst.init(None)

_ENCODE = {
    "h264": "x264enc tune=zerolatency speed-preset=veryfast key-int-max={key} bitrate={kbps}"
    " ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max={key} bitrate={kbps}"
    " ! h265parse ! video/x-h265,stream-format=byte-stream,alignment=au",
    "mjpeg": "jpegenc quality=90",
}
_PAY = {
    "h264": "h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1",
    "h265": "h265parse ! rtph265pay name=pay0 pt=96 config-interval=-1",
    "mjpeg": "jpegparse ! rtpjpegpay name=pay0 pt=26",
}
_CAPS = {
    "h264": "video/x-h264,stream-format=byte-stream,alignment=au",
    "h265": "video/x-h265,stream-format=byte-stream,alignment=au",
    "mjpeg": "image/jpeg",
}


def moving_square(width: int = 320, height: int = 240, count: int = 10) -> list[I420]:
    """Return `count` pictures: a grey ramp and a white square that moves to the right."""
    ramp = np.linspace(40, 180, width, dtype=np.uint8)
    pictures = []
    for step in range(count):
        picture = I420.black(width, height)
        picture.y[:] = ramp
        left = step * (width - height // 4) // max(1, count)
        picture.y[height // 4 : height // 2, left : left + height // 4] = 235
        pictures.append(picture)
    return pictures


def still_square(width: int = 320, height: int = 240) -> list[I420]:
    """Return one picture. A store that has found nobody in it searches it no more: ten times cheaper."""
    return moving_square(width, height, count=1)


def encode(frames: Sequence[Picture], fps: int = 10, codec: str = "h264", kbps: int = 3000) -> list[bytes]:
    """Encode pictures of one size (I420 or BGR) to access units; the first one is a keyframe."""
    pictures = [f if isinstance(f, I420) else from_bgr(f) for f in frames]
    size = f"width={pictures[0].width},height={pictures[0].height}"
    pipeline: Any = Gst.parse_launch(
        f"appsrc name=in format=time caps=video/x-raw,format=I420,{size},framerate={fps}/1"
        f" ! {_ENCODE[codec].format(key=max(1, fps), kbps=kbps)} ! appsink name=out sync=false"
    )
    source, sink = pipeline.get_by_name("in"), pipeline.get_by_name("out")
    pipeline.set_state(Gst.State.PLAYING)
    for number, picture in enumerate(pictures):
        buffer = Gst.Buffer.new_wrapped(_padded(picture))
        buffer.pts, buffer.duration = number * Gst.SECOND // fps, Gst.SECOND // fps
        source.push_buffer(buffer)
    source.end_of_stream()
    units = []
    while (sample := sink.try_pull_sample(20 * Gst.SECOND)) is not None:
        buffer = sample.get_buffer()
        units.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)
    if len(units) != len(pictures):
        raise RuntimeError(f"{codec}: {len(pictures)} pictures gave {len(units)} access units")
    return units


def _padded(picture: I420) -> bytes:
    """Return the planes with the strides that GStreamer expects of I420: multiples of 4 bytes."""
    planes = [np.pad(p, ((0, 0), (0, -p.shape[1] % 4))) for p in (picture.y, picture.u, picture.v)]
    luma = planes[0] if picture.height % 2 == 0 else np.pad(planes[0], ((0, 1), (0, 0)))
    return b"".join(plane.tobytes() for plane in (luma, *planes[1:]))


@functools.lru_cache(maxsize=8)
def _pattern_units(codec: str, fps: int) -> tuple[bytes, ...]:
    return tuple(encode(moving_square(), fps, codec))


class RtspCamera:
    """An RTSP server with one stream, on a port of its own that stays the same for its whole life.

    codec: h264, h265 or mjpeg. auth: digest or basic, used where a user is given.
    tls: a PEM file with certificate and key; then the address begins with rtsps.
    launch: a GstRtspServer launch line to serve instead of pictures; it cannot stall.
    `frames_sent` counts access units given out while at least one client listens.
    """

    def __init__(
        self,
        frames: Sequence[Picture] | None = None,
        *,
        fps: int = 10,
        codec: str = "h264",
        user: str | None = None,
        password: str = "",
        auth: str = "digest",
        path: str = "/stream",
        tls: str | None = None,
        launch: str | None = None,
    ) -> None:
        self._codec, self._fps, self._path = codec, fps, path
        self._user, self._password, self._auth, self._tls = user, password, auth, tls
        self._units: Sequence[bytes] = (
            _pattern_units(codec, fps) if frames is None else encode(frames, fps, codec)
        )
        self._launch = launch or (
            f"( appsrc name=in is-live=true do-timestamp=true format=time caps={_CAPS[codec]}"
            f" ! {_PAY[codec]} )"
        )
        self._lock = threading.Lock()
        self._targets: list[Any] = []
        self._next = 0
        self._running = threading.Event()
        self._running.set()
        self._closed = threading.Event()
        self.frames_sent = 0
        self.port = free_port()  # that nobody takes while the camera is away
        self._context: Any = None
        self._server: Any = None
        self._attached: Any = None
        self._feeder = threading.Thread(target=self._feed, name="fake-camera-feed", daemon=True)

    def __enter__(self) -> RtspCamera:
        self.restart()
        self._feeder.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._running.set()
        self.kill()
        self._feeder.join(300)

    @property
    def url(self) -> str:
        """The stream's address, without credentials."""
        return f"{'rtsps' if self._tls else 'rtsp'}://127.0.0.1:{self.port}{self._path}"

    def before_describe(self, answer: Callable[..., int]) -> None:
        """Ask for the status of each DESCRIBE from now on; 200 lets it go on."""

        def connected(_server: Any, client: Any) -> None:
            client.connect("pre-describe-request", lambda *_: GstRtsp.RTSPStatusCode(answer()))

        self._server.connect("client-connected", connected)

    def stall(self) -> None:
        """Send no more frames; connections stay open and nothing is said."""
        self._running.clear()

    def resume(self) -> None:
        """Go on after a stall."""
        self._running.set()

    def show(self, frames: Sequence[Picture]) -> None:
        """Switch to other pictures at their first keyframe; they may be of another size."""
        units = encode(frames, self._fps, self._codec)
        with self._lock:
            self._units, self._next = units, 0

    def kill(self) -> None:
        """Close every connection and the port."""
        if self._context is None:
            return
        done = threading.Event()

        def stop() -> bool:
            disconnect(self._server)
            self._attached.destroy()
            done.set()
            return False

        source = GLib.idle_source_new()
        source.set_callback(lambda *_: stop())
        source.attach(self._context)
        assert done.wait(300), "the fake camera did not close its port"
        self._clients.wait_gone(5)
        self._loop.quit()
        self._thread.join(300)
        with self._lock:
            self._targets.clear()
        self._context = self._server = self._attached = None  # the socket closes with the last of them

    def restart(self) -> None:
        """Open the port again, the same one as before."""
        self._context = GLib.MainContext.new()
        self._loop = GLib.MainLoop.new(self._context, False)
        self._server = GstRtspServer.RTSPServer()
        self._clients = RtspClients(self._server)
        self._server.set_address("127.0.0.1")
        self._server.set_service(str(self.port))
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(self._launch)
        factory.set_shared(True)
        factory.connect("media-configure", self._configure)
        if self._user is not None or self._tls is not None:
            self._protect(factory)
        self._server.get_mount_points().add_factory(self._path, factory)
        number = self._server.attach(self._context)
        if number == 0:
            raise RuntimeError(f"cannot listen on port {self.port}")
        self._attached = self._context.find_source_by_id(number)
        self.port = self._server.get_bound_port()
        self._thread = threading.Thread(target=self._loop.run, name="fake-camera", daemon=True)
        self._thread.start()

    def _protect(self, factory: Any) -> None:
        auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        if self._tls is not None:
            auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(self._tls))
        if self._user is None:
            auth.set_default_token(token)
        elif self._auth == "digest":
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(self._user, self._password, token)
        else:
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(self._user, self._password), token)
        permissions = GstRtspServer.RTSPPermissions()
        for what in ("media.factory.access", "media.factory.construct"):
            permissions.add_permission_for_role("viewer", what, True)
        factory.set_permissions(permissions)
        self._server.set_auth(auth)

    def _configure(self, _factory: object, media: Any) -> None:
        source = media.get_element().get_by_name_recurse_up("in")
        with self._lock:
            self._targets += [source] if source is not None else []
            self._next = 0
        media.connect("unprepared", self._forget, source)

    def _forget(self, _media: object, source: Any) -> None:
        with self._lock:
            self._targets = [target for target in self._targets if target is not source]

    def _feed(self) -> None:
        due = time.monotonic()
        while not self._closed.is_set():
            due = max(due + 1 / self._fps, time.monotonic())
            self._closed.wait(due - time.monotonic())
            self._running.wait()
            with self._lock:
                ready = [target for target in self._targets if plays(target)]
                if not ready:
                    continue
                buffer = Gst.Buffer.new_wrapped(self._units[self._next % len(self._units)])
                self._next += 1
                sent = [target.push_buffer(buffer) for target in ready]
                self.frames_sent += Gst.FlowReturn.OK in sent
