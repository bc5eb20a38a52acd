"""The shop's price list: what an item of a brand and type costs on a day."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from pricing.brands.names import normal_brand
from pricing.catalogue.rows import ANY_BRAND, ANY_TYPE, BadCatalogue, PriceRow, Says
from pricing.catalogue.rows_csv import read_csv
from pricing.catalogue.rows_xlsx import read_xlsx, workbook_kind
from pricing.catalogue.rows_yaml import read_yaml
from pricing.errors import BadInput
from pricing.plain_file import read_plain
from pricing.slots import CLOTHES, SLOTS, akin, ancestors, slot_of
from pricing.value import Price

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pricing.catalogue.list_format import ListFormat

MAX_BYTES = 64 * 2**20
MAX_FOUND = 4096
ALIKE = "~"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list says of a thing: its price, or that the shop does not sell it; with neither, nothing."""

    price: Price | None = None
    sold: bool = True


class Catalogue:
    r"""Rows by brand and type. Immutable: a new price list is a new catalogue.

    >>> catalogue = read("brand,type,price,currency\nGucci,handbag,1290.00,EUR\n", "prices.csv")
    >>> catalogue.lookup("gucci", "handbag", "bag", date(2026, 11, 30)).amount_minor
    129000
    """

    def __init__(self, rows: Iterable[PriceRow], currency: str | None = None) -> None:
        self.rows = tuple(rows)
        self.currency = self.rows[0].currency if self.rows else currency
        self._names: dict[str, str] = {}
        self._exact: defaultdict[tuple[str, str], list[PriceRow]] = defaultdict(list)
        self._below: defaultdict[tuple[str, str], list[PriceRow]] = defaultdict(list)
        self._found: dict[tuple[str | None, str | None, str, date, str | None], Listing] = {}
        for row in self.rows:
            if row.brand != ANY_BRAND:
                self._names.setdefault(row.brand, row.name)
            self._exact[row.brand, row.type].append(row)
            for type_ in ancestors(row.type) if row.type != ANY_TYPE and row.says is Says.PRICE else ():
                self._below[row.brand, type_].append(row)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> dict[str, str]:
        """The brands: normal form -> name as the list first spells it."""
        return dict(self._names)

    @property
    def doubt(self) -> str | None:
        """A note where amounts of dinars such as 1.290 may be thousands; None where nothing is in doubt.

        They are read as decimals. One amount that can be nothing else, such as 0.500, shows that all are.
        """
        points = {row.point for row in self.rows}
        if "either" not in points or "decimals" in points:
            return None
        unsure = [row for row in self.rows if row.point == "either"]
        text = f"{unsure[0].max_minor / 1000:.3f}"
        return (
            f"{len(unsure)} prices such as {text} in line {unsure[0].line} are read as"
            f" {text} {self.currency}, not as {text.replace('.', '')};"
            " prices.format.decimal and grouping say what is meant"
        )

    def joined(self, key_of: Callable[[str], str]) -> Catalogue:
        """Return it with each brand under the key that its spelling leads to: "LV" is "louis vuitton"."""
        rows = (row if row.brand == ANY_BRAND else replace(row, brand=key_of(row.name)) for row in self.rows)
        return Catalogue(rows, self.currency)

    def rows_for(
        self, brand: str | None, type_: str | None, slot: str, on: date, model: str | None = None
    ) -> tuple[PriceRow, ...]:
        """Return the rows that speak of a thing: several where only a range can be said; none if unknown.

        Asked in this order: rows of the type itself, of its subtypes, of its parents up to the slot, of the
        brand as a whole (`*`). An unknown type is the slot's. At each, rows of the model come before those
        without one, and these before those of other models. brand: None for a thing without a readable one,
        which the rows of brand `*` estimate.
        """
        key, wanted = ANY_BRAND if brand is None else normal_brand(brand), type_ or slot
        levels = [self._exact.get((key, wanted)), self._below.get((key, wanted))]
        levels += [self._exact.get((key, parent)) for parent in ancestors(wanted)]
        levels.append(self._exact.get((key, ANY_TYPE)))
        for rows in levels:
            valid = [row for row in rows or () if row.valid_from <= on <= row.valid_until]
            if valid:
                return _of_model(valid, normal_brand(model or ""))
        return ()

    def find(
        self, brand: str | None, type_: str | None, slot: str, on: date, model: str | None = None
    ) -> Listing:
        """Return what the list says on a day; the mean and the range where several rows fit."""
        question = (brand, type_, slot, on, model)
        found = self._found.get(question)
        if found is None:
            if len(self._found) >= MAX_FOUND:
                self._found.clear()
            # A list may have thousands of rows of one thing, and is asked for each person in each frame.
            rows = self.rows_for(brand, type_, slot, on, model)
            found = self._found[question] = _listing(rows, estimate=brand is None)
        return found

    def alike(self, brand: str, type_: str, on: date) -> Price | None:
        """Return what the brand's things cost that the eye takes for that type; None where it has none.

        For a type that was seen and is not listed: a jumper may have been taken for a shirt. Of clothes,
        where nothing alike is listed, the one thing that the brand sells in the slot: sight errs most there.
        """
        question = (brand, type_, ALIKE, on, None)
        found = self._found.get(question)
        if found is None:
            found = self._found[question] = self._like(normal_brand(brand), type_, on)
        return found.price

    def _like(self, key: str, type_: str, on: date) -> Listing:
        rows: list[PriceRow] = []
        for like in sorted(akin(type_)):
            rows += self._exact.get((key, like), []) if like in SLOTS else self._below.get((key, like), [])
        if not rows and slot_of(type_) in CLOTHES:
            below = self._below.get((key, slot_of(type_)), [])
            sold = [row for row in below if row.valid_from <= on <= row.valid_until]
            rows = sold if len({row.type for row in sold}) == 1 else []
        return _listing(tuple(row for row in rows if row.valid_from <= on <= row.valid_until))

    def lookup(
        self, brand: str | None, type_: str | None, slot: str, on: date, model: str | None = None
    ) -> Price | None:
        """Return the price on a day; None where the list does not know one.

        That of the type, or else of a type that looks alike.
        """
        found = self.find(brand, type_, slot, on, model)
        if found.price is not None or not found.sold or brand is None or type_ is None:
            return found.price
        return self.alike(brand, type_, on)


