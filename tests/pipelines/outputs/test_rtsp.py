from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engines.image import I420
from pipelines.errors import BadInput
from pipelines.outputs.gst import Gst
from pipelines.outputs.rtsp import RtspOutput, _Media
from pipelines.settings import load_settings
from tests.fakes.redacted import plain, redacted
from tests.fakes.rtsp_viewer import RtspViewer
from tests.pipelines.settings.store_file import MINIMAL
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probes.redaction.redact import RedactedFrame


def halves(width: int = 320, height: int = 240, camera: str = "entrance") -> RedactedFrame:
    """A picture whose left half is dark and whose right half is bright."""
    pixels = I420.black(width, height)
    pixels.y[:, : width // 2], pixels.y[:, width // 2 :] = 50, 200
    return redacted(pixels, camera=camera)


class Feeder:
    """Publishes like the inference thread: only what is wanted, ten times a second or faster."""

    def __init__(self, output: RtspOutput, make: Callable[[], RedactedFrame], fps: float = 20) -> None:
        self.make, self.published, self.longest = make, 0, 0.0
        self._output, self._fps, self._stop = output, fps, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Feeder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(120)

    def _run(self) -> None:
        while not self._stop.wait(1 / self._fps):
            frame = self.make()
            if self._output.wanted(frame.frame.camera):
                before = time.thread_time()
                self._output.publish(frame)
                self.longest = max(self.longest, time.thread_time() - before)
                self.published += 1


@contextmanager
def serving(*cameras: str, **options: Any) -> Iterator[RtspOutput]:
    output = RtspOutput("127.0.0.1", 0, **options)
    for camera in cameras or ("entrance",):
        output.add_camera(camera)
    output.start()
    try:
        yield output
    finally:
        output.close()


def url(output: RtspOutput, camera: str = "entrance") -> str:
    return f"rtsp://127.0.0.1:{output.port}/{camera}"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_viewer_sees_the_picture_and_the_encoder_lives_only_as_long(protocol: str) -> None:
    counts: list[tuple[str, int]] = []
    watched: list[tuple[str, str, float | None]] = []
    listeners = {
        "on_viewers": lambda *seen: counts.append(seen),
        "on_watch": lambda *seen: watched.append(seen),
    }
    with serving(**listeners) as output, Feeder(output, halves) as feeder:
        time.sleep(0.2)
        assert not output.wanted("entrance")
        assert feeder.published == 0
        with RtspViewer(url(output), protocol=protocol) as viewer:
            picture = viewer.picture()
            assert picture is not None
            assert picture.shape == (240, 320)
            assert picture[:, :150].mean() == pytest.approx(40, abs=15)
            assert picture[:, 170:].mean() == pytest.approx(214, abs=15)
            wait_for(lambda: output.viewers("entrance") == 1)
        wait_for(lambda: not output.wanted("entrance"))
        wait_for(lambda: output.viewers("entrance") == 0)
    assert counts == [("entrance", 1), ("entrance", 0)]
    began, ended = watched
    assert began == ("entrance", "127.0.0.1", None)
    assert ended[:2] == began[:2]
    assert ended[2] is not None
    assert ended[2] > 0


def test_nothing_of_the_encoder_exists_without_a_viewer() -> None:
    with serving() as output:
        stream = output._streams["entrance"]
        assert stream.media is None
        with Feeder(output, halves), RtspViewer(url(output)) as viewer:
            assert viewer.picture() is not None
            assert stream.media is not None
        wait_for(lambda: stream.media is None)


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


def test_a_frame_for_a_stream_that_does_not_play_yet_is_not_taken() -> None:
    """appsrc would stamp it without a base time: the first picture, and all after it, would come in hours."""
    with serving() as output:
        line = "appsrc name=in is-live=true do-timestamp=true format=time ! capsfilter name=size ! fakesink"
        pipeline: Any = Gst.parse_launch(line)
        media = _Media(*(pipeline.get_by_name(name) for name in ("in", "size", "size")))
        output._streams["entrance"].media = media
        pipeline.set_state(Gst.State.PAUSED)
        output.publish(halves())
        assert media.source.get_property("current-level-buffers") == 0
        pipeline.set_state(Gst.State.PLAYING)
        wait_for(lambda: output.publish(halves()) or media.size is not None)
        pipeline.set_state(Gst.State.NULL)


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


def test_cameras_do_not_mix_and_one_without_pictures_holds_up_no_other() -> None:
    with serving("dead", "entrance") as output, RtspViewer(url(output, "dead")) as waiting:
        wait_for(lambda: output.wanted("dead"))
        with Feeder(output, halves), RtspViewer(url(output)) as viewer:
            assert viewer.picture() is not None
        assert waiting.picture(0.05) is None


def test_the_size_stays_when_the_camera_s_changes_and_the_picture_is_letterboxed() -> None:
    with serving() as output, Feeder(output, lambda: plain(320, 240, 200)) as feeder:
        with RtspViewer(url(output)) as viewer:
            assert viewer.picture() is not None
            feeder.make = lambda: plain(121, 241, 200)
            pictures = [viewer.picture() for _ in range(25)]
        assert all(p is not None and p.shape == (240, 320) for p in pictures)
        last = pictures[-1]
        assert last is not None
        assert last[:, :90].mean() < 30
        assert last[60:180, 150:170].mean() > 180
        wait_for(lambda: not output.wanted("entrance"))
        with RtspViewer(url(output)) as viewer:
            picture = viewer.picture()
            assert picture is not None
            assert picture.shape == (240, 120)


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


def test_frames_beyond_the_queue_are_dropped_and_counted() -> None:
    with serving() as output, RtspViewer(url(output)):
        big = plain(1280, 720, 90)

        def flood() -> bool:
            for _ in range(60):
                output.publish(big)
            return output.dropped("entrance") > 0

        wait_for(flood)


def test_only_redacted_frames_are_taken() -> None:
    frame = halves()
    forged = SimpleNamespace(frame=frame.frame, pixels=frame.pixels)
    with serving() as output:
        for wrong in (forged, frame.pixels, None):
            with pytest.raises(TypeError, match="redacted"):
                output.publish(wrong)  # type: ignore[arg-type]  # that is the test


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


def test_cameras_come_and_go_while_the_server_runs() -> None:
    with serving() as output, Feeder(output, lambda: halves(camera="till")):
        with RtspViewer(url(output, "till")) as viewer:
            assert "Not found" in viewer.error() or "404" in viewer.error(1)
        output.add_camera("till")
        with RtspViewer(url(output, "till")) as viewer:
            assert viewer.picture() is not None
            output.remove_camera("till")
            assert not output.wanted("till")
            for _ in range(200):
                if viewer.picture(0.3) is None:
                    break
            else:
                pytest.fail("the viewer of a camera that is gone still gets pictures")
        output.publish(halves(camera="till"))


def test_a_port_in_use_is_a_clear_mistake() -> None:
    with serving() as first, pytest.raises(BadInput, match=f"cannot listen on 127.0.0.1:{first.port}"):
        RtspOutput("127.0.0.1", first.port).start()


@pytest.mark.parametrize("state", ["new", "started", "waiting", "watched", "closed"])
def test_it_stops_from_any_state(state: str) -> None:
    output = RtspOutput("127.0.0.1", 0)
    output.add_camera("entrance")
    if state != "new":
        output.start()
    address = url(output)
    if state == "closed":
        output.close()
    if state == "watched":
        with Feeder(output, halves), RtspViewer(address) as viewer:
            assert viewer.picture() is not None
            output.close()
            assert not output.wanted("entrance")
            assert output.viewers("entrance") == 0
            assert output._clients.wait_gone(0), "no handler is called after the end of Python"
    if state == "waiting":
        with RtspViewer(address):
            wait_for(lambda: output.wanted("entrance"))
            output.close()
    output.close()
    output.publish(halves())
    assert output.port == 0
    if state == "watched":
        with RtspViewer(address) as viewer:
            assert viewer.error()


def test_viewers_that_come_and_go_leave_no_threads_or_files_behind() -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

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
