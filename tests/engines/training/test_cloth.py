import numpy as np
import pytest

from engines.training.cloth import cloth
from engines.training.noise import Piece, noise_bank
from engines.training.trimmings import TRIMMINGS


def pieces(seed, count, height=96, width=64):
    rng = np.random.default_rng(seed)
    return [cloth(rng, height, width) for _ in range(count)]


def test_the_same_seed_gives_the_same_cloth():
    assert all(np.array_equal(a, b) for a, b in zip(pieces(5, 20), pieces(5, 20), strict=True))


def test_pieces_differ_and_are_neither_all_dark_nor_all_bright():
    found = pieces(6, 120)
    assert all(piece.shape == (96, 64, 3) and piece.dtype == np.uint8 for piece in found)
    brightness = np.array([piece.mean() for piece in found])
    assert brightness.std() > 30
    assert 5 < brightness.min() < 70
    assert 160 < brightness.max() < 250
    assert np.median([piece.std(axis=(0, 1)).mean() for piece in found]) > 4


@pytest.mark.parametrize(("height", "width"), [(8, 8), (47, 600), (1024, 1024)])
def test_any_size_within_the_limits(height, width):
    assert all(piece.shape == (height, width, 3) for piece in pieces(7, 3, height, width))


@pytest.mark.parametrize(("height", "width"), [(7, 64), (64, 1025)])
def test_other_sizes_are_refused(height, width):
    with pytest.raises(ValueError, match="8 to 1024"):
        cloth(np.random.default_rng(0), height, width)


@pytest.mark.parametrize("trim", TRIMMINGS)
def test_what_is_sewn_on_shows_and_leaves_most_of_the_cloth(trim):
    changed = []
    for seed in range(8):
        piece = Piece(np.random.default_rng(seed), 128, 128, noise_bank())
        picture = np.full((128, 128, 3), 127, np.uint8)
        trim(piece, picture)
        changed.append((picture != 127).any(axis=2).mean())
    assert 0 < np.median(changed) < 0.3
