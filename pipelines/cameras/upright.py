"""Notices a camera that hangs turned: people seem to stand on their heads, or to lie on their side.

The detectors know upright people. Of turned ones they find few, and most faces stay open, so the
few that are found are worth a warning. On DeepStream the picture is withheld where it is sure, by several
people who walk; so that is taken back once people walk upright through the picture again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from probes.frame import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.frame import Box, Frame, TrackId

ENOUGH: Final = 30
"""So many people, or faces with their person, are looked at before anything is said."""
AGAIN: Final = 4 * ENOUGH
"""So many before it is taken back: too late costs some pictures, too early shows faces."""
MAJORITY: Final = 0.7
"""Share of them from which on the camera counts as turned, or as upright again."""
SURE: Final = 0.5
LOW, LYING, FLAT = 0.6, 1.3, 1.8
"""A face below this share of its person's height is upside down; a person so much wider than high lies, or
surely lies."""
TALL, LONG, SLIM = 1.2, 1.5, 2.2
"""Who is so much higher than wide stands, or surely stands or hangs upside down: LONG above the middle, SLIM
elsewhere, where from straight above most are shorter."""
DOWN: Final = 0.05
"""Who has gone so far up or down, as a share of the height, tells by their length where far is."""
STILL: Final = 0.5
"""IoU with where a person was seen first from which on they have not moved."""
PEOPLE: Final = 3
"""Of so many people who walk at least the signs must be."""
LOST_NS: Final = 3_000_000_000
"""A track that is not seen for so long is forgotten."""
MARGIN: Final = 0.1
"""So far above the middle, as a share of the height, people are upright even where seen from the ceiling."""
BESIDE: Final = 1.5
"""No further beside the middle than so many times as far as above it. Seen from the ceiling, who stands leans
there by 56 degrees at most; a body three times as high as wide must lean by 75 to look FLAT."""
EDGE: Final = 0.01
"""Who comes so near an edge, as a share of the height, may be cut off by it."""
UPSIDE_DOWN: Final = "people seem to stand on their heads: set rotate: {} for this camera"
ON_SIDE: Final = "people seem to lie on their side: set rotate: {} for this camera"
UPRIGHT_AGAIN: Final = "people stand upright again"
MISTAKEN: Final = (
    "if it hangs right, set enabled: false for it, and true after a few seconds: that judges it anew"
)
"""What ends a false alarm without a restart, and no more than that: it is judged again from the start."""
DEGREES: Final = {UPSIDE_DOWN: 180, ON_SIDE: 90, UPRIGHT_AGAIN: 0}
"""What the metric says for an advice; on their side it may be 270, too: see `turns`."""


def turns(degrees: int, *, exact: bool, rotate: int = 0) -> tuple[int, ...]:
    """Return which `rotate` may be right where the metric says so; none where people stand upright.

    exact: whether the picture was looked at turned, as on the CPU; else only that people lie is known.
    rotate: what is set now, and has turned the picture that was looked at.

    >>> turns(90, exact=False), turns(180, exact=False), turns(90, exact=True), turns(0, exact=True)
    ((90, 270), (180,), (90,), ())
    >>> turns(180, exact=True, rotate=180)
    (0,)
    """
    both = degrees == DEGREES[ON_SIDE] and not exact
    return tuple(sorted((rotate + one) % 360 for one in ((90, 270) if both else (degrees,)) if one))


def advice_text(advice: str, rotate: int = 0) -> str:
    """Write an advice for people. rotate: what is set now.

    >>> advice_text(ON_SIDE, 180)
    'people seem to lie on their side: set rotate: 90 or 270 for this camera'
    """
    return advice.format(" or ".join(map(str, turns(DEGREES[advice], exact=False, rotate=rotate))))


class Finding(NamedTuple):
    """What was found. is_sure: so sure that the picture of a good camera would not be withheld for it."""

    advice: str
    is_sure: bool = False


@dataclass(slots=True)
class _Counts:
    """Of all people of a camera, for an advice."""

    faces: int = 0
    low: int = 0
    people: int = 0
    lying: int = 0

    def add(self, frame: Frame) -> str | None:
        boxes = _people(frame)
        for box in boxes:
            lies = _lies(box, frame)
            self.people += lies is not None
            self.lying += lies is True
        for _, share in _faces(frame, boxes):
            self.faces += 1
            self.low += share > LOW
        if self.faces >= ENOUGH and self.low > MAJORITY * self.faces:
            return UPSIDE_DOWN
        if self.people >= ENOUGH and self.lying > MAJORITY * self.people:
            return ON_SIDE
        if max(self.faces, self.people) > 10 * ENOUGH:
            self.faces = self.low = self.people = self.lying = 0
        return None


@dataclass(slots=True)
class _Walker:
    """One track. first: where it was seen first; whole: first cut off by no edge; counted: signs by kind."""

    first: Box
    at: int
    whole: Box | None = None
    counted: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Walkers:
    """Of people who walk: no mannequin, no wrong detection that stays, nobody who sits, kneels or lies."""

    tracks: dict[TrackId, _Walker] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)

    def moved(self, frame: Frame) -> dict[Box, _Walker]:
        """Return who has moved from where they were seen first."""
        at = frame.captured_at
        self.tracks = {name: one for name, one in self.tracks.items() if abs(at - one.at) < LOST_NS}
        moved = {}
        for person in frame.of(Kind.PERSON):
            box = person.box
            if person.track is None or box.area <= 0:
                continue
            one = self.tracks.setdefault(person.track, _Walker(box, at))
            one.at = at
            if one.whole is None and _is_whole(box, frame):
                one.whole = box
            if box.iou(one.first) < STILL:
                moved[box] = one
        return moved

    def count(self, what: str, walker: _Walker, *, is_met: bool, enough: int) -> None:
        """Count a sign of a person, of whom no more than a share of `enough` count: it takes several."""
        if walker.counted[what] < enough // PEOPLE:
            walker.counted[what] += 1
            self.seen[what] += 1
            self.met[what] += is_met

    def settle(self, what: str, enough: int) -> bool:
        """Return whether most of enough signs are met; those of too long ago count no more."""
        found = self.seen[what] >= enough and self.met[what] > MAJORITY * self.seen[what]
        if not found and self.seen[what] >= 4 * enough:
            self.seen[what] = self.met[what] = 0
        return found

    def turned(self, frame: Frame) -> str | None:
        """Return by what the camera surely hangs turned.

        Seen from the ceiling people are wide, too, or have their heads below: left, right and below of
        where the camera hangs. Above they are upright. Who is far stands below in a picture that is upside
        down, so there only those count who tell by their length where far is.
        """
        moved = self.moved(frame)
        width, height = frame.size
        for box, walker in moved.items():
            x, y = box.centre
            above = height / 2 - y
            if _is_whole(box, frame) and above > MARGIN * height and abs(x - width / 2) <= BESIDE * above:
                self.count(ON_SIDE, walker, is_met=box.w >= FLAT * box.h, enough=ENOUGH)
        for box, share in _faces(frame, _people(frame)):
            if box not in moved:
                continue
            if height / 2 - box.centre[1] > MARGIN * height:
                # Who is no longer may have the feet right below the camera, the face over them.
                is_sign, is_turned = box.h >= LONG * box.w, True
            else:
                grows = _grows_upwards(moved[box].whole, box, frame)
                is_sign, is_turned = box.h >= SLIM * box.w and grows is not None, grows is True
            if is_sign:
                self.count(UPSIDE_DOWN, moved[box], is_met=is_turned and share > LOW, enough=ENOUGH)
        return next((what for what in (UPSIDE_DOWN, ON_SIDE) if self.settle(what, ENOUGH)), None)

    def upright(self, frame: Frame, advice: str) -> bool:
        """Return whether people walk upright again after this advice."""
        moved = self.moved(frame)
        if advice == ON_SIDE:
            for box, walker in moved.items():  # who is cut off is seldom so tall
                self.count(UPRIGHT_AGAIN, walker, is_met=box.h >= TALL * box.w, enough=AGAIN)
        else:
            for box, share in _faces(frame, _people(frame)):
                if box in moved:
                    self.count(UPRIGHT_AGAIN, moved[box], is_met=share < 1 - LOW, enough=AGAIN)
        return self.settle(UPRIGHT_AGAIN, AGAIN)


@dataclass(slots=True)
class _Camera:
    counts: _Counts = field(default_factory=_Counts)
    walkers: _Walkers = field(default_factory=_Walkers)
    is_reported: bool = False
    sure: str | None = None

    def add(self, frame: Frame) -> Finding | None:
        if self.sure is not None:
            if not self.walkers.upright(frame, self.sure):
                return None
            self.sure, self.walkers = None, _Walkers()
            return Finding(UPRIGHT_AGAIN)
        sure = self.walkers.turned(frame)
        if not self.is_reported:
            advice = sure or self.counts.add(frame)  # surely is said with the next frame
            self.is_reported = advice is not None
            return Finding(advice) if advice else None
        if sure is None:
            return None
        self.sure, self.walkers = sure, _Walkers()
        return Finding(sure, is_sure=True)


class UprightWatch:
    """Counts by camera. One thread."""

    def __init__(self) -> None:
        self._cameras: dict[str, _Camera] = {}

    def forget(self, camera: str) -> None:
        """Begin anew with a camera: it shows something else now."""
        self._cameras.pop(camera, None)

    def add(self, frame: Frame) -> Finding | None:
        """Count a frame; return what is found anew: an advice, that it is sure, or UPRIGHT_AGAIN."""
        return self._cameras.setdefault(frame.camera, _Camera()).add(frame)


def _people(frame: Frame) -> list[Box]:
    return [person.box for person in frame.of(Kind.PERSON) if person.box.area > 0]


def _faces(frame: Frame, people: Iterable[Box]) -> list[tuple[Box, float]]:
    """Return how far down in its person each sure face lies, 0 to 1, where it is clear whose it is."""
    found = []
    for face in frame.of(Kind.FACE):
        x, y = face.box.centre
        inside = [box for box in people if box.contains(x, y)]
        if face.confidence >= SURE and len(inside) == 1:
            found.append((inside[0], (y - inside[0].y) / inside[0].h))
    return found


def _is_whole(box: Box, frame: Frame) -> bool:
    """Return whether no edge of the picture cuts somebody off."""
    width, height = frame.size
    return min(box.x, box.y, width - box.right, height - box.bottom) > EDGE * height


def _grows_upwards(first: Box | None, now: Box, frame: Frame) -> bool | None:
    """Return whether who went up is longer now, or shorter who went down; None where it is not known.

    That is so where far is below. Seen from straight above, who goes down in the lower part looks longer, in
    a mirror on the floor, too.
    """
    if first is None or not _is_whole(now, frame):
        return None
    down = now.centre[1] - first.centre[1]
    if abs(down) <= DOWN * frame.size[1]:
        return None
    return (now.h - first.h) * down < 0


def _lies(box: Box, frame: Frame) -> bool | None:
    """Return whether a person lies; None where it is not known.

    Who is cut off by an edge, or by a counter, is wide and stands: then the face is in the middle.
    """
    if box.w <= LYING * box.h:
        return False
    edge = EDGE * frame.size[1]
    if box.y <= edge or box.bottom >= frame.size[1] - edge:
        return None
    return not any(
        face.confidence >= SURE
        and box.contains(*face.box.centre)
        and box.w / 3 <= face.box.centre[0] - box.x <= box.w * 2 / 3
        for face in frame.of(Kind.FACE)
    )
