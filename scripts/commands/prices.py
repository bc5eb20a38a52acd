"""`msh prices`: check a price list; look a price up in the list, the cache and the service."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from dataclasses import asdict
from datetime import date, datetime, timezone
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pipelines.settings.load import load_settings
from pricing.brands.names import normal_brand
from pricing.catalogue.catalogue import Catalogue, load, read_list
from pricing.catalogue.list_format import ListFormat
from pricing.catalogue.rows import BadCatalogue, PriceRow, parse_day
from pricing.catalogue.rows_xlsx import workbook_kind
from pricing.catalogue.suggest import suggest
from pricing.errors import BadInput
from pricing.live.remembered import Freshness, PriceBelief, Result, Thing, updated
from pricing.money import display, exponent
from pricing.slots import slot_of
from pricing.type_words import listed_type

if TYPE_CHECKING:
    import argparse

    from pipelines.settings.root import Settings
    from pricing.live.remembered import Answer
    from pricing.value import Price


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command and its two subcommands."""
    about = "check a price list, or ask for a price"
    parser = subparsers.add_parser("prices", help=about, description=about)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="show every mistake in a price list with its place")
    check.add_argument(
        "file",
        type=Path,
        nargs="?",
        metavar="FILE",
        help="the price list: CSV, YAML or .xlsx; else the store's",
    )
    check.add_argument("--currency", help="the store's currency, such as EUR")
    check.add_argument("--config", type=Path, metavar="FILE", help="the store file, for its prices.format")
    check.add_argument("--suggest", action="store_true", help="show the prices.format that may fit the list")
    check.set_defaults(run=run_check)
    lookup = actions.add_parser("lookup", help="show what a thing of a brand costs")
    lookup.add_argument("brand", metavar="BRAND")
    lookup.add_argument("type", metavar="TYPE", help="such as handbag or bomber; a slot such as bag for any")
    lookup.add_argument("--model", metavar="NAME", help="of this model")
    source = lookup.add_mutually_exclusive_group(required=True)
    source.add_argument("--catalogue", type=Path, metavar="FILE", help="the price list: CSV, YAML or .xlsx")
    source.add_argument("--config", type=Path, metavar="FILE", help="the store file, for all its sources")
    lookup.add_argument("--cache", type=Path, metavar="FILE", help="remembered prices; else this user's")
    lookup.add_argument("--live", action="store_true", help="ask the store's price service now, once")
    lookup.add_argument("--on", metavar="DATE", help="the day, such as 2026-11-30; today if left out")
    lookup.add_argument("--explain", action="store_true", help="show the lines and answers it comes from")
    lookup.set_defaults(run=run_lookup)


def run_check(args: argparse.Namespace) -> int:
    """Print a summary, or one line per mistake on stderr; return 0 or 2."""
    if args.currency is not None:
        exponent(args.currency)
    settings = load_settings(args.config, env=os.environ) if args.config else None
    currency = args.currency or (settings.store.currency if settings else None)
    notation = settings.prices.format.notation if settings else ListFormat()
    file = args.file or (settings.prices.catalogue if settings else None)
    if file is None:
        raise BadInput(_no_list(args.config))
    if args.suggest:
        notation = _suggest(file, currency)
    try:
        catalogue = load(file, currency, notation)
    except BadCatalogue as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{file}: ok, {len(catalogue)} prices of {len(catalogue.names)} brands in {catalogue.currency}")
    if catalogue.doubt:
        print(f"note: {catalogue.doubt}")
    return 0


def _no_list(config: Path | None) -> str:
    if config is None:
        return "name a price list, or with --config the store file that names one"
    return f"{config}: names no price list; write one under prices.catalogue, or name it before --config"


def _suggest(file: Path, currency: str | None) -> ListFormat:
    """Print the `prices.format` section that fits a list, and why; return the notation."""
    data = read_list(file)
    if workbook_kind(data):
        raise BadInput(f"{file}: --suggest reads CSV; a workbook says itself what is a number and a date")
    found = suggest(data, str(file), currency)
    written, default = asdict(found.notation), asdict(ListFormat())
    changed = {key: value for key, value in written.items() if value != default[key]}
    if not changed:
        print("# no prices.format is needed: the list is written as the example is")
    else:
        section = {"prices": {"catalogue": file.name, "format": changed}}
        print(yaml.safe_dump(section, sort_keys=False, allow_unicode=True), end="")
    for line in (*found.evidence, *(f"PLEASE CHECK: {doubt}" for doubt in found.doubts)):
        print(f"# {line}")
    return found.notation


