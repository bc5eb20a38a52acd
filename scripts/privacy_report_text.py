"""The privacy report for reading: plain lines, Markdown, or one HTML page that prints well."""

from __future__ import annotations

from html import escape
from textwrap import fill
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Report = Mapping[str, object]

PARTS: Final = ("masking", "cameras", "computed", "kept", "sent", "never", "attention")
NO_ADVICE: Final = "Facts about this program's settings. It is no legal advice."
STYLE: Final = """
body { font: 11pt/1.45 sans-serif; max-width: 60rem; margin: 2rem auto; color: #111; }
table { border-collapse: collapse; width: 100%; margin-bottom: 1rem; }
th, td { border: 1px solid #999; padding: .3rem .5rem; text-align: left; vertical-align: top; }
h2 { break-after: avoid; } tr { break-inside: avoid; }
@page { size: A4; margin: 2cm; }
"""


def plain(found: Report) -> Iterator[str]:
    """Yield the lines for a terminal."""
    yield _heading(found)
    for title in PARTS:
        yield f"\n{_title(title).upper()}"
        part = found[title]
        if isinstance(part, dict):
            yield from (f"  {_words(key)}: {_value(value)}" for key, value in part.items())
        elif isinstance(part, list):
            yield from (_item(item) for item in part or ["nothing"])


def markdown(found: Report) -> Iterator[str]:
    """Yield the lines of a Markdown document."""
    yield f"# {_heading(found)}"
    yield f"\n{NO_ADVICE}"
    for title in PARTS:
        yield f"\n## {_title(title)}\n"
        for row in _rows(found[title], _markdown_cell):
            yield row if isinstance(row, str) else f"| {' | '.join(row)} |"


def html(found: Report) -> Iterator[str]:
    """Yield the lines of an HTML page."""
    heading = escape(_heading(found))
    yield "<!doctype html>"
    yield f'<html lang="en"><head><meta charset="utf-8"><title>{heading}</title><style>{STYLE}</style></head>'
    yield f"<body><h1>{heading}</h1><p>{NO_ADVICE}</p>"
    for title in PARTS:
        yield f"<h2>{escape(_title(title))}</h2>"
        rows = list(_rows(found[title], escape))
        lines = [row for row in rows if isinstance(row, str)]
        if lines:
            yield f"<ul>{''.join(f'<li>{line[2:]}</li>' for line in lines)}</ul>"
            continue
        head, _, *body = rows
        yield f"<table><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>"
        yield from (f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body)
        yield "</table>"
    yield "</body></html>"


def _rows(part: object, cell: Callable[[str], str]) -> Iterator[str | list[str]]:
    """Yield a part as table rows, headings and a rule first; or as lines that begin with a dash."""
    if isinstance(part, dict):
        yield ["what", "how"]
        yield ["---", "---"]
        yield from ([cell(_words(key)), cell(_value(value))] for key, value in part.items())
        return
    items = part if isinstance(part, list) else []
    tables = [item for item in items if isinstance(item, dict)]
    if not tables:
        yield from (f"- {cell(str(item))}" for item in items or ["nothing"])
        return
    keys = list(dict.fromkeys(key for item in tables for key in item))
    yield [cell(_words(key)) for key in keys]
    yield ["---"] * len(keys)
    yield from ([cell(_value(item.get(key, ""))) for key in keys] for item in tables)


def _heading(found: Report) -> str:
    return f"Privacy report of {found['store']}, config {found['config']}"


def _title(part: str) -> str:
    return "Never computed, kept or sent" if part == "never" else part.capitalize()


def _item(item: object) -> str:
    text = str(item)
    if isinstance(item, dict):
        first, *rest = item.items()
        text = "; ".join([str(first[1]), *(f"{_words(key)}: {_value(value)}" for key, value in rest)])
    return fill(text, 100, initial_indent="  - ", subsequent_indent="    ", break_long_words=False)


def _markdown_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _words(key: str) -> str:
    return key.replace("_", " ")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)
