"""Redaction, fail-closed: the only way by which pixels get from the analysis to an output."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import suppress
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NoReturn, Protocol, final

import numpy as np

from engines.explained_motion import cell_means
from engines.image import BLACK_Y, GREY_UV
from probes.frame import Box, Kind
from probes.redaction.between import (
    Analysed,
    NotBetween,
    check_between,
    frame_between,
    masks_between,
    seen_picture,
)
from probes.redaction.heads import By, Heads, Mask
from probes.redaction.masked_by import MaskedBy
from probes.redaction.masking import Polygon, black_out, cover
from probes.redaction.regions import LostMask, PartMask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from engines.image import I420, Plane
    from probes.frame import Frame

__all__ = ["By", "Mask", "Polygon", "RedactedFrame", "RedactionFailed", "Redactor", "black_out"]

_SEAL: Final = object()
_NEEDED: Final = frozenset({Kind.PERSON, Kind.FACE})


class RedactionFailed(Exception):
    """The frame must not leave: drop and count it."""


@final
class RedactedFrame:
    """A frame whose pixels may leave. Made by Redactor alone; outputs accept nothing else.

    Its planes stay writeable for the overlay: drawing only hides more.
    """

    __slots__ = ("_frame", "_masked", "_masked_by", "_masks", "_pixels")
    _frame: Frame
    _masked: Mapping[str, int]
    _masked_by: MaskedBy
    _masks: tuple[Mask, ...]
    _pixels: I420

    def __init__(
        self,
        frame: Frame,
        pixels: I420,
        masks: tuple[Mask, ...],
        heads: Iterable[By] = (),
        *,
        masked_by: MaskedBy,
        seal: object,
    ) -> None:
        if seal is not _SEAL:
            raise TypeError("only Redactor makes a RedactedFrame")
        counts = Counter(by.value for by in heads)
        masked = MappingProxyType({by.value: counts[by.value] for by in By})
        for name, value in zip(self.__slots__, (frame, masked, masked_by, masks, pixels), strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a RedactedFrame never changes")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("RedactedFrame has no kinds")

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a RedactedFrame is neither copied nor pickled")

    @property
    def frame(self) -> Frame:
        """The frame's metadata."""
        return self._frame

    @property
    def pixels(self) -> I420:
        """The covered picture."""
        return self._pixels

    @property
    def masks(self) -> tuple[Mask, ...]:
        """The covered rectangles, whole pixels within the picture; camera masks are not among them.

        Where a head may be anywhere on a slanted way there are several.
        """
        return self._masks

    @property
    def masked_by(self) -> MaskedBy:
        """Whether its camera is still masked as it was here."""
        return self._masked_by

    @property
    def masked(self) -> Mapping[str, int]:
        """How many heads were covered by reason: detector, hold, head_estimate."""
        return self._masked


class PictureMotion(Protocol):
    """Tells from a camera's pictures where heads may have gone; see `engines.held_motion`."""

    def add(self, luma: Plane, now_ns: int) -> None:
        """Take the next picture's luma, (height, width), before anything is covered in it."""

    def is_still(self, place: tuple[float, float, float, float], since_ns: int) -> bool:
        """Return whether nothing has changed as far about a head as it can be gone since a picture."""

    def gone_to(
        self,
        region: tuple[float, float, float, float],
        head: tuple[float, float, float, float],
        since_ns: int,
    ) -> tuple[float, float, float, float] | None:
        """Return what of a region a head can have gone to since a picture; None for nothing."""

    def places(
        self,
        heads: Sequence[tuple[tuple[float, float, float, float], int]],
        accounted: Sequence[tuple[float, float, float, float]],
    ) -> npt.NDArray[np.float32]:
        """Return what to cover in the last picture, (N, 4): x1 y1 x2 y2, px.

        heads: corners, and when last seen, UTC ns. accounted: corners of what accounts for motion.
        """


