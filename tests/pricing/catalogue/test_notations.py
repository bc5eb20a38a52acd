"""Price lists in CSV as people of other countries and their programs write them."""

from __future__ import annotations

from datetime import date

import pytest

from pricing.catalogue.catalogue import read
from pricing.catalogue.rows import BadCatalogue
from tests.pricing.catalogue.lists import HEADER, amounts

TODAY = date(2026, 11, 30)


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
        ((HEADER + "Gucci;handbag;5;EUR\r\n").encode("utf-16-le"), [500]),
        ((HEADER + "Hermès;handbag;5;EUR\n").encode("utf-16-be"), [500]),
        ((HEADER + "Спортмастер;hat;5;EUR\n优衣库;hat;6;EUR\n").encode("utf-16-le"), [500, 600]),
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
        (
            (HEADER + "Nike;hat;5;EUR\n").encode("utf-16-le")[:-1],
            "2:30  not UTF-16 text; save the file as",
        ),
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
        ("Love \u2764\ufe0f Moschino", "love moschino"),
        ("Gucci\u3164", "gucci"),
        ("G\ufe0fucci", "gucci"),
        ("ز\u0640\u0640ارا", "زارا"),
        ("Levi\u02bbs", "LEVI\u2032S"),
        ("Levi\uff07s", "levis"),
        ("ג\u05f3ורדן", "ג'ורדן"),
    ],
)
def test_a_brand_is_found_however_its_letters_are_written(listed: str, asked: str) -> None:
    catalogue = read(f"{HEADER}{listed};jacket;199;EUR\n", "list.csv")
    assert catalogue.lookup(asked, "jacket", "top", TODAY) is not None
