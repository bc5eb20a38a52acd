"""Clear faces on pictures of marks, by the shipped face detector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from engines.marks.picture import read_mark
from engines.paths import ROOT
from pipelines.brands.clear_faces import build_face_count

if TYPE_CHECKING:
    from pathlib import Path

ASTRONAUT = ROOT / "scripts" / "demo" / "assets" / "astronaut.jpg"


def test_a_portrait_has_a_clear_face_and_a_badge_or_a_speck_has_none(tmp_path: Path) -> None:
    astronaut = np.asarray(Image.open(ASTRONAUT).convert("RGB"))
    Image.fromarray(astronaut).save(tmp_path / "portrait.jpg", quality=90)
    Image.fromarray(astronaut[300:420, 200:330]).save(tmp_path / "badge.jpg")
    Image.fromarray(astronaut).resize((40, 40)).save(tmp_path / "small.png")
    Image.fromarray(np.random.default_rng(2).integers(0, 255, (16, 16, 3), np.uint8)).save(tmp_path / "s.png")
    count = build_face_count()
    names = ("portrait.jpg", "badge.jpg", "small.png", "s.png")
    assert [count(read_mark(tmp_path / name)) for name in names] == [1, 0, 0, 0]
