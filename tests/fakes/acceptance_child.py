"""A stand-in for scripts.accept.child: counts frames of the cameras of a store while they answer."""

from __future__ import annotations

import json
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ANSWER_S = 0.5
ASK = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"


class Camera:
    """Asks one camera again and again; `frames` grows by its rate while it answers."""

    def __init__(self, url: str, fps: float) -> None:
        at = urlsplit(url)
        self._address, self._fps = (at.hostname, at.port), fps
        self.frames = 0.0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        last = time.monotonic()
        while True:
            answers, now = self._answers(), time.monotonic()
            if answers:
                self.frames += self._fps * (now - last)
            last = now
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(self._address, ANSWER_S) as connection:
                connection.sendall(ASK)
                return connection.recv(16).startswith(b"RTSP/1.0")
        except OSError:
            return False


def main(argv: list[str]) -> int:
    store, _platform, seconds, result = argv
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    content = yaml.safe_load(Path(store).read_text())
    fps = content["defaults"]["fps"]
    cameras = {name: Camera(camera["source"], fps) for name, camera in content["cameras"].items()}
    while not all(camera.frames for camera in cameras.values()):
        time.sleep(0.05)
    print("playing", flush=True)
    begun, samples = time.monotonic(), []
    while not ended.is_set() and (at := time.monotonic() - begun) < float(seconds):
        samples.append((at, {name: int(camera.frames) for name, camera in cameras.items()}, 1.0))
        time.sleep(0.2)
    Path(result).write_text(json.dumps({"died": None, "clean": True, "samples": samples}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
