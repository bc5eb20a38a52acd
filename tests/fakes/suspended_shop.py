"""A shop whose cameras take turns or are lost: people who stay for minutes, and the product's floor and desk.

Turns, throttle, track books, feed, ledger, desk and insights are the product's. What trackers and looks would
say of the people is made up: they stand, now and then walk to another place, and wear a brand and colours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from pipelines.cameras.throttle import Throttle
from pipelines.floor.feed import FloorFeed
from pipelines.floor.plan import FloorPlan, build_floor, open_record
from pipelines.sales.file import SaleFile
from pipelines.sales.floor_desk import FloorDesk
from pipelines.turns import Turns
from pricing.sales.assignment import AssignmentRules
from pricing.sales.desk import SalesDesk
from pricing.sales.types import DeskRules, SaleEvent, SaleKind, SaleOutcome, StaffMember, StaffState
from pricing.value import Price
from probes.answers import LookAnswer, Mark
from probes.events.messages import rfc3339
from probes.events.notify import Rule
from probes.events.status import Summaries
from probes.frame import Box, Detection, Frame, Kind
from probes.metrics import Metrics
from probes.people.tracks import TrackBook
from probes.recognition.clothes import Clothes
from tests.fakes.shop_day import Sayings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from probes.people.zones import Zone

SECOND = 1_000_000_000
START = 1_795_344_000 * SECOND
SIZE = (1280, 720)
BRANDS = {"gucci": 185_000, "moncler": 119_000, "prada": 210_000, "burberry": 129_000}
FOLLOWED_S = 3
"""A person is followed from the third frame of a camera on."""
LOOK_EVERY_S = 2
"""Between two looks at a person; 60 % of them read the brand."""


@dataclass
class Shopper:
    """One person. colours: of the clothes; walks: whether they change their place now and then."""

    number: int
    camera: str
    comes_at: float
    goes_at: float
    brand: str
    colours: np.ndarray
    place: float
    walks: bool
    track: int = 0
    in_view: float = -9.0
    hits: int = 0
    tracks: list[str] = field(default_factory=list)


def clothes(random: Random, colours: np.ndarray, noise: float = 0.15) -> Clothes:
    """Return clothes of these colours as one look sees them."""
    seen = colours * np.array([1 + noise * random.uniform(-1, 1) for _ in colours.ravel()]).reshape(2, -1)
    shares = (3 * seen / seen.sum(axis=1, keepdims=True)).astype(np.float32)
    return Clothes(shares[0], shares[1])


def colours(random: Random) -> np.ndarray:
    """Return the colours of somebody's clothes: a few steps of brightness and colour, twice."""
    shares = np.full((2, 30), 0.002)
    for part in shares:
        for low, high in ((0, 6), (6, 18), (18, 30)):
            part[random.randrange(low, high)] += 1.0
            part[random.randrange(low, high)] += 0.3
    return shares


