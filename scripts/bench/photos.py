"""`msh bench photos FOLDER`: found, wrong and missed on labelled photographs, by the whole product."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engines.manifest import GARMENTS, find_model, read_manifest
from engines.paths import CONFIGS
from pipelines.brands.enrol import build_enroller
from pipelines.brands.gallery import BrandReader
from pipelines.errors import BadInput
from pipelines.outputs.disk import write_whole
from pipelines.settings.brands import BrandsConfig
from pricing.catalogue.catalogue import load
from probes.frame import Kind
from scripts.bench.photos_labels import PICTURES, read_shown, table_of
from scripts.bench.photos_score import PhotoTally, compare, count_marks, count_people, figures, report
from scripts.bench.watched_looks import Watched

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from pipelines.offline.annotator import Annotated
    from pricing.brands.book import BrandBook
    from scripts.bench.photos_labels import ShownPhoto

CATALOGUE = CONFIGS / "prices.csv"
GOLDEN = 0.6180339887498949
"""Steps of this share of a circle leave no large gap, wherever they end."""
STOPPED = 130
"""Exit status after Ctrl-C, as a shell's."""


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "what is found, wrong and missed on photographs whose content is known"
    parser = benches.add_parser(
        "photos",
        help=about,
        description=f"{about}: beside them a table (Markdown, columns `file` and `expected`, such as `1"
        " person, t-shirt (Nike), tote`, `nobody`, `no tie`), label maps with labels.txt (the last fifth by"
        " name), boxes NAME.boxes.txt in YOLO's form with the classes of COCO, or train.txt of marks (FILE"
        " BRAND SUBSET X1 Y1 X2 Y2) with query.txt (FILE BRAND, or FILE none).",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--brands", type=Path, metavar="FOLDER", help="brands to look for (those that come along)"
    )
    parser.add_argument(
        "--garments", default=GARMENTS, metavar="NAME", help=f"model of garments, as your own ({GARMENTS})"
    )
    parser.add_argument("--catalogue", type=Path, default=CATALOGUE, metavar="FILE", help="price list")
    parser.add_argument("--only", type=int, metavar="N", help="so many photographs, spread over the folder")
    parser.add_argument(
        "--table",
        type=Path,
        metavar="FILE",
        help="write the marks of train.txt as a table and stop",
    )
    parser.add_argument("--verbose", action="store_true", help="a line for each photograph, at once")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print. Raises BadInput."""
    if args.only is not None and args.only < 1:
        raise BadInput(f"--only: expected 1 or more, found {args.only}")
    find_model(args.garments, read_manifest())
    brands = BrandReader(BrandsConfig(folder=args.brands), build_enroller).read()
    shown = _spread(read_shown(args.folder, brands.book), args.only)
    if args.table is not None:
        write_whole(args.table, table_of(shown).encode())
        print(f"{len(shown)} photographs: written to {args.table}")
        return 0
    from pipelines.offline.annotate import AnnotateJob  # noqa: PLC0415 loads the models

    watched = Watched()
    job = AnnotateJob(load(args.catalogue), brands, garments=args.garments, watch=watched.before)
    say = partial(print, flush=True) if args.verbose and not args.json else None
    tally = measure(mixed(shown), job.picture, watched, brands.book, say)
    print(json.dumps(figures(tally)) if args.json else "\n".join(report(tally)))
    if tally.photographs < len(shown):
        print(f"stopped after {tally.photographs} of {len(shown)} photographs", file=sys.stderr)
        return STOPPED
    return 0


def _spread(shown: list[ShownPhoto], count: int | None) -> list[ShownPhoto]:
    """Return so many of the photographs, evenly taken: neighbours by name are often of one brand."""
    if count is None or count >= len(shown):
        return shown
    return [shown[number * len(shown) // count] for number in range(count)]


def mixed(shown: list[ShownPhoto]) -> list[ShownPhoto]:
    """Return them in an order of which any first part is spread over the folder: it may be stopped there."""
    return [shown[number] for number in sorted(range(len(shown)), key=lambda number: number * GOLDEN % 1)]


def measure(
    shown: Sequence[ShownPhoto],
    annotate: Callable[[Path], Annotated],
    watched: Watched,
    book: BrandBook,
    say: Callable[[str], None] | None = None,
) -> PhotoTally:
    """Annotate each photograph and compare. An unreadable one counts as missed and is reported.

    book: the brands that are looked for; marks of others are counted apart. say: takes a line for each
    photograph, at once. Ctrl-C ends it, and what was measured until then is returned.
    """
    tally = PhotoTally()
    for photo in shown:
        said = len(tally.lines)
        try:
            _measure_one(photo, annotate, watched, book, tally)
        except KeyboardInterrupt:
            break
        tally.photographs += 1
        if say is not None:
            for line in tally.lines[said:]:
                say(line)
    return tally


def _measure_one(
    photo: ShownPhoto,
    annotate: Callable[[Path], Annotated],
    watched: Watched,
    book: BrandBook,
    tally: PhotoTally,
) -> None:
    if photo.path.suffix.lower() not in PICTURES:
        tally.lines.append(f"{photo.path.name}: no photograph, left out")
        return
    try:
        done = annotate(photo.path)
    except (BadInput, RuntimeError) as error:
        tally.lines.append(f"{photo.path.name}: {error}")
        tally.of("unreadable").missed += 1
        watched.frame, watched.answers = None, []
        compare(photo, 0, [], watched, tally)
        count_marks(photo, set(), book, tally)
        return
    items = [item for value in done.values.values() for item in value.items]
    compare(photo, len(done.values), items, watched, tally)
    frame = watched.frame
    if frame is not None:
        found = [person.box for person in frame.of(Kind.PERSON) if person.track in done.values]
        count_people(photo, found, frame.size, tally)
    named = {item.brand for item in items if item.brand} | {mark.brand for mark in done.unworn}
    count_marks(photo, named, book, tally)
