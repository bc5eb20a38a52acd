"""`msh report`: what some days taught, in counts of which none is about few people."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.backup.collect import check_no_part
from pipelines.insights.days import cells_of, days_of, insights_path, report
from pipelines.insights.export import cells_csv, cells_parquet
from pipelines.insights.file import InsightsFile
from pipelines.outputs.disk import OutputFailed, write_whole
from pipelines.paths import state_path
from pipelines.settings.load import load_settings
from pricing.errors import BadInput
from scripts.report_text import html, rows, text

if TYPE_CHECKING:
    import argparse
    from datetime import date

    from pipelines.settings.root import Settings

FORMATS: Final = ("table", "csv", "json", "html", "cells", "parquet")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "what some days taught: visitors, value, who was attended, staff per hour"
    parser = subparsers.add_parser("report", help=about, description=about)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the store file")
    parser.add_argument("--from", dest="first", metavar="DAY", help="such as 2026-11-22; today if left out")
    parser.add_argument("--to", dest="last", metavar="DAY", help="the last day; that of --from if left out")
    about = "html prints well; cells and parquet are the counts as they are kept, one a row"
    parser.add_argument("--format", choices=FORMATS, default="table", help=about)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write there; parquet needs it")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print or write the report; return 0."""
    if args.format == "parquet" and args.output is None:
        raise BadInput("parquet is no text: name a file, --output FILE")
    settings = load_settings(args.config, env=os.environ)
    if args.output is not None:
        check_no_part(settings, state_path(), args.output, "report")
    first, last = days_of(args.first, args.last, settings.store.today())
    path = insights_path(settings, state_path())
    if not path.is_file():
        raise BadInput(f"nothing was counted yet for this store: {path} is not there")
    file = InsightsFile(path, time.time_ns)
    try:
        data = _written(settings, file, first, last, args.format)
    finally:
        file.close()
    if args.output is None:
        print(data.decode())
        return 0
    try:
        write_whole(args.output, data)
    except OutputFailed as error:
        raise BadInput(str(error)) from None
    return 0


def _written(settings: Settings, file: InsightsFile, first: date, last: date, format_: str) -> bytes:
    store = settings.store
    if format_ == "parquet":
        return cells_parquet(cells_of(settings, file, first, last), store.id, store.currency)
    if format_ == "cells":
        return cells_csv(cells_of(settings, file, first, last), store.id, store.currency).rstrip().encode()
    found = report(settings, file, first, last)
    if format_ == "json":
        return json.dumps(found, indent=2).encode()
    if format_ == "csv":
        return rows(found).encode()
    return (html if format_ == "html" else text)(found, store.locale).encode()
