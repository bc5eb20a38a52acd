"""The C reader over NVIDIA's own metadata library; the probe's and the marks' tests run on it too."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import gi
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from engines.paths import ROOT  # noqa: E402
from probes.frame import Box  # noqa: E402
from probes.nvds import native_meta  # noqa: E402
from probes.nvds.binding import open_binding  # noqa: E402
from probes.nvds.camera_masks import CameraMasks  # noqa: E402
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
from probes.nvds.native_heads import MASK, PackedMasks  # noqa: E402
from probes.nvds.native_meta import NativeMeta, load_reader  # noqa: E402
from probes.nvds.pyds_meta import PydsMeta  # noqa: E402
from scripts.bench.pyds_over_ctypes import struct  # noqa: E402
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
from tests.fakes.nvds_reader import EXAMPLES, SANITIZED, build, reader  # noqa: E402
from tests.probes.nvds.test_pyds_meta import EDGE, PICS, put_into, read_from  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

Gst.init(None)


@pytest.fixture(scope="module")
def ds() -> Any:
    return pyds()


@pytest.fixture
def meta() -> NativeMeta:
    return NativeMeta(reader(), SURFACE)


@settings(max_examples=EXAMPLES, deadline=None)
@given(PICS)
def test_it_reads_what_is_there_and_what_pyds_reads(pics: list[Pic]) -> None:
    ds = pyds()
    buffer = a_buffer(ds, *pics)
    for one in (buffer, buffer.copy()):
        found, by_pyds = NativeMeta(reader(), SURFACE).read(hash(one)), PydsMeta(ds, SURFACE).read(hash(one))
        assert read_from(found) == put_into(pics) == read_from(by_pyds)
        assert _orders(found) == _orders(by_pyds)


def _orders(batch: BatchMeta) -> list[list[tuple[Any, ...]]]:
    return [[tuple(seen[:8]) for seen in frame.objects or ()] for frame in batch.frames]


def test_a_batch_larger_than_expected_is_read_whole(ds: Any, meta: NativeMeta) -> None:
    pics = [Pic(pad, [person(n) for n in range(40)]) for pad in range(64)]
    buffer = a_buffer(ds, *pics)
    assert read_from(meta.read(hash(buffer))) == put_into(pics)
    assert meta.redaction_tags(hash(buffer)) == [([], 0)] * 64


def test_a_batch_that_is_read_meanwhile_in_another_thread_takes_no_other_s_place(
    ds: Any, meta: NativeMeta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the chooser of looks and the probe do: what is added to a batch comes from its own memory."""
    ours, other = a_buffer(ds, Pic(objects=[person(1)])), a_buffer(ds, *[Pic(pad) for pad in range(64)])
    alone = meta.read(hash(ours)).meta
    read_frames = NativeMeta._frames

    def interrupted(self: NativeMeta, *given: Any) -> Any:
        monkeypatch.setattr(NativeMeta, "_frames", read_frames)
        assert self.read(hash(other)).meta != alone
        return read_frames(self, *given)

    monkeypatch.setattr(NativeMeta, "_frames", interrupted)
    assert meta.read(hash(ours)).meta == alone


def test_a_buffer_without_metadata_is_an_error(meta: NativeMeta) -> None:
    bare = Gst.Buffer.new_allocate(None, 16, None)
    for call in (meta.read, meta.redaction_tags):
        with pytest.raises(MetaError, match="without batch metadata"):
            call(hash(bare))


@pytest.mark.parametrize("harm", ["too few", "too many", "ring", "no data"])
def test_a_broken_list_of_objects_costs_its_frame_alone(ds: Any, meta: NativeMeta, harm: str) -> None:
    buffer = a_buffer(ds, Pic(objects=[person(1), person(2)]), Pic(1, [person(3)]))
    frame = next(f for f in frames_of(ds, hash(buffer)) if f.pad_index == 0)
    node = (ctypes.c_void_p * 3).from_address(frame._obj_meta_list)
    kept = node[0], node[1]
    if harm == "ring":
        node[1] = frame._obj_meta_list
    elif harm == "no data":
        node[0] = None
    else:
        frame.num_obj_meta += 1 if harm == "too few" else -1
    found = {f.pad: f.objects for f in meta.read(hash(buffer)).frames}
    assert found[0] is None
    assert [o.number for o in found[1] or ()] == [3]
    if harm in ("ring", "no data"):
        with pytest.raises(MetaError, match="not as long"):
            meta.redaction_tags(hash(buffer))
    node[0], node[1] = kept


def test_a_batch_with_other_frames_than_it_says_is_an_error(ds: Any, meta: NativeMeta) -> None:
    buffer = a_buffer(ds, Pic(), Pic(pad=1))
    batch = ds.gst_buffer_get_nvds_batch_meta(hash(buffer))
    batch.num_frames_in_batch += 1
    for call in (meta.read, meta.redaction_tags):
        with pytest.raises(MetaError, match="not as long"):
            call(hash(buffer))
    batch.num_frames_in_batch -= 1


