"""Crops from mapped surfaces."""

from __future__ import annotations

from types import SimpleNamespace
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
from tests.fakes.pyds_surfaces import PydsSurfaces as StrictSurfaces


class Surfaces:
    """A pyds whose batches have four frames: RGBA, left half red, right half green to blue downwards."""

    def __init__(self, *, jetson: bool = True) -> None:
        pixels = np.zeros((720, 1280, 4), np.uint8)
        pixels[:, :640, 0] = 255
        pixels[:360, 640:, 1] = 255
        pixels[360:, 640:, 2] = 255
        self.batch = SimpleNamespace(num_frames_in_batch=4)
        self.surfaces = StrictSurfaces(lambda *_: pixels, lambda _: 4, jetson=jetson).on(self)

    def gst_buffer_get_nvds_batch_meta(self, _buffer: int) -> Any:
        return self.batch


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
    pyds, looks = Surfaces(jetson=jetson), Wanting()
    wide = Detection(Kind.PERSON, "person", 0.9, Box(300, 200, 41, 81), track())
    crops(pyds, looks, jetson=jetson).offer(1, 3, frame(0, wide), ())
    (look,) = looks.looks
    assert (look.left, look.top, look.crop.width, look.crop.height) == (300, 200, 42, 82)
    bgr = to_bgr(look.crop).astype(int)
    for (y, x), colour in {(10, 5): (0, 0, 255), (10, 35): (0, 255, 0), (70, 35): (255, 0, 0)}.items():
        assert np.abs(bgr[y, x] - colour).max() < 12
    assert not pyds.surfaces.mapped


def test_memory_is_read_only_when_a_look_is_due() -> None:
    pyds, looks = Surfaces(), Wanting()
    reading = crops(pyds, looks)
    for at in (0, 0.1, 0.2, 0.5):
        reading.offer(1, 3, frame(at, person()), ())
    assert pyds.surfaces.asked == 2


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
    pyds.get_nvds_buf_surface = lambda *given: (pyds.surfaces.get(*given), surface)[1]
    with pytest.raises(MetaError, match="neither RGBA nor RGB"):
        crops(pyds, Wanting()).offer(1, 3, frame(0, person()), ())
    assert not pyds.surfaces.mapped


def test_a_batch_in_other_colours_is_refused_as_pyds_does() -> None:
    pyds = Surfaces()
    pyds.surfaces.colours = "NV12"
    with pytest.raises(RuntimeError, match="only support RGBA"):
        crops(pyds, Wanting()).offer(1, 3, frame(0, person()), ())
    assert not pyds.surfaces.mapped


def test_a_frame_of_three_colours_is_read_too() -> None:
    pyds, looks = Surfaces(), Wanting()
    pyds.surfaces.colours = "RGB"
    crops(pyds, looks).offer(1, 3, frame(0, person(1, x=20)), ())
    assert to_bgr(looks.looks[0].crop)[..., 2].min() > 200


@pytest.mark.parametrize("jetson", [True, False])
@pytest.mark.parametrize("number", [-1, 4, 2**31 - 1])
def test_a_frame_that_is_not_in_the_batch_is_refused_before_pyds_reads_beyond_it(
    jetson: bool, number: int
) -> None:
    pyds = Surfaces(jetson=jetson)
    with pytest.raises(MetaError, match=f"no frame {number} in a batch of 4"):
        crops(pyds, Wanting(), jetson=jetson).offer(1, number, frame(0, person()), ())
    pyds.batch = None
    with pytest.raises(MetaError, match="without batch metadata"):
        crops(pyds, Wanting(), jetson=jetson).offer(1, 3, frame(0, person()), ())
    assert pyds.surfaces.asked == 0


def test_memory_that_could_not_be_mapped_is_no_picture() -> None:
    """pyds says so on stdout alone; the array then is numpy's own, with whatever was in that memory."""
    pyds, looks = Surfaces(), Wanting()
    pyds.surfaces.works = False
    with pytest.raises(MetaError, match="could not be mapped"):
        crops(pyds, looks).offer(1, 3, frame(0, person()), ())
    assert not looks.looks


def test_memory_that_only_the_gpu_can_read_is_refused_before_it_ends_the_process() -> None:
    with pytest.raises(MetaError, match="unified"):
        PydsSurfaces(Surfaces(), jetson=False, unified=False)
