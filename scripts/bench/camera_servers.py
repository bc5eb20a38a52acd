"""Cameras for `msh bench faults`: of several kinds, and what answers as no camera does.

`python -m scripts.bench.camera_servers small` prints its address and ends on a signal.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engines.paths import ROOT
from scripts.demo.children import Children, first_line
from scripts.demo.settings import HOST

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

PATH: Final = "plain"
USER: Final = "viewer"
LOGIN: Final = "faults-bench"
"""Password of a camera on this machine that lives as long as the bench."""
PASSWORD_VARIABLE: Final = f"MSH_DEMO_CAMERA_{PATH.upper()}"
HOSTILE: Final = ("noise", "endless header", "huge body", "web page", "silence", "closes at once")
_SOURCE: Final = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width={},height={},framerate=10/1"
)
_FAST: Final = "tune=zerolatency speed-preset=ultrafast key-int-max=10"
LAUNCHES: Final = {
    "small": f"( {_SOURCE.format(320, 180)} ! x264enc {_FAST}"
    " ! rtph264pay name=pay0 pt=96 config-interval=-1 )",
    "h265": f"( {_SOURCE.format(640, 360)} ! x265enc {_FAST} ! h265parse"
    " ! rtph265pay name=pay0 pt=96 config-interval=-1 )",
    "mjpeg": f"( {_SOURCE.format(640, 360)} ! jpegenc ! rtpjpegpay name=pay0 pt=26 )",
}


@dataclass(frozen=True, slots=True)
class ServedCamera:
    """One camera that runs."""

    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.split(":")[2].split("/")[0])


class CameraServers:
    """Starts cameras, each a process of its own. All but "steady" play at the same path."""

    def __init__(self, children: Children, folder: Path, clip: Path) -> None:
        self._children, self._folder, self._clip, self._count = children, folder, clip, 0

    def play(self, kind: str, *, with_login: bool = False) -> ServedCamera:
        """Start a camera: "steady" and "plain" play the clip, others a test picture. Raises StartFailed."""
        self._count += 1
        log = self._folder / f"{kind}-{self._count}.log"
        command = [sys.executable, "-m", "scripts.bench.camera_servers", kind]
        if kind not in LAUNCHES:
            command = [sys.executable, "-m", "scripts.demo.cameras", f"{kind}={self._clip}", "--port", "0"]
        env = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
        if with_login:
            env[PASSWORD_VARIABLE] = LOGIN
        child = self._children.start(kind, command, env=env, folder=ROOT, log=log)
        return ServedCamera(child, first_line(kind, child, log).split()[-1])


@contextmanager
def hostile_server(kind: str, dice: Random) -> Iterator[int]:
    """Yield the port of a server that answers every request in one of the ways of HOSTILE."""
    over = threading.Event()
    with socket.create_server((HOST, 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    threading.Thread(target=serve, args=(client,), daemon=True).start()

        def serve(client: socket.socket) -> None:
            with client, suppress(OSError):
                client.settimeout(10)
                while not over.is_set() and client.recv(4096):
                    if not _answer(kind, client, dice, over):
                        return

        threading.Thread(target=accept, name="hostile", daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)


def _answer(kind: str, client: socket.socket, dice: Random, over: threading.Event) -> bool:
    """Answer one request; return whether the connection stays."""
    if kind == "noise":
        client.sendall(dice.randbytes(dice.randrange(1, 5000)))
    elif kind == "endless header":
        client.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n")
        while not over.is_set():
            client.sendall(b"X-Pad: %s\r\n" % (b"a" * 4000))
    elif kind == "huge body":
        client.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2000000000\r\n\r\n")
        while not over.is_set():
            client.sendall(dice.randbytes(4096))
    elif kind == "web page":
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")
    elif kind == "silence":
        over.wait(10)
    return kind != "closes at once"


def main(kind: str) -> None:
    """Serve one of LAUNCHES at a port of its own until a signal comes."""
    import gi  # noqa: PLC0415  what only the child needs

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer  # noqa: PLC0415

    Gst.init(None)
    server: Any = GstRtspServer.RTSPServer()
    server.set_address(HOST)
    server.set_service("0")
    factory: Any = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCHES[kind])
    factory.set_shared(True)
    server.get_mount_points().add_factory(f"/{PATH}", factory)
    server.attach(None)
    loop: Any = GLib.MainLoop()
    for number in (signal.SIGINT, signal.SIGTERM):
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, loop.quit)
    print(f"rtsp://{HOST}:{server.get_bound_port()}/{PATH}", flush=True)
    loop.run()


if __name__ == "__main__":
    main(sys.argv[1])
