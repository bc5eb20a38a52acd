"""The sales desk of a running store: its customers are the people of the floor."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.sales.last_places import (
    FormerCustomers,
    LastPlace,
    SeenLast,
    came_after,
    may_be,
    stands_there,
)
from pipelines.sales.phones import StaffPhones
from pipelines.sales.saved_steps import SavedSteps
from pricing.errors import BadInput
from pricing.sales.assignment import PERHAPS_ATTENDED, UNSEEN, WaitingCustomer
from pricing.sales.types import SaleKind, SaleOutcome, StaffState
from pricing.sales.view import DeskView
from probes.events.staff_orders import StaffAction, StaffOrder
from probes.people.returns import HELD_NS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pipelines.floor.floor import Floor
    from pipelines.floor.publisher import Publisher
    from pipelines.floor.view import PersonView
    from pipelines.sales.file import SaleFile
    from pricing.sales.desk import SalesDesk
    from pricing.sales.types import DeskRules, SaleEvent, StaffMember
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

TICK_S = 1.0
SECOND = 1_000_000_000


class UnknownCustomer(BadInput):
    """Nobody of this camera and track is in the shop now."""


@dataclass(frozen=True, slots=True)
class SaleBoard:
    """The desk at one moment, and the persons that its customers are, as last seen; from any thread."""

    desk: DeskView = field(default_factory=DeskView)
    persons: Mapping[str, PersonView] = field(default_factory=dict)


class FloorDesk:
    """Runs the desk on the people of a floor; any thread may call, one step happens at a time.

    A step is on disk, with its events, before it is told to anybody; events that a crash kept from the broker
    go out at the next start, with the same event_id. Whoever stands after a start where a customer of the run
    before stood goes on as that customer. store, device, currency: for the messages. now_ns: time
    that never steps, ns; utc: what to tell of it. run: a short word that no other run has.
    """

    def __init__(
        self,
        desk: SalesDesk,
        file: SaleFile,
        floor: Floor,
        publisher: Publisher,
        metrics: Metrics,
        *,
        store: str,
        device: str,
        currency: str,
        minor_per_unit: int,
        run: str,
        now_ns: Callable[[], int],
        utc: Callable[[int], int],
        getrandbits: Callable[[int], int],
    ) -> None:
        self._desk, self._file, self._floor = desk, file, floor
        self._metrics, self._minor_per_unit = metrics, minor_per_unit
        self._run, self._now_ns, self._utc = run, now_ns, utc
        self._lock = threading.Lock()
        self._where: dict[str, tuple[str, str]] = {}
        self._persons: dict[str, PersonView] = {}
        self._same: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ticking, name="sales", daemon=True)
        self._steps = SavedSteps(
            desk,
            file,
            publisher,
            metrics,
            origin={"store": store, "device": device, "currency": currency},
            now_ns=now_ns,
            utc=utc,
            getrandbits=getrandbits,
        )
        self._former = FormerCustomers(self._steps.places, desk.customers, desk.served, at=now_ns(), utc=utc)
        self.phones = StaffPhones(file, lambda: utc(now_ns()) // SECOND, lambda: now_ns() // SECOND)
        self.phones.keep_only(desk.states)
        self._board = SaleBoard(desk.view(now_ns()))

    def start(self) -> None:
        """Begin to offer."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is open goes on at the next start."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5)
        self._file.close()

    @property
    def board(self) -> SaleBoard:
        """Staff, offers and waiting customers after the newest step; never waits."""
        return self._board

    def utc(self, at: int) -> int:
        """Return the UTC ns of a time on the board."""
        return self._utc(at)

    def on_events(self, listener: Callable[[list[SaleEvent]], None]) -> None:
        """Call a listener with each step's events once they are on disk; before `start`. It must be quick."""
        self._steps.on_events(listener)

    def person(self, customer: str) -> PersonView | None:
        """Return who a customer is, as last seen; for listeners."""
        return self._persons.get(customer)

    def reconfigure(self, staff: Iterable[StaffMember], rules: DeskRules) -> None:
        """Go on with another staff and other rules; PINs and phones of who has left are forgotten."""
        with self._lock:
            self._save(self._desk.reconfigure(staff, rules, self._now_ns()))
            self._show()
            names = list(self._desk.states)
        self.phones.keep_only(names)

    def tick(self) -> None:
        """Look at the floor and let time pass."""
        with self._lock:
            at = self._now_ns()
            view = self._floor.snapshot()
            persons = view.persons
            self._former.forget(at)
            joined = self._find_again(persons, at) if view.number else []  # 0: no camera gave a picture yet
            here = {self._name(person.number): person for person in persons}
            joined += self._join(here, at)
            customers = list(self._customers(here, at))
            events = [*joined, *self._desk.see(customers, at), *self._desk.tick(at)]
            self._save(events, self._last_places(here, at))
            self._steps.send()
            self._measure()
            self._show()

    def set_state(self, seller: str, state: StaffState) -> None:
        """Set a salesperson's state. Raises BadInput."""
        with self._lock:
            self._save(self._desk.set_state(seller, state, self._now_ns()))

    def answer(self, offer: int, seller: str, *, accept: bool) -> None:
        """Accept or decline an offer. Raises BadInput where it is over."""
        with self._lock:
            step = self._desk.accept if accept else self._desk.decline
            events = step(offer, seller, self._now_ns())
            self._save(events)
            self._serve(events)

    def done(self, offer: int, seller: str, outcome: SaleOutcome, amount_minor: int | None) -> None:
        """End attending. Raises BadInput."""
        with self._lock:
            self._save(self._desk.done(offer, seller, outcome, self._now_ns(), amount_minor))

    def attend(self, camera: str, track: str, seller: str) -> None:
        """Take a customer without an offer. Raises BadInput."""
        with self._lock:
            customer = next((name for name, place in self._where.items() if place == (camera, track)), None)
            if customer is None:
                raise UnknownCustomer(f"nobody of track {track} is in the shop now")
            events = self._desk.attend(customer, seller, self._now_ns())
            self._save(events)
            self._serve(events)

    def _ticking(self) -> None:
        while not self._stop.wait(TICK_S):
            try:
                self.tick()
            except Exception:
                # A mistake here must not end all offers, and the video does not depend on it.
                logger.exception("sales desk: a step failed")

    def _name(self, number: int) -> str:
        return self._former.name(number) or f"{self._run}-{number}"

    def _find_again(self, persons: Iterable[PersonView], at: int) -> list[SaleEvent]:
        """Let customers of the run before go on as who they are now, attended and served ones as such."""
        joined = []
        for name, person in self._former.find(persons, at):
            joined += self._desk.join(name, f"{self._run}-{person.number}", at)
            if name in self._desk.attending or name in self._former.served:
                self._floor.order(StaffOrder(StaffAction.SERVED, person.camera, person.track))
        return joined

    def _join(self, here: Mapping[str, PersonView], at: int) -> list[SaleEvent]:
        """Let those go on as one who turned out to be one person, with the offers that either has."""
        joined = []
        for name, person in here.items():
            for number in person.also:
                joined += self._desk.join(name, self._name(number), at)
        return joined

    def _customers(self, here: Mapping[str, PersonView], at: int) -> Iterator[WaitingCustomer]:
        attended = self._desk.attending
        where, persons = {}, {}
        perhaps = self._perhaps_attended(here)
        for name, person in here.items():
            if name in self._former.served:
                continue
            if person.customer and (person.rank is not None or name in attended):
                where[name], persons[name] = (person.camera, person.track), person
                not_now = UNSEEN if person.held else PERHAPS_ATTENDED if name in perhaps else ""
                may = frozenset(other for other, one in here.items() if may_be(one, person))
                may |= self._former.perhaps(person)
                yield self._former.with_past(_customer(name, person, not_now, may), at)
        yield from self._former.unseen()
        attended_places = {name: place for name, place in self._where.items() if name in attended}
        self._where = {**attended_places, **where}
        gone = {name: person for name, person in self._persons.items() if name in attended}
        self._persons = {**gone, **persons}

    def _perhaps_attended(self, here: Mapping[str, PersonView]) -> set[str]:
        """Return who may be a customer with an offer that was lost while the camera was suspended or gone.

        One for each such customer: the first who came into view after that and stands where they stood. It
        is so until the offer has ended, that is, until the salesperson said how it went; over a restart until
        its customers are held no more.
        """
        offers = {*self._desk.attending, *(customer for customer, _ in self._desk.offered.values())}
        former = self._former.places()
        lost: dict[str, SeenLast] = {}
        for name in offers:
            one: SeenLast | None = former.get(name) or here.get(name) or self._persons.get(name)
            if one is not None and one.held:
                lost[name] = one
        self._same = {name: other for name, other in self._same.items() if name in lost}
        for name, last in lost.items():
            if name in self._same:
                continue
            # In a restart somebody may have walked on: then the first on this camera, wherever they stand.
            fits = came_after if name in former else stands_there
            taken = offers | set(self._same.values())
            new = (n for n, p in here.items() if n not in taken and not p.held and fits(last, p))
            first = min(new, key=lambda n: here[n].arrived_at, default=None)
            if first is not None:
                self._same[name] = first
        return set(self._same.values())

    def _last_places(self, here: Mapping[str, PersonView], at: int) -> dict[str, LastPlace]:
        """Return where everybody is or was whom the next run, were it to begin now, should know again."""
        attending, now = self._desk.attending, self._utc(at)
        done = self._desk.served | self._former.served
        found = self._former.places()
        out_of_view = {name: person for name, person in self._persons.items() if name in attending}
        for name, person in {**out_of_view, **here}.items():
            served = name not in attending and (person.served_at is not None or name in done)
            if person.customer and (person.rank is not None or name in attending or served):
                found[name] = LastPlace(person.camera, person.box, person.seen_at, served)
        return {name: one for name, one in found.items() if 0 <= now - one.seen_at <= HELD_NS}

    def _serve(self, events: list[SaleEvent]) -> None:
        """Pass the attended persons to the floor, so that the list of whom to serve next leaves them out."""
        for event in events:
            if event.kind is SaleKind.ACCEPTED and (place := self._where.get(event.customer or "")):
                self._floor.order(StaffOrder(StaffAction.SERVED, *place))

    def _save(self, events: list[SaleEvent], places: Mapping[str, LastPlace] | None = None) -> None:
        self._steps.save(events, self._where, places)
        if events:
            self._show()

    def _show(self) -> None:
        self._board = SaleBoard(self._desk.view(self._now_ns()), self._persons)

    def _measure(self) -> None:
        states = list(self._desk.states.values())
        for state in StaffState:
            self._metrics.staff.labels(state.value).set(states.count(state))
        self._metrics.sale_unattended.set(self._desk.unattended_minor / self._minor_per_unit)


def _customer(name: str, person: PersonView, not_now: str, perhaps: frozenset[str]) -> WaitingCustomer:
    needs = {word for item in person.items for word in (item.slot, item.type, item.brand) if word}
    zone = next((stay.zone for stay in person.zones if stay.now), None)
    # Who is attended scores nothing on the floor; the phone shows what they are worth after a restart, too.
    worth = person.score_minor if person.rank is not None else person.total.amount_minor
    return WaitingCustomer(name, worth, person.waiting_ms, frozenset(needs), zone, not_now, perhaps)
