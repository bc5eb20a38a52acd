"""A running DeepStream platform: frames flow, what is not proven or redacted is withheld."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace

import pytest

from pipelines.cameras.throttle import Throttle
from pipelines.deepstream.cameras import Clocks
from pipelines.deepstream.checks import privacy_proof as guard
from pipelines.deepstream.runtime.valves import STREAM
from pipelines.errors import BadInput
from probes.nvds.redaction_gate import BufferVerdict
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import BOXES, rtsp
from tests.waiting import wait_for


@pytest.mark.parametrize(
    "box", ["orin-legacy-blur", "orin-nano-new-boxes", "dgpu-new-blur", "h100-legacy-boxes"]
)
def test_frames_flow_from_cameras_to_encoded_streams(tmp_path, box):
    with running(tmp_path, rtsp(2), BOXES[box]) as run:
        run.listen("stream_c0", "stream_c1")
        run.platform.start()
        wait_for(lambda: run.state("c0") == run.state("c1") == "live:none")
        run.platform.valves.want("c0", STREAM, wanted=True)
        wait_for(lambda: run.samples["stream_c0"] >= 3)
        assert run.samples["stream_c1"] == 0
        assert run.analysis.passed[1] == 0  # nobody watches c1, so it is not even redacted
        assert not run.platform.failed
        assert run.platform.redacting(5)
        counted = run.metrics.registry.get_sample_value("msh_frames_received_total", {"camera": "c0"})
        wait_for(lambda: run.platform.cameras()["c0"].frames_received >= (counted or 0) > 0)


def test_the_time_of_the_newest_frame_is_that_of_the_clock_as_it_is(tmp_path):
    with running(tmp_path, rtsp(1), clocks=Clocks(now_ns=lambda: 5, utc=lambda at: at + 7 * 10**9)) as run:
        run.platform.start()
        name, labels = "msh_camera_last_frame_timestamp_seconds", {"camera": "c0"}
        at = wait_for(lambda: run.metrics.registry.get_sample_value(name, labels))
        assert at == 7 + 5e-9


def test_rtsp_csi_and_files_run_together(tmp_path):
    with running(tmp_path, [*rtsp(1), "csi://0", "clip.mp4"], BOXES["orin-new-blur"]) as run:
        run.listen("stream__wall")
        run.platform.start()
        run.platform.valves.want("_wall", STREAM, wanted=True)
        wait_for(lambda: all(run.state(camera) == "live:none" for camera in ("c0", "c1", "c2")))
        wait_for(lambda: run.samples["stream__wall"] >= 3)


def test_the_wall_shows_all_cameras(tmp_path):
    with running(tmp_path, rtsp(3)) as run:
        run.listen("stream__wall", "stream_c0")
        run.platform.start()
        run.platform.valves.want("_wall", STREAM, wanted=True)
        wait_for(lambda: run.samples["stream__wall"] >= 3)
        assert run.samples["stream_c0"] == 0
        assert all(run.analysis.passed[number] for number in range(3))
        run.platform.valves.want("_wall", STREAM, wanted=False)


def test_cameras_open_once_the_engines_are_loaded(tmp_path):
    loading = threading.Event()

    def slow(element_factory):
        element_factory.loading = loading

    with running(tmp_path, rtsp(1), prepare=slow) as run:
        run.platform.start()
        time.sleep(1)
        opened = list(run.element_factory.opened)
        loading.set()
        assert not opened
        wait_for(lambda: run.state("c0") == "live:none")


@pytest.mark.parametrize(("rate", "interval"), [(30, 3), (25, 2), (12, 0), (10, 0)])
def test_the_decoder_gives_no_more_frames_than_are_analysed(tmp_path, rate, interval):
    (uri,) = rtsp(1)

    def coded(element_factory):
        element_factory.coded = {uri: rate}

    with running(tmp_path, [uri], prepare=coded) as run:
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
        assert run.element_factory.decoders == [interval]


@pytest.mark.parametrize("what", ["batch", "gate", "raises", "nothing"])
def test_frames_without_a_redaction_tag_reach_no_sink(tmp_path, what):
    with running(tmp_path, rtsp(1)) as run:
        run.listen("stream_c0")
        if what == "batch":
            run.analysis.verdict = BufferVerdict.DROP
        elif what == "gate":
            run.analysis.gates = BufferVerdict.DROP
        else:
            run.analysis.verdict = "odd" if what == "raises" else None
        run.platform.valves.want("c0", STREAM, wanted=True)
        run.platform.start()
        wait_for(lambda: run.analysis.batches >= 5)
        assert run.samples["stream_c0"] == 0
        wait_for(lambda: run.state("c0") == "live:none")  # the camera is well; the pixels are withheld
        run.analysis.verdict = run.analysis.gates = BufferVerdict.PASS
        wait_for(lambda: run.samples["stream_c0"] >= 1)


def test_login_and_track_go_to_the_source_inside_and_nowhere_else(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)

    def with_login(settings):
        camera = settings.cameras["c0"]
        login = {"credentials": {"username": "viewer", "password": "geheim"}, "track": 2}
        changed = camera.model_validate({**camera.model_dump(), **login})
        return settings.model_copy(update={"cameras": {"c0": changed}})

    with running(tmp_path, rtsp(1), change=with_login) as run:
        run.platform.start()
        wait_for(lambda: run.element_factory.logins and run.element_factory.tracks)
        assert run.element_factory.logins[-1] == ("viewer", "geheim")
        assert run.element_factory.tracks[-1] == [2]
        wait_for(lambda: run.state("c0") == "live:none")
    assert "geheim" not in caplog.text


UDP, MULTICAST, TCP, TLS = 1, 2, 4, 32


@pytest.mark.parametrize(
    ("transport", "protocols"),
    [("tcp", TCP + TLS), ("udp", UDP + MULTICAST + TLS), ("auto", UDP + TCP + TLS)],
)
def test_an_encrypted_camera_is_asked_for_the_transport_of_the_store_file(tmp_path, transport, protocols):
    """For rtsps:// nvurisrcbin does not hand its own property on, and rtspsrc asks for open UDP first."""

    def changed(settings):
        camera = settings.cameras["c0"].model_copy(update={"transport": transport})
        return settings.model_copy(update={"cameras": {"c0": camera}})

    with running(tmp_path, ["rtsps://10.0.0.1/stream"], change=changed) as run:
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
        assert run.element_factory.protocols == [protocols]


