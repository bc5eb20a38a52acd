"""Cameras of a running DeepStream platform that die, stall, end, leave and return."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from functools import partial

import pytest

from pipelines.cameras.policy import LONGEST_GROUP_S
from pipelines.deepstream.cameras import Clocks
from pipelines.deepstream.runtime.camera_source import CONNECT_TIMEOUT_S
from pipelines.deepstream.runtime.valves import STREAM
from pipelines.errors import BadInput
from tests.fakes.broker import free_port
from tests.fakes.rtsp_replies import flooding_camera, hanging_up_camera, refusing_camera
from tests.fakes.tcp_server import tcp_server
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import rtsp
from tests.waiting import wait_for


def test_a_dead_camera_touches_no_other(tmp_path):
    with running(tmp_path, rtsp(3), c0="dead", c1="auth") as run:
        run.listen("stream_c2")
        run.platform.start()
        run.platform.valves.want("c2", STREAM, wanted=True)
        wait_for(lambda: run.samples["stream_c2"] >= 3)
        wait_for(lambda: run.state("c1") == "auth_failed:auth")
        assert not any(camera == "c0" and state == "live" for camera, state, _ in run.states)
        assert run.metrics.registry.get_sample_value(
            "msh_camera_connects_total", {"camera": "c1", "result": "auth"}
        )


@pytest.mark.parametrize(
    ("codec", "cause"), [("JPEG", "codec"), ("VP8", "codec"), ("H265", "none"), ("MP4V-ES", "none")]
)
def test_a_camera_whose_codec_is_not_read_says_so_and_touches_no_other(tmp_path, codec, cause):
    with running(tmp_path, rtsp(2), c0=f"codec-{codec}") as run:
        run.platform.start()
        wait_for(lambda: ("c0", "live" if cause == "none" else "backoff", cause) in run.states)
        wait_for(lambda: run.state("c1") == "live:none")
        assert {said for camera, _, said in run.states if camera == "c0"} == {"none", cause}
        assert not run.platform.failed


SHA_256 = '401 Unauthorized\r\nWWW-Authenticate: Digest realm="x", nonce="1", algorithm=SHA-256'


@contextmanager
def nobody():
    yield f"rtsp://127.0.0.1:{free_port()}/x"


@contextmanager
def a_web_server():
    with tcp_server(lambda client: client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")) as port:
        yield f"rtsp://127.0.0.1:{port}/x"


def with_login(settings):
    camera = settings.cameras["c0"]
    login = {"credentials": {"username": "viewer", "password": "secret"}}
    changed = camera.model_validate({**camera.model_dump(), **login})
    return settings.model_copy(update={"cameras": {"c0": changed}})


@pytest.mark.parametrize(
    ("other", "cause"),
    [
        (nobody, "refused"),
        (a_web_server, "not_rtsp"),
        (partial(refusing_camera, "DESCRIBE", SHA_256), "digest"),
        (partial(hanging_up_camera, "SETUP", by_reset=False), "hangs_up"),
    ],
)
def test_why_no_connection_comes_about_is_told_as_on_the_cpu(tmp_path, other, cause):
    """rtspsrc, a real one here, calls it a "Generic error", or a wrong password."""

    with other() as url, running(tmp_path, [url], change=with_login, c0="calls") as run:
        run.platform.start()
        wait_for(lambda: ("c0", "backoff", cause) in run.states)
        assert {cause for _, _, cause in run.states} == {"none", cause}
        value = run.metrics.registry.get_sample_value
        wait_for(lambda: value("msh_camera_connects_total", {"camera": "c0", "result": cause}))


@pytest.mark.parametrize(
    "answer",
    [
        "200 OK\r\nContent-Length: 1000000000",
        "302 Moved\r\nLocation: http://127.0.0.1/",
        "301 Moved",
    ],
)
def test_a_camera_with_an_answer_that_rtspsrc_must_not_read_is_not_given_to_it(tmp_path, answer):
    """rtspsrc takes in whatever an answer claims to hold: one camera would take the memory of all."""
    with refusing_camera("DESCRIBE", answer) as url, running(tmp_path, [url], c0="calls") as run:
        run.platform.start()
        wait_for(lambda: ("c0", "backoff", "answer") in run.states)
        assert run.element_factory.opened == []


def test_a_camera_that_floods_the_memory_once_it_has_a_login_is_given_up(tmp_path, monkeypatch):
    """It answers the question before the connection, which has no login, like any other camera."""
    monkeypatch.setattr("pipelines.cameras.memory.MAX_GROWTH", 60_000_000)
    with (
        flooding_camera(("viewer", "secret")) as url,
        running(tmp_path, [url], change=with_login, c0="calls") as run,
    ):
        run.platform.start()
        wait_for(lambda: ("c0", "backoff", "answer") in run.states)
        assert run.element_factory.opened


@pytest.mark.parametrize(
    ("script", "after_s", "cause"), [("fed", LONGEST_GROUP_S, "no_picture"), ("dead", 0, "timeout")]
)
def test_a_camera_of_which_nothing_can_be_decoded_is_not_taken_for_a_silent_one(
    tmp_path, script, after_s, cause
):
    """nvurisrcbin has its pad once packets of video come; here nothing comes out of it."""
    now = [0.0]
    with running(tmp_path, rtsp(1), clocks=Clocks(clock=lambda: now[0]), c0=script) as run:
        run.platform.start()
        wait_for(lambda: run.element_factory.opened)
        now[0] += CONNECT_TIMEOUT_S + after_s + 1
        wait_for(lambda: ("c0", "backoff", cause) in run.states)
        value = run.metrics.registry.get_sample_value
        wait_for(lambda: value("msh_camera_connects_total", {"camera": "c0", "result": cause}))


def test_a_camera_that_dies_is_called_again(tmp_path):
    with running(tmp_path, rtsp(2), c0="dies") as run:
        run.platform.start()
        wait_for(lambda: run.element_factory.opened.count("rtsp://127.0.0.1:554/stream") >= 2)
        wait_for(lambda: ("c0", "backoff", "unknown") in run.states)
        wait_for(lambda: run.states.count(("c0", "live", "none")) >= 1)
        wait_for(lambda: run.state("c1") == "live:none")
        assert run.element_factory.opened.count("rtsp://127.0.0.2:554/stream") == 1
        assert not run.platform.failed


@pytest.mark.parametrize(
    ("script", "calls", "states"),
    [
        ("busy-1", 2, [("connecting", "none"), ("live", "none")]),
        ("busy-2", 2, [("connecting", "none"), ("backoff", "busy")]),
    ],
)
def test_a_camera_that_calls_itself_busy_is_called_once_more_before_it_is_let_be(
    tmp_path, script, calls, states
):
    def patient(settings):
        calls = settings.cameras["c0"].reconnect.model_copy(update={"first_ms": 60_000, "max_ms": 60_000})
        camera = settings.cameras["c0"].model_copy(update={"reconnect": calls})
        return settings.model_copy(update={"cameras": {"c0": camera}})

    with running(tmp_path, rtsp(1), change=patient, c0=script) as run:
        run.platform.start()
        wait_for(lambda: len(run.states) == len(states))
        assert [state[1:] for state in run.states] == states
        assert len(run.element_factory.opened) == calls
        value = run.metrics.registry.get_sample_value
        result = {"camera": "c0", "result": "ok" if script == "busy-1" else "busy"}
        wait_for(lambda: value("msh_camera_connects_total", result) == 1)


def test_a_silent_camera_is_stale_before_its_source_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.deepstream.runtime.camera_source.RESCUE_S", 0.5)

    def quick(settings):
        camera = settings.cameras["c0"].model_copy(update={"stale_after_ms": 300})
        return settings.model_copy(update={"cameras": {"c0": camera}})

    with running(tmp_path, rtsp(1), change=quick, c0="stalls") as run:
        run.platform.start()
        wait_for(lambda: len(run.element_factory.opened) >= 2)
        assert run.states[:3] == [
            ("c0", "connecting", "none"),
            ("c0", "live", "none"),
            ("c0", "stale", "stalled"),
        ]
        assert ("c0", "backoff", "stalled") in run.states


def test_a_named_pipe_for_a_film_holds_up_no_other_camera(tmp_path):
    with running(tmp_path, ["clip.mp4", *rtsp(1)]) as run:
        (tmp_path / "clip.mp4").unlink(missing_ok=True)
        os.mkfifo(tmp_path / "clip.mp4")
        run.platform.start()
        wait_for(lambda: run.state("c0") == "backoff:file")
        wait_for(lambda: run.state("c1") == "live:none")
        assert not [uri for uri in run.element_factory.opened if "clip" in uri]


def test_a_file_ends_once_and_the_others_go_on(tmp_path):
    with running(tmp_path, ["clip.mp4", *rtsp(1)]) as run:
        run.element_factory.scripts[(tmp_path / "clip.mp4").as_uri()] = "ends"
        run.platform.start()
        wait_for(lambda: run.state("c0") == "stopped:ended")
        wait_for(lambda: run.state("c1") == "live:none")
        assert len([uri for uri in run.element_factory.opened if "clip" in uri]) == 1


def leave_and_return(run):
    mux = run.platform.pipeline.get_by_name("mux")
    run.platform.remove("c0")
    wait_for(lambda: run.state("c0") == "stopped:none")
    wait_for(lambda: run.platform.pipeline.get_by_name("camera_c0") is None)
    wait_for(lambda: mux.get_static_pad("sink_0") is None)
    others, before = run.samples["stream_c1"], run.samples["stream_c0"]
    wait_for(lambda: run.samples["stream_c1"] > others + 2)
    run.platform.add("c0")
    wait_for(lambda: run.state("c0") == "live:none")
    wait_for(lambda: run.samples["stream_c0"] > before)


def test_cameras_leave_and_return_while_others_run(tmp_path):
    with running(tmp_path, rtsp(3)) as run:
        run.listen("stream_c0", "stream_c1")
        run.platform.start()
        for camera in ("c0", "c1"):
            run.platform.valves.want(camera, STREAM, wanted=True)
        wait_for(lambda: run.samples["stream_c0"] and run.samples["stream_c1"])
        for _ in range(3):
            leave_and_return(run)
        assert not run.platform.failed
        with pytest.raises(BadInput, match="camera odd is not among"):
            run.platform.add("odd")


def test_a_source_that_does_not_close_costs_only_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.deepstream.runtime.camera_source.CLOSE_TIMEOUT_S", 0.3)
    with running(tmp_path, rtsp(2), c0="dies") as run:
        run.element_factory.hang = threading.Event()
        run.listen("stream_c1")
        run.platform.valves.want("c1", STREAM, wanted=True)
        run.platform.start()
        wait_for(lambda: run.state("c0") == "backoff:stuck")
        assert run.platform.cameras()["c0"].stuck == 1
        seen = run.samples["stream_c1"]
        wait_for(lambda: run.samples["stream_c1"] > seen + 3)
        run.element_factory.hang.set()
        wait_for(lambda: run.element_factory.opened.count("rtsp://127.0.0.1:554/stream") >= 2)
        run.element_factory.hang = None


def test_the_only_camera_may_die_and_return_without_leaving_the_mux_without_pads(tmp_path):
    with running(tmp_path, rtsp(1), c0="dies") as run:
        run.platform.start()
        wait_for(lambda: len(run.element_factory.opened) >= 3)
        mux = run.platform.pipeline.get_by_name("mux")
        assert mux.numsinkpads == 1
        run.platform.remove("c0")
        wait_for(lambda: run.platform.pipeline.get_by_name("camera_c0") is None)
        assert mux.numsinkpads == 1
        assert not run.element_factory.faults


def test_when_all_cameras_were_gone_another_one_takes_over_the_last_pad(tmp_path):
    with running(tmp_path, rtsp(2)) as run:
        mux = run.platform.pipeline.get_by_name("mux")
        run.platform.start()
        for camera in ("c0", "c1"):
            wait_for(lambda: run.state(camera) == "live:none")  # noqa: B023 called at once
            run.platform.remove(camera)
        wait_for(lambda: run.platform.pipeline.get_by_name("camera_c1") is None)
        run.platform.add("c0")
        wait_for(lambda: run.state("c0") == "live:none")
        wait_for(lambda: [pad.get_name() for pad in mux.sinkpads] == ["sink_0"])


def test_a_file_that_starts_late_plays_at_its_own_pace(tmp_path):
    with running(tmp_path, ["clip.mp4", *rtsp(1)]) as run:
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
        run.platform.remove("c0")
        wait_for(lambda: run.platform.pipeline.get_by_name("camera_c0") is None)
        clock = run.platform.pipeline.get_clock()
        before = clock.get_time() - run.platform.pipeline.get_base_time()
        run.platform.add("c0")
        wait_for(lambda: run.platform.pipeline.get_by_name("pace_c0") is not None)
        pad = run.platform.pipeline.get_by_name("pace_c0").get_static_pad("sink")
        wait_for(lambda: pad.get_offset() >= before > 0)


@pytest.mark.parametrize("first", ["NV12", "RGBA"])
def test_cameras_whose_decoders_give_other_formats_run_side_by_side(tmp_path, first):
    """The mux takes one format, that of the first to come, and fails for all cameras on another."""
    urls = rtsp(2)

    def decoders(element_factory):
        element_factory.formats = dict(zip(urls, (first, "NV12" if first == "RGBA" else "RGBA"), strict=True))

    with running(tmp_path, urls, prepare=decoders) as run:
        run.listen("demux")
        run.platform.start()
        wait_for(lambda: run.state("c0") == run.state("c1") == "live:none" or run.platform.failed)
        assert not run.platform.failed
        caps = run.platform.pipeline.get_by_name("mux").get_static_pad("src").get_current_caps()
        assert "format=(string)NV12" in caps.to_string()


def test_the_mux_is_not_left_with_streams_that_have_all_ended(tmp_path):
    """It would keep a core busy for ever: its pipeline goes on without an end, for cameras that come back."""
    with running(tmp_path, rtsp(1), c0="ends") as run:
        run.platform.start()
        mux = run.platform.pipeline.get_by_name("mux")
        wait_for(lambda: ("c0", "live", "none") in run.states)
        run.element_factory.scripts[rtsp(1)[0]] = "dead"
        wait_for(lambda: ("c0", "backoff", "ended") in run.states)
        wait_for(lambda: not mux.batcher.spins)
        assert mux.numsinkpads == 1
        assert not run.platform.failed


def test_a_camera_to_which_a_busy_mux_gives_no_pad_after_all_is_connected_anew(tmp_path, monkeypatch, caplog):
    """Not taken for one that sends nothing, once it has had all the time of a camera that is slow."""
    monkeypatch.setattr("pipelines.deepstream.runtime.source_bin.OPEN_S", 0.05)
    for module in ("cameras", "runtime.camera_source"):
        monkeypatch.setattr(f"pipelines.deepstream.{module}.CONNECT_TIMEOUT_S", 600.0)
    answers, asked = threading.Event(), []
    with running(tmp_path, rtsp(2)) as run:
        pads = run.platform._built.mux_pads
        take = pads.take

        def busy(name):
            if name != "sink_0" or asked:
                return take(name)
            asked.append(name)
            answers.wait(600)
            return None

        pads.take = busy
        run.platform.start()
        wait_for(lambda: run.state("c1") == "live:none")
        assert run.state("c0") == "connecting:none"
        answers.set()
        wait_for(lambda: run.state("c0") == "live:none")
    assert ("c0", "backoff", "unknown") in run.states
    assert "camera c0: the mux gave it no pad" in caplog.text
