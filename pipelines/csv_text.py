"""Tables as CSV text. All CSV of the product is written here, so that no spreadsheet runs a name in it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the wide forms of the first, which East Asian Excel takes for them."""


def csv_text(rows: Iterable[Sequence[str | float | None]]) -> str:
    r"""Return the rows as CSV; a text that a spreadsheet would run as a formula begins with an apostrophe.

    As OWASP wants it (CSV injection). Numbers stay as they are; None is an empty cell.

    >>> csv_text([("=1+1", -5, None, "it's - all + well")])
    "'=1+1,-5,,it's - all + well\n"
    """
    out = io.StringIO()
    # Of the line's end each character is quoted where a text holds it: a bare \r would begin a row.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([_guarded(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue().replace("\r\n", "\n")


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
