"""HeadWatch by the C reader (heads.c): the answer of probes.redaction.heads, sooner."""

from __future__ import annotations

import ctypes as c
from collections.abc import Callable, Iterator, Sequence
from struct import Struct, pack, pack_into, unpack_from
from typing import TYPE_CHECKING, Final, overload

from probes.frame import Box, Kind
from probes.nvds.camera_masks import NO_COVERS
from probes.nvds.meta import Cover, MetaError
from probes.nvds.native_detections import PackedDetections
from probes.redaction.redact import By, HeadWatch, Mask, RedactionFailed, check_box

if TYPE_CHECKING:
    from probes.frame import Detection, Frame
    from probes.nvds.camera_masks import FixedCovers, Placing
    from probes.nvds.native_meta import NativeLibrary

MASK = Struct("@4dii")
HEAD = Struct("@4d4d4d2dd5qii")
BOX = Struct("@iiiii")
WATCH = Struct("@2P2q3d")
PLACES: Final = "@15d"
"""Of a head, at its beginning: corner and size of itself, of its person and that as it stood, px; px per
ns; depth, px."""
TIMES: Final = slice(15, 19)
"""Of a head: when it was seen, its face, itself for the first time, and its person as it stood, ns."""
_COUNT: Final = Struct("@16xq")
"""Of a WATCH: how many heads there are."""
MAX_SEEN: Final = 4096
_PERSON, _DOUBTFUL, _AGAIN, _FACE = Kind.PERSON, Kind.DOUBTFUL, Kind.AGAIN, Kind.FACE
REASONS: Final = (By.DETECTOR, By.HOLD, By.HEAD_ESTIMATE)
BAD_BOX, TOO_MANY = -7, -8


class PackedMasks(Sequence[Mask]):
    """Masks as heads.c writes them; they become tuples when somebody looks at them."""

    __slots__ = ("_library", "_packed")

    def __init__(self, library: NativeLibrary, packed: bytes) -> None:
        self._library, self._packed = library, packed

    def __len__(self) -> int:
        return len(self._packed) // MASK.size

    @overload
    def __getitem__(self, index: int) -> Mask: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Mask, ...]: ...
    def __getitem__(self, index: int | slice) -> Mask | tuple[Mask, ...]:
        return self.unpacked()[index]

    def __iter__(self) -> Iterator[Mask]:
        return iter(self.unpacked())

    def unpacked(self) -> tuple[Mask, ...]:
        """Return them all."""
        return tuple(Mask(Box(*side), REASONS[by]) for *side, by, _ in MASK.iter_unpack(self._packed))

    def covers(
        self, size: tuple[int, int], surface: tuple[int, int], *, opaque: bool, more: FixedCovers = NO_COVERS
    ) -> PlacedMasks:
        """Return what covers them on the surface of a frame of that size, and `more` beside it."""
        return PlacedMasks(self._library, self._packed, more.placing(size, surface, opaque=opaque))


class PlacedMasks(Sequence[Cover]):
    """Boxes to cover, worked out where they are written or looked at: `length` masks by `placing`."""

    __slots__ = ("_library", "length", "packed", "placing")

    def __init__(self, library: NativeLibrary, packed: bytes, placing: Placing) -> None:
        self._library, self.packed, self.placing = library, packed, placing
        self.length = len(packed) // MASK.size

    def __iter__(self) -> Iterator[Cover]:
        return iter(self.unpacked())

    def unpacked(self) -> tuple[Cover, ...]:
        """Return them all. Raises MetaError."""
        room = bytearray(self.length * BOX.size + 1)
        room_at = c.addressof(c.c_char.from_buffer(room))
        found = self._library.covers(self.packed, self.length, self.placing.address, room_at)
        if found < 0:
            raise MetaError("a box without an end")
        boxes = BOX.iter_unpack(memoryview(room)[: found * BOX.size])
        made = (Cover(a, b, w, h, opaque=bool(opaque)) for a, b, w, h, opaque in boxes)
        return (*self.placing.more.boxes, *made)

    def __len__(self) -> int:
        return len(self.unpacked())

    @overload
    def __getitem__(self, index: int) -> Cover: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Cover, ...]: ...
    def __getitem__(self, index: int | slice) -> Cover | tuple[Cover, ...]:
        return self.unpacked()[index]


