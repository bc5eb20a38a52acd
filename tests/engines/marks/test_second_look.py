"""A second look at a place: cut from the picture itself, in views that show the same mark."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engines.marks.network import MarkEmbedder
from engines.marks.picture import read_mark
from engines.marks.second_look import VIEWS, SecondLook
from engines.marks.types import VECTOR
from engines.paths import CONFIGS


@pytest.fixture(scope="module")
def look() -> SecondLook:
    return SecondLook()


@pytest.mark.parametrize("side", [40, 400])
def test_most_views_of_a_mark_are_like_its_drawing_at_any_size(look: SecondLook, side: int) -> None:
    view = read_mark(CONFIGS / "brands" / "nike" / "nike.svg").views()[0]
    picture = np.full((3 * side, 3 * side, 3), 255, np.uint8)
    picture[side : 2 * side, side : 2 * side] = cv2.resize(view, (side, side), interpolation=cv2.INTER_AREA)
    (top, left), (bottom, right) = (f(np.argwhere(picture.min(axis=2) < 128), 0) for f in (np.min, np.max))
    found = look.vectors(picture, np.array([[left, top, right, bottom]], np.float32))
    assert found.shape == (1, len(VIEWS), VECTOR)
    alike = found[0] @ MarkEmbedder().embed([view])[0]
    assert np.median(alike) > 0.8


def test_places_at_the_edge_and_none_at_all_are_looked_at_too(look: SecondLook) -> None:
    picture = np.zeros((30, 900, 3), np.uint8)
    boxes = np.array([[0, 0, 900, 30], [890, 20, 900, 30], [0, 0, 1, 1]], np.float32)
    assert np.allclose(np.linalg.norm(look.vectors(picture, boxes), axis=2), 1, atol=1e-3)
    assert look.vectors(picture, boxes[:0]).shape == (0, len(VIEWS), VECTOR)
