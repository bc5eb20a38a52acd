"""DeepStream's metadata through pyds, the only module that touches it.

pyds and its pitfalls (deepstream_python_apps 1.2.0, bindings/src; measured on the real metadata library):
lists end with None or raise StopIteration, and their order means nothing; obj_label is neither bounded nor
terminated, so labels come from the class table and are never read or written; the meta lock holds the GIL
while it waits, so it is never taken; unique font names leak, so there is one.
"""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.errors import BadInput
from probes.nvds.meta import (
    COVER_CLASS,
    HEADS,
    MAX_CACHED,
    PLATE,
    REDACTION_TAG,
    UNTRACKED,
    BatchMeta,
    FrameMeta,
    MetaError,
    ObjectMeta,
    in_order,
    place,
)
from probes.redaction.redact import HeadWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from probes.nvds.meta import Cover, Drawing, Rectangle, Rgb, Style, Text

    Rgba = tuple[float, float, float, float]

FONT = "Sans"
INSTEAD = 'platform.kind "cpu" needs none of this'
BLACK = (0.0, 0.0, 0.0, 1.0)


def load_pyds() -> Any:
    """Import pyds. Raises BadInput where it is missing or cannot work here."""
    if int(np.__version__.split(".", 1)[0]) >= 2 and _from_wheel():
        raise BadInput(
            f"pyds: NVIDIA's wheels need numpy below 2, here is {np.__version__};"
            f' install "numpy<2" or build pyds; {INSTEAD}'
        )
    try:
        pyds = importlib.import_module("pyds")
    except ImportError as error:
        raise BadInput(
            f"pyds: cannot be imported ({error}); install NVIDIA's wheel for this DeepStream,"
            f" from 9.0 on build it from deepstream_python_apps; {INSTEAD}"
        ) from None
    if not hasattr(pyds, "gst_buffer_get_nvds_batch_meta"):
        raise BadInput(f"pyds: this package is not NVIDIA's; remove it and install NVIDIA's wheel; {INSTEAD}")
    return pyds


def _from_wheel() -> bool:
    try:
        return version("pyds").startswith("1.")
    except PackageNotFoundError:
        return False


