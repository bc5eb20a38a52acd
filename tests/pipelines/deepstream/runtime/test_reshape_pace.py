"""How often a camera whose picture changes its shape is opened anew, by a simulated clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelines.deepstream.runtime.picture_shape import Misfit
from pipelines.deepstream.runtime.reshape_pace import LONGEST_DARK_S, RESHAPE_S, ReshapePace

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.deepstream.graph.camera import Shape

WIDE, SQUARE, TALL = (16, 9), (1, 1), (9, 16)
HOUR = 3600.0
OPENS_S = 1.0


def film(
    shape_at: Callable[[float], Shape], *, restarts: bool = False, until: float = HOUR
) -> tuple[list[float], float, float]:
    """Return when the bin was built anew, the share of time with a picture, the longest without one.

    restarts: whether the stream begins from its beginning each time, as a file does.
    """
    pace, fits, opened, tick = ReshapePace(), WIDE, 0.0, 0.0
    misfit: Misfit | None = None
    built, shown, dark, darkest = [], 0.0, 0.0, 0.0
    while tick < until:
        tick = round(tick + 0.1, 1)
        dark += 0.1
        if tick >= opened:
            shape = shape_at(tick - opened if restarts else tick)
            if shape == fits:
                misfit, dark, shown = None, 0.0, shown + 0.1
            elif misfit is None or misfit.shape != shape:
                misfit = Misfit(shape, tick, tick if misfit is None else misfit.dark_since)
        darkest = max(darkest, dark)
        if misfit is not None and pace.due(misfit, tick):
            pace.tried(tick, built=True)
            built.append(tick)
            fits, opened, misfit = misfit.shape, tick + OPENS_S, None
    return built, shown / until, darkest


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("each_s", [1.5, 3.0, 4.0])
def test_a_stream_that_alternates_is_not_opened_anew_all_the_time(each_s: float, restarts: bool) -> None:
    built, shown, darkest = film(lambda at: (WIDE, TALL)[int(at / each_s) % 2], restarts=restarts)
    assert len(built) <= 20  # an hour; every 5 s would be 720
    assert shown > 0.4
    assert darkest <= LONGEST_DARK_S + OPENS_S + 2 * each_s


def test_a_stream_that_changes_now_and_then_is_followed_each_time() -> None:
    built, shown, darkest = film(lambda at: (WIDE, TALL)[int(at / 60) % 2])
    assert len(built) >= HOUR / 60 - 2
    assert shown > 0.95
    assert darkest < 5


def test_where_no_shape_stays_and_none_fits_the_bin_is_built_for_one_of_them() -> None:
    built, shown, darkest = film(lambda at: WIDE if at < 60 else (SQUARE, TALL)[int(at / 0.7) % 2])
    assert 1 <= len(built) <= 2
    assert shown > 0.4
    assert darkest <= RESHAPE_S + OPENS_S + 1


def test_a_camera_that_is_set_to_another_shape_twice_is_followed_twice() -> None:
    built, shown, _ = film(lambda at: TALL if 100 <= at < 103 else WIDE, until=300)
    assert built[0] == pytest.approx(100, abs=0.2)
    assert len(built) == 2
    assert shown > 0.95
