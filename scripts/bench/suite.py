"""`msh bench all`: the benches that anybody can repeat, in one run, as a table, JSON and docs/benchmarks.md.

Each bench runs in a process of its own. They take turns in every repeat, and contestants take turns inside a
bench, so that what else the machine does falls on all alike. Of each figure the median counts; the spread is
the smallest and the largest of the repeats. The bound is what nobody can be faster than: the detectors'
inference on pictures that lie ready, and decoding.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.table import Table

from engines.paths import ROOT
from pipelines.errors import BadInput
from scripts.bench.contestants import ABOUT, MODULES, missing, not_installed
from scripts.bench.suite_parts import BenchPart, parts
from scripts.terminal import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Figures = dict[str, float]

TIMEOUT_S = 1800
PAGE = ROOT / "docs" / "benchmarks.md"
BUSY = 0.5
"""Load a core, before the run, from which on the machine is called busy."""
FEW_DIGITS = 1000
"""From here on a figure is written as a whole number."""
_OF_WHAT = re.compile(r"(?:(.*\d (?:cameras|objects)|.*), )?(.*)")
"""A figure's name: of what, such as "plain script, 4 cameras", and which figure."""
FULL = 0.6
"""Share of the cells that have a figure, from which on those of several things stand side by side."""
DETECT, DECODE = "pipeline: detect persons and faces, CPU ms", "pipeline: decode (file, unpaced), CPU ms"


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the suite."""
    about = "all benches that need nothing but this machine: medians and spread, about ten minutes a repeat"
    parser = benches.add_parser("all", help=about, description=about)
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="runs of each bench (3)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these benches of the suite alone")
    parser.add_argument("--quick", action="store_true", help="less of each, to try the suite itself")
    parser.add_argument("--rival", metavar="PYTHON", help="a Python with rivals/requirements.txt installed")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the suite and print it; 1 where a bench failed."""
    if args.repeats < 1:
        raise BadInput("--repeats must be 1 or more")
    suite = parts(rival=args.rival, quick=args.quick)
    names = [part.name for part in suite]
    if unknown := [name for name in args.only or () if name not in names]:
        raise BadInput(f"--only: there is no {', '.join(unknown)}; there are {', '.join(names)}")
    suite = tuple(part for part in suite if not args.only or part.name in args.only)
    report = SuiteReport(machine(), os.getloadavg()[0], suite, args.repeats, missing=_missing(args.rival))
    measure(report, call)
    if args.json:
        print(json.dumps(report.payload(), indent=1))
    else:
        _print(report)
    if args.write:
        PAGE.write_text(page(report), encoding="utf-8")
    for problem in (*report.missing, *report.problems):
        print(f"msh bench all: {problem}", file=sys.stderr)
    return int(bool(report.problems))


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over the repeats."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of one value or more."""
        return cls(median(values), min(values), max(values))


@dataclass(slots=True)
class SuiteReport:
    """What a run of the suite found. figures: by bench and name. problems: of benches that failed.

    missing: a line on each contestant that is not installed. seconds: how long each part took, all repeats
    together. loads: the highest load right after each.
    """

    machine: dict[str, str]
    load_before: float
    suite: Sequence[BenchPart]
    repeats: int
    missing: Sequence[str] = ()
    figures: dict[str, Spread] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    loads: dict[str, float] = field(default_factory=dict)

    def payload(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "machine": dict(self.machine),
            "repeats": self.repeats,
            "problems": self.problems,
            "missing": list(self.missing),
            "seconds": self.seconds,
            "loads": self.loads,
            "figures": {
                name: {"median": one.median, "least": one.least, "most": one.most}
                for name, one in self.figures.items()
            },
        }


def measure(report: SuiteReport, ask: Callable[[BenchPart], Any]) -> None:
    """Run all parts in turn. ask: runs one and returns its JSON; BadInput where it fails."""
    found: dict[str, list[float]] = {}
    for number in range(report.repeats):
        for part in report.suite:
            if number and part.once:
                continue
            begun = time.monotonic()
            try:
                figures = dict(flat(ask(part)))
            except BadInput as error:
                report.problems.append(f"{part.name}: {error}")
                continue
            finally:
                report.seconds[part.name] = report.seconds.get(part.name, 0.0) + time.monotonic() - begun
                report.loads[part.name] = max(report.loads.get(part.name, 0.0), os.getloadavg()[0])
            for name, value in figures.items():
                found.setdefault(f"{part.name}: {name}", []).append(value)
    load = os.getloadavg()[0]
    report.machine |= {"load after": f"{load:.1f} (the benches' own is in it)"}
    report.figures = {name: Spread.of(values) for name, values in found.items()}
    _add_bound(report.figures)
    _add_further_cameras(report.figures)


