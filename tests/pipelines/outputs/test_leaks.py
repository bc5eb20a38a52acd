"""Every kind of output is opened and closed many times: no descriptor and no thread stays."""

from __future__ import annotations

import gc
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from pipelines.outputs.fragments import FragmentOutput
from pipelines.outputs.live import LiveOutput
from pipelines.outputs.record import VideoRecorder
from pipelines.outputs.rtsp import RtspOutput
from pipelines.outputs.snapshot import SnapshotOutput
from tests.descriptors import open_files
from tests.fakes.redacted import plain
from tests.fakes.rtsp_viewer import RtspViewer
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPARE = 6
"""What a library may open once for good after the first rounds, such as a pool's wake-up pipe."""


def fragments_viewed(_folder: Path) -> Callable[[], None]:
    output = FragmentOutput({"entrance": 5})

    def once() -> None:
        got: list[object] = []
        viewing = output.watch("entrance", got.append)
        output.publish(plain(captured_at=7_000))
        wait_for(lambda: got)
        output.unwatch(viewing)
        wait_for(lambda: not output._cameras["entrance"].encoder)

    return once


def fragments_closed(_folder: Path) -> Callable[[], None]:
    def once() -> None:
        output, got = FragmentOutput({"entrance": 5}), []
        output.watch("entrance", got.append)
        output.publish(plain(captured_at=7_000))
        wait_for(lambda: got)
        output.close()

    return once


def pictures(_folder: Path) -> Callable[[], None]:
    def once() -> None:
        output, got = LiveOutput(["entrance"]), []
        output.watch("entrance", got.append)
        output.publish(plain())
        wait_for(lambda: got)
        output.close()

    return once


def snapshots(folder: Path) -> Callable[[], None]:
    def once() -> None:
        output = SnapshotOutput(folder, interval_s=0)
        output.add_camera("entrance")
        output.publish(plain())
        wait_for(lambda: list(folder.glob("entrance/*.jpg")))
        output.close()

    return once


def recordings(folder: Path) -> Callable[[], None]:
    def once() -> None:
        output = VideoRecorder(folder)
        output.add_camera("entrance", 5)
        output.publish(plain(captured_at=1))
        output.close()

    return once


def streams(_folder: Path) -> Callable[[], None]:
    output = RtspOutput("127.0.0.1", 0)
    output.add_camera("entrance", 5)
    output.start()

    def once() -> None:
        with RtspViewer(f"rtsp://127.0.0.1:{output.port}/entrance") as viewer:
            wait_for(lambda: output.publish(plain()) or viewer.picture(0.01) is not None)
        wait_for(lambda: not output.wanted("entrance"))

    return once


def streams_left_before_a_picture(_folder: Path) -> Callable[[], None]:
    """A camera that fails has none: who asks waits in GStreamer for up to 20 s, and is not seen to leave."""
    output = RtspOutput("127.0.0.1", 0)
    output.add_camera("entrance", 5)
    output.start()
    url = f"rtsp://127.0.0.1:{output.port}/entrance"

    def once() -> None:
        with socket.create_connection(("127.0.0.1", output.port), timeout=60) as viewer:
            viewer.sendall(f"OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
            viewer.recv(1000)
            viewer.sendall(f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 2\r\n\r\n".encode())

    return once


@pytest.mark.parametrize(
    ("kind", "times"),
    [
        (fragments_viewed, 50),
        (fragments_closed, 50),
        (pictures, 50),
        (snapshots, 50),
        (recordings, 12),
        (streams, 50),
        (streams_left_before_a_picture, 50),
    ],
)
def test_nothing_stays_open(kind, times, tmp_path):
    once = kind(tmp_path)
    for _ in range(3):
        once()
    before = counted()
    for _ in range(times):
        once()
    wait_for(lambda: within(counted(), before), every_s=0.1)


def counted() -> tuple[int, int]:
    """Return descriptors and threads, once all that Python alone holds is gone."""
    gc.collect()
    return open_files(), threading.active_count()


def within(now: tuple[int, int], before: tuple[int, int]) -> bool:
    return all(n <= b + SPARE for n, b in zip(now, before, strict=True))
