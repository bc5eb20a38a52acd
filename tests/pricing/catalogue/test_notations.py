"""Price lists as people of other countries and their programs write them."""

from __future__ import annotations

import contextlib
import os
import re
import zipfile
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from pricing.catalogue.catalogue import read
from pricing.catalogue.list_format import ListFormat
from pricing.catalogue.rows import BadCatalogue
from pricing.catalogue.suggest import suggest
from pricing.errors import BadInput
from pricing.money import EXPONENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

TODAY = date(2026, 11, 30)
HEADER = "brand;type;price;currency\n"
FUZZ = int(os.environ.get("MSH_FUZZ", "60"))
"""Examples of the large property test; 5000 and more by hand."""


def amounts(data: str | bytes, notation: ListFormat | None = None, currency: str | None = None) -> list[int]:
    return [row.amount_minor for row in read(data, "list.csv", currency, notation).rows]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (HEADER + "Gucci;handbag;1290.00;EUR\n;;;\n;;;\n", [129000]),
        ("brand;type;price;currency;\nGucci;handbag;1290.00;EUR;\n", [129000]),
        ("brand;type;price;currency;;\nGucci;handbag;1290.00;EUR\nPrada;coat;5;EUR;;;;\n", [129000, 500]),
        ('brand,type,price,currency,source\nGucci,handbag,1290.00,EUR,"line one\nline two"\n', [129000]),
        (
            'brand,type,price,currency,source\nGucci,hat,5,EUR,"a ""b""\r\nc"\r\nDior,hat,6,EUR,\r\n',
            [500, 600],
        ),
        ("sep=;\n" + HEADER + "Gucci;handbag;5;EUR\n", [500]),
        ((HEADER + "Gucci;handbag;5;EUR\n").replace(";", "|"), [500]),
        ((HEADER + "Gucci;handbag;5;EUR\n").encode("utf-32"), [500]),
        ((HEADER + "Gucci;handbag;5;EUR\n\x1a\0\0").encode(), [500]),
        ((HEADER + "Gucci;handbag;5;EUR\n").replace(";", "\t").encode("utf-16"), [500]),
        ("Autumn 2026;;;\nas of 01.11.2026, net;;;\n\n" + HEADER + "Gucci;handbag;5;EUR\n", [500]),
        ("Autumn, 2026\n" + HEADER + "Gucci;handbag;5;EUR\n" + HEADER + "Dior;hat;6;EUR\n", [500, 600]),
        ('brand, type, price, currency\nGucci, "handbag" , "1290.00", EUR\n', [129000]),
        ("ｂｒａｎｄ,ｔｙｐｅ,ｐｒｉｃｅ,ｃｕｒｒｅｎｃｙ\nGucci,hat,5,EUR\n", [500]),
        (";brand;type;;price;currency\n;Gucci;handbag;;5;EUR\n", [500]),
        ("\ufeff" + HEADER + "Gu\u200bcci;handbag\u00ad;\u200e5;EUR\u200b\n", [500]),
    ],
)
def test_what_spreadsheets_write_is_taken(data: str | bytes, expected: list[int]) -> None:
    assert amounts(data) == expected


