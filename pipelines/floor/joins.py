"""Tracks that were taken for one person's, and what each side of them is if they turn out to be two people.

A link of two tracks is a guess by place and time. Until it is refuted, when both are seen beside each other,
all that is told counts for the one person; of each side by itself it counts here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from pipelines.floor.customer import Customer
    from pricing.ledger.ledger import Ledger
    from pricing.ledger.votes import Vote, Withdrawal
    from probes.frame import TrackId

MAX_JOINS = 4
"""Links of a person that can still be refuted, the last ones."""


@dataclass(slots=True)
class Side:
    """One of two who were joined, alone. key: of the votes in the ledger; the rest as in Customer."""

    key: Hashable
    staff: bool
    badge: str | None
    served_at: int | None
    certainty: float

    def give(self, customer: Customer) -> None:
        """Make a customer what this side is by itself."""
        customer.staff, customer.badge, customer.served_at = self.staff, self.badge, self.served_at
        customer.certainty = self.certainty


@dataclass(slots=True)
class Join:
    """A link: the tracks of the older side; all others of the person, later ones too, are the newer one's."""

    tracks: set[TrackId]
    older: Side
    newer: Side

    def side(self, track: TrackId) -> Side:
        """Return the side that a track is on."""
        return self.older if track in self.tracks else self.newer


class Joins:
    """The links of all people of one ledger, used by its thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._count = ledger, count()

    def begin(self, person: Customer, other: Customer) -> None:
        """Note both sides, before `other` becomes one with `person`."""
        self.forget(other)
        person.joins.append(Join(set(person.tracks), self._side(person), self._side(other)))
        for spare in person.joins[:-MAX_JOINS]:
            self._drop(spare)
        del person.joins[:-MAX_JOINS]

    def age(self, person: Customer, track: TrackId) -> int:
        """Return a number by which a person's tracks can be ordered, those of older sides first."""
        known = (place for place, join in enumerate(person.joins) if track in join.tracks)
        return next(known, len(person.joins))

    def observe(self, person: Customer, track: TrackId, votes: Sequence[Vote]) -> None:
        """Count votes on a track of a person for its sides."""
        for join in person.joins:
            self._ledger.observe(join.side(track).key, votes)

    def withdraw(self, person: Customer, track: TrackId, withdrawal: Withdrawal) -> None:
        """Withdraw votes from the sides of a person's track."""
        for join in person.joins:
            self._ledger.withdraw(join.side(track).key, withdrawal)

    def exclude(self, person: Customer, track: TrackId) -> None:
        """Take the sides that a track is on for no customers."""
        for join in person.joins:
            side = join.side(track)
            side.staff, side.badge = True, person.badge
            self._ledger.exclude(side.key)

    def serve(self, person: Customer, track: TrackId, at: int | None) -> None:
        """Take the sides that a track is on for served at UTC ns `at`; None: for not served."""
        for join in person.joins:
            join.side(track).served_at = at

    def rename(self, person: Customer, track: TrackId, new: TrackId) -> None:
        """Note that the person is on another track instead of one."""
        for join in person.joins:
            if track in join.tracks:
                join.tracks = (join.tracks - {track}) | {new}

    def refute(self, person: Customer, one: TrackId, other: TrackId) -> Join | None:
        """Return the first link between two tracks, None without one; forget it, and those that followed."""
        for place, join in enumerate(person.joins):
            if join.side(one) is not join.side(other):
                for later in person.joins[place + 1 :]:
                    self._drop(later)
                del person.joins[place:]
                return join
        return None

    def settle(self, side: Side, customer: Customer) -> None:
        """Make a customer what a side of a refuted link is, with its votes in the place of the customer's."""
        side.give(customer)
        self._ledger.forget(customer.number)
        self._ledger.join(customer.number, side.key)

    def forget(self, person: Customer) -> None:
        """Forget the links of a person."""
        for join in person.joins:
            self._drop(join)
        person.joins.clear()

    def _side(self, person: Customer) -> Side:
        key = ("side", next(self._count))
        self._ledger.copy(person.number, key)
        return Side(key, person.staff, person.badge, person.served_at, person.certainty)

    def _drop(self, join: Join) -> None:
        self._ledger.forget(join.older.key)
        self._ledger.forget(join.newer.key)
