"""`msh bench photos FOLDER`: found, wrong and missed on labelled photographs, by the whole product."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.garments.classes import GROUP_OF, GROUPS
from engines.manifest import GARMENTS, find_model, read_manifest
from engines.paths import CONFIGS
from pipelines.brands.enrol import build_enroller
from pipelines.brands.gallery import BrandReader
from pipelines.errors import BadInput
from pipelines.outputs.disk import write_whole
from pipelines.settings.brands import BrandsConfig
from pricing.catalogue.catalogue import load
from pricing.slots import ancestors, slot_of
from probes.frame import Box, Kind
from scripts.bench.photos_labels import PICTURES, read_shown, table_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from engines.image import I420
    from pipelines.offline.annotator import Annotated
    from pricing.brands.book import BrandBook
    from pricing.value import Item
    from probes.answers import LookAnswer
    from probes.frame import Frame
    from probes.recognition.file_looks import FileLooks
    from scripts.bench.photos_labels import ShownPhoto

CATALOGUE = CONFIGS / "prices.csv"
HEIGHTS = ((140.0, "under 140 px"), (300.0, "140 to 300 px"), (float("inf"), "over 300 px"))
"""Of the tallest person found on a photograph."""
PERSON_HEIGHTS = (
    (60.0, "under 60 px"),
    (140.0, "60 to 140 px"),
    (300.0, "140 to 300 px"),
    (float("inf"), "over 300 px"),
)
GOLDEN = 0.6180339887498949
"""Steps of this share of a circle leave no large gap, wherever they end."""
STOPPED = 130
"""Exit status after Ctrl-C, as a shell's."""
SAME_PERSON = 0.3
"""Heights of labelled boxes of persons, and how much one found must overlap one (intersection over union)."""
EXTRAS = ("bag", "tie", "umbrella")
"""Slots that are wrong where no label names them, although a table need not name all that is worn."""


@dataclass(slots=True)
class PhotoScore:
    """found, wrong and missed of one kind of thing."""

    found: int = 0
    wrong: int = 0
    missed: int = 0

    def text(self) -> str:
        """Return it as text."""
        there = self.found + self.missed
        share = f" ({self.found / there:.0%})" if there else ""
        return f"{self.found} of {there} found{share}, {self.wrong} wrong"


@dataclass(slots=True)
class PhotoTally:
    """All counts. by_route: brands read in looks, right or wrong. people: persons by labelled height."""

    photographs: int = 0
    scores: dict[str, PhotoScore] = field(default_factory=dict)
    by_size: dict[str, PhotoScore] = field(default_factory=dict)
    by_route: Counter[tuple[str, str]] = field(default_factory=Counter)
    types: dict[str, PhotoScore] = field(default_factory=dict)
    people: dict[str, PhotoScore] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def of(self, kind: str) -> PhotoScore:
        """Return the score of a kind."""
        return self.scores.setdefault(kind, PhotoScore())


class Watched:
    """Looks that remember what they were offered and answered."""

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self.answers: list[LookAnswer] = []
        self._looks: FileLooks | None = None

    def before(self, looks: FileLooks) -> FileLooks:
        """Wrap the looks of the next picture."""
        self._looks, self.frame, self.answers = looks, None, []
        return self

    def offer(self, frame: Frame, pixels: I420) -> None:
        """Hand on."""
        self.frame = frame
        assert self._looks is not None
        self._looks.offer(frame, pixels)

    def drain(self) -> list[LookAnswer]:
        """Hand on, and keep."""
        assert self._looks is not None
        new = self._looks.drain()
        self.answers += new
        return new

    @property
    def left_out(self) -> int:
        """Hand on."""
        return self._looks.left_out if self._looks else 0

    def read_whole(self, frame: Frame, pixels: I420, part: Box | None = None) -> LookAnswer:
        """Hand on."""
        assert self._looks is not None
        return self._looks.read_whole(frame, pixels, part)


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


def compare(photo: ShownPhoto, persons: int, items: list[Item], watched: Watched, tally: PhotoTally) -> None:
    """Count one photograph."""
    height = max((p.box.h for p in watched.frame.of(Kind.PERSON)), default=0.0) if watched.frame else 0.0
    size = next(name for edge, name in HEIGHTS if height < edge)
    sized = tally.by_size.setdefault(size, PhotoScore())
    if photo.persons is not None:
        score, found = tally.of("persons"), min(persons, photo.persons)
        score.found += found
        score.wrong += persons - found
        score.missed += photo.persons - found
    _brands(photo, items, watched, tally)
    left = list(items)
    for thing in photo.things:
        if thing.type is None:
            continue
        hit = max(
            (i for i in left if _akin(thing.type, i.type)), key=lambda i: _fine(thing.type, i), default=None
        )
        kind = "bags" if slot_of(thing.type) == "bag" else "types, coarse"
        each = tally.types.setdefault(_group(thing.type) or slot_of(thing.type), PhotoScore())
        for score in (tally.of(kind), each, sized):
            score.found += hit is not None
            score.missed += hit is None
        if kind != "bags":
            fine = tally.of("types, fine")
            fine.found += hit is not None and _fine(thing.type, hit)
            fine.missed += hit is None or not _fine(thing.type, hit)
        if hit is not None:
            left.remove(hit)
    _extras(photo, left, tally)
    named = ", ".join(f"{i.colour or ''} {i.type}{f' ({i.brand})' if i.brand else ''}".strip() for i in items)
    wanted = ", ".join(f"{t.type or ''}{f' ({t.brand})' if t.brand else ''}" for t in photo.things)
    unclear = f"; not understood: {', '.join(photo.unclear)}" if photo.unclear else ""
    tally.lines.append(
        f"{photo.path.name}: {persons} of {photo.persons} persons; [{named}] for [{wanted}]{unclear}"
    )


