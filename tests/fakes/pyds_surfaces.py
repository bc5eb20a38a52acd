"""pyds' two functions on surfaces, as strict as its source: bindings/src/bindfunctions.cpp of 1.2.0 and on.

It checks no number of a frame and no memory: what lies outside is read or ends the process. On ARM it maps,
and where that fails it says so on stdout alone and hands out an array over nothing, for which numpy takes
memory of its own, with whatever was in it. What was mapped must not be read once it is unmapped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.fakes.deepstream_base import ProcessEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

CHANNELS = {"RGBA": 4, "RGB": 3}
ROW = 256
"""What the length of a row in memory is a multiple of."""
JUNK = 0xCD


class PydsSurfaces:
    """The functions, over what `picture(buffer, number)` gives: (height, width, 4) of the frame.

    frames: how many surfaces a buffer has. jetson: built for ARM. unified: memory that the CPU can read; on
    a card alone. works: whether memory can be mapped.
    """

    def __init__(
        self,
        picture: Callable[[int, int], Pixels],
        frames: Callable[[int], int],
        *,
        jetson: bool = True,
        unified: bool = True,
    ) -> None:
        self._picture, self._frames, self._jetson, self._unified = picture, frames, jetson, unified
        self.colours, self.works = "RGBA", True
        self.mapped: dict[tuple[int, int], Any] = {}
        self.asked = 0

    def on(self, pyds: Any) -> PydsSurfaces:
        """Put the functions into a module."""
        pyds.get_nvds_buf_surface, pyds.unmap_nvds_buf_surface = self.get, self.unmap
        return self

    def get(self, gst_buffer: int, number: int) -> Any:
        """Return the frame's pixels where they lie."""
        self._check(gst_buffer, number)
        self.asked += 1
        if self.colours not in CHANNELS:
            raise RuntimeError("get_nvds_buf_Surface: Currently we only support RGBA/RGB color Format")
        if not self._jetson and not self._unified:
            raise ProcessEnded("memory of the GPU is read")
        pixels = self._picture(gst_buffer, number)[..., : CHANNELS[self.colours]]
        if self._jetson and not self.works:
            return np.full(pixels.shape, JUNK, np.uint8)
        memory = self.mapped.get((gst_buffer, number))
        height, width, channels = pixels.shape
        pitch = -(-width * channels // ROW) * ROW
        if memory is None:
            memory = bytearray(height * pitch)
        view: Any = np.ndarray((height, width, channels), np.uint8, memory, 0, (pitch, channels, 1))
        view[:] = pixels
        if self._jetson:
            self.mapped[gst_buffer, number] = memory
        return view

    def unmap(self, gst_buffer: int, number: int) -> None:
        """Let go what was mapped; nothing where it was not."""
        self._check(gst_buffer, number)
        memory = self.mapped.pop((gst_buffer, number), None)
        if memory is not None:
            memory[:] = bytes([JUNK]) * len(memory)

    def _check(self, gst_buffer: int, number: int) -> None:
        for given in (gst_buffer, number):
            if not isinstance(given, int) or isinstance(given, bool):
                raise TypeError("incompatible function arguments")
        if not 0 <= number < self._frames(gst_buffer):
            raise ProcessEnded(f"surface {number} of {self._frames(gst_buffer)}")
