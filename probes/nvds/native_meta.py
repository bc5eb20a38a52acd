"""DeepStream's metadata through our own C reader (reader.c): one call a batch, not many an object.

The reader is built on the box against its DeepStream's headers and loaded by ctypes, so that one file serves
every Python. Where there is none, probes.nvds.pyds_meta does the same over pyds.
"""

from __future__ import annotations

import ctypes as c
import logging
import os
from contextlib import suppress
from pathlib import Path
from struct import Struct, pack
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engines.deepstream.nvinfer_config import BRAND_GIE, LOOKS, MARK_OUTPUTS
from engines.marks.types import VECTOR
from probes.nvds.camera_masks import PLACE
from probes.nvds.meta import (
    COVER_CLASS,
    HEADS,
    PLATE,
    REDACTION_TAG,
    UNTRACKED,
    BatchMeta,
    FrameMeta,
    MetaError,
    ObjectMeta,
)
from probes.nvds.native_detections import (
    CAMERA,
    CLASS,
    META_AT,
    NAME,
    OBJECT,
    OTHERS,
    SEEN,
    SIGHT,
    PackedObjects,
)
from probes.nvds.native_heads import HEAD, MASK, WATCH, NativeHeadWatch, PlacedMasks
from probes.nvds.tensors import MAX_CANDIDATES, Tensors, tensors_of
from probes.redaction.heads import MAX_HEADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from probes.nvds.crops import Place
    from probes.nvds.meta import Cover, Drawing, Rectangle, Style, Text

logger = logging.getLogger(__name__)

READER: Final = "MSH_NVDS_READER"
"""Environment variable with the path of the reader, where it is not at its usual place."""
INSTALLED: Final = Path("/usr/local/lib/libmsh_nvds.so")
VERSION: Final = 9
SURFACES: Final = ("libnvbufsurface.so", "libnvbufsurftransform.so")
"""What the reader takes from the box when it is loaded: the driver brings them on a Jetson."""
FRAME, TAG = Struct("@IIiIIii4xQQQ"), Struct("@Qqii")
STYLE, TEXT = Struct("@Ifff"), Struct("@2dfffI4f")
BOX, DRAWN, DRAWING = Struct("@iiiii"), Struct("@QQ"), Struct("@PQdd")
ALIGNED: Final = 8
"""Records begin at multiples of this."""
_ERRORS: Final = {
    -1: "a buffer without batch metadata",
    -2: "a list of the metadata is not as long as it says",
    -3: "a batch larger than the memory for it",
    -4: "the pool of objects gave none",
    -5: "the brand model left tensors that are not what they should be",
    -6: "a surface that cannot be copied from",
    -7: "a box without an end",
}
_TOO_SMALL: Final = -3
MAX_FRAMES: Final = 256
AN_OBJECT: Final = OBJECT.size + SEEN.size + SIGHT.size
"""Memory of an object: its record, and room for what is made of it."""
_INT, _LONG, _FLOAT_PTR = c.c_int32, c.c_uint64, c.c_void_p
_SIGNED, _DOUBLE = c.c_int64, c.c_double
_PLACED: Final = (c.c_char_p, _SIGNED, c.c_void_p)
_CALLS: Final[dict[str, tuple[Any, ...]]] = {
    "read": (_LONG, c.c_void_p, _LONG, c.c_void_p, _LONG, c.c_void_p, c.c_void_p),
    "tags": (_LONG, _INT, _INT, c.c_void_p, _LONG),
    "add": (_LONG, _LONG, _INT, _INT, _LONG, _INT, _INT, _INT, _INT, _INT),
    "remove": (_LONG, _LONG),
    "redact": (_LONG, _LONG, c.c_char_p, _SIGNED, c.c_void_p),
    "redact_masks": (_LONG, _LONG, *_PLACED, c.c_void_p),
    "draw": (c.c_void_p, _LONG, c.c_void_p),
    "detect": (c.c_void_p, _SIGNED, c.c_void_p, c.c_void_p, c.c_void_p),
    "locate": (c.c_void_p, _SIGNED, _SIGNED, c.c_void_p),
    "covers": (*_PLACED, c.c_void_p),
    "tensor": (_LONG, c.c_uint32, c.c_char_p, _FLOAT_PTR, _LONG),
}
_FOUND: Final = _LONG * 3
_CROP: Final = (_LONG, *(c.c_uint32,) * 5, _INT, c.c_void_p, c.c_void_p)


