"""A stand-in for scripts.accept.child: counts frames of the cameras of a store while they are there.

A camera is there while its process runs and answers whenever it is asked. Both are facts, no waits: on a busy
machine a camera that answers late loses nothing, and one that was stopped or serves nothing loses all.
After each sample RESULT with the suffix .looks has the cameras' looks, for whoever waits until they are seen.
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

NONE_S = 60.0
"""An answer that does not come for so long comes never."""
EVERY_ANSWER_S = 0.5
EVERY_S = 0.05
ASK = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
AWAY = frozenset("TtZXx")
"""States of a process (proc(5)) that is stopped or has ended."""


class Camera:
    """One camera, which a process beside this one serves; `frames` grows by its rate while it is there.

    looks: in a row at which it was there, as at the one before; below zero: at which it was not.
    """

    def __init__(self, name: str, url: str, fps: float, process: int | None = None) -> None:
        at = urlsplit(url)
        self._name, self._address, self._fps = name, (at.hostname, at.port), fps
        self._process = process
        self._is_there = False
        self._last = time.monotonic()
        self._line: socket.socket | None = None
        self._asked = self._answered = float("-inf")
        self.frames = 0.0
        self.looks = 0

    def look(self, now: float) -> None:
        """Count the frames since the last look, where the camera was there at both. now: monotonic s."""
        was_there = self._is_there
        if self._runs():
            self._is_there = self._serves(now)
        else:
            self._is_there = False
            self._hang_up()
        if was_there and self._is_there:
            self.frames += self._fps * (now - self._last)
            self.looks = max(0, self.looks) + 1
        else:
            self.looks = min(0, self.looks) - 1
        self._last = now

    def _runs(self) -> bool:
        state, _ = read_state(self._process) if self._process is not None else ("X", 0)
        if state == "X":
            self._process, self._is_there = find_server(self._name), False
            state = "X" if self._process is None else read_state(self._process)[0]
        return state not in AWAY

    def _serves(self, now: float) -> bool:
        """Ask now and then, without waiting: an answer may be late, but not refused, and not left out."""
        if self._is_there and self._line is None and now < self._answered + EVERY_ANSWER_S:
            return True
        try:
            if self._line is None:
                self._asked = now
                self._line = socket.create_connection(self._address, NONE_S)
                self._line.sendall(ASK)
                self._line.setblocking(False)  # with a timeout, recv would wait in spite of its flag
            answer = self._line.recv(16)
        except BlockingIOError:
            if now > self._asked + NONE_S:
                self._hang_up()
                return False
            return self._is_there
        except OSError:
            answer = b""
        self._hang_up()
        self._answered = now
        return answer.startswith(b"RTSP/1.0")

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


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

    looks = Path(result).with_suffix(".looks")
    draft = looks.with_suffix(".new")

    def look(now: float) -> dict[str, float]:
        for camera in cameras.values():
            camera.look(now)
        draft.write_text(json.dumps({name: camera.looks for name, camera in cameras.items()}))
        draft.replace(looks)
        return {name: camera.frames for name, camera in cameras.items()}

    while not all(look(time.monotonic()).values()):
        time.sleep(EVERY_S)
    print("playing", flush=True)
    begun, samples = time.monotonic(), []
    while not ended.is_set() and (at := time.monotonic() - begun) < float(seconds):
        samples.append((at, look(begun + at), 1.0))
        time.sleep(EVERY_S)
    Path(result).write_text(json.dumps({"died": None, "clean": True, "samples": samples}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
