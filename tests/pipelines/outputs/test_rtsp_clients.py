"""Who watches by RTSP: many, lazy, silent, vanished and unknown viewers."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engines.image import I420
from pipelines.outputs.gst import Gst
from pipelines.outputs.rtsp import RtspOutput
from pipelines.settings import load_settings
from tests.descriptors import open_files
from tests.fakes.redacted import redacted
from tests.fakes.rtsp_viewer import RtspViewer
from tests.pipelines.outputs.rtsp_serving import Feeder, halves, serving, url
from tests.pipelines.settings.store_file import MINIMAL
from tests.waiting import wait_for

if TYPE_CHECKING:
    from probes.redaction.redact import RedactedFrame


def test_two_viewers_share_one_encoder_and_the_second_need_not_wait_for_a_keyframe() -> None:
    with serving() as output, Feeder(output, halves), RtspViewer(url(output)) as one:
        assert one.picture() is not None
        media = output._streams["entrance"].media
        with RtspViewer(url(output)) as two:
            assert two.picture() is not None
            assert output._streams["entrance"].media is media
            wait_for(lambda: output.viewers("entrance") == 2)
        wait_for(lambda: output.viewers("entrance") == 1)
        assert output.wanted("entrance")
        assert one.picture() is not None


def test_who_comes_while_the_last_viewer_leaves_gets_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    leaving, may_go = threading.Event(), threading.Event()

    def holds(_media: object, state: int) -> None:
        if state == Gst.State.NULL and not leaving.is_set():
            leaving.set()
            may_go.wait(120)

    configured = RtspOutput._configured

    def slow(output: RtspOutput, factory: Any, media: Any, *more: Any) -> None:
        configured(output, factory, media, *more)
        media.connect("target-state", holds)

    monkeypatch.setattr(RtspOutput, "_configured", slow)
    with serving() as output, Feeder(output, halves):
        with RtspViewer(url(output)) as viewer:
            assert viewer.picture() is not None
        assert leaving.wait(120)
        try:
            with RtspViewer(url(output)) as viewer:
                assert viewer.picture() is not None
        finally:
            may_go.set()


def test_a_viewer_that_reads_nothing_blocks_neither_publish_nor_another_viewer() -> None:
    noise = np.random.default_rng(0).integers(16, 235, (480, 640), np.uint8)

    def noisy() -> RedactedFrame:
        pixels = I420.black(640, 480)
        pixels.y[:] = np.roll(noise, int(time.monotonic() * 1000) % 640, axis=1)
        return redacted(pixels)

    with serving(bitrate_kbit=20000) as output, Feeder(output, noisy, fps=40) as feeder:
        with socket.create_connection(("127.0.0.1", output.port)) as lazy:
            _play_and_never_read(lazy, url(output))
            wait_for(lambda: output.viewers("entrance") == 1)
            wait_for(lambda: feeder.published > 60)
            with RtspViewer(url(output)) as viewer:
                assert viewer.picture() is not None
            published = feeder.published
            wait_for(lambda: feeder.published > published + 10)
        assert feeder.longest < 1
        wait_for(lambda: not output.wanted("entrance"))


def test_a_viewer_that_vanishes_without_a_word_is_no_viewer_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.outputs.rtsp.SESSION_S", 5)  # time enough to begin on a busy machine
    counts: list[int] = []
    with (
        serving(on_viewers=lambda _, count: counts.append(count)) as output,
        Feeder(output, halves),
        socket.create_connection(("127.0.0.1", output.port)) as gone,
    ):
        _play_and_never_read(gone, url(output), "RTP/AVP;unicast;client_port=9-10")
        wait_for(lambda: counts == [1, 0])
        assert output._clients.wait_gone(120), "its thread and its descriptors are free again"


def test_who_asks_for_no_stream_is_disconnected_in_time_and_who_watches_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        serving() as output,
        Feeder(output, halves),
        RtspViewer(url(output)) as viewer,
        _connected(output) as silent,
        _connected(output) as asking,
    ):
        assert viewer.picture() is not None
        asking.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        assert asking.recv(4096).startswith(b"RTSP/1.0 200")
        monkeypatch.setattr("pipelines.outputs.rtsp_clients.SILENT_S", 0)
        assert [silent.recv(1), asking.recv(1)] == [b"", b""]
        assert output.viewers("entrance") == 1


def test_too_many_connections_cost_the_oldest_that_asks_for_no_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving() as output, Feeder(output, halves), RtspViewer(url(output)) as viewer:
        assert viewer.picture() is not None
        monkeypatch.setattr("pipelines.outputs.rtsp_clients.MAX_CLIENTS", 3)
        with _connected(output) as first, _connected(output) as second, _connected(output) as third:
            assert first.recv(1) == b""
            with RtspViewer(url(output)) as another:
                assert another.picture() is not None
                assert second.recv(1) == b""
            third.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
            assert third.recv(4096).startswith(b"RTSP/1.0 200")
        assert output.viewers("entrance") == 1


def _connected(output: RtspOutput) -> socket.socket:
    return socket.create_connection(("127.0.0.1", output.port), timeout=120)


def _play_and_never_read(
    connection: socket.socket, address: str, transport: str = "RTP/AVP/TCP;unicast;interleaved=0-1"
) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    session = ""
    for number, (method, target, extra) in enumerate(
        [
            ("DESCRIBE", address, ""),
            ("SETUP", address + "/stream=0", f"Transport: {transport}\r\n"),
            ("PLAY", address, ""),
        ]
    ):
        connection.sendall(f"{method} {target} RTSP/1.0\r\nCSeq: {number}\r\n{session}{extra}\r\n".encode())
        if method == "PLAY":
            return
        answer = b""
        while b"\r\n\r\n" not in answer or (
            b"Content-Length" in answer and b"a=control:stream" not in answer
        ):
            answer += connection.recv(4096)
        for line in answer.decode(errors="replace").splitlines():
            if line.startswith("Session:"):
                session = line.split(";")[0] + "\r\n"


@pytest.mark.parametrize(
    ("extra", "bound", "login", "warned"),
    [
        ("", "127.0.0.1:8554", None, True),
        ('listen: "[::]:8554"', "127.0.0.1:8554", None, True),
        ('listen: "[::1]:8554"', "[::1]:8554", None, False),
        ('listen: "127.0.0.1:1"', "127.0.0.1:1", None, False),
        ("credentials: {username: v, password: s3cret}", "0.0.0.0:8554", ("v", "s3cret"), False),
    ],
)
def test_without_credentials_streams_stay_on_this_machine(tmp_path, extra, bound, login, warned) -> None:
    path = tmp_path / "store.yaml"
    path.write_text(MINIMAL + f"outputs: {{rtsp: {{{extra}}}}}\n")
    settings = load_settings(path, env={})
    rtsp = settings.outputs.rtsp
    assert (str(rtsp.bound), rtsp.login) == (bound, login)
    assert any("this machine only" in line for line in settings.warnings) == warned
    assert ("s3cret" in settings.secret_values()) == (login is not None)


def test_credentials_are_asked_for() -> None:
    with serving(credentials=("viewer", "s3cret")) as output, Feeder(output, halves):
        for password in ("", "wrong"):
            with RtspViewer(url(output), user="viewer" if password else "", password=password) as viewer:
                assert "nauthorized" in viewer.error()
        with RtspViewer(url(output), user="viewer", password="s3cret") as viewer:
            assert viewer.picture() is not None


def test_viewers_that_come_and_go_leave_no_threads_or_files_behind() -> None:
    with serving() as output, Feeder(output, halves):
        seen = []
        for _ in range(8):
            with RtspViewer(url(output)) as viewer:
                assert viewer.picture() is not None
            wait_for(lambda: not output.wanted("entrance"))
            del viewer
            seen.append(open_files())
        # GStreamer closes what a viewer had in threads of its own, after the viewer has gone.
        wait_for(lambda: open_files() <= seen[1] + 4)
