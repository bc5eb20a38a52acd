"""One head that is followed: where it lies in a person's box, how it moves, what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.frame import Box

if TYPE_CHECKING:
    from probes.frame import TrackId

HEAD_TO_WIDTH, HEAD_TO_HEIGHT = 0.60, 0.15
"""Height of a head as a share of the person box's width and height; the larger of the two (see head_of)."""
HEADROOM = 0.15
"""Share of the head's height that is covered above the person's box: detectors cut hair and hats off."""
DEEPEST = 1.4
"""So far down a slim person is covered at most, in heights of the guess: to where the face was last seen."""
CHIN = 0.87
"""Share of the guessed region that a head takes up: what is below changes as boxes shake."""
REACH = 0.4
"""How far arms reach over a head, as a share of the person's height, at most."""
WHOLE = 0.98
"""A box that ends lower than at this share of the picture's height is cut off there."""
RAISED_NS = 3_000_000_000
"""So long a box that reaches higher than before may be one of raised arms; then it is one of who stood up."""
FASTEST, FURTHEST = 12.0, 3.0
"""How fast a head moves, in head sizes a second (12 of 23 cm: 2.8 m/s, a run), and its longest way."""
FASTEST_UNSURE = 5.0
"""The same of what may be nobody, in sizes of the guess, which is as wide as a person (55 cm)."""
WALK, UPRIGHT = 0.6, 0.5
"""Of both: how fast people walk (1.4 m/s; a found face is less than a head), and of that, up and down."""
UNLIKE = 1.5
"""Boxes without a track that differ more in width, either way, tell nothing of how a person moved."""


class FollowedHead(NamedTuple):
    """One head, as last seen. face_at: last time of a face, if any; velocity: px per ns, if seen twice.

    missed: frames since then. first_at: since when it was seen again and again. is_sure: it is a head.
    is_found: the box was found at seen_at, neither carried along with a person nor calculated.
    depth: how far below the top of its person its face was last found to reach, with the margin, px.
    face: where the face was found at face_at, if the box is one that was carried along from there.
    stood: the person's box as of stood_at, since when it has become higher, see `standing`.
    """

    box: Box
    seen_at: int
    face_at: int | None = None
    person: Box | None = None
    track: TrackId | None = None
    velocity: tuple[float, float] | None = None
    missed: int = 0
    first_at: int | None = None
    is_sure: bool = True
    is_found: bool = True
    depth: float = 0.0
    face: Box | None = None
    stood: Box | None = None
    stood_at: int = 0

    @property
    def raised(self) -> float:
        """How much lower than at the top of its person's box the head may be, px: arms may be raised."""
        return 0.0 if self.stood is None or self.person is None else rise(self.stood, self.person)

    def at(self, now: int) -> Box:
        """Return where the head is if it went on as it moved."""
        return moved(self.box, self.velocity, now - self.seen_at)


def head_of(person: Box) -> Box:
    """Return the region in which the head of a person lies: the top of the box, in its full width.

    A standing person is about 7.5 heads high, and about two heads wide at the shoulders; the box of a person
    cut off at the hips or the breast has the width of the shoulders still, hence a height from the width.
    Full width, since the head is anywhere in it when arms are stretched out; some headroom for tight boxes.
    """
    x, y, w, h = person
    by_width, by_height = w * HEAD_TO_WIDTH, h * HEAD_TO_HEIGHT
    height = by_height if by_height > by_width else by_width
    height = height if height < h else h
    return Box(x, y - HEADROOM * height, w, (1 + HEADROOM) * height)


def reaching(head: Box, low: float, raised: float) -> Box:
    """Return the region of a head, as low as the face that was found there, DEEPEST of its height at most.

    raised: how much higher than the head arms may have raised the region, px; then CHIN counts.
    """
    x, y, w, h = head
    more = low - y if low - y < DEEPEST * h else DEEPEST * h
    chin = CHIN * h
    more = (more if more > chin else chin) + raised
    return head if more <= h else Box(x, y, w, more)


def rise(before: Box, after: Box) -> float:
    """Return how much higher a person's box reaches, px, as of raised arms; 0 where it is for another reason.

    All of it has moved up, or it has got another form, or higher than arms reach.
    """
    up, taller = before.y - after.y, after.h - before.h
    least = up if up < taller else taller
    alike = before.w <= UNLIKE * after.w and after.w <= UNLIKE * before.w
    return least if alike and 0 < least <= REACH * before.h else 0.0


def standing(
    person: Box, now: int, before: FollowedHead | None, *, is_face: bool, bottom: float
) -> tuple[Box | None, int]:
    """Return the box that tells how much of a person's box may be raised arms, if any, and of when it is.

    It is the one in which the face was found, or the last one that was no less high. Where the box stays
    higher, it is somebody who has stood up; and who comes in over the picture's bottom only becomes visible.
    """
    last = None if before is None or is_face else before.stood
    since = now if before is None else before.stood_at
    if last is not None and now - since <= RAISED_NS and rise(last, person) > 0:
        return last, since
    return (None if person.bottom >= WHOLE * bottom else person), now


