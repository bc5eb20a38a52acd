"""The people in the shop now: what their frames, looks and zones mean for price, message and metric.

Both platforms feed it frames' metadata; it holds no pixel.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from pipelines.floor.counts import FloorCounts
from pipelines.floor.view import FloorView, view_of
from probes.events.events import EndReason
from probes.events.messages import same
from probes.events.staff_orders import StaffAction, StaffOrders
from probes.frame import Kind
from probes.people.zones import Role, Zones

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pipelines.floor.people import People
    from pipelines.floor.plan import FloorPlan
    from pipelines.floor.publisher import Publisher
    from pipelines.floor.tally import CameraTally
    from pipelines.outputs.journal.writer import JournalWriter
    from pricing.ledger.ledger import Ledger
    from pricing.ledger.lookup_once import LookupOnce
    from pricing.ledger.ranking import Weights
    from pricing.ledger.votes import Vote
    from pricing.value import PersonValue
    from probes.answers import LookAnswer
    from probes.events.events import PersonEvents
    from probes.events.messages import Message
    from probes.events.notify import Notifier
    from probes.events.staff_orders import StaffOrder
    from probes.events.status import Summaries
    from probes.frame import Frame, TrackId
    from probes.metrics import Metrics
    from probes.people.reidentification import TrackLink
    from probes.people.returns import Absence
    from probes.people.zones import Zone, ZoneVisit

VIEW_EVERY_NS = 250_000_000
TURN_S: Final = 1.5
"""How long `close` waits for a frame that is under work: one takes milliseconds, unless its thread hangs."""


class Floor:
    """One per device; used by one thread, but for `snapshot`, `order` and `close`.

    lookups: the lookup that the ledger of `people` uses. zones: of each camera, with what they mean.
    """

    def __init__(
        self,
        *,
        people: People,
        lookups: LookupOnce,
        zones: Mapping[str, Sequence[Zone]],
        weights: Weights,
        events: PersonEvents,
        notifier: Notifier,
        summaries: Summaries,
        publisher: Publisher,
        metrics: Metrics,
        minor_per_unit: int,
        journal: JournalWriter | None = None,
        utc: Callable[[int], int] = same,
    ) -> None:
        self._utc, self._viewed_at = utc, 0
        self._people, self._lookups = people, lookups
        self._zones: dict[str, Zones] = {}
        self._counts = FloorCounts(metrics, minor_per_unit)
        self._set_zones(zones, weights)
        self._events, self._notifier, self._summaries = events, notifier, summaries
        self._publisher, self._journal = publisher, journal
        self._orders = StaffOrders()
        self._present: dict[TrackId, PersonValue] = {}
        self._held: dict[TrackId, tuple[int, Absence]] = {}
        self._view, self._stale = FloorView(), False
        self._turn, self._closed = threading.Lock(), False

    def reconfigure(
        self, plan: FloorPlan, at: int, *, badges: Ledger | None, written: Mapping[str, Any]
    ) -> None:
        """Go on by another plan of the same store, from `at`, ns as in frames. Who is in the shop stays.

        The tracks of cameras that the plan has no more must have ended. badges: as for `People`; written: the
        plan as JSON values.
        """
        with self._turn:
            if not self._closed:
                self._reconfigure(plan, at, badges, written)

    def _reconfigure(
        self, plan: FloorPlan, at: int, badges: Ledger | None, written: Mapping[str, Any]
    ) -> None:
        self._set_zones(plan.zones, plan.weights)
        self._notifier.set_rules(plan.rules)
        self._counts.set_rules({rule.name for rule in plan.rules})
        self._people.reconfigure(plan, badges)
        names = {camera: [zone.name for zone in zones] for camera, zones in plan.zones.items()}
        for topic, payload in self._summaries.reconfigure(names, self._utc(at)).items():
            if payload is None:
                self._publisher.clear_state(topic)
            else:
                self._publisher.set_state(topic, payload)
        self._stale = True
        if self._journal:
            self._journal.plan(written)

    def _set_zones(self, zones: Mapping[str, Sequence[Zone]], weights: Weights) -> None:
        before = self._zones
        self._zones = {camera: before.get(camera) or Zones(()) for camera in zones}
        for camera, found in zones.items():
            self._zones[camera].reconfigure(found)
        self._staff = {(c, z.name) for c, found in zones.items() for z in found if z.role is Role.STAFF}
        self._weights = weights
        self._counts.set_zones(zones)

    def update(
        self,
        frame: Frame,
        answers: Iterable[LookAnswer] = (),
        ended: Sequence[TrackId] = (),
        votes: Iterable[tuple[TrackId, Sequence[Vote]]] = (),
        returned: Sequence[TrackLink] | None = None,
    ) -> dict[TrackId, PersonValue]:
        """Take a frame, new answers to looks, tracks that ended, other votes; value the frame's persons.

        Once closed, nothing: who has an end must not begin anew. returned: as of `People.update`.
        """
        with self._turn:
            return {} if self._closed else self._update(frame, answers, ended, votes, returned)

    def _update(
        self,
        frame: Frame,
        answers: Iterable[LookAnswer],
        ended: Sequence[TrackId],
        votes: Iterable[tuple[TrackId, Sequence[Vote]]],
        returned: Sequence[TrackLink] | None,
    ) -> dict[TrackId, PersonValue]:
        answered, cast, at = tuple(answers), tuple(votes), frame.captured_at
        orders = self._apply_staff_orders(at)
        found = self._move(frame, answered, cast, returned)
        visits = self._zones[frame.camera].update(frame)
        shown = [person.track for person in frame.of(Kind.PERSON) if person.track is not None]
        self._stand(shown, visits)
        values = {track: self._people.value(track) for track in shown}
        self._counts.items(self._people, values)
        # DeepStream's tracker may number a person at once, the CPU's only the third time: once means nothing.
        followed = sum(track in self._present or track in self._held for track in shown)
        self._present |= values
        for track in self._held.keys() & values.keys():  # the tracker itself went on with it
            self._counts.returned(track, self._held.pop(track)[1], "found")
        self._send(self._events.observe(frame, self._present, visits, held=self._held))
        waiting = [track for track in (*shown, *self._held) if self._serves(track)]
        self._send(self._notifier.weigh(at, waiting, values, visits, known=self._people))
        self._wait(shown, at)
        self.leave(frame.camera, ended, at, EndReason.LOST)
        self._settle(frame.camera, at, visits)
        self._counts.frame(frame, followed)
        changed = self._lookups.commit()
        if self._journal:
            self._journal.prices(changed)
            self._journal.returned(found)
            self._journal.frame(frame, answered, cast, ended, orders)
        return values

    def leave(self, camera: str, tracks: Iterable[TrackId], at: int, reason: EndReason) -> None:
        """End tracks of a camera with a last event. Their persons are kept while they can be found again.

        Those held end at the time when they were seen last.
        """
        for track in tracks:
            if self._present.pop(track, None) is None and track not in self._held:
                continue
            ended_at = self._held.pop(track)[0] if track in self._held else at
            self._people.end(track)
            customer = self._people.customer(track)
            if customer is not None and customer.track != track:
                self._notifier.follow(track, customer.track)
            self._send(self._events.end(track, ended_at, self._people.value(track), reason))
            self._counts.ended(camera, reason)
            self._end_stays(camera, track)

    def _end_stays(self, camera: str, track: TrackId) -> None:
        customer, stays = self._people.customer(track), self._zones[camera].forget(track)
        self._counts.stays(camera, stays, customer)
        if customer is not None:
            customer.stayed(camera, stays)
            customer.inside = () if customer.track == track else customer.inside

    def held(self, camera: str) -> list[TrackId]:
        """Return a camera's tracks that are neither seen nor ended, for it is or was suspended or lost."""
        return [track for track in self._held if track.camera == camera]

    def quiet(
        self, camera: str, at: int, ended: Sequence[TrackId], *, absence: Absence | None = None
    ) -> None:
        """Let time pass for a camera that gives no frames.

        absence: why that is so, where it will give some again. Its tracks are held then: who was in view has
        not left, and is found again once the camera is looked at, or ends.
        """
        with self._turn:
            if not self._closed:
                self._quiet(camera, at, ended, absence)

    def _quiet(self, camera: str, at: int, ended: Sequence[TrackId], absence: Absence | None) -> None:
        orders = self._apply_staff_orders(at)
        turned = absence is not None and self._people.miss(camera)
        if absence is None:
            self.leave(camera, ended, at, EndReason.CAMERA_LOST)
        else:
            self._hold(camera, ended, at, absence)
        departed = self._settle(camera, at, {})
        changed = self._lookups.commit()
        if self._journal and (ended or orders or changed or departed or turned):
            self._journal.prices(changed)
            self._journal.quiet(camera, at, ended, orders, absence)

    def _hold(self, camera: str, tracks: Iterable[TrackId], at: int, absence: Absence) -> None:
        for track in tracks:
            if self._present.pop(track, None) is not None:
                self._held[track] = self._people.hold(track, at, absence), absence
                self._end_stays(camera, track)

    def _give_up(self, at: int) -> bool:
        """End those held who will not be found again; return whether there were any."""
        gone = self._people.unfound(at)
        for track, absence in gone.items():
            self.leave(track.camera, [track], at, EndReason(absence.value))
            self._counts.returned(track, absence, "not_found")
        return bool(gone)

    def close(self, at: int) -> None:
        """End everyone, as the program does, for good; from any thread. Frames that come later do nothing."""
        self._closed = True
        taken = self._turn.acquire(timeout=TURN_S)
        try:
            self.end_all(at)
        finally:
            if taken:
                self._turn.release()

    def end_all(self, at: int) -> None:
        """End everyone, as the end of a program does; the floor goes on."""
        for track in [*self._present, *self._held]:
            self.leave(track.camera, [track], at, EndReason.SHUTDOWN)
        for customer, value in self._people.clear():
            self._counts.departed(customer, value)
        changed = self._lookups.commit()
        if self._journal:
            self._journal.prices(changed)
            self._journal.close(at)

    def order(self, order: StaffOrder) -> bool:
        """Queue a staff order for the next frame, from any thread; False where the queue is full."""
        return self._orders.put(order)

    def snapshot(self) -> FloorView:
        """Return the newest view of the floor, from any thread; a quarter of a second old at most."""
        return self._view

    def tally(self, camera: str) -> CameraTally:
        """Return which customers the camera has seen, those now present included."""
        return self._counts.tally(camera, self._people)

    def forget_camera(self, camera: str) -> None:
        """Forget what is known of a camera that the store has no more, its tally too; from any thread."""
        with self._turn:
            self._people.forget_camera(camera)
            self._counts.forget_camera(camera)

    def _apply_staff_orders(self, at: int) -> list[StaffOrder]:
        orders = self._orders.take()
        for order in orders:
            customer = self._people.find(order.camera, order.track)
            if customer is None:
                continue
            if order.action is StaffAction.NOT_CUSTOMER:
                self._people.exclude(customer)
            else:
                self._people.serve(customer, at if order.action is StaffAction.SERVED else None)
            self._stale = True
        return orders

    def _move(
        self,
        frame: Frame,
        answers: Sequence[LookAnswer],
        votes: Sequence[tuple[TrackId, Sequence[Vote]]],
        returned: Sequence[TrackLink] | None,
    ) -> Sequence[TrackLink]:
        """Let people take in a frame; what belongs to a person follows to the new track.

        Returns who of those held was found again.
        """
        moves = self._people.update(frame, answers, votes, returned)
        for old, new in moves.parted:
            self._events.part(new)
            self._notifier.follow(new, old)
        for link in moves.joined:
            self._events.follow(link.old, link.new, link.certainty)
            self._notifier.follow(link.old, link.new)
            if link.old in self._held:
                self._counts.returned(link.old, self._held[link.old][1], "found")
            self.leave(link.old.camera, [link.old], frame.captured_at, EndReason.LOST)
        for one, other, since in moves.exchanged:
            self._notifier.exchange(one, other)
            self._zones[one.camera].exchange(one, other, since)
        return moves.returned

    def _stand(self, tracks: Sequence[TrackId], visits: Mapping[TrackId, Sequence[ZoneVisit]]) -> None:
        """Note in which zones people stand; who stands in one of the staff's is staff."""
        for track in tracks:
            customer = self._people.customer(track)
            if customer is None:
                continue
            customer.inside = tuple(visits.get(track, ()))
            behind_desk = any((track.camera, visit.zone) in self._staff for visit in customer.inside)
            if behind_desk and not customer.staff and not self._people.in_doubt(track):
                self._people.exclude(customer, track)

    def customers(self, values: Mapping[TrackId, PersonValue]) -> dict[TrackId, PersonValue]:
        """Return those of the values that are of customers, not of staff."""
        found = {}
        for track, value in values.items():
            customer = self._people.customer(track)
            if customer is not None and not customer.staff:
                found[track] = value
        return found

    def _serves(self, track: TrackId) -> bool:
        """Return whether a person who is on this track now is a customer who has not been served."""
        customer = self._people.customer(track)
        if customer is None or customer.track != track:
            return False
        return not customer.staff and customer.served_at is None

    def _wait(self, tracks: Sequence[TrackId], at: int) -> None:
        for track in tracks:
            customer = self._people.customer(track)
            if customer and customer.waiting_since is None and self._notifier.holding(track):
                customer.waiting_since = at

    def _settle(self, camera: str, at: int, visits: Mapping[TrackId, Sequence[ZoneVisit]]) -> bool:
        """Update the view, summaries and metrics; return whether anybody has left or was given up."""
        given_up = self._give_up(at)
        departed = self._people.departed(at)
        for customer, value in departed:
            self._counts.departed(customer, value)
        here = [track for track in self._present if track.camera == camera]
        for topic, payload in self._summaries.update(camera, at, here, self._present, visits).items():
            self._publisher.set_state(topic, payload)
        self._counts.present(camera, len(here), self._held)
        # `at` may be of another camera's frame, and a little before the last view.
        if self._stale or abs(at - self._viewed_at) >= VIEW_EVERY_NS:
            number = self._view.number + 1
            self._view = view_of(
                self._people, self._notifier.holding, self._weights, at, number=number, utc=self._utc
            )
            self._viewed_at = at
            self._stale = False
        return given_up or bool(departed)

    def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._publisher.send(message)
