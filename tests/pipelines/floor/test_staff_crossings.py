"""Customers and staff who cross: where the tracker exchanges their tracks, each stays what they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pricing.ledger.votes import Vote
from probes.events.staff_orders import StaffAction, StaffOrder
from probes.frame import Box, Detection, Frame, Kind
from probes.people.attribution import STAFF
from tests.pipelines.floor.shop import PLAN, START, Shop, track

ANN, BOB = 1, 2
STEP_NS = 400_000_000


class Crossing:
    """Ann, a customer, and Bob, who is of the staff, as their tracks show them."""

    def __init__(self, ann: str, bob: str, camera: str = "door") -> None:
        self.shop, self.step, self.camera = Shop(replace(PLAN, staff=("acme",))), 0, camera
        self.brands = {"ann": ("top", ann), "bob": (STAFF, bob)}

    def see(self, steps: int, places: dict[str, float], tracks: dict[str, int], *, read: bool = True) -> None:
        for _ in range(steps):
            at = START + self.step * STEP_NS
            self.step += 1
            seen, votes = [], []
            for who, x in places.items():
                slot, brand = self.brands[who]
                on = track(tracks[who], self.camera)
                seen.append(Detection(Kind.PERSON, "person", 0.9, Box(x, 100, 80, 300), on))
                votes += [(on, [Vote(f"{at} {who}", slot, None, brand, 0.9, at)])] if brand and read else []
            self.shop.floor.update(Frame(self.camera, at, (1000, 600), tuple(seen)), (), (), votes)

    @property
    def customers(self) -> dict[str, bool]:
        return {one.track: one.customer for one in self.shop.floor.snapshot().persons}


BEFORE, AFTER = {"ann": ANN, "bob": BOB}, {"ann": BOB, "bob": ANN}


@pytest.mark.parametrize("exchanged", [False, True], ids=["as they were", "exchanged"])
@pytest.mark.parametrize("known_by", ["badge", "order"])
@pytest.mark.parametrize("worn", ["gucci", ""], ids=["who wears a brand", "of whom nothing is known"])
def test_a_customer_who_crosses_staff_stays_a_customer(exchanged: bool, known_by: str, worn: str) -> None:
    """By an exchanged track the customer was staff until the end of the visit, and was never offered."""
    crossing = Crossing(worn, "acme")
    if known_by == "order":
        crossing.see(2, {"ann": 100, "bob": 300}, BEFORE, read=False)
        crossing.shop.floor.order(StaffOrder(StaffAction.NOT_CUSTOMER, "door", "k7f3-0002"))
    crossing.see(12, {"ann": 100, "bob": 300}, BEFORE)
    assert crossing.customers == {"k7f3-0001": True, "k7f3-0002": False}
    crossing.see(3, {"ann": 440, "bob": 460}, BEFORE, read=False)
    after = AFTER if exchanged else BEFORE
    crossing.see(20, {"ann": 600, "bob": 300}, after)
    assert crossing.customers == {f"k7f3-000{after['ann']}": True, f"k7f3-000{after['bob']}": False}
    (customer,) = (one for one in crossing.shop.floor.snapshot().persons if one.customer)
    assert [item.brand for item in customer.items] == ([worn] if worn else [])


def test_staff_who_walk_behind_the_desk_on_a_customer_s_track_take_no_basket_along() -> None:
    """Until looks tell who is who, the customer's basket was on the track that went behind the desk."""
    crossing = Crossing("gucci", "", camera="till")
    crossing.see(12, {"ann": 100, "bob": 800}, BEFORE)
    assert crossing.customers == {"k7f3-0001": True, "k7f3-0002": False}
    crossing.see(3, {"ann": 440, "bob": 460}, BEFORE, read=False)
    crossing.see(20, {"ann": 300, "bob": 800}, AFTER)
    assert crossing.customers == {"k7f3-0002": True, "k7f3-0001": False}
    first = crossing.shop.floor.snapshot().persons[0]
    assert (first.rank, first.total.amount_minor) == (1, 200_000)


def test_who_goes_behind_the_desk_right_after_a_crossing_is_staff_all_the_same() -> None:
    crossing = Crossing("gucci", "", camera="till")
    crossing.see(12, {"ann": 100, "bob": 300}, BEFORE)
    crossing.see(3, {"ann": 440, "bob": 460}, BEFORE, read=False)
    crossing.see(20, {"ann": 300, "bob": 800}, BEFORE, read=False)
    assert crossing.customers == {"k7f3-0001": True, "k7f3-0002": False}
