from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon  # type: ignore[import-untyped]  # ships no types

from engines.image import BLACK_Y, GREY_UV, I420
from probes.frame import Box
from probes.redaction.masking import CELLS_ACROSS, GREYS, SMALLEST_CELL, _mosaic, black_out, cell_size, cover
from tests.fakes.scenes import noise

spot = st.floats(-150, 350, allow_nan=False)
side = st.floats(0.1, 400, allow_nan=False)
boxes = st.builds(Box, spot, spot, side, side)
sizes = st.tuples(st.integers(1, 201), st.integers(1, 151))


@settings(max_examples=200, deadline=None)
@given(boxes, sizes, st.booleans())
def test_inside_nothing_of_the_picture_is_left_and_outside_nothing_changes(
    box: Box, size: tuple[int, int], solid: bool
) -> None:
    picture, other = noise(*size), I420.black(*size)
    before = picture.copy()
    outline = cover(picture, box, solid=solid)
    if outline is None:
        assert box.x >= size[0] or box.y >= size[1] or box.right <= 0 or box.bottom <= 0
        assert picture.tobytes() == before.tobytes()
        return
    left, top, right, bottom = outline
    assert left <= max(0, box.x)
    assert top <= max(0, box.y)
    assert right >= min(size[0], box.right)
    assert bottom >= min(size[1], box.bottom)
    assert cover(other, box, solid=solid) == outline
    for name, scale in (("y", 1), ("u", 2), ("v", 2)):
        plane, was = getattr(picture, name), getattr(before, name)
        rows, columns = slice(top // scale, -(-bottom // scale)), slice(left // scale, -(-right // scale))
        assert np.array_equal(plane[rows, columns], getattr(other, name)[rows, columns])
        if name != "y" or solid:
            assert len(np.unique(plane[rows, columns])) == 1
        outside = np.ones(plane.shape, bool)
        outside[rows, columns] = False
        assert np.array_equal(plane[outside], was[outside])


@given(width=st.integers(1, 400), height=st.integers(1, 400))
def test_every_pixel_of_a_mosaic_is_that_of_its_cell(width: int, height: int) -> None:
    cell = cell_size(width, height)
    rows, columns = np.arange(height)[:, None] // cell, np.arange(width) // cell
    greys = np.array(GREYS)[(2 * rows + 3 * columns + rows * columns) % len(GREYS)]
    assert (_mosaic(width, height) == greys).all()


def test_a_mosaic_is_seen_as_one() -> None:
    picture = noise(200, 200)
    cover(picture, Box(20, 20, 120, 160), solid=False)
    cell = cell_size(120, 160)
    middles = picture.y[20 + cell // 2 : 180 : cell, 20 + cell // 2 : 140 : cell].astype(int)
    assert (np.diff(middles, axis=0) != 0).mean() > 0.7
    assert (np.diff(middles, axis=1) != 0).mean() > 0.7
    assert (picture.y[20 : 20 + cell, 20 : 20 + cell] == picture.y[20, 20]).all()


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_a_face_is_a_handful_of_cells(width: int, height: int) -> None:
    cell = cell_size(width, height)
    assert cell % 2 == 0
    assert cell >= SMALLEST_CELL
    assert math.ceil(max(width, height) / cell) <= CELLS_ACROSS


corner = st.tuples(st.floats(-0.2, 1.2), st.floats(-0.2, 1.2))


@settings(max_examples=50, deadline=None)
@given(st.lists(corner, min_size=3, max_size=5), st.tuples(st.integers(2, 41), st.integers(2, 31)))
def test_black_out_covers_the_polygon_and_no_more_than_its_rim(
    corners: list[tuple[float, float]], size: tuple[int, int]
) -> None:
    shape = Polygon([(x * size[0], y * size[1]) for x, y in corners])
    if not shape.is_valid:
        return
    picture = noise(*size)
    black_out(picture, [corners])
    for y in range(size[1]):
        for x in range(size[0]):
            distance = shape.distance(Point(x + 0.5, y + 0.5))
            if distance == 0:
                assert picture.y[y, x] == BLACK_Y
                assert picture.u[y // 2, x // 2] == picture.v[y // 2, x // 2] == GREY_UV
            elif distance > 0.8:
                assert picture.y[y, x] != BLACK_Y or noise(*size).y[y, x] == BLACK_Y


def test_black_out_of_everything_leaves_black() -> None:
    picture = noise(31, 17)
    black_out(picture, [[(0, 0), (1, 0), (1, 1), (0, 1)]])
    assert picture.tobytes() == I420.black(31, 17).tobytes()


@pytest.mark.parametrize("polygon", [[(0, 0), (1, 1)], [(0, 0), (1, math.nan), (1, 1)], []])
def test_a_broken_polygon_is_refused(polygon: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="three or more finite corners"):
        black_out(noise(16, 16), [polygon])


def test_a_polygon_outside_the_picture_covers_nothing() -> None:
    picture = noise(16, 16)
    black_out(picture, [[(1.5, 1.5), (2, 1.5), (2, 2)]])
    assert picture.tobytes() == noise(16, 16).tobytes()
