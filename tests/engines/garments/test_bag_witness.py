"""The second opinion on bags, with the model that comes along and a bag that the demo draws."""

from __future__ import annotations

import numpy as np

from engines.colour import from_bgr
from engines.garments.bag_witness import BagWitness
from engines.image import I420
from scripts.demo.handbag import EDGE, HANDLES, handbag


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
    assert witness.find(I420.black(200, 400)) == []
