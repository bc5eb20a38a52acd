"""`msh report`: what some days taught, in counts of which none is about few people."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from pipelines.insights.days import days_of, insights_path, report
from pipelines.insights.file import InsightsFile
from pipelines.paths import state_path
from pipelines.settings.load import load_settings
from pricing.errors import BadInput
from scripts.insights_text import html, rows, text

if TYPE_CHECKING:
    import argparse

FORMATS: Final = ("table", "csv", "json", "html")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "what some days taught: visitors, value, who was attended, staff per hour"
    parser = subparsers.add_parser("report", help=about, description=about)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the store file")
    parser.add_argument("--from", dest="first", metavar="DAY", help="such as 2026-11-22; today if left out")
    parser.add_argument("--to", dest="last", metavar="DAY", help="the last day; that of --from if left out")
    parser.add_argument("--format", choices=FORMATS, default="table", help="html prints well")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the report; return 0."""
    settings = load_settings(args.config, env=os.environ)
    today = datetime.now(ZoneInfo(settings.store.timezone)).date()
    first, last = days_of(args.first, args.last, today)
    path = insights_path(settings, state_path())
    if not path.is_file():
        raise BadInput(f"nothing was counted yet for this store: {path} is not there")
    file = InsightsFile(path, time.time_ns)
    try:
        found = report(settings, file, first, last)
    finally:
        file.close()
    locale = settings.store.locale
    if args.format == "json":
        print(json.dumps(found, indent=2))
    elif args.format == "csv":
        print(rows(found))
    else:
        print((html if args.format == "html" else text)(found, locale))
    return 0
