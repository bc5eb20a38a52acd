"""Real servers, real decoders: each way in which a camera comes, goes and fails."""

import os
import random
import resource
import socket
import time
from pathlib import Path

import cv2
import gi
import numpy as np
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from pipelines.cameras.source import SourceSpec, Transport  # noqa: E402
from pipelines.cameras.states import CameraState, Cause  # noqa: E402
from pipelines.cameras.supervisor import CameraSupervisor  # noqa: E402
from pipelines.cameras.switching import SwitchingSource  # noqa: E402
from pipelines.cpu.source import open_source  # noqa: E402
from tests.fakes.certificate import certificate  # noqa: E402
from tests.fakes.rtsp_camera import RtspCamera, moving_square  # noqa: E402
from tests.fakes.sources import Ear  # noqa: E402
from tests.fakes.video_file import write_video  # noqa: E402

END_S = 120
"""So long a supervisor may take to end: no wait of the cameras is as long but one that is stopped, too."""
QUICK = {"fps": 60, "stale_after_ms": 700, "reconnect_first_ms": 50, "reconnect_max_ms": 200}


@pytest.fixture
def watch():
    """Start a supervisor for an address; all are stopped at the end, and must stop within seconds."""
    started = []

    def start(source, camera="c", ear=None, **settings):
        ear = ear or Ear()
        spec = SourceSpec(camera, source, **{**QUICK, **settings})
        started.append(CameraSupervisor(spec, ear, open_source, rng=random.Random(1)))
        started[-1].start()
        return started[-1], ear

    yield start
    stopped = [supervisor.stop(END_S) for supervisor in started]
    assert all(stopped)


def needs(element):
    Gst.init(None)
    return pytest.mark.skipif(Gst.ElementFactory.find(element) is None, reason=f"no {element} here")


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize(
    "codec",
    ["h264", pytest.param("h265", marks=[needs("x265enc"), needs("avdec_h265")]), "mjpeg"],
)
def test_frames_arrive_whatever_the_transport_and_codec(watch, transport, codec):
    with RtspCamera(codec=codec) as camera:
        supervisor, ear = watch(camera.url, transport=transport)
        ear.until_more("c", 5)
        picture = ear.last["c"].pixels
        assert (picture.width, picture.height) == (320, 240)
        assert abs(int(picture.y[200, 4]) - 40) < 12
        assert abs(int(picture.y[200, -4]) - 180) < 12
        assert abs(int(picture.u.mean()) - 128) < 4
        assert picture.y.flags.owndata
        assert ear.times == sorted(set(ear.times))
        assert supervisor.stop(END_S)


@pytest.mark.parametrize("size", [(322, 246), (640, 360), (1280, 720)])
def test_sizes_whose_planes_are_padded(watch, size):
    with RtspCamera(moving_square(*size, count=3)) as camera:
        _, ear = watch(camera.url)
        ear.until_more("c")
        picture = ear.last["c"].pixels
        assert (picture.width, picture.height) == size
        assert abs(int(picture.y[-1, -1]) - 180) < 12
        assert abs(int(picture.v[-1, -1]) - 128) < 4


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_credentials(watch, auth, caplog):
    caplog.set_level("DEBUG")
    with RtspCamera(user="viewer", password="p@ss: wört", auth=auth) as camera:
        _, ear = watch(camera.url, username="viewer", password="p@ss: wört")
        ear.until_more("c")
        for settings in ({"username": "viewer", "password": "geheim"}, {}):
            supervisor, ear = watch(camera.url, **settings)
            ear.until_state(CameraState.AUTH_FAILED, Cause.AUTH)
            # Milliseconds of backoff elsewhere; no second try here while the first one's frames all arrive.
            assert supervisor.stop(END_S)
            assert ear.connects == [("c", "auth")]
    assert "geheim" not in caplog.text


def test_no_such_stream(watch):
    with RtspCamera() as camera:
        _, ear = watch(camera.url + "-no")
        ear.until_state(CameraState.NOT_FOUND, Cause.NOT_FOUND)