def test_a_cell_with_line_breaks_keeps_the_places_of_what_follows() -> None:
    data = 'brand,type,price,currency,source\nGucci,hat,5,EUR,"one\ntwo"\nPrada,hat,x,EUR,\n'
    with pytest.raises(BadCatalogue, match=r"list\.csv:4:11  price"):
        read(data, "list.csv")
    rows = read(data.replace("x", "6"), "list.csv").rows
    assert [(row.line, row.source) for row in rows] == [(2, "one two"), (4, "catalogue")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (HEADER + "Gucci;handbag;1.290;EUR\n", "2:15  price: .*1290 or 1\\.29\\?"),
        (HEADER + "Gucci;handbag;1.290;CLP\n", "1290\\?"),
        (HEADER + "Gucci;handbag;1.29E+03;EUR\n", 'write "1290" in full'),
        (HEADER, "1:1  no prices"),
        (HEADER + ";;;\n", "no prices"),
        ('brand,type,price,currency\nNike,hat,5,"EUR\nDior,hat,6,"EUR"\n', "2:12  the quote opened here"),
        ('brand,type,price,source\n"Nike,hat,5,x\nDior,hat,6,7"\nPrada,hat,7,y\n', "2:1  the quote opened"),
        (b"PK\x03\x04 no workbook", "Excel workbook that cannot be read; export it as CSV"),
        (b"\xd0\xcf\x11\xe0 old workbook", "old Excel workbook"),
        (b"%PDF-1.7\n", "a PDF, not a list"),
        (b"{\\rtf1", "RTF"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b'[{"brand": "Nike"}]', "JSON, not a list"),
        (HEADER.encode() + b"Nike;hat;5\0;EUR\nDior;hat;6;EUR\n", "bytes of zero"),
        (HEADER.replace("currency", "valid_from") + "Nike;hat;5;2569-11-30\n", "another calendar"),
        (HEADER.replace("currency", "valid_from") + "Nike;hat;5;1448-06-10\n", "another calendar"),
        ("brand,type,price\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"<html><table><tr><td>brand", "HTML or XML, not a list"),
        (HEADER + "Nike;\x1b[31mhat\x07x;5;EUR\n", r'unknown type "\[31mhatx"'),
        ("brand;type;price;currency;gtin\nNike;hat;5;EUR;4006381333932\n", "last digit"),
        ("brand;type;price;currency;gtin\nNike;hat;5;EUR;4.00638E+12\n", "a spreadsheet shortened it"),
        ("brand;type;price;currency;gtin\nNike;hat;5;EUR;400638\n", "6 digits"),
        (";brand;type;price;currency\nx;Gucci;handbag;5;EUR\n", "2:1  a value in a column without a name"),
        ('"brand,type,price,currency"\n"Gucci,handbag,5,EUR"\n', "1:1  this line is one field; separate"),
        (b"MIME-Version: 1.0\n", "a saved web page"),
        (HEADER + "Nike;hat;5;EUR\nTotal;;5;\n", "3:7  no type; name one, or take the line out"),
        (HEADER + "Nike;hat;5;HRK\n", 'withdrawn in 2023; write "EUR"'),
        (HEADER + "Nike;hatt;5;EUR\n" * 20_000, "900 more; the rest was not read"),
        (HEADER + "Nike;hat;5;EUR\n" * 20_000, "in line 2 already"),
    ],
)
def test_what_is_not_clear_is_one_line_each(data: str | bytes, expected: str) -> None:
    with pytest.raises(BadCatalogue, match=expected):
        read(data, "list.csv", "EUR" if isinstance(data, str) and "currency" not in data else None)


def test_an_empty_list_in_yaml_is_an_error() -> None:
    with pytest.raises(BadCatalogue, match="empty list"):
        read("currency: EUR\nprices: []\n", "list.yaml")
    with pytest.raises(BadCatalogue, match=r"1290 or 1\.29\?"):
        read("currency: EUR\nprices: [{brand: Nike, type: hat, price: 1.290}]\n", "list.yaml")


@pytest.mark.parametrize(
    ("listed", "asked"),
    [
        ("Samsoe Samsoe", "Samsøe Samsøe"),
        ("Bjørn Borg", "Bjorn Borg"),
        ("Łódź", "Lodz"),
        ("Ærø", "Aeroe".replace("oe", "o")),
        ("Đỗ", "Do"),
        ("ILGAZ", "ılgaz"),
        ("Straße", "STRASSE"),
        ("Gu\u200bcci", "gucci"),
        ("Hugo\u00a0Boss", "hugo boss"),
    ],
)
def test_a_brand_is_found_however_its_letters_are_written(listed: str, asked: str) -> None:
    catalogue = read(f"{HEADER}{listed};jacket;199;EUR\n", "list.csv")
    assert catalogue.lookup(asked, "jacket", "top", TODAY) is not None


GERMAN = """Marke;Warengruppe;Bestand;VK (EUR);gültig ab;EAN
Gucci;handbag;3;1.290,00 €;01.11.2026;4006381333931
Müller;coat;1;2.450;1.12.2026;
"""
NOTATION = ListFormat(
    {"brand": "Marke", "type": "Warengruppe", "price": "VK (EUR)", "valid_from": "gültig ab", "gtin": "EAN"},
    ",",
    ".",
    "DD.MM.YYYY",
    "cp1252",
    "EUR",
)