class NativeHeadWatch(HeadWatch):
    """HeadWatch whose search runs in the reader. One thread."""

    def __init__(self, library: NativeLibrary, *, margin: float, hold_ms: int) -> None:
        """See HeadWatch."""
        super().__init__(margin=margin, hold_ms=hold_ms)
        self._library, self._margin, self._hold = library, margin, hold_ms * 1_000_000
        self._size: tuple[int, int] | None = None
        self._memory = bytearray(library.max_heads * HEAD.size)
        self._room = bytearray((library.max_heads + 2 * MAX_SEEN) * MASK.size)
        self._at = tuple(c.addressof(c.c_char.from_buffer(place)) for place in (self._memory, self._room))
        self._watch = bytearray(WATCH.size)
        self._watch_at = c.addressof(c.c_char.from_buffer(self._watch))

    def reconfigure(self, *, margin: float, hold_ms: int) -> None:
        """Cover by another margin and hold from now on."""
        super().reconfigure(margin=margin, hold_ms=hold_ms)
        self._margin, self._hold = margin, hold_ms * 1_000_000
        self._describe()

    def _find(self, frame: Frame, _is_still: Callable[[Box, int], bool] | None) -> Sequence[Mask]:
        """Return every region to cover; see HeadWatch. Boxes are checked on the way; no pixels are read."""
        seen, count = _packed(frame.detections if frame.followed is None else frame.followed)
        if frame.size != self._size:
            self._fit_to(frame.size)
        if count > MAX_SEEN:
            raise RedactionFailed("more persons and faces than can be followed")
        found = self._library.locate(seen, count, frame.captured_at, self._watch_at)
        if found < 0:
            why = {BAD_BOX: "an impossible box", TOO_MANY: "more heads than can be followed"}
            raise RedactionFailed(why.get(found, f"the search for heads failed with {found}"))
        return PackedMasks(self._library, bytes(self._room[: found * MASK.size]))

    def _count(self) -> int:
        """Return how many heads are followed."""
        return int(_COUNT.unpack_from(self._watch)[0])

    def _describe(self) -> None:
        """Write the record of what the search needs to know."""
        size = self._size or (0, 0)
        WATCH.pack_into(self._watch, 0, *self._at, self._count(), self._hold, *size, self._margin)

    def _fit_to(self, size: tuple[int, int]) -> None:
        """Bring the memories to the size of the pictures, as Heads does."""
        last, self._size = self._size, size
        self._describe()
        if last is None or min(last) <= 0:
            return
        by = (*(size[0] / last[0], size[1] / last[1]) * 7, size[1] / last[1])
        for at in range(0, self._count() * HEAD.size, HEAD.size):
            places = unpack_from(PLACES, self._memory, at)
            pack_into(PLACES, self._memory, at, *(a * b for a, b in zip(places, by, strict=True)))

    def _shift(self, nanoseconds: int) -> None:
        for number in range(self._count()):
            head = list(HEAD.unpack_from(self._memory, number * HEAD.size))
            head[TIMES] = [at + nanoseconds for at in head[TIMES]]
            HEAD.pack_into(self._memory, number * HEAD.size, *head)


def _packed(detections: Sequence[Detection]) -> tuple[bytes | int, int]:
    """Return detections as SeenRecords, or where these are, and how many."""
    if isinstance(detections, PackedDetections):
        return detections.address, detections.length
    parts: list[float] = []
    for kind, _, confidence, box, track in detections:
        # By identity: a look into a dict would ask for the kind's hash, which Enum works out in Python.
        if kind is _FACE:
            parts += (*box, confidence, -1, 2, 0)
        elif kind is _PERSON or kind is _DOUBTFUL or kind is _AGAIN:
            number = 1 if kind is _DOUBTFUL else 0
            parts += (*box, confidence, -1 if track is None else track[2], number, 0)
        else:
            check_box(box, kind)
    count = len(parts) // 8
    return pack("@" + "5dqii" * count, *parts), count
