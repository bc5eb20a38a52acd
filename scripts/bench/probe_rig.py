"""The DeepStream probe with people to see, on NVIDIA's metadata library alone: no GPU, no DeepStream."""

from __future__ import annotations

import ctypes as c
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pricing.value import Item, PersonValue, Price, Total
from probes.frame import Kind
from probes.nvds.camera import CameraMeta
from probes.nvds.frame_queue import FrameQueue
from probes.nvds.meta import UNTRACKED
from probes.nvds.overlay import MetaOverlay
from probes.nvds.probe import BatchProbe
from probes.nvds.redaction_gate import RedactionGate
from probes.people.tracks import Sessions, TrackBook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from probes.frame import Frame, TrackId
    from probes.nvds.native_meta import NativeMeta
    from probes.nvds.pyds_meta import PydsMeta

SURFACE = 1920, 1080
FRAME_NS = 100_000_000
BATCH_GST_META = 4097
PROCESS_KEY = 7
PERSON, BAG, FACE = (1, 0), (1, 1), (2, 0)
CLASSES = {
    PERSON: (Kind.PERSON, "person"),
    BAG: (Kind.ACCESSORY, "handbag"),
    FACE: (Kind.FACE, "face"),
}


def probe_of(
    meta: PydsMeta | NativeMeta,
    cameras: int,
    values: dict[TrackId, PersonValue],
    on_failure: Callable[[str | None], None],
) -> tuple[BatchProbe, RedactionGate, FrameQueue]:
    """Return probe, gate and queue as the product has them. values: what each person wears, see `dress`."""
    frame_queue = FrameQueue(lambda _camera: None)
    probe = BatchProbe(
        meta,
        meta,
        cameras={pad: _camera(f"camera{pad}", meta) for pad in range(cameras)},
        overlay=MetaOverlay(lambda total: f"€{total.amount_minor / 100:,.0f}", values.get),
        frame_queue=frame_queue,
        process_key=PROCESS_KEY,
        opaque=False,
        on_failure=on_failure,
    )
    return probe, RedactionGate(meta, PROCESS_KEY), frame_queue


def _camera(name: str, meta: PydsMeta | NativeMeta) -> CameraMeta:
    return CameraMeta(
        name,
        classes=CLASSES,
        watch=meta.head_watch(margin=0.25, hold_ms=800),
        book=TrackBook(name, Sessions(ZoneInfo("UTC"), Random(1)), 2500),
        now_ns=lambda: FRAME_NS,
    )


def dress(values: dict[TrackId, PersonValue], frame: Frame) -> None:
    """Give two priced things to each person of a frame who has none, and let them keep those."""
    for person in frame.of(Kind.PERSON):
        if person.track is not None and person.track not in values:
            values[person.track] = _value(10_000 + 100 * person.track.number)


def _value(amount: int) -> PersonValue:
    price = Price(amount, amount, amount, "EUR", "catalogue")
    items = tuple(Item(slot, slot, "brand", 0.9, 4, price) for slot in ("handbag", "coat"))
    return PersonValue(items, Total(2 * amount, 2 * amount, 2 * amount, "EUR", 2, 0))


class MetaBatches:
    """Buffers with metadata of people walking: of three objects one is a person, one its face, one a bag."""

    def __init__(self, pyds: Any, library: Path, cameras: int, objects: int) -> None:
        """library: the folder that holds libnvds_meta.so and libnvdsgst_meta.so."""
        self._pyds, self._cameras, self._objects = pyds, cameras, objects
        self._meta = c.CDLL(str(library / "libnvds_meta.so"), mode=c.RTLD_GLOBAL)
        self._gst = c.CDLL(str(library / "libnvdsgst_meta.so"), mode=c.RTLD_GLOBAL)
        self._meta.nvds_create_batch_meta.restype = c.c_void_p
        self._meta.nvds_acquire_frame_meta_from_pool.restype = c.c_void_p
        self._meta.nvds_acquire_frame_meta_from_pool.argtypes = [c.c_void_p]
        self._gst.gst_buffer_new.restype = self._gst.gst_buffer_add_nvds_meta.restype = c.c_void_p
        self._gst.gst_buffer_add_nvds_meta.argtypes = [c.c_void_p] * 5
        self._gst.gst_mini_object_unref.argtypes = [c.c_void_p]
        self._gst.gst_init(None, None)
        self._number, self._buffer = 0, 0

    def fresh(self) -> int:
        """Return the address of a new buffer, as mux and inference leave one; it lives until the next."""
        self.close()
        self._number += 1
        functions = (
            c.cast(getattr(self._meta, f"nvds_batch_meta_{name}_func"), c.c_void_p)
            for name in ("copy", "release")
        )
        self._buffer = self._gst.gst_buffer_new()
        made = self._meta.nvds_create_batch_meta(self._cameras)
        added = self._gst.gst_buffer_add_nvds_meta(self._buffer, made, None, *functions)
        # NvDsMeta.meta_type, behind GstMeta and two pointers: the library leaves it unset.
        c.c_int.from_address(added + 4 * c.sizeof(c.c_void_p)).value = BATCH_GST_META
        batch = self._pyds.gst_buffer_get_nvds_batch_meta(self._buffer)
        batch.max_frames_in_batch = self._cameras
        for pad in range(self._cameras):
            # Not by pyds, whose result owns what is the pool's: collected, it frees it (pyds 1.2.0).
            frame = self._pyds.NvDsFrameMeta.cast(self._meta.nvds_acquire_frame_meta_from_pool(made))
            self._fill(batch, frame, pad)
        return self._buffer

    def close(self) -> None:
        """Free the last buffer with its metadata."""
        if self._buffer:
            self._gst.gst_mini_object_unref(self._buffer)
        self._buffer = 0

    def _fill(self, batch: Any, frame: Any, pad: int) -> None:
        pyds = self._pyds
        frame.pad_index = frame.batch_id = pad
        frame.frame_num, frame.ntp_timestamp = self._number, self._number * FRAME_NS
        frame.source_frame_width, frame.source_frame_height = SURFACE
        frame.bInferDone = 1
        pyds.nvds_add_frame_meta_to_batch(batch, frame)
        for index in range(self._objects):
            added = pyds.nvds_acquire_obj_meta_from_pool(batch)
            (added.unique_component_id, added.class_id), added.object_id, place = self._object(index)
            added.confidence = 0.9
            box = added.rect_params
            box.left, box.top, box.width, box.height = place
            box.border_width = 3
            box.border_color.set(1.0, 0.0, 0.0, 1.0)
            added.text_params.display_text = "person 12"
            pyds.nvds_add_obj_meta_to_frame(frame, added, None)

    def _object(self, index: int) -> tuple[tuple[int, int], int, tuple[float, float, float, float]]:
        """Return class, tracker's number and box in surface pixels: rows of people, who walk to the right."""
        person, part = divmod(index, 3)
        left, top = 10.0 + 105 * (person % 17) + self._number % 50, 40.0 + 250 * (person // 17)
        if part == 0:
            return PERSON, person + 1, (left, top, 90.0, 230.0)
        if part == 1:
            return FACE, UNTRACKED, (left + 28, top + 5, 30.0, 36.0)
        return BAG, UNTRACKED, (left + 60, top + 110, 30.0, 30.0)
