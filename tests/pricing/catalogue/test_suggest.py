"""The notation that is suggested for a list, with its evidence and doubts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pricing.catalogue.catalogue import read
from pricing.catalogue.rows import BadCatalogue
from pricing.catalogue.suggest import suggest
from tests.pricing.catalogue.lists import GERMAN, HEADER, NOTATION, amounts

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    "text",
    [
        "Handle,Vendor,Type,Variant Price,Variant Barcode\ngg,Gucci,Handbags,1290.00,'4006381333931\n",
        'Regular price,Categories,Brands,"GTIN, UPC, EAN, or ISBN"\n1290,Handbag,Gucci,4006381333931.0\n',
        "Category;Price (tax excl.);Price (tax incl.);Brand\nsacs à main;1075,00 €;1290,00 €;Gucci\n",
        """
        10.01.2026                     Preisliste                     1
        ---------------------------------------------------------------
        | Marke | Warengruppe | VK-Preis | Währg | EAN                |
        |-------+-------------+----------+-------+--------------------|
        | Gucci | Handtasche  | 1.290,00 | EUR   | 4006381333931      |
        ---------------------------------------------------------------
        """.replace("\n        ", "\n"),
        "| brand | type | price | currency |\n|:--|---|--:| --- |\n| Gucci | handbag | 1290.00 | EUR |\n",
    ],
    ids=["Shopify", "WooCommerce", "PrestaShop", "SAP", "Markdown"],
)
def test_what_shops_systems_write_is_read_as_suggested(text: str) -> None:
    found = suggest(text.encode(), "list.csv", "EUR").notation
    (row,) = read(text, "list.csv", "EUR", found).rows
    assert (row.brand, row.type, row.amount_minor) == ("gucci", "handbag", 129000)
    assert row.gtin in ("4006381333931", "")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        # Apostrophes and spaces that look alike.
        *((f"1{mark}290.50", "CHF", 129050) for mark in "'’‘ʼ′＇`´"),
        *(
            (f"1{space}290,50", "EUR", 129050)
            for space in "\u00a0\u2002\u2006\u2007\u2009\u200a\u202f\u205f\u3000"
        ),
        # Nothing but a sign tells that a person wrote it.
        *((text, "GBP", 1290) for text in ("£12.90", "GBP 12.90", "12.90GBP", "£\u00a012.90")),
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


def test_a_title_does_not_hide_the_header_from_a_suggestion() -> None:
    data = "Preise, Herbst 2026\n\nMarke;Typ;Preis\nHermès;hat;1.290,00\n".encode("cp1252")
    found = suggest(data, "list.csv", "EUR").notation
    assert (found.encoding, amounts(data, found, "EUR")) == ("cp1252", [129000])


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
