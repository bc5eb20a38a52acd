from __future__ import annotations

import pytest

from probes.frame import Box
from probes.people.body import in_core, is_nearer, moved

ANN = Box(100, 100, 100, 300)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (150, 110, True),
        (150, 250, True),
        (150, 399, True),
        (110, 200, True),
        (106, 390, True),
        (105, 110, False),
        (195, 115, False),
        (101, 300, False),
        (199, 200, False),
        (150, 401, False),
        (90, 250, False),
    ],
)
def test_the_corners_of_a_rectangle_are_not_the_body(x: float, y: float, expected: bool) -> None:
    assert in_core(ANN, x, y, 600) == expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [(Box(150, 100, 100, 340), True), (Box(150, 100, 100, 305), False), (Box(150, 100, 100, 260), False)],
)
def test_lower_feet_are_nearer(other: Box, expected: bool) -> None:
    assert is_nearer(other, ANN, 600) == expected
    assert not is_nearer(other, Box(100, 100, 100, 500), 600)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (Box(140, 100, 100, 300), (40, 0)),
        (Box(140, 110, 110, 300), (40, 10)),
        (Box(100, 100, 160, 300), (0, 0)),
        (Box(60, 100, 140, 300), (0, 0)),
        (Box(100, 160, 100, 240), (0, 0)),
        (Box(90, 90, 120, 320), (0, 0)),
    ],
)
def test_a_body_moves_where_both_its_edges_do(now: Box, expected: tuple[float, float]) -> None:
    assert moved(ANN, now) == expected
