"""`msh simulate`: compares policies of sending salespeople to customers, over many simulated days."""

from __future__ import annotations

import json
import os
from argparse import ArgumentTypeError
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from html import escape
from importlib.util import find_spec
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.settings.load import load_settings
from pricing.errors import BadInput
from pricing.sales.simulation import (
    BY_OFFER,
    SOON_S,
    Comparison,
    Shift,
    ShopModel,
    Way,
    mean,
    simulate,
    spread,
)
from scripts.own_file import check_own
from scripts.text_table import text_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

DAYS_A_PART = 25
_BOUND = "clairvoyant bound"
_SEEN = "of what is recognised"


def _can_bound() -> bool:
    """Return whether SciPy is installed: only the bound needs it, and its 140 MB are not shipped."""
    return find_spec("scipy") is not None


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "play days of a shop: what does sending salespeople by value bring?"
    parser = subparsers.add_parser("simulate", help=about, description=about)
    default = ShopModel()
    parser.add_argument("--days", type=_whole, default=1000, metavar="N", help="days to play (1000)")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="the same seed plays the same days (1)"
    )
    parser.add_argument("--staff", type=_whole, metavar="N", help="salespeople all day (3)")
    parser.add_argument(
        "--add",
        type=_shift,
        action="append",
        default=[],
        metavar="FROM-UNTIL",
        help="one more, such as 16-19",
    )
    parser.add_argument(
        "--open", type=_hour, default=default.open_h, metavar="HOUR", help="the door opens (10)"
    )
    rates = ",".join(f"{rate:g}" for rate in default.arrivals)
    parser.add_argument(
        "--arrivals",
        type=_rates,
        default=default.arrivals,
        metavar="N,N",
        help=f"customers each hour ({rates})",
    )
    parser.add_argument(
        "--value", type=_above, default=default.value_median, metavar="N", help="median worn (300)"
    )
    parser.add_argument(
        "--service", type=_above, default=15.0, metavar="MIN", help="mean minutes with one (15)"
    )
    parser.add_argument(
        "--patience", type=_above, default=8.0, metavar="MIN", help="mean minutes until one leaves (8)"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the store file, for its staff")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the result, an SVG file")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Simulate, print a table, write the chart; return 0."""
    model = _model(args)
    if args.picture:
        check_own(args.picture, lambda head: head.lstrip().startswith(b"<svg"), "a chart of this command")
    rows = figures(play_all(model, args.days, args.seed))
    more = None
    if args.add:
        stronger = replace(model, shifts=(*model.shifts, *args.add))
        more = figures(play_all(stronger, args.days, args.seed, tuple(_OURS), with_bound=False))
    if args.picture:
        try:
            args.picture.write_text(picture(rows), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{args.picture}: cannot be written: {error.strerror}") from None
    if args.json:
        print(json.dumps({"days": args.days, "seed": args.seed, "ways": rows, "with_added": more}))
        return 0
    print(_about(model, args))
    print(table(rows))
    if _BOUND not in rows:
        print("\nThe bound that knows the future needs one package more; install it: pip install scipy")
    if more is not None:
        spans = " and ".join(f"{shift.from_h:g} to {shift.until_h:g}" for shift in args.add)
        print(f"\nwith one more from {spans}:\n{table(more)}")
        for name, figure in more.items():
            gain = figure["soon"] - rows[name]["soon"]
            print(f"{name}: {gain:+,.0f} a day ({100 * gain / max(rows[name]['soon'], 1):+.1f} %)")
    return 0


_OURS = (Way.VALUE, Way.AUTO, Way.RESERVE)


def play_all(
    model: ShopModel, days: int, seed: int, ways: Sequence[Way] = tuple(Way), *, with_bound: bool = True
) -> Comparison:
    """Return the simulated days in order; one process per core computes them."""
    parts = [range(first, min(first + DAYS_A_PART, days)) for first in range(0, days, DAYS_A_PART)]
    play = partial(simulate, ways=ways, with_bound=with_bound and _can_bound())
    if len(parts) == 1:
        return play(model, parts[0], seed)
    whole = Comparison({way: [] for way in ways}, [])
    with ProcessPoolExecutor(max_workers=min(len(parts), os.cpu_count() or 1)) as pool:
        for part in pool.map(play, repeat(model), parts, repeat(seed)):
            whole.bounds += part.bounds
            whole.seen_bounds += part.seen_bounds
            for way in ways:
                whole.days[way] += part.days[way]
    return whole


def figures(found: Comparison) -> dict[str, dict[str, float]]:
    """Return the figures of each policy by its name, and of the bound; money per day."""
    rows: dict[str, dict[str, float]] = {}
    for way, days in found.days.items():
        middle, low, high = spread([day.soon for day in days])
        rows[way.value] = {
            "soon": middle,
            "soon_p5": low,
            "soon_p95": high,
            "attended": mean(days, lambda day: day.attended),
            "lost": mean(days, lambda day: day.lost),
            "wait_s": sum(day.wait_s for day in days) / max(1, sum(day.served for day in days)),
            "served": mean(days, lambda day: day.served),
            "customers": mean(days, lambda day: day.visitors),
            "idle": mean(days, lambda day: day.idle_share),
        }
    if found.bounds:
        middle, low, high = spread(found.bounds)
        rows[_BOUND] = {"soon": middle, "soon_p5": low, "soon_p95": high}
        middle, low, high = spread(found.seen_bounds)
        for way in set(found.days) & set(BY_OFFER):
            seen = mean(found.days[way], lambda day: day.soon_seen)
            rows[way.value]["of_seen"] = seen / max(middle, 1e-9)
        rows[_SEEN] = {"soon": middle, "soon_p5": low, "soon_p95": high, "of_seen": 1.0}
    base = rows.get(Way.FIRST_COME.value)
    for row in rows.values():
        if base:
            row["gain"] = row["soon"] / max(base["soon"], 1e-9) - 1
        if found.bounds:
            row["of_bound"] = row["soon"] / max(rows[_BOUND]["soon"], 1e-9)
    return rows


def table(rows: dict[str, dict[str, float]]) -> str:
    """Return the figures as a text table."""
    columns: list[tuple[str, Callable[[dict[str, float]], str]]] = [
        (f"value within {SOON_S / 60:g} min (5 to 95 %)", _spread_text),
        ("gain", lambda r: f"{100 * r['gain']:+.0f} %" if "gain" in r else ""),
        ("of bound", lambda r: f"{100 * r['of_bound']:.0f} %" if "of_bound" in r else ""),
        ("of recognised", lambda r: f"{100 * r['of_seen']:.0f} %" if "of_seen" in r else ""),
        ("value lost", lambda r: f"{r['lost']:,.0f}" if "lost" in r else ""),
        ("wait", lambda r: f"{r['wait_s']:.0f} s" if "wait_s" in r else ""),
        ("served", lambda r: f"{r['served']:.0f} of {r['customers']:.0f}" if "served" in r else ""),
        ("idle", lambda r: f"{100 * r['idle']:.0f} %" if "idle" in r else ""),
    ]
    columns = [column for column in columns if any(column[1](row) for row in rows.values())]
    lines = [["", *(title for title, _ in columns)]]
    lines += [[name, *(text(row) for _, text in columns)] for name, row in rows.items()]
    return "\n".join(text_table(lines, figures=True))


def _spread_text(row: dict[str, float]) -> str:
    return f"{row['soon']:,.0f} ({row['soon_p5']:,.0f} to {row['soon_p95']:,.0f})"


def picture(rows: dict[str, dict[str, float]]) -> str:
    """Return an SVG: a bar per policy, with a line from the 5th to the 95th percentile of the days."""
    scale = 420 / max(row["soon_p95"] for row in rows.values())
    height = 60 + 44 * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}"',
        ' font-family="sans-serif" font-size="14">',
        f'<rect width="720" height="{height}" fill="#fff"/>',
        f'<text x="20" y="30" font-size="16">Value attended within {SOON_S / 60:g} minutes, a day</text>',
    ]
    for n, (name, row) in enumerate(rows.items()):
        y, width = 52 + 44 * n, row["soon"] * scale
        colour = "#0b6e4f" if name in {way.value for way in _OURS} else "#9aa5b1"
        low, high = 200 + row["soon_p5"] * scale, 200 + row["soon_p95"] * scale
        parts += [
            f'<text x="190" y="{y + 20}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="200" y="{y + 4}" width="{width:.1f}" height="24" fill="{colour}"/>',
            f'<path d="M{low:.1f} {y + 16}H{high:.1f}" stroke="#222" stroke-width="1.5"/>',
            f'<text x="{max(high, 200 + width) + 8:.1f}" y="{y + 20}">{row["soon"]:,.0f}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _model(args: argparse.Namespace) -> ShopModel:
    until = args.open + len(args.arrivals)
    if until > 24:
        raise BadInput("--arrivals: more hours than the day has after --open")
    staff = load_settings(args.config, env=os.environ).staff if args.config else None
    if args.config and staff is None:
        raise BadInput(f"{args.config}: names no staff; add `staff:`, or use --staff")
    ranks = [one.rank for one in (staff.members() if staff else ShopModel().shifts)]
    count = args.staff or len(ranks)
    shifts = tuple(Shift(args.open, until, ranks[n % len(ranks)]) for n in range(count))
    return replace(
        ShopModel(shifts=shifts),
        keep_free=staff.keep_free if staff and staff.keep_free != "auto" and staff.keep_free else 1,
        keep_from=float(staff.keep_for_at_least) if staff and staff.keep_for_at_least else None,
        open_h=args.open,
        arrivals=args.arrivals,
        value_median=args.value,
        service_mean_s=60 * args.service,
        patience_mean_s=60 * args.patience,
    )


def _about(model: ShopModel, args: argparse.Namespace) -> str:
    return (
        f"{args.days} days, {len(model.shifts)} salespeople, {sum(model.arrivals):g} customers a day,"
        f" {100 * model.priced:.0f} % wear something priced (median {model.value_median:g}),"
        f" {100 * model.recognised:.0f} % of it recognised after {model.seen_after_s:g} s,\n"
        f"service {model.service_mean_s / 60:g} min, patience {model.patience_mean_s / 60:g} min,"
        f" an offer takes {model.accept_s:g} s; gain: over first come first served\n"
    )


def _whole(text: str) -> int:
    value = int(text) if text.isdecimal() and len(text) < 8 else 0
    if not 1 <= value <= 100_000:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 to 100000")
    return value


def _above(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 1e6:
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def _hour(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 23:
        raise ArgumentTypeError(f"{text!r} is not an hour from 0 to 23")
    return value


def _rates(text: str) -> tuple[float, ...]:
    rates = tuple(_number(part) for part in text.split(","))
    if not 1 <= len(rates) <= 24 or not all(0 <= rate <= 1000 for rate in rates) or not sum(rates):
        raise ArgumentTypeError(f"{text!r} is not a list of numbers from 0 to 1000, such as 7,9,12")
    return rates


def _shift(text: str) -> Shift:
    first, _, last = text.partition("-")
    begin, end = _number(first), _number(last)
    if not 0 <= begin < end <= 24:
        raise ArgumentTypeError(f"{text!r} is not a span of hours, such as 16-19")
    return Shift(begin, end)


def _number(text: str) -> float:
    try:
        return float(text) if text.isascii() and "_" not in text else -1.0
    except ValueError:
        return -1.0
