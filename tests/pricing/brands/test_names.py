"""How the names of brands are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.brands.names import normal_brand


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("LEVI'S", "levis"),
        ("Levi’s", "levis"),
        ("Hermès", "hermes"),
        ("H & M", "h&m"),
        ("Coca-Cola", "coca cola"),
        ("!", ""),
        ("ユニクロ", "ユニクロ"),
        ("バナナ", "バナナ"),
        ("ﾊﾞﾅﾅ", "バナナ"),
        ("구찌", "구찌"),
        ("กุชชี่", "กุชชี่"),
        ("गुच्ची", "गुच्ची"),
        ("Ёлка Й", "елка и"),
        ("ΖΕΎΣ", "ζευσ"),
        ("گوچی", "گوچي"),
        ("أَحْمَد", "احمد"),
        ("李宁", "李宁"),
        ("ŉ", "n"),
        # Words of two alphabets: of whoever forgot to change the keyboard back.
        ("Gu\u0441\u0441i", "gucci"),
        ("\u041dugo B\u043e\u0455\u0455", "hugo boss"),
        ("H&\u041c", "h&m"),
        ("Z\u0391R\u0391", "zara"),
        ("\u0422O\u0420 SHOP", "top shop"),
        ("T\u0432o\u0435", "твое"),
        ("C\u0442\u0438\u043b\u044c", "стиль"),
        ("\u041c\u0440i\u044f", "мрія"),
        # Words of one alphabet stay, and what is of none.
        ("\u0412\u041e\u0421\u0421", "восс"),
        ("\u041d\u0430\u0439\u043a Nike", "наик nike"),
        ("\u0414zen", "дzen"),
        ("ΝΙΚΗ", "νικη"),
    ],
)
def test_normal_brand(name: str, key: str) -> None:
    assert normal_brand(name) == key


@given(st.text())
def test_normal_brand_is_its_own_normal_form(name: str) -> None:
    assert normal_brand(normal_brand(name)) == normal_brand(name)
