"""Marks on nobody, on a picture without people or beside them: reported by name, never priced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pricing.ledger.evidence import FULL, LOOK_CAP, weight
from pricing.slots import TYPES, slot_of
from probes.frame import Box, Kind
from probes.people.body import in_core
from probes.people.carrying import carrier, reach

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from probes.answers import LookAnswer, Mark
    from probes.frame import Detection, Frame, TrackId

RIM = 0.1
"""What is read around a thing, in its widths and heights."""
SAME = 0.5
"""Intersection over union from which two boxes are of one thing."""
NOBODY = "No person detected in the {}"


@dataclass(frozen=True, slots=True)
class Unworn:
    """A brand seen on nobody. type: of the thing it is on, where that was detected; box: of the mark, px."""

    brand: str
    type: str | None
    box: Box


def seen_on_nobody(answer: LookAnswer) -> list[Unworn]:
    """Return the brands of a look at a whole picture that are sure enough for one look, the surest first.

    The threshold is that of an item on a person in a single picture: routes that agree add up.
    """
    by_brand: dict[str, dict[str, tuple[int, Mark]]] = {}
    for mark in answer.marks:
        worth = weight(mark.route.value, mark.confidence, mark.size)
        routes = by_brand.setdefault(mark.brand, {})
        if worth and (mark.route.value not in routes or worth > routes[mark.route.value][0]):
            routes[mark.route.value] = worth, mark
    found = []
    for routes in by_brand.values():
        total = min(sum(worth for worth, _ in routes.values()), LOOK_CAP)
        if total >= FULL:
            _, mark = max(routes.values(), key=lambda one: one[0])
            found.append((total, Unworn(mark.brand, _type(mark, answer.frame), mark.box)))
    return [unworn for _, unworn in sorted(found, key=lambda one: -one[0])]


def things_apart(frame: Frame, figures: Collection[TrackId] = ()) -> list[Detection]:
    """Return the things that nobody carries, the largest first. figures: persons who are none.

    One thing that was found twice, as a handbag and a suitcase, is the surer of the two.
    """
    people = _people(frame, figures)
    things: list[Detection] = []
    for thing in sorted(_things(frame), key=lambda one: -one.confidence):
        if not any(_is_same(thing.box, surer.box) for surer in things):
            things.append(thing)
    return sorted((one for one in things if _is_apart(one.box, people)), key=lambda one: -one.box.area)


def around(thing: Box) -> Box:
    """Return where the marks of a thing are looked for: it, and a rim for a box that is too tight."""
    wide, tall = RIM * thing.w, RIM * thing.h
    return Box(thing.x - wide, thing.y - tall, thing.w + 2 * wide, thing.h + 2 * tall)


def seen_beside_people(
    answers: Iterable[LookAnswer], frame: Frame, figures: Collection[TrackId] = ()
) -> list[Unworn]:
    """Return the brands of looks at things and figures that are surely on nobody of a frame.

    That is on no body and on nothing that somebody carries, and out of everybody's reach or on a thing that
    nobody carries: what hangs from a hand may be somebody's though it is not priced.
    """
    people, apart = _people(frame, figures), things_apart(frame, figures)
    carried = [thing for thing in _things(frame) if not _is_apart(thing.box, people)]
    found: list[Unworn] = []
    for answer in answers:
        marks = tuple(
            mark for mark in answer.marks if _is_on_nobody(mark, people, carried, apart, frame.size[1])
        )
        alone = replace(answer, frame=replace(frame, detections=tuple(apart)), marks=marks)
        found += [
            new
            for new in seen_on_nobody(alone)
            if not any(new.brand == one.brand and new.box.intersection(one.box) > 0 for one in found)
        ]
    return found


def _people(frame: Frame, figures: Collection[TrackId]) -> list[Detection]:
    found = [one for kind in (Kind.PERSON, Kind.DOUBTFUL, Kind.AGAIN) for one in frame.of(kind)]
    return [one for one in found if one.track is None or one.track not in figures]


def _things(frame: Frame) -> list[Detection]:
    return [thing for thing in frame.of(Kind.ACCESSORY) if thing.label in TYPES]


def _is_on_nobody(
    mark: Mark,
    people: Sequence[Detection],
    carried: Sequence[Detection],
    apart: Sequence[Detection],
    tall: int,
) -> bool:
    x, y = mark.box.centre
    is_worn = any(in_core(person.box, x, y, tall) for person in people)
    if is_worn or any(thing.box.contains(x, y) for thing in carried):
        return False
    on_thing = any(thing.box.contains(x, y) for thing in apart)
    return on_thing or not any(reach(person.box).contains(x, y) for person in people)


def _is_same(one: Box, other: Box) -> bool:
    common = one.intersection(other)
    return common > SAME * (one.area + other.area - common)


def _is_apart(thing: Box, people: Sequence[Detection]) -> bool:
    return all(carrier(thing, [person]) is None for person in people)


def _type(mark: Mark, frame: Frame) -> str | None:
    """Return the type under the mark: of the smallest detected thing there that its brand sells."""
    x, y = mark.box.centre
    things = [
        thing
        for thing in _things(frame)
        if thing.box.contains(x, y) and (mark.slots is None or slot_of(thing.label) in mark.slots)
    ]
    return min(things, key=lambda thing: thing.box.area).label if things else None


def nobody(kind: str, unworn: Iterable[Mapping[str, Any]]) -> str:
    """Return the sentence for an image or video without people; unworn: what was seen, as in JSON."""
    seen = on_nobody(unworn)
    return f"{NOBODY.format(kind)}; {seen}" if seen else NOBODY.format(kind)


def on_nobody(unworn: Iterable[Mapping[str, Any]]) -> str:
    """Return the words for what was seen on nobody, as in JSON; empty where that is nothing."""
    seen = ", ".join(
        f"{one['type']} ({one['brand']})" if one["type"] else str(one["brand"]) for one in unworn
    )
    return f"seen, on nobody: {seen}" if seen else ""
