"""Small factories for DeepStream metadata on real buffers, and the probe as production builds it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import gi
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from probes.frame import Kind  # noqa: E402
from probes.nvds.camera import CameraMeta  # noqa: E402
from probes.nvds.frame_queue import FrameQueue  # noqa: E402
from probes.nvds.meta import UNTRACKED  # noqa: E402
from probes.nvds.native_heads import NativeHeadWatch  # noqa: E402
from probes.nvds.native_meta import NativeLooks, NativeMeta  # noqa: E402
from probes.nvds.overlay import MetaOverlay  # noqa: E402
from probes.nvds.probe import BatchProbe  # noqa: E402
from probes.nvds.pyds_meta import PydsMeta  # noqa: E402
from probes.nvds.tensors import PydsLooks  # noqa: E402
from probes.people.tracks import Sessions, TrackBook  # noqa: E402
from probes.redaction.redact import HeadWatch  # noqa: E402
from scripts.bench import pyds_over_ctypes  # noqa: E402
from tests.fakes.failing_pyds import Faulty  # noqa: E402
from tests.fakes.nvds_reader import reader  # noqa: E402
from tests.fakes.people import START  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pricing.value import PersonValue
    from probes.frame import TrackId
    from probes.nvds.tensors import LookObjects
    from probes.redaction.redact import Polygon

SURFACE = (1280, 720)
SOURCE = (640, 480)
CLASSES = {
    (1, 0): (Kind.PERSON, "person"),
    (1, 1): (Kind.ACCESSORY, "handbag"),
    (2, 0): (Kind.FACE, "face"),
}
PROCESS_KEY = 0x1234_5678_9ABC_DEF0
BINDING = ["pyds"]
"""What `rig` builds on, "pyds" or "reader": tests set it, to run on both."""


def pyds() -> pyds_over_ctypes.Pyds:
    """Return pyds' stand-in over NVIDIA's library; without the wheel the test is skipped.

    Where MSH_NO_SKIP is set, as in CI on x86_64, it fails instead.
    """
    folder = pyds_over_ctypes.library_folder()
    if folder is None:
        why = "needs nvidia-deepstream-videodecode-cu13==9.0.2 (x86_64): pip install --no-deps"
        pytest.fail(why) if os.environ.get("MSH_NO_SKIP") else pytest.skip(why)
    return pyds_over_ctypes.load(folder)


@dataclass
class Obj:
    """An object to put on a frame: surface pixels."""

    component: int = 1
    class_id: int = 0
    number: int = UNTRACKED
    confidence: float = 0.9
    box: tuple[float, float, float, float] = (200.0, 150.0, 160.0, 300.0)


@dataclass
class Pic:
    """A frame to put into a batch."""

    pad: int = 0
    objects: Sequence[Obj] = ()
    number: int = 1
    ntp: int = START
    size: tuple[int, int] = SOURCE
    inferred: int = 1
    pts: int = 0


def person(number: int = UNTRACKED, left: float = 200.0) -> Obj:
    return Obj(1, 0, number, 0.9, (left, 150.0, 160.0, 300.0))


def face(left: float = 240.0, top: float = 160.0) -> Obj:
    return Obj(2, 0, UNTRACKED, 0.8, (left, top, 60.0, 70.0))


def a_buffer(ds: Any, *pics: Pic) -> Any:
    """Return a buffer whose metadata is a batch of these frames."""
    buffer = Gst.Buffer.new_allocate(None, 16, None)
    batch = ds.new_batch(max(1, len(pics)))
    fill(ds, batch, pics)
    ds.attach(hash(buffer), batch)
    return buffer


def fill(ds: Any, batch: Any, pics: Sequence[Pic]) -> None:
    """Put the frames and their objects into a batch meta, as the elements before the probe do."""
    for index, pic in enumerate(pics):
        frame = ds.nvds_acquire_frame_meta_from_pool(batch)
        frame.pad_index = frame.source_id = pic.pad
        frame.batch_id, frame.frame_num, frame.ntp_timestamp = index, pic.number, pic.ntp
        frame.source_frame_width, frame.source_frame_height = pic.size
        frame.bInferDone, frame.buf_pts = pic.inferred, pic.pts
        ds.nvds_add_frame_meta_to_batch(batch, frame)
        for one in pic.objects:
            found = ds.nvds_acquire_obj_meta_from_pool(batch)
            found.unique_component_id, found.class_id = one.component, one.class_id
            found.object_id, found.confidence = one.number, one.confidence
            box = found.rect_params
            box.left, box.top, box.width, box.height = one.box
            box.border_width = 3
            box.border_color.set(1.0, 0.0, 0.0, 1.0)
            found.text_params.display_text = "person 12"
            found.obj_label = "person"
            ds.nvds_add_obj_meta_to_frame(frame, found, None)


def split(ds: Any, batch: int, index: int, part: int) -> None:
    """Carry a frame's metadata over to its own buffer, as nvstreamdemux does; nothing where there is none."""
    found = ds.gst_buffer_get_nvds_batch_meta(batch)
    if found is None:
        return
    frame = next((one for one in frames_of(ds, batch) if one.batch_id == index), None)
    if frame is None:
        return
    own = ds.new_batch(1)
    copy = ds.nvds_acquire_frame_meta_from_pool(own)
    ds.nvds_copy_frame_meta(frame, copy)
    ds.nvds_add_frame_meta_to_batch(own, copy)
    ds.attach(part, own)


