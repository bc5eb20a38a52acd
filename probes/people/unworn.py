"""Marks on a picture without people: reported by name, never priced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pricing.ledger.evidence import FULL, LOOK_CAP, weight
from pricing.slots import TYPES, slot_of
from probes.frame import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from probes.answers import LookAnswer, Mark
    from probes.frame import Box, Frame

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


def _type(mark: Mark, frame: Frame) -> str | None:
    """Return the type under the mark: of the smallest detected thing there that its brand sells."""
    x, y = mark.box.centre
    things = [
        thing
        for thing in frame.of(Kind.ACCESSORY)
        if thing.label in TYPES
        and thing.box.contains(x, y)
        and (mark.slots is None or slot_of(thing.label) in mark.slots)
    ]
    return min(things, key=lambda thing: thing.box.area).label if things else None


def nobody(kind: str, unworn: Iterable[Mapping[str, Any]]) -> str:
    """Return the sentence for an image or video without people; unworn: what was seen, as in JSON."""
    seen = ", ".join(
        f"{one['type']} ({one['brand']})" if one["type"] else str(one["brand"]) for one in unworn
    )
    return f"{NOBODY.format(kind)}; seen, on nobody: {seen}" if seen else NOBODY.format(kind)
