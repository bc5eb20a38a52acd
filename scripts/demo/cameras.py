"""Virtual cameras: each an RTSP server of its own that plays a clip in a loop, live, without encoding.

    python -m scripts.demo.cameras counter=counter.mp4 --port 8555

Passwords come from the environment, MSH_DEMO_CAMERA_<NAME> (user name `viewer`), never from the command line.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gi

from pipelines.outputs.gst import plays
from pipelines.outputs.rtsp_clients import RtspClients, disconnect
from pipelines.private_process import keep_memory
from scripts.demo.encode import EncodingFailed, read_access_units

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtsp, GstRtspServer  # noqa: E402, F401

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USER = "viewer"
FPS = 10
HOST = "127.0.0.1"
LAUNCH = (
    "( appsrc name=in is-live=true do-timestamp=true format=time max-bytes=4000000 leaky-type=downstream"
    " caps=video/x-h264,stream-format=byte-stream,alignment=au"
    " ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
PATIENCE_S, GONE_S = 60.0, 5.0


class PortTaken(Exception):
    """Another program listens there already; the text is one line."""


class VirtualCamera:
    """One camera: kill() closes its port and connections, restore() opens the same port again."""

    def __init__(
        self, name: str, units: Sequence[bytes], *, port: int = 0, password: str | None = None, fps: int = FPS
    ) -> None:
        if not units:
            raise ValueError("a camera needs pictures")
        Gst.init(None)
        self.name, self.port = name, port
        self._units, self._password, self._fps = units, password, fps
        self._lock = threading.Lock()
        self._targets: list[Any] = []
        self._next = 0
        self._closed, self._closing = threading.Event(), threading.Event()
        self._feeder: threading.Thread | None = None
        self._context: Any = None
        self._loop: Any = None
        self._server: Any = None
        self._clients: RtspClients | None = None
        self._attached: Any = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The stream's address, without credentials."""
        return f"rtsp://{HOST}:{self.port}/{self.name}"

    def restore(self) -> None:
        """Open the port unless it is open. Raises PortTaken."""
        if self._server is not None:
            return
        server: Any = GstRtspServer.RTSPServer()
        server.set_address(HOST)
        server.set_service(str(self.port))
        server.get_mount_points().add_factory(f"/{self.name}", self._factory(server))
        clients, context = RtspClients(server), GLib.MainContext.new()
        number = server.attach(context)
        if number == 0:
            raise PortTaken(f"camera {self.name}: port {self.port} on {HOST} is in use; choose another")
        self.port = server.get_bound_port()
        self._context, self._server, self._clients = context, server, clients
        self._attached = context.find_source_by_id(number)
        self._loop = GLib.MainLoop.new(context, False)
        self._closed.clear()
        self._closing.clear()
        self._thread = threading.Thread(target=self._loop.run, name=f"camera-{self.name}", daemon=True)
        self._feeder = threading.Thread(target=self._feed, name=f"camera-{self.name}-feed", daemon=True)
        self._thread.start()
        self._feeder.start()

    def kill(self) -> None:
        """Close the port and every connection, as a camera does that loses power."""
        if self._clients is None or self._thread is None or self._feeder is None:
            return
        self._closed.set()
        self._feeder.join(PATIENCE_S)
        source = GLib.idle_source_new()
        source.set_callback(self._close)
        source.attach(self._context)
        self._closing.wait(PATIENCE_S)
        self._clients.wait_gone(GONE_S)
        self._loop.quit()
        self._thread.join(PATIENCE_S)
        with self._lock:
            self._targets.clear()
        # The listening socket closes with the last reference to the server.
        self._server = self._attached = self._context = self._loop = self._thread = self._feeder = None
        self._clients = None

    def _close(self, *_: object) -> bool:
        disconnect(self._server)
        self._attached.destroy()
        self._closing.set()
        return False

    def _factory(self, server: Any) -> Any:
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(LAUNCH)
        factory.set_shared(True)
        factory.connect("media-configure", self._configure)
        if self._password is not None:
            auth = GstRtspServer.RTSPAuth()
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            token = GstRtspServer.RTSPToken()
            token.set_string("media.factory.role", USER)
            auth.add_digest(USER, self._password, token)
            server.set_auth(auth)
            permissions = GstRtspServer.RTSPPermissions()
            for what in ("media.factory.access", "media.factory.construct"):
                permissions.add_permission_for_role(USER, what, True)
            factory.set_permissions(permissions)
        return factory

    def _configure(self, _factory: object, media: Any) -> None:
        """Begin at the first picture, a keyframe, unless somebody is watching already."""
        source = media.get_element().get_by_name_recurse_up("in")
        with self._lock:
            if not self._targets:
                self._next = 0
            self._targets.append(source)
        media.connect("unprepared", self._forget, source)

    def _forget(self, _media: object, source: Any) -> None:
        with self._lock:
            self._targets = [target for target in self._targets if target is not source]

    def _ready(self) -> list[Any]:
        """Return the streams that get the next picture; empty where it waits. Under the lock."""
        return [target for target in self._targets if plays(target)]

    def _feed(self) -> None:
        due = time.monotonic()
        while True:
            now = time.monotonic()
            due = max(due + 1 / self._fps, now)
            if self._closed.wait(due - now):
                return
            with self._lock:
                ready = self._ready()
                if not ready:
                    continue
                buffer = Gst.Buffer.new_wrapped(self._units[self._next % len(self._units)])
                self._next += 1
                for target in ready:
                    target.push_buffer(buffer)


