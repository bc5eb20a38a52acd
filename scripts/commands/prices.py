"""`msh prices`: is a price list right, and what does it say of a thing."""

from __future__ import annotations

import sys
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from pricing.catalogue import Catalogue, load
from pricing.errors import BadInput
from pricing.money import display, exponent
from pricing.names import normal_brand
from pricing.rows import BadCatalogue, Row, parse_day
from pricing.slots import normal_type, slot_of

if TYPE_CHECKING:
    import argparse

    from pricing.value import Price


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command and its two subcommands."""
    about = "check a price list, or ask it for a price"
    parser = subparsers.add_parser("prices", help=about, description=about)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="tell every mistake in a price list with its place")
    check.add_argument("file", type=Path, metavar="FILE", help="the price list, CSV")
    check.add_argument("--currency", help="the store's currency, such as EUR")
    check.set_defaults(run=run_check)
    lookup = actions.add_parser("lookup", help="tell what a thing of a brand costs")
    lookup.add_argument("brand", metavar="BRAND")
    lookup.add_argument("type", metavar="TYPE", help="such as handbag or bomber; a slot such as bag for any")
    lookup.add_argument("--catalogue", type=Path, metavar="FILE", required=True, help="the price list, CSV")
    lookup.add_argument("--on", metavar="DATE", help="the day, such as 2026-11-30; today if left out")
    lookup.add_argument("--explain", action="store_true", help="show the lines of the list that were used")
    lookup.set_defaults(run=run_lookup)


def run_check(args: argparse.Namespace) -> int:
    """Print a summary, or one line per mistake on stderr; return 0 or 2."""
    if args.currency is not None:
        exponent(args.currency)
    try:
        catalogue = load(args.file, args.currency)
    except BadCatalogue as error:
        print(error, file=sys.stderr)
        return 2
    print(
        f"{args.file}: ok, {len(catalogue)} prices of {len(catalogue.names)} brands in {catalogue.currency}"
    )
    return 0


def run_lookup(args: argparse.Namespace) -> int:
    """Print a price; return 0, or 1 where the list does not know it."""
    type_ = normal_type(args.type)
    slot = slot_of(type_)
    on = _day(args.on)
    try:
        catalogue = load(args.catalogue)
    except BadCatalogue as error:
        print(error, file=sys.stderr)
        return 2
    rows = catalogue.rows_for(args.brand, type_, slot, on)
    price = catalogue.lookup(args.brand, type_, slot, on)
    if price is None:
        print(_unknown(catalogue, args.brand, type_, on), file=sys.stderr)
        return 1
    print(f"{rows[0].name} {type_}: {_money(price)}")
    for row in rows if args.explain else ():
        print(f"  {args.catalogue}:{row.line}  {_told(row)}")
    return 0


def _day(text: str | None) -> date:
    if text is None:
        return date.today()  # noqa: DTZ011 the day where the command is typed
    try:
        return parse_day(text)
    except BadInput as error:
        raise BadInput(f"--on: {error}") from None


def _money(price: Price) -> str:
    text = f"{display(price.amount_minor, price.currency)} {price.currency}"
    if price.min_minor != price.max_minor:
        lowest, highest = (display(minor, price.currency) for minor in (price.min_minor, price.max_minor))
        text += f" ({lowest} to {highest})"
    since = f" since {price.as_of}" if price.as_of else ""
    return f"{text}, source {price.source}{since}"


def _told(row: Row) -> str:
    amount = display(row.min_minor, row.currency)
    if row.max_minor != row.min_minor:
        amount += f" to {display(row.max_minor, row.currency)}"
    since = "" if row.valid_from == date.min else f" from {row.valid_from}"
    until = "" if row.valid_until == date.max else f" until {row.valid_until}"
    return f"{row.name} {row.type} {amount}{since}{until}"


def _unknown(catalogue: Catalogue, brand: str, type_: str, on: date) -> str:
    names = catalogue.names
    key = normal_brand(brand)
    if key in names:
        return f"{names[key]} {type_}: no price in the list for {on}"
    near = get_close_matches(key, names, 1)
    hint = f'; did you mean "{names[near[0]]}"?' if near else ""
    return f'"{brand}" is not in the list{hint}'
