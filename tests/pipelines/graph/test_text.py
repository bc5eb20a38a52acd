from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from dataclasses import replace
from typing import TYPE_CHECKING

import gi
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from pipelines.errors import BadInput  # noqa: E402
from pipelines.graph.text import to_dot, to_json, to_launch  # noqa: E402
from scripts.commands import graph as command  # noqa: E402
from tests.pipelines.deepstream.stores import BOXES, graph_of, rtsp, store  # noqa: E402

if TYPE_CHECKING:
    from pipelines.graph.graph import Element

STANDS_FOR = {
    "nvstreammux": "funnel",
    "nvstreamdemux": "tee",
    "nvurisrcbin": "decodebin",
    "nvvideoconvert": "videoconvert",
    "nvv4l2h264enc": "x264enc",
}


def in_stock(element: Element) -> Element:
    if element.factory.startswith("nv"):
        return replace(element, factory=STANDS_FOR.get(element.factory, "identity"), properties={})
    plain = {key: value for key, value in element.properties.items() if "NVMM" not in str(value)}
    return replace(element, properties=plain)


@pytest.mark.parametrize("box", ["orin-legacy-blur", "h100-new-boxes"])
def test_launch_text_is_launch_text(tmp_path, box):
    """GStreamer's own parser reads it back, with stock elements in place of NVIDIA's."""
    Gst.init(None)
    graph, _ = graph_of(tmp_path, BOXES[box])
    stock = [in_stock(element) for element in graph.elements]
    pipeline = Gst.parse_launch(to_launch(replace(graph, elements=tuple(stock))))
    for element in stock:
        made = pipeline.get_by_name(element.name)
        assert made is not None, element.name
        assert made.get_factory().get_name() == element.factory
    for link in graph.links:
        if "%" not in link.source_pad:
            pad = pipeline.get_by_name(link.source).get_static_pad(link.source_pad)
            assert pad.get_peer() == pipeline.get_by_name(link.sink).get_static_pad(link.sink_pad)
    text = pipeline.get_by_name("stream_c0").get_property("caps").to_string()
    assert "stream-format=(string)byte-stream, alignment=(string)au" in text
    assert 'caps="video/x-raw(memory:NVMM),format=NV12"' in to_launch(graph)


def test_dot_shows_where_faces_may_be_seen(tmp_path):
    graph, _ = graph_of(tmp_path)
    dot = to_dot(graph)
    for element in graph.elements:
        assert f'"{element.name}" [label=' in dot
    assert dot.count(" -> ") == len(graph.links)
    node = {
        name: next(x for x in dot.splitlines() if f'"{name}" [' in x)
        for name in ("face", "redact_c0", "tee_c0")
    }
    assert "#f3d6d2" in node["face"]
    assert "gate: tagged frames only" in node["redact_c0"]
    assert "fillcolor" not in node["tee_c0"]


def test_json_holds_everything(tmp_path):
    graph, _ = graph_of(tmp_path)
    document = json.loads(to_json(graph))
    assert [(e["name"], e["factory"], e["properties"]) for e in document["elements"]] == [
        (e.name, e.factory, dict(e.properties)) for e in graph.elements
    ]
    assert len(document["links"]) == len(graph.links)
    assert document["gates"] == ["redact_c0", "redact_c1"]


def run(*args: str) -> int:
    parser = ArgumentParser()
    command.add(parser.add_subparsers())
    parsed = parser.parse_args(["graph", *args])
    return int(parsed.run(parsed))


@pytest.mark.parametrize("platform", ["deepstream", "cpu"])
@pytest.mark.parametrize("form", ["launch", "dot", "json"])
def test_the_command_prints_and_keeps_secrets(tmp_path, capsys, monkeypatch, platform, form):
    monkeypatch.setenv("CAM", "geheim1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.csv").write_text("brand,type,price,currency\n")
    file = tmp_path / "store.yaml"
    file.write_text(
        "version: 1\nstore: {id: shop-1, name: Shop, timezone: Europe/Berlin, currency: EUR}\n"
        "cameras:\n  door: {source: 'rtsp://10.0.0.1/geheim1',"
        " credentials: {username: v, password: '${CAM}'}}\n"
        "outputs: {rtsp: {}, record: {folder: video}, snapshots: {folder: shots}}\n"
    )
    assert run(str(file), "--platform", platform, "--format", form, "--no-nvenc") == 0
    out = capsys.readouterr().out
    assert "geheim1" not in out
    assert re.search("x264enc", out)
    if form == "json":
        assert json.loads(out)["gates"]


def test_the_command_says_what_deepstream_cannot_do(tmp_path):
    store(tmp_path, rtsp(1))
    (tmp_path / "pictures").mkdir()
    file = tmp_path / "store.yaml"
    file.write_text(re.sub(r"rtsp://[^']*", "pictures", file.read_text()))
    with pytest.raises(BadInput, match="reads no folders"):
        run(str(file))
