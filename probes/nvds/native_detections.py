"""Objects and detections of a frame as the C reader has them; they become tuples when looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from probes.frame import Box, Detection, Kind
from probes.nvds.meta import REDACTION_TAG, ObjectMeta

if TYPE_CHECKING:
    from collections.abc import Mapping

    from probes.frame import TrackId
    from probes.nvds.native_meta import NativeLibrary

OBJECT, SEEN = Struct("@iiQfffff4xQQ"), Struct("@5dqii")
CLASS, NAME, SIGHT = Struct("@iiii"), Struct("@Qq"), Struct("@2q")
META_AT: Final = 40
"""Where an object's record has the address of the object."""
KINDS: Final = (Kind.PERSON, Kind.DOUBTFUL, Kind.FACE, Kind.ACCESSORY, Kind.MARK)
"""By their numbers in the records; the first three are the reader's, too."""
OTHERS: Final = 3
_NUMBERS: Final = {kind: number for number, kind in enumerate(KINDS)}
NO_KIND: Final = -1
_object: Final = partial(tuple.__new__, ObjectMeta)
_T_co = TypeVar("_T_co", covariant=True)


class _Unpacked(Sequence[_T_co]):
    """A sequence that is made when it is first looked at, by whatever thread; it never changes."""

    __slots__ = ("_made",)
    _made: tuple[_T_co, ...] | None

    def _unpack(self) -> tuple[_T_co, ...]:
        raise NotImplementedError

    def unpacked(self) -> tuple[_T_co, ...]:
        """Return all of it."""
        made = self._made
        if made is None:
            made = self._made = self._unpack()
        return made

    def __iter__(self) -> Iterator[_T_co]:
        return iter(self.unpacked())

    def __len__(self) -> int:
        return len(self.unpacked())

    @overload
    def __getitem__(self, index: int) -> _T_co: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[_T_co, ...]: ...
    def __getitem__(self, index: int | slice) -> _T_co | tuple[_T_co, ...]:
        return self.unpacked()[index]

    def __eq__(self, other: object) -> bool:
        return self.unpacked() == (other.unpacked() if isinstance(other, _Unpacked) else other)

    def __hash__(self) -> int:
        return hash(self.unpacked())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it as what it holds."""
        return tuple, (self.unpacked(),)


class PackedObjects(_Unpacked[ObjectMeta]):
    """The objects of one frame in the memory of their batch, with room there for what is made of them."""

    __slots__ = ("_library", "_memory", "_places", "address", "length")

    def __init__(
        self,
        library: NativeLibrary,
        memory: bytearray,
        address: int,
        length: int,
        places: tuple[int, int, int],
    ) -> None:
        """address: of the memory; places in it: of the objects, of their detections and of their sights."""
        self._made = None
        self._library, self._memory, self._places = library, memory, places
        self.address, self.length = address + places[0], length

    def __len__(self) -> int:
        return self.length

    def _unpack(self) -> tuple[ObjectMeta, ...]:
        at = self._places[0]
        records = memoryview(self._memory)[at : at + self.length * OBJECT.size]
        return tuple(map(_object, OBJECT.iter_unpack(records)))

    def detect(self, known: Known, scale: tuple[float, float], counted: float) -> PackedPairs | None:
        """Return the objects with their detections; None where only Python can do it, see detections.c."""
        at, seen_at, sights_at = self._places
        begin = self.address - at
        found = self._library.detect(
            self.address,
            self.length,
            known.classes,
            known.class_count,
            known.names,
            known.name_count,
            scale[0],
            scale[1],
            counted,
            REDACTION_TAG,
            begin + seen_at,
            begin + sights_at,
        )
        if found < 0:
            return None
        sights = bytes(memoryview(self._memory)[sights_at : sights_at + self.length * SIGHT.size])
        return PackedPairs(self, PackedDetections(self._memory, begin, seen_at, found, known), sights, known)


class PackedDetections(_Unpacked[Detection]):
    """Detections as SeenRecords, which the search for heads takes as they are."""

    __slots__ = ("_at", "_labels", "_memory", "_tracks", "address", "length")

    def __init__(self, memory: bytearray, begin: int, at: int, length: int, known: Known) -> None:
        self._made = None
        self._memory, self._at, self.address, self.length = memory, at, begin + at, length
        self._labels, self._tracks = known.labels, known.tracks

    def __len__(self) -> int:
        return self.length

    def _unpack(self) -> tuple[Detection, ...]:
        new, labels, tracks = tuple.__new__, self._labels, self._tracks
        records = SEEN.iter_unpack(memoryview(self._memory)[self._at : self._at + self.length * SEEN.size])
        return tuple(
            [
                new(Detection, (KINDS[kind], labels[label], sure, new(Box, (x, y, w, h)), tracks.get(track)))
                for x, y, w, h, sure, track, kind, label in records
            ]
        )


class PackedPairs(_Unpacked[tuple[ObjectMeta, "Detection | None"]]):
    """The objects of a frame, each with its detection.

    sights: of each object its kind and its track, packed; all else may change from frame to frame. tracks: of
    those that have one, in their order.
    """

    __slots__ = ("_detections", "_objects", "detections", "sights", "tracks")

    def __init__(
        self, objects: PackedObjects, detections: PackedDetections, sights: bytes, known: Known
    ) -> None:
        self._made = None
        self._objects, self.detections, self.sights = objects, detections, sights
        self.tracks = known.tracks_of(sights)

    def __len__(self) -> int:
        return self._objects.length

    def _unpack(self) -> tuple[tuple[ObjectMeta, Detection | None], ...]:
        found = iter(self.detections)
        kinds = [kind for kind, _ in SIGHT.iter_unpack(self.sights)]
        return tuple(
            (seen, None if kind == NO_KIND else next(found))
            for seen, kind in zip(self._objects, kinds, strict=True)
        )


class Known:
    """What tells one camera's objects, as detections.c takes it: classes, and the tracks with a name."""

    def __init__(self, classes: Mapping[tuple[int, int], tuple[Kind, str]]) -> None:
        self.labels = tuple(dict.fromkeys(label for _, label in classes.values()))
        self.classes = b"".join(
            CLASS.pack(component, class_id, _NUMBERS[kind], self.labels.index(label))
            for (component, class_id), (kind, label) in classes.items()
        )
        self.class_count = len(classes)
        self._last: tuple[bytes, tuple[TrackId, ...]] = b"", ()
        self.name({})

    def name(self, names: Mapping[int, TrackId]) -> None:
        """Take the tracks by the tracker's numbers; our own numbers never come again."""
        self.names = b"".join([NAME.pack(number, track.number) for number, track in names.items()])
        self.name_count = len(names)
        self.tracks = {track.number: track for track in names.values()}

    def tracks_of(self, sights: bytes) -> tuple[TrackId, ...]:
        """Return the tracks in these sights; mostly those of the frame before."""
        last, tracks = self._last
        if sights != last:
            tracks = tuple([self.tracks[track] for _, track in SIGHT.iter_unpack(sights) if track >= 0])
            self._last = sights, tracks
        return tracks