class _Ids(c.Structure):
    """What boxes to cover and their tag are; done: how many boxes a frame has, before a call and after it."""

    _fields_ = (
        *((name, _LONG) for name in ("number", "key")),
        ("done", _SIGNED),
        *((name, _INT) for name in ("component", "class_id", "tag", "unused")),
    )


class NativeLibrary:
    """The loaded reader. Short calls keep Python's lock; `crop`, which waits for the GPU, gives it up."""

    def __init__(self, path: Path) -> None:
        """Load it. Raises OSError where it cannot be loaded, MetaError where its records are not ours."""
        for name in SURFACES:
            with suppress(OSError):  # then the reader says which of their functions is missing
                c.CDLL(name, mode=c.RTLD_GLOBAL)
        short, long = c.PyDLL(str(path)), c.CDLL(str(path))
        sizes = (c.c_uint32 * 9)()
        version = short.msh_nvds_layout(sizes)
        records = [one.size for one in (FRAME, OBJECT, TAG, STYLE, TEXT, BOX, DRAWN, DRAWING)]
        if version != VERSION or list(sizes) != [*records, c.sizeof(_Ids)]:
            raise MetaError(f"{path} is of another version; build it again")
        of_heads = (c.c_uint32 * 5)()
        self.max_heads = int(short.msh_nvds_heads_layout(of_heads))
        if (
            list(of_heads) != [one.size for one in (SEEN, HEAD, MASK, WATCH, PLACE)]
            or self.max_heads < MAX_HEADS
        ):
            raise MetaError(f"{path} searches for heads in another way; build it again")
        of_detections = (c.c_uint32 * 5)()
        others = short.msh_nvds_detections_layout(of_detections)
        if (
            list(of_detections) != [one.size for one in (SEEN, CLASS, NAME, SIGHT, CAMERA)]
            or others != OTHERS
        ):
            raise MetaError(f"{path} makes detections in another way; build it again")
        for name, arguments in _CALLS.items():
            setattr(self, name, _function(short, name, arguments))
        self.crop = _function(long, "crop", _CROP)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def _function(library: Any, name: str, arguments: tuple[Any, ...]) -> Any:
    function = getattr(library, f"msh_nvds_{name}")
    function.restype, function.argtypes = c.c_int64, arguments
    return function


def load_reader() -> NativeLibrary | None:
    """Return the reader of this machine; None where there is none, with a WARNING where it does not load."""
    named = os.environ.get(READER)
    path = Path(named) if named else INSTALLED
    if not (named or path.exists()):
        return None
    try:
        return NativeLibrary(path)
    except (OSError, AttributeError, MetaError) as error:
        logger.warning("metadata reader: %s; pyds is used instead", error)
        return None


def check(result: int) -> int:
    """Return what a call returned; MetaError where it failed."""
    if result < 0:
        raise MetaError(_ERRORS.get(result, f"the metadata reader failed with {result}"))
    return result


