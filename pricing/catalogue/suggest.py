"""Suggests how a price list of unknown notation may be written, for a person to decide."""

from __future__ import annotations

import codecs
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pricing.brands.names import normal_brand
from pricing.catalogue.amounts import NO_CENTS, ambiguous, read_currency
from pricing.catalogue.file_text import decoded, utf_16_kind
from pricing.catalogue.list_format import ListFormat
from pricing.catalogue.rows import COLUMNS, BadCatalogue, RowReader
from pricing.catalogue.rows_csv import records, without_titles
from pricing.money import EXPONENTS, plain_marks, with_ascii_digits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pricing.catalogue.cells import Cell

MAX_RECORDS = 5000
MAX_GUESSED = 200_000
FEW_LETTERS = 4
"""Different letters with accents that do not tell one encoding from another."""
_ENCODINGS = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("cp932", "gb18030", "cp949", "big5", "cp874", "mac_roman"),
]
_ENCODING_OF = {
    code: encoding
    for encoding, codes in (
        ("cp1250", "PLN CZK HUF RON BAM"),
        ("cp1251", "RUB UAH BYN BGN MKD KZT"),
        ("cp1252", "CHF GBP USD SEK NOK DKK ISK BRL MXN CAD AUD"),
        ("cp1254", "TRY"),
        ("cp1255", "ILS"),
        ("cp1256", "SAR AED EGP QAR KWD JOD"),
        ("cp1258", "VND"),
        ("cp932", "JPY"),
        ("gb18030", "CNY"),
        ("cp949", "KRW"),
        ("big5", "TWD HKD"),
        ("cp874", "THB"),
    )
    for code in codes.split()
}
"""What spreadsheets of a currency's country save in. EUR is money of too many alphabets."""
_CODE = re.compile(rb"\b[A-Z]{3}\b")
# Headings as shops' systems write them, in the languages of many countries.
_HEADINGS = {
    "brand": "brand,brands,brand name,vendor,manufacturer,label,marke,hersteller,marque,fabricant,marca,"
    "fabricante,merk,marka,varumärke,mærke,merke,výrobce,gyártó,značka,márka,márkanév,producător,brändi,bränd,tuotemerkki,"
    "бренд,марка,производитель,виробник,торгова марка,μάρκα,ブランド,ブランド名,メーカー,品牌,브랜드,"
    "العلامة التجارية,الماركة,برند,مارک,מותג,ยี่ห้อ,แบรนด์,thương hiệu,nhãn hiệu,merek,ब्रांड",
    "type": "type,category,categories,product type,product group,typ,art,artikelart,kategorie,warengruppe,"
    "produktgruppe,catégorie,type de produit,categoria,tipo,tipo de producto,soort,kategoria,kategori,druh,"
    "típus,kategória,tip,categorie,tyyppi,liik,kategooria,тип,категория,категорія,вид товара,τύπος,κατηγορία,"
    "種類,カテゴリ,カテゴリー,类型,類型,类别,種別,종류,카테고리,النوع,الفئة,نوع,סוג,קטגוריה,ประเภท,loại,"
    "tipe,प्रकार",
    "model": "model,style,product,product name,item,modell,modèle,modello,modelo,artikel,bezeichnung,produkt,"
    "produit,prodotto,producto,produto,artikelbezeichnung,nazwa,модель,название,наименование,назва,μοντέλο,"
    "商品名,品名,型号,모델,상품명,الموديل,מודל,รุ่น",
    "price": "price,variant price,regular price,price tax incl,retail price,selling price,rrp,mrp,msrp,srp,"
    "preis,vk,vk brutto,vk preis,vk preis brutto,verkaufspreis,bruttopreis,uvp,prix,prix ttc,"
    "prezzo,precio,pvp,preço,prijs,cena,pris,fiyat,hinta,ár,hind,kaina,preț,cijena,"
    "цена,цена розничная,розничная цена,ціна,τιμή,価格,販売価格,値段,价格,價格,售价,가격,판매가,السعر,سعر,"
    "قیمت,מחיר,ราคา,giá,giá bán,harga,मूल्य",
    "price_min": "price min,min price,price from,preis von,preis min,mindestpreis,prix min,precio min,"
    "цена от",
    "price_max": "price max,max price,price to,preis bis,preis max,höchstpreis,prix max,precio max,цена до",
    "currency": "currency,curr,währung,währg,devise,monnaie,valuta,moneda,divisa,moeda,waluta,para birimi,"
    "měna,pénznem,валюта,νόμισμα,通貨,货币,幣別,통화,العملة,ارز,מטבע,สกุลเงิน,tiền tệ,mata uang",
    "valid_from": "valid from,from,start,gültig ab,gültig von,ab,valable du,valido dal,válido desde,"
    "действует с,開始日,生效日期,시작일",
    "valid_until": "valid until,valid to,until,end,gültig bis,bis,valable au,valido al,válido hasta,"
    "действует до,終了日,失效日期,종료일",
    "source": "source,quelle,fonte,fuente",
    "gtin": "gtin,ean,ean13,ean code,gtin upc ean or isbn,variant barcode,barcode,upc,strichcode,code barres,"
    "código de barras,штрихкод,jan,janコード,条码,바코드,الباركود",
}
_OURS = {normal_brand(name): ours for ours, names in _HEADINGS.items() for name in names.split(",")}
_PARTS = re.compile(r"[\s()\[\]/,:]+")
_SIGN = re.compile(r"[\d.,'’\s٫٬:–—-]+")
_AMOUNT = re.compile(r"\d(?:[\d.,'\s٫٬]*\d)?")
_MARK_BEFORE_DASH = re.compile(r"(?<=\d)[.,](?=\s?[-–—‐‑−])")
_DATE = re.compile(
    r"(\d{1,4})([./-] ?|[年년] ?)(\d{1,2})([./-] ?|[月월] ?)(\d{1,4})([.日일]?)(?:[T ].*)?", re.ASCII
)


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
    encoding = guessed_encoding(data, found, currency)
    rows = []
    lines = records(decoded(data, file, encoding), RowReader(file, currency), _names_columns)
    for cells in without_titles(lines, _names_columns):
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
    prices = [headings[place] for ours, place in columns.items() if "price" in ours]
    own = None if "currency" in columns else _currency(amounts, prices, currency, found)
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
    if not found.notation.described and any(_is_for_people(text) for text in amounts):
        # Only a list of which something is said may have 12.- or £12 in it.
        found.notation = replace(found.notation, currency=currency)
    return found


