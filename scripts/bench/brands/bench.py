"""`msh bench brands`: accuracy on marks, fonts and backgrounds unseen in training."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.box import SIMPLE
from rich.progress import Progress
from rich.table import Table

from pipelines.errors import BadInput
from scripts.terminal import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from rich.console import Console

    from scripts.bench.brands.dataset import MarkSet

SIZES = (12, 16, 24, 32, 48, 64)


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "how well brands are recognised, on a test set unseen in training, beside baselines"
    parser = benches.add_parser("brands", help=about, description=about)
    parser.add_argument(
        "--sample", type=int, default=50, metavar="N", help="marks per size for slow methods (50)"
    )
    parser.add_argument(
        "--people", type=int, default=90, metavar="N", help="people of the end-to-end measurement (90)"
    )
    parser.add_argument(
        "--network", type=Path, metavar="FILE", help="ONNX or TFLite picture network to compare"
    )
    parser.add_argument("--no-baselines", action="store_true", help="the product's own routes only")
    parser.add_argument(
        "--sheet", type=Path, metavar="PNG", help="write a sheet of what was recognised and missed"
    )
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    from scripts.bench.brands.dataset import FOLDER, read_set  # noqa: PLC0415 loads OpenCV

    if args.sample < 1 or args.people < 1:
        raise BadInput("--sample and --people must be 1 or more")
    if args.network is not None and not args.network.is_file():
        raise BadInput(f"--network: {args.network} is not there")
    if not (FOLDER / "truth.json").is_file():
        raise BadInput(f"{FOLDER}: holds no test set; run from a checkout of the repository")
    with Progress(console=console(stderr=True), transient=True) as progress:
        figures = measure(read_set(), args, progress)
    if args.json:
        print(json.dumps(figures, indent=1))
    else:
        show(figures, console())
    return 0


def measure(brands: MarkSet, args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Return all figures."""
    from scripts.bench.brands.measure import Bench  # noqa: PLC0415 loads the models

    def track(items: Iterable[Any], what: str) -> Iterable[Any]:
        return progress.track(list(items), description=what)

    bench = Bench(brands, args.sample, args.network, track)
    begun = time.perf_counter()
    figures: dict[str, Any] = {
        "top1": bench.top1(baselines=not args.no_baselines),
        "proposals": bench.proposals(),
        "rejection": bench.rejection(baselines=not args.no_baselines),
        "people": bench.people(args.people),
        "cost": bench.cost(),
    }
    figures["seconds"] = round(time.perf_counter() - begun, 1)
    if args.sheet is not None:
        bench.sheet(args.sheet)
    return figures


def show(figures: dict[str, Any], out: Console) -> None:
    """Print the figures as tables."""
    for kind, rows in figures["top1"].items():
        sizes = list(next(iter(rows["ways"].values())))
        table = _table(f"right brand of {rows['brands']}, {kind}, by height of the mark in px", "way", sizes)
        for name, shares in rows["ways"].items():
            table.add_row(name, *(_percent(shares[size]) for size in sizes))
        out.print(table)
    table = _table("marks among 20 proposals (IoU 0.5 or more)", "", SIZES)
    table.add_row("found", *(_percent(figures["proposals"][str(size)]) for size in SIZES))
    out.print(table)
    columns = ("recall", "precision", "false/1,000 backgrounds", "false/1,000 other marks")
    table = _table("20 brands enrolled, marks of 32 px", "way", columns)
    for name, row in figures["rejection"].items():
        table.add_row(
            name, *(_number(row.get(column)) for column in ("recall", "precision", "background", "others"))
        )
    out.print(table)
    table = _table("the whole way, looks voting on tracked people", "", ("per 100 people",))
    for name, value in figures["people"].items():
        table.add_row(name.replace("_", " "), _number(value))
    out.print(table)
    table = _table("CPU time of one crop of a person", "", ("ms", "of detection"))
    detection = figures["cost"]["detection"]
    for name, value in figures["cost"].items():
        table.add_row(name, f"{value:.1f}", f"{value / detection:.2f}")
    out.print(table)


def _table(title: str, first: str, columns: Iterable[object]) -> Table:
    table = Table(box=SIMPLE, pad_edge=False, title=title, title_justify="left")
    table.add_column(first)
    for column in columns:
        table.add_column(str(column), justify="right")
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _number(value: float | None) -> str:
    return "-" if value is None or not np.isfinite(value) else f"{value:.2f}"
