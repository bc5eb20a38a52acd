"""What an export puts in place of the shop's words: errors, formulas, codes of HTML, letters read wrongly."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.catalogue.catalogue import read
from pricing.catalogue.cells import is_error, spoiled
from pricing.catalogue.list_format import ListFormat
from pricing.catalogue.rows import BadCatalogue
from tests.pricing.catalogue.lists import COMMAS, HEADER, amounts, workbook

ERRORS = (
    *("#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#ERROR!", "#FIELD!"),
    *("#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#ÜBERLAUF!", "#N/D", "#¿NOMBRE?", "#¡DIV/0!", "#VALEUR!"),
    *("#N/B", "#WAARDE!", "#N/D!", "#DZIEL/0!", "#SAKNAS!", "#VÆRDI!", "#I/T", "#DĚLENÍ_NULOU!", "#YOK"),
    *("#Н/Д", "#ССЫЛКА!", "#ДЕЛ/0!", "#GETTING_DATA", "Err:508", "########"),
)
COLUMNS = ("brand", "type", "price", "currency", "model", "valid_until", "source", "gtin")
GOOD = dict(
    zip(COLUMNS, ("Nike", "hat", "5", "EUR", "One", "2026-12-31", "mine", "4006381333931"), strict=True)
)


@pytest.mark.parametrize("word", ERRORS)
def test_an_error_of_a_spreadsheet_is_told_wherever_it_stands_and_loses_no_row(word: str) -> None:
    for column in COLUMNS:
        row = GOOD | {column: word}
        for order in (COLUMNS, COLUMNS[::-1]):
            values = [row[name] for name in order]
            csv = f"{';'.join(order)}\n{';'.join(values)}\n"
            place = 1 + len(";".join((*values[: order.index(column)], "")))
            with pytest.raises(BadCatalogue) as refused:
                read(csv, "list.csv")
            (told,) = refused.value.problems
            assert told.startswith(f"list.csv:2:{place}  ")
            assert word in told
            assert "then export it again" in told
    book = workbook(("type", "brand", "price", "currency"), ("hat", word, 5, "EUR"))
    with pytest.raises(BadCatalogue, match=rf"list\.xlsx:2:2  .*{re.escape(word)}"):
        read(book, "list.xlsx")


@pytest.mark.parametrize(
    "remark",
    [
        "# as of 30.11.",
        "#",
        "#####",
        "# #N/A; in line 7",
        "#Nike;hat;7;EUR",
        "#1;hat;7;EUR",
        "#Neu!;hat;7;EUR",
    ],
)
def test_a_remark_stays_one(remark: str) -> None:
    assert amounts(f"{HEADER}{remark}\nNike;hat;5;EUR\n{remark}\n") == [500]
    assert amounts(f"{remark}\n{HEADER}Nike;hat;5;EUR\n") == [500]
    if remark.partition(";")[0].strip("#"):
        rows = ((one.partition(";")[0],) for one in (remark, "# HermÃ¨s"))
        assert amounts(workbook(HEADER.strip().split(";"), *rows, ("Nike", "hat", 5, "EUR"))) == [500]


def test_what_a_spreadsheet_is_told_is_text_is_that_text() -> None:
    header = "brand,type,price,currency,gtin\n"
    for row in (
        'Gucci,hat,="1290.00",EUR,="4006381333931"\n',
        '="Gucci","=""hat""","=""1290.00""",EUR,"=""4006381333931"""\n',
    ):
        (found,) = read(header + row, "list.csv").rows
        assert (found.name, found.type, found.amount_minor) == ("Gucci", "hat", 129000)
        assert found.gtin == "4006381333931"


