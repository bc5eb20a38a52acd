"""Objects and detections of a frame as the C reader has them; they become tuples when looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ctypes import addressof, create_string_buffer
from functools import partial
from itertools import accumulate
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from probes.frame import Box, Detection, Kind
from probes.nvds.meta import REDACTION_TAG, ObjectMeta

if TYPE_CHECKING:
    from collections.abc import Mapping

    from probes.frame import TrackId
    from probes.nvds.camera_masks import CameraMasks
    from probes.nvds.native_meta import NativeLibrary

OBJECT, SEEN = Struct("@iiQfffff4xQQ"), Struct("@5dqii")
CLASS, NAME, SIGHT = Struct("@iiii"), Struct("@Qq"), Struct("@2iq")
CAMERA: Final = Struct("@4P4q5d")
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

    __slots__ = ("_library", "address", "begin", "length", "memory", "places")

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
        self._library, self.memory, self.begin, self.places = library, memory, address, places
        self.address, self.length = address + places[0], length

    def __len__(self) -> int:
        return self.length

    def _unpack(self) -> tuple[ObjectMeta, ...]:
        at = self.places[0]
        records = memoryview(self.memory)[at : at + self.length * OBJECT.size]
        return tuple(map(_object, OBJECT.iter_unpack(records)))

    def detect(self, lookup: CameraLookup, camera: int) -> PackedPairs | None:
        """Return the objects with their detections; None where only Python can do it, see detections.c.

        camera: address of its record, by `lookup`.
        """
        begin, length = self.begin, self.length
        _, seen_at, sights_at = self.places
        found = self._library.detect(self.address, length, camera, begin + seen_at, begin + sights_at)
        if found < 0:
            return None
        sights = self.memory[sights_at : sights_at + length * SIGHT.size]
        return PackedPairs(self, PackedDetections(self, found, lookup, sights), sights, lookup)


class PackedDetections(_Unpacked[Detection]):
    """Detections of objects, as SeenRecords in their memory, which the search for heads takes as they are.

    sights: of all objects.
    """

    __slots__ = ("_at", "_labels", "_memory", "_sights", "_tracks", "address", "length")

    def __init__(self, objects: PackedObjects, length: int, lookup: CameraLookup, sights: bytearray) -> None:
        self._made = None
        self._memory, self._at, self.length = objects.memory, objects.places[1], length
        self.address = objects.begin + self._at
        self._labels, self._tracks, self._sights = lookup.labels, lookup.tracks, sights

    @property
    def visible(self) -> Sequence[Detection]:
        """Those that do not lie behind a privacy mask; the same object where none does."""
        hidden = [behind for kind, behind, _ in SIGHT.iter_unpack(self._sights) if kind != NO_KIND]
        return _Visible(self, hidden) if any(hidden) else self

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


class _Visible(_Unpacked[Detection]):
    """Of detections those that are not hidden."""

    __slots__ = ("_all", "_hidden")

    def __init__(self, detections: PackedDetections, hidden: Sequence[int]) -> None:
        self._made = None
        self._all, self._hidden = detections, hidden

    def _unpack(self) -> tuple[Detection, ...]:
        return tuple([one for one, behind in zip(self._all, self._hidden, strict=True) if not behind])


class PackedPairs(_Unpacked[tuple[ObjectMeta, "Detection | None"]]):
    """The objects of a frame, each with its detection.

    sights: of each object its kind, whether it is hidden, and its track, packed; all else may change from
    frame to frame. tracks: of those that have one, in their order; seen: those of them that are not hidden.
    """

    __slots__ = ("_named", "_objects", "detections", "seen", "sights", "tracks")

    def __init__(
        self, objects: PackedObjects, detections: PackedDetections, sights: bytearray, lookup: CameraLookup
    ) -> None:
        self._made = None
        self._objects, self.detections, self.sights = objects, detections, sights
        self.tracks, self.seen = lookup.tracks_of(sights)
        self._named = lookup.tracks

    def kinds(self) -> list[tuple[Kind, TrackId | None] | None]:
        """Return kind and track of each object, None where it is none of ours."""
        named = self._named
        return [
            None if kind == NO_KIND else (KINDS[kind], named.get(track))
            for kind, _, track in SIGHT.iter_unpack(self.sights)
        ]

    def __len__(self) -> int:
        return self._objects.length

    def _unpack(self) -> tuple[tuple[ObjectMeta, Detection | None], ...]:
        found = iter(self.detections)
        kinds = [kind for kind, _, _ in SIGHT.iter_unpack(self.sights)]
        return tuple(
            (seen, None if kind == NO_KIND else next(found))
            for seen, kind in zip(self._objects, kinds, strict=True)
        )


class CameraLookup:
    """The tables by which detections.c names one camera's objects: classes, masks, tracks with a name."""

    def __init__(self, classes: Mapping[tuple[int, int], tuple[Kind, str]], counted: float) -> None:
        """Take the classes; counted: confidence below which a person is doubtful."""
        self.labels = tuple(dict.fromkeys(label for _, label in classes.values()))
        records = [
            CLASS.pack(component, class_id, _NUMBERS[kind], self.labels.index(label))
            for (component, class_id), (kind, label) in classes.items()
        ]
        self._classes, self._class_count = b"".join(records), len(records)
        self._counted = counted
        self._memory, self._record_at = create_string_buffer(0), 0
        self._made_of: tuple[object, ...] = ()
        self._names = b""
        self._last: tuple[bytearray, tuple[TrackId, ...], tuple[TrackId, ...]] = bytearray(), (), ()
        self.name({})

    def camera(self, masks: CameraMasks, scale: tuple[float, float], size: tuple[int, int]) -> int:
        """Return the address of the camera's record, for frames with these masks, and of this size."""
        made_of = masks, scale, size
        if made_of != self._made_of:
            corners, ends, polygons = masks.packed
            tables = self._classes, corners, ends, self._names  # sizes are multiples of 8
            self._memory = memory = create_string_buffer(CAMERA.size + sum(map(len, tables)))
            self._record_at = at = addressof(memory)
            *places, _ = accumulate(map(len, tables), initial=at + CAMERA.size)
            counts = self._class_count, polygons, len(self._names) // NAME.size
            numbers = *counts, REDACTION_TAG, *scale, *size, self._counted
            memory.raw = b"".join((CAMERA.pack(*places, *numbers), *tables))
            self._made_of = made_of
        return self._record_at

    def name(self, names: Mapping[int, TrackId]) -> None:
        """Take the tracks by the tracker's numbers; our own numbers never come again."""
        self._names = b"".join([NAME.pack(number, track.number) for number, track in names.items()])
        self.tracks = {track.number: track for track in names.values()}
        self._made_of = ()  # the camera's record leads to the names

    def add(self, number: int, track: TrackId) -> None:
        """Take one track more, by the tracker's number."""
        self._names += NAME.pack(number, track.number)
        self.tracks[track.number] = track
        self._made_of = ()

    def tracks_of(self, sights: bytearray) -> tuple[tuple[TrackId, ...], tuple[TrackId, ...]]:
        """Return the tracks in these sights, and those not hidden; mostly those of the frame before."""
        last, tracks, seen = self._last
        if sights != last:
            found = [(track, hidden) for _, hidden, track in SIGHT.iter_unpack(sights) if track >= 0]
            tracks = tuple([self.tracks[track] for track, _ in found])
            seen = tuple([self.tracks[track] for track, hidden in found if not hidden])
            self._last = sights, tracks, seen
        return tracks, seen
