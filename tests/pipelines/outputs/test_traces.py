"""Frames' times to a real OTLP receiver; refusals, a service that hangs, a store file without a collector."""

from __future__ import annotations

import logging
import sys
import threading

import pytest

from pipelines.assembly.traces import build_traces
from pipelines.floor.feed import FloorFeed
from pipelines.outputs.traces import CAPACITY, FrameTraces
from pipelines.privacy_report import report
from probes.metrics import Metrics
from tests.fakes.otlp_receiver import OtlpReceiver
from tests.pipelines.floor.test_feed import Floor, Looks, frame
from tests.pipelines.settings.store_file import MINIMAL, load, mistakes
from tests.waiting import wait_for

MS, S = 1_000_000, 1_000_000_000
CORRECTED = 3600 * S
"""The clock was set an hour ahead since the start: times in traces are today's."""


def text(url: str, more: str = "") -> str:
    return f'{MINIMAL}outputs: {{traces: {{url: "{url}", headers: {{x-key: "${{KEY}}"}}{more}}}}}\n'


def counted(metrics: Metrics, result: str) -> float:
    return metrics.registry.get_sample_value("msh_traced_frames_total", {"result": result}) or 0.0


class Rig:
    """A feed with traces, whose clocks the test sets."""

    def __init__(self, traces: FrameTraces | None, metrics: Metrics) -> None:
        self.now, self.at = 100.0, 1000 * S
        self.feed = FloorFeed(
            ["door", "till"],
            floor=Floor(),
            looks=Looks(),
            metrics=metrics,
            ended=lambda camera, at: [],
            clock=lambda: self.now,
            now_ns=lambda: self.at,
            traces=traces,
        )

    def frame(self, camera: str = "door") -> None:
        captured = frame(camera, self.at - 80 * MS)
        self.feed.note_stage("redact", self.now - 0.05, self.now - 0.03)
        self.feed.update(captured)
        self.feed.published(captured)


def test_one_frame_of_a_camera_in_an_interval_arrives_with_its_stages(tmp_path):
    metrics = Metrics(("live",))
    with OtlpReceiver() as collector:
        settings = load(tmp_path, text(collector.url), KEY="s3cr3t-key")
        traces = build_traces(settings, "box", metrics, utc=lambda at: at + CORRECTED)
        rig = Rig(traces, metrics)
        traces.start()
        for camera in ("door", "door", "till", "door"):
            rig.frame(camera)
        wait_for(lambda: counted(metrics, "sent") == 2)
        traces.stop(120)
    assert not traces._thread.is_alive()
    assert collector.keys == ["s3cr3t-key"] * 2
    seen = [(resource.resource, scope) for r in collector.received for resource in r.resource_spans
            for scope in resource.scope_spans]  # fmt: skip
    assert len(seen) == 2
    about = {one.key: one.value.string_value for one in seen[0][0].attributes}
    assert (about["service.namespace"], about["service.instance.id"]) == (settings.store.id, "box")
    for (_, scope), camera in zip(seen, ("door", "till"), strict=True):
        spans = {span.name: span for span in scope.spans}
        assert set(spans) == {"frame", "redact", "floor"}
        whole, redact = spans["frame"], spans["redact"]
        assert [(one.key, one.value.string_value) for one in whole.attributes] == [("msh.camera", camera)]
        assert whole.end_time_unix_nano - whole.start_time_unix_nano == 80 * MS
        assert whole.end_time_unix_nano == 1000 * S + CORRECTED
        assert abs(redact.end_time_unix_nano - redact.start_time_unix_nano - 20 * MS) < 1000
        assert whole.start_time_unix_nano < redact.start_time_unix_nano < whole.end_time_unix_nano
        assert {span.parent_span_id for span in spans.values()} == {b"", whole.span_id}
        assert len({span.trace_id for span in spans.values()}) == 1
    assert "s3cr3t-key" in settings.secret_values()
    (row,) = [one for one in report(settings)["sent"] if "OpenTelemetry" in one["to"]]
    assert "nobody and nothing seen" in row["what"]


def test_a_collector_that_refuses_is_logged_once_and_once_more_when_it_takes_traces(tmp_path, caplog):
    metrics = Metrics(("live",))
    with OtlpReceiver(refusing=True) as collector, caplog.at_level(logging.INFO):
        settings = load(tmp_path, text(collector.url, ", every_s: 0.1"), KEY="s3cr3t-key")
        traces = build_traces(settings, "box", metrics, utc=lambda at: at)
        traces.start()
        for number in (1, 2):
            traces.put("door", S, 2 * S, [])
            wait_for(lambda number=number: counted(metrics, "failed") == number)
        collector.refusing = False
        traces.put("door", S, 2 * S, [])
        wait_for(lambda: counted(metrics, "sent") == 1)
        traces.stop()
    assert [record.getMessage() for record in caplog.records if record.name.startswith("pipelines")] == [
        "traces are not delivered (the collector does not answer, or refuses)",
        "traces are delivered again",
    ]
    assert "s3cr3t" not in caplog.text


class Hangs:
    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def send(self, trace) -> bool:
        self.begun.set()
        self.go.wait(120)
        return True

    def close(self) -> None:
        self.go.set()


def test_a_service_that_hangs_delays_no_frame_and_not_the_end():
    metrics, service = Metrics(("live",)), Hangs()
    traces = FrameTraces(lambda: service, 0.0, metrics, utc=lambda at: at)
    rig = Rig(traces, metrics)
    traces.start()
    rig.frame()
    assert service.begun.wait(120)
    for _ in range(CAPACITY + 3):
        rig.frame()  # would hang here
    assert counted(metrics, "dropped") == 3
    traces.stop(timeout_s=120)
    assert not traces._thread.is_alive()
    assert (counted(metrics, "sent"), counted(metrics, "dropped")) == (1, CAPACITY + 3)


def test_without_a_collector_nothing_is_noted_and_nothing_loaded(tmp_path):
    metrics = Metrics(("live",))
    assert build_traces(load(tmp_path, MINIMAL), "box", metrics, utc=lambda at: at) is None
    rig = Rig(None, metrics)
    rig.frame()
    assert rig.feed._stages == {}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("grpc://collector:4317", "traces.url: must be an address such as http://collector.store.lan:4318/"),
        ("http://user:pass@collector/v1/traces", "outputs.traces.url: "),
        ("http://collector:4318/v1/traces?key=1", "plain address"),
    ],
)
def test_an_address_that_is_none_is_one_line(tmp_path, url, words):
    (line,) = mistakes(tmp_path, text(url), KEY="s3cr3t-key")
    assert words in line


def test_without_the_packages_the_line_says_how_to_install_them(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    (line,) = mistakes(tmp_path, text("http://collector:4318/v1/traces"), KEY="s3cr3t-key")
    assert "needs OpenTelemetry's packages; install them: " in line
    assert "requirements/traces.txt" in line