class PydsMeta:
    """MetaReader and MetaWriter over a pyds module. Used on one batch by one thread at a time."""

    def __init__(self, pyds: Any, surface: tuple[int, int] | None) -> None:
        """Take pyds and the size that the mux scales frames to; None where it keeps the cameras' sizes."""
        self._pyds = pyds
        self._surface = surface
        self._frame: Callable[[Any], Any] = pyds.NvDsFrameMeta.cast
        self._object: Callable[[Any], Any] = pyds.NvDsObjectMeta.cast
        self._paints: dict[Rgba, Any] = {}
        self._fonts: dict[tuple[Rgb, int], Any] = {}

    def surface_of(self, frame: FrameMeta) -> tuple[int, int]:
        """Return width, height of the frame's surface, to which its boxes refer."""
        return self._surface or frame.source_size

    def head_watch(self, *, margin: float, hold_ms: int) -> HeadWatch:
        """Return what finds the heads of one camera."""
        return HeadWatch(margin=margin, hold_ms=hold_ms)

    def read(self, buffer: int) -> BatchMeta:
        """Return the whole batch; see MetaReader."""
        batch = self._batch(buffer)
        frames = [self._read_frame(frame) for frame in self._frames(batch)]
        return BatchMeta(frames, batch)

    def redaction_tags(self, buffer: int) -> list[tuple[list[tuple[int, int]], int]]:
        """Return for each frame its redaction_tags and the number of its head boxes; see MetaReader."""
        return [self._tags_of(frame) for frame in self._frames(self._batch(buffer))]

    def draw(self, objects: Sequence[ObjectMeta], drawing: Drawing, surface: tuple[int, int]) -> None:
        """Set outlines and texts; see MetaWriter."""
        for seen, (style, text) in zip(objects, drawing.objects, strict=True):
            self._draw(seen, style, text, surface)

    def redact(self, batch: BatchMeta, frame: FrameMeta, boxes: Sequence[Cover], process_key: int) -> None:
        """Add boxes to a frame and its redaction tag; see MetaWriter."""
        for box in boxes:
            self._cover(batch, frame, box)
            frame.covered += 1
        self._tag(batch, frame, process_key)

    def add(self, batch: BatchMeta, frame: FrameMeta, kind: tuple[int, int], box: Rectangle) -> None:
        """Add an object that nobody tracks and nothing draws; see MetaWriter."""
        added = self._pyds.nvds_acquire_obj_meta_from_pool(batch.meta)
        added.unique_component_id, added.class_id = kind
        added.object_id = UNTRACKED
        rectangle = added.rect_params
        rectangle.left, rectangle.top, rectangle.width, rectangle.height = box
        rectangle.border_width = rectangle.has_bg_color = 0
        self._pyds.nvds_add_obj_meta_to_frame(frame.meta, added, None)

    def _draw(self, seen: ObjectMeta, style: Style, text: Text | None, surface: tuple[int, int]) -> None:
        rectangle, (width, colour) = seen.rectangle, style
        rectangle.border_width = width
        if width:
            rectangle.border_color = self._paint((*colour, 1.0))
        params = seen.meta.text_params
        if text is not None:
            self._write(params, text, place(seen, text, surface))
        elif params.display_text:
            params.display_text = ""

    def _cover(self, batch: BatchMeta, frame: FrameMeta, cover: Cover) -> None:
        """Add a box that redaction blurs, or that hides all below it.

        nvdsosd leaves out what has a border of alpha 0, its filling too (nvll_osd/cuosd.cpp, 9.1).
        """
        added = self._pyds.nvds_acquire_obj_meta_from_pool(batch.meta)
        added.unique_component_id = HEADS
        added.class_id = COVER_CLASS
        added.object_id = UNTRACKED
        rectangle = added.rect_params
        *box, opaque = cover
        rectangle.left, rectangle.top, rectangle.width, rectangle.height = box
        rectangle.border_width = 0
        rectangle.has_bg_color = int(opaque)
        if opaque:
            rectangle.border_color.set(*BLACK)
            rectangle.bg_color.set(*BLACK)
        self._pyds.nvds_add_obj_meta_to_frame(frame.meta, added, None)

    def _tag(self, batch: BatchMeta, frame: FrameMeta, process_key: int) -> None:
        """Add the redaction tag of a frame: an object without size, which draws nothing."""
        added = self._pyds.nvds_acquire_obj_meta_from_pool(batch.meta)
        added.unique_component_id = REDACTION_TAG
        added.class_id = frame.covered
        added.object_id = process_key
        rectangle = added.rect_params
        rectangle.width = rectangle.height = 0.0
        rectangle.border_width = rectangle.has_bg_color = 0
        self._pyds.nvds_add_obj_meta_to_frame(frame.meta, added, None)

    def _batch(self, buffer: int) -> Any:
        batch = self._pyds.gst_buffer_get_nvds_batch_meta(buffer)
        if batch is None:
            raise MetaError("a buffer without batch metadata")
        return batch

    def _frames(self, batch: Any) -> list[Any]:
        frames = [self._frame(data) for data in _walk(batch.frame_meta_list)]
        if len(frames) != batch.num_frames_in_batch:
            raise MetaError(f"{len(frames)} frames in a batch of {batch.num_frames_in_batch}")
        return frames

    def _read_frame(self, frame: Any) -> FrameMeta:
        size = frame.source_frame_width, frame.source_frame_height
        read = FrameMeta(
            frame.pad_index,
            frame.batch_id,
            frame.frame_num,
            size,
            frame.ntp_timestamp,
            bool(frame.bInferDone),
            None,
            frame,
            frame.buf_pts,
        )
        try:
            objects = self._read_objects(frame.obj_meta_list)
            if len(objects) == frame.num_obj_meta:
                read.objects = in_order(objects)
        except Exception:  # noqa: BLE001, S110 objects None says it: the frame is covered, the others go on
            pass
        return read

    def _read_objects(self, node: Any) -> list[ObjectMeta]:
        """Read a list of objects: _walk in place, since this is what the probe does most."""
        found, cast = [], self._object
        try:
            while node is not None:
                one = cast(node.data)
                box = one.rect_params
                seen = ObjectMeta(
                    one.unique_component_id,
                    one.class_id,
                    one.object_id,
                    one.confidence,
                    box.left,
                    box.top,
                    box.width,
                    box.height,
                    one,
                    box,
                )
                found.append(seen)
                node = node.next
        except StopIteration:
            pass
        return found

    def _tags_of(self, frame: Any) -> tuple[list[tuple[int, int]], int]:
        found, boxes = [], 0
        for data in _walk(frame.obj_meta_list):
            added = self._object(data)
            component = added.unique_component_id
            if component == REDACTION_TAG:
                found.append((added.object_id, added.class_id))
            elif component == HEADS:
                boxes += 1
        return found, boxes

    def _write(self, params: Any, text: Text, at: tuple[int, int]) -> None:
        """Write a text; what many have in common is copied as whole structs, which saves time."""
        params.x_offset, params.y_offset = at
        params.display_text = text.words
        params.font_params = self._font(text.colour, text.size)
        params.set_bg_clr = 1
        params.text_bg_clr = self._paint(PLATE)

    def _paint(self, colour: Rgba) -> Any:
        made = self._paints.get(colour)
        if made is None:
            made = self._pyds.NvOSD_ColorParams()
            made.set(*colour)
            _keep(self._paints, colour, made)
        return made

    def _font(self, colour: Rgb, size: int) -> Any:
        made = self._fonts.get((colour, size))
        if made is None:
            made = self._pyds.NvOSD_FontParams()
            made.font_name, made.font_size = FONT, size
            made.font_color = self._paint((*colour, 1.0))
            _keep(self._fonts, (colour, size), made)
        return made


def _keep(cache: dict[Any, Any], key: Any, made: Any) -> None:
    if len(cache) >= MAX_CACHED:
        cache.clear()
    cache[key] = made


def _walk(node: Any) -> Iterator[Any]:
    """Yield the data of a GList; both ways to end one are in use."""
    while node is not None:
        try:
            data = node.data
        except StopIteration:
            return
        yield data
        try:
            node = node.next
        except StopIteration:
            return
