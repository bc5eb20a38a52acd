"""`msh fleet-sim`: what a fleet of boxes means for its broker, measured on this machine."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from pipelines.errors import BadInput
from scripts.demo.children import StartFailed

if TYPE_CHECKING:
    import argparse

    from scripts.bench.fleet import FleetLoad

HEAD = " boxes  messages/s    kB/s  delivered/s  broker CPU  broker memory"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "run the event streams of a fleet against a real broker here: a table to size yours by"
    parser = subparsers.add_parser("fleet-sim", help=about, description=about)
    parser.add_argument(
        "--boxes", type=int, nargs="+", default=[100, 300, 1000], metavar="N", help="boxes (100 300 1000)"
    )
    parser.add_argument("--seconds", type=float, default=30, metavar="S", help="how long each (30)")
    parser.add_argument(
        "--visitors", type=float, default=120, metavar="N", help="persons an hour and camera, of 4 (120)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="the same seed plays the same day (1)"
    )
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure each fleet and print the table; return 0."""
    from scripts.bench.fleet import as_row, measure_fleet  # noqa: PLC0415  loads what only this needs

    if not all(1 <= boxes <= 10_000 for boxes in args.boxes):
        raise BadInput("--boxes must be 1 to 10000")
    if not 1 <= args.seconds <= 86_400 or not 0 < args.visitors <= 3600:
        raise BadInput("--seconds must be 1 to 86400, --visitors above 0 and at most 3600")
    rows = []
    try:
        for boxes in args.boxes:
            rows.append(measure_fleet(boxes, args.seconds, args.visitors, args.seed))
            if not args.json:
                print(*([HEAD] if len(rows) == 1 else []), _row(rows[-1]), sep="\n", flush=True)
    except StartFailed as error:
        print(f"msh fleet-sim: {error}", file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps([as_row(row) for row in rows], indent=1))
    return 0


def _row(load: FleetLoad) -> str:
    sizes = f"{load.messages_per_s:>11.0f} {load.bytes_per_s / 1000:>7.0f} {load.delivered_per_s:>12.0f}"
    broker = f"{load.broker_cpu_percent:>9.1f} % {load.broker_memory_bytes / 1e6:>11.0f} MB"
    slowed = "  (this machine could not make them faster)" if load.slowed else ""
    return f"{load.boxes:>6} {sizes} {broker}{slowed}"