def test_a_list_is_read_in_the_notation_that_was_named() -> None:
    rows = read(GERMAN.encode("cp1252"), "list.csv", None, NOTATION).rows
    found = [(row.name, row.amount_minor, row.valid_from, row.gtin) for row in rows]
    assert found == [
        ("Gucci", 129000, date(2026, 11, 1), "4006381333931"),
        ("Müller", 245000, date(2026, 12, 1), ""),
    ]
    with pytest.raises(BadCatalogue, match="the list is in EUR, the store in CHF"):
        read(GERMAN, "list.csv", "CHF", NOTATION)
    with pytest.raises(BadCatalogue, match="is not in EUR"):
        read(GERMAN.replace("€", "$"), "list.csv", None, NOTATION)
    with pytest.raises(BadCatalogue, match=r"name its encoding under prices\.format"):
        read(GERMAN.encode("cp1252"), "list.csv")


def test_a_notation_is_suggested_with_what_it_rests_on() -> None:
    found = suggest(GERMAN.encode("cp1252"), "list.csv")
    assert found.notation == NOTATION
    assert '"1.290,00 €" shows that "," is the decimal mark' in found.evidence
    doubts = "\n".join(found.doubts)
    assert 'column "Bestand" is passed over' in doubts
    assert "cp1252" in doubts


@pytest.mark.parametrize(
    ("text", "encoding", "brand", "minor", "currency"),
    [
        ("Бренд;Тип;Цена, руб.\nНайк;hat;12 900,00\n", "cp1251", "Найк", 1290000, "RUB"),
        ("ブランド,種類,価格,通貨\nユニクロ,hat,12900,JPY\n", "cp932", "ユニクロ", 12900, "JPY"),
        ("品牌,类型,价格\n李宁,hat,CN¥1290.00\n", "gb18030", "李宁", 129000, "CNY"),
        ('브랜드,종류,가격\n구찌,hat,"1,290,000원"\n', "cp949", "구찌", 1290000, "KRW"),
        ("Μάρκα;Τύπος;Τιμή\nΖεύς;hat;1.290,00 €\n", "cp1253", "Ζεύς", 129000, "EUR"),
        ("ยี่ห้อ,ประเภท,ราคา\nกุชชี่,hat,1290.00 บาท\n", "cp874", "กุชชี่", 129000, "THB"),
        ("Marka;Kategoria;Cena\nŁódź;hat;1 290,00 zł\n", "cp1250", "Łódź", 129000, "PLN"),
        ("العلامة التجارية,النوع,السعر\nغوتشي,hat,١٬٢٩٠٫٠٠\n", "utf-8", "غوتشي", 129000, "SAR"),
        ("Marca;Tipo;Preço\nGucci;hat;R$ 1.290,00\n", "utf-8", "Gucci", 129000, "BRL"),
        ("Varumärke;Typ;Pris\nGucci;hat;1 290:-\n", "utf-8", "Gucci", 129000, "SEK"),
        ("Mærke;Type;Pris\nGucci;hat;1.290,00 kr.\n", "utf-8", "Gucci", 129000, "DKK"),
        ("Brand,Type,MRP\nGucci,hat,₹ 129000.00\n", "utf-8", "Gucci", 12900000, "INR"),
        ("Thương hiệu,Loại,Giá\nGucci,hat,1.290.000 ₫\n", "utf-8", "Gucci", 1290000, "VND"),
    ],
)
def test_a_list_of_another_country_is_read_as_suggested(
    text: str, encoding: str, brand: str, minor: int, currency: str
) -> None:
    found = suggest(text.encode(encoding), "list.csv", currency).notation
    rows = read(text.encode(encoding), "list.csv", currency, found).rows
    assert [(row.name, row.amount_minor, row.currency) for row in rows] == [(brand, minor, currency)]


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        # Apostrophes and spaces that look alike.
        *((f"1{mark}290.50", "CHF", 129050) for mark in "'’‘ʼ′＇`´"),
        *(
            (f"1{space}290,50", "EUR", 129050)
            for space in "\u00a0\u2002\u2006\u2007\u2009\u200a\u202f\u205f\u3000"
        ),
        # No decimals, as they are written by hand.
        *((f"1.290,{dash}", "EUR", 129000) for dash in ("-", "--", "–", "—", "‐", "‑", "−")),
        ("SFr. 1’290.–", "CHF", 129000),
        ("12.-", "CHF", 1200),
        ("12.–", "CHF", 1200),
        ("１，２９０", "JPY", 1290),
        ("￥１，２９０", "JPY", 1290),
        ("１２．９０", "USD", 1290),
        ("12,90 €/Stk", "EUR", None),
        ("12€90", "EUR", None),
        ("12 € 90", "EUR", None),
        ("1 290 руб 50 коп", "RUB", None),
        ("1,290円(税込)", "JPY", None),
        ("12.9万", "CNY", None),
        ("99¢", "USD", None),
        ("1,29,00", "INR", None),
        ("1.29.000", "INR", None),
        ("12·90", "GBP", None),
        ("１２９０-", "EUR", None),
        ("一二九〇", "CNY", None),
        ("Ⅻ", "EUR", None),
        ("l290", "EUR", None),
        ("€ 1290 CHF", "CHF", None),
        ("kr. 1.290,-", "DKK", 129000),
        ("Rs. 1,29,000/-", "INR", 12900000),
        ("KSh 1,290/=", "KES", 129000),
        ("1290,-", "EUR", 129000),
        # Signs, before, after, and with their code.
        ("Fr. 1'290.50", "CHF", 129050),
        ("Rp. 1.290.000,00", "IDR", 129000000),
        ("USD $1,290.50", "USD", 129050),
        ("$1,290.50 USD", "USD", 129050),
        ("US $1,290.50", "USD", 129050),
        ("S/. 1,290.00", "PEN", 129000),
        ("￥1,290", "JPY", 1290),
        ("1290 Euros", "EUR", 129000),
        ("1 290 р.", "RUB", 129000),
        ("1.290,00 din.", "RSD", 129000),
        ("RD$1,290.00", "DOP", 129000),
        ("₲ 1.290.000", "PYG", 1290000),
        ("৳1,290", "BDT", 129000),
        ("GH₵1,290", "GHS", 129000),
        ("1 290 F CFA", "XOF", 1290),
        ("1.290,50 DH", "MAD", 129050),
        ("1 290,500 DT", "TND", 1290500),
        ("1.290.000đ", "VND", 1290000),
        ("١٢٩٠ ر.س", "SAR", 129000),
        ("1,290.00 د.إ", "AED", 129000),
        ("١٬٢٩٠٫٥٠٠ د.ك", "KWD", 1290500),
        # What is no clear amount is refused: None.
        ("12.34.567", "EUR", None),
        (".50", "EUR", None),
        ("$.50", "USD", None),
        ("USD.50", "USD", None),
        ("1290-", "EUR", None),
        ("1.2K", "ZMW", None),
        ("$1,290.50 CAD", "USD", None),
        ("¥1,290-", "JPY", None),
        ("12.11.2026", "EUR", None),
    ],
)
def test_an_amount_of_a_country_is_read_as_suggested_or_refused(
    text: str, currency: str, minor: int | None
) -> None:
    quoted = text.replace('"', '""')
    data = f'brand,type,price\nGucci,hat,"{quoted}"\n'.encode()
    try:
        found = amounts(data, suggest(data, "list.csv", currency).notation, currency)
    except BadCatalogue:
        found = []
    assert found == ([] if minor is None else [minor])