class SuspendedShop:
    """Run it for so many seconds; then `counts` tells.

    count: of the cameras that are suspended at a time, by turns; 0: those that `suspend` says.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 1,
        cameras: int = 4,
        count: int = 2,
        staff: int = 4,
        record: Path | None = None,
        zones: Sequence[Zone] = (),
    ) -> None:
        self.random, self.now, self.count = Random(seed), 0.0, count
        self.watch: Callable[[int], None] = lambda _: None
        self._fixed: frozenset[str] | None = None if count else frozenset()
        self._lost_until: dict[str, float] = {}
        self.shows_clothes = True
        self.cameras = [f"c{n}" for n in range(cameras)]
        plan = FloorPlan(
            store="shop", device="edge", timezone="Europe/Berlin", currency="EUR",
            zones=dict.fromkeys(self.cameras, tuple(zones)), rules=(Rule("vip", 100_000),), window_ms=30_000,
        )  # fmt: skip
        self.said, self.metrics = Sayings(), Metrics(())
        self.floor = build_floor(
            plan,
            lambda brand, *_: _price(brand),
            summaries=Summaries(dict.fromkeys(self.cameras, tuple(zone.name for zone in zones)), "EUR"),
            publisher=self.said,
            metrics=self.metrics,
            getrandbits=self.random.getrandbits,
            journal=open_record(record, plan) if record else None,
        )  # fmt: skip
        self.throttle, self.turns = Throttle(), Turns()
        self.books = {camera: TrackBook(camera, lambda _: "k7f3", 2500) for camera in self.cameras}
        self.feed = FloorFeed(
            self.cameras, floor=self.floor, looks=_NoLooks(), metrics=self.metrics,
            ended=lambda camera, at: self.books[camera].expire(at), clock=lambda: self.now,
            now_ns=lambda: START + int(self.now * SECOND), suspended=lambda: self.throttle.suspended,
        )  # fmt: skip
        members = [StaffMember(f"s{n}") for n in range(staff)]
        rules = DeskRules(AssignmentRules(least_minor=1), accept_within_s=30, attend_max_s=7200)
        self.desk = FloorDesk(
            SalesDesk(members, rules),
            SaleFile(folder / "sales.db", lambda: START + int(self.now * SECOND)), self.floor, self.said,
            self.metrics, store="shop", device="edge", currency="EUR", minor_per_unit=100, run="r",
            now_ns=lambda: START + int(self.now * SECOND), utc=lambda at: at,
            getrandbits=self.random.getrandbits,
        )  # fmt: skip
        self.desk.on_events(self._heard)
        for member in members:
            self.desk.set_state(member.name, StaffState.FREE)
        self.people: list[Shopper] = []
        self.of_track: dict[str, Shopper] = {}
        self.offered: Counter[int] = Counter()
        self.twice_attended = 0
        self.attends: dict[int, tuple[float, int, str]] = {}
        self.attended_by: dict[int, str] = {}
        self.visitors: set[int] = set()
        self._numbers = 0
        self._answers: list[LookAnswer] = []
        self._pending: list[tuple[float, int, str]] = []

    def come(self, camera: str, stay_s: float, *, walks: bool = False, place: float | None = None) -> Shopper:
        """Let somebody in now."""
        number = len(self.people)
        shopper = Shopper(
            number, camera, self.now, self.now + stay_s, self.random.choice(sorted(BRANDS)),
            colours(self.random), self.random.randrange(1, 8) / 9 if place is None else place, walks,
        )  # fmt: skip
        self.people.append(shopper)
        return shopper

    def run(self, seconds: float, *, arrivals_s: float = 0.0) -> None:
        """Let time pass, a frame a second of each camera. arrivals_s: between two who come to a camera."""
        for _ in range(int(seconds)):
            self.now += 1
            for camera in self.cameras:
                if arrivals_s and self.random.random() < 1 / arrivals_s:
                    self.come(camera, self.random.uniform(60, 600), walks=self.random.random() < 0.5)
            self._govern()
            for camera in self.cameras:
                if camera not in self.throttle.suspended and self._lost_until.get(camera, 0) < self.now:
                    self._frame(camera)
            self.feed.pass_time()
            self._sell()
            for person in self.floor.snapshot().persons:
                self.visitors = (self.visitors | {person.number}) - set(person.also)
            self.watch(int(self.now))

    def suspend(self, *cameras: str) -> None:
        """Suspend these and no others from now on."""
        self._fixed = frozenset(cameras)

    def lose(self, camera: str, seconds: float) -> None:
        """Let a camera give no picture for so long: its connection is lost, and made anew."""
        self._lost_until[camera] = self.now + seconds

    def at(self, second: float) -> str:
        """Return a time as messages have it."""
        return rfc3339(START + int(second * SECOND))

    def returned(self) -> dict[str, float]:
        """Return what became of those who were held."""
        found: Counter[str] = Counter()
        for family in self.metrics.people_returned.collect():
            for sample in family.samples:
                if sample.name.endswith("_total"):
                    found[sample.labels["result"]] += sample.value
        return dict(found)

    def held(self, reason: str) -> float:
        """Return how many are held for this reason."""
        labels = [{"camera": camera, "reason": reason} for camera in self.cameras]
        return sum(self.metrics.registry.get_sample_value("msh_people_held", one) or 0 for one in labels)

    def events(self, kind: str) -> list[dict]:
        return [m.payload for m in self.said.said if m.kind.value == kind]

    def counts(self) -> dict[str, int]:
        """Return people there were, and what the product made of them."""
        told = Counter(self.of_track[m["track"]["id"]].number for m in self.events("notify"))
        return {
            "people": sum(bool(one.tracks) for one in self.people),
            "visitors": len(self.visitors),
            "announced": len(told),
            "announced again": sum(told.values()) - len(told),
            "offered": len(self.offered),
            "offered though attended": self.twice_attended,
        }

    def _govern(self) -> None:
        if self._fixed is not None:
            self.throttle.suspended = self._fixed
            return
        alike = dict.fromkeys(self.cameras, 1)
        people = {camera: sum(self._here(one, camera) for one in self.people) for camera in self.cameras}
        self.throttle.suspended = frozenset(self.turns.choose(self.now, alike, self.count, people))

    def _here(self, one: Shopper, camera: str) -> bool:
        return one.camera == camera and one.comes_at <= self.now < one.goes_at

    def _frame(self, camera: str) -> None:
        # The frames of a batch were not captured all at once, nor in its order.
        at, seen = START + int(self.now * SECOND) - self.cameras.index(camera) * SECOND // 10, []
        for one in self.people:
            if not self._here(one, camera):
                continue
            if one.walks and self.random.random() < 0.02:
                one.place = self.random.randrange(1, 8) / 9
            if self.now - one.in_view > 2:  # ByteTrack has given up: another number
                one.track, one.hits = 0, 0
            one.in_view, one.hits = self.now, one.hits + 1
            if one.hits < FOLLOWED_S:
                continue
            if not one.track:
                self._numbers += 1
                one.track = self._numbers
            track = self.books[camera].see(one.track, at)
            if str(track) not in one.tracks:
                one.tracks.append(str(track))
                self.of_track[str(track)] = one
            box = Box(one.place * SIZE[0], 200 + self.random.uniform(-8, 8), 120, 400)
            seen.append((one, Detection(Kind.PERSON, "person", 0.9, box, track)))
        frame = Frame(camera, at, SIZE, tuple(person for _, person in seen))
        answers, self._answers = self._answers, []
        self.feed.update(frame, answers, self.books[camera].expire(at))
        for one, person in seen:
            if self.random.random() < 1 / LOOK_EVERY_S:
                self._answers.append(self._look(one, person, frame))

    def _look(self, one: Shopper, person: Detection, frame: Frame) -> LookAnswer:
        box = person.box
        marks = []
        if self.random.random() < 0.6:
            marks.append(Mark(one.brand, 0.9, Box(box.x + 30, box.y + 120, 60, 60)))
        assert person.track is not None
        seen = clothes(self.random, one.colours) if self.shows_clothes else None
        return LookAnswer(person.track, frame, tuple(marks), clothes=seen)

    def _sell(self) -> None:
        self.desk.tick()
        for answer_at, offer, seller in [one for one in self._pending if one[0] <= self.now]:
            self._pending.remove((answer_at, offer, seller))
            if any(o.number == offer and not o.accepted for o in self.desk.board.desk.offers):
                self.desk.answer(offer, seller, accept=True)
        for offer, (until, _, seller) in list(self.attends.items()):
            if until <= self.now:
                del self.attends[offer]
                self.desk.done(offer, seller, SaleOutcome.BROWSING, None)

    def _heard(self, events: list[SaleEvent]) -> None:
        for event in events:
            person = self.desk.person(event.customer or "")
            one = self.of_track.get(person.track) if person else None
            if one is None:
                continue
            if event.kind is SaleKind.OFFERED:
                self.offered[one.number] += 1
                busy = {number for until, number, _ in self.attends.values() if until > self.now}
                self.twice_attended += one.number in busy
                self._pending.append((self.now + 5, event.offer, event.seller))
            elif event.kind is SaleKind.ACCEPTED:
                self.attends[event.offer] = self.now + 240, one.number, event.seller


class _NoLooks:
    def set_values(self, values: object) -> None:
        """Take what people wear."""


def _price(brand: str | None) -> Price | None:
    minor = BRANDS.get(brand or "")
    return None if minor is None else Price(minor, minor, minor, "EUR", "list")