def _listing(rows: tuple[PriceRow, ...], *, estimate: bool = False) -> Listing:
    if not rows:
        return _UNKNOWN
    sold = any(row.says is not Says.NOT_SOLD for row in rows)
    rows = tuple(row for row in rows if row.says is Says.PRICE)
    if not rows:
        return _UNKNOWN if sold else _NOT_SOLD
    since = min(row.valid_from for row in rows)
    types = {row.type for row in rows} - {ANY_TYPE}
    price = Price(
        (2 * sum(row.amount_minor for row in rows) + len(rows)) // (2 * len(rows)),
        min(row.min_minor for row in rows),
        max(row.max_minor for row in rows),
        rows[0].currency,
        rows[0].source if len({row.source for row in rows}) == 1 else "catalogue",
        since if since != date.min else None,
        type=types.pop() if len(types) == 1 else None,
        estimate=estimate,
    )
    return Listing(price)


_UNKNOWN = Listing()
_NOT_SOLD = Listing(sold=False)


def _of_model(rows: list[PriceRow], model: str) -> tuple[PriceRow, ...]:
    """Return for each type the rows of the model, else those without a model, else all."""
    by_type: defaultdict[str, list[PriceRow]] = defaultdict(list)
    for row in rows:
        by_type[row.type].append(row)
    chosen: list[PriceRow] = []
    for same in by_type.values():
        named = [row for row in same if model and row.model == model]
        chosen += named or [row for row in same if not row.model] or same
    return tuple(chosen)


def read(
    data: str | bytes, file: str, currency: str | None = None, notation: ListFormat | None = None
) -> Catalogue:
    """Return the catalogue in the content of a file; raises BadCatalogue.

    A workbook is told by its content, YAML by the file's name; all else is CSV. notation: how it is written.
    """
    if isinstance(data, bytes) and (kind := workbook_kind(data)):
        rows = read_xlsx(data, file, kind, currency, notation)
    else:
        yaml = file.casefold().endswith((".yaml", ".yml"))
        rows = (read_yaml if yaml else read_csv)(data, file, currency, notation)
    problems = list(_overlaps(rows, file))
    if problems:
        raise BadCatalogue(problems)
    return Catalogue(rows, currency)


def load(path: Path, currency: str | None = None, notation: ListFormat | None = None) -> Catalogue:
    """Return the catalogue in a file; BadInput where it cannot be read."""
    return read(read_list(path), str(path), currency, notation)


def read_list(path: Path) -> bytes:
    """Return the bytes of a price list; BadInput where it cannot be read or is too large to be one."""
    try:
        data = read_plain(path, MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise BadInput(f"{path}: larger than {MAX_BYTES >> 20} MiB; is this a price list?")
    return data


def _overlaps(rows: Iterable[PriceRow], file: str) -> Iterable[str]:
    by_item: defaultdict[tuple[str, str, str], list[PriceRow]] = defaultdict(list)
    for row in rows:
        by_item[row.brand, row.type, row.model].append(row)
    for same in by_item.values():
        same.sort(key=lambda row: (row.valid_from, row.line))
        last = same[0]  # of all so far, the one that is valid longest
        for row in same[1:]:
            if row.valid_from <= last.valid_until:
                what = " ".join(filter(None, (row.name, row.type, row.model)))
                first, second = sorted((last.line, row.line))
                yield f"{file}:{second}:1  {what} has a price for these days in line {first} already"
            last = max(last, row, key=lambda row: row.valid_until)
