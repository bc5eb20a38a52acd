"""Labels of photographs, from the files beside them: a table in words, label maps, boxes, or marks.

A table is a Markdown file with the columns `file` and `expected`; expected is a list such as `1 person,
t-shirt (Nike), tote`, `nobody`, `no bag`, `Nike twice`; `mark (Nike)` is on anybody or nobody, `no mark` says
that no brand is on the picture. Other words are not understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engines.errors import BadInput
from engines.garments.classes import GROUP_OF
from pricing.brands.names import normal_brand
from pricing.slots import normal_type, slot_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pricing.brands.book import BrandBook

_PERSONS = re.compile(r"(?:(\d+) persons?|nobody)\b.*", re.ASCII)
_THING = re.compile(r"(?:a )?([\w -]+?)(?: \(([^)]+)\))?( twice)?", re.ASCII)
_MARK = re.compile(r"mark \(([^)]+)\)", re.ASCII)
NO_MARK = "no mark"
_NUMBER = re.compile(r"\d+$", re.ASCII)
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
CARRIED = {24: "backpack", 25: "umbrella", 26: "handbag", 27: "tie", 28: "suitcase"}
"""Accessories by their number among the classes of COCO."""
PERSON_CLASS = 0
COLUMNS, SMALLEST_MARK = 7, 8


@dataclass(frozen=True, slots=True)
class WornThing:
    """Something worn. type: None where only the brand is said. brand: a key, None where none can be read."""

    type: str | None
    brand: str | None = None


@dataclass(slots=True)
class ShownPhoto:
    """What one photograph shows. persons: how many, None where it is not said. absent: types not to be found.

    whole: all that is worn is among `things`, so that anything else found is wrong but what `maybe` names:
    things that are hidden for the most part, tiny, or not told apart by the labels (a suit). marks: keys of
    the brands that are anywhere on it, worn or not; None where that is not said. people: boxes of persons, as
    shares of the picture: middle x, y, width, height.
    """

    path: Path
    persons: int | None = None
    things: list[WornThing] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    whole: bool = False
    maybe: frozenset[str] = frozenset()
    unclear: list[str] = field(default_factory=list)
    marks: list[str] | None = None
    people: list[tuple[float, float, float, float]] = field(default_factory=list)


def read_shown(folder: Path, book: BrandBook) -> list[ShownPhoto]:
    """Return what the photographs of a folder show. Raises BadInput where nothing beside them says it."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder")
    if (folder / "labels.txt").is_file():
        return list(_maps(folder))
    if (folder / "train.txt").is_file():
        return list(_marked(folder, book))
    if tables := sorted(folder.glob("*.md")):
        found = [shown for table in tables for shown in _table(table, book)]
        if found:
            return found
    if found := list(_boxed(folder)):
        return found
    raise BadInput(
        f"{folder}: nothing says what its photographs show: no table, labels.txt, train.txt or boxes"
    )


def _table(path: Path, book: BrandBook) -> Iterator[ShownPhoto]:
    columns: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            columns = []
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not columns:
            columns = cells if {"file", "expected"} <= set(cells) else []
        elif not set(line) <= set("|-: "):
            row = dict(zip(columns, cells, strict=False))
            for file in _files(path.parent, row.get("file", "")):
                yield expected_of(file, row.get("expected", ""), book)


def _files(folder: Path, text: str) -> Iterator[Path]:
    """Yield the file of a row; `17, 18, 19 woman in dress` are those whose names begin so."""
    if (folder / text).is_file():
        yield folder / text
        return
    for word in text.replace(",", " ").split():
        if _NUMBER.fullmatch(word):
            yield from sorted(folder.glob(f"{word}-*"))


def expected_of(path: Path, text: str, book: BrandBook) -> ShownPhoto:
    """Return what a row says of a photograph."""
    shown = ShownPhoto(path)
    for part in (part.strip() for part in text.split(",")):
        if persons := _PERSONS.fullmatch(part):
            shown.persons = int(persons[1] or 0)
        elif mark := _MARK.fullmatch(part):
            shown.marks = [*(shown.marks or ()), key_of(mark[1], book)]
        elif part == NO_MARK:
            shown.marks = shown.marks or []
        elif part.startswith("no "):
            _absent(part[3:], shown)
        else:
            _thing(part, shown, book)
    if shown.things and shown.persons is None:
        shown.persons = 1
    return shown


def _absent(word: str, shown: ShownPhoto) -> None:
    try:
        shown.absent.append(normal_type(word))
    except BadInput:
        shown.unclear.append(f"no {word}")