@pytest.mark.parametrize(
    "formula", ["=A2", "=2*645", '=HYPERLINK("http://h/","Gucci")', '=VLOOKUP(A2,"x",2)']
)
def test_a_formula_is_no_brand_and_no_price(formula: str) -> None:
    quoted = '"' + formula.replace('"', '""') + '"'
    for row, place in ((f"{quoted},hat,5,EUR\n", "2:1"), (f"Gucci,hat,{quoted},EUR\n", "2:11")):
        with pytest.raises(
            BadCatalogue, match=f"{place}  a formula, not its value; export the list with values"
        ):
            read(COMMAS + row, "list.csv")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("H&amp;M", "H&M"),
        ("Levi&#39;s", "Levi's"),
        ("Levi&#x2019;s", "Levi’s"),
        ("Herm&egrave;s", "Hermès"),
        ("Dolce &amp;amp; Gabbana", "Dolce & Gabbana"),
        ("Tom&nbsp;Ford", "Tom Ford"),
        ("H&M", "H&M"),
        ("AT&T; Co", "AT&T; Co"),
    ],
)
def test_a_name_that_a_web_shop_wrote_for_html_is_the_name(written: str, meant: str) -> None:
    (row,) = read(
        f"{COMMAS}{written},hat,&euro;&nbsp;5,EUR\n", "list.csv", None, ListFormat(marks_said=True)
    ).rows
    assert (row.name, row.amount_minor) == (meant, 500)
    book = workbook(("brand", "type", "price", "currency"), (written, "hat", 5, "EUR"))
    assert read(book, "list.xlsx").rows[0].name == meant
    yaml = f'prices: [{{brand: "{written}", type: hat, price: 5}}]'
    assert read(yaml, "list.yaml", "EUR").rows[0].name == meant


def test_line_breaks_that_xml_cannot_hold_are_no_part_of_a_name() -> None:
    data = workbook(
        ("brand_x000D_\n", "type", "price", "currency"),
        ("Dolce_x000D_\n& Gabbana", "hat", 5, "EUR"),
        ("A_xD83D_", "hat", 5, "EUR"),
    )
    assert [row.name for row in read(data, "list.xlsx").rows] == ["Dolce & Gabbana", "A_xD83D_"]


NAMES = ("Hermès", "Müller", "L’Oréal", "Élysée", "Příbram", "Łódź", "UNIQLO®", "Levi’s")
OTHER_SCRIPTS = ("Найк", "Μάρκα", "Твое Ателье", "שוק העיר", "العربية", "무신사", "海澜之家")


def read_as(text: str, encoding: str) -> str:
    """Return a text whose bytes of UTF-8 are read in another encoding, as spreadsheets do."""
    return "".join(
        byte.decode(encoding) if byte.decode(encoding, "replace") != "\ufffd" else chr(byte[0])
        for byte in (bytes([one]) for one in text.encode())
    )


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp1250", "mac_roman", "cp850", "cp437"])
def test_letters_that_were_read_in_a_wrong_encoding_are_told_with_the_right_ones(encoding: str) -> None:
    for name in (*NAMES, *(OTHER_SCRIPTS if encoding in ("cp1252", "latin-1") else ())):
        wrong = read_as(name, encoding)
        assert wrong != name
        with pytest.raises(BadCatalogue, match=f'list.csv:2:1  its letters .* is it "{name}"'):
            read(f"{HEADER}{wrong};hat;5;EUR\n", "list.csv")
    found = f"{HEADER}Hermès;hat;5;EUR\n".encode()
    with pytest.raises(BadCatalogue, match='is it "Hermès"'):
        read(found, "list.csv", None, ListFormat(encoding=encoding))


def test_russian_read_in_a_wrong_encoding_is_told() -> None:
    assert 'is it "Найк"' in spoiled(read_as("Найк", "cp1251"))


def test_lost_letters_are_told() -> None:
    with pytest.raises(BadCatalogue, match=r"list\.csv:2:1  letters were lost \(\"\ufffd\"\); export"):
        read(f"{HEADER}Herm\ufffds;hat;5;EUR\n", "list.csv")


@pytest.mark.parametrize(
    "name",
    [
        *NAMES,
        *OTHER_SCRIPTS,
        *("CAFÉ®", "NESTLÉ® CAFÉ®", "BJÖRN BORG™", "HÅG®", "Рівне", "Сё", "ВОСС", "Fjällräven", "Ñandú°"),
        *("ÁÉÍÓÚ", "São Paulo", "MAÇÃ", "“Äpfel”", "Ōkami", "Đồng", "Ångström", "Groß™", "Ø™", "Æ®"),
    ],
)
def test_a_name_of_any_country_is_not_called_spoiled(name: str) -> None:
    assert spoiled(name) == ""
    assert read(f"{HEADER}{name};hat;5;EUR\n", "list.csv").rows[0].name == name


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert not (is_error(text) and text.isdecimal())
    assert spoiled(text).isprintable() or not text.isprintable()
