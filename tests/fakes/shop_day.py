"""A simulated day in a shop, metadata only: four cameras, and all that trackers and readers get wrong.

Occlusions that end tracks, tracks exchanged between people who cross, misread marks, marks not read, prices
that come late, a price service that fails for hours. The truth about everybody is kept beside it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from pipelines.floor.plan import FloorPlan, build_floor
from pricing.value import Price
from probes.answers import LookAnswer, Mark
from probes.events.notify import Rule
from probes.events.status import Summaries
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.metrics import Metrics
from probes.people.reidentification import Passage
from probes.people.zones import Role, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelines.floor.floor import Floor
    from pipelines.outputs.journal.writer import JournalWriter
    from pricing.ledger.lookup_once import Lookup
    from probes.events.messages import Message

START = 1_795_330_800_000_000_000
"""2026-11-22T07:00:00Z, 8 o'clock in Berlin."""
MS = 1_000_000
STEP_MS = 400
GAP_MS = 2500
SIZE = (1280, 720)
CAMERAS = ("entrance", "aisle", "bags", "till")
BRANDS = {
    "hat": {"kangol": 4500, "stetson": 8900},
    "top": {"lacoste": 11000, "moncler": 119000, "nike": 6500, "patagonia": 18000},
    "bag": {"burberry": 129000, "eastpak": 6000, "gucci": 185000, "prada": 210000},
    "trousers": {"levis": 9900, "wrangler": 8000},
    "shoes": {"adidas": 10000, "birkenstock": 9500, "vans": 7500},
}
HEIGHTS = {"hat": 0.06, "top": 0.3, "trousers": 0.7, "shoes": 0.95}
LIVE = ("gucci", "moncler", "patagonia", "stetson")
"""Brands that only the slow price service knows."""


def plan() -> FloorPlan:
    """Return the shop's plan: people come in on the left of each picture and leave on the right."""
    left = ((0.03, 0.0), (0.2, 0.0), (0.2, 1.0), (0.03, 1.0))
    right = ((0.8, 0.0), (0.97, 0.0), (0.97, 1.0), (0.8, 1.0))
    counter = ((0.35, 0.0), (0.65, 0.0), (0.65, 1.0), (0.35, 1.0))
    zones = (Zone("in", left, 0, Role.ENTRY), Zone("middle", counter, 2000), Zone("out", right, 0, Role.EXIT))
    ways = [
        ("entrance", "aisle"),
        ("entrance", "bags"),
        ("aisle", "bags"),
        ("aisle", "till"),
        ("bags", "till"),
    ]
    return FloorPlan(
        store="day",
        device="edge-1",
        timezone="Europe/Berlin",
        currency="EUR",
        zones=dict.fromkeys(CAMERAS, zones),
        passages=tuple(Passage(a, "out", b, "in", 15_000, 1000) for a, b in ways),
        rules=(Rule("vip", 150_000, frozenset({"middle"})),),
    )