def _thing(part: str, shown: ShownPhoto, book: BrandBook) -> None:
    found = _THING.fullmatch(part)
    type_, brand = None, found[2] if found else None
    try:
        type_ = normal_type(found[1]) if found else None
    except BadInput:
        if found and brand is None and normal_brand(book.key_of(found[1])) in book:
            brand = found[1]
    if type_ is None and brand is None:
        shown.unclear.append(part)
        return
    thing = WornThing(type_, book.key_of(brand) if brand else None)
    shown.things += [thing] * (2 if found and found[3] else 1)


def _maps(folder: Path) -> Iterator[ShownPhoto]:
    """Yield what label maps show, of the last fifth by name: the rest is for training."""
    import cv2  # noqa: PLC0415 not needed for tables
    import numpy as np  # noqa: PLC0415

    from engines.training.garments_labels import ONE_HELD_OUT_IN, read_labels  # noqa: PLC0415

    allowed = read_labels(folder)
    maps = sorted(folder.glob("*.png"))
    for path in maps[len(maps) - len(maps) // ONE_HELD_OUT_IN :]:
        values = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if values is None:
            raise BadInput(f"{path}: cannot be read as a picture")
        counts = np.bincount(values.ravel().astype(np.intp), minlength=len(allowed))
        least = values.size * 0.0012
        names = {a[0] for a, n in zip(allowed, counts.tolist(), strict=False) if len(a) == 1 and n >= least}
        shown = _outer(names & GROUP_OF.keys())
        there = {name for one, n in zip(allowed, counts.tolist(), strict=False) if n for name in one}
        yield ShownPhoto(
            path.with_suffix(".jpg"),
            1,
            [WornThing(name) for name in sorted(shown)],
            whole=True,
            maybe=frozenset(there & GROUP_OF.keys()) - shown,
        )


def _outer(names: set[str]) -> set[str]:
    """Leave out what is beneath another garment of its slot: the product reports one item per slot."""
    groups = {GROUP_OF[name] for name in names}
    hidden = {"top", "dress"} if "outerwear" in groups else {"top"} if "dress" in groups else set()
    hidden |= {"trousers"} & groups if {"skirt", "shorts"} & groups else set()
    return {name for name in names if GROUP_OF[name] not in hidden}


def _boxed(folder: Path) -> Iterator[ShownPhoto]:
    """Yield persons and accessories of boxes in YOLO's form with the classes of COCO."""
    for path in sorted(folder.glob("*.boxes.txt")):
        photo = path.with_name(path.name.removesuffix(".boxes.txt") + ".jpg")
        rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
        classes = [int(row[0]) for row in rows]
        people = [
            (float(row[1]), float(row[2]), float(row[3]), float(row[4]))
            for row in rows
            if int(row[0]) == PERSON_CLASS
        ]
        names = [CARRIED[number] for number in classes if number in CARRIED]
        persons = classes.count(PERSON_CLASS)
        absent = [slot for slot in ("bag", "tie") if slot not in map(slot_of, names)]
        things = [WornThing(name) for name in names] if persons else []
        yield ShownPhoto(photo, persons, things, absent, people=people)


def key_of(name: str, book: BrandBook) -> str:
    """Return the brand that a label names, whether or not it writes the spaces (`RedBull`)."""
    key = book.key_of(name)
    if key in book:
        return key
    return next((name for name in book.names if name.replace(" ", "") == key.replace(" ", "")), key)


def table_of(shown: Sequence[ShownPhoto]) -> str:
    """Return what marks the photographs show as such a table, in which all that is missing can be written."""
    rows = (
        f"| {photo.path.name} | {', '.join(f'mark ({name})' for name in photo.marks or ()) or NO_MARK} |"
        for photo in shown
        if photo.marks is not None
    )
    return "\n".join(["| file | expected |", "| --- | --- |", *rows, ""])


def _marked(folder: Path, book: BrandBook) -> Iterator[ShownPhoto]:
    """Yield brands of boxed marks (FILE BRAND SUBSET X1 Y1 X2 Y2) and of queries (FILE BRAND or none)."""
    brands: dict[str, set[str]] = {}
    for line in (folder / "train.txt").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if (
            len(words) == COLUMNS
            and min(int(words[5]) - int(words[3]), int(words[6]) - int(words[4])) >= SMALLEST_MARK
        ):
            brands.setdefault(words[0], set()).add(words[1])
    if (folder / "query.txt").is_file():
        for line in (folder / "query.txt").read_text(encoding="utf-8").splitlines():
            words = line.split()
            if len(words) >= 2:
                brands.setdefault(words[0], set()).update(set(words[1:2]) - {"none"})
    for name, found in sorted(brands.items()):
        if (folder / name).is_file():
            yield ShownPhoto(folder / name, marks=[key_of(brand, book) for brand in sorted(found)])
