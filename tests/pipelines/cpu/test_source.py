"""Real servers, real decoders: each way in which a camera comes, goes and fails."""

import random
import socket
import time

import gi
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
from tests.fakes.sources import END_S, QUICK, Ear  # noqa: E402


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
