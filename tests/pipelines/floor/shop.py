"""A small shop of two cameras, and people who are seen in it."""

from __future__ import annotations

from pipelines.floor.plan import FloorPlan, build_floor
from pricing.hours import parse_hours
from pricing.ledger.ranking import Weights
from pricing.ledger.votes import Vote
from pricing.value import Price
from probes.events.notify import Rule
from probes.events.status import Summaries
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.metrics import Metrics
from probes.people.reidentification import Passage
from probes.people.zones import Role, Zone
from tests.fakes.shop_day import Sayings

SECOND = 1_000_000_000
START = 1_795_344_000 * SECOND
ALL = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
PRICES = {"nike": 5000, "gucci": 200_000}
PLAN = FloorPlan(
    store="shop",
    device="edge",
    timezone="Europe/Berlin",
    currency="EUR",
    zones={
        "door": (Zone("left", ALL, 0, Role.EXIT),),
        "till": (
            Zone("left", ALL, 0, Role.ENTRY),
            Zone("desk", ((0.6, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0)), 0, Role.STAFF),
        ),
    },
    passages=(Passage("door", "left", "till", "left", 20_000),),
    rules=(Rule("vip", 150_000, hours=(parse_hours("00:00-24:00"),)),),
    weights=Weights(500, 2000),
)


def track(number: int, camera: str = "door") -> TrackId:
    return TrackId(camera, "k7f3", number)


class Shop:
    def __init__(self, plan: FloorPlan = PLAN) -> None:
        self.said = Sayings()
        self.prices = dict(PRICES)
        self.metrics = Metrics(())
        self.floor = build_floor(
            plan,
            self.lookup,
            summaries=Summaries({camera: [] for camera in plan.zones}, "EUR"),
            publisher=self.said,
            metrics=self.metrics,
            getrandbits=lambda bits: 0,
        )

    def lookup(self, brand, type_, slot):
        minor = self.prices.get(brand)
        return None if minor is None else Price(minor, minor, minor, "EUR", "list")

    def see(self, second: float, *people: tuple[int, str], camera="door", ended=(), x=200):
        """See people, each with a brand read on the chest unless it is empty, far from one another."""
        at = START + int(second * SECOND)
        seen, votes = [], []
        for place, (number, brand) in enumerate(people):
            box = Box(x + 150 * place, 100, 80, 300)
            seen.append(Detection(Kind.PERSON, "person", 0.9, box, track(number, camera)))
            if brand:
                vote = Vote(f"{at} {number}", "top", None, brand, 0.9, at)
                votes.append((track(number, camera), [vote]))
        return self.floor.update(Frame(camera, at, (1000, 600), tuple(seen)), (), ended, votes)

    def visit(self, begin: float, *people: tuple[int, str], seconds: float = 3, **more):
        for step in range(int(seconds / 0.4)):
            values = self.see(begin + step * 0.4, *people, **more)
        return values

    def events(self, kind: str):
        return [m.payload for m in self.said.said if m.kind.value == kind]