def test_what_is_built_is_proven_not_only_what_was_planned(tmp_path, monkeypatch):
    real = guard.prove
    proven = []

    def noted(graph, redaction):
        proven.append(graph)
        return real(graph, redaction)

    for module in ("platform", "checks.store_check"):
        monkeypatch.setattr(f"pipelines.deepstream.{module}.prove", noted)
    with running(tmp_path, rtsp(2)) as run:
        planned, built = proven
        assert {e.name for e in planned.elements} - {e.name for e in built.elements} == {
            "source_c0",
            "source_c1",
        }
        assert built.gates == planned.gates
        links = {link for link in planned.links if "%" not in link.source_pad}
        assert links == set(built.links)
        assert run.platform.pipeline.get_by_name("camera_c0") is None


@pytest.mark.parametrize(
    ("sabotage", "says"),
    [
        (lambda p: p.get_by_name("redact_c0").set_property("blur-bbox", 0), "does not blur"),
        (lambda p: p.get_by_name("face").set_property("interval", 2), "without face detection"),
    ],
)
def test_a_built_pipeline_that_differs_is_not_proven(tmp_path, sabotage, says):
    with running(tmp_path, rtsp(1)) as run:
        sabotage(run.platform.pipeline)
        built = run.platform._built.read_back()
        redaction = guard_redaction()
        assert any(says in reason for reason in guard.violations(built, redaction))


def test_a_gate_that_was_never_put_on_is_missed(tmp_path):
    with running(tmp_path, rtsp(1)) as run:
        built = run.platform._built
        built._gated.pop("redact_c0")
        assert any(
            "unredacted" in reason for reason in guard.violations(built.read_back(), guard_redaction())
        )


def guard_redaction():
    from pipelines.deepstream.graph.redaction import Method, Redaction

    return Redaction(Method.BLUR)


def test_failure_of_a_shared_element_ends_the_platform(tmp_path, caplog):
    with running(tmp_path, rtsp(1)) as run:
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
        from gi.repository import GLib, Gst

        error = GLib.GError.new_literal(Gst.ResourceError.quark(), "no engine", int(Gst.ResourceError.FAILED))
        person = run.platform.pipeline.get_by_name("person")
        person.post_message(Gst.Message.new_error(person, error, "why"))
        wait_for(lambda: run.platform.failed)
        assert "DeepStream pipeline failed: person: no engine why" in caplog.text


