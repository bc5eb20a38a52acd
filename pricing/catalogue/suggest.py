"""Suggests how a price list of unknown notation may be written, for a person to decide."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pricing.brands.names import normal_brand
from pricing.catalogue.amounts import read_currency
from pricing.catalogue.list_format import ListFormat
from pricing.catalogue.rows import COLUMNS, BadCatalogue, RowReader, decoded
from pricing.catalogue.rows_csv import records
from pricing.money import EXPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pricing.catalogue.rows import Cell

MAX_RECORDS = 5000
# Headings in the normal form of brands (lower case, no accents), as shops' systems write them.
_HEADINGS = {
    "brand": "brand,brand name,manufacturer,label,marke,hersteller,marque,fabricant,marca,fabricante,merk,"
    "marka,varumarke,maerke,merke,vyrobce,gyarto",
    "type": "type,category,product type,product group,typ,art,artikelart,kategorie,warengruppe,"
    "produktgruppe,categorie,type de produit,categoria,tipo,tipo de producto,soort,kategoria,kategori,druh",
    "model": "model,style,product,product name,item,modell,modele,modello,modelo,artikel,bezeichnung,produkt,"
    "produit,prodotto,producto,produto,artikelbezeichnung,nazwa",
    "price": "price,retail price,selling price,rrp,preis,vk,vk brutto,verkaufspreis,bruttopreis,uvp,prix,"
    "prix ttc,prezzo,precio,pvp,preco,prijs,cena,pris,fiyat,hinta,ar",
    "price_min": "price min,min price,price from,preis von,preis min,mindestpreis,prix min,precio min",
    "price_max": "price max,max price,price to,preis bis,preis max,hochstpreis,prix max,precio max",
    "currency": "currency,wahrung,devise,monnaie,valuta,moneda,divisa,moeda,waluta,para birimi",
    "valid_from": "valid from,from,start,gultig ab,gultig von,ab,valable du,valido dal,valido desde",
    "valid_until": "valid until,valid to,until,end,gultig bis,bis,valable au,valido al,valido hasta",
    "source": "source,quelle,fonte,fuente",
    "gtin": "gtin,ean,ean13,ean code,barcode,upc,strichcode,code barres,codigo de barras",
}
_OURS = {name: ours for ours, names in _HEADINGS.items() for name in names.split(",")}
_DATE = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[T ].*)?", re.ASCII)


@dataclass
class Suggestion:
    """A notation that fits a list, what it rests on, and what a person must look at."""

    notation: ListFormat = field(default_factory=ListFormat)
    evidence: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def suggest(data: bytes, file: str, currency: str | None = None) -> Suggestion:
    """Return the notation that fits a CSV list best; raises BadCatalogue where there is nothing to go by.

    currency: the store's; only the number of its decimals matters.
    """
    found = Suggestion()
    encoding = _encoding(data, found)
    rows = []
    for cells in records(decoded(data, file, encoding), RowReader(file, currency)):
        if any(cell.text for cell in cells):
            rows.append(cells)
        if len(rows) > MAX_RECORDS:
            break
    if len(rows) < 2:
        raise BadCatalogue([f"{file}:1:1  no header line with rows below it; is this a price list?"])
    columns = _columns(rows[0], found)
    texts = {ours: _texts(rows[1:], place) for ours, place in columns.items()}
    amounts = [text for ours in ("price", "price_min", "price_max") for text in texts.get(ours, ())]
    headings = [cell.text for cell in rows[0]]
    own = _currency(amounts, [headings[place] for ours, place in columns.items() if "price" in ours])
    digits = EXPONENTS.get(currency or own or "", 2)
    decimal, grouping = _marks(amounts, digits, found)
    named = {ours: headings[place] for ours, place in columns.items()}
    plain = all(ours == heading.casefold() for ours, heading in named.items()) and len(named) == len(headings)
    found.notation = ListFormat(
        {} if plain else named,
        decimal,
        grouping,
        _dates([text for ours in ("valid_from", "valid_until") for text in texts.get(ours, ())], found),
        encoding,
        None if "currency" in columns else own,
    )
    return found


def _encoding(data: bytes, found: Suggestion) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-8"  # the byte order mark says what it is
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        found.doubts.append(
            "the file is not UTF-8; cp1252 is what Windows writes in western Europe and America"
        )
        return "cp1252"
    return "utf-8"


def _columns(header: Iterable[Cell], found: Suggestion) -> dict[str, int]:
    columns: dict[str, int] = {}
    for place, cell in enumerate(header):
        words = [word for word in re.split(r"[\s()\[\]/,:]+", cell.text) if not read_currency(word, "EUR")]
        ours = _OURS.get(normal_brand(" ".join(words))) or (cell.text if cell.text in COLUMNS else None)
        if ours is not None and ours not in columns:
            columns[ours] = place
        elif cell.text:
            found.doubts.append(f'column "{cell.text}" is passed over')
    missing = [ours for ours in ("brand", "type", "price") if ours not in columns]
    if missing and not ({"price_min", "price_max"} <= columns.keys() and missing == ["price"]):
        found.doubts.append(f"no column was found for {', '.join(missing)}; name it under columns")
    return columns


def _texts(rows: Iterable[list[Cell]], place: int) -> list[str]:
    return [row[place].text for row in rows if place < len(row) and row[place].text]


def _currency(amounts: Iterable[str], headings: Iterable[str]) -> str | None:
    """Return the one currency that amounts or their headings name by code or sign."""
    words = [word for text in (*amounts, *headings) for word in re.findall(r"[^\W\d_]{2,3}\b|[$€£¥₹₩]", text)]
    codes = {code for word in words if (code := read_currency(word, "EUR"))}
    return codes.pop() if len(codes) == 1 else None


def _marks(amounts: Iterable[str], digits: int, found: Suggestion) -> tuple[str, str]:
    """Return the decimal mark and the grouping mark that the amounts show."""
    decimals: dict[str, str] = {}
    groupings: dict[str, str] = {}
    either: dict[str, str] = {}
    for text in amounts:
        number = re.sub(
            r"[^\d.,' ]", "", re.sub(r"[\u00a0\u2009\u202f]", " ", text.replace("’", "'"))
        ).strip()
        for space in re.findall(r"(?<=\d)[' ](?=\d{3}(?!\d))", number):
            groupings.setdefault(space, text)
        marks = re.findall("[.,]", number)
        tail = re.split("[.,]", number)[-1]
        if not marks or not tail:
            continue
        if len(set(marks)) == 2:
            decimals.setdefault(marks[-1], text)
            groupings.setdefault(marks[0], text)
        elif len(marks) > 1:
            groupings.setdefault(marks[0], text)
        elif len(tail) != 3 or number.startswith("0"):
            decimals.setdefault(marks[0], text)
        else:
            either.setdefault(marks[0], text)
    if len(decimals) > 1 or len(groupings) > 1 or decimals.keys() & groupings.keys():
        mixed = " and ".join(f'"{text}"' for text in {**groupings, **decimals}.values())
        found.doubts.append(f"amounts are written in more than one way: {mixed}")
        return ".", ""
    decimal = next(iter(decimals), None)
    grouping = next(iter(groupings), None)
    for mark, text in either.items():
        if mark == decimal or (decimal is None and digits == 3):
            found.doubts.append(f'"{text}" may be thousands or decimals: look at the goods')
        elif grouping in (None, mark):
            grouping = mark
            found.doubts.append(f'"{text}" is taken for thousands: look at the goods')
    decimal = decimal or (("," if grouping == "." else ".") if grouping else ".")
    for mark, text in {**groupings, **decimals}.items():
        found.evidence.append(
            f'"{text}" shows that "{mark}" is the {"grouping" if mark == grouping else "decimal"} mark'
        )
    return decimal, grouping or ""


def _dates(texts: Iterable[str], found: Suggestion) -> str:
    orders: set[str] = set()
    seen: dict[str, str] = {}
    for text in texts:
        parts = _DATE.fullmatch(text.strip())
        if parts is None:
            continue
        first, mark, second, last = parts[1], parts[2], parts[3], parts[4]
        if len(first) == 4:
            orders.add(f"YYYY{mark}MM{mark}DD")
        elif len(last) == 4:
            form = f"DD{mark}MM{mark}YYYY", f"MM{mark}DD{mark}YYYY"
            seen.setdefault(mark, text)
            orders |= {form[0]} if int(first) > 12 else {form[1]} if int(second) > 12 else set()
    if len(orders) == 1:
        return orders.pop()
    if orders:
        found.doubts.append("dates are written in more than one way")
    for mark, text in seen.items():
        found.doubts.append(f'"{text}" may be day or month first: day first is suggested')
        return f"DD{mark}MM{mark}YYYY"
    return "YYYY-MM-DD"


def thousands_or_decimals(path: Path, currency: str | None) -> str | None:
    """Return a note on amounts such as 1.290 in a currency with three decimals; None where there are none."""
    if currency is None or EXPONENTS.get(currency) != 3:
        return None
    found = re.findall(rb"(?<![\d.])[1-9]\d{0,2}\.\d{3}(?![\d.])", path.read_bytes())
    if not found:
        return None
    text = found[0].decode()
    return (
        f"{len(found)} amounts such as {text} are read as {text} {currency}, not as thousands;"
        " if thousands are meant, say so under prices.format"
    )