def scaled_head(head: FollowedHead, across: float, down: float) -> FollowedHead:
    """Return a head in pictures that are so many times as wide and as high."""

    def scaled(box: Box) -> Box:
        return Box(box.x * across, box.y * down, box.w * across, box.h * down)

    return head._replace(
        box=scaled(head.box),
        person=None if head.person is None else scaled(head.person),
        velocity=None if head.velocity is None else (head.velocity[0] * across, head.velocity[1] * down),
        depth=head.depth * down,
        face=None if head.face is None else scaled(head.face),
        stood=None if head.stood is None else scaled(head.stood),
    )


def with_evidence(head: FollowedHead, before: FollowedHead | None, is_sure: bool) -> FollowedHead:
    """Return a head with what was known of it: since when it was seen, and whether it ever was sure."""
    if before is None:
        return head._replace(first_at=head.seen_at, is_sure=is_sure)
    return head._replace(first_at=before.first_at, is_sure=is_sure or before.is_sure)


def velocity_of(
    before: FollowedHead | None,
    box: Box,
    person: Box | None,
    now: int,
    *,
    is_tracked: bool = False,
    is_face: bool = False,
) -> tuple[float, float] | None:
    """Return px per ns: the mean of the last velocity and of the last step, no faster than people run.

    is_tracked: the tracker knows the person again; else a box of another size may be somebody else's.
    is_face: both boxes are found faces, which tell more exactly how a head moved than their person's box.
    """
    if before is None:
        return None
    elapsed = now - before.seen_at
    if elapsed <= 0:
        return before.velocity
    last = before.person
    if person and not last and not is_face:
        return before.velocity
    if person and last and not is_tracked and not 1 / UNLIKE <= person.w / last.w <= UNLIKE:
        return before.velocity
    if person and last and not is_face:
        dx, dy = shift_of_top(last, person)
    else:
        dx, dy = box.centre[0] - before.box.centre[0], box.centre[1] - before.box.centre[1]
    limit = FASTEST * (box.h if box.h > box.w else box.w) / 1e9
    vx, vy = dx / elapsed, dy / elapsed
    if before.velocity is not None:
        vx, vy = (vx + before.velocity[0]) / 2, (vy + before.velocity[1]) / 2
    vx, vy = vx if vx < limit else limit, vy if vy < limit else limit
    return vx if vx > -limit else -limit, vy if vy > -limit else -limit


def slowed(head: FollowedHead) -> tuple[float, float] | None:
    """Return the velocity of what may be nobody, no faster than people run."""
    if head.velocity is None:
        return None
    (vx, vy), box = head.velocity, head.box
    limit = FASTEST_UNSURE * (box.h if box.h > box.w else box.w) / 1e9
    vx, vy = vx if vx < limit else limit, vy if vy < limit else limit
    return vx if vx > -limit else -limit, vy if vy > -limit else -limit


def shift_of_top(before: Box, after: Box) -> tuple[float, float]:
    """Return how far the top of a person went; the bottom jumps when counters hide the legs."""
    x, y, w, _ = after
    old_x, old_y, old_w, _ = before
    return (x + w / 2) - (old_x + old_w / 2), y - old_y


def moved(box: Box, velocity: tuple[float, float] | None, nanoseconds: int) -> Box:
    """Return where a box is after so long; velocity: px per ns, None where it is not known."""
    if velocity is None:
        return box
    x, y, w, h = box
    return Box(x + velocity[0] * nanoseconds, y + velocity[1] * nanoseconds, w, h)


def within_walk(head: FollowedHead, now: int) -> Box:
    """Return as far around its place as somebody can have walked since a head was seen there."""
    fastest = FASTEST_UNSURE if head.face_at is None else FASTEST
    size = head.box.h if head.box.h > head.box.w else head.box.w
    far = WALK * fastest * size * (now - head.seen_at) / 1e9
    x, y, w, h = head.box
    return Box(x - far, y - UPRIGHT * far, w + 2 * far, h + 2 * UPRIGHT * far)


def lower(box: Box, more: float) -> Box:
    """Return a box that reaches so many px further down."""
    return Box(box.x, box.y, box.w, box.h + more)


def grown(box: Box, share: float) -> Box:
    """Return a box that is wider on each side by a share of its width and height."""
    x, y, w, h = box
    dx, dy = w * share, h * share
    return Box(x - dx, y - dy, w + 2 * dx, h + 2 * dy)


def lies_in(inner: Box, outer: Box) -> bool:
    """Return whether a box lies in another."""
    reaches_out = inner.x < outer.x or inner.y < outer.y
    return not (reaches_out or inner.right > outer.right or inner.bottom > outer.bottom)


def union(a: Box, b: Box) -> Box:
    """Return the smallest box that holds both."""
    left, top = min(a.x, b.x), min(a.y, b.y)
    return Box(left, top, max(a.right, b.right) - left, max(a.bottom, b.bottom) - top)
