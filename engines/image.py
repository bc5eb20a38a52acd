"""Pictures as this product carries them: planar YUV 4:2:0 (I420), 8 bit, full frame in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Plane = npt.NDArray[np.uint8]

BLACK_Y, GREY_UV = 16, 128


@dataclass(frozen=True, slots=True)
class I420:
    """One picture: y is (height, width), u and v are (ceil(height / 2), ceil(width / 2)), uint8.

    >>> picture = I420.black(640, 360)
    >>> picture.u.shape, picture.crop(100, 50, 40, 80).width
    ((180, 320), 40)
    """

    y: Plane
    u: Plane
    v: Plane

    def __post_init__(self) -> None:
        half = ((self.height + 1) // 2, (self.width + 1) // 2)
        if self.u.shape != half or self.v.shape != half:
            raise ValueError(f"chroma planes {self.u.shape}, {self.v.shape} do not fit {self.y.shape}")

    @property
    def width(self) -> int:
        """Width in luma pixels."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Height in luma pixels."""
        return int(self.y.shape[0])

    @classmethod
    def black(cls, width: int, height: int) -> I420:
        """Return a black picture of width x height pixels."""
        half = ((height + 1) // 2, (width + 1) // 2)
        return cls(
            np.full((height, width), BLACK_Y, np.uint8),
            np.full(half, GREY_UV, np.uint8),
            np.full(half, GREY_UV, np.uint8),
        )

    def copy(self) -> I420:
        """Return a picture with planes of its own."""
        return I420(self.y.copy(), self.u.copy(), self.v.copy())

    def tobytes(self) -> bytes:
        """Return the planes y, u, v tightly packed."""
        return b"".join(np.ascontiguousarray(plane).tobytes() for plane in (self.y, self.u, self.v))

    def rotated(self, degrees: int) -> I420:
        """Return the picture turned clockwise by 0, 90, 180 or 270 degrees, with planes of its own."""
        if degrees not in (0, 90, 180, 270):
            raise ValueError("a picture is turned by 0, 90, 180 or 270 degrees")
        turns = -degrees // 90
        y, u, v = (np.array(np.rot90(plane, turns), order="C") for plane in (self.y, self.u, self.v))
        return I420(y, u, v)

    def scaled(self, width: int, height: int) -> I420:
        """Return the picture in another size, with planes of its own unless it has that size."""
        if (self.width, self.height) == (width, height):
            return self
        import cv2  # noqa: PLC0415  the layers above import this without OpenCV

        half = (width + 1) // 2, (height + 1) // 2
        sizes = ((self.y, (width, height)), (self.u, half), (self.v, half))
        y, u, v = (np.asarray(cv2.resize(plane, size), np.uint8) for plane, size in sizes)
        return I420(y, u, v)

    def crop(self, x: float, y: float, width: float, height: float) -> I420:
        """Copy the given rectangle, clipped to the picture and widened to even offsets."""
        left, top = max(0, int(x)) // 2 * 2, max(0, int(y)) // 2 * 2
        right = min(self.width, int(np.ceil(x + width)))
        bottom = min(self.height, int(np.ceil(y + height)))
        if right <= left or bottom <= top:
            raise ValueError("the rectangle lies outside the picture")
        chroma = (slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2))
        return I420(self.y[top:bottom, left:right].copy(), self.u[chroma].copy(), self.v[chroma].copy())

    def amid_black(self, times: float) -> tuple[I420, int, int]:
        """Return a black picture of so many times the sides with this one in its middle, and where it lies.

        >>> picture, left, top = I420.black(20, 10).amid_black(2)
        >>> (picture.width, picture.height), left, top
        ((40, 20), 10, 4)
        """
        around = I420.black(*((int(side * times) + 1) // 2 * 2 for side in (self.width, self.height)))
        left, top = (around.width - self.width) // 4 * 2, (around.height - self.height) // 4 * 2
        for ours, theirs, half in ((around.y, self.y, 1), (around.u, self.u, 2), (around.v, self.v, 2)):
            high, wide = theirs.shape
            ours[top // half : top // half + high, left // half : left // half + wide] = theirs
        return around, left, top
