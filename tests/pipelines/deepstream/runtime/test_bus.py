from __future__ import annotations

import gi
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import GLib, GObject, Gst  # noqa: E402

from pipelines.cameras.source import SourceKind  # noqa: E402
from pipelines.cameras.states import Cause  # noqa: E402
from pipelines.deepstream.runtime.bus import BusParser, CameraEvent, PipelineFailed  # noqa: E402

Gst.init(None)
RESOURCE, STREAM = Gst.ResourceError.quark(), Gst.StreamError.quark()


@pytest.fixture
def pipeline():
    """A pipeline with camera door's bin, an element deep inside it, and the shared mux."""
    top, box = Gst.Pipeline.new("deepstream"), Gst.Bin.new("camera_door")
    inner = Gst.Bin.new("nvurisrcbin0")
    for element, parent in ((box, top), (inner, box), (Gst.ElementFactory.make("identity", "deep"), inner)):
        parent.add(element)
    for name in ("mux", "wallmux"):
        top.add(Gst.ElementFactory.make("identity", name))
    return top


@pytest.fixture
def interpreter():
    return BusParser({"door": SourceKind.RTSP}, {"door": 3}, {"record_door": "door"})


def trouble(kind, pipeline, name, quark, code, text="went wrong"):
    error = GLib.GError.new_literal(quark, text, int(code))
    return kind(pipeline.get_by_name(name), error, "details")


NOT_AUTHORIZED, READ = Gst.ResourceError.NOT_AUTHORIZED, Gst.ResourceError.READ


@pytest.mark.parametrize(
    ("quark", "code", "text", "cause"),
    [
        (RESOURCE, NOT_AUTHORIZED, "Unauthorized", Cause.AUTH),
        (RESOURCE, Gst.ResourceError.NOT_FOUND, "Not found", Cause.NOT_FOUND),
        (RESOURCE, READ, "Connection refused", Cause.REFUSED),
        (STREAM, Gst.StreamError.CODEC_NOT_FOUND, "no decoder", Cause.CODEC),
        (RESOURCE, READ, "went wrong", Cause.UNKNOWN),
    ],
    ids=["auth", "not found", "refused", "codec", "unknown"],  # a quark is another number in each worker
)
def test_a_sources_error_is_its_cameras(pipeline, interpreter, quark, code, text, cause):
    message = trouble(Gst.Message.new_error, pipeline, "deep", quark, code, text)
    news = interpreter.read(message)
    assert (news.camera, news.cause) == ("door", cause)


def test_an_error_before_the_one_that_tells_the_cause_is_no_news(pipeline, interpreter):
    text = "No supported authentication protocol was found"  # GStreamer 1.20, of each 401 and 404
    assert interpreter.read(trouble(Gst.Message.new_error, pipeline, "deep", RESOURCE, READ, text)) is None


def test_a_warning_counts_where_it_is_sure(pipeline, interpreter):
    warn = Gst.Message.new_warning
    assert interpreter.read(trouble(warn, pipeline, "deep", RESOURCE, NOT_AUTHORIZED)).cause is Cause.AUTH
    assert interpreter.read(trouble(warn, pipeline, "deep", RESOURCE, READ)) is None
    assert interpreter.read(trouble(warn, pipeline, "mux", RESOURCE, NOT_AUTHORIZED)) is None


def test_a_shared_elements_error_is_the_end(pipeline, interpreter):
    news = interpreter.read(trouble(Gst.Message.new_error, pipeline, "mux", RESOURCE, READ))
    assert news == PipelineFailed("mux", "went wrong details")
    assert isinstance(interpreter.read(Gst.Message.new_eos(pipeline)), PipelineFailed)


def test_a_late_error_of_a_source_that_was_taken_out_is_nobodys(pipeline, interpreter):
    message = trouble(Gst.Message.new_error, pipeline, "deep", RESOURCE, READ)
    box = pipeline.get_by_name("camera_door")
    pipeline.remove(box)
    message.src.get_parent().remove(message.src)
    del box
    assert interpreter.read(message) is None


@pytest.mark.parametrize("name", ["camera_door", "record_door"])
def test_a_late_error_of_what_was_replaced_is_not_that_of_what_took_its_place(pipeline, interpreter, name):
    old, new = Gst.Bin.new(name), pipeline.get_by_name(name)
    old.add(Gst.ElementFactory.make("identity", "failed"))
    if new is not None:
        pipeline.remove(new)
    pipeline.add(old)
    message = trouble(Gst.Message.new_error, old, "failed", RESOURCE, READ)
    assert interpreter.read(message).camera == "door"
    pipeline.remove(old)
    pipeline.add(new or Gst.Bin.new(name))
    assert interpreter.read(message) is None
    assert not interpreter.is_fatal(message)


@pytest.mark.parametrize(
    ("source", "name", "field", "kind", "number", "cause"),
    [
        ("mux", "stream-eos", "stream-id", GObject.TYPE_UINT, 3, Cause.ENDED),
        ("mux", "stream-eos", "stream-id", GObject.TYPE_UINT, 9, None),
        ("wallmux", "stream-eos", "stream-id", GObject.TYPE_UINT, 3, None),
        ("deep", "attempt-exceeded", "source-id", GObject.TYPE_INT, 3, Cause.UNREACHABLE),
        ("deep", "attempt-exceeded", "other", GObject.TYPE_INT, 3, None),
        ("mux", "something-else", "stream-id", GObject.TYPE_UINT, 3, None),
    ],
)
def test_deepstreams_own_messages(pipeline, interpreter, source, name, field, kind, number, cause):
    structure = Gst.Structure.new_empty(name)
    structure.set_value(field, GObject.Value(kind, number))
    news = interpreter.read(Gst.Message.new_element(pipeline.get_by_name(source), structure))
    assert news == (None if cause is None else CameraEvent("door", cause))


def test_a_pad_that_did_not_link(pipeline, interpreter):
    structure = Gst.Structure.new_empty("codec")
    message = Gst.Message.new_application(pipeline.get_by_name("nvurisrcbin0"), structure)
    assert interpreter.read(message) == CameraEvent("door", Cause.CODEC)
