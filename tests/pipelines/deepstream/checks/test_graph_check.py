from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipelines.deepstream.checks.contract import ELEMENTS, load_contract
from pipelines.deepstream.checks.graph_check import violations
from pipelines.deepstream.runtime.elements import GObject, Gst, GstElementFactory
from pipelines.graph.graph import Element, Link
from pipelines.gst_enums import enum_nicks
from tests.pipelines.deepstream.checks.test_privacy_proof import change, insert
from tests.pipelines.deepstream.stores import BOXES, DGPU, JETSON, graph_of

NEW, PLAIN = BOXES["orin-new-blur"], BOXES["orin-legacy-boxes"]


def relink(graph, source, sink, **pads):
    return replace(
        graph,
        links=tuple(replace(x, **pads) if (x.source, x.sink) == (source, sink) else x for x in graph.links),
    )


WRONG = {
    "a misspelt property": (
        JETSON,
        lambda g: change(g, "mux", batchsize=2),
        "mux.batchsize: the element has no such property here",
    ),
    "out of range": (
        JETSON,
        lambda g: change(g, "face", batch_size=1025),
        "face.batch-size: 1025 is outside 1 to 1024",
    ),
    "a timeout that the new mux refuses": (
        NEW,
        lambda g: change(g, "mux", batched_push_timeout=-1),
        "mux.batched-push-timeout: -1 is outside 1 to 2147483647",
    ),
    "a wrong nick": (
        JETSON,
        lambda g: change(g, "source_c0", select_rtp_protocol="tcp"),
        "source_c0.select-rtp-protocol: 'tcp' is none of rtp-unknown, rtp-udp",
    ),
    "a nick of the other platform": (DGPU, lambda g: change(g, "rgba", compute_hw="VIC"), "'VIC' is none of"),
    "a number for a bool": (
        JETSON,
        lambda g: change(g, "redact_c0", display_bbox=1),
        "redact_c0.display-bbox: expected true or false, found 1",
    ),
    "a bool for a number": (
        JETSON,
        lambda g: change(g, "redact_c0", blur_bbox=True),
        "redact_c0.blur-bbox: expected a number of type uint, found True",
    ),
    "a number for text": (
        JETSON,
        lambda g: change(g, "tracker", operate_on_class_ids=0),
        "expected text, found 0",
    ),
    "width on the new mux": (
        NEW,
        lambda g: change(g, "mux", width=1280),
        "mux.width: the element has no such",
    ),
    "blur where it is missing": (
        PLAIN,
        lambda g: change(g, "redact_c0", blur_bbox=1),
        "redact_c0.blur-bbox: the",
    ),
    "dGPU memory on Jetson": (
        JETSON,
        lambda g: change(g, "rgba", nvbuf_memory_type="nvbuf-mem-cuda-unified"),
        "'nvbuf-mem-cuda-unified' is none of nvbuf-mem-default, nvbuf-mem-surface-array",
    ),
    "no class": (
        JETSON,
        lambda g: change(g, "tracker", operate_on_class_ids="-1"),
        "'-1' is not a list of ids",
    ),
    "every class": (JETSON, lambda g: change(g, "face", infer_on_class_ids=""), "'' is not a list of ids"),
    "pairs": (JETSON, lambda g: change(g, "redact_c0", blur_on_gie_class_ids="2:0"), "not a list of pairs"),
    "a rectangle": (JETSON, lambda g: change(g, "copy_c0", src_crop="0:0:64"), "'0:0:64' is not a rectangle"),
    "udp on 7.1": (
        replace(PLAIN, version=(7, 1), tracker_classes=False),
        lambda g: change(g, "source_c0", select_rtp_protocol="rtp-udp"),
        "'rtp-udp' is none of rtp-multi, rtp-tcp",
    ),
    "blur before 9.0": (
        replace(JETSON, version=(8, 0), tracker_classes=False),
        lambda g: g,
        "redact_c0.blur-bbox: the element has no such property here",
    ),
    "tracker classes before 9.0": (
        replace(PLAIN, version=(8, 0)),
        lambda g: g,
        "tracker.operate-on-class-ids: the element has no such property here",
    ),
    "only readable": (JETSON, lambda g: change(g, "encoder_c0", device="/dev/x"), "device: can only be read"),
    "a missing pad": (
        JETSON,
        lambda g: relink(g, "person", "before_tracker", source_pad="out"),
        "person: nvinfer has no src pad out here",
    ),
    "a request pad without number": (
        JETSON,
        lambda g: relink(g, "fitted_c0", "mux", sink_pad="sink_%u"),
        "mux: nvstreammux has no sink pad sink_%u here",
    ),
    "a pad linked twice": (
        JETSON,
        lambda g: relink(g, "fitted_c0", "mux", sink_pad="sink_1"),
        "mux.sink_1: linked 2 times",
    ),
    "a pad left open": (
        JETSON,
        lambda g: replace(g, links=tuple(x for x in g.links if x.sink != "copy_c0")),
        "copy_c0.sink: not linked",
    ),
    "a link to nowhere": (
        JETSON,
        lambda g: replace(g, links=(*g.links, Link("demux", "src_7", "ghost", "sink"))),
        "ghost: linked, but not in the graph",
    ),
    "an unknown element": (
        JETSON,
        lambda g: insert(g, "before_demux", "demux", Element("x", "nvodd")),
        "x: this box has no element nvodd",
    ),
    "a name used twice": (
        JETSON,
        lambda g: replace(g, elements=(*g.elements, Element("mux", "queue"))),
        "mux: 2 elements have this name",
    ),
    "RGBA into the encoder": (
        JETSON,
        lambda g: change(g, "copied_c0", caps="video/x-raw(memory:NVMM),format=RGBA"),
        "streamvalve_c0 -> encoder_c0: nothing that the one gives can the other take",
    ),
    "system memory into nvinfer": (
        JETSON,
        lambda g: insert(g, "before_person", "person", Element("c", "capsfilter", {"caps": "video/x-raw"})),
        "nothing that the one gives can the other take",
    ),
    "a circle": (
        JETSON,
        lambda g: replace(g, links=(*g.links, Link("tee_c0", "src_9", "mux", "sink_9"))),
        "linked in a circle",
    ),
}