def _missing(rival: str | None) -> list[str]:
    """Return a line on each contestant that the rivals' environment lacks."""
    if rival is None:
        return []
    lacks = {name: missing(name, rival) for name in MODULES}
    return [not_installed(name, absent) for name, absent in lacks.items() if absent]


def _add_bound(figures: dict[str, Spread]) -> None:
    """Add how many times the bound a frame costs, for each contestant and number of cameras."""
    if DETECT not in figures or DECODE not in figures:
        return
    bound = figures[DETECT].median + figures[DECODE].median
    for name, one in list(figures.items()):
        if name.endswith(", cpu_ms_per_frame"):
            ratio = Spread(one.median / bound, one.least / bound, one.most / bound)
            figures[name.replace("cpu_ms_per_frame", "times the bound")] = ratio


def _add_further_cameras(figures: dict[str, Spread]) -> None:
    """Add what many cameras take beside one: memory for each further one, and a frame's CPU time."""
    for name, many in list(figures.items()):
        part, _, rest = name.partition(": ")
        contestant, _, count = rest.partition(" cameras, ")[0].rpartition(", ")
        one = figures.get(name.replace(f", {count} cameras, ", ", 1 cameras, "))
        if one is None or count in ("", "1"):
            continue
        if name.endswith(", memory_mb"):
            more = (many.median - one.median) / (int(count) - 1)
            figures[f"{part}: {contestant}, {count} cameras, MB a further camera"] = Spread.of([more])
        elif name.endswith(", cpu_ms_per_frame"):
            ratio = many.median / one.median
            figures[f"{part}: {contestant}, {count} cameras, times one camera's CPU"] = Spread.of([ratio])


