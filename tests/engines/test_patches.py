"""engines.patches: parts of a picture side by side in one input."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from engines.manifest import read_manifest
from engines.patches import SHAPES, Patch, Sheet, area, pack, patch_of
from engines.scene_views import glance, planned

sides = st.integers(2, 900)
patches = st.lists(
    st.builds(
        lambda x, y, w, h, scale: patch_of((2 * x, 2 * y, 2 * x + w, 2 * y + h), scale),
        st.integers(0, 900),
        st.integers(0, 500),
        sides,
        sides,
        st.floats(0.1, 1.0),
    ),
    max_size=40,
)


def places(sheet: Sheet) -> list[tuple[int, int, int, int]]:
    return [(left, top, left + size[0], top + size[1]) for (_, size), left, top in sheet.placed]


@given(patches)
def test_every_patch_lies_on_one_sheet_within_it_and_on_no_other(some: list[Patch]) -> None:
    sheets = pack(some)
    assert sorted(one.patch for sheet in sheets for one in sheet.placed) == sorted(some)
    for sheet in sheets:
        assert sheet.size in SHAPES
        boxes = places(sheet)
        assert all(
            x1 >= 0 and y1 >= 0 and x2 <= sheet.size[0] and y2 <= sheet.size[1] for x1, y1, x2, y2 in boxes
        )
        for number, (x1, y1, x2, y2) in enumerate(boxes):
            assert all(x2 <= a1 or a2 <= x1 or y2 <= b1 or b2 <= y1 for a1, b1, a2, b2 in boxes[:number])


def test_the_cheapest_shape_that_is_enough_is_taken() -> None:
    head = Patch((0, 0, 64, 64), (64, 64))
    assert [sheet.size for sheet in pack([head])] == [SHAPES[0]]
    assert pack([]) == []
    many = pack([head] * 200)
    assert [sheet.size for sheet in many[:-1]] == [SHAPES[-2]] * (len(many) - 1)
    assert area([head]) == 72 * 72


@given(patches)
@example([Patch((0, 0, 184, 484), (184, 484)), Patch((0, 0, 834, 214), (834, 214))])
def test_the_largest_shape_is_taken_for_a_patch_that_fits_into_no_other(some: list[Patch]) -> None:
    """It has a network of its own, which holds 22 MB and works in 41."""
    width, height = SHAPES[-2]
    for sheet in pack(some):
        needs_it = any(size[0] > width or size[1] > height for (_, size), _, _ in sheet.placed)
        assert (sheet.size == SHAPES[-1]) == needs_it


def test_a_whole_picture_and_parts_of_it_share_a_size() -> None:
    model = read_manifest()["centerface"]
    views = planned(model, (1280, 720), 4.0)
    (shown,) = glance(model, (1280, 720), views)
    assert len(views) > 1
    assert shown.size in SHAPES


def test_a_region_that_is_larger_than_any_shape_is_drawn_smaller() -> None:
    _, (width, height) = patch_of((0, 0, 4000, 1000), 1.0)
    assert (width, height) == (SHAPES[-1][0], 256)