def frames_of(ds: Any, buffer: int) -> list[Any]:
    return _items(ds.gst_buffer_get_nvds_batch_meta(buffer).frame_meta_list, ds.NvDsFrameMeta.cast)


def objects_of(ds: Any, frame: Any) -> list[Any]:
    return _items(frame.obj_meta_list, ds.NvDsObjectMeta.cast)


def take_out(ds: Any, buffer: int, goes: Callable[[Any], bool]) -> None:
    """Remove objects from the metadata, as nvtracker does with those that it does not track."""
    for frame in frames_of(ds, buffer):
        for one in objects_of(ds, frame):
            if goes(one):
                ds.nvds_remove_obj_meta_from_frame(frame, one)


def _items(node: Any, cast: Callable[[Any], Any]) -> list[Any]:
    found = []
    try:
        while node is not None:
            found.append(cast(node.data))
            node = node.next
    except StopIteration:
        pass
    return found


def meta_of(ds: Any) -> PydsMeta | NativeMeta:
    """Return the reader and writer that is tested now; it fails where the given pyds would."""
    return NativeMeta(_library(ds), SURFACE) if BINDING[0] == "reader" else PydsMeta(ds, SURFACE)


def looks_of(ds: Any) -> LookObjects:
    """Return what puts looks onto frames, by the binding that is tested now."""
    return NativeLooks(_library(ds)) if BINDING[0] == "reader" else PydsLooks(ds)


def _library(ds: Any) -> Any:
    return FaultyReader(ds._fails_at, ds._error) if isinstance(ds, Faulty) else reader()


class FaultyReader:
    """The C reader of which the n-th call from now on raises; an int as error is what it returns instead."""

    def __init__(self, fails_at: int, error: Any) -> None:
        self._fails_at, self._error, self._calls = fails_at, error, count()

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> int:
            if next(self._calls) == self._fails_at:
                if isinstance(self._error, int):
                    return self._error
                raise self._error("injected")
            return int(getattr(reader(), name)(*arguments))

        return call


@dataclass
class Rig:
    """The probe with all that belongs to it, over a given pyds."""

    probe: BatchProbe
    meta: PydsMeta | NativeMeta
    frame_queue: FrameQueue
    values: dict[TrackId, PersonValue]
    failures: list[str | None] = field(default_factory=list)


def watch(margin: float, hold_ms: int) -> HeadWatch:
    """Return what finds heads, by the binding that is tested now."""
    if BINDING[0] == "reader":
        return NativeHeadWatch(reader(), margin=margin, hold_ms=hold_ms)
    return HeadWatch(margin=margin, hold_ms=hold_ms)


def camera(name: str, masks: Sequence[Polygon] = (), counted: float = 0.0) -> CameraMeta:
    return CameraMeta(
        name,
        classes=CLASSES,
        watch=watch(0.25, 800),
        book=TrackBook(name, Sessions(ZoneInfo("Europe/Berlin"), Random(1)), 2500),
        now_ns=lambda: START,
        masks=masks,
        counted=counted,
    )


def rig(
    ds: Any,
    *,
    pads: int = 4,
    opaque: bool = False,
    masks: Sequence[Polygon] = (),
    crops: Any = None,
    marks: Any = None,
) -> Rig:
    """Cameras cam0, cam1 ... on pads 0, 1 ...; 1280x720 surfaces of 640x480 cameras."""
    values: dict[TrackId, PersonValue] = {}
    failures: list[str | None] = []
    meta = meta_of(ds)
    frame_queue = FrameQueue(lambda _camera: None)
    probe = BatchProbe(
        meta,
        meta,
        cameras={pad: camera(f"cam{pad}", masks) for pad in range(pads)},
        overlay=MetaOverlay(lambda total: f"€{total.amount_minor / 100:.0f}", values.get),
        frame_queue=frame_queue,
        process_key=PROCESS_KEY,
        opaque=opaque,
        on_failure=failures.append,
        crops=crops,
        marks=marks,
    )
    return Rig(probe, meta, frame_queue, values, failures)
