"""Which thing wears a pattern: the garment that the parser saw, a bag detected there, or neither for sure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.boxes import area, intersection
from pricing.slots import slot_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines.garments.outfit import ClothRegion
    from engines.marks.types import Sighting

    Corners = tuple[float, float, float, float]

BAG = "bag"
INSIDE, BESIDE = 0.7, 0.4
"""Share of a pattern's windows in a thing's box from which it may wear it, and up to which it does not."""
GOES_ON = 0.25
"""Least share of a garment outside of that box for the pattern to end with the box. Where all of the garment
is inside, either may wear it. The three were set by one picture and by reason, not fitted."""


@dataclass(frozen=True, slots=True)
class DetectedThing:
    """A bag or other accessory that a detector saw. box: px of the crop. is_own: of the person looked at."""

    label: str
    box: Corners
    is_own: bool = True


def worn_patterns(
    found: Sequence[tuple[str, Sighting]],
    cloth: Sequence[ClothRegion],
    things: Sequence[DetectedThing],
    *,
    sees_bag: bool,
) -> list[tuple[str, Sighting]]:
    """Return the patterns with the type of what wears each, without those that are in doubt.

    found: each with the type of the region it is on. Regions of one slot are judged as one garment.
    sees_bag: whether the look is sure of a bag; if not, a garment's pattern on "bag" too makes no bag of it.
    """
    groups: dict[tuple[str, str], list[tuple[str, Sighting]]] = defaultdict(list)
    for type_, sighting in found:
        groups[sighting.brand, slot_of(type_)].append((type_, sighting))
    worn = []
    for (brand, slot), seen in groups.items():
        if slot == BAG:
            continue
        windows = [window for _, one in seen for window in one.windows or (one.box,)]
        nearby = [*things, *_bags_of(groups.get((brand, BAG), ()), cloth)]
        wearing_type = wearer(
            seen[0][0], windows, [one for one in cloth if slot_of(one.type) == slot], nearby
        )
        worn += [(wearing_type, one) for _, one in seen if wearing_type is not None]
    for (brand, slot), seen in groups.items():
        if slot == BAG:
            alone = not any(one.brand == brand and slot_of(type_) != BAG for type_, one in worn)
            worn += [one for one in seen if alone or sees_bag or _is_detected_bag(one[1], things)]
    return worn


def wearer(
    type_: str, windows: Sequence[Corners], garment: Sequence[ClothRegion], things: Sequence[DetectedThing]
) -> str | None:
    """Return the type of what wears a pattern that was seen on a garment; None where that is in doubt.

    A thing wears it where most windows are in its box and the garment goes on outside, without the pattern.
    """
    size = sum(map(area, windows))
    shares = {thing: _inside(windows, thing.box) / size for thing in things}
    claiming = [thing for thing in things if shares[thing] >= INSIDE]
    if claiming:
        thing = min(claiming, key=lambda one: area(one.box))
        return thing.label if thing.is_own and _outside(garment, thing.box) >= GOES_ON else None
    doubtful = any(shares[thing] > BESIDE and slot_of(thing.label) == BAG for thing in things)
    return None if doubtful else type_


def _is_detected_bag(seen: Sighting, things: Sequence[DetectedThing]) -> bool:
    """Return whether a detector saw a bag where the parser did."""
    windows = seen.windows or (seen.box,)
    return any(
        slot_of(thing.label) == BAG and _inside(windows, thing.box) >= INSIDE * sum(map(area, windows))
        for thing in things
    )


def _bags_of(seen: Sequence[tuple[str, Sighting]], cloth: Sequence[ClothRegion]) -> list[DetectedThing]:
    """Return the parser's bags where the same pattern is on one: it may take the rest for a garment."""
    bags = [one for one in cloth if slot_of(one.type) == BAG] if seen else []
    return [DetectedThing(one.type, one.box) for one in bags]


def _inside(windows: Sequence[Corners], box: Corners) -> float:
    return sum(intersection(window, box) for window in windows)


def _outside(garment: Sequence[ClothRegion], box: Corners) -> float:
    """Return the share of a garment's pixels that are not in a box."""
    whole = inside = 0
    for region in garment:
        left, top = int(region.box[0]), int(region.box[1])
        x1, y1, x2, y2 = (
            max(0, round(at)) for at in (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
        )
        whole += int(region.mask.sum())
        inside += int(region.mask[y1:y2, x1:x2].sum())
    return 1 - inside / whole if whole else 0.0
