from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ocr.layout import arranged
from engines.ocr.words import Word

PAGE = {
    "ONE": (0, 0, 40),
    "TWO": (50, 2, 40),
    "THREE": (10, 22, 70),
    "FAR": (0, 300, 40),
    "BIG": (0, 45, 200),
}


def page(angle: float) -> list[Word]:
    """Return words of a page turned clockwise: letters 16 px high, of BIG 60 px, box upright around each."""
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    words = []
    for text, (x, y, width) in PAGE.items():
        height = 60 if text == "BIG" else 16
        u, v = x + width / 2, y + height / 2
        a, b = 1000 + cos * u - sin * v, 1000 + sin * u + cos * v
        across = (abs(cos) * width + abs(sin) * height) / 2
        down = (abs(sin) * width + abs(cos) * height) / 2
        words.append(Word(text, 1.0, (a - across, b - down, a + across, b + down), angle % 360, height))
    return words


@pytest.mark.parametrize("angle", [0, 15, -40, 90, 180, 270])
@pytest.mark.parametrize("backwards", [False, True])
def test_one_text_is_one_block_in_reading_order(angle: float, backwards: bool) -> None:
    words = page(angle)
    found = arranged(words[::-1] if backwards else words)
    text = [w for w in found if w.text in {"ONE", "TWO", "THREE"}]
    assert [w.text for w in text] == ["ONE", "TWO", "THREE"]
    assert len({w.block for w in text}) == 1
    assert [w.line - text[0].line for w in text] == [0, 0, 1]
    assert len({w.block for w in found}) == 3


@given(st.permutations(page(0)))
def test_the_order_of_arrival_does_not_matter(words: list[Word]) -> None:
    assert arranged(words) == arranged(page(0))
    assert arranged([]) == []
