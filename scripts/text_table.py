"""Tables of plain text for a terminal: columns as wide as their widest cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def text_table(rows: Sequence[Sequence[str]], *, figures: bool = False) -> list[str]:
    """Return the lines of a table. figures: all columns but the first hold figures, and end on the right.

    >>> text_table([("name", "price"), ("bag", "9")], figures=True)
    ['name  price', 'bag       9']
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if figures and column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
