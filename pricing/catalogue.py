"""The shop's price list: what a brand's thing of a type costs on a day."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING

from pricing.errors import BadInput
from pricing.names import normal_brand
from pricing.rows import ANY_TYPE, BadCatalogue, Row, read_rows
from pricing.slots import ancestors
from pricing.value import Price

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_BYTES = 64 * 2**20


class Catalogue:
    """Rows by brand and type. Immutable: a new price list is a new catalogue."""

    def __init__(self, rows: Iterable[Row], currency: str | None = None) -> None:
        self.rows = tuple(rows)
        self.currency = self.rows[0].currency if self.rows else currency
        self._names: dict[str, str] = {}
        self._exact: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        self._below: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in self.rows:
            self._names.setdefault(row.brand, row.name)
            self._exact[row.brand, row.type].append(row)
            for type_ in ancestors(row.type) if row.type != ANY_TYPE else ():
                self._below[row.brand, type_].append(row)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> dict[str, str]:
        """The brands: normal form -> name as the list first spells it."""
        return dict(self._names)

    def rows_for(self, brand: str, type_: str | None, slot: str, on: date) -> tuple[Row, ...]:
        """Return the rows that price a thing: several where only a range can be said; none if unknown.

        Asked in this order: rows of the type itself, of its subtypes, of its parents up to the slot, of the
        brand as a whole (`*`). An unknown type is the slot's.
        """
        key, wanted = normal_brand(brand), type_ or slot
        levels = [self._exact.get((key, wanted)), self._below.get((key, wanted))]
        levels += [self._exact.get((key, parent)) for parent in ancestors(wanted)]
        levels.append(self._exact.get((key, ANY_TYPE)))
        for rows in levels:
            valid = tuple(row for row in rows or () if row.valid_from <= on <= row.valid_until)
            if valid:
                return valid
        return ()

    def lookup(self, brand: str, type_: str | None, slot: str, on: date) -> Price | None:
        """Return the price on a day, the mean and the range where several rows fit; None where none does."""
        rows = self.rows_for(brand, type_, slot, on)
        if not rows:
            return None
        since = min(row.valid_from for row in rows)
        types = {row.type for row in rows} - {ANY_TYPE}
        return Price(
            (2 * sum(row.amount_minor for row in rows) + len(rows)) // (2 * len(rows)),
            min(row.min_minor for row in rows),
            max(row.max_minor for row in rows),
            rows[0].currency,
            rows[0].source if len({row.source for row in rows}) == 1 else "catalogue",
            since if since != date.min else None,
            type=types.pop() if len(types) == 1 else None,
        )


def read(data: str | bytes, file: str, currency: str | None = None) -> Catalogue:
    """Return the catalogue in the text of a CSV file, see `rows.read_rows`; raises BadCatalogue."""
    rows = read_rows(data, file, currency)
    problems = list(_overlaps(rows, file))
    if problems:
        raise BadCatalogue(problems)
    return Catalogue(rows, currency)


def load(path: Path, currency: str | None = None) -> Catalogue:
    """Return the catalogue in a file; BadInput where it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path}: larger than {MAX_BYTES >> 20} MiB; is this a price list?")
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    return read(data, str(path), currency)


def _overlaps(rows: Iterable[Row], file: str) -> Iterable[str]:
    known: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        for other in known[row.brand, row.type]:
            if row.valid_from <= other.valid_until and other.valid_from <= row.valid_until:
                what = f"{row.name} {row.type}"
                yield f"{file}:{row.line}:1  {what} has a price for these days in line {other.line} already"
                break
        known[row.brand, row.type].append(row)
