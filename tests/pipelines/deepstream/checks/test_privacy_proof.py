from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from pipelines.deepstream.checks.privacy_proof import Unproven, prove, violations
from pipelines.deepstream.graph.redaction import REDACTOR
from pipelines.graph.graph import Element, Link, PipelineGraph
from tests.pipelines.deepstream.stores import BOXES, graph_of


def change(graph: PipelineGraph, name: str, **properties) -> PipelineGraph:
    """Set properties of one element; None takes one away."""
    old = graph.by_name[name]
    merged = {**old.properties, **{key.replace("_", "-"): value for key, value in properties.items()}}
    kept = {key: value for key, value in merged.items() if value is not None}
    return replace(
        graph, elements=tuple(replace(e, properties=kept) if e is old else e for e in graph.elements)
    )


def insert(graph: PipelineGraph, after: str, before: str, element: Element) -> PipelineGraph:
    """Put an element on a link."""
    link = next(link for link in graph.links if (link.source, link.sink) == (after, before))
    links = [one for one in graph.links if one is not link]
    pad = "src_0" if element.factory == "tee" else "src"
    links += [
        replace(link, sink=element.name, sink_pad="sink"),
        Link(element.name, pad, link.sink, link.sink_pad),
    ]
    return replace(graph, elements=(*graph.elements, element), links=tuple(links))


def attach(graph: PipelineGraph, source: str, *elements: Element, pad: str = "src_9") -> PipelineGraph:
    """Add a chain of elements that source feeds."""
    links = [Link(source, pad, elements[0].name, "sink")]
    links += [Link(a.name, "src", b.name, "sink") for a, b in pairwise(elements)]
    return replace(graph, elements=(*graph.elements, *elements), links=(*graph.links, *links))


def move_output(graph: PipelineGraph) -> PipelineGraph:
    """Feed an output from before redaction instead of from the tee after it."""
    moved = [
        Link("demand_c0", "src", link.sink, link.sink_pad) if link.source == "tee_c0" else link
        for link in graph.links
    ]
    return replace(graph, links=tuple(moved))


def bypass(graph: PipelineGraph) -> PipelineGraph:
    return replace(graph, links=(*graph.links, Link("demand_c0", "src", "tee_c0", "sink")))


def second_chain(graph: PipelineGraph) -> PipelineGraph:
    """Show a camera directly, beside the whole pipeline."""
    return attach(
        replace(graph, elements=(*graph.elements, Element("peek", "v4l2src"))),
        "peek",
        Element("window", "fakesink"),
        pad="src",
    )


def swap_tracker(graph: PipelineGraph) -> PipelineGraph:
    """Put the tracker behind face detection."""
    names = {"tracker": "face", "face": "tracker"}
    links = [
        replace(link, source=names.get(link.source, link.source), sink=names.get(link.sink, link.sink))
        for link in graph.links
    ]
    return replace(graph, links=tuple(links))