@pytest.mark.parametrize("price", ["1.290,00 kr.", "$1,290.00", "¥1290"])
def test_a_sign_of_several_currencies_is_a_question(price: str) -> None:
    found = suggest(f"brand;type;price\nGucci;hat;{price}\n".encode(), "list.csv")
    assert found.notation.currency is None
    assert "name yours under currency" in "\n".join(found.doubts)


@pytest.mark.parametrize(
    ("prices", "currency", "expected", "doubt"),
    [
        (("1290.00", "5"), "EUR", (".", ""), ""),
        (("1.290", "12,50"), "EUR", (",", "."), "taken for thousands"),
        (("1.290", "2.450"), "EUR", (",", "."), "taken for thousands"),
        (("1,290", "2,450"), "USD", (".", ","), "taken for thousands"),
        (("1 290,50", "5"), "EUR", (",", " "), ""),
        (("1’290.50", "5"), "CHF", (".", "'"), ""),
        (("1.234.567", "5"), "CLP", (",", "."), ""),
        (("1.290", "2.5"), "KWD", (".", ""), "thousands or decimals"),
        (("1.290", "2.450"), "KWD", (".", ""), "thousands or decimals"),
        (("1.290,00", "1,290.00"), "EUR", (".", ""), "more than one way"),
    ],
)
def test_suggested_marks(prices: Sequence[str], currency: str, expected: tuple[str, str], doubt: str) -> None:
    rows = "".join(f"Nike;hat;{price};{currency}\n" for price in prices)
    found = suggest((HEADER + rows).encode(), "list.csv", currency)
    assert (found.notation.decimal, found.notation.grouping) == expected
    assert doubt in "\n".join(found.doubts)
    assert bool(doubt) == bool(found.doubts)