class HeadWatch:
    """Finds what to cover on one camera's frames, in order, and refuses the frames that leave a doubt."""

    def __init__(self, *, margin: float, hold_ms: int) -> None:
        """margin: share of the face added on each side; hold_ms: how long a lost face stays covered."""
        _check_faces(margin, hold_ms)
        self._heads = Heads(margin=margin, hold_ms=hold_ms)
        self._last: int | None = None

    def reconfigure(self, *, margin: float, hold_ms: int) -> None:
        """Cover by another margin and hold from now on."""
        _check_faces(margin, hold_ms)
        self._heads.reconfigure(margin=margin, hold_ms=hold_ms)

    def locate(self, frame: Frame, is_still: Callable[[Box, int], bool] | None = None) -> Sequence[Mask]:
        """Return every region to cover. Any doubt raises, RedactionFailed where it is one that we know of.

        is_still: see `Heads.locate`.
        """
        self._check_clock(frame.captured_at)
        if not frame.analysed >= _NEEDED:
            missing = _NEEDED - frame.analysed
            raise RedactionFailed(f"not analysed for {', '.join(sorted(kind.value for kind in missing))}")
        return self._find(frame, is_still)

    def lost(self) -> Sequence[tuple[Box, int]]:
        """Return the held heads that were not seen in the last frame: place, and when last seen, UTC ns."""
        return self._heads.lost()

    def followed(self) -> Sequence[tuple[Box, int]]:
        """Return all heads as of the last frame: place, and when last seen, UTC ns."""
        return self._heads.followed()

    def _find(self, frame: Frame, is_still: Callable[[Box, int], bool] | None) -> Sequence[Mask]:
        for detection in frame.detections:
            check_box(detection.box, detection.kind)
        masks = self._heads.locate(frame, is_still)
        for mask in masks:
            check_box(mask.box, mask.by)
        return masks

    def _check_clock(self, now: int) -> None:
        """Refuse the frame whose time lies before the last one's; the next is measured from it."""
        last, self._last = self._last, now
        if last is not None and now < last:
            self._shift(now - last)
            raise RedactionFailed("the clock of the frames went back")

    def _shift(self, nanoseconds: int) -> None:
        self._heads.shift(nanoseconds)


