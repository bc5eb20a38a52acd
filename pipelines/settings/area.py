"""`zones:` and `masks:` of a camera: polygons in fractions of the picture."""

from __future__ import annotations

from itertools import combinations
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pipelines.settings.base import Section

Point = tuple[float, float]


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _within(a: Point, b: Point, p: Point) -> bool:
    return min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Return whether the segments ab and cd share a point."""
    abc, abd, cda, cdb = _side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)
    if ((abc > 0) != (abd > 0)) and ((cda > 0) != (cdb > 0)) and 0 not in (abc, abd, cda, cdb):
        return True
    touches = ((abc, a, b, c), (abd, a, b, d), (cda, c, d, a), (cdb, c, d, b))
    return any(side == 0 and _within(p, q, r) for side, p, q, r in touches)


def _simple(points: tuple[Point, ...]) -> tuple[Point, ...]:
    if not 3 <= len(points) <= 64:
        raise ValueError(f"needs 3 to 64 points, has {len(points)}")
    for number, (x, y) in enumerate(points, 1):
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError(
                f"point {number} [{x:g}, {y:g}] lies outside the picture: x and y are fractions from 0 to 1"
                " of its width and height, not pixels"
            )
    if len(set(points)) != len(points):
        raise ValueError("names a point twice; each corner once, the last need not repeat the first")
    count = len(points)
    edges = [(points[i], points[(i + 1) % count]) for i in range(count)]
    for i, j in combinations(range(count), 2):
        if j - i not in (1, count - 1) and _cross(*edges[i], *edges[j]):
            raise ValueError(
                f"crosses itself: the side after point {i + 1} meets the side after point {j + 1};"
                " list the corners in order around the area"
            )
    if abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in edges)) < 1e-6:
        raise ValueError("has no area: all points lie on one line")
    return points


Polygon = Annotated[
    tuple[Point, ...], Field(json_schema_extra={"minItems": 3, "maxItems": 64}), AfterValidator(_simple)
]


class MaskConfig(Section):
    """An area that is blacked out before analysis and in every output."""

    polygon: Polygon = Field(
        title="Polygon",
        description="At least 3 corners [x, y] in order, fractions 0 to 1 of the picture's width and height.",
    )


class ZoneConfig(Section):
    """An area whose visitors are counted and timed."""

    polygon: Polygon = Field(
        title="Polygon",
        description="At least 3 corners [x, y] in order, fractions 0 to 1 of the picture's width and height.",
    )
    dwell_ms: int = Field(
        default=0,
        title="Dwell",
        description="How long a person must stand in the zone before they count as in it, in milliseconds.",
        ge=0,
        le=3_600_000,
    )
    role: Literal["floor", "entry", "exit", "both", "staff"] = Field(
        default="floor",
        title="Role",
        description="entry, exit, both: where people come into view, leave it; staff: no customers there.",
    )