@dataclass(slots=True)
class Shopper:
    """One person: what is worn (slot to brand), the way through the shop as (camera, from, to in ms)."""

    number: int
    wears: dict[str, str]
    route: list[tuple[str, int, int]]
    lane: float
    hidden: list[tuple[int, int]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The worth of what is worn, in cents."""
        return sum(BRANDS[slot][brand] for slot, brand in self.wears.items())

    def box(self, begun: int, ended: int, at: int) -> Box:
        """Where the person is on a camera: walks in, stands about the middle, walks out."""
        share = (at - begun) / max(1, ended - begun)
        walk = share / 0.2 * 0.4 if share < 0.2 else 0.4 + (share - 0.8) / 0.2 * 0.4 if share > 0.8 else 0.4
        wander = 0.12 * (((at // 4000 + self.number * 7) % 5) / 5 - 0.4) if 0.2 <= share <= 0.8 else 0
        x, height = (0.1 + walk + wander) * SIZE[0], 260 + 80 * self.lane
        return Box(x - 45, 300 + 380 * self.lane - height, 90, height)


@dataclass(frozen=True, slots=True)
class Sign:
    """A brand's mark in the shop: on the wall, covered by who stands before it, or in front of everybody."""

    camera: str
    brand: str
    box: Box
    front: bool = False

    def is_seen_beside(self, bodies: list[Box]) -> bool:
        """Return whether no body covers its middle; bodies are slimmer than their rectangles."""
        x, y = self.box.centre
        return self.front or not any(b.contains(x, y) and abs(x - b.centre[0]) < 0.36 * b.w for b in bodies)


SIGNS = tuple(
    Sign(camera, brand, Box(x * SIZE[0], y * SIZE[1], width, height), front)
    for camera in CAMERAS
    for brand, x, y, width, height, front in (
        ("nike", 0.44, 0.32, 60, 24, False),
        ("levis", 0.52, 0.56, 44, 20, False),
        ("vans", 0.5, 0.78, 30, 16, True),
        ("lacoste", 0.3, 0.45, 24, 20, False),
    )
)


class PriceService:
    """Prices by brand: most known at once, those of LIVE some seconds after they were first asked for.

    `at` is the time of day in ms, to be kept by whoever runs the day. In an outage nothing new is learnt, and
    what is known is stale.
    """

    def __init__(self, outages: tuple[tuple[int, int], ...] = (), delay_ms: int = 3000) -> None:
        self.at, self.asked = 0, 0
        self._outages, self._delay = outages, delay_ms
        self._known_from: dict[str, int] = {}

    def lookup(self, brand: str, _type: str | None, slot: str) -> Price | None:
        minor = BRANDS[slot].get(brand)
        if minor is None:
            return None
        stale = False
        if brand in LIVE:
            self.asked += 1
            stale = any(begun <= self.at < ended for begun, ended in self._outages)
            known = self._known_from.get(brand)
            if known is None and not stale:
                known = self._known_from[brand] = self.at + self._delay
            if known is None or self.at < known:
                return None
        return Price(minor, minor * 9 // 10, minor * 11 // 10, "EUR", "day", stale=stale)


@dataclass(frozen=True, slots=True)
class Moment:
    """What one camera has to say: a frame with answers to earlier looks, or None, and tracks that ended."""

    camera: str
    at: int
    frame: Frame | None
    answers: tuple[LookAnswer, ...]
    ended: tuple[TrackId, ...]


class ShopDay:
    """One day; the same seed gives the same day. Iterate over `moments`; then `owners` is complete.

    owners: for each track, whose it was from when on (ms); tracks of people who cross may be exchanged.
    """

    def __init__(
        self,
        seed: int,
        people: int,
        hours: float = 10.0,
        exchange: float = 0.1,
        signs: tuple[Sign, ...] = (),
    ) -> None:
        self._random, self._exchange = Random(seed), exchange
        self._signs, self._signs_random = signs, Random(seed + 1)
        self.length = int(hours * 3_600_000)
        self.shoppers = [self._shopper(number) for number in range(people)]
        self.owners: dict[TrackId, list[tuple[int, int]]] = defaultdict(list)
        self.exchanges = 0
        self._numbers = dict.fromkeys(CAMERAS, 0)
        self._tracks: dict[tuple[str, int], TrackId] = {}
        self._seen: dict[TrackId, int] = {}
        self._boxes: dict[str, dict[int, Box]] = {camera: {} for camera in CAMERAS}
        self._pending: dict[str, deque[tuple[int, LookAnswer]]] = {camera: deque() for camera in CAMERAS}

    def _shopper(self, number: int) -> Shopper:
        r = self._random
        slots = [slot for slot in BRANDS if r.random() < 0.4]
        wears = {slot: r.choice(sorted(BRANDS[slot])) for slot in slots}
        at = r.randrange(0, self.length)
        route = []
        for camera in ["entrance", *sorted(r.sample(["aisle", "bags"], r.choice([0, 1, 1, 2]))), "till"]:
            if camera == "till" and (len(route) == 1 or r.random() < 0.5):
                break
            stay = r.randrange(12_000, 30_000)
            route.append((camera, at, at + stay))
            at += stay + r.randrange(2000, 9000)
        shopper = Shopper(number, wears, route, r.random())
        for _, begun, ended in route:
            if r.random() < 0.3:
                hidden = r.randrange(begun + 4000, ended - 4000)
                shopper.hidden.append((hidden, hidden + r.randrange(800, 6000)))
        return shopper

    def moments(self) -> Iterator[Moment]:
        """Yield the day, in the order of time."""
        visits = sorted((begun, ended, camera, s) for s in self.shoppers for camera, begun, ended in s.route)
        visits.sort(key=lambda visit: visit[:3])
        coming, here = deque(visits), []
        for at in range(0, self.length + 300_000, STEP_MS):
            while coming and coming[0][0] <= at:
                here.append(coming.popleft())
            here = [visit for visit in here if visit[1] > at]
            for camera in CAMERAS:
                present = [(s, s.box(b, e, at)) for b, e, c, s in here if c == camera]
                seen = [(s, box) for s, box in present if not any(a <= at < z for a, z in s.hidden)]
                moment = self._moment(camera, at, seen)
                if moment is not None:
                    yield moment

    def _moment(self, camera: str, at: int, seen: list[tuple[Shopper, Box]]) -> Moment | None:
        ended = tuple(t for t, last in self._seen.items() if t.camera == camera and at - last > GAP_MS)
        for track in ended:
            del self._seen[track]
        for key in [key for key, track in self._tracks.items() if track in ended]:
            del self._tracks[key]
        if not seen:
            due = ended or at % 5000 < STEP_MS
            return Moment(camera, START + at * MS, None, (), ended) if due else None
        self._cross(camera, at, seen)
        detections = []
        for shopper, box in seen:
            track = self._track(camera, shopper, at)
            self._seen[track] = at
            detections.append(Detection(Kind.PERSON, "person", 0.9, box, track))
            if "bag" in shopper.wears and self._random.random() < 0.8:
                bag = Box(box.x + 55, box.y + 0.55 * box.h, 40, 45)
                detections.append(Detection(Kind.ACCESSORY, "handbag", 0.7, bag))
        frame = Frame(camera, START + at * MS, SIZE, tuple(detections))
        self._look(frame, at, seen)
        pending, answers = self._pending[camera], []
        while pending and pending[0][0] <= at:
            answers.append(pending.popleft()[1])
        self._boxes[camera] = {s.number: box for s, box in seen}
        return Moment(camera, frame.captured_at, frame, tuple(answers), ended)

    def _track(self, camera: str, shopper: Shopper, at: int) -> TrackId:
        key = camera, shopper.number
        if key not in self._tracks:
            self._numbers[camera] += 1
            self._tracks[key] = track = TrackId(camera, "day0", self._numbers[camera])
            self.owners[track].append((at, shopper.number))
        return self._tracks[key]

    def _cross(self, camera: str, at: int, seen: list[tuple[Shopper, Box]]) -> None:
        """Exchange the tracks of people who part after one hid most of the other, some of the times."""
        before = self._boxes[camera]
        for place, (one, box) in enumerate(seen):
            for other, its in seen[place + 1 :]:
                if one.number not in before or other.number not in before:
                    continue
                then = before[one.number].intersection(before[other.number]) / before[one.number].area
                if (
                    then > 0.35
                    and box.intersection(its) / box.area <= 0.35
                    and self._random.random() < self._exchange
                ):
                    a, b = (camera, one.number), (camera, other.number)
                    if a in self._tracks and b in self._tracks:
                        self._tracks[a], self._tracks[b] = self._tracks[b], self._tracks[a]
                        self.owners[self._tracks[a]].append((at, one.number))
                        self.owners[self._tracks[b]].append((at, other.number))
                        self.exchanges += 1

    def _look(self, frame: Frame, at: int, seen: list[tuple[Shopper, Box]]) -> None:
        r = self._random
        for shopper, box in seen:
            marks = []
            for slot, brand in shopper.wears.items():
                if r.random() < 0.75:
                    read = r.choice(sorted(BRANDS[slot])) if r.random() < 0.04 else brand
                    x, y = box.x + box.w / 2, box.y + HEIGHTS.get(slot, 0) * box.h
                    if slot == "bag":
                        x, y = box.x + 75, box.y + 0.55 * box.h + 22
                    marks.append(Mark(read, 0.8, Box(x - 10, y - 5, 20, 10)))
            marks += self._around(frame.camera, box, [b for _, b in seen])
            track = self._tracks[frame.camera, shopper.number]
            answer = LookAnswer(track, frame, tuple(marks))
            self._pending[frame.camera].append((at + STEP_MS * r.choice([1, 1, 2]), answer))

    def _around(self, camera: str, crop: Box, bodies: list[Box]) -> list[Mark]:
        """Return the marks of signs that a look at one person shows too, a pixel or two off."""
        r, marks = self._signs_random, []
        for sign in self._signs:
            x, y = sign.box.centre
            if sign.camera != camera or not crop.contains(x, y) or not sign.is_seen_beside(bodies):
                continue
            if r.random() < 0.7:
                box = Box(sign.box.x + r.uniform(-2, 2), sign.box.y + r.uniform(-2, 2), *sign.box[2:])
                marks.append(Mark(sign.brand, 0.8, box))
        return marks


class Sayings:
    """A Publisher that keeps all that is sent."""

    def __init__(self) -> None:
        self.said: list[Message] = []

    def send(self, message: Message) -> bool:
        self.said.append(message)
        return True

    def set_state(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Let the state go."""

    def clear_state(self, topic: str) -> None:
        """Have nothing to take away."""


def open_floor(
    prices: Lookup, said: Sayings, journal: JournalWriter | None = None, other: FloorPlan | None = None
) -> Floor:
    """Return the floor of the day's shop, or of another plan."""
    found = other or plan()
    zones = {camera: [zone.name for zone in some] for camera, some in found.zones.items()}
    return build_floor(
        found,
        prices,
        summaries=Summaries(zones, found.currency),
        publisher=said,
        metrics=Metrics(()),
        getrandbits=Random(0).getrandbits,
        journal=journal,
    )


def live(day: ShopDay, service: PriceService, floor: Floor) -> Iterator[int]:
    """Let the floor live the day; yield the time, UTC ns, after each moment."""
    for moment in day.moments():
        service.at = (moment.at - START) // MS
        if moment.frame is None:
            floor.quiet(moment.camera, moment.at, moment.ended)
        else:
            floor.update(moment.frame, moment.answers, moment.ended)
        yield moment.at
    floor.close(START + (day.length + 400_000) * MS)