class Redactor:
    """Covers every head of one camera, and its masks. Give it each analysed frame, in order.

    >>> from engines.image import I420
    >>> from probes.frame import Box, Detection, Frame, Kind
    >>> kinds = frozenset({Kind.PERSON, Kind.FACE})
    >>> face = Detection(Kind.FACE, "face", 0.9, Box(100, 50, 40, 50))
    >>> frame = Frame("door", 0, (640, 360), (face,), analysed=kinds)
    >>> redactor = Redactor(method="solid", margin=0.2, hold_ms=800)
    >>> dict(redactor.redact(frame, I420.black(640, 360)).masked)
    {'detector': 1, 'hold': 0, 'head_estimate': 0}
    """

    def __init__(
        self,
        *,
        method: Literal["pixelate", "solid"],
        margin: float,
        hold_ms: int,
        masks: Sequence[Polygon] = (),
        motion: PictureMotion | None = None,
    ) -> None:
        """margin: share of the face added on each side. masks: polygons, corners from 0 to 1 of the frame.

        motion: tells where heads may have gone that are not seen any more.
        """
        self._motion = motion
        self._watch = HeadWatch(margin=margin, hold_ms=hold_ms)
        self._analysed: deque[Analysed] = deque(maxlen=2)
        self._masked_by, self._how = MaskedBy(), (method, margin, hold_ms, tuple(map(tuple, masks)))
        self.reconfigure(method=method, margin=margin, hold_ms=hold_ms, masks=masks)

    def reconfigure(
        self,
        *,
        method: Literal["pixelate", "solid"],
        margin: float,
        hold_ms: int,
        masks: Sequence[Polygon],
    ) -> None:
        """Cover so from the next frame on, in the thread that redacts; heads that are held stay held."""
        if method not in ("pixelate", "solid"):
            raise ValueError("faces need method pixelate or solid")
        self._watch.reconfigure(margin=margin, hold_ms=hold_ms)
        self._analysed.clear()
        self._solid = method == "solid"
        self._masks = tuple(tuple(polygon) for polygon in masks)
        if (how := (method, margin, hold_ms, self._masks)) != self._how:
            self._how = how
            self.outdate()

    def outdate(self) -> None:
        """Let no picture leave any more that was redacted by now, wherever it waits."""
        self._masked_by = self._masked_by.replace()

    def redact(self, frame: Frame, pixels: I420, more: Sequence[Mask] = ()) -> RedactedFrame:
        """Cover heads and masks in place; any doubt raises RedactionFailed and leaves the picture black.

        more: regions to cover beside those that follow from this and earlier frames.
        """
        try:
            _check_pixels(frame, pixels)
            means = cell_means(pixels.y)
            if self._motion is not None:
                self._motion.add(pixels.y, frame.captured_at)
            found = self._watch.locate(frame, None if self._motion is None else self._is_still)
            masks = (*found, *self._followed(frame), *more)
            for mask in masks[len(found) :]:
                check_box(mask.box, mask.by)
            redacted = self._covered(frame, pixels, masks)
            seen = seen_picture(frame, means, redacted.masks)
            self._analysed.append(Analysed(frame, redacted.masks, seen))
            return redacted
        except Exception as error:
            self._analysed.clear()
            _spoil(pixels)
            if isinstance(error, RedactionFailed):
                raise
            raise RedactionFailed(f"{type(error).__name__} in redaction") from error

    def watch_between(self, at: int, pixels: I420) -> None:
        """Follow heads through a picture before the next frame that is analysed. Nothing is covered in it."""
        if self._motion is not None:
            self._motion.add(pixels.y, at)
            self._motion.places([(box.corners, seen_at) for box, seen_at in self._watch.followed()], ())

    def redact_between(self, at: int, pixels: I420) -> RedactedFrame:
        """Cover a frame between the last two that were redacted, by what is covered in them. at: UTC ns.

        Any doubt raises RedactionFailed and leaves the picture black: also where something moves in it that
        the two do not explain.
        """
        try:
            black_out(pixels, self._masks)
            if len(self._analysed) < 2:
                raise NotBetween("no two analysed frames are around it")
            before, after = self._analysed
            frame, means = frame_between(before.frame, after.frame, at), cell_means(pixels.y)
            _check_pixels(frame, pixels)
            check_between(before, after, at, means)
            masks = masks_between(before, after, at, means)
            return self._covered(frame, pixels, tuple(masks))
        except Exception as error:
            _spoil(pixels)
            if isinstance(error, RedactionFailed):
                raise
            if isinstance(error, NotBetween):
                raise RedactionFailed(str(error)) from None
            raise RedactionFailed(f"{type(error).__name__} in redaction") from error

    def _covered(self, frame: Frame, pixels: I420, masks: Sequence[Mask]) -> RedactedFrame:
        """Cover regions and the camera's masks in place."""
        black_out(pixels, self._masks)
        covered: list[Mask] = []
        heads: list[By] = []
        for mask in masks:
            before, parts = len(covered), tuple(self._parts(mask))
            kind = Mask if len(parts) == 1 else PartMask
            for part in parts:
                outline = cover(pixels, part, solid=self._solid)
                if outline is not None:
                    covered.append(kind(Box.from_corners(*outline), mask.by))
            heads += [mask.by] if len(covered) > before else []
        return RedactedFrame(frame, pixels, tuple(covered), heads, masked_by=self._masked_by, seal=_SEAL)

    def _is_still(self, place: Box, since: int) -> bool:
        return self._motion is not None and self._motion.is_still(place.corners, since)

    def _parts(self, mask: Mask) -> Iterator[Box]:
        """Yield what to cover of a mask: of a lost head its place, and where it can have gone."""
        if not isinstance(mask, LostMask) or self._motion is None:
            yield from mask.parts()
            return
        yield mask.place
        for part in mask.parts():
            reached = self._motion.gone_to(part.corners, mask.place.corners, mask.since)
            if reached is not None:
                yield Box.from_corners(*reached)

    def _followed(self, frame: Frame) -> Iterator[Mask]:
        if self._motion is None:
            return
        lost = [(box.corners, seen_at) for box, seen_at in self._watch.lost()]
        accounted = [found.box.corners for found in frame.detections if found.kind in _NEEDED]
        for place in self._motion.places(lost, accounted).tolist():
            yield Mask(Box.from_corners(*place), By.HOLD)


def _check_faces(margin: float, hold_ms: int) -> None:
    if not (isfinite(margin) and margin >= 0) or hold_ms < 0:
        raise ValueError("faces need a margin and hold_ms of 0 or more")


def _check_pixels(frame: Frame, pixels: I420) -> None:
    if frame.size != (pixels.width, pixels.height):
        raise RedactionFailed(f"metadata of {frame.size} for a picture {pixels.width} x {pixels.height}")
    if any(plane.dtype != np.uint8 for plane in (pixels.y, pixels.u, pixels.v)):
        raise RedactionFailed("the picture is not of 8 bit")


def check_box(box: Box, what: Kind | By) -> None:
    """Raise RedactionFailed where a box has no end, or a negative side."""
    x, y, w, h = box
    # A sum is finite only if both of its parts are.
    if not (isfinite(x + w) and isfinite(y + h)) or w < 0 or h < 0:
        raise RedactionFailed(f"{what.value} with an impossible box")


def _spoil(pixels: I420) -> None:
    """Blacken a picture that was not redacted, in case somebody still holds it."""
    for name, value in (("y", BLACK_Y), ("u", GREY_UV), ("v", GREY_UV)):
        with suppress(AttributeError, ValueError):
            getattr(pixels, name).fill(value)