@pytest.mark.parametrize(
    "wrong",
    [
        {"decimal": ",", "grouping": ","},
        {"decimal": ";"},
        {"dates": "DD.MM"},
        {"dates": "DDMMYYYY"},
        {"encoding": "utf-9"},
    ],
)
def test_a_notation_that_cannot_be_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        ListFormat(**wrong)


def workbook(*rows: Sequence[object], hidden: bool = False, form: str = "") -> bytes:
    """Return a workbook; form: the number format of the last row's last cell."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    if hidden:
        sheet.sheet_state = "hidden"
        sheet.append(["nothing", "of", "interest"])
        sheet = book.create_sheet("prices")
    for row in rows:
        sheet.append(list(row))
    if form:
        sheet.cell(sheet.max_row, sheet.max_column).number_format = form
    written = BytesIO()
    book.save(written)
    return written.getvalue()


def test_a_workbook_is_read_whatever_its_name() -> None:
    data = workbook(
        ("brand", "type", "price", "currency", "valid_from", "gtin", None),
        ("Gucci", "handbag", 1290, "EUR", datetime(2026, 11, 1), 4006381333931),  # noqa: DTZ001 as in a cell
        (None, None, None, None),
        ("Nike", "hat", 0.1 + 0.2, "EUR", "2026-11-02"),
        ("Prada", "hat", "12.50", "EUR"),
        hidden=True,
    )
    rows = read(data, "prices.csv").rows
    found = [(row.name, row.amount_minor, row.valid_from, row.line, row.gtin) for row in rows]
    assert found == [
        ("Gucci", 129000, date(2026, 11, 1), 2, "4006381333931"),
        ("Nike", 30, date(2026, 11, 2), 4, ""),
        ("Prada", 1250, date.min, 5, ""),
    ]
    text = workbook(("brand", "type", "price", "currency"), ("Gucci", "handbag", "1.290", "EUR"))
    with pytest.raises(BadCatalogue, match=r"prices\.xlsx:2:3  price: .*1290 or 1\.29\?"):
        read(text, "prices.xlsx")


def test_the_sheet_with_the_header_is_read() -> None:
    book = Workbook()
    for title, rows in (
        ("empty", []),
        ("cover", [["Prices of autumn"]]),
        ("list", [["Prices of autumn"], [], [None, "brand", "type", "price"], [None, "Gucci", "hat", 5]]),
    ):
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    written = BytesIO()
    book.save(written)
    assert amounts(written.getvalue(), currency="EUR") == [500]


def test_a_title_does_not_hide_the_header_from_a_suggestion() -> None:
    data = "Preise, Herbst 2026\n\nMarke;Typ;Preis\nHermès;hat;1.290,00\n".encode("cp1252")
    found = suggest(data, "list.csv", "EUR").notation
    assert (found.encoding, amounts(data, found, "EUR")) == ("cp1252", [129000])


@pytest.mark.parametrize(
    ("value", "form", "currency", "expected"),
    [
        # The number is what the cell shows.
        (1290, "#,##0.00", "EUR", 129000),
        (1290, '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-;_-* "-"??\\ "€"_-;_-@_-', "EUR", 129000),
        (1290, "[$€-407]\\ #,##0.00", "EUR", 129000),
        (1290, "#,##0.00\\ [$kr.-406]", "DKK", 129000),
        (1290, "[$₹-4009]\\ #,##,##0.00", "INR", 129000),
        (1290, '"CHF" #,##0".-"', "CHF", 129000),
        (1290, '#\\ ##0.00\\ "€"', "EUR", 129000),
        (1290, '_("$"* #,##0.00_)_("$"* \\(#,##0.00\\)_("$"* "-"??_)_(@_)', "EUR", 129000),  # of the program
        (12.899, "0.00", "EUR", 1290),
        (12, '[>=1000]#,##0.0,"k";0.00', "EUR", 1200),
        (1290, "0.00", "JPY", 1290),
        (1.29, "0.000", "KWD", 1290),
        (12.9, 'General\\ "€"', "EUR", 1290),
        # The cell shows another number, or may be read as another.
        (1.29, "0.000", "EUR", "1290 or 1.29"),
        (12.9, "0", "EUR", "shows 13, but holds 12.9"),
        (1.295, "0.00", "KWD", "shows 1.30, but holds 1.295"),
        (1290, '[>=1000]#,##0.0,"k";0.00', "EUR", "format the cell as a number"),
        (1290000, "#,##0,", "EUR", "format the cell as a number"),
        (0.129, "0%", "EUR", "format the cell as a number"),
        (12.5, "# ?/?", "EUR", "format the cell as a number"),
        (1290, ";;;", "EUR", "format the cell as a number"),
        (1290, '#"."##0', "EUR", "format the cell as a number"),
        (1290, "[$$-409]#,##0.00", "EUR", 'shows "\\$" beside 1290, which is not EUR'),
        (1290, '0" k"', "EUR", 'shows "k"'),
        (1290, '"ab "0.00', "EUR", 'shows "ab"'),
        (0, '0.00;-0.00;"-"??', "EUR", 'shows "-"'),
        (-5, "0.00;0.00", "EUR", "not negative"),
        # What is no number.
        (True, "General", "EUR", "not a plain amount"),
        ("'1290", "General", "EUR", 'write "1290"'),
        ("1290.00", "@", "EUR", 129000),
        (date(2026, 12, 1), "d-mmm", "EUR", "holds a date or a time"),
        (timedelta(hours=30), "[h]:mm", "EUR", "holds a date or a time"),
    ],
)
def test_a_price_of_a_workbook_is_what_its_cell_shows(
    value: object, form: str, currency: str, expected: int | str
) -> None:
    data = workbook(("brand", "type", "price"), ("Gucci", "hat", value), form=form)
    if isinstance(expected, int):
        assert amounts(data, currency=currency) == [expected]
        return
    with pytest.raises(BadCatalogue, match=f"list.csv:2:3  price: .*{expected}"):
        amounts(data, currency=currency)


@pytest.mark.parametrize(
    ("column", "value", "form", "expected"),
    [
        ("gtin", 36000291452, "0" * 12, "036000291452"),
        ("gtin", 4006381333931, "0.00E+00", "4006381333931"),
        ("model", 47, "0000", "0047"),
        ("model", 12, '"AB-"0000', "ab 0012"),
    ],
)
def test_a_number_that_is_no_price_keeps_the_zeros_that_its_cell_shows(
    column: str, value: int, form: str, expected: str
) -> None:
    data = workbook(("brand", "type", "price", column), ("Gucci", "hat", 5, value), form=form)
    assert getattr(read(data, "list.xlsx", "EUR").rows[0], column) == expected


def test_what_a_workbook_hides_or_parts_is_told() -> None:
    book = Workbook()
    for title in ("Men", "Women"):
        for row in (("brand", "type", "price"), ("Gucci", "hat", 5)):
            book.create_sheet(title).append(row) if title not in book.sheetnames else book[title].append(row)
    written = BytesIO()
    book.save(written)
    with pytest.raises(BadCatalogue, match='the sheets "Men" and "Women" are price lists'):
        amounts(written.getvalue(), currency="EUR")
    book["Women"].sheet_state = "hidden"
    book["Men"].row_dimensions[2].hidden = True
    written = BytesIO()
    book.save(written)
    with pytest.raises(BadCatalogue, match=r"list\.csv:2:1  a hidden row; show it"):
        amounts(written.getvalue(), currency="EUR")


def test_cells_merged_over_rows_are_named_once_with_what_to_do() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    rows = [
        ("Prices", None, None, "of May"),
        (),
        ("brand", "type", "price", "source"),
        ("Gucci", "hat", 5, "x"),
    ]
    rows += [(None, name, price) for name, price in (("handbag", 9), ("watch", 7), ("coat", None))]
    for row in rows:
        sheet.append(row)
    for ref in ("A1:C2", "A4:A7", "C6:C7", "D4:D5"):
        sheet.merge_cells(ref)
    written = BytesIO()
    book.save(written)
    with pytest.raises(BadCatalogue) as refused:
        read(written.getvalue(), "prices.xlsx", "EUR")
    hint = "hold their value in the first row only: unmerge them and fill it down"
    assert refused.value.problems == (
        f"prices.xlsx:5:1  no brand: the merged cells A4:A7 {hint}",
        f"prices.xlsx:7:3  no price: the merged cells C6:C7 {hint}",
    )
    for name in ("A5", "A6", "A7"):  # as after unmerging
        sheet.unmerge_cells("A4:A7") if name == "A5" else None
        sheet[name] = "Gucci"
    sheet.unmerge_cells("C6:C7")
    sheet["C7"] = 3
    written = BytesIO()
    book.save(written)
    assert amounts(written.getvalue(), currency="EUR") == [500, 900, 700, 300]


def test_all_rows_of_a_workbook_are_read_whatever_its_size_says() -> None:
    small = BytesIO()
    data = workbook(("brand", "type", "price"), ("Gucci", "hat", 5), ("Nike", "hat", 7))
    with zipfile.ZipFile(BytesIO(data)) as before, zipfile.ZipFile(small, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(b'"A1:C3"', b'"A1"'))
    assert amounts(small.getvalue(), currency="EUR") == [500, 700]


def test_formulas_without_a_stored_value_or_with_an_error_are_named_not_taken_for_empty_cells() -> None:
    data = workbook(
        ("brand", "type", "price", "currency", "valid_until", None),
        ("Gucci", "handbag", "=2*645", "EUR", None, "=1+1"),
        ("#N/A", "hat", 10, "EUR"),
        ("# a remark",),
        ("Prada", "hat", 12.5, "EUR", "=TODAY()"),
    )
    with pytest.raises(BadCatalogue) as refused:
        read(data, "prices.xlsx")
    stored = "the formula has no stored value; open the workbook in a spreadsheet program and save it once"
    assert refused.value.problems == (
        f"prices.xlsx:2:3  {stored}",
        "prices.xlsx:3:1  the formula gives #N/A; mend it in the workbook",
        f"prices.xlsx:5:5  {stored}",
    )


def test_a_formula_with_a_stored_value_is_that_value() -> None:
    written = BytesIO(workbook(("brand", "type", "price", "currency"), ("Gucci", "handbag", "=2*645", "EUR")))
    stored = BytesIO()
    with zipfile.ZipFile(written) as before, zipfile.ZipFile(stored, "w") as after:
        for name in before.namelist():
            after.writestr(name, re.sub(rb"</f><v ?/>|</f><v></v>", b"</f><v>1290</v>", before.read(name)))
    assert [row.amount_minor for row in read(stored.getvalue(), "prices.xlsx").rows] == [129000]


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


@settings(max_examples=FUZZ, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(lists())
def test_no_price_is_another_than_its_writer_means(
    drawn: tuple[str, str, tuple[str, str], list[int]],
) -> None:
    text, currency, marks, meant = drawn
    # Told how it is written, the list is read as it is meant.
    assert amounts(text, ListFormat(decimal=marks[0], grouping=marks[1]), currency) == meant
    # Not told, it is read as it is meant or refused. 1.290 dinar are what they are: `prices check` says so.
    try:
        found = amounts(text, None, currency)
    except BadCatalogue:
        found = meant
    assert found == meant or (EXPONENTS[currency] == 3 and marks[1] == ".")
    # A suggestion without a doubt is right, or refuses the list.
    suggested = suggest(text.encode(), "list.csv", currency)
    with contextlib.suppress(BadCatalogue):
        assert suggested.doubts or amounts(text, suggested.notation, currency) == meant


@pytest.mark.parametrize(
    ("brand", "currency", "encoding"),
    [
        ("Hermès", "CHF", "cp1252"),
        ("Hermès", "USD", "cp1252"),
        ("Łódź", "PLN", "cp1250"),
        ("Твое", "RUB", "cp1251"),
        ("Işık", "TRY", "cp1254"),
        ("無印良品", "JPY", "cp932"),
        ("海澜之家", "CNY", "gb18030"),
        ("무신사", "KRW", "cp949"),
    ],
)
def test_the_money_of_a_short_list_tells_what_its_few_letters_are(
    brand: str, currency: str, encoding: str
) -> None:
    found = suggest(f"{HEADER}{brand};handbag;1290;{currency}\n".encode(encoding), "list.csv")
    assert found.notation.encoding == encoding
    assert f'it holds "{brand}"' in "".join(found.doubts)