def test_labels_are_never_read(ds: Any, meta: NativeMeta) -> None:
    buffer = a_buffer(ds, Pic(objects=[person(1)]))
    found = objects_of(ds, frames_of(ds, hash(buffer))[0])[0]
    ctypes.memset(ctypes.addressof(found) + type(found)._obj_label.offset, 0xFF, 128)
    assert meta.read(hash(buffer)).frames[0].objects is not None


@pytest.mark.parametrize("opaque", [False, True])
def test_boxes_and_tag_are_as_pyds_writes_them(ds: Any, meta: NativeMeta, opaque: bool) -> None:
    seen = []
    for writer in (meta, PydsMeta(ds, SURFACE)):
        buffer = a_buffer(ds, Pic(objects=[person(1)]))
        batch = writer.read(hash(buffer))
        writer.redact(batch, batch.frames[0], [Cover(10, 20, 30, 40, opaque=opaque)], PROCESS_KEY)
        for one in (buffer, buffer.copy()):
            assert meta.redaction_tags(hash(one)) == [([(PROCESS_KEY, 1)], 1)]
        found = objects_of(ds, frames_of(ds, hash(buffer))[0])
        added = [o for o in found if o.unique_component_id in (HEADS, REDACTION_TAG)]
        seen.append(
            [(o.class_id, o.object_id, bytes(o.rect_params), o.text_params.display_text) for o in added]
        )
        heads = next(o for o in added if o.unique_component_id == HEADS)
        assert (heads.class_id, heads.object_id) == (COVER_CLASS, UNTRACKED)
    assert seen[0] == seen[1]


def test_a_pool_s_used_object_brings_nothing_of_its_former_life(ds: Any, meta: NativeMeta) -> None:
    batch = ds.new_batch(1)
    fill(ds, batch, [Pic(objects=[person(7)])])
    frame = ds.NvDsFrameMeta.cast(batch.frame_meta_list.data)
    old = objects_of(ds, frame)[0]
    old.rect_params.has_bg_color = 1
    ds.nvds_remove_obj_meta_from_frame(frame, old)
    read = FrameMeta(0, 0, 0, SURFACE, 0, True, [], ds.get_ptr(frame))
    meta.redact(BatchMeta([read], ds.get_ptr(batch)), read, [Cover(1, 2, 3, 4, opaque=False)], PROCESS_KEY)
    new = next(o for o in objects_of(ds, frame) if o.unique_component_id == HEADS)
    assert (new.rect_params.has_bg_color, new.rect_params.border_width) == (0, 0)
    assert new.text_params.display_text == 0


def test_outline_and_text_are_written_and_emptied(ds: Any, meta: NativeMeta) -> None:
    buffer = a_buffer(ds, Pic(objects=[person(1), person(2)]))
    one, other = sorted(meta.read(hash(buffer)).frames[0].objects or [], key=lambda seen: seen.number)
    for words in ("a", "€1,290\nbag" * 30, "€1,290\nbag"):
        text = Text(words, 60.0, 20.0, (0.0, 1.0, 0.0), 11)
        meta.draw([one], Drawing([(Style(4, (1.0, 0.5, 0.0)), text)]), SURFACE)
    empty = Drawing([(Style(0, (0.0, 0.0, 0.0)), None)])
    for _ in range(2):
        meta.draw([other], empty, SURFACE)
    shown, silent = (struct("NvDsObjectMeta").from_address(seen.meta) for seen in (one, other))
    params, box = shown.text_params, shown.rect_params
    assert ds.get_string(params.display_text) == "€1,290\nbag"
    assert ds.get_string(params.font_params.font_name) == "Sans"
    assert (params.x_offset, params.y_offset, params.font_params.font_size) == (200, 130, 11)
    assert params.set_bg_clr == 1
    assert (box.border_width, box.border_color.green, box.border_color.alpha) == (4, 0.5, 1)
    assert params.text_bg_clr.alpha == pytest.approx(0.87)
    assert (ds.get_string(silent.text_params.display_text), silent.rect_params.border_width) == ("", 0)
    with pytest.raises(MetaError, match="other objects"):
        meta.draw([one, other], empty, SURFACE)
    shown.rect_params.left = float("nan")
    with pytest.raises(MetaError, match="without an end"):
        meta.draw([one], Drawing([(Style(1, (0.0, 0.0, 0.0)), text)]), SURFACE)


@settings(max_examples=EXAMPLES, deadline=None)
@given(EDGE, EDGE, st.floats(0, 2000), st.floats(0, 2000))
def test_texts_lie_where_pyds_puts_them(left: float, top: float, width: float, height: float) -> None:
    ds, drawing = pyds(), Drawing([(Style(1, (0.0, 0.0, 0.0)), Text("x", width, height, (1.0, 1.0, 1.0), 9))])
    places = []
    for meta in (NativeMeta(reader(), SURFACE), PydsMeta(ds, SURFACE)):
        buffer = a_buffer(ds, Pic(objects=[Obj(box=(left, top, 50.0, 60.0))]))
        meta.draw(meta.read(hash(buffer)).frames[0].objects or [], drawing, SURFACE)
        params = objects_of(ds, frames_of(ds, hash(buffer))[0])[0].text_params
        places.append((params.x_offset, params.y_offset))
    assert places[0] == places[1]


