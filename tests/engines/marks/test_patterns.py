"""A pattern is told on a garment by the product's own models, and is no other one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from engines.errors import BadInput
from engines.garments.outfit import ClothRegion
from engines.manifest import GARMENTS, find_model, read_manifest
from engines.marks.patterns import (
    COVERED,
    FEWEST,
    FITTED_ON,
    HIGHEST,
    SIDE,
    PatternSearch,
    TextureEmbedder,
    read_textures,
    swatch_views,
    windows_of,
)
from engines.marks.types import Pattern, Route
from tests.fakes.cloth import check

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Bgr = npt.NDArray[np.uint8]


def covers(outer: tuple[float, ...], inner: tuple[float, ...]) -> bool:
    return outer[0] <= inner[0] < inner[2] <= outer[2] and outer[1] <= inner[1] < inner[3] <= outer[3]


@cache
def embedder() -> TextureEmbedder:
    return TextureEmbedder()


def canvas(size: int = 240, repeats: int = 5) -> Bgr:
    """Return a brown canvas with letters."""
    cloth = np.full((size, size, 3), (40, 60, 90), np.uint8)
    step = size / repeats
    for row in range(repeats):
        for column in range(repeats):
            at = (int(column * step + step / 5), int((row + 0.7) * step))
            cv2.putText(cloth, "GK"[(row + column) % 2], at, 0, step / 40, (90, 160, 190), 2, cv2.LINE_AA)
    return cloth


def worn(cloth: Bgr, span: int) -> tuple[Bgr, ClothRegion]:
    """Return a crop with a garment of cloth, its swatch `span` px wide, in uneven light; and where it is."""
    small = cv2.resize(cloth, (span, span), interpolation=cv2.INTER_AREA)
    tiled = np.tile(small, (200 // span + 1, 140 // span + 1, 1))[:200, :140].astype(np.float32)
    tiled *= np.linspace(1.05, 0.75, 140)[None, :, None]
    crop = np.full((300, 200, 3), 120, np.uint8)
    crop[50:250, 30:170] = np.clip(tiled, 0, 255)
    mask = np.ones((200, 140), np.bool_)
    mask[:40, :30] = False
    return crop, ClothRegion("coat", (30.0, 50.0, 170.0, 250.0), mask)


def enrolled(brand: str, cloth: Bgr) -> Pattern:
    vectors = embedder().embed(swatch_views(cloth))
    return Pattern(brand, vectors, read_textures().threshold(vectors))


@pytest.mark.parametrize(("cloth", "expected"), [(check(), "check"), (canvas(), "canvas")])
def test_a_worn_pattern_is_its_brand_and_no_other(cloth: Bgr, expected: str) -> None:
    patterns = [enrolled("check", check()), enrolled("canvas", canvas())]
    assert all(pattern.threshold <= HIGHEST for pattern in patterns)
    crop, region = worn(cloth, 120)
    ((type_, seen),) = PatternSearch(embedder()).find(crop, [region], patterns)
    assert (type_, seen.brand, seen.route) == ("coat", expected, Route.PATTERN)
    assert len(seen.windows) >= FEWEST
    assert all(covers(region.box, seen.box) and covers(seen.box, window) for window in seen.windows)
    assert 0.8 <= seen.confidence <= 1
    others = [pattern for pattern in patterns if pattern.brand != expected]
    assert PatternSearch(embedder()).find(crop, [region], others) == []


def test_what_is_nearest_to_a_pattern_is_told_where_it_counts_and_where_not() -> None:
    pattern = enrolled("check", check())
    (crop, region), (other, _) = worn(check(), 120), worn(canvas(), 120)
    search = PatternSearch(embedder())
    ((near, box),) = search.nearness(crop, [region], pattern)
    ((far, _),) = search.nearness(other, [region], pattern)
    assert far < pattern.threshold <= near
    assert box == region.box
    assert search.nearness(np.full_like(crop, 120), [region], pattern) == []


def test_plain_cloth_costs_no_inference_and_shows_nothing() -> None:
    crop = np.full((300, 200, 3), 120, np.uint8)
    _, region = worn(check(), 60)
    search = PatternSearch()
    assert search.find(crop, [region], [enrolled("check", check())]) == []
    assert search._embedder is None, "the model is loaded at the first garment that is not plain"


def test_windows_lie_on_the_garment() -> None:
    crop, region = worn(check(), 60)
    marked = np.zeros_like(region.mask)
    marked[:100] = True
    sizes = list(windows_of(crop[50:250, 30:170], marked))
    assert sizes
    assert all(len(windows) >= FEWEST for windows in sizes)
    every = [window for windows in sizes for window in windows]
    assert {window.picture.shape for window in every} == {(SIDE, SIDE, 3)}
    assert all(marked[w.top : w.top + w.side, w.left : w.left + w.side].mean() >= COVERED for w in every)
    assert list(windows_of(crop[50:250, 30:170], np.zeros_like(marked))) == []


def test_views_and_windows_of_one_texture_are_near_whatever_the_process_reads_first() -> None:
    views = swatch_views(check())
    together = embedder().embed(views)
    alone = np.concatenate([TextureEmbedder().embed([view]) for view in views[:3]])
    assert np.abs(together[:3] - alone).max() < 0.05


def test_any_number_of_windows_takes_a_network_prepared_for_one_number() -> None:
    """OpenVINO keeps 2 MB for each number that it has seen: 36 MB for 16 of them."""
    views = swatch_views(check())[:5]
    for count in range(1, len(views) + 1):
        assert np.allclose(embedder().embed(views[:count]), embedder().embed(views)[:count], atol=1e-5)
    assert embedder()._request.get_compiled_model().input(0).get_partial_shape().is_static


def test_the_textures_were_fitted_on_the_parser_that_comes_along() -> None:
    assert find_model(GARMENTS, read_manifest()).sha256 == FITTED_ON, "fit engines.training.pattern_textures"


def test_a_damaged_file_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "t.npz").write_bytes(b"PK no")
    with pytest.raises(BadInput, match="cannot read the textures; restore the file"):
        read_textures(tmp_path / "t.npz")
