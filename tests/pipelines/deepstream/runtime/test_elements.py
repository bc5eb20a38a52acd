"""Setting properties on stand-ins that read back, refuse and clamp as the genuine elements do."""

from __future__ import annotations

import pytest

from pipelines.deepstream.runtime.elements import get_nick, set_checked
from pipelines.errors import BadInput
from tests.fakes.deepstream import FakeElementFactory
from tests.fakes.deepstream_base import ProcessEnded
from tests.pipelines.deepstream.stores import DGPU, JETSON


def make(factory, box=JETSON, version=(9, 1)):
    return FakeElementFactory(box, version).make(factory, "x")


@pytest.mark.parametrize(
    ("factory", "key", "value", "reads"),
    [
        ("nvtracker", "operate-on-class-ids", "0", "0;"),
        ("nvtracker", "operate-on-class-ids", "2;0", "0;2;"),
        ("nvinfer", "infer-on-class-ids", "0", "0:"),
        ("nvinfer", "infer-on-class-ids", "2,0", "0:2:"),
        ("nvinfer", "process-mode", "secondary", "secondary"),
        ("nvdsosd", "blur-on-gie-class-ids", "2,0;100,0", "2,0;100,0"),
        ("nvurisrcbin", "rtsp-reconnect-attempts", -1, -1),
    ],
)
def test_a_value_that_arrived_is_taken_however_it_reads(factory, key, value, reads, caplog):
    element = make(factory)
    set_checked(element, key, value)
    assert get_nick(element, key) == reads
    assert not caplog.text


REFUSED = [
    ("nvinfer", "batch-size", 1025, "set to 1025, it reads 1"),
    ("nvurisrcbin", "select-rtp-protocol", "rtp-multi", "does not know 'rtp-multi'"),
    ("nvurisrcbin", "rtsp-reconnect-attempts", 0, "set to 0, it reads -1"),
    ("nvdsosd", "clock-font-size", 30, "set to 30, it reads 0"),
    ("nvdsosd", "no-such", 1, "no such property"),
    ("nvdsosd", "clock-font-size", 13, "set to 13, it reads 0"),
    ("nvv4l2h264enc", "qp-range", "1,2:3,4:5,6", "it reads None"),
    ("nvvideoconvert", "src-crop", "0,0,64,64", "it reads '0:0:0:0'"),
    ("nvvideoconvert", "nvbuf-memory-type", "nvbuf-mem-cuda-unified", "does not know"),
]


@pytest.mark.filterwarnings("ignore:value")
@pytest.mark.parametrize(("factory", "key", "value", "says"), REFUSED)
def test_a_value_that_did_not_arrive_is_refused_or_a_warning(factory, key, value, says, caplog):
    with pytest.raises(BadInput, match=f"x.{key}: .*{says}"):
        set_checked(make(factory), key, value)
    set_checked(make(factory), key, value, strict=False)
    assert says in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_rectangle_that_is_none_leaves_the_one_before():
    convert = make("nvvideoconvert")
    for text in ("8:0:64:64", "", "1:2:3", None):
        convert.set_property("src-crop", text)
        assert get_nick(convert, "src-crop") == "8:0:64:64"


@pytest.mark.parametrize(("source", "reads"), [(-1, True), (0, False), (1, True)])
def test_what_nvurisrcbin_reads_of_its_passthrough_is_something_else(source, reads):
    element = make("nvurisrcbin")
    element.set_property("source-id", source)
    element.set_property("disable-passthrough", False)
    assert element.get_property("disable-passthrough") is reads


def test_enums_and_properties_are_those_of_the_version():
    set_checked(make("nvurisrcbin", version=(7, 1)), "select-rtp-protocol", "rtp-multi")
    assert get_nick(make("nvurisrcbin", version=(7, 1)), "select-rtp-protocol") == "rtp-multi"
    assert make("nvdsosd", version=(8, 0)).find_property("blur-bbox") is None
    assert make("nvv4l2h264enc", DGPU, (8, 0)).find_property("insert-sps-pps") is None
    assert make("nvurisrcbin", JETSON).find_property("gpu-id") is not None


@pytest.mark.parametrize(
    ("factory", "key", "value"),
    [
        ("nvtracker", "operate-on-class-ids", "-1"),
        ("nvinfer", "infer-on-class-ids", None),
        ("nvdsosd", "blur-on-gie-class-ids", None),
        ("nvinfer", "config-file-path", "/nonexistent/x.yml"),
        ("nvv4l2h264enc", "constqp", ""),
    ],
)
def test_a_stand_in_ends_where_the_genuine_element_ends_the_process(factory, key, value):
    with pytest.raises(ProcessEnded):
        make(factory).set_property(key, value)
