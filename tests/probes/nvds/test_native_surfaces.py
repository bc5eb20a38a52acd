"""Pictures that the C reader cuts from the surfaces of a batch."""

from __future__ import annotations

import ctypes
from typing import Any

import gi
import numpy as np
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from probes.frame import Box  # noqa: E402
from probes.nvds.crops import SurfaceCrops  # noqa: E402
from probes.nvds.meta import MetaError  # noqa: E402
from probes.nvds.native_meta import NativeSurfaces  # noqa: E402
from tests.fakes.nvds_reader import SANITIZED, build, reader  # noqa: E402

Gst.init(None)

RGBA = 19
"""NVBUF_COLOR_FORMAT_RGBA (NVIDIA/DeepStream 9.1, includes/nvbufsurface.h); 0 is no format."""


class Surface:
    """A GstBuffer that holds an NvBufSurface of three frames of random pixels."""

    def __init__(self, width: int = 64, height: int = 48, colour: int = RGBA) -> None:
        self.frames = np.random.default_rng(1).integers(0, 255, (3, height, width, 4)).astype(np.uint8)
        params = type(
            "Params",
            (ctypes.Structure,),
            {
                "_fields_": [
                    *((name, ctypes.c_uint32) for name in ("width", "height", "pitch")),
                    *((name, ctypes.c_int) for name in ("colour", "layout")),
                    ("data", ctypes.c_void_p),
                    ("mapped", ctypes.c_void_p * 4),
                ]
            },
        )
        surface = type(
            "Surface",
            (ctypes.Structure,),
            {
                "_fields_": [
                    *((name, ctypes.c_uint32) for name in ("gpu", "size", "filled")),
                    ("contiguous", ctypes.c_bool),
                    ("memory", ctypes.c_int),
                    ("list", ctypes.c_void_p),
                ]
            },
        )
        # A fourth one beyond those that are filled, as whole as they are: only the count tells.
        self.params = (params * 4)(
            *(params(width, height, width * 4, colour, 0, self.frames[n % 3].ctypes.data) for n in range(4))
        )
        made = surface(0, 3, 3, True, 2, ctypes.addressof(self.params))
        self.buffer = Gst.Buffer.new_wrapped(bytes(made))


@pytest.mark.parametrize("jetson", [False, True])
def test_crops_are_the_frames_own_pixels(jetson: bool) -> None:
    small, surface = Surface(32, 24), Surface()
    for scene in (small, surface, small):
        height, width = scene.frames.shape[1:3]
        surfaces = NativeSurfaces(reader(), (width, height), jetson=jetson)
        for place in ((0, 0, width, height), (4, 6, 20, 10), (5, 7, 21, 11), (width - 1, height - 1, 1, 1)):
            left, top, across, down = place
            found = surfaces.copy(hash(scene.buffer), 1, lambda _size, place=place: place)
            assert (found == scene.frames[1, top : top + down, left : left + across]).all()
    crops = SurfaceCrops(NativeSurfaces(reader(), (64, 48), jetson=jetson), None)  # type: ignore[arg-type]
    found = crops.copy(hash(surface.buffer), 2, Box(10, 10, 20, 10), (32, 24))
    assert (found == surface.frames[2, 20:40, 20:60, 2::-1]).all()


def test_crops_come_from_an_integrated_gpu_under_the_driver_of_cards_too() -> None:
    """NvBufSurface's default is then memory of the GPU, which cannot be mapped."""
    cuda_device, scene = 2, Surface()
    default = ctypes.c_int.in_dll(ctypes.CDLL(str(build(sanitized=SANITIZED))), "fake_default")
    before, default.value = default.value, cuda_device
    try:
        found = NativeSurfaces(reader(), (64, 48), jetson=True).copy(
            hash(scene.buffer), 1, lambda _: (4, 6, 20, 10)
        )
    finally:
        default.value = before
    assert (found == scene.frames[1, 6:16, 4:24]).all()


@pytest.mark.parametrize(
    ("index", "place"),
    [(3, (0, 0, 8, 8)), (0, (60, 0, 8, 8)), (0, (0, 44, 8, 8)), (0, (0, 0, 0, 8)), (0, (2**31, 0, 8, 8))],
)
def test_a_crop_that_is_not_there_is_refused(index: int, place: Any) -> None:
    surfaces, scene = NativeSurfaces(reader(), (64, 48), jetson=True), Surface()
    asked = ctypes.c_int.in_dll(ctypes.CDLL(str(build(sanitized=SANITIZED))), "fake_transforms")
    before = asked.value
    with pytest.raises(MetaError, match="cannot be copied"):
        surfaces.copy(hash(scene.buffer), index, lambda _size: place)
    assert asked.value == before, "it is refused before any pixel is asked for"


def test_a_surface_without_a_format_is_refused() -> None:
    surfaces, scene = NativeSurfaces(reader(), (64, 48), jetson=True), Surface(colour=0)
    with pytest.raises(MetaError, match="cannot be copied"):
        surfaces.copy(hash(scene.buffer), 0, lambda _size: (0, 0, 8, 8))


def test_a_buffer_that_holds_no_surface_is_refused() -> None:
    plain = Gst.Buffer.new_allocate(None, 16, None)
    with pytest.raises(MetaError, match="cannot be copied"):
        NativeSurfaces(reader(), (64, 48), jetson=True).copy(hash(plain), 0, lambda _size: (0, 0, 8, 8))