def test_what_keeps_the_pipeline_from_starting_is_told_however_late_it_is_read(tmp_path, caplog):
    """A tracker whose library is not there, say. "It does not start" alone helps nobody."""
    with running(tmp_path, rtsp(1)) as run:
        run.platform._built.element("tracker").set_property("ll-lib-file", "/gone/libtracker.so")
        starting, read = run.platform._threads[0], run.platform._handle_message

        def read_late(message):
            starting.join()
            read(message)

        run.platform._handle_message = read_late
        run.platform.start()
        wait_for(lambda: run.platform.failed)
    failures = [one.getMessage() for one in caplog.records if "pipeline failed" in one.getMessage()]
    assert len(failures) == 1
    assert "tracker: ll-lib-file: /gone/libtracker.so is not there" in failures[0]


def test_what_a_failed_nvinfer_still_pushes_goes_nowhere(tmp_path):
    """It posts its error and pushes the batch without its objects, long before anybody reads the bus."""
    from gi.repository import GLib, Gst

    with running(tmp_path, rtsp(2)) as run:
        face, judged, came = run.platform.pipeline.get_by_name("face"), [], []

        def fail(_pad, _info):
            came.append(1)
            if not judged:
                error = GLib.GError.new_literal(Gst.StreamError.quark(), "no output", 1)
                face.post_message(Gst.Message.new_error(face, error, ""))
                judged.append(run.analysis.batches)
            return Gst.PadProbeReturn.OK

        run.platform.start()
        wait_for(lambda: run.analysis.batches > 3)
        face.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, fail)
        wait_for(lambda: len(came) > 9)
        assert run.analysis.batches <= judged[0] + 1  # one may have been under way
        wait_for(lambda: run.platform.failed)


def test_an_error_of_one_camera_withholds_nothing(tmp_path):
    from gi.repository import GLib, Gst

    with running(tmp_path, rtsp(2)) as run:
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
        error = GLib.GError.new_literal(Gst.ResourceError.quark(), "gone", int(Gst.ResourceError.READ))
        source = run.platform.pipeline.get_by_name("source_c0")
        source.post_message(Gst.Message.new_error(source, error, ""))
        seen = run.analysis.batches
        wait_for(lambda: run.analysis.batches > seen + 5)
        assert not run.platform.failed


def test_the_governor_leaves_out_no_decoding_on_a_gpu(tmp_path):
    throttle = Throttle()
    with running(tmp_path, rtsp(1), clocks=Clocks(throttle=throttle)):
        assert not throttle.skips_decoding


def test_a_platform_that_never_started_stops(tmp_path):
    with running(tmp_path, rtsp(1)) as run:
        assert run.platform.cameras()["c0"].state.value == "stopped"


def test_a_kit_without_deepstream_says_so(tmp_path):
    from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline
    from pipelines.deepstream.runtime.elements import GstElementFactory
    from tests.pipelines.deepstream.stores import graph_of

    graph, _ = graph_of(tmp_path)
    with pytest.raises(BadInput, match="GStreamer has no element nvstreammux"):
        BuiltPipeline(graph, GstElementFactory())
    stock = replace(graph, elements=tuple(e for e in graph.elements if e.name == "demand_c0"), links=())
    assert BuiltPipeline(stock, GstElementFactory()).element("demand_c0").get_property("drop") is True


def test_a_failed_encoder_costs_only_the_pictures_of_its_camera(tmp_path, caplog):
    with running(tmp_path, rtsp(2)) as run:
        run.listen("stream_c0", "stream_c1")
        run.platform.start()
        for camera in ("c0", "c1"):
            run.platform.valves.want(camera, STREAM, wanted=True)
        wait_for(lambda: run.samples["stream_c0"] and run.samples["stream_c1"])
        run.platform.pipeline.get_by_name("encoder_c0").entry.broken = True
        wait_for(lambda: "camera c0: the encoder has failed" in caplog.text)
        assert run.platform.pipeline.get_by_name("demand_c0").get_property("drop") is True
        seen, batches = run.samples["stream_c1"], run.analysis.batches
        wait_for(lambda: run.samples["stream_c1"] > seen + 5 and run.analysis.batches > batches + 5)
        assert (run.platform.failed, run.state("c0")) == (False, "live:none")


@pytest.mark.parametrize("c1", ["dead", "off"])
def test_recordings_go_on_while_a_camera_sends_nothing(tmp_path, c1):
    def off(settings):
        camera = settings.cameras["c1"].model_copy(update={"enabled": False})
        return settings.model_copy(update={"cameras": {**settings.cameras, "c1": camera}})

    with running(tmp_path, rtsp(2), outputs="record", change=off if c1 == "off" else None, c1=c1) as run:
        run.platform.start()
        wait_for(lambda: sum(file.stat().st_size for file in tmp_path.rglob("*.mp4.part")) > 10_000)
