"""A mark on an even ground is cut out of it, and is enrolled as a drawing of it would be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from engines.marks.cut_out import cut_out
from engines.marks.emblems import LEAST_PLACES, enrol, places
from engines.marks.picture import Ground, read_mark
from tests.engines.marks.test_emblems import crest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("ground", "suffix"), [((255, 255, 255), ".jpg"), ((20, 20, 20), ".png")])
def test_a_badge_on_an_even_ground_is_seen_on_light_and_dark(
    tmp_path: Path, ground: tuple[int, int, int], suffix: str
) -> None:
    """It was enrolled on its own ground only, and half of the badges had too few keypoints then."""
    badge = crest(1, 160)
    drawn = tmp_path / "drawn.png"
    cv2.imwrite(str(drawn), badge[..., [2, 1, 0, 3]])
    share = badge[..., 3:] / 255
    laid = np.pad(badge[..., 2::-1] * share + np.array(ground) * (1 - share), ((9, 9), (9, 9), (0, 0)))
    laid[:9], laid[-9:], laid[:, :9], laid[:, -9:] = ground, ground, ground, ground
    flat = tmp_path / f"flat{suffix}"
    cv2.imwrite(str(flat), laid.astype(np.uint8))
    given, alone = read_mark(flat), read_mark(drawn)
    assert (given.ground, alone.ground) == (Ground.EVEN, Ground.NONE)
    assert len(given.views()) == len(alone.views())
    assert places(enrol("crest", given)[0]) >= LEAST_PLACES


def test_what_a_mark_encloses_stays_and_its_rim_goes() -> None:
    pixels = np.full((200, 200, 4), 255, np.uint8)
    pixels[40:160, 40:160, :3] = (200, 0, 0)
    pixels[80:120, 80:120, :3] = 255
    alpha = cut_out(pixels, (255, 255, 255))
    assert alpha is not None
    assert (alpha[41:159, 41:159, 3] == 255).all()
    assert alpha[..., 3].sum() == 255 * 118**2


def test_a_picture_that_is_all_ground_has_no_mark() -> None:
    assert cut_out(np.full((50, 50, 4), 255, np.uint8), (250, 250, 250)) is None
