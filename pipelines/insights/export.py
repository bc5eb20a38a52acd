"""The cells of insights as a long table for other programs: CSV, or Parquet where its writer is installed."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pipelines.csv_text import csv_text
from pipelines.errors import BadInput
from pipelines.extras import install_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricing.insights.cells import CountCell

COLUMNS = ("store", "currency", "measure", "key", "start", "end", "count", "total")
"""total: in minor units or seconds; empty where there is none, or it would tell of one person."""


def cells_csv(cells: Sequence[CountCell], store: str, currency: str) -> str:
    """Return one line a cell; times in UTC."""

    def at(second: int) -> str:
        return datetime.fromtimestamp(second, timezone.utc).isoformat()

    rows = [
        (store, currency, cell.measure, cell.key, at(cell.start), at(cell.end), cell.count, cell.total)
        for cell in cells
    ]
    return csv_text([COLUMNS, *rows])


def cells_parquet(cells: Sequence[CountCell], store: str, currency: str) -> bytes:
    """Return a Parquet file, one row a cell. BadInput, with what to install, where the writer is missing."""
    try:
        from arro3.core import Array, DataType, Table  # noqa: PLC0415 an extra that few need
        from arro3.io import write_parquet  # noqa: PLC0415
    except ImportError:
        raise BadInput(f"Parquet needs one package more; install it: {install_command('parquet')}") from None

    def texts(values: Sequence[str]) -> Any:
        return Array(values, DataType.utf8())

    def numbers(values: Sequence[int | None]) -> Any:
        return Array(values, DataType.int64())

    utc = DataType.timestamp("s", tz="UTC")
    table = Table.from_arrays(
        [
            texts([store] * len(cells)),
            texts([currency] * len(cells)),
            texts([cell.measure for cell in cells]),
            texts([cell.key for cell in cells]),
            numbers([cell.start for cell in cells]).cast(utc),
            numbers([cell.end for cell in cells]).cast(utc),
            numbers([cell.count for cell in cells]),
            numbers([cell.total for cell in cells]),
        ],
        names=list(COLUMNS),
    )
    out = io.BytesIO()
    write_parquet(table, out)
    return out.getvalue()
