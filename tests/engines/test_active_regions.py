"""engines.active_regions: detail where something changes or was found, and everywhere at times."""

from __future__ import annotations

import numpy as np

from engines.active_regions import PAUSE_NS, WHOLE_EVERY_NS, ActiveRegions

STEP = 100_000_000
SIZE = (1080, 1920)


def picture(x: int | None = None, level: int = 100) -> np.ndarray:
    """Return a grey picture with a brighter person of 40 x 160 px at x."""
    luma = np.full(SIZE, level, np.uint8)
    if x is not None:
        luma[400:560, x : x + 40] = 180
    return luma


def holds(region: tuple[int, int, int, int], x: int, y: int) -> bool:
    return region[0] <= x < region[2] and region[1] <= y < region[3]


def test_the_first_picture_and_one_every_two_seconds_are_looked_at_whole() -> None:
    active = ActiveRegions()
    found = [active.update(picture(), number * STEP) for number in range(41)]
    whole = [number for number, regions in enumerate(found) if regions is None]
    every = WHOLE_EVERY_NS // STEP
    assert whole == [0, every, 2 * every]
    assert all(regions == () for regions in found if regions is not None)


def test_what_moves_is_looked_at_with_room_around_it_and_for_a_while_after() -> None:
    active = ActiveRegions()
    for number in range(5):
        regions = active.update(picture(300 + 10 * number), number * STEP)
    assert regions is not None
    (region,) = regions
    assert holds(region, 300, 400)
    assert holds(region, 380, 559)
    assert holds(region, 300 - 40, 400 - 40)
    assert region[2] - region[0] < 500
    later = active.update(picture(340), 6 * STEP)
    assert later
    assert holds(later[0], 340, 450)


def test_slow_motion_shows_against_a_picture_of_a_second_ago() -> None:
    active = ActiveRegions()
    luma = picture().astype(np.float32)
    found = []
    for number in range(15):
        luma[400:560, 300:340] += 0.8  # less than a level a frame: no change from one frame to the next
        found.append(active.update(luma.astype(np.uint8), number * STEP))
    assert found[9]
    assert holds(found[9][0], 320, 480)


def test_who_was_found_stays_in_view_though_nothing_moves() -> None:
    active = ActiveRegions()
    active.update(picture(), 0)
    active.add([(900.0, 300.0, 960.0, 460.0)], 0)
    regions = active.update(picture(), STEP)
    assert regions
    assert holds(regions[0], 930, 310)


def test_after_a_pause_a_new_size_or_a_clock_set_back_the_whole_picture_counts() -> None:
    for second, at in ((picture(), PAUSE_NS + 2 * STEP), (picture()[:, :1000], STEP), (picture(), -STEP)):
        active = ActiveRegions()
        assert active.update(picture(), 0) is None
        assert active.update(second, at) is None


def test_a_change_of_light_is_no_motion_and_hides_none() -> None:
    active = ActiveRegions()
    active.update(picture(300), 0)
    assert active.update(picture(300, level=104), STEP) == ()
    regions = active.update(picture(340, level=120), 2 * STEP)
    assert regions
    assert holds(regions[0], 350, 480)


def test_a_camera_that_is_moved_changes_everywhere() -> None:
    rng = np.random.default_rng(1)
    scene = np.repeat(np.repeat(rng.integers(40, 200, (70, 120), np.uint8), 16, 0), 16, 1)[:1080]
    active = ActiveRegions()
    active.update(scene, 0)
    assert active.update(np.roll(scene, 40, axis=1), STEP) is None


def test_many_places_are_joined_into_a_few() -> None:
    active = ActiveRegions()
    active.update(picture(), 0)
    active.add([(x, y, x + 10, y + 10) for x in (100, 700, 1300, 1850) for y in (100, 900)], 0)
    regions = active.update(picture(), STEP)
    assert regions is None or 1 <= len(regions) <= 3