def run_lookup(args: argparse.Namespace) -> int:
    """Print a price; return 0, or 1 where nobody knows it or the shop does not sell it."""
    type_ = listed_type(args.type)
    settings = load_settings(args.config, env=os.environ) if args.config else None
    on = _day(args.on, settings)
    path = args.catalogue or (settings.prices.catalogue if settings else None)
    try:
        currency = settings.store.currency if settings else None
        notation = settings.prices.format.notation if settings and not args.catalogue else None
        catalogue = load(path, currency, notation) if path else Catalogue(())
    except BadCatalogue as error:
        print(error, file=sys.stderr)
        return 2
    rows = catalogue.rows_for(args.brand, type_, slot_of(type_), on, args.model)
    found = catalogue.find(args.brand, type_, slot_of(type_), on, args.model)
    lines = [f"  {path}:{row.line}  {_row_text(row)}" for row in rows]
    price, remembered = found.price, settings is not None or args.cache is not None
    if price is None and found.sold and remembered:
        thing = Thing(normal_brand(args.brand), type_, normal_brand(args.model or ""))
        price, answers = _remembered(args, settings, thing, catalogue.names.get(thing.brand, args.brand))
        lines += answers
    if price is not None:
        name = rows[0].name if rows else args.brand
        print(f"{name} {type_}: {_money(price, settings)}")
    elif not found.sold:
        print(f"{rows[0].name} {type_}: not sold here, so it has no price", file=sys.stderr)
    else:
        print(_unknown(catalogue, args.brand, type_, on, remembered=remembered), file=sys.stderr)
    for line in lines if args.explain else ():
        print(line)
    return 0 if price is not None else 1


def _remembered(
    args: argparse.Namespace, settings: Settings | None, thing: Thing, brand: str
) -> tuple[Price | None, list[str]]:
    """Return the cached price, and a line for each past answer."""
    from pipelines.assembly.prices import build_freshness, cache_file  # noqa: PLC0415
    from pipelines.paths import state_path  # noqa: PLC0415 only here is the running store's folder needed
    from pricing.live.cache import history  # noqa: PLC0415

    file: Path = args.cache if settings is None or args.cache else cache_file(settings, state_path())
    try:
        answers = history(file, thing) if args.cache or file.is_file() else []
    except (sqlite3.Error, OSError) as error:
        raise BadInput(f"{file}: remembered prices cannot be read: {error}") from None
    if args.live:
        answers.append(_answer_now(settings, thing, brand))
    freshness = build_freshness(settings) if settings else Freshness(2**62, 2**63, 2**62)
    currency = settings.store.currency if settings else None
    belief: PriceBelief | None = None
    for answer in answers:
        belief = updated(belief, answer) if currency in (None, answer.currency) else belief
    price = belief.price_at(time.time_ns(), freshness) if belief else None
    return price, [f"  {_line(answer)}" for answer in answers] or [f"  no answer is remembered in {file}"]


def _answer_now(settings: Settings | None, thing: Thing, brand: str) -> Answer:
    """Return the service's price of now. Raises BadInput where it is not configured or does not answer."""
    from pipelines.assembly.prices import ask_once  # noqa: PLC0415 loads requests

    if settings is None or settings.prices.live is None:
        raise BadInput("--live: no price service; give --config with a store file that has prices.live")
    return ask_once(settings, thing, brand)


def _line(answer: Answer) -> str:
    at = datetime.fromtimestamp(answer.at / 1e9, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
    if answer.result is Result.NOTHING:
        return f"{at}  {answer.source}: nothing, {answer.detail}"
    low, high = (display(minor, answer.currency) for minor in (answer.min_minor, answer.max_minor))
    spread = f" ({low} to {high})" if low != high else ""
    return f"{at}  {answer.source}: {display(answer.amount_minor, answer.currency)}{spread}, {answer.detail}"


def _day(text: str | None, settings: Settings | None) -> date:
    if text is None:
        # The store's day where there is a store, else that of where the command is typed.
        return settings.store.today() if settings else datetime.now().astimezone().date()
    try:
        return parse_day(text)
    except BadInput as error:
        raise BadInput(f"--on: {error}") from None


def _money(price: Price, settings: Settings | None) -> str:
    locale = settings.store.locale if settings else "en"
    text = f"{display(price.amount_minor, price.currency, locale)} {price.currency}"
    if price.min_minor != price.max_minor:
        lowest, highest = (display(m, price.currency, locale) for m in (price.min_minor, price.max_minor))
        text += f" ({lowest} to {highest})"
    since = f" since {price.as_of}" if price.as_of else ""
    return f"{text}, source {price.source}{since}{', stale' if price.stale else ''}"


def _row_text(row: PriceRow) -> str:
    amount = row.says.value or display(row.min_minor, row.currency)
    if row.max_minor != row.min_minor:
        amount += f" to {display(row.max_minor, row.currency)}"
    since = "" if row.valid_from == date.min else f" from {row.valid_from}"
    until = "" if row.valid_until == date.max else f" until {row.valid_until}"
    gtin = f", GTIN {row.gtin}" if row.gtin else ""
    return f"{' '.join(filter(None, (row.name, row.type, row.model)))} {amount}{since}{until}{gtin}"


def _unknown(catalogue: Catalogue, brand: str, type_: str, on: date, *, remembered: bool) -> str:
    names = catalogue.names
    key = normal_brand(brand)
    if key in names:
        return (
            f"{names[key]} {type_}: no price in the list for {on}{', none remembered' if remembered else ''}"
        )
    near = get_close_matches(key, names, 1)
    hint = f'; did you mean "{names[near[0]]}"?' if near else ""
    return f'"{brand}" is not in the list{", no price is remembered" if remembered else ""}{hint}'
