"""The insights for reading: a text, one HTML page that prints well, or CSV."""

from __future__ import annotations

import csv
import io
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from pricing.item_words import item_words
from pricing.money import display
from scripts.report_text import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Values = dict[str, Any]
WITHHELD = "-"
WITHIN = {"1min": "within a minute", "2min": "within two", "later": "later", "never": "by nobody"}


class Table(NamedTuple):
    """A titled table of texts."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(found: Values, locale: str) -> Iterator[Table]:
    """Yield the report's tables."""

    def money(minor: int | None) -> str:
        return WITHHELD if minor is None else display(minor, found["currency"], locale)

    before = found["before"]
    yield Table(
        "The whole",
        ("", f"{found['from']} to {found['to']}", f"before: {before['from']} to {before['to']}"),
        [(name, say(found, money), say(before, money)) for name, say in _WHOLE],
    )
    yield Table(
        f"By hour (staff: {found['staffing']['model']}; {found['staffing']['service_s']:g} s each"
        + (")" if found["staffing"]["service_seen"] else ", assumed)"),
        ("hour", "visitors", "value", "staff", "would have saved"),
        [
            (
                f"{h['hour']:02}",
                _number(h["visitors"]),
                money(h["value_minor"]),
                _number(h["staff"]),
                money(h["saved_minor"]),
            )
            for h in found["hours"]
        ],
    )
    attended = [
        (_joined(one["within"], WITHIN), str(one["count"]), money(one["value_minor"]))
        for one in found["attended"]
    ]
    yield Table("Attended", ("", "visitors", "value"), attended)
    worth = [(_range(one), str(one["count"])) for one in found["worth"]]
    yield Table(f"Value worn, in {found['currency']}", ("", "visitors"), worth)
    outcomes = [(one["outcome"].replace("+", " or "), str(one["count"])) for one in found["outcomes"]]
    yield Table("How it ended", ("", "customers"), outcomes)
    brands = [(one["key"], str(one["count"])) for one in found["brands"]]
    yield Table("Brands", ("", "visitors"), brands)
    types = [(item_words(locale).type(one["key"]), str(one["count"])) for one in found["types"]]
    yield Table("Types", ("", "visitors"), types)
    zones = [(one["zone"], str(one["count"]), _seconds(one["mean_s"])) for one in found["zones"]]
    yield Table("Zones", ("", "visitors", "mean stay"), zones)
    cameras = [(one["camera"], f"{100 * one['up']:.1f} %") for one in found["cameras"]]
    yield Table("Cameras", ("", "gave pictures"), cameras)


def text(found: Values, locale: str) -> str:
    """Return the report for a terminal."""
    lines = [_heading(found)]
    for table in tables(found, locale):
        if not table.rows:
            continue
        rows = [table.heads, *table.rows]
        widths = [max(len(row[n]) for row in rows) for n in range(len(table.heads))]
        lines += ["", table.title]
        for row in rows:
            first, rest = row[0].ljust(widths[0]), zip(row[1:], widths[1:], strict=True)
            lines.append("  ".join(["  " + first, *(cell.rjust(width) for cell, width in rest)]).rstrip())
    return "\n".join([*lines, "", _note(found)])


def html(found: Values, locale: str) -> str:
    """Return the report as one page without anything from elsewhere."""
    parts = [f"<h1>{escape(_heading(found))}</h1>"]
    for table in tables(found, locale):
        if not table.rows:
            continue
        heads = "".join(f"<th scope='col'>{escape(head)}</th>" for head in table.heads)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
        )
        parts.append(f"<h2>{escape(table.title)}</h2><table><tr>{heads}</tr>{body}</table>")
    parts.append(f"<p>{escape(_note(found))}</p>")
    head = f"<meta charset='utf-8'><title>{escape(_heading(found))}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(parts)}</body></html>"


def rows(found: Values) -> str:
    """Return the report as CSV, one figure a line: part, key, figure, value, value before."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("part", "key", "figure", "value", "before"))
    before = found["before"]
    for figure, value in found.items():
        if figure in before and not isinstance(value, list) and figure not in ("from", "to"):
            writer.writerow(("whole", "", figure, value, before[figure]))
    for part in ("hours", "attended", "worth", "outcomes", "brands", "types", "zones", "cameras"):
        old = {_first(row): row for row in before[part]}
        for row in found[part]:
            key = _first(row)
            for figure in list(row)[1:]:
                writer.writerow((part, key, figure, row[figure], old.get(key, {}).get(figure)))
    return out.getvalue().rstrip("\n")


def _first(row: Values) -> str:
    return str(next(iter(row.values())))


def _heading(found: Values) -> str:
    return f"What {found['store']} saw, {found['from']} to {found['to']} ({found['timezone']})"


def _note(found: Values) -> str:
    return (
        f"No figure is about fewer than {found['min_count']} people; {WITHHELD} stands where one would be."
        " People count in the quarter of an hour in which enough of them had left."
    )


def _number(value: float | None) -> str:
    return WITHHELD if value is None else f"{value:g}"


def _seconds(value: float | None) -> str:
    return WITHHELD if value is None else f"{value:.0f} s"


def _share(value: float | None) -> str:
    return WITHHELD if value is None else f"{100 * value:.0f} %"


def _joined(key: str, words: dict[str, str]) -> str:
    return " or ".join(words[name] for name in key.split("+"))


def _range(one: Values) -> str:
    if one["to"] is None:
        return f"{one['from']} and more"
    return "nothing priced" if (one["from"], one["to"]) == (0, 1) else f"{one['from']} to under {one['to']}"


_WHOLE: tuple[tuple[str, Any], ...] = (
    ("visitors", lambda f, _: _number(f["visitors"])),
    ("value seen", lambda f, money: money(f["value_minor"])),
    ("attended within a minute", lambda f, _: _share(f["share_within_1min"])),
    ("attended within two", lambda f, _: _share(f["share_within_2min"])),
    ("value attended within a minute", lambda f, _: _share(f["value_share_within_1min"])),
    ("value attended within two", lambda f, _: _share(f["value_share_within_2min"])),
    ("value that nobody attended", lambda f, money: money(f["unattended_minor"])),
    ("mean time until attended", lambda f, _: _seconds(f["mean_wait_s"])),
    ("mean time with a customer", lambda f, _: _seconds(f["mean_service_s"])),
    ("sold, where it was said", lambda f, money: money(f["sold_minor"])),
)