def test_refused_then_there(watch):
    with RtspCamera() as camera:
        camera.kill()
        _, ear = watch(camera.url)
        ear.until(lambda: ear.connects.count(("c", "refused")) >= 2)
        camera.restart()
        ear.until_more("c")
    assert ("backoff", "refused") in ear.pairs()


def test_a_port_that_takes_connections_and_says_nothing(watch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        supervisor, ear = watch(f"rtsp://127.0.0.1:{server.getsockname()[1]}/x", connect_timeout_ms=500)
        ear.until_state(CameraState.BACKOFF, Cause.TIMEOUT)
        ear.until(lambda: ear.states[-1][1] is CameraState.CONNECTING)
        assert supervisor.stop(END_S)


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_killed_and_back(watch, transport):
    with RtspCamera() as camera:
        supervisor, ear = watch(camera.url, transport=transport)
        ear.until_more("c")
        camera.kill()
        ear.until(lambda: any(state is CameraState.BACKOFF for _, state, _ in ear.states))
        camera.restart()
        ear.until(lambda: ear.connects.count(("c", "ok")) == 2)
        ear.until_more("c")
        assert supervisor.status().connects == 2


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_frozen_and_back(watch, transport):
    with RtspCamera() as camera:
        _, ear = watch(camera.url, transport=transport, connect_timeout_ms=1000)
        ear.until_more("c")
        camera.stall()
        ear.until_state(CameraState.STALE, Cause.STALLED)
        camera.resume()
        ear.until(lambda: ear.connects.count(("c", "ok")) == 2)


def test_resolution_changes_in_mid_stream(watch):
    with RtspCamera() as camera:
        supervisor, ear = watch(camera.url)
        ear.until_more("c")
        camera.show(moving_square(640, 360))
        ear.until(lambda: ear.last["c"].pixels.width == 640)
        assert ear.last["c"].pixels.y[-1, -1] > 160
        assert supervisor.status().connects == 1


def test_the_sub_stream_takes_over_without_a_gap_in_the_same_size_and_its_death_leads_back():
    wanted, passed_s = [], [0.0]
    with RtspCamera(moving_square(640, 480)) as main, RtspCamera(moving_square(320, 240)) as small:
        ear, told = Ear(), []

        def connect(spec):
            return SwitchingSource(
                spec, small.url, open_source, wanted=lambda: bool(wanted), on_change=told.append
            )

        patient = {**QUICK, "stale_after_ms": 60_000, "connect_timeout_ms": 60_000}  # no gap counts as lost
        supervisor = CameraSupervisor(
            SourceSpec("c", main.url, **patient),
            ear,
            connect,
            rng=random.Random(1),
            clock=lambda: time.monotonic() + passed_s[0],
        )
        supervisor.start()
        try:
            ear.until_more("c")
            wanted.append(1)
            ear.until(lambda: told[-1])
            ear.until_more("c")
            pixels = ear.last["c"].pixels
            assert (pixels.width, pixels.height, supervisor.status().connects) == (640, 480, 1)
            assert pixels.y[-1, -1] > 160
            assert ear.pairs() == [("connecting", "none"), ("live", "none")]
            wanted.clear()
            small.kill()
            passed_s[0] = 61.0  # where nobody closes the connection, its silence is noticed after a minute
            ear.until(lambda: not told[-1])
            ear.until_more("c")
        finally:
            assert supervisor.stop(END_S)


def test_one_camera_dies_and_the_other_loses_no_frame(watch):
    with RtspCamera() as lasting, RtspCamera() as dying:
        ear = Ear()
        watch(dying.url, "dying", ear)
        supervisor, _ = watch(lasting.url, "lasting", ear)
        ear.until_more("dying")
        ear.until_more("lasting")
        sent, received = lasting.frames_sent, supervisor.status().frames_received
        dying.kill()
        ear.until_state(CameraState.BACKOFF, camera="dying")
        ear.until_more("lasting", 20)

        def lost() -> int:
            return (lasting.frames_sent - sent) - (supervisor.status().frames_received - received)

        ear.until(lambda: lost() <= 2)  # the ones on their way, which are more on a busy machine
        assert supervisor.status().connects == 1
        dying.restart()
        ear.until_more("dying")


def test_more_frames_than_asked_for(watch):
    with RtspCamera(fps=30) as camera:
        _, ear = watch(camera.url, fps=10)
        ear.until(lambda: ear.drops["rate"] > ear.frames["c"] >= 10)


@pytest.mark.parametrize(
    ("launch", "cause"),
    [
        ("( audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0 )", Cause.NO_VIDEO),
        ("( videotestsrc is-live=true ! vp8enc deadline=1 ! rtpvp8pay name=pay0 )", Cause.CODEC),
    ],
)
def test_streams_that_hold_nothing_for_us(watch, launch, cause):
    with RtspCamera(launch=launch) as camera:
        _, ear = watch(camera.url)
        ear.until_state(CameraState.BACKOFF, cause)


def test_sound_beside_the_picture_does_no_harm(watch):
    launch = (
        "( audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0"
        " videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=10/1"
        " ! x264enc tune=zerolatency ! rtph264pay name=pay1 )"
    )
    with RtspCamera(launch=launch) as camera:
        _, ear = watch(camera.url)
        ear.until_more("c")


def test_encrypted_streams_need_a_trusted_certificate_or_leave_to_do_without(watch, tmp_path):
    with RtspCamera(tls=str(certificate(tmp_path))) as camera:
        _, ear = watch(camera.url)
        ear.until_state(CameraState.BACKOFF, Cause.TLS)
        _, ear = watch(camera.url, tls_verify=False)
        ear.until_more("c")


def test_a_file_is_a_camera_that_ends(watch, tmp_path):
    path = write_video(tmp_path / "x.mp4", frames=15)
    supervisor, ear = watch(str(path))
    ear.until_state(CameraState.STOPPED, Cause.ENDED)
    assert ear.frames["c"] >= 14
    assert ear.times[-1] - ear.times[0] > 1_000_000_000  # at its own rate, not as fast as it can
    assert supervisor.status().connects == 1


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_loops_without_a_new_connection(watch, tmp_path, kind):
    path = write_video(tmp_path / "x.mp4", frames=5) if kind == "file" else tmp_path
    cv2.imwrite(str(tmp_path / "x.png"), np.zeros((48, 64, 3), np.uint8))
    supervisor, ear = watch(str(path), loop=True)
    ear.until_more("c", 13)
    assert supervisor.status().connects == 1
    assert ear.states[-1][1] is CameraState.LIVE


@pytest.mark.parametrize("how", ["replaced", "grown"])
def test_a_looping_film_that_changed_on_disk_is_opened_anew_at_its_end(watch, tmp_path, how):
    path = write_video(tmp_path / "x.ts", frames=5, mux="mpegtsmux")
    supervisor, ear = watch(str(path), loop=True)
    ear.until_more("c", 7)
    assert supervisor.status().connects == 1
    other = write_video(tmp_path / "other.ts", frames=5, size=(160, 120), mux="mpegtsmux")
    if how == "replaced":
        other.replace(path)
    else:
        with path.open("ab") as file:
            file.write(other.read_bytes())
    ear.until(lambda: ear.connects == [("c", "ok")] * 2)
    ear.until(lambda: how == "grown" or ear.last["c"].pixels.width == 160)
    ear.until_more("c", 13)
    assert supervisor.status().connects == 2
    assert {state for _, state, _ in ear.states} == {CameraState.CONNECTING, CameraState.LIVE}


def test_garbage_is_a_typed_cause(watch, tmp_path):
    (tmp_path / "x.mp4").write_bytes(random.Random(1).randbytes(50_000))
    _, ear = watch(str(tmp_path / "x.mp4"))
    ear.until_state(CameraState.BACKOFF, Cause.FILE)
    os.mkfifo(tmp_path / "pipe.mp4")  # opening it waits for who writes into it
    _, ear = watch(str(tmp_path / "pipe.mp4"))
    ear.until_state(CameraState.BACKOFF, Cause.FILE)
    _, ear = watch("/dev/video99")
    ear.until_state(CameraState.BACKOFF, Cause.DEVICE)


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_mb():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def attempts(watch, url, count):
    supervisor, ear = watch(url, reconnect_first_ms=1, reconnect_max_ms=1)
    ear.until(lambda: len(ear.connects) >= count, 120)
    assert supervisor.stop(END_S)
    assert {result for _, result in ear.connects} == {"refused"}


@pytest.mark.parametrize(
    ("busy", "states"), [({2}, ["connecting", "live"]), ({2, 3}, ["connecting", "backoff"])]
)
def test_a_camera_that_takes_the_stream_down_still_that_it_was_asked_about_is_called_again(
    watch, busy, states
):
    asked = []

    def answer(*_):
        asked.append(1)
        return 503 if len(asked) in busy else 200

    with RtspCamera() as camera:
        camera.before_describe(answer)
        supervisor, ear = watch(camera.url, reconnect_first_ms=60_000)
        ear.until(lambda: len(ear.pairs()) == 2)
        assert [state for state, _ in ear.pairs()] == states
        assert len(asked) == 3
        assert supervisor.stop(END_S)


def test_a_stream_that_is_joined_long_before_its_next_key_frame_is_waited_for(watch):
    """A recorder or a server hands on what the camera sends, and that may have a key frame each 16 s."""
    launch = (
        "( videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1"
        " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=60"
        " ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
    )
    with RtspCamera(launch=launch) as camera:
        _, first = watch(camera.url, "first")
        first.until_more("first")
        _, ear = watch(camera.url, connect_timeout_ms=1000, stale_after_ms=20_000)
        ear.until_more("c")
        assert "no_picture" not in [result for _, result in ear.connects]


def test_200_reconnects_of_an_offline_camera_leak_nothing(watch):
    with RtspCamera() as camera:
        url = camera.url
    attempts(watch, url, 40)
    files, grown = open_files(), []
    for _ in range(3):  # what leaks grows each time; what other threads of this process keep does not
        memory = resident_mb()
        attempts(watch, url, 200)
        assert open_files() <= files  # fewer, where an earlier test's server was still closing
        grown.append(resident_mb() - memory)
        if grown[-1] < 4:
            break
    assert min(grown) < 4


def test_connections_to_a_live_camera_leak_nothing(watch):
    def connect(count):
        for _ in range(count):
            supervisor, ear = watch(camera.url)
            ear.until_more("c", 1)
            assert supervisor.stop(END_S)

    with RtspCamera() as camera:
        _, steady = watch(camera.url)  # keeps the server's side as it is
        steady.until_more("c", 1)
        connect(5)
        files, memory = open_files(), resident_mb()
        connect(20)
        steady.until_more("c", 3)
        assert open_files() <= files
        assert resident_mb() - memory < 8


@pytest.mark.parametrize(("degrees", "corner"), [(0, (0, 0)), (90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_a_turned_camera_gives_upright_pictures(tmp_path, degrees, corner):
    sheet = np.full((40, 60, 3), 40, np.uint8)
    sheet[:10, :10] = 220
    cv2.imwrite(str(tmp_path / "a.png"), sheet)
    source = open_source(SourceSpec("c", str(tmp_path), fps=60, rotate=degrees))
    for _ in range(100):
        if source.wait(1):
            break
    picture = source.take()
    source.close()
    assert (picture.width, picture.height) == ((60, 40) if degrees in (0, 180) else (40, 60))
    assert picture.y[corner] > 150
    assert sum(int(picture.y[y, x]) > 150 for y in (0, -1) for x in (0, -1)) == 1
