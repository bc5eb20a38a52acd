"""Any sequence of crashes: a box that comes back with new numbers forgets and doubles no customer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from pricing.errors import BadInput
from pricing.sales.types import SaleOutcome, StaffState
from tests.fakes.people import SECOND
from tests.pipelines.sales.test_floor_desk import Shop, seen

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.floor.view import PersonView


@dataclass
class Guest:
    """One person, whatever numbers the box has given them."""

    view: PersonView
    told: int = 0


@pytest.mark.parametrize("seed", range(20))
def test_no_sequence_of_crashes_and_new_numbers_forgets_or_doubles_a_customer(
    tmp_path: Path, seed: int
) -> None:
    """People stay where they are; the box crashes at any step, and gives all of them numbers anew."""
    random = Random(seed)
    game = _Game(Shop(tmp_path / "sales.db"), random)
    for _ in range(50):
        game.step()
        game.check()
    game.shop.works = True
    look_on(game)
    numbers = list(dict.fromkeys(payload["number"] for payload in game.shop.sent))
    assert numbers == list(range(1, game.shop.desk._desk.snapshot()["number"] + 1))
    known = game.shop.desk._desk.customers
    for guest in game.guests:
        name = game.shop.desk._name(guest.view.number)
        assert name in known or name in game.served


def look_on(game: _Game) -> None:
    game.see()
    game.shop.tick()


class _Game:
    def __init__(self, shop: Shop, random: Random) -> None:
        self.shop, self.random = shop, random
        self.guests: list[Guest] = []
        self.served: set[str] = set()
        self.runs = self.numbers = 0
        places = [(0.05 + 0.13 * n, 0.3, 0.1, 0.35) for n in range(7)]
        self.free = [(place, camera) for place in places for camera in ("door", "till")]
        random.shuffle(self.free)
        self.of: dict[str, Guest] = {}
        self.log: list[tuple[int, str, Guest]] = []

    def step(self) -> None:
        shop, random = self.shop, self.random
        kind = random.choice(("come", "crash", "state", "answer", "answer", "done", "wait", "wait"))
        shop.works = random.random() < 0.7
        if kind == "come" and self.free:
            box, camera = self.free.pop()
            view = replace(seen(0, random.randrange(1000, 10**6), camera=camera), box=box)
            self.guests.append(Guest(view))
            self._number(self.guests[-1])
        elif kind == "crash":
            self.runs += 1
            shop.now += random.randrange(1, 40) * SECOND
            shop.restart(f"{self.runs:05x}")
            for guest in self.guests:
                self._number(guest)
        elif kind == "state":
            shop.desk.set_state(random.choice(["anna", "Jörg"]), random.choice(list(StaffState)))
        elif kind == "answer" and (offered := sorted(shop.desk._desk.offered.items())):
            number, (_, seller) = random.choice(offered)
            shop.desk.answer(number, seller, accept=random.random() < 0.7)
        elif kind == "done" and (open_ := [one for one in shop.desk.board.desk.offers if one.accepted]):
            offer = random.choice(open_)
            try:
                shop.desk.done(offer.number, offer.seller, SaleOutcome.BROWSING, None)
            except BadInput:
                return
            self.served.add(offer.customer.id)
        self.see()
        shop.tick(random.randrange(1, 15) if kind == "wait" else 1)

    def _number(self, guest: Guest) -> None:
        self.numbers += 1
        at = self.shop.now + 1
        guest.view = replace(
            guest.view,
            number=self.numbers,
            track=f"k{self.runs}-{self.numbers:04d}",
            arrived_at=at,
            seen_at=at,
        )

    def see(self) -> None:
        """Let everybody be in view; who was served by the box's own order is ranked no more."""
        served = {(order.camera, order.track) for order in self.shop.orders}
        for guest in self.guests:
            view = replace(guest.view, seen_at=max(guest.view.seen_at, self.shop.now))
            if (view.camera, view.track) in served:
                view = replace(view, rank=None, served_at=self.shop.now, score_minor=0)
            guest.view = view
        self.shop.people = [guest.view for guest in self.guests]

    def check(self) -> None:
        """Each has one name through all runs, so that what the desk says of a name it says of a person."""
        desk = self.shop.desk
        for guest in self.guests:
            name = desk._name(guest.view.number)
            assert self.of.setdefault(name, guest) is guest
        names = Counter(id(guest) for guest in self.of.values())
        assert set(names.values()) <= {1}
        told = Counter(
            payload["customer"]["id"]
            for payload in {one["event_id"]: one for one in self.shop.sent}.values()
            if payload["kind"] == "escalated"
        )
        assert set(told.values()) <= {1}
        offered = {customer for customer, _ in desk._desk.offered.values()}
        assert not (offered | desk._desk.attending.keys()) & self.served
