"""Crops for looks, from the surfaces of the DeepStream graph: mapped and copied only when one is due.

Rules of pyds (bindings/src/bindfunctions.cpp, 1.2.0): the surface must be RGBA or RGB; on Jetson each
get_nvds_buf_surface wants its unmap_nvds_buf_surface; on a discrete GPU the memory must be CUDA unified, else
reading it ends the process. It reads beyond the batch for a number that is not in it. Where the memory cannot
be mapped it makes an array of nothing, for which numpy takes memory of its own, with whatever was in it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

import cv2
import numpy as np

from engines.colour import from_bgr
from probes.frame import Box
from probes.nvds.meta import MetaError
from probes.nvds.surface import on_surface
from probes.redaction.masking import black_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from engines.image import I420
    from probes.frame import Frame
    from probes.nvds.meta import Rectangle
    from probes.recognition.look_workers import Looks
    from probes.redaction.masking import Polygon

    Pixels = npt.NDArray[np.uint8]
    Place = Callable[[tuple[int, int]], Rectangle]


class SurfacePicture:
    """A frame on the GPU with the interface that reading.crop_person needs, in the camera's pixels."""

    def __init__(
        self, crops: SurfaceCrops, buffer: int, batch_id: int, size: tuple[int, int], masks: Sequence[Polygon]
    ) -> None:
        self.width, self.height = size
        self._crops, self._buffer, self._batch_id, self._masks = crops, buffer, batch_id, masks

    def crop(self, left: float, top: float, width: float, height: float) -> I420:
        """Copy a region, black where the camera's masks are; see I420.crop."""
        x, y = int(left) // 2 * 2, int(top) // 2 * 2
        right = min(self.width, round(left + width) + 1) // 2 * 2
        bottom = min(self.height, round(top + height) + 1) // 2 * 2
        if right - x < 2 or bottom - y < 2:
            raise MetaError("a crop of nothing")
        size = right - x, bottom - y
        pixels = self._crops.copy(self._buffer, self._batch_id, Box(x, y, *size), (self.width, self.height))
        fitted = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        crop = from_bgr(fitted)
        black_out(crop, [self._within(polygon, x, y, size) for polygon in self._masks])
        return crop

    def _within(self, polygon: Polygon, left: int, top: int, size: tuple[int, int]) -> Polygon:
        """Return a polygon of the frame in shares of the crop."""
        return [
            ((px * self.width - left) / size[0], (py * self.height - top) / size[1]) for px, py in polygon
        ]


class Surfaces(Protocol):
    """Copies out of the surfaces of a batch, whichever binding does the work."""

    any_format: bool
    """Whether surfaces may be of any format and memory; else RGBA that Python can read."""

    def copy(self, buffer: int, batch_id: int, place: Place) -> Pixels:
        """Return (h, w, 3 or 4) RGB or RGBA of the box that place(size of the surface) names.

        Raises MetaError.
        """


class PydsSurfaces:
    """Reads surfaces through pyds."""

    any_format = False

    def __init__(self, pyds: Any, *, jetson: bool, unified: bool) -> None:
        """unified: whether the surfaces are CUDA unified memory.

        Raises MetaError where the pixels cannot be read without ending the process.
        """
        if not jetson and not unified:
            raise MetaError("looks need nvbuf-memory-type 3 (CUDA unified) on a discrete GPU")
        self._pyds, self._jetson = pyds, jetson

    def copy(self, buffer: int, batch_id: int, place: Place) -> Pixels:
        """Return a box of the surface; see Surfaces."""
        with self._mapped(buffer, batch_id) as surface:
            left, top, width, height = place((surface.shape[1], surface.shape[0]))
            return np.array(surface[top : top + height, left : left + width])

    @contextmanager
    def _mapped(self, buffer: int, batch_id: int) -> Iterator[Any]:
        batch = self._pyds.gst_buffer_get_nvds_batch_meta(buffer)
        if batch is None:
            raise MetaError("a buffer without batch metadata")
        if not 0 <= batch_id < batch.num_frames_in_batch:
            raise MetaError(f"no frame {batch_id} in a batch of {batch.num_frames_in_batch}")
        surface = self._pyds.get_nvds_buf_surface(buffer, batch_id)
        try:
            if surface.ndim != 3 or surface.shape[2] not in (3, 4) or surface.dtype != np.uint8:
                raise MetaError("the surface is neither RGBA nor RGB")
            if surface.flags.owndata:
                raise MetaError("the surface could not be mapped")
            yield surface
        finally:
            del surface
            if self._jetson:
                self._pyds.unmap_nvds_buf_surface(buffer, batch_id)


class SurfaceCrops:
    """Offers frames to the looks; a surface is mapped only when the looks pick a person."""

    def __init__(self, surfaces: Surfaces, looks: Looks) -> None:
        self._surfaces, self._looks = surfaces, looks

    def offer(self, buffer: int, batch_id: int, frame: Frame, masks: Sequence[Polygon]) -> None:
        """Let the looks pick persons; call it in the probe, while the surface is valid.

        masks: what is black in the crops.
        """
        picture = SurfacePicture(self, buffer, batch_id, frame.size, masks)
        self._looks.offer(frame, cast("I420", picture))  # looks use nothing of it but `crop`

    def copy(self, buffer: int, batch_id: int, box: Box, size: tuple[int, int]) -> Pixels:
        """Return (h, w, 3) BGR of a box of a frame of that size, in the surface's own resolution."""

        def place(surface: tuple[int, int]) -> Rectangle:
            found = on_surface(box, size, surface)
            if found is None:
                raise MetaError("a crop outside the surface")
            return found

        return np.ascontiguousarray(self._surfaces.copy(buffer, batch_id, place)[..., 2::-1])
