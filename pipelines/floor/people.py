"""The people in the shop: which tracks belong to which person, and what each person wears."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipelines.floor.customer import Customer
from pipelines.floor.joins import Joins
from pricing.value import Item
from probes.frame import Kind
from probes.people.attribution import STAFF, VoteBuilder
from probes.people.id_switches import APART, IdSwitchResolver
from probes.people.returns import ReturnLinker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipelines.floor.plan import FloorPlan
    from pricing.ledger.ledger import Ledger
    from pricing.ledger.votes import Vote, Withdrawal
    from pricing.value import PersonValue
    from probes.answers import LookAnswer
    from probes.frame import Box, Frame, TrackId
    from probes.people.id_switches import IdSwitch
    from probes.people.reidentification import Trace, TrackLink, TrackLinker
    from probes.people.returns import Absence
    from probes.recognition.clothes import Clothes

NEWER = 0.3
"""Share of the newest look in what is known of a person's clothes."""


@dataclass(frozen=True, slots=True)
class Moves:
    """Tracks that changed persons: those that go on with an older one's, pairs that were exchanged.

    returned: those of the joined whose older track was held. parted: the older and the newer track of a pair
    that was one person, and is two.
    """

    joined: Sequence[TrackLink] = ()
    exchanged: Sequence[IdSwitch] = ()
    returned: Sequence[TrackLink] = ()
    parted: Sequence[tuple[TrackId, TrackId]] = ()


