"""Lists read in a notation that was named."""

from __future__ import annotations

import contextlib
import os
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricing.catalogue.catalogue import read
from pricing.catalogue.list_format import ListFormat
from pricing.catalogue.reload import REST, CatalogueFile
from pricing.catalogue.rows import BadCatalogue
from pricing.catalogue.suggest import suggest
from pricing.errors import BadInput
from pricing.money import EXPONENTS
from tests.pricing.catalogue.lists import GERMAN, HEADER, NOTATION, amounts

if TYPE_CHECKING:
    from pathlib import Path

FUZZ = int(os.environ.get("MSH_FUZZ", "60"))
"""Examples of the large property test; 5000 and more by hand."""


def test_a_list_is_read_in_the_notation_that_was_named() -> None:
    rows = read(GERMAN.encode("cp1252"), "list.csv", None, NOTATION).rows
    found = [(row.name, row.amount_minor, row.valid_from, row.gtin) for row in rows]
    assert found == [
        ("Gucci", 129000, date(2026, 11, 1), "4006381333931"),
        ("Müller", 245000, date(2026, 12, 1), ""),
    ]
    with pytest.raises(BadCatalogue, match="the list is in EUR, the store in CHF"):
        read(GERMAN, "list.csv", "CHF", NOTATION)
    with pytest.raises(BadCatalogue, match=r'beside the amount "\$" is no sign of EUR'):
        read(GERMAN.replace("€", "$"), "list.csv", None, NOTATION)
    with pytest.raises(BadCatalogue, match=r"name its encoding under prices\.format"):
        read(GERMAN.encode("cp1252"), "list.csv")


@pytest.mark.parametrize(
    "wrong",
    [
        {"decimal": ",", "grouping": ","},
        {"decimal": ";"},
        {"dates": "DD.MM"},
        {"dates": "DDMMYYYY"},
        {"dates": "DD MMM YYYY"},
        {"dates": "YYYY-MM-DDT00"},
        {"dates": "DD٠MM٠YYYY"},
        {"encoding": "utf-9"},
    ],
)
def test_a_notation_that_cannot_be_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        ListFormat(**wrong)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026年11月30日", "YYYY年MM月DD日"),
        ("2026년 11월 30일", "YYYY년 MM월 DD일"),
        ("2026. 11. 30.", "YYYY. MM. DD."),
        ("30. 11. 2026", "DD. MM. YYYY"),
        ("٣٠/١١/٢٠٢٦", "DD/MM/YYYY"),
        ("２０２６/１１/３０", "YYYY/MM/DD"),
    ],
)
def test_a_day_as_people_of_other_countries_write_it(text: str, form: str) -> None:
    assert ListFormat(dates=form).day(text) == date(2026, 11, 30)
    data = f"brand;type;price;valid_from\nGucci;hat;5;{text}\nDior;hat;5;{text}\n".encode()
    assert suggest(data, "list.csv", "EUR").notation.dates == form


# What a person writes: the marks of a notation, and whether thousands are parted.
MARKS = {
    "en": (".", ","),
    "de": (",", "."),
    "fr": (",", " "),
    "ch": (".", "'"),
    "plain": (".", ""),
    "se": (",", ""),
}


def written(minor: int, currency: str, marks: tuple[str, str], *, parted: bool, cents: bool) -> str:
    digits = EXPONENTS[currency]
    whole, rest = divmod(minor, 10**digits)
    text = f"{whole:,}".replace(",", marks[1]) if parted else str(whole)
    return f"{text}{marks[0]}{rest:0{digits}d}" if digits and (cents or rest) else text