def _is_for_people(amount: str) -> bool:
    """Return whether an amount has a sign, a code or `.-` beside its number."""
    plain = plain_marks(amount)
    return bool(NO_CENTS.search(plain)) or any(
        letter.isalpha() or unicodedata.category(letter) == "Sc" for letter in plain
    )


def guessed_encoding(data: bytes, found: Suggestion, currency: str | None = None) -> str:
    """Return the encoding that a file is likely in; a doubt shows how its letters read then."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or utf_16_kind(data):
        return "utf-8"  # the file says by itself what it is
    with suppress(UnicodeDecodeError):
        data.decode("utf-8")
        return "utf-8"
    from charset_normalizer import from_bytes  # noqa: PLC0415 only such files need it

    scores = {name: _known_headings(data, name) for name in _ENCODINGS}
    best = [name for name, score in scores.items() if score == max(scores.values())]
    likely = from_bytes(data[:MAX_GUESSED], cp_isolation=best).best()
    by_money = _by_currency(data, best, currency)
    chosen = next((name for name in best if likely and same_codec(name, likely.encoding)), best[0])
    chosen = by_money or chosen
    text = data.decode(chosen, "replace")
    encoding = next(name for name in best if data.decode(name, "replace") == text)
    sample = next((word for word in re.split(r"[\s,;|\"]+", text) if not word.isascii()), "")
    found.doubts.append(f'the file is not UTF-8; in {encoding} it holds "{sample}": does that read well?')
    return encoding


def _by_currency(data: bytes, encodings: Sequence[str], store: str | None) -> str:
    """Return the encoding that the list's currencies speak for; "" where they speak for none or several.

    A few accented letters of a short list are letters in many encodings; its money is of one country.
    """
    codes = {match.decode() for match in _CODE.findall(data)} | {store or ""}
    spoken = {_ENCODING_OF[code] for code in codes if code in _ENCODING_OF}
    if not spoken and "EUR" in codes and len({byte for byte in data if byte >= 0x80}) <= FEW_LETTERS:
        spoken = {"cp1252"}  # most of those who pay in euros
    return next((name for name in encodings if spoken == {name} and _decodes(data, name)), "")


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _known_headings(data: bytes, encoding: str) -> int:
    """Return how many headings of the first line are known if the file is in that encoding."""
    try:
        first = data.decode(encoding).lstrip().splitlines()[0]
    except (UnicodeDecodeError, IndexError):
        return -1
    return sum(normal_brand(part) in _OURS for part in re.split(r"[,;\t|\"]", first))


def same_codec(one: str, other: str) -> bool:
    """Return whether two names are of one encoding."""
    return codecs.lookup(one).name == codecs.lookup(other).name


def _ours(text: str) -> str | None:
    """Return our name of the column that a heading of any language names."""
    words = [word for word in _PARTS.split(text) if not read_currency(word, "EUR")]
    return _OURS.get(normal_brand(" ".join(words))) or (text if text in COLUMNS else None)


def _names_columns(texts: Iterable[str]) -> bool:
    return len({ours for text in texts if (ours := _ours(text))}) > 1


def _columns(header: Iterable[Cell], found: Suggestion) -> dict[str, int]:
    columns: dict[str, int] = {}
    for place, cell in enumerate(header):
        ours = _ours(cell.text)
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


def _currency(
    amounts: Iterable[str], headings: Iterable[str], store: str | None, found: Suggestion
) -> str | None:
    """Return the one currency that amounts or their headings name by code or sign."""
    signs: set[str] = set()
    for amount in amounts:
        beside = _AMOUNT.sub(" ", NO_CENTS.sub("", plain_marks(amount))).strip()
        whole = read_currency(beside, store or "EUR")  # a sign with marks in it, such as د.إ
        signs.update([beside] if whole else _SIGN.sub(" ", NO_CENTS.sub("", amount)).split())
    for text in headings:
        signs.update(word for word in _PARTS.split(text) if read_currency(word, "EUR"))
    codes = {sign: read_currency(sign, store or "EUR") for sign in signs}
    currencies = {code for code in codes.values() if code}
    if len(currencies) != 1:
        return None
    sign = next(sign for sign, code in codes.items() if code)
    if (several := ambiguous(sign)) and currencies != {store}:
        found.doubts.append(f'"{sign}" may be {", ".join(several)}: name yours under currency')
        return None
    return currencies.pop()


def _marks(amounts: Iterable[str], digits: int, found: Suggestion) -> tuple[str, str]:
    """Return the decimal mark and the grouping mark that the amounts show."""
    decimals: dict[str, str] = {}
    groupings: dict[str, str] = {}
    either: dict[str, str] = {}
    for text in amounts:
        number, dash = _number(text)
        if dash:
            decimals.setdefault(dash, text)
        groupings = dict.fromkeys(re.findall(r"(?<=\d)[' ](?=\d{3}(?!\d))", number), text) | groupings
        marks = re.findall("[.,]", number)
        tail = re.split("[.,]", number)[-1]
        if not marks or not tail:
            continue
        if len(set(marks)) == 2:
            decimals.setdefault(marks[-1], text)
            groupings.setdefault(marks[0], text)
        elif len(marks) > 1:
            groupings.setdefault(marks[0], text)
        elif len(tail) != 3 or number.startswith("0") or " " in number or "'" in number:
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


def _number(text: str) -> tuple[str, str]:
    """Return the number in an amount, without the dot of "kr.", and the mark before dashes: `1.290,-`."""
    plain = plain_marks(text)
    inside = re.search(r"\d(?:[\d.,' ]*\d)?", plain)
    number = inside[0] if inside else ""
    dash = _MARK_BEFORE_DASH.search(plain)
    return number, dash[0] if dash and dash[0] not in number else ""


def _dates(texts: Iterable[str], found: Suggestion) -> str:
    orders: set[str] = set()
    seen: dict[str, str] = {}
    for text in texts:
        parts = _DATE.fullmatch(with_ascii_digits(text.strip()))
        if parts is None:
            continue
        first, mark, second, after, last, end = parts.groups()
        if len(first) == 4:
            orders.add(f"YYYY{mark}MM{after}DD{end}")
        elif len(last) == 4:
            by_day, by_month = f"DD{mark}MM{after}YYYY{end}", f"MM{mark}DD{after}YYYY{end}"
            seen.setdefault(by_day, text)
            orders |= {by_day} if int(first) > 12 else {by_month} if int(second) > 12 else set()
    if len(orders) == 1:
        return orders.pop()
    if orders:
        found.doubts.append("dates are written in more than one way")
    for form, text in seen.items():
        found.doubts.append(f'"{text}" may be day or month first: day first is suggested')
        return form
    return "YYYY-MM-DD"