class People:
    """One per device, used by one thread. Persons are in `ledger` under their number.

    badges: a ledger for the marks of staff alone, stricter than that for items, so that a misread mark takes
    nobody's items away.
    """

    def __init__(
        self, ledger: Ledger, handover: TrackLinker, votes: VoteBuilder, *, badges: Ledger | None = None
    ) -> None:
        self._ledger, self._handover, self._votes, self._badges = ledger, handover, votes, badges
        self._crossings = IdSwitchResolver(self._told_by)
        self._returns, self._joins = ReturnLinker(handover), Joins(ledger)
        self._of: dict[TrackId, Customer] = {}
        self._customers: dict[int, Customer] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._customers)

    def __iter__(self) -> Iterator[Customer]:
        return iter(self._customers.values())

    def __contains__(self, track: object) -> bool:
        """Return whether the person on a track is in view, or can be found again."""
        return track in self._of

    def customer(self, track: TrackId) -> Customer | None:
        """Return whose track it is."""
        return self._of.get(track)

    def find(self, camera: str, name: str) -> Customer | None:
        """Return whose track it is, named as in messages."""
        return next((c for t, c in self._of.items() if t.camera == camera and str(t) == name), None)

    def value(self, track: TrackId) -> PersonValue:
        """Return what the person on a track wears; nothing for an unknown track."""
        customer = self._of.get(track)
        return self._ledger.value(customer.number if customer else None)

    def in_doubt(self, track: TrackId) -> bool:
        """Return whether the track may be somebody else's by now, as after two have crossed."""
        return self._crossings.in_doubt(track)

    def _told_by(self, track: TrackId) -> PersonValue:
        """Return what tells the person on a track from others: what is worn, and the mark of staff."""
        customer, value = self._of.get(track), self.value(track)
        if customer is None or customer.badge is None:
            return value
        return replace(value, items=(*value.items, Item(STAFF, STAFF, customer.badge, 1.0, 1)))

    def explain(self, customer: Customer) -> list[str]:
        """Return a line for each thing voted on, the total, and how the tracks became one person."""
        lines = self._ledger.explain(customer.number)
        if customer.badge is not None:
            lines.append(f"staff: wears the mark of {customer.badge}")
        elif self._badges is not None:
            lines += self._badges.explain(customer.number)[:-1]
        if len(customer.tracks) > 1:
            seen = ", ".join(f"{track.camera}/{track}" for track in customer.tracks)
            lines.append(f"one person on {seen}; certainty {customer.certainty:.2f}")
        return lines

    def update(
        self,
        frame: Frame,
        answers: Iterable[LookAnswer] = (),
        votes: Iterable[tuple[TrackId, Sequence[Vote]]] = (),
        returned: Sequence[TrackLink] | None = None,
    ) -> Moves:
        """Take a frame, answers to looks and other votes, of whichever cameras.

        returned: who of those held was found again, where that was decided before, as in a record.
        """
        boxes = {person.track: person.box for person in frame.of(Kind.PERSON) if person.track is not None}
        parted = self._part(boxes)
        for track, box in boxes.items():
            self._see(track, box, frame)
        # Who has left for good is forgotten: what came later of them would be kept for ever.
        answers = tuple(answer for answer in answers if answer.track in self._of)
        joined = self._handover.update(frame, self.value)
        for link in joined:
            self._join(link)
        for answer in answers:
            self._note_clothes(answer)
        found = self._returns.update(frame, self.value, self._clothes, returned)
        for link in found:
            self._join(link)
        for track, cast in (*self._votes.of(frame, answers), *votes):
            self._add_votes(track, self._crossings.hold(track, cast))
        for track, withdrawal in self._votes.withdrawn():
            self._withdraw(track, withdrawal)
        exchanged, released = self._crossings.update(frame)
        for switch in exchanged:
            self._exchange(switch.one, switch.other)
        for track, cast in released:
            self._add_votes(track, cast)
        return Moves((*joined, *found), exchanged, found, parted)

    def reconfigure(self, plan: FloorPlan, badges: Ledger | None) -> None:
        """Judge by another plan from now on; who is there, wears or is staff by now stays so.

        badges: see the class; one that is there already goes on, with its rules.
        """
        self._ledger.reconfigure(min_votes=plan.min_votes, window_ms=plan.window_ms, unknown=plan.unknown)
        self._handover.reconfigure(plan.zones, plan.passages, gap_ms=plan.found_again_ms)
        self._votes.reconfigure(plan.staff, plan.zones)
        self._returns.keep_only(plan.zones)
        if badges is None or self._badges is None:
            self._badges = badges
        else:
            self._badges.reconfigure(min_votes=plan.badge_votes, window_ms=plan.window_ms)

    def forget_camera(self, camera: str) -> None:
        """Forget what was learnt of a camera that the store has no more; one that is off may be on again."""
        self._votes.forget_camera(camera)

    def end(self, track: TrackId) -> None:
        """Note that a track has ended; its person may still be found again."""
        for other, votes in self._crossings.end(track):
            self._add_votes(other, votes)
        self._returns.drop(track)
        self._handover.end(track)
        self._votes.forget(track)
        customer = self._of.get(track)
        if customer is not None and customer.track == track:
            # The tracker may have gone on with an older one, which was joined to this one.
            seen = [one for one, trace in self._traces(customer).items() if not trace.ended]
            customer.go_on_with(seen[-1] if seen else track)

    def miss(self, camera: str) -> bool:
        """Note that a camera is not analysed for now; return whether it was."""
        return self._returns.miss(camera)

    def hold(self, track: TrackId, at: int, absence: Absence) -> int:
        """Note that a track is not seen, for its camera is not analysed: its person has not left.

        Returns when the person was seen last; `at` where that is not known.
        """
        for other, votes in self._crossings.end(track):
            self._add_votes(other, votes)
        self._votes.forget(track)
        self._returns.hold(track, absence)
        if (customer := self._of.get(track)) is None or customer.track != track:
            return at
        customer.held = True
        return customer.seen_at

    def unfound(self, now: int) -> dict[TrackId, Absence]:
        """Return held tracks whose persons will not be found again, and why they were held; `end` each."""
        return self._returns.unfound(now)

    def serve(self, customer: Customer, at: int | None) -> None:
        """Take a person for served at UTC ns `at`; None: for not served."""
        customer.served_at = at
        self._joins.serve(customer, customer.track, at)

    def exclude(self, customer: Customer, track: TrackId | None = None) -> None:
        """Take a person for no customer from now on, such as one of the staff.

        track: on which that was told; None for the one that the person is on now.
        """
        customer.staff = True
        self._joins.exclude(customer, track or customer.track)
        self._ledger.exclude(customer.number)

    def departed(self, now: int) -> list[tuple[Customer, PersonValue]]:
        """Forget and return those who will not be found again, with what they wore."""
        expired = [track for track in self._handover.expire(now) if track in self._of]
        left = {self._of[track].number: track for track in expired if not self._traces(self._of[track])}
        return [self._forget(track) for track in left.values()]

    def clear(self) -> list[tuple[Customer, PersonValue]]:
        """Forget and return everyone."""
        self._handover.clear()
        self._returns.clear()
        return [self._forget(customer.track) for customer in list(self)]

    def _part(self, boxes: Mapping[TrackId, Box]) -> list[tuple[TrackId, TrackId]]:
        """Take those for two people who are seen on two tracks that were joined; return the tracks.

        Each goes on with what was told of their own tracks. The older one keeps number and place in the list.
        """
        seen: dict[int, list[TrackId]] = {}
        for track in boxes:
            if (customer := self._of.get(track)) is not None:
                seen.setdefault(customer.number, []).append(track)
        parted = []
        for number, tracks in seen.items():
            person = self._customers[number]
            old, *newer = sorted(tracks, key=lambda t: (self._joins.age(person, t), person.tracks.index(t)))
            for new in newer:
                # Else one may be seen twice, or a third track has parted them by now.
                if boxes[old].share_of_smaller(boxes[new]) < APART and self._of.get(new) is person:
                    self._divide(person, old, new)
                    self._handover.part(new)
                    parted.append((old, new))
        return parted

    def _divide(self, person: Customer, old: TrackId, new: TrackId) -> None:
        """Make two people of one; the older one is on the track `old`."""
        join = self._joins.refute(person, old, new)
        left = [new] if join is None else [t for t in person.tracks if join.side(t) is join.side(new)]
        person.tracks = [track for track in person.tracks if track not in left]
        person.clothes = None  # which looks were of whom is not known
        other = self._begin(left, person.seen_at, person.box, person.size)
        other.counted |= person.counted
        if join is not None:
            self._joins.settle(join.side(old), person)
            self._joins.settle(join.side(new), other)

    def _begin(self, tracks: list[TrackId], at: int, box: Box, size: tuple[int, int]) -> Customer:
        """Return a new person, who is on these tracks."""
        self._count += 1
        person = self._customers[self._count] = Customer(self._count, tracks, at, at, box, size)
        for track in tracks:
            self._of[track] = person
        return person

    def _see(self, track: TrackId, box: Box, frame: Frame) -> None:
        customer = self._of.get(track) or self._begin([track], frame.captured_at, box, frame.size)
        customer.seen_at, customer.box, customer.size = frame.captured_at, box, frame.size
        if track in self._returns:  # the tracker itself goes on with it
            self._returns.drop(track)
            customer.held = False

    def _traces(self, customer: Customer) -> dict[TrackId, Trace]:
        """Return the tracks on which a person is seen, or can be found again."""
        traces = ((track, self._handover.trace(track)) for track in customer.tracks)
        return {track: trace for track, trace in traces if trace is not None}

    def _clothes(self, track: TrackId) -> Clothes | None:
        customer = self._of.get(track)
        return customer.clothes if customer else None

    def _note_clothes(self, answer: LookAnswer) -> None:
        customer, seen = self._of.get(answer.track), answer.clothes
        if customer is not None and seen is not None:
            before = customer.clothes
            customer.clothes = seen if before is None else before.mixed(seen, NEWER)

    def _add_votes(self, track: TrackId, votes: Sequence[Vote]) -> None:
        customer = self._of.get(track)
        if customer is None or not votes:
            return
        things = [vote for vote in votes if vote.slot != STAFF]
        self._ledger.observe(customer.number, things)
        self._joins.observe(customer, track, things)
        badges = [vote for vote in votes if vote.slot == STAFF]
        if badges and self._badges is not None and customer.badge is None:
            # Of who stands behind the desk, too: at a crossing the mark tells them from a customer.
            self._badges.observe(customer.number, badges)
            if items := self._badges.value(customer.number).items:
                customer.badge = items[0].brand
                self._badges.forget(customer.number)
                self.exclude(customer, track)

    def _withdraw(self, track: TrackId, withdrawal: Withdrawal) -> None:
        customer = self._of.get(track)
        ledger = self._badges if withdrawal.slot == STAFF else self._ledger
        if customer is not None and ledger is not None and not customer.staff:
            ledger.withdraw(customer.number, withdrawal)
            if ledger is self._ledger:
                self._joins.withdraw(customer, track, withdrawal)

    def _join(self, link: TrackLink) -> None:
        self._returns.drop(link.old)
        person, other = self._of[link.old], self._of[link.new]
        if person is other:  # the tracker has found again the older of two tracks that were joined before
            person.go_on_with(link.new)
            return
        self._joins.begin(person, other)
        self._ledger.join(person.number, other.number)
        if self._badges is not None:
            self._badges.join(person.number, other.number)
        del self._customers[other.number]
        for track in other.tracks:
            self._of[track] = person
        person.tracks += other.tracks
        person.counted |= other.counted
        person.also = (*person.also, other.number, *other.also)
        person.seen_at, person.box, person.size = other.seen_at, other.box, other.size
        person.held, person.clothes = other.held, other.clothes or person.clothes
        person.staff = person.staff or other.staff
        person.badge = person.badge or other.badge
        person.served_at = other.served_at if person.served_at is None else person.served_at
        person.certainty *= link.certainty

    def _exchange(self, one: TrackId, other: TrackId) -> None:
        a, b = self._of.get(one), self._of.get(other)
        if a is None or b is None or a is b:
            return
        self._of[one], self._of[other] = b, a
        self._joins.rename(a, one, other)
        self._joins.rename(b, other, one)
        a.tracks = [other if track == one else track for track in a.tracks]
        b.tracks = [one if track == other else track for track in b.tracks]
        a.box, b.box, a.seen_at, b.seen_at = b.box, a.box, b.seen_at, a.seen_at
        self._votes.exchange(one, other)
        a.clothes, b.clothes = None, None  # which looks were of whom is not known

    def _forget(self, track: TrackId) -> tuple[Customer, PersonValue]:
        customer = self._of[track]
        value = self._ledger.value(customer.number)
        self._joins.forget(customer)
        self._ledger.forget(customer.number)
        if self._badges is not None:
            self._badges.forget(customer.number)
        del self._customers[customer.number]
        for own_track in customer.tracks:
            self._of.pop(own_track, None)
            self._votes.forget(own_track)  # a look may have ended after the track
        return customer, value
