"""The shape of a camera's picture, as its stream tells it, against that for which its bin was built."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.deepstream.runtime.elements import Gst
from pipelines.gst_structure import caps_structure

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.deepstream.graph.camera import Shape

ASPECT = "pixel-aspect-ratio"


@dataclass(frozen=True, slots=True)
class Misfit:
    """A shape for which a bin was not built. Times by the check's clock, in s.

    since: when its first frame came. dark_since: when the first frame came since the last one that fitted.
    """

    shape: Shape
    since: float
    dark_since: float


class ShapeCheck:
    """A pad probe in a camera's bin that reads caps, and drops frames of a shape that does not fit.

    fits: whether the bin was built for pictures of a shape. on_drop: called for each frame that goes no
    further. Both are called in the camera's streaming thread; other threads read `misfit`.
    """

    def __init__(
        self,
        fits: Callable[[Shape], bool],
        *,
        on_drop: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fits, self._on_drop, self._clock = fits, on_drop, clock
        self._unfit: Shape | None = None
        self._dark_since: float | None = None
        self.misfit: Misfit | None = None
        """The shape of the frames that are dropped now; None while frames go on, and before the first."""

    def put_on(self, pad: Any) -> None:
        """Watch a pad from now on."""
        kinds = Gst.PadProbeType.BUFFER | Gst.PadProbeType.EVENT_DOWNSTREAM
        pad.add_probe(kinds, self._seen)

    def _seen(self, pad: Any, info: Any) -> Any:
        if info.type & Gst.PadProbeType.BUFFER:
            if self._unfit is None:
                self._dark_since = None
                return Gst.PadProbeReturn.OK
            # Not for caps alone: a decoder may tell of several before its first frame.
            if self.misfit is None or self.misfit.shape != self._unfit:
                now = self._clock()
                if self._dark_since is None:
                    self._dark_since = now
                self.misfit = Misfit(self._unfit, now, self._dark_since)
            self._on_drop()
            return Gst.PadProbeReturn.DROP
        event = info.get_event()
        if event.type == Gst.EventType.CAPS:
            shape = shape_of(event.parse_caps(), pad.get_parent_element().get_parent())
            self._unfit = None if shape is None or self._fits(shape) else shape
            if self._unfit is None:
                self.misfit = None
        return Gst.PadProbeReturn.OK


def shape_of(caps: Any, box: Any) -> Shape | None:
    """Return width and height in square pixels of raw video; None where the caps name no size.

    box: the bin that holds the decoder; where that gives no pixel-aspect-ratio, its input may name one.
    """
    structure = caps_structure(caps)
    (wide, width), (high, height) = structure.get_int("width"), structure.get_int("height")
    if not (wide and high and width > 0 and height > 0):
        return None
    over, under = _aspect(structure) or _coded_aspect(box) or (1, 1)
    return width * over, height * under


def _aspect(structure: Any) -> tuple[int, int] | None:
    """Return the aspect of a pixel where caps name one that is not square."""
    ok, over, under = structure.get_fraction(ASPECT)
    return (over, under) if ok and over > 0 and under > 0 and over != under else None


def _coded_aspect(box: Any) -> tuple[int, int] | None:
    iterator = box.iterate_recurse()
    while True:
        result, element = iterator.next()
        if result != Gst.IteratorResult.OK:
            return None
        for pad in element.srcpads:
            caps = pad.get_current_caps()
            structure = caps_structure(caps) if caps is not None and caps.get_size() else None
            if structure is None or not structure.get_name().startswith("video/x-h26"):
                continue
            if (aspect := _aspect(structure)) is not None:
                return aspect