@st.composite
def lists(draw: st.DrawFn) -> tuple[str, str, tuple[str, str], list[int]]:
    """Draw a list in one notation: its text, currency, marks, and the amounts that its writer means."""
    marks = MARKS[draw(st.sampled_from(sorted(MARKS)))]
    currency = draw(st.sampled_from(["EUR", "USD", "CLP", "JPY", "KWD", "CHF", "INR"]))
    parted, cents = draw(st.booleans()), draw(st.booleans())
    minor = st.integers(1, 10**8) | st.integers(1, 9999).map(lambda n: n * 10 ** EXPONENTS[currency])
    meant = draw(st.lists(minor, min_size=1, max_size=6))
    mark = draw(st.sampled_from([";", "\t"]))
    lines = [
        mark.join((f"Brand {n}", "hat", written(one, currency, marks, parted=parted, cents=cents), currency))
        for n, one in enumerate(meant)
    ]
    blank = draw(st.sampled_from(["", f"\n{mark * 3}", "\n"]))
    return (
        "\n".join([mark.join(("brand", "type", "price", "currency")), *lines]) + blank,
        currency,
        marks,
        meant,
    )


@pytest.mark.parametrize("currency", ["TND", "KWD", "BHD", "IQD", "JOD", "LYD", "OMR"])
@pytest.mark.parametrize("name", ["list.csv", "list.yaml"])
def test_dinars_that_may_be_thousands_are_read_as_decimals_and_told(currency: str, name: str) -> None:
    def listed(*prices: str) -> str:
        if name.endswith(".csv"):
            return HEADER + "".join(f"Brand {n};hat;{price};{currency}\n" for n, price in enumerate(prices))
        rows = [f"{{brand: Brand {n}, type: hat, price: {price}}}" for n, price in enumerate(prices)]
        return f"currency: {currency}\nprices: [{', '.join(rows)}]\n"

    unsure = read(listed("1.290", "12"), name)
    assert [row.amount_minor for row in unsure.rows] == [1290, 12000]
    assert unsure.doubt is not None
    assert f"1.290 {currency}, not as 1290" in unsure.doubt
    # One amount that no grouping mark can be in shows what the point is, and so does who says it.
    for proof in ("0.500", "12.5", "1290.500"):
        assert read(listed("1.290", proof), name).doubt is None
    assert read(listed("1.290"), name, None, ListFormat(marks_said=True)).doubt is None
    assert (
        read(listed("1.290"), name, None, ListFormat(decimal=",", grouping=".")).rows[0].amount_minor
        == 1290000
    )


def test_a_list_that_may_be_read_in_two_ways_is_told_at_each_load(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(HEADER + "Nike;hat;1.290;TND\n")
    follower = CatalogueFile(path, "TND", lambda: date(2026, 11, 30))
    path.write_text(HEADER + "Nike;hat;12.900;TND\n")
    assert [follower.poll() for _ in range(REST + 2)].count(True) == 1
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 2
    assert "12.900 TND, not as 12900" in told[1]


@settings(max_examples=FUZZ, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(lists())
def test_no_price_is_another_than_its_writer_means(
    drawn: tuple[str, str, tuple[str, str], list[int]],
) -> None:
    text, currency, marks, meant = drawn
    # Told how it is written, the list is read as it is meant.
    assert amounts(text, ListFormat(decimal=marks[0], grouping=marks[1]), currency) == meant
    # Not told, it is read as it is meant, with a doubt, or refused.
    with contextlib.suppress(BadCatalogue):
        plain = read(text, "list.csv", currency)
        assert plain.doubt or [row.amount_minor for row in plain.rows] == meant
    # A suggestion without a doubt is right, or refuses the list.
    suggested = suggest(text.encode(), "list.csv", currency)
    with contextlib.suppress(BadCatalogue):
        assert suggested.doubts or amounts(text, suggested.notation, currency) == meant


@pytest.mark.parametrize(
    ("text", "beside"), [("ab 1.290,-", "ab"), ("20 %", "%"), ("12,90 / Stück", "/ Stück"), ("99¢", "¢")]
)
def test_what_stands_beside_an_amount_and_is_no_currency_is_named(text: str, beside: str) -> None:
    with pytest.raises(BadInput) as refused:
        ListFormat(decimal=",", grouping=".").amount(text, "EUR")
    assert str(refused.value) == (
        f'"{text}": beside the amount "{beside}" is no sign of EUR; write the amount alone'
    )
