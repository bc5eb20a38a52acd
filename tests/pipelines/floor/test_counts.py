"""What is counted of the people on the floor: followed, items, customers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.floor.plan import apply_plan
from probes.events.staff_orders import StaffAction, StaffOrder
from probes.people.returns import Absence
from probes.people.zones import Zone
from tests.pipelines.floor.shop import ALL, PLAN, SECOND, START, Shop, track


def test_who_is_in_a_track_for_the_first_time_is_not_followed_yet():
    shop = Shop()
    for second in range(3):
        shop.see(second, (1, ""), (10 + second, ""))
    followed = {
        how: shop.metrics.registry.get_sample_value(
            "msh_persons_detected_total", {"camera": "door", "followed": how}
        )
        for how in ("yes", "no")
    }
    assert followed == {"yes": 2, "no": 4}


@pytest.mark.parametrize("case", ["joined", "shows again", "exchanged", "held"])
def test_an_item_of_a_person_counts_once_whichever_track_the_person_is_on(case):
    shop = Shop()
    shop.visit(0, (1, "gucci"), (3, ""), x=560)
    if case == "exchanged":
        shop.floor._people._exchange(track(1), track(3))
    if case == "held":
        shop.floor.quiet("door", START + 4 * SECOND, [track(1), track(3)], absence=Absence.SUSPENDED)
        shop.visit(8, (1, ""), (3, ""), x=560)
    if case in ("joined", "shows again"):
        shop.visit(3.2, (2, ""), x=560)
        shop.see(6.4, (2, ""), x=560, ended=[track(1), track(3)])
    if case == "shows again":
        shop.visit(8, (1, ""), x=560)
    shop.visit(12, (1, ""), (3, ""), x=560)
    assert sum(p.total.amount_minor for p in shop.floor.snapshot().persons) == 200_000
    count = shop.metrics.registry.get_sample_value
    assert count("msh_items_confirmed_total", {"camera": "door", "type": "top"}) == 1
    assert count("msh_price_lookups_total", {"result": "hit"}) == 1


@pytest.mark.parametrize("told", ["by a command", "by the zone"])
def test_staff_are_in_no_count_of_customers(told):
    shop = Shop()
    seen = {"camera": "till", "x": 820} if told == "by the zone" else {}
    shop.visit(0, (1, "gucci"), **seen)
    camera = seen.get("camera", "door")
    if told == "by a command":
        shop.floor.order(StaffOrder(StaffAction.NOT_CUSTOMER, "door", "k7f3-0001"))
    shop.see(4, (1, ""), **seen)
    assert shop.floor.tally(camera).persons == 0
    shop.floor.quiet(camera, START + 6 * SECOND, [track(1, camera)])
    shop.floor.quiet(camera, START + 60 * SECOND, [])
    assert shop.floor.snapshot().persons == ()
    assert shop.floor.tally(camera).persons == 0
    count = shop.metrics.registry.get_sample_value
    assert count("msh_person_value_currency_units_count", {"camera": camera}) in (None, 0)
    zone = "desk" if told == "by the zone" else "left"
    assert count("msh_dwell_seconds_count", {"camera": camera, "zone": zone}) in (None, 0)


@pytest.mark.parametrize("how", ["ends", "is held"])
def test_stays_of_customers_are_counted(how):
    shop = Shop()
    shop.visit(0, (1, "gucci"))
    absence = Absence.SUSPENDED if how == "is held" else None
    shop.floor.quiet("door", START + 6 * SECOND, [track(1)], absence=absence)
    count = shop.metrics.registry.get_sample_value
    assert count("msh_dwell_seconds_count", {"camera": "door", "zone": "left"}) == 1


@pytest.mark.parametrize("stands", ["in view", "gone"])
def test_a_zone_that_is_renamed_or_taken_out_leaves_no_series(stands):
    shop = Shop()
    shop.visit(0, (1, "gucci"))
    shop.visit(3, (1, ""), x=820)  # out of the zone: its stay has ended
    if stands == "gone":
        shop.floor.quiet("door", START + 8 * SECOND, [track(1)])
    zones = {**PLAN.zones, "door": (Zone("shelf", ALL),)}
    apply_plan(shop.floor, replace(PLAN, zones=zones), START + 9 * SECOND)
    shop.floor.quiet("door", START + 10 * SECOND, [track(1)])
    count = shop.metrics.registry.get_sample_value
    assert count("msh_dwell_seconds_count", {"camera": "door", "zone": "left"}) is None


def test_a_zone_of_a_camera_that_is_off_keeps_its_series():
    shop = Shop()
    shop.visit(0, (1, "gucci"))
    shop.floor.quiet("door", START + 8 * SECOND, [track(1)])
    zones = {"till": PLAN.zones["till"]}
    apply_plan(shop.floor, replace(PLAN, zones=zones, passages=()), START + 9 * SECOND)
    count = shop.metrics.registry.get_sample_value
    assert count("msh_dwell_seconds_count", {"camera": "door", "zone": "left"}) == 1


def test_of_a_camera_that_is_gone_nothing_is_counted_any_more():
    """Its last frame may still be under way, and its customers leave for good only later."""
    shop = Shop()
    shop.visit(0, (1, "gucci"))
    shop.floor.quiet("door", START + 8 * SECOND, [track(1)])
    zones = {"till": PLAN.zones["till"]}
    apply_plan(shop.floor, replace(PLAN, zones=zones, passages=()), START + 9 * SECOND)
    shop.metrics.forget_camera("door")
    shop.floor.forget_camera("door")
    shop.floor.quiet("door", START + 60 * SECOND, [])
    assert shop.floor.snapshot().persons == ()
    assert shop.floor.tally("door").persons == 0
    samples = [sample for family in shop.metrics.registry.collect() for sample in family.samples]
    assert [sample for sample in samples if sample.labels.get("camera") == "door"] == []


def test_a_rule_that_is_taken_out_leaves_no_series_and_the_others_keep_theirs():
    shop = Shop(replace(PLAN, rules=(*PLAN.rules, replace(PLAN.rules[0], name="rich"))))
    shop.visit(0, (1, "gucci"))
    apply_plan(shop.floor, PLAN, START + 9 * SECOND)
    count = shop.metrics.registry.get_sample_value
    sent = {
        rule: count("msh_notifications_total", {"rule": rule, "result": "sent"}) for rule in ("vip", "rich")
    }
    assert sent == {"vip": 1, "rich": None}
