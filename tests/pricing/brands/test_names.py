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
    ],
)
def test_normal_brand(name: str, key: str) -> None:
    assert normal_brand(name) == key


@given(st.text())
def test_normal_brand_is_its_own_normal_form(name: str) -> None:
    assert normal_brand(normal_brand(name)) == normal_brand(name)
