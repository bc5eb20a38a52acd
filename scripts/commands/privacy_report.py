"""`msh privacy-report`: which data about people this store computes, stores and sends."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.logs import SecretScrubber
from pipelines.privacy_report import report
from pipelines.settings import load_settings
from scripts.masked_shares import masked_shares
from scripts.privacy_report_text import html, markdown, plain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

FORMATS: Final[Mapping[str, Callable[[Mapping[str, object]], Iterator[str]]]] = {
    "text": plain,
    "markdown": markdown,
    "html": html,
}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "what is computed, kept and sent of people: where, and for how long"
    parser = subparsers.add_parser("privacy-report", help=about, description=about)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the store file")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="html prints well: open it in a browser, save as PDF",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the report of the settings as they are now, and what the running store counts; return 0."""
    settings = load_settings(args.config, env=os.environ)
    metrics = settings.outputs.metrics
    found = report(settings, masked_shares(metrics.listen) if metrics else {})
    text = json.dumps(found, indent=2) if args.json else "\n".join(FORMATS[args.format](found))
    print(SecretScrubber(settings.secret_values()).clean(text))
    return 0
