"""Price lists of the tests, and what the amounts of a list are."""

from __future__ import annotations

from pricing.catalogue.catalogue import read
from pricing.catalogue.list_format import ListFormat

HEADER = "brand;type;price;currency\n"
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


def amounts(data: str | bytes, notation: ListFormat | None = None, currency: str | None = None) -> list[int]:
    return [row.amount_minor for row in read(data, "list.csv", currency, notation).rows]
