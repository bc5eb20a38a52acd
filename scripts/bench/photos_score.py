"""How what was found on labelled photographs is counted: right, wrong, missed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engines.garments.classes import GROUP_OF, GROUPS
from pricing.slots import ancestors, slot_of
from probes.frame import Box, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricing.brands.book import BrandBook
    from pricing.value import Item
    from scripts.bench.photos_labels import ShownPhoto
    from scripts.bench.watched_looks import Watched

HEIGHTS = ((140.0, "under 140 px"), (300.0, "140 to 300 px"), (float("inf"), "over 300 px"))
"""Of the tallest person found on a photograph."""
PERSON_HEIGHTS = (
    (60.0, "under 60 px"),
    (140.0, "60 to 140 px"),
    (300.0, "140 to 300 px"),
    (float("inf"), "over 300 px"),
)
"""Of the labelled boxes of persons."""
SAME_PERSON = 0.3
"""How much a box that is found must overlap a labelled one (intersection over union)."""
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
    return plain | {"routes": {f"{route} {how}": n for (route, how), n in tally.by_route.items()}}