class CameraServer:
    """The demo's cameras in one process, by name; all run between `with` and its end."""

    camera_class: type[VirtualCamera] = VirtualCamera

    def __init__(
        self,
        clips: Mapping[str, Path],
        *,
        first_port: int = 0,
        passwords: Mapping[str, str] | None = None,
        fps: int = FPS,
    ) -> None:
        password_of = passwords or {}
        self._cameras = {
            name: self.camera_class(
                name,
                read_access_units(path),
                port=first_port + index if first_port else 0,
                password=password_of.get(name),
                fps=fps,
            )
            for index, (name, path) in enumerate(clips.items())
        }

    def __enter__(self) -> CameraServer:
        try:
            for camera in self._cameras.values():
                camera.restore()
        except PortTaken:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill all cameras."""
        for camera in self._cameras.values():
            camera.kill()

    def url(self, camera: str) -> str:
        """Return a camera's address, without credentials."""
        return self._cameras[camera].url

    def kill(self, camera: str) -> None:
        """Kill one camera; the others are not affected."""
        self._cameras[camera].kill()

    def restore(self, camera: str) -> None:
        """Bring it back on the same port."""
        self._cameras[camera].restore()


def password_variable(camera: str) -> str:
    """Return the environment variable that holds a camera's password."""
    return f"MSH_DEMO_CAMERA_{camera.upper()}"


def main(argv: list[str] | None = None) -> int:
    """Serve clips until a signal comes; print one line for each camera once it can be opened."""
    keep_memory()  # an acceptance plays films of the integrator's own
    parser = argparse.ArgumentParser(prog="python -m scripts.demo.cameras", description=__doc__)
    parser.add_argument("clips", nargs="+", metavar="NAME=FILE", help="a camera and the MP4 it plays")
    parser.add_argument("--port", type=int, default=8555, help="port of the first; 0: any free one")
    parser.add_argument("--fps", type=int, default=FPS, help=f"frames a second that they send ({FPS})")
    args = parser.parse_args(argv)
    clips = {name: Path(file) for name, _, file in (given.partition("=") for given in args.clips)}
    secrets = {n: value for n in clips if (value := os.environ.get(password_variable(n)))}
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with CameraServer(clips, first_port=args.port, passwords=secrets, fps=args.fps) as server:
            for name in clips:
                print(f"{name} {server.url(name)}", flush=True)
            stop.wait()
    except (PortTaken, EncodingFailed) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
