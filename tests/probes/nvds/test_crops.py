"""Crops from mapped surfaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engines.colour import to_bgr
from probes.frame import Box, Detection, Frame, Kind
from probes.nvds.crops import PydsSurfaces, SurfaceCrops
from probes.nvds.meta import MetaError
from probes.recognition.look import Look, crop_person
from probes.recognition.look_scheduler import LookScheduler, RateLimits
from tests.fakes.people import frame, person, track


class Surfaces:
    """The part of pyds that maps surfaces: RGBA, left half red, right half green to blue downwards."""

    def __init__(self, width: int = 1280, height: int = 720, channels: int = 4) -> None:
        self.pixels = np.zeros((height, width, channels), np.uint8)
        self.pixels[:, : width // 2, 0] = 255
        self.pixels[: height // 2, width // 2 :, 1] = 255
        self.pixels[height // 2 :, width // 2 :, 2] = 255
        self.mapped = self.asked = 0

    def get_nvds_buf_surface(self, _buffer: int, batch_id: int) -> Any:
        assert batch_id == 3
        self.mapped += 1
        self.asked += 1
        return self.pixels

    def unmap_nvds_buf_surface(self, _buffer: int, _batch_id: int) -> None:
        self.mapped -= 1


class Wanting:
    """Looks that pick as the real ones do, and keep the crops."""

    def __init__(self) -> None:
        self.picker, self.looks = LookScheduler(RateLimits(min_height=20)), list[Look]()

    def offer(self, offered: Frame, pixels: Any) -> None:
        for one in self.picker.pick(offered):
            look = crop_person(offered, one, pixels)
            assert look is not None
            self.looks.append(look)


def crops(pyds: Any, looks: Any, *, jetson: bool = True) -> SurfaceCrops:
    return SurfaceCrops(PydsSurfaces(pyds, jetson=jetson, unified=not jetson), looks)


@pytest.mark.parametrize("jetson", [True, False])
def test_a_crop_has_the_camera_s_pixels_and_colours_and_the_surface_is_let_go(jetson: bool) -> None:
    pyds, looks = Surfaces(), Wanting()
    wide = Detection(Kind.PERSON, "person", 0.9, Box(300, 200, 41, 81), track())
    crops(pyds, looks, jetson=jetson).offer(1, 3, frame(0, wide), ())
    (look,) = looks.looks
    assert (look.left, look.top, look.crop.width, look.crop.height) == (300, 200, 42, 82)
    bgr = to_bgr(look.crop).astype(int)
    for (y, x), colour in {(10, 5): (0, 0, 255), (10, 35): (0, 255, 0), (70, 35): (255, 0, 0)}.items():
        assert np.abs(bgr[y, x] - colour).max() < 12
    assert pyds.mapped == (0 if jetson else 1)


def test_memory_is_read_only_when_a_look_is_due() -> None:
    pyds, looks = Surfaces(), Wanting()
    reading = crops(pyds, looks)
    for at in (0, 0.1, 0.2, 0.5):
        reading.offer(1, 3, frame(at, person()), ())
    assert pyds.asked == 2


def test_what_is_behind_a_camera_mask_is_black_in_the_crop() -> None:
    looks = Wanting()
    masks = [((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))]
    crops(Surfaces(), looks).offer(1, 3, frame(0, person(1, x=280)), masks)
    luma = looks.looks[0].crop.y
    assert (luma[:, :38] == 16).all()
    assert (luma[:, 44:] > 30).all()


@pytest.mark.parametrize("surface", [np.zeros((720, 1280), np.uint8), np.zeros((720, 1280, 4), np.float32)])
def test_a_surface_of_another_format_is_refused_and_let_go(surface: Any) -> None:
    pyds = Surfaces()
    pyds.pixels = surface
    with pytest.raises(MetaError, match="neither RGBA nor RGB"):
        crops(pyds, Wanting()).offer(1, 3, frame(0, person()), ())
    assert pyds.mapped == 0


def test_memory_that_only_the_gpu_can_read_is_refused_before_it_ends_the_process() -> None:
    with pytest.raises(MetaError, match="unified"):
        PydsSurfaces(Surfaces(), jetson=False, unified=False)
