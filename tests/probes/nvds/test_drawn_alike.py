"""What a mask covers, pixel by pixel, as the CPU platform draws it and as both readers hand it to nvdsosd."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon  # type: ignore[import-untyped]  # ships no types
from shapely.geometry import box as rectangle

from engines.image import BLACK_Y, GREY_UV, I420
from probes.frame import Box
from probes.nvds.camera_masks import CameraMasks
from probes.nvds.meta import MetaError
from probes.nvds.native_heads import MASK, PackedMasks
from probes.nvds.surface import SMALLEST, on_surface
from probes.redaction.masking import black_out, cover
from tests.fakes.nvds_reader import EXAMPLES, reader
from tests.fakes.scenes import noise

SIZES = st.tuples(st.integers(1, 67), st.integers(1, 53))
SPOT = st.floats(-90, 90) | st.integers(-90, 90).map(float) | st.sampled_from([-1e9, -1e300, 1e9, 1e300])
SIDE = st.floats(0, 90) | st.integers(0, 90).map(float) | st.sampled_from([1e-9, 1e9, 1e300])
BOXES = st.lists(st.builds(Box, SPOT, SPOT, SIDE, SIDE), max_size=6)


def touched(box: Box, size: tuple[int, int], surface: tuple[int, int]) -> np.ndarray:
    """Return which pixels of a surface have a part of the box in them."""
    across, down = surface[0] / size[0], surface[1] / size[1]
    x, y = np.arange(surface[0]), np.arange(surface[1])
    columns = (x + 1 > box.x * across) & (x < box.right * across)
    rows = (y + 1 > box.y * down) & (y < box.bottom * down)
    # What is thinner than a float can tell at its place has no part anywhere.
    has_part = box.right > box.x and box.bottom > box.y
    return rows[:, None] & columns[None, :] & has_part


def painted(places: list[tuple[int, int, int, int]], surface: tuple[int, int]) -> np.ndarray:
    there = np.zeros(surface[::-1], bool)
    for left, top, width, height in places:
        there[top : top + height, left : left + width] = True
    return there


@settings(max_examples=EXAMPLES, deadline=None)
@given(BOXES, SIZES, SIZES, st.booleans())
@example([Box(0, 0, 1, 1)], (1, 1), (1, 1), True)
@example([Box(2.5, 1.5, 0.2, 0.2)], (3, 5), (1280, 720), True)
@example([Box(7679.5, 4319.5, 9, 9), Box(-5, -5, 6, 6)], (7680, 4320), (1280, 720), False)
def test_every_pixel_of_a_mask_is_covered_on_each_platform(
    boxes: list[Box], size: tuple[int, int], surface: tuple[int, int], solid: bool
) -> None:
    around = noise(size[0] + 14, size[1] + 10)
    before, high, wide = around.copy(), (size[1] + 1) // 2, (size[0] + 1) // 2
    # Planes with rows longer than the picture, as decoders give them: beside it nothing may change.
    views = (
        around.y[4 : 4 + size[1], 6 : 6 + size[0]],
        around.u[:high, 3 : 3 + wide],
        around.v[2:, 1:][:high, :wide],
    )
    picture, marked = I420(*views), [plane.copy() for plane in views]
    outlines = [cover(picture, box, solid=solid) for box in boxes]
    drawn = painted([(a, b, c - a, d - b) for a, b, c, d in filter(None, outlines)], size)
    wanted = np.zeros(size[::-1], bool)
    for box in boxes:
        wanted |= touched(box, size, size)
    assert not (wanted & ~drawn).any()
    assert np.array_equal(picture.y[~drawn], marked[0][~drawn])
    assert not solid or (picture.y[drawn] == BLACK_Y).all()
    rows, columns = np.nonzero(wanted)
    for chroma in (picture.u, picture.v):
        assert (chroma[rows // 2, columns // 2] == GREY_UV).all()
    for view in views:
        view[:] = 0
    for plane, was in zip((around.y, around.u, around.v), (before.y, before.u, before.v), strict=True):
        assert (plane != was)[plane != 0].sum() == 0

    packed = PackedMasks(reader(), b"".join(MASK.pack(*box, 0, 0) for box in boxes))
    native = [
        tuple(one)[:4]
        for one in packed.covers(size, surface, opaque=True, more=CameraMasks().covers(surface))
    ]
    places = [on_surface(box, size, surface) for box in boxes]
    assert native == [place for place in places if place is not None]
    shown = painted([place for place in places if place is not None], surface)
    for box in boxes:
        assert not (touched(box, size, surface) & ~shown).any()
    assert all(min(width, height) >= SMALLEST for _, _, width, height in native)


CORNER = st.tuples(st.floats(-0.3, 1.3), st.floats(-0.3, 1.3))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(CORNER, min_size=3, max_size=6), SIZES)
def test_every_pixel_of_a_camera_mask_is_covered_on_each_platform(
    corners: list[tuple[float, float]], size: tuple[int, int]
) -> None:
    shape = Polygon([(x * size[0], y * size[1]) for x, y in corners])
    if not shape.is_valid:
        return
    picture = noise(*size)
    black_out(picture, [corners])
    shown = painted([tuple(one)[:4] for one in CameraMasks([corners]).covers(size).boxes], size)
    for y, x in np.ndindex(*size[::-1]):
        if shape.intersection(rectangle(x, y, x + 1, y + 1)).area > 1e-6:
            assert shown[y, x]
            assert picture.y[y, x] == BLACK_Y
            assert picture.u[y // 2, x // 2] == picture.v[y // 2, x // 2] == GREY_UV


@pytest.mark.parametrize(
    "box", [Box(nan, 0, 5, 5), Box(0, 0, inf, 5), Box(-inf, 0, 9, 9), Box(1e308, 0, 1e308, 9)]
)
def test_a_box_without_an_end_is_refused_by_both_readers(box: Box) -> None:
    with pytest.raises(MetaError):
        on_surface(box, (640, 360), (1280, 720))
    packed = PackedMasks(reader(), MASK.pack(*box, 0, 0))
    with pytest.raises(MetaError):
        list(packed.covers((640, 360), (1280, 720), opaque=True, more=CameraMasks().covers((1280, 720))))
