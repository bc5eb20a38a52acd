"""`msh privacy-report`: what this store's settings compute, keep and send of people."""

from __future__ import annotations

import json
import os
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from pipelines.logs import SecretScrubber
from pipelines.privacy_report import report
from pipelines.settings import load_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "what is computed, kept and sent of people: where, and for how long"
    parser = subparsers.add_parser("privacy-report", help=about, description=about)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the store file")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the report from the settings as they are now."""
    settings = load_settings(args.config, env=os.environ)
    found = report(settings)
    text = json.dumps(found, indent=2) if args.json else "\n".join(_lines(found))
    print(SecretScrubber(settings.secret_values()).clean(text))
    return 0


def _lines(found: dict[str, object]) -> Iterator[str]:
    yield f"Privacy report of {found['store']}, config {found['config']}"
    for title in ("masking", "cameras", "computed", "kept", "sent", "never", "attention"):
        yield f"\n{'NEVER COMPUTED, KEPT OR SENT' if title == 'never' else title.upper()}"
        part = found[title]
        if isinstance(part, dict):
            yield from (f"  {_words(key)}: {_value(value)}" for key, value in part.items())
        elif isinstance(part, list):
            yield from (_item(item) for item in part or ["nothing"])


def _item(item: object) -> str:
    text = str(item)
    if isinstance(item, dict):
        first, *rest = item.items()
        text = "; ".join([str(first[1]), *(f"{_words(key)}: {_value(value)}" for key, value in rest)])
    return fill(text, 100, initial_indent="  - ", subsequent_indent="    ", break_long_words=False)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)