@pytest.mark.parametrize(("box", "mutate", "says"), WRONG.values(), ids=WRONG)
def test_the_contract_catches(tmp_path, box, mutate, says):
    graph, _ = graph_of(tmp_path, box)
    found = list(violations(mutate(graph), load_contract(box)))
    assert any(says in breach for breach in found), found


def test_csi_cameras_are_no_part_of_a_dgpu():
    assert load_contract(JETSON).knows("nvarguscamerasrc")
    assert not load_contract(DGPU).knows("nvarguscamerasrc")


def stock():
    facts = json.loads(ELEMENTS.read_text())["elements"]
    return {name: fact for name, fact in facts.items() if fact["vendor"] != "nvidia"}


@pytest.mark.parametrize("factory", stock())
def test_what_is_known_of_stock_elements_is_true_of_those_installed_here(factory):
    Gst.init(None)
    fact, made = stock()[factory], GstElementFactory().make(factory, "x")
    templates = {t.name_template: t for t in made.get_pad_template_list()}
    for pad in fact["pads"]:
        template = templates[pad["name"]]
        found = template.direction.value_nick, template.presence.value_nick
        assert found == (pad["direction"], pad["presence"])
    for key, known in fact["properties"].items():
        spec = made.find_property(key)
        if spec is None and Gst.version() < (1, 22):
            continue  # the facts are of 1.22
        assert spec is not None, key
        assert spec.flags & GObject.ParamFlags.WRITABLE or known["flags"] == "r"
        if known["type"] in ("int", "uint", "int64", "uint64"):
            assert known["min"] >= spec.minimum
            assert known["max"] <= spec.maximum
        if known["type"] == "enum":
            assert set(known["values"]) <= set(enum_nicks(spec).values())