def flat(answer: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of a bench's JSON by name; rows of a list are named by their texts and counts.

    >>> list(flat([{"contestant": "ours", "cameras": 2, "ms": 61.5, "p50": None}]))
    [('ours, 2 cameras, ms', 61.5)]
    """
    if isinstance(answer, dict):
        keys = [key for key in ("cameras", "objects") if isinstance(answer.get(key), int)]
        words = [value for value in answer.values() if isinstance(value, str)]
        title = ", ".join([*words, *(f"{answer[key]} {key}" for key in keys)]) if keys else ""
        for key, value in answer.items():
            if key not in keys:
                yield from flat(value, ", ".join(part for part in (name, title, key) if part))
    elif isinstance(answer, list):
        for row in answer:
            yield from flat(row, name)
    elif isinstance(answer, (int, float)) and not isinstance(answer, bool):
        yield name, float(answer)


def call(part: BenchPart) -> Any:
    """Run a bench and return its JSON; BadInput with its last words where it fails."""
    bench = part.bench or part.name
    command = [sys.executable, "-m", "scripts.msh", "bench", bench, *part.arguments, "--json"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        if done.returncode == 0:
            return json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise BadInput(f"no figures: {type(error).__name__}") from error
    words = done.stderr.strip().splitlines()
    raise BadInput(words[-1] if words else f"ended with {done.returncode}")


def machine() -> dict[str, str]:
    """Describe this machine, and how busy it is before the run."""
    text = Path("/proc/cpuinfo").read_text("utf-8") if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "version": _version(),
        "processor": f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load before": f"{os.getloadavg()[0]:.1f} (0 is a quiet machine)",
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
    }


def _version() -> str:
    """Return the commit that is measured, with a word where files differ from it; else nothing known."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def _print(report: SuiteReport) -> None:
    out = console()
    for name, value in report.machine.items():
        out.print(f"{name}: {value}")
    for title, (head, *rows) in _tables(report, report.suite):
        table = Table(box=SIMPLE, pad_edge=False, title=title)
        table.add_column(head[0], overflow="fold")
        for column in head[1:]:
            table.add_column(column, justify="right")
        for row in rows:
            table.add_row(*row)
        out.print(table)


def page(report: SuiteReport) -> str:
    """Return docs/benchmarks.md."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `msh bench all --write`; run it to get the figures of your machine.",
        "",
    ]
    lines += [f"- {name}: {value}" for name, value in report.machine.items()]
    shown = report.suite
    if busy := _busy(report):
        shown = [part for part in report.suite if not part.live]
        lines = [*lines[:4], busy, "", *lines[4:]]
    spread = "; the median counts, the least and the most are in brackets" if report.repeats > 1 else ""
    lines += [f"- repeats: {report.repeats}{spread}"]
    took = ", ".join(f"{name} {seconds / 60:.1f}" for name, seconds in report.seconds.items())
    lines += [f"- minutes: {sum(report.seconds.values()) / 60:.0f} ({took})"]
    loads = ", ".join(f"{name} {load:.0f}" for name, load in report.loads.items())
    lines += [f"- load after each bench, its own in it: {loads}"]
    names = [part.name for part in shown]
    if left := [part.name for part in parts(rival="", quick=False) if part.name not in names]:
        lines += [f"- left out: {', '.join(left)}"]
    lines += [f"- failed: {problem}" for problem in report.problems]
    lines += [f"- contestant {line}" for line in report.missing]
    figures = {name: one for name, one in report.figures.items() if name.split(":")[0] in names}
    lines += _contestants(figures)
    for title, (head, *rows) in _tables(report, shown):
        lines += ["", f"## {title}", "", f"| {' | '.join(head)} |", f"| --- {'| ---: ' * (len(head) - 1)}|"]
        lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, ""])


def _busy(report: SuiteReport) -> str:
    """Return a warning where other programs had much of the machine; empty where they had little."""
    before = report.load_before
    cores = os.cpu_count() or 1
    if before < BUSY * cores:
        return ""
    return (
        f"**Taken on a busy machine: load {before:.0f} on {cores} cores before the run.** Live cameras and "
        "starts would tell what else ran, so they are left out. CPU times are too high, as others empty the "
        "caches; milliseconds that are not CPU time are higher still. What was measured by turns can be "
        "compared."
    )


def _contestants(figures: Mapping[str, Spread]) -> list[str]:
    """Return a line about each contestant that has figures, and what the bound is."""
    named = [
        f"- contestant {name}: {about}"
        for name, about in ABOUT.items()
        if any(f" {name}," in figure for figure in figures)
    ]
    if named and DETECT in figures:
        named.append(
            "- the bound: CPU time of decoding a frame and of the detectors on a picture that lies ready, "
            "all of it in full detail; live cameras look closely at parts only, so less than 1 is possible"
        )
    return named


def _written(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= FEW_DIGITS else f"{value:.3g}"


def _cell(one: Spread) -> str:
    middle, least, most = (_written(value) for value in (one.median, one.least, one.most))
    return middle if least == most else f"{middle} ({least} to {most})"


def _tables(report: SuiteReport, shown: Sequence[BenchPart]) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield title and table of each part, its head first."""
    for part in shown:
        start = f"{part.name}: "
        figures = {
            name.removeprefix(start): _cell(one)
            for name, one in report.figures.items()
            if name.startswith(start)
        }
        if figures:
            once = "; run once" if part.once and report.repeats > 1 else ""
            yield f"{part.name}: {part.about}{once}", side_by_side(figures)


def side_by_side(figures: Mapping[str, str]) -> list[list[str]]:
    """Return figures as the rows of a table, those of several things side by side where most have the same.

    >>> side_by_side({"2 cameras, ms": "5", "2 cameras, MB": "7", "4 cameras, ms": "6"})
    [['', 'ms', 'MB'], ['2 cameras', '5', '7'], ['4 cameras', '6', '']]
    """
    cells = {found.groups(""): cell for name, cell in figures.items() if (found := _OF_WHAT.fullmatch(name))}
    things, names = (list(dict.fromkeys(key)) for key in zip(*cells, strict=True))
    if len(things) == 1 or len(cells) < FULL * len(things) * len(names):
        return [["figure", "value"], *([name, cell] for name, cell in figures.items())]
    if len(names) <= len(things):
        return [["", *names], *([one, *(cells.get((one, name), "") for name in names)] for one in things)]
    return [["", *things], *([name, *(cells.get((one, name), "") for one in things)] for name in names)]