class NativeMeta:
    """MetaReader and MetaWriter over the C reader. One batch is written at a time; others may be read."""

    def __init__(self, library: NativeLibrary, surface: tuple[int, int] | None) -> None:
        """Take the size that the mux scales frames to; None where it keeps the cameras' sizes."""
        self._library, self._surface = library, surface
        self._room = 32, 512
        self._ids = _Ids(UNTRACKED, 0, 0, HEADS, COVER_CLASS, REDACTION_TAG, 0)
        self._ids_at = c.addressof(self._ids)

    def surface_of(self, frame: FrameMeta) -> tuple[int, int]:
        """Return width, height of the frame's surface, to which its boxes refer."""
        return self._surface or frame.source_size

    def head_watch(self, *, margin: float, hold_ms: int) -> NativeHeadWatch:
        """Return what finds the heads of one camera."""
        return NativeHeadWatch(self._library, margin=margin, hold_ms=hold_ms)

    def read(self, buffer: int) -> BatchMeta:
        """Return the whole batch; see MetaReader."""
        # What it needs of frames and objects, and the batch. Of this call alone: the chooser of looks and the
        # probe read in threads of their own, and objects of one batch must never be put onto another.
        found, (frames, objects) = _FOUND(), self._room
        found_at = c.addressof(found)
        for _ in range(2):
            memory = bytearray(frames * FRAME.size + objects * AN_OBJECT)
            address = _address(memory)
            room = address, frames, address + frames * FRAME.size, objects
            result = self._library.read(buffer, *room, found_at, found_at + 2 * c.sizeof(_LONG))
            if result != _TOO_SMALL:
                break
            frames, objects = found[0], found[1]
        count = check(result)
        self._room = found[0], found[1]
        return BatchMeta(self._frames(memory, address, count, (frames, objects)), found[2])

    def _frames(self, memory: bytearray, address: int, count: int, room: tuple[int, int]) -> list[FrameMeta]:
        """Give each frame its part of the objects, which lie one behind the other."""
        frames, objects_at, library = [], room[0] * FRAME.size, self._library
        seen_at = objects_at + room[1] * OBJECT.size
        sights_at = seen_at + room[1] * SEEN.size
        records = FRAME.iter_unpack(memory[: count * FRAME.size])
        for pad, batch_id, number, width, height, inferred, own, pts, ntp, meta in records:
            objects = None
            if own >= 0:
                places = objects_at, seen_at, sights_at
                objects = PackedObjects(library, memory, address, own, places)
                objects_at += own * OBJECT.size
                seen_at += own * SEEN.size
                sights_at += own * SIGHT.size
            size = width, height
            frames.append(FrameMeta(pad, batch_id, number, size, ntp, bool(inferred), objects, meta, pts))
        return frames

    def redaction_tags(self, buffer: int) -> list[tuple[list[tuple[int, int]], int]]:
        """Return for each frame its redaction_tags and the number of its head boxes; see MetaReader."""
        room = bytearray(MAX_FRAMES * TAG.size)
        count = check(self._library.tags(buffer, REDACTION_TAG, HEADS, _address(room), MAX_FRAMES))
        tags = TAG.iter_unpack(memoryview(room)[: count * TAG.size])
        return [([(key, boxes)] * number, heads) for key, boxes, number, heads in tags]

    def draw(self, objects: Sequence[ObjectMeta], drawing: Drawing, surface: tuple[int, int]) -> None:
        """Set outlines and texts, all of a frame in one call; see MetaWriter."""
        packed: _PackedDrawing | None = drawing.packed
        if packed is None:
            packed = drawing.packed = _PackedDrawing(drawing)
        count = len(objects)
        if count != packed.count:
            raise MetaError("a drawing of other objects")
        first: int | bytes
        if isinstance(objects, PackedObjects):
            first, stride = objects.address + META_AT, OBJECT.size
        else:
            first, stride = pack(f"@{count}Q", *[seen[8] for seen in objects]), 8
        check(self._library.draw(first, stride, packed.address(surface)))

    def redact(self, batch: BatchMeta, frame: FrameMeta, boxes: Sequence[Cover], process_key: int) -> None:
        """Add boxes to a frame and its redaction tag, in one call; see MetaWriter."""
        ids, ids_at = self._ids, self._ids_at
        ids.key, ids.done = process_key, frame.covered
        if isinstance(boxes, PlacedMasks):
            masks = boxes.packed, boxes.length, boxes.placing.address
            result = self._library.redact_masks(batch.meta, frame.meta, *masks, ids_at)
        else:
            packed = pack(f"@{5 * len(boxes)}i", *(side for box in boxes for side in box))
            result = self._library.redact(batch.meta, frame.meta, packed, len(boxes), ids_at)
        frame.covered = ids.done
        check(result)

    def add(self, batch: BatchMeta, frame: FrameMeta, kind: tuple[int, int], box: Rectangle) -> None:
        """Add an object that nobody tracks and nothing draws; see MetaWriter."""
        check(self._library.add(batch.meta, frame.meta, *kind, UNTRACKED, *box, False))