def count_people(photo: ShownPhoto, found: Sequence[Box], size: tuple[int, int], tally: PhotoTally) -> None:
    """Count labelled persons by their height, each found box for one only. size: of the picture, px."""
    left = list(found)
    for x, y, w, h in sorted(photo.people, key=lambda person: -person[3]):
        wide, high = size
        there = Box((x - w / 2) * wide, (y - h / 2) * high, w * wide, h * high)
        best = max(left, key=there.iou, default=None)
        name = next(name for edge, name in PERSON_HEIGHTS if there.h < edge)
        score = tally.people.setdefault(name, PhotoScore())
        if best is not None and there.iou(best) >= SAME_PERSON:
            left.remove(best)
            score.found += 1
        else:
            score.missed += 1


def _brands(photo: ShownPhoto, items: list[Item], watched: Watched, tally: PhotoTally) -> None:
    """Count brands on persons, and what each route read in the looks."""
    wanted = Counter(thing.brand for thing in photo.things if thing.brand)
    got = Counter(item.brand for item in items if item.brand)
    if wanted or photo.marks is None:
        score = tally.of("brands")
        score.found += (wanted & got).total()
        score.missed += (wanted - got).total()
        score.wrong += sum(count for brand, count in got.items() if brand not in wanted)
    there = {*wanted, *(photo.marks or ())}
    for answer in watched.answers:
        for mark in answer.marks:
            tally.by_route[mark.route.value, "right" if mark.brand in there else "other"] += 1


def count_marks(photo: ShownPhoto, named: set[str], book: BrandBook, tally: PhotoTally) -> None:
    """Count the brands named on a photograph, on somebody or on nobody, where its labels say all of them."""
    if photo.marks is None:
        return
    wanted = set(photo.marks)
    score, unknown = tally.of("marks, on anybody or nobody"), {key for key in wanted if key not in book}
    score.found += len(wanted & named)
    score.missed += len(wanted - named - unknown)
    score.wrong += len(named - wanted)
    if unknown:
        tally.of("marks of brands that are not in the gallery").missed += len(unknown)
    if wanted or named:
        tally.lines.append(
            f"{photo.path.name}: marks [{', '.join(sorted(named))}] for [{', '.join(sorted(wanted))}]"
        )


def _extras(photo: ShownPhoto, left: list[Item], tally: PhotoTally) -> None:
    """Count false positives."""
    slots = {slot_of(thing.type) for thing in photo.things if thing.type}
    for item in left:
        named = item.slot in EXTRAS or item.slot in slots or photo.whole
        absent = any(name in ancestors(item.type) for name in photo.absent)
        if photo.whole and not absent and any(_akin(name, item.type) for name in photo.maybe):
            continue
        if not (named or absent) or (item.brand and not photo.whole and item.slot not in EXTRAS):
            continue
        tally.of("bags" if item.slot == "bag" else "types, coarse").wrong += 1
        tally.types.setdefault(_group(item.type) or item.slot, PhotoScore()).wrong += 1


def _akin(wanted: str, found: str) -> bool:
    """Return whether a type is right, coarsely: of the same group, or one is the other's parent."""
    groups = {_group(name) for name in (wanted, found)}
    return (
        wanted in ancestors(found)
        or found in ancestors(wanted)
        or (len(groups) == 1 and None not in groups)
        or (slot_of(wanted) == slot_of(found) and slot_of(wanted) in {"bag", "shoes", "hat"})
    )


def _group(type_: str) -> str | None:
    """Return the group of a type, or of what it is a kind of: price lists know more types than the parser."""
    named = (name if name in GROUPS else GROUP_OF.get(name) for name in ancestors(type_))
    return next((group for group in named if group is not None), None)


def _fine(wanted: str | None, found: Item) -> bool:
    return wanted is not None and (wanted == found.type or wanted in ancestors(found.type))


def report(tally: PhotoTally) -> list[str]:
    """Return the figures as lines."""
    lines = [f"{tally.photographs} photographs"]
    lines += [f"{kind}: {score.text()}" for kind, score in sorted(tally.scores.items())]
    lines += [f"  {name}: {score.text()}" for name, score in sorted(tally.types.items())]
    lines += [f"things, tallest person {name}: {score.text()}" for name, score in tally.by_size.items()]
    lines += [
        f"persons {name}: {tally.people[name].text()}" for _, name in PERSON_HEIGHTS if name in tally.people
    ]
    routes = sorted({route for route, _ in tally.by_route})
    lines += [
        f"marks by {route}: {tally.by_route[route, 'right']} of an expected brand, "
        f"{tally.by_route[route, 'other']} of others"
        for route in routes
    ]
    return lines


def figures(tally: PhotoTally) -> dict[str, Any]:
    """Return the figures as JSON types."""
    plain = {
        name: {kind: [s.found, s.wrong, s.missed] for kind, s in scores.items()}
        for name, scores in (
            ("scores", tally.scores),
            ("types", tally.types),
            ("sizes", tally.by_size),
            ("people", tally.people),
        )
    }
    plain["people"] = {name: [score.found, score.wrong, score.missed] for name, score in tally.people.items()}
    return plain | {"routes": {f"{route} {how}": n for (route, how), n in tally.by_route.items()}}
