"""`msh annotate INPUT... -o FOLDER`: annotated copies of pictures and videos, every face masked."""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from engines.file_type import read_type
from engines.paths import CONFIGS
from pipelines.brands.enrol import build_enroller
from pipelines.brands.enrolled_cache import EnrolledCache
from pipelines.brands.gallery import BrandReader
from pipelines.errors import BadInput
from pipelines.logs import set_up_logging
from pipelines.outputs.disk import OutputFailed, fitting
from pipelines.printable import noted, printable
from pipelines.settings.brands import BrandsConfig
from pipelines.settings.load import load_settings
from pipelines.settings.models import ModelsConfig
from pricing.catalogue.catalogue import load
from probes.people.unworn import nobody, on_nobody
from probes.redaction.redact import RedactionFailed
from scripts.commands.log_arguments import add_log_arguments
from scripts.terminal import DescriptionColumn, console
from scripts.work_folder import signals_unwind

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from engines.file_type import FileType
    from pipelines.offline.annotate import AnnotateJob

CATALOGUE = CONFIGS / "prices.csv"
RULE = (
    "In a video an item counts once several looks agree, as in a running store. A single picture is one look:"
    " a word counts; a symbol or emblem counts only where it is large enough (24 x 24 pixels) and clearly"
    " sure (0.8 of 1, more where it is small); anything less is not listed. A brand that has no price is"
    " shown without one. Brands on a picture without people, or on things apart from them, are named, and"
    " priced to nobody."
)
SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".png", ".webp", ".bmp", ".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".ts"),
        *(".mpg", ".dav", ".h264", ".264", ".avc", ".h265", ".265", ".hevc", ".dv"),
    }
)
"""Files of a folder with these names are taken though their content is unknown: reading says why."""
SCHEMA = "msh.annotate/1"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "annotated copies of pictures, videos and folders of them, every face masked"
    parser = commands.add_parser("annotate", help=about, description=f"{about}. {RULE}")
    parser.add_argument("inputs", type=Path, nargs="+", metavar="INPUT", help="picture, video or folder")
    out = "where the copies go; earlier ones are replaced, unless the folder holds the inputs"
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER", help=out)
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write what was found as JSON, - for stdout"
    )
    parser.add_argument(
        "--catalogue", type=Path, metavar="FILE", help="price list (default: the store's, or the examples)"
    )
    parser.add_argument(
        "--rotate",
        type=int,
        choices=(0, 90, 180, 270),
        default=0,
        metavar="DEGREES",
        help="turn every picture clockwise by 90, 180 or 270 degrees first, as rotate of a camera does",
    )
    gallery = parser.add_mutually_exclusive_group()
    gallery.add_argument(
        "--brands", type=Path, metavar="FOLDER", help="brands to look for (default: those that come along)"
    )
    gallery.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the store file that names the brands, the price list and the garment model",
    )
    add_log_arguments(parser, level="warning")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Annotate every input; one bad file does not stop the others. 0 good, 1 a failure, 2 bad input."""
    set_up_logging(args.log, args.log_level)
    files, refused = _files(args.inputs)
    if not files:
        raise BadInput("\n".join(refused.values()))
    targets = _targets(files, args.out)
    to_stdout = args.json is not None and str(args.json) == "-"
    args.out.mkdir(parents=True, exist_ok=True)
    if args.json is not None and not to_stdout:
        _check_json(args.json, files)
    job, found = _job(args), list[dict[str, Any]]()
    try:
        with signals_unwind():
            for path, why in refused.items():
                found.append(_refused(path, why))
            worst = _annotate_all(job, targets, found, sys.stderr if to_stdout else sys.stdout)
            return 2 if refused else worst
    except (KeyboardInterrupt, SystemExit):
        print(f"msh annotate: stopped: {len(found)} of {len(files)} files are done", file=sys.stderr)
        raise
    finally:  # also where it is stopped after hours: the copies are there, and so must be what was found
        if args.json is not None:
            text = json.dumps({"schema": SCHEMA, "files": found}, ensure_ascii=False, indent=2) + "\n"
            sys.stdout.write(text) if to_stdout else args.json.write_text(text, "utf-8")


def _annotate_all(
    job: AnnotateJob, targets: dict[Path, Path], found: list[dict[str, Any]], said: TextIO
) -> int:
    """Annotate each file, add what was found in it, and say it; return the exit code."""
    worst = 0
    for source, target in targets.items():
        try:
            entry = _annotate(job, source, target)
        except BadInput as error:
            entry, worst = _refused(source, str(error)), 2
        except (OSError, RuntimeError, OutputFailed, RedactionFailed) as error:
            print(f"msh annotate: {source}: {error}", file=sys.stderr)
            entry, worst = {"file": str(source), "error": str(error)}, max(worst, 1)
        found.append(
            entry | {key: printable(entry[key]) for key in ("file", "output", "error") if key in entry}
        )
        for line in () if "error" in entry else _lines(entry, job):
            print(line, file=said)
    return worst


def _refused(source: Path, why: str) -> dict[str, Any]:
    """Say why a file is none to annotate; return what the findings have of it."""
    print(f"msh annotate: {why}", file=sys.stderr)
    return {"file": printable(str(source)), "error": printable(why)}


def _job(args: argparse.Namespace) -> AnnotateJob:
    from pipelines.offline.annotate import AnnotateJob  # noqa: PLC0415 loads models only once the call is known to be good

    settings = load_settings(args.config, env=os.environ) if args.config is not None else None
    gallery = (settings.brands if settings else None) or BrandsConfig(folder=args.brands)
    prices = settings.price_list() if settings and not args.catalogue else None
    if prices is None:
        prices = load(args.catalogue or CATALOGUE)
    brands = BrandReader(gallery, build_enroller, EnrolledCache.of_this_machine()).read()
    models = settings.models if settings else ModelsConfig()
    garments = models.garments.name if models.garments else None
    today = settings.store.today if settings else date.today
    return AnnotateJob(prices, brands, rotate=args.rotate, garments=garments, today=today)


def _annotate(job: AnnotateJob, source: Path, target: Path) -> dict[str, Any]:
    columns = (DescriptionColumn(), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    terminal = console(stderr=True)
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task(source.name, total=None)
        return job.annotate(
            source, target, lambda done, total: progress.update(task, completed=done, total=total)
        )


def _lines(entry: dict[str, Any], job: AnnotateJob) -> Iterator[str]:
    """Return a few lines on what was found in one file."""
    persons = entry["persons"]
    yield f"{entry['file']} -> {entry['output']}"
    if not persons:
        yield "  " + nobody(entry["kind"], entry.get("unworn", ()))
    for number, person in enumerate(persons, 1):
        worn = ", ".join(job.say(item) for item in person["items"]) or "nothing recognised"
        yield f"  person {number}: {worn}; total {job.say_total(person['total'])}"
    if persons and (seen := on_nobody(entry.get("unworn", ()))):
        yield f"  {seen}"
    if entry.get("withheld"):
        yield f"  {entry['withheld']} frames left out: masking was not certain"
    for note in entry.get("notes", ()):
        yield f"  {note}"


def _files(inputs: list[Path]) -> tuple[list[Path], dict[Path, str]]:
    """Return the files to annotate, and why others are none; a folder stands for what is directly in it."""
    files: list[Path] = []
    refused: dict[Path, str] = {}
    for path in inputs:
        if path.is_dir():
            inside = sorted(p for p in noted(path.iterdir()) if not p.name.startswith(".") and _is_media(p))
            if not inside:
                refused[path] = f"{path}: holds no picture and no video"
            files += inside
        elif path.is_file():
            files.append(path)
        elif path.exists():
            refused[path] = f"{path}: is no file: a pipe or device cannot be annotated"
        else:
            refused[path] = f"{path}: there is no such file"
    return list(dict.fromkeys(files)), refused


def _targets(files: list[Path], out: Path) -> dict[Path, Path]:
    """Return an output path for each file: all different, and none of them an input.

    Earlier copies are replaced. In a folder that holds inputs nothing is: it may hold other originals.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is a file; -o takes a folder")
    taken = {path.resolve() for path in files}
    is_beside = out.resolve() in {path.parent.resolve() for path in files}
    targets: dict[Path, Path] = {}
    for path in files:
        found = _type_of(path)
        suffix = found.result_suffix if found else ".mp4"
        number = 1
        target = out / fitting(path.stem, suffix)
        while target.resolve() in taken or (is_beside and os.path.lexists(target)):
            number += 1
            target = out / fitting(path.stem, f"-{number}{suffix}")
        taken.add(target.resolve())
        targets[path] = target
    return targets


def _check_json(path: Path, files: list[Path]) -> None:
    """Raise BadInput where the findings can not be written, before hours are spent on them."""
    if path.resolve() in {file.resolve() for file in files}:
        raise BadInput(f"--json {path}: is one of the inputs; name another file")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise BadInput(f"--json {path}: cannot be written; name a file in a folder that is there")


def _is_media(path: Path) -> bool:
    return path.is_file() and (_type_of(path) is not None or path.suffix.lower() in SUFFIXES)


def _type_of(path: Path) -> FileType | None:
    """Return the type of a file; None where it is unknown or unreadable (annotating then reports why)."""
    try:
        return read_type(path)
    except OSError:
        return None
