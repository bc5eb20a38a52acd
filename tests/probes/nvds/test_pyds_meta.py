from __future__ import annotations

import ctypes
import sys
from types import ModuleType
from typing import Any

import gi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from engines.errors import BadInput  # noqa: E402
from probes.nvds.meta import (  # noqa: E402
    COVER_CLASS,
    HEADS,
    REDACTION_TAG,
    UNTRACKED,
    BatchMeta,
    Cover,
    Drawing,
    FrameMeta,
    MetaError,
    Style,
    Text,
)
from probes.nvds.pyds_meta import PydsMeta, load_pyds  # noqa: E402
from scripts.bench import pyds_over_ctypes  # noqa: E402
from tests.fakes.nvds import (  # noqa: E402
    PROCESS_KEY,
    SURFACE,
    Obj,
    Pic,
    a_buffer,
    fill,
    frames_of,
    objects_of,
    person,
    pyds,
)

Gst.init(None)
EDGE = st.floats(-4096, 4096, width=32)
OBJECTS = st.builds(
    Obj,
    st.integers(1, 3),
    st.integers(0, 80),
    st.integers(0, UNTRACKED),
    st.floats(-1, 1, width=32),
    st.tuples(EDGE, EDGE, EDGE, EDGE),
)
PICS = st.lists(
    st.builds(
        Pic,
        st.integers(0, 31),
        st.lists(OBJECTS, max_size=12),
        st.integers(0, 2**31 - 1),
        st.integers(0, 2**63),
        st.tuples(st.integers(0, 8192), st.integers(0, 8192)),
        st.integers(0, 1),
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def ds() -> Any:
    return pyds()


@pytest.fixture(params=[False, True], ids=["none", "stop"])
def list_end(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyds_over_ctypes.GList, "stops", request.param)


def read_from(batch: BatchMeta) -> list[Any]:
    frames = [
        (f.pad, f.number, f.source_size, f.ntp, f.inferred, [tuple(o[:8]) for o in f.objects or ()])
        for f in batch.frames
    ]
    return sorted((*frame, sorted(objects)) for *frame, objects in frames)


def put_into(pics: list[Pic]) -> list[Any]:
    frames = [(p.pad, p.number, p.size, p.ntp, bool(p.inferred), p.objects) for p in pics]
    return sorted(
        (
            *frame,
            sorted((o.component, o.class_id, o.number, np.float32(o.confidence), *o.box) for o in objects),
        )
        for *frame, objects in frames
    )


def test_the_structs_are_as_large_as_the_library_s(ds: Any) -> None:
    sizes = ds.element_sizes(ds.new_batch(1))
    assert sizes == {name: ctypes.sizeof(pyds_over_ctypes.struct(name)) for name in sizes}
    assert sizes["NvDsObjectMeta"] == 552


@pytest.mark.usefixtures("list_end")
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_put_into_a_batch_is_read_from_it_and_from_its_copies(data: st.DataObject) -> None:
    ds, pics = pyds(), data.draw(PICS)
    buffer = a_buffer(ds, *pics)
    expected = put_into(pics)
    reader = PydsMeta(ds, SURFACE)
    assert read_from(reader.read(hash(buffer))) == expected
    copy = buffer.copy()
    assert read_from(reader.read(hash(copy))) == expected


def test_a_buffer_without_metadata_is_an_error(ds: Any) -> None:
    bare = Gst.Buffer.new_allocate(None, 16, None)
    with pytest.raises(MetaError, match="without batch metadata"):
        PydsMeta(ds, SURFACE).read(hash(bare))


def test_a_list_that_ends_too_early_is_noticed(ds: Any) -> None:
    buffer = a_buffer(ds, Pic(objects=[person(1), person(2)]), Pic(pad=1))
    batch = ds.gst_buffer_get_nvds_batch_meta(hash(buffer))
    frames_of(ds, hash(buffer))[0].num_obj_meta += 1
    read = PydsMeta(ds, SURFACE).read(hash(buffer))
    assert sorted(frame.objects is None for frame in read.frames) == [False, True]
    batch.num_frames_in_batch += 1
    with pytest.raises(MetaError, match="2 frames in a batch of 3"):
        PydsMeta(ds, SURFACE).read(hash(buffer))
    batch.num_frames_in_batch -= 1


def test_labels_are_never_read(ds: Any) -> None:
    buffer = a_buffer(ds, Pic(objects=[person(1)]))
    found = objects_of(ds, frames_of(ds, hash(buffer))[0])[0]
    ctypes.memset(ctypes.addressof(found) + type(found)._obj_label.offset, 0xFF, 128)
    with pytest.raises(UnicodeDecodeError):
        str(found.obj_label)
    assert PydsMeta(ds, SURFACE).read(hash(buffer)).frames[0].objects is not None


@pytest.mark.parametrize("opaque", [False, True])
def test_boxes_and_tag_can_be_read_back_from_the_library(ds: Any, opaque: bool) -> None:
    buffer, meta = a_buffer(ds, Pic(objects=[person(1)])), PydsMeta(ds, SURFACE)
    batch = meta.read(hash(buffer))
    meta.redact(batch, batch.frames[0], [Cover(10, 20, 30, 40, opaque=opaque)], PROCESS_KEY)
    for one in (buffer, buffer.copy()):
        assert meta.redaction_tags(hash(one)) == [([(PROCESS_KEY, 1)], 1)]
    added = {o.unique_component_id: o for o in objects_of(ds, frames_of(ds, hash(buffer))[0])}
    box = added[HEADS].rect_params
    assert (box.left, box.top, box.width, box.height) == (10, 20, 30, 40)
    assert (added[HEADS].class_id, added[HEADS].object_id, box.border_width) == (COVER_CLASS, UNTRACKED, 0)
    assert (box.has_bg_color, box.bg_color.alpha, box.border_color.alpha) == (
        (1, 1, 1) if opaque else (0, 0, 0)
    )
    assert (added[REDACTION_TAG].rect_params.width, added[REDACTION_TAG].text_params.display_text) == (0, 0)


def test_a_pool_s_used_object_brings_nothing_of_its_former_life(ds: Any) -> None:
    batch = ds.new_batch(1)
    fill(ds, batch, [Pic(objects=[person(7)])])
    frame = ds.NvDsFrameMeta.cast(batch.frame_meta_list.data)
    old = objects_of(ds, frame)[0]
    old.rect_params.has_bg_color = 1
    ds.nvds_remove_obj_meta_from_frame(frame, old)
    meta = PydsMeta(ds, SURFACE)
    read = FrameMeta(0, 0, 0, SURFACE, 0, True, [], frame)
    meta.redact(BatchMeta([read], batch), read, [Cover(1, 2, 3, 4, opaque=False)], PROCESS_KEY)
    new = next(o for o in objects_of(ds, frame) if o.unique_component_id == HEADS)
    assert (new.rect_params.has_bg_color, new.rect_params.border_width, new.text_params.display_text) == (
        0,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("field", "number"),
    [
        *(("object_id", number) for number in (-1, 1.5, 2**64, 1.0, "7")),
        *(("class_id", number) for number in (-(2**31) - 1, 1.5, 2**31, 1.0, "7")),
        *(("unique_component_id", number) for number in (2**31, 2**32 + 1, 1.0)),
    ],
)
def test_numbers_that_pyds_refuses_are_refused(ds: Any, field: str, number: Any) -> None:
    found = ds.nvds_acquire_obj_meta_from_pool(ds.new_batch(1))
    with pytest.raises(TypeError):
        setattr(found, field, number)


def test_what_pyds_takes_and_shows(ds: Any) -> None:
    batch = ds.new_batch(1)
    found = ds.nvds_acquire_obj_meta_from_pool(batch)
    found.object_id, found.rect_params.border_width = np.uint64(5), np.int64(3)
    found.rect_params.has_bg_color = True
    shown = found.object_id, found.rect_params.border_width, found.rect_params.has_bg_color
    assert shown == (5, 3, 1)
    found.text_params.font_params.font_name = "Sans"
    assert ds.get_string(found.text_params.font_params.font_name) == "Sans"
    user = ds.nvds_acquire_user_meta_from_pool(batch)
    user.base_meta.meta_type = 12
    assert (user.base_meta.meta_type.name, user.base_meta.meta_type) == ("NVDSINFER_TENSOR_OUTPUT_META", 12)
    user._user_meta_data = 0
    assert user.user_meta_data is not None
    assert ds.get_ptr(user.user_meta_data) == 0


def test_outline_and_text_are_written(ds: Any) -> None:
    buffer, meta = a_buffer(ds, Pic(objects=[person(1), person(2)])), PydsMeta(ds, SURFACE)
    one, other = meta.read(hash(buffer)).frames[0].objects or []
    shown = Text("€1,290\nbag", 60.0, 20.0, (0.0, 1.0, 0.0), 11)
    drawing = Drawing([(Style(4, (1.0, 0.5, 0.0)), shown), (Style(0, (0.0, 0.0, 0.0)), None)])
    meta.draw([one, other], drawing, SURFACE)
    text = one.meta.text_params
    assert ds.get_string(text.display_text) == "€1,290\nbag"
    assert (text.x_offset, text.y_offset, text.font_params.font_size, text.set_bg_clr) == (200, 130, 11, 1)
    assert (one.meta.rect_params.border_width, one.meta.rect_params.border_color.green) == (4, 0.5)
    assert ds.get_string(other.meta.text_params.display_text) == ""
    assert other.meta.rect_params.border_width == 0


def test_pyds_missing_or_of_another_kind_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyds", None)
    with pytest.raises(BadInput, match=r"pyds: cannot be imported .* build it"):
        load_pyds()
    monkeypatch.setitem(sys.modules, "pyds", ModuleType("pyds"))
    with pytest.raises(BadInput, match="not NVIDIA's"):
        load_pyds()


def test_a_pyds_wheel_with_numpy_2_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.nvds.pyds_meta.version", lambda _name: "1.2.0")
    monkeypatch.setattr(np, "__version__", "2.1.0")
    with pytest.raises(BadInput, match=r'numpy below 2, here is 2\.1\.0; install "numpy<2"'):
        load_pyds()
    monkeypatch.setattr(np, "__version__", "1.26.4")
    good = ModuleType("pyds")
    good.gst_buffer_get_nvds_batch_meta = print  # type: ignore[attr-defined]  # a stand-in
    monkeypatch.setitem(sys.modules, "pyds", good)
    assert load_pyds() is good
