"""A stand-in for scripts.accept.child: counts frames of the cameras of a store while they are there.

A camera is there while its process runs and has answered since it last stopped. Both are facts, no waits:
on a busy machine a camera that answers late loses nothing, and one that was stopped by mistake loses all.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ANSWER_S = 1.0
"""So long one question waits; it is asked again."""
EVERY_S = 0.05
ASK = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
AWAY = frozenset("TtZXx")
"""States of a process (proc(5)) that is stopped or has ended."""


class Camera:
    """One camera, which a process beside this one serves; `frames` grows by its rate while it is there."""

    def __init__(self, name: str, url: str, fps: float) -> None:
        at = urlsplit(url)
        self._name, self._address, self._fps = name, (at.hostname, at.port), fps
        self._process: int | None = None
        self._is_there = False
        self._last = time.monotonic()
        self.frames = 0.0

    def look(self) -> None:
        """Count the frames since the last look, where the camera was there at both."""
        was_there, now = self._is_there, time.monotonic()
        self._is_there = self._runs() and (was_there or self._answers())
        if was_there and self._is_there:
            self.frames += self._fps * (now - self._last)
        self._last = now

    def _runs(self) -> bool:
        state, _ = read_state(self._process) if self._process is not None else ("X", 0)
        if state == "X":
            self._process, self._is_there = find_server(self._name), False
            state = "X" if self._process is None else read_state(self._process)[0]
        return state not in AWAY

    def _answers(self) -> bool:
        try:
            with socket.create_connection(self._address, ANSWER_S) as connection:
                connection.sendall(ASK)
                return connection.recv(16).startswith(b"RTSP/1.0")
        except OSError:
            return False


def read_state(process: int) -> tuple[str, int]:
    """Return a process's state and its parent; X and 0 where it has ended."""
    try:
        state, parent, *_ = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "X", 0
    return state, int(parent)


def find_server(name: str) -> int | None:
    """Return the process that serves a camera: it was started by who started this one."""
    for folder in Path("/proc").glob("[0-9]*"):
        if read_state(int(folder.name))[1] == os.getppid():
            with suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if b"scripts.demo.cameras" in words and any(w.startswith(f"{name}=".encode()) for w in words):
                    return int(folder.name)
    return None


def main(argv: list[str]) -> int:
    store, _platform, seconds, result = argv
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    content = yaml.safe_load(Path(store).read_text())
    fps = content["defaults"]["fps"]
    cameras = {name: Camera(name, camera["source"], fps) for name, camera in content["cameras"].items()}

    def look() -> dict[str, float]:
        for camera in cameras.values():
            camera.look()
        return {name: camera.frames for name, camera in cameras.items()}

    while not all(look().values()):
        time.sleep(EVERY_S)
    print("playing", flush=True)
    begun, samples = time.monotonic(), []
    while not ended.is_set() and (at := time.monotonic() - begun) < float(seconds):
        samples.append((at, look(), 1.0))
        time.sleep(EVERY_S)
    Path(result).write_text(json.dumps({"died": None, "clean": True, "samples": samples}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