SLANTED = (0.1, 0.2), (0.6, 0.3), (0.4, 0.9)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    boxes=st.lists(st.builds(Box, EDGE, EDGE, st.floats(0, 900), st.floats(0, 900)), max_size=90),
    slanted=st.booleans(),
)
@example(boxes=[Box(40, 50, 30, 30)] * 64, slanted=True)  # as many as reader.c keeps on its stack
@example(boxes=[Box(40, 50, 30, 30)] * 65, slanted=False)
@example(boxes=[Box(40, 50, 30, 30)] * 1000, slanted=True)
def test_masks_are_written_as_the_boxes_that_they_are(boxes: list[Box], slanted: bool) -> None:
    ds, meta = pyds(), NativeMeta(reader(), SURFACE)
    masks = PackedMasks(reader(), b"".join(MASK.pack(*box, 0, 0) for box in boxes))
    more = CameraMasks([SLANTED] if slanted else []).covers(SURFACE)
    placed = masks.covers((1920, 1080), SURFACE, opaque=True, more=more)
    assert list(placed)[: len(more.boxes)] == list(more.boxes)
    written = []
    for covers in (placed, list(placed)):
        buffer = a_buffer(ds, Pic(objects=[person(1)]))
        batch = meta.read(hash(buffer))
        meta.redact(batch, batch.frames[0], covers, PROCESS_KEY)
        assert batch.frames[0].covered == len(placed)
        assert meta.redaction_tags(hash(buffer)) == [([(PROCESS_KEY, len(placed))], len(placed))]
        found = objects_of(ds, frames_of(ds, hash(buffer))[0])
        written.append([bytes(o.rect_params) for o in found if o.unique_component_id == HEADS])
    assert written[0] == written[1]


def test_masks_of_which_one_has_no_place_add_nothing(ds: Any, meta: NativeMeta) -> None:
    buffer = a_buffer(ds, Pic(objects=[person(1)]))
    batch = meta.read(hash(buffer))
    places = [Box(10, 10, 20, 20), Box(0, 0, float("inf"), 5)]
    masks = PackedMasks(reader(), b"".join(MASK.pack(*box, 0, 0) for box in places))
    with pytest.raises(MetaError, match="without an end"):
        meta.redact(batch, batch.frames[0], masks.covers(SURFACE, SURFACE, opaque=True), PROCESS_KEY)
    assert batch.frames[0].covered == 0
    assert meta.redaction_tags(hash(buffer)) == [([], 0)]


def test_the_reader_is_used_where_it_is_and_pyds_where_it_does_not_load(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(native_meta, "INSTALLED", tmp_path / "none.so")
    monkeypatch.delenv(native_meta.READER, raising=False)
    assert load_reader() is None
    monkeypatch.setenv(native_meta.READER, str(build()))
    binding = open_binding(SURFACE, jetson=True)
    assert (binding.name, binding.surfaces.any_format) == ("reader", True)
    assert not caplog.records
    (tmp_path / "bad.so").write_bytes(b"no library")
    monkeypatch.setenv(native_meta.READER, str(tmp_path / "bad.so"))
    assert load_reader() is None
    monkeypatch.setattr(native_meta, "VERSION", 0)
    monkeypatch.setenv(native_meta.READER, str(build()))
    assert load_reader() is None
    assert ["pyds is used instead" in record.message for record in caplog.records] == [True, True]


@pytest.mark.skipif(SANITIZED, reason="this is the run under AddressSanitizer")
def test_all_of_it_under_address_sanitizer(tmp_path: Path) -> None:
    build(sanitized=True)
    preload = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    places = [
        f"tests/probes/nvds/{name}.py"
        for name in (
            "test_native_meta",
            "test_native_surfaces",
            "test_native_heads",
            "test_native_detections",
            "test_probe",
            "test_marks",
        )
    ]
    chosen = ("-k", "not [pyds and not sanitizer")
    # Not used there, and everything that is loaded is slow to load under AddressSanitizer.
    without = [one for plugin in ("schemathesis", "xdist", "anyio") for one in ("-p", f"no:{plugin}")]
    environment = {
        **os.environ,
        "LD_PRELOAD": preload,
        "ASAN_OPTIONS": f"detect_leaks=0:log_path={tmp_path / 'report'}",  # pytest keeps what goes to stderr
        "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={tmp_path / 'report'}",
        "PYTHONMALLOC": "malloc",
        "MSH_READER_SANITIZED": "1",
    }
    done = subprocess.run(
        # -s: what UBSan writes as it ends the process would be lost with what pytest keeps.
        [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *without, *places, *chosen],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert [report.read_text()[:4000] for report in tmp_path.glob("report*")] == []
    assert done.returncode == 0, (done.stdout + done.stderr)[-9000:]