TEE = Element("early", "tee")
MUTATIONS = {
    "an output moved before redaction": (move_output, "can be reached unredacted"),
    "a second path around it": (bypass, "can be reached unredacted"),
    "another source with its own sink": (second_chain, "window can be reached unredacted: peek -> window"),
    "a tee before it": (lambda g: insert(g, "demand_c0", "redact_c0", TEE), r"early \(tee\) stands before"),
    "a tee before the batch is split": (lambda g: insert(g, "before_demux", "demux", TEE), r"early \(tee\)"),
    "a sink on the demux": (
        lambda g: attach(g, "demux", Element("dump", "fakesink")),
        "dump can be reached unredacted",
    ),
    "an output bin that is unknown": (
        lambda g: insert(g, "before_demux", "demux", Element("odd", "mysterybin")),
        r"odd \(mysterybin\) stands before redaction",
    ),
    "blur unset": (lambda g: change(g, "redact_c0", blur_bbox=None), "does not blur"),
    "blur off": (lambda g: change(g, "redact_c0", blur_bbox=0), "does not blur"),
    "blur of masks only": (lambda g: change(g, "redact_c0", blur_bbox=2), "does not blur"),
    "faces not blurred": (
        lambda g: change(g, "redact_c0", blur_on_gie_class_ids="100,0"),
        r"does not blur \[\(2, 0\)\]",
    ),
    "estimated heads not blurred": (
        lambda g: change(g, "redact_c0", blur_on_gie_class_ids="2,0"),
        r"does not blur \[\(100, 0\)\]",
    ),
    "covers switched off": (lambda g: change(g, "redact_c0", display_bbox=False), "draws no boxes"),
    "not on the GPU": (
        lambda g: change(g, "redact_c0", process_mode="MODE_CPU"),
        "redact_c0 stands behind the gate but does not work on the GPU",
    ),
    "gate taken away": (lambda g: replace(g, gates=g.gates - {"redact_c0"}), "can be reached unredacted"),
    "gate on the wrong element": (lambda g: replace(g, gates=g.gates | {"copy_c0"}), "copy_c0 stands behind"),
    "gate on nothing": (lambda g: replace(g, gates=g.gates | {"ghost"}), "ghost stands behind the gate but"),
    "no probe": (lambda g: replace(g, probe=""), "without the metadata probe"),
    "probe on a side branch": (lambda g: replace(g, probe="copy_c0"), "without the metadata probe"),
    "faces every other batch": (lambda g: change(g, "face", interval=1), "without face detection of every"),
    "faces left to the file": (lambda g: change(g, "face", interval=None), "without face detection of every"),
    "faces on objects only": (
        lambda g: change(g, "face", process_mode="secondary"),
        "without face detection",
    ),
    "faces under another id": (lambda g: change(g, "face", unique_id=15), "without face detection"),
    "persons skipped": (lambda g: change(g, "person", interval=5), "without person detection"),
    "tracker after the faces": (swap_tracker, "stands after face detection and may remove faces"),
    "smart record": (
        lambda g: change(g, "source_c0", smart_record="smart-rec-cloud"),
        "source_c0.smart-record would write unredacted pictures",
    ),
    "tensor dumps": (
        lambda g: change(g, "face", raw_output_file_write=True),
        "face.raw-output-file-write would write",
    ),
    "no sources": (lambda g: PipelineGraph((), ()), "no source or no sink"),
}


@pytest.mark.parametrize("box", ["orin-legacy-blur", "h100-new-blur"])
@pytest.mark.parametrize(("mutate", "says"), MUTATIONS.values(), ids=MUTATIONS)
def test_the_guard_catches(tmp_path, box, mutate, says):
    graph, redaction = graph_of(tmp_path, BOXES[box])
    prove(graph, redaction)
    with pytest.raises(Unproven, match=says):
        prove(mutate(graph), redaction)


def test_redaction_on_a_whole_batch_is_refused(tmp_path):
    graph, redaction = graph_of(tmp_path, count=1)
    osd = Element("batched", REDACTOR, redaction.properties)
    batched = insert(graph, "before_demux", "demux", osd)
    batched = replace(batched, gates=frozenset({"batched"}), probe="batched")
    assert any("would see whole batches" in reason for reason in violations(batched, redaction))


def test_opaque_boxes_need_no_blur_but_boxes(tmp_path):
    graph, redaction = graph_of(tmp_path, BOXES["orin-legacy-boxes"])
    assert graph.by_name["redact_c0"].get("blur-bbox") is None
    prove(graph, redaction)
    with pytest.raises(Unproven, match="draws no boxes"):
        prove(change(graph, "redact_c0", display_bbox=False), redaction)


def test_a_circle_does_not_hang_the_proof(tmp_path):
    graph, redaction = graph_of(tmp_path)
    links = (*graph.links, Link("copied_c0", "src", "copy_c0", "sink"))
    prove(replace(graph, links=links), redaction)