class _PackedDrawing:
    """A drawing as reader.c takes it, in one memory: its record, one for each object, outlines and texts."""

    def __init__(self, drawing: Drawing) -> None:
        self.count = len(drawing.objects)
        memory = bytearray(DRAWING.size + self.count * DRAWN.size)
        places: dict[Style | Text, int] = {}
        for style, text in drawing.objects:
            if style not in places:
                places[style] = len(memory)
                memory += STYLE.pack(style.width, *style.colour)
            if text is not None and text not in places:
                places[text] = len(memory)
                words = _packed_text(text)
                memory += words + bytes(-len(words) % ALIGNED)
        self._memory, self._surface = memory, (0, 0)
        self._at = _address(memory)
        for at, (style, text) in enumerate(drawing.objects):
            words_at = 0 if text is None else self._at + places[text]
            DRAWN.pack_into(memory, DRAWING.size + at * DRAWN.size, self._at + places[style], words_at)

    def address(self, surface: tuple[int, int]) -> int:
        """Return the address of the record, for a surface; mostly it is the last one."""
        if surface != self._surface:
            DRAWING.pack_into(self._memory, 0, self._at + DRAWING.size, self.count, *surface)
            self._surface = surface
        return self._at


def _packed_text(text: Text) -> bytes:
    words, width, height, colour, size = text
    return TEXT.pack(width, height, *colour, size, *PLATE) + words.encode() + b"\0"


class NativeLooks:
    """Puts looks onto frames and takes them off, as probes.nvds.tensors.PydsLooks does."""

    def __init__(self, library: NativeLibrary) -> None:
        self._library = library

    def add(self, batch: BatchMeta, frame: FrameMeta, box: Rectangle, number: int) -> None:
        """Add a look at the person of that tracker id; it draws nothing. box: even px of the surface."""
        check(self._library.add(batch.meta, frame.meta, LOOKS, 0, number, *map(int, box), False))

    def take(self, frame: FrameMeta, look: ObjectMeta) -> Tensors | None:
        """Copy what the model answered and take the look off; None where it did not work on it."""
        try:
            found = {name: self._copy(look, name) for name in MARK_OUTPUTS}
        finally:
            check(self._library.remove(frame.meta, look.meta))
        present = {name: values for name, values in found.items() if values is not None}
        return tensors_of(present) if present else None

    def _copy(self, look: ObjectMeta, layer: str) -> npt.NDArray[np.float32] | None:
        values = np.empty(MAX_CANDIDATES * VECTOR, np.float32)
        count = check(
            self._library.tensor(look.meta, BRAND_GIE, layer.encode(), values.ctypes.data, len(values))
        )
        return values[:count].copy() if count else None


class NativeSurfaces:
    """Copies rectangles out of the surfaces of a batch, of any format and memory, as RGBA."""

    any_format = True

    def __init__(self, library: NativeLibrary, size: tuple[int, int], *, jetson: bool) -> None:
        """Take the width and height of all surfaces."""
        self._library, self._size, self._jetson = library, size, jetson
        self._scratch = c.c_uint64()  # kept for the life of the process, which has one pipeline

    def copy(self, buffer: int, batch_id: int, place: Place) -> npt.NDArray[np.uint8]:
        """Return (h, w, 4) RGBA of a rectangle; see Surfaces."""
        left, top, width, height = place(self._size)
        # Even, as NV12 has half as many colours each way, and the Jetson's converter takes nothing else.
        x, y = left & ~1, top & ~1
        right, bottom = (left + width + 1) & ~1, (top + height + 1) & ~1
        pixels = np.empty((max(0, bottom - y), max(0, right - x), 4), np.uint8)
        check(
            self._library.crop(
                buffer,
                batch_id,
                x,
                y,
                pixels.shape[1],
                pixels.shape[0],
                self._jetson,
                c.byref(self._scratch),
                pixels.ctypes.data,
            )
        )
        return pixels[top - y : top - y + height, left - x : left - x + width]


def _address(memory: bytearray) -> int:
    return c.addressof(c.c_char.from_buffer(memory)) if memory else 0
