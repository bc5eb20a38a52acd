"""The shop floor at one moment, for whoever shows it: immutable, safe to read from any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pricing.ledger.ranking import Standing, Weights, rank
from probes.events.events import relative
from probes.events.messages import same

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.floor.customer import Customer
    from pipelines.floor.people import People
    from pricing.value import Item, PersonValue, Total
    from probes.frame import TrackId

    Holding = Callable[[TrackId], tuple[str, ...]]

MS = 1_000_000
VISIBLE_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ZoneTime:
    """Time in one zone of one camera; `now` while the person stands in it. entered_at: UTC ns."""

    camera: str
    zone: str
    entered_at: int
    dwell_ms: int
    now: bool


@dataclass(frozen=True, slots=True)
class PersonView:
    """One person. Times are UTC ns.

    camera, track: as in messages; together the name in commands. box: left, top, width, height as fractions
    of the camera's picture, where last seen; `visible` while the camera sees the person. tracks: how many
    tracks were joined to this person, with certainty from 0 to 1 (1 for a single one). rank: 1 is next to
    be served; None for who was served or is no customer. rules: those of the shop that hold.
    explain: where each line of the total comes from. number: the person's own since the start, whichever
    track it is on. also: numbers under which this person was shown before it was known who it is. held: the
    camera was suspended or lost since `seen_at`; whether the person is still there is not known.
    """

    camera: str
    track: str
    visible: bool
    box: tuple[float, float, float, float]
    arrived_at: int
    seen_at: int
    dwell_ms: int
    waiting_ms: int
    items: tuple[Item, ...]
    total: Total
    zones: tuple[ZoneTime, ...]
    tracks: int
    certainty: float
    rank: int | None
    score_minor: int
    rules: tuple[str, ...]
    served_at: int | None
    customer: bool
    explain: tuple[str, ...]
    number: int = 0
    also: tuple[int, ...] = ()
    held: bool = False


@dataclass(frozen=True, slots=True)
class FloorView:
    """Everybody in the shop at UTC ns `at`, those to be served in order, held ones last, then the others.

    number: grows by one with each view.
    """

    at: int = 0
    number: int = 0
    persons: tuple[PersonView, ...] = ()


def view_of(
    people: People,
    holding: Holding,
    weights: Weights,
    at: int,
    *,
    number: int,
    utc: Callable[[int], int] = same,
) -> FloorView:
    """Return the floor at `at`. holding: the rules that hold of a track. utc: what to tell of a time."""
    values = {c.number: people.value(c.track) for c in people}
    waiting = {c.number: c for c in people if not c.staff and c.served_at is None}
    ranked = [
        one
        for held in (False, True)  # who is not seen comes after those who are
        for one in rank(
            [_standing(c, values[c.number], holding, at) for c in waiting.values() if c.held is held],
            weights,
        )
    ]
    persons = [
        _person(
            waiting[standing.number], values[standing.number], people, at, holding,
            utc=utc, place=place, score=score,
        )
        for place, (standing, score) in enumerate(ranked, 1)
    ]  # fmt: skip
    persons += [
        _person(customer, values[customer.number], people, at, holding, utc=utc)
        for customer in people
        if customer.number not in waiting
    ]
    return FloorView(utc(at), number, tuple(persons))


def _standing(customer: Customer, value: PersonValue, holding: Holding, at: int) -> Standing:
    return Standing(
        customer.number,
        value.total.amount_minor,
        customer.arrived_at,
        customer.certainty,
        (customer.seen_at - customer.arrived_at) // MS,
        _waited_ms(customer, at),
        len(holding(customer.track)),
    )


def _waited_ms(customer: Customer, at: int) -> int:
    return 0 if customer.waiting_since is None else max(0, at - customer.waiting_since) // MS


def _person(
    customer: Customer,
    value: PersonValue,
    people: People,
    at: int,
    holding: Holding,
    *,
    utc: Callable[[int], int],
    place: int | None = None,
    score: int = 0,
) -> PersonView:
    track = customer.track
    box = relative(customer.box, customer.size)
    past = [ZoneTime(s.camera, s.zone, utc(s.entered_at), s.dwell_ms, now=False) for s in customer.stays]
    now = [ZoneTime(track.camera, v.zone, utc(v.entered_at), v.dwell_ms, now=True) for v in customer.inside]
    return PersonView(
        camera=track.camera,
        track=str(track),
        visible=at - customer.seen_at < VISIBLE_NS,
        box=(box["x"], box["y"], box["w"], box["h"]),
        arrived_at=utc(customer.arrived_at),
        seen_at=utc(customer.seen_at),
        dwell_ms=(customer.seen_at - customer.arrived_at) // MS,
        waiting_ms=_waited_ms(customer, at),
        items=value.items,
        total=value.total,
        zones=(*past, *now),
        tracks=len(customer.tracks),
        certainty=customer.certainty,
        rank=place,
        score_minor=score,
        rules=holding(track) if place else (),
        served_at=None if customer.served_at is None else utc(customer.served_at),
        customer=not customer.staff,
        explain=tuple(people.explain(customer)),
        number=customer.number,
        also=customer.also,
        held=customer.held,
    )
