"""Drawings of marks by the mark they show, as the training on a GPU takes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engines.training.drawings import (
    INNER,
    PARTS,
    TEXTURE,
    draw_text,
    is_held_out,
    labels_of,
    read_drawings,
    texture_of,
)

if TYPE_CHECKING:
    from pathlib import Path

RING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9" fill="none" '
    'stroke="#e00" stroke-width="4"/></svg>'
)
NAMES = ("umbra", "delta", "sigma", "omega", "kappa", "theta", "gamma", "alpha")


@pytest.fixture
def name() -> str:
    return next(name for name in NAMES if not is_held_out(name))


def test_versions_of_one_mark_are_one_class(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    for suffix in ("", "-outline", "-fill", "-original"):
        (folder / f"{name}{suffix}.svg").write_text(RING)
    (folder / "nike-fill.svg").write_text(RING)
    (mark,) = read_drawings(tmp_path)
    assert (mark.kind, mark.name) == ("pack", name)
    assert sorted(coloured for _, coloured in mark.texts) == [False, False, False, True]


def test_a_collection_is_read(tmp_path: Path, name: str) -> None:
    icons = {name: {"body": '<path fill="red" d="M2 2h20v20H2z"/>'}, "adidas-icon": {"body": ""}}
    (tmp_path / "logos").mkdir()
    (tmp_path / "logos" / "icons.json").write_text(json.dumps({"icons": icons, "width": 24, "height": 24}))
    (mark,) = read_drawings(tmp_path)
    drawing = draw_text(mark.texts[0][0], coloured=True)
    assert drawing is not None
    assert drawing[1] is not None
    assert drawing[1][TEXTURE // 2, TEXTURE // 2].tolist() == [255, 0, 0]


@pytest.mark.parametrize("name", ["Nike", "adidas-originals", "PUMA", "nasa_icon"])
def test_marks_that_are_judged_by_are_kept_back_however_they_are_spelled(name: str) -> None:
    assert is_held_out(name)


def test_a_drawing_is_trimmed_and_centred() -> None:
    alpha = np.zeros((60, 200), np.uint8)
    alpha[20:40, 10:110] = 255
    found = texture_of(alpha)
    assert found is not None
    rows, columns = np.flatnonzero(found[0].max(1) > 128), np.flatnonzero(found[0].max(0) > 128)
    assert len(columns) == INNER
    assert len(rows) == pytest.approx(INNER / 5, abs=2)
    assert abs((columns[0] + columns[-1]) - (TEXTURE - 1)) <= 1
    assert texture_of(np.zeros((20, 20), np.uint8)) is None
    assert draw_text("<svg", coloured=False) is None


def test_holes_are_told_from_parts_and_from_outside() -> None:
    drawing = draw_text(RING, coloured=False)
    assert drawing is not None
    labels = labels_of(drawing[0])
    assert labels[0, 0] == 0
    assert labels[TEXTURE // 2, TEXTURE // 2] >= PARTS
    assert set(labels[drawing[0] > 128]) == {1}
