"""A symbol with a word, told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw

from engines.marks.picture import read_mark
from pipelines.brands.lockup import separate, with_margin

if TYPE_CHECKING:
    from pathlib import Path

LETTER = 20
ROUND = ("ellipse", (20, 20, 120, 120))


def word(x: int, y: int, letters: int, size: int = 30) -> list[tuple[str, tuple[int, int, int, int]]]:
    """Letters in a row, as boxes."""
    return [
        ("rectangle", (x + n * (LETTER + 8), y, x + n * (LETTER + 8) + LETTER, y + size))
        for n in range(letters)
    ]


CASES = [
    ("beside", [ROUND, *word(150, 55, 6)], (100, 162)),
    ("below", [("ellipse", (60, 20, 160, 120)), *word(30, 150, 6)], (100, 162)),
    ("word only", word(20, 20, 7), None),
    ("two words", [*word(20, 20, 5), *word(20, 90, 5)], None),
    ("a letter apart", [*word(20, 20, 1), *word(70, 20, 5)], None),
    ("symbol only", [ROUND], None),
    ("two shapes", [ROUND, ("ellipse", (150, 20, 250, 120))], None),
]


def drawn(shapes: list[tuple[str, tuple[int, int, int, int]]], mode: str) -> Image.Image:
    ground = (0, 0, 0, 0) if mode == "RGBA" else (240, 240, 235)
    picture = Image.new(mode, (360, 220), ground)
    for kind, box in shapes:
        getattr(ImageDraw.Draw(picture), kind)(box, fill=(20, 40, 120))
    return picture


@pytest.mark.parametrize(("mode", "suffix"), [("RGBA", "png"), ("RGB", "jpg")])
@pytest.mark.parametrize(("shapes", "widths"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_a_lockup(tmp_path: Path, shapes, widths, mode: str, suffix: str) -> None:
    path = tmp_path / f"mark.{suffix}"
    drawn(shapes, mode).save(path)
    found = separate(read_mark(path))
    if widths is None:
        assert found is None
        return
    assert found is not None
    symbol, text = found.symbol.pixels.shape[1], found.word.pixels.shape[1]
    assert (symbol, text) == (pytest.approx(widths[0], abs=4), pytest.approx(widths[1], abs=4))
    for part in (found.symbol, found.word):
        again = tmp_path / "part.png"
        Image.fromarray(with_margin(part)).save(again)
        read = read_mark(again)
        assert read.ground is part.ground
        assert read.pixels.shape == pytest.approx(part.pixels.shape, abs=3)


def test_what_is_cut_from_a_garment_is_left_whole(tmp_path: Path) -> None:
    picture = Image.effect_noise((300, 200), 90).convert("RGB")
    picture.save(tmp_path / "crop.png")
    assert separate(read_mark(tmp_path / "crop.png")) is None
