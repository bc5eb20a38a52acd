"""The second opinion on bags, with the model that comes along and a bag that the demo draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.colour import from_bgr
from engines.garments import bag_witness
from engines.garments.bag_witness import BagWitness
from engines.image import I420
from scripts.demo.handbag import EDGE, HANDLES, handbag

if TYPE_CHECKING:
    import pytest


def test_a_bag_is_seen_where_it_is_and_none_on_nothing() -> None:
    bag, outline = handbag("GUCCI")
    scene = np.full((600, 500, 3), 190.0, np.float32)
    height, width = outline.shape
    place = (slice(150, 150 + height), slice(80, 80 + width))
    scene[place] = scene[place] * (1 - outline[..., None]) + bag * outline[..., None]
    witness = BagWitness()
    boxes = witness.find(from_bgr(scene.astype(np.uint8)))
    left, top, right, bottom = boxes[0]
    assert left < 80 + EDGE + 60 < right
    assert top < 150 + HANDLES + 60 < bottom
    witness.release()
    assert witness.find(I420.black(200, 400)) == []


def crop_with_a_bag() -> tuple[I420, int]:
    """Return a drawn bag before a grey wall, 30 px from the left and 100 from the top, and its width, px."""
    bag, outline = handbag("GUCCI")
    height, width = outline.shape
    scene = np.full((height + 120, width + 60, 3), 190.0, np.float32)
    place = (slice(100, 100 + height), slice(30, 30 + width))
    scene[place] = scene[place] * (1 - outline[..., None]) + bag * outline[..., None]
    return from_bgr(scene.astype(np.uint8)), width


def test_a_bag_near_the_camera_is_placed_in_the_crop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The drawn bag is seen at both sizes, with scores of 0.22: the least one is lowered for it."""
    crop, width = crop_with_a_bag()
    witness = BagWitness()
    assert witness.find_near(I420.black(201, 399)) is None
    monkeypatch.setattr(bag_witness, "ALONE", 0.12)
    found = witness.find_near(crop)
    assert found is not None
    label, score, (left, top, right, bottom) = found
    assert label in bag_witness.BAGS
    assert 0.12 <= score <= 1
    assert left < 30 + width / 2 < right
    assert top < 100 + HANDLES + 60 < bottom
    assert right - left < 1.1 * width
    monkeypatch.setattr(bag_witness, "JUDGED", 2.0)
    assert witness.find_near(crop) is not None
    monkeypatch.setattr(bag_witness, "DENIED", 0.99)
    assert witness.find_near(crop) is None
    monkeypatch.setattr(bag_witness, "DENIED", 0.0)
    monkeypatch.setattr(bag_witness, "LARGEST", 0.1)
    assert witness.find_near(crop) is None


def test_a_bag_of_which_the_detector_is_unsure_counts_where_it_looks_like_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crop, width = crop_with_a_bag()
    witness = BagWitness()
    found = witness.find_near(crop)
    assert found is not None
    label, score, (left, top, right, bottom) = found
    assert label in (bag_witness.BAG, *bag_witness.BAGS)
    assert bag_witness.JUDGED**0.5 <= score <= 1
    assert left < 30 + width / 2 < right
    assert top < 100 + HANDLES + 60 < bottom
    monkeypatch.setattr(bag_witness, "KIND_LEAD", 100.0)
    doubtful = witness.find_near(crop)
    assert doubtful is not None
    assert doubtful[0] == bag_witness.BAG, "seen as two kinds"
    monkeypatch.setattr(bag_witness, "JUDGED", 0.9)
    assert witness.find_near(crop) is None
