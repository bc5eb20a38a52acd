"""`msh report` for reading: a text, one HTML page that prints well, or CSV."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.csv_text import csv_text
from pricing.item_words import item_words, language_of
from pricing.money import display
from scripts.privacy_report_text import STYLE
from scripts.report_words import WORDS, report_words
from scripts.text_table import text_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from scripts.report_words import Say

Values = dict[str, Any]
WITHHELD = "-"


class Table(NamedTuple):
    """A titled table of texts."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(found: Values, locale: str) -> Iterator[Table]:
    """Yield the report's tables."""
    say = report_words(locale)

    def money(minor: int | None) -> str:
        return WITHHELD if minor is None else display(minor, found["currency"], locale)

    visitors, before = say("visitors"), found["before"]
    yield Table(
        say("whole"),
        ("", _span(found, say, "span"), _span(before, say, "before")),
        [(say(key), write(found, money), write(before, money)) for key, write in _WHOLE],
    )
    yield _hours(found, say, money)
    attended = [
        (_joined(one["within"], say), str(one["count"]), money(one["value_minor"]))
        for one in found["attended"]
    ]
    yield Table(say("attended"), ("", visitors, say("value")), attended)
    worth = [(_range(one, say), str(one["count"])) for one in found["worth"]]
    yield Table(say("worth", currency=found["currency"]), ("", visitors), worth)
    outcomes = [(_joined(one["outcome"], say), str(one["count"])) for one in found["outcomes"]]
    yield Table(say("outcomes"), ("", say("customers")), outcomes)
    brands = [(one["key"], str(one["count"])) for one in found["brands"]]
    yield Table(say("brands"), ("", visitors), brands)
    types = [(item_words(locale).type(one["key"]), str(one["count"])) for one in found["types"]]
    yield Table(say("types"), ("", visitors), types)
    zones = [(one["zone"], str(one["count"]), _seconds(one["mean_s"])) for one in found["zones"]]
    yield Table(say("zones"), ("", visitors, say("stay")), zones)
    cameras = [(one["camera"], f"{100 * one['up']:.1f} %") for one in found["cameras"]]
    yield Table(say("cameras"), ("", say("pictures")), cameras)


def _hours(found: Values, say: Say, money: Callable[[int | None], str]) -> Table:
    staffing = found["staffing"]
    title = "hours" if staffing["service_seen"] else "hours_assumed"
    return Table(
        say(title, model=say("model"), seconds=f"{staffing['service_s']:g}"),
        (say("hour"), say("visitors"), say("value"), say("staff"), say("saved")),
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


def text(found: Values, locale: str) -> str:
    """Return the report for a terminal."""
    lines = [_heading(found, locale)]
    for table in tables(found, locale):
        if not table.rows:
            continue
        rows = text_table([table.heads, *table.rows], figures=True)
        lines += ["", table.title, *(f"  {row}" for row in rows)]
    return "\n".join([*lines, "", _note(found, locale)])


def html(found: Values, locale: str) -> str:
    """Return the report as one page without anything from elsewhere."""
    parts = [f"<h1>{escape(_heading(found, locale))}</h1>"]
    for table in tables(found, locale):
        if not table.rows:
            continue
        heads = "".join(f"<th scope='col'>{escape(head)}</th>" for head in table.heads)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
        )
        parts.append(f"<h2>{escape(table.title)}</h2><table><tr>{heads}</tr>{body}</table>")
    parts.append(f"<p>{escape(_note(found, locale))}</p>")
    head = f"<meta charset='utf-8'><title>{escape(_heading(found, locale))}</title><style>{STYLE}</style>"
    language, body = language_of(locale), "".join(parts)
    return f"<!doctype html><html lang='{language}'><head>{head}</head><body>{body}</body></html>"


def rows(found: Values) -> str:
    """Return the report as CSV, one figure a line: part, key, figure, value, value before."""
    before = found["before"]
    table: list[Sequence[Any]] = [("part", "key", "figure", "value", "before")]
    for figure, value in found.items():
        if figure in before and not isinstance(value, list) and figure not in ("from", "to"):
            table.append(("whole", "", figure, value, before[figure]))
    for part in ("hours", "attended", "worth", "outcomes", "brands", "types", "zones", "cameras"):
        old = {_first(row): row for row in before[part]}
        for row in found[part]:
            key = _first(row)
            table += [
                (part, key, figure, row[figure], old.get(key, {}).get(figure)) for figure in list(row)[1:]
            ]
    return csv_text(table).rstrip("\n")


def _first(row: Values) -> str:
    return str(next(iter(row.values())))


def _heading(found: Values, locale: str) -> str:
    say = report_words(locale)
    return _span(found, say, "title", store=found["store"], zone=found["timezone"])


def _note(found: Values, locale: str) -> str:
    return report_words(locale)("note", count=found["min_count"], withheld=WITHHELD)


def _span(found: Values, say: Say, key: str, **more: str) -> str:
    return say(key, first=found["from"], last=found["to"], **more)


def _number(value: float | None) -> str:
    return WITHHELD if value is None else f"{value:g}"


def _seconds(value: float | None) -> str:
    return WITHHELD if value is None else f"{value:.0f} s"


def _share(value: float | None) -> str:
    return WITHHELD if value is None else f"{100 * value:.0f} %"


def _joined(key: str, say: Say) -> str:
    return f" {say('or')} ".join(say(name) if name in WORDS else name for name in key.split("+"))


def _range(one: Values, say: Say) -> str:
    if one["to"] is None:
        return say("above", low=one["from"])
    if (one["from"], one["to"]) == (0, 1):
        return say("unpriced")
    return say("range", low=one["from"], high=one["to"])


_WHOLE: tuple[tuple[str, Any], ...] = (
    ("visitors", lambda f, _: _number(f["visitors"])),
    ("seen", lambda f, money: money(f["value_minor"])),
    ("soon", lambda f, _: _share(f["share_within_1min"])),
    ("soon2", lambda f, _: _share(f["share_within_2min"])),
    ("value_soon", lambda f, _: _share(f["value_share_within_1min"])),
    ("value_soon2", lambda f, _: _share(f["value_share_within_2min"])),
    ("unattended", lambda f, money: money(f["unattended_minor"])),
    ("wait", lambda f, _: _seconds(f["mean_wait_s"])),
    ("service", lambda f, _: _seconds(f["mean_service_s"])),
    ("said_sold", lambda f, money: money(f["sold_minor"])),
)
