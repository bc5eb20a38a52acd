from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import BadInput
from pipelines.floor.plan import apply_plan, read_plan, to_json
from pipelines.floor.staff_commands import people_commands
from pipelines.outputs.mqtt.commands import CommandRefused
from pricing.ledger.votes import Vote
from probes.events.staff_orders import WAITING, StaffAction, StaffOrder
from probes.frame import Box, Detection, Frame, Kind
from probes.people.reidentification import Passage
from tests.fakes.schemas import PERSON_EVENT
from tests.pipelines.floor.shop import PLAN, SECOND, START, Shop, track
from tests.waiting import wait_for


def test_the_view_ranks_people_and_can_be_explained():
    shop = Shop()
    shop.visit(0, (1, "nike"), (2, "gucci"), (3, ""))
    view = shop.floor.snapshot()
    assert [(p.track, p.rank, p.total.amount_minor) for p in view.persons] == [
        ("k7f3-0002", 1, 200_000),
        ("k7f3-0001", 2, 5000),
        ("k7f3-0003", 3, 0),
    ]
    first = view.persons[0]
    assert first.rules == ("vip",)
    assert first.visible
    assert first.customer
    assert first.waiting_ms < first.dwell_ms
    assert [(z.camera, z.zone, z.now) for z in first.zones] == [("door", "left", True)]
    assert first.explain[0].startswith("top: gucci, 7 votes")
    with pytest.raises(AttributeError):
        first.rank = 5  # type: ignore[misc]  # it must not be possible


@pytest.mark.parametrize("action", [StaffAction.SERVED, StaffAction.NOT_CUSTOMER])
def test_who_is_served_or_no_customer_leaves_the_list_and_rings_no_more(action):
    shop = Shop()
    shop.visit(0, (1, "nike"), (2, "nike"), seconds=2)
    assert shop.floor.order(StaffOrder(action, "door", "k7f3-0002"))
    shop.visit(2, (1, "nike"), (2, "gucci"))
    shop.visit(5, (1, "nike"), (2, "gucci"), seconds=5)
    first, second = shop.floor.snapshot().persons
    assert (first.track, first.rank, second.rank) == ("k7f3-0001", 1, None)
    assert shop.events("notify") == []
    if action is StaffAction.SERVED:
        assert second.served_at is not None
        assert second.total.amount_minor == 200_000
    else:
        assert not second.customer
        assert second.items == ()


def test_who_was_not_served_after_all_is_on_the_list_and_rings_again():
    shop = Shop()
    shop.visit(0, (1, "nike"), (2, "gucci"), seconds=2)
    for action in (StaffAction.SERVED, StaffAction.NOT_SERVED):
        shop.floor.order(StaffOrder(action, "door", "k7f3-0002"))
    shop.visit(2, (1, "nike"), (2, "gucci"), seconds=6)
    first, second = shop.floor.snapshot().persons
    assert [(p.track, p.rank, p.served_at) for p in (first, second)] == [
        ("k7f3-0002", 1, None),
        ("k7f3-0001", 2, None),
    ]
    assert [one["track"]["id"] for one in shop.events("notify")] == ["k7f3-0002"]


def test_orders_are_bounded_and_may_come_from_any_thread():
    shop = Shop()
    taken: list[bool] = []

    def say() -> None:
        taken.extend(
            shop.floor.order(StaffOrder(StaffAction.SERVED, "door", "nobody")) for _ in range(WAITING)
        )

    threads = [threading.Thread(target=say) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == WAITING
    shop.see(0)
    assert shop.floor.order(StaffOrder(StaffAction.SERVED, "door", "nobody"))


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({}, "not understood"),
        ({"camera": "door", "track": 1}, "not understood"),
        ({"camera": "till", "track": "k7f3-0001"}, "unknown person"),
    ],
)
def test_commands_that_cannot_be_obeyed(asked, error):
    shop = Shop()
    shop.visit(0, (1, ""))
    commands = people_commands(shop.floor)
    assert set(commands) == {"served", "not-served", "not-customer"}
    with pytest.raises(CommandRefused, match=error):
        commands["served"](asked)


def test_a_command_is_obeyed_with_the_next_frame():
    shop = Shop()
    shop.visit(0, (1, ""))
    answer = people_commands(shop.floor)["served"]({"camera": "door", "track": "k7f3-0001"})
    assert answer == "door/k7f3-0001 is served"
    shop.see(4, (1, ""))
    assert shop.floor.snapshot().persons[0].rank is None


def test_who_stands_behind_the_desk_is_staff():
    shop = Shop()
    shop.visit(0, (1, "gucci"), camera="till", x=820)
    (person,) = shop.floor.snapshot().persons
    assert (person.customer, person.rank, person.items) == (False, None, ())
    assert shop.events("notify") == []


def test_a_basket_is_handed_over_to_the_next_camera_with_its_uncertainty():
    shop = Shop()
    shop.visit(0, (1, "gucci"))
    shop.see(6, ended=[track(1)])
    shop.visit(7, (1, ""), camera="till")
    (person,) = shop.floor.snapshot().persons
    assert (person.camera, person.tracks, person.total.amount_minor) == ("till", 2, 200_000)
    assert person.number == 1
    assert 0.4 < person.certainty < 0.85
    assert person.arrived_at == START
    assert [(z.camera, z.zone) for z in person.zones] == [("door", "left"), ("till", "left")]
    assert "one person on door/k7f3-0001, till/k7f3-0001" in person.explain[-1]
    assert len(shop.events("notify")) == 1
    last = shop.events("updated")[-1]
    PERSON_EVENT.validate(last)
    assert last["track"]["continues"] == {
        "id": "k7f3-0001",
        "camera": "door",
        "certainty": pytest.approx(person.certainty, abs=1e-3),
    }
    shop.floor.close(START + 20 * SECOND)
    assert shop.floor.tally("till").persons == 1
    assert shop.floor.tally("door").persons == 0


def test_a_track_that_was_joined_to_another_may_show_again_and_its_events_count_on():
    """The tracker finds somebody again of whom the floor has said that another track is the same person."""
    shop = Shop()
    shop.visit(0, (1, "gucci"), x=560)
    shop.visit(3.2, (2, ""), x=560)
    assert [event["track"]["id"] for event in shop.events("ended")] == ["k7f3-0001"]
    shop.visit(6.4, (2, ""), (1, ""), x=560)
    told = [
        (event["track"]["id"], event["seq"]) for kind in ("started", "ended") for event in shop.events(kind)
    ]
    assert len(told) == len(set(told)) == 4
    assert len(shop.events("notify")) == 1


@pytest.mark.parametrize("apart", [True, False], ids=["beside each other", "one seen twice"])
def test_two_tracks_of_one_person_that_are_seen_beside_each_other_are_two_people(apart):
    """The one who came near was taken for the one hidden behind, and outvoted what that one wears."""
    shop = Shop()
    shop.visit(0, (1, "gucci"), x=560)
    shop.visit(3.2, (2, ""), x=560)
    for step in range(15):
        at = START + int((6.4 + 0.4 * step) * SECOND)
        places = {1: 560, 2: 710 if apart else 565}
        seen = [
            Detection(Kind.PERSON, "person", 0.9, Box(x, 100, 80, 300), track(n)) for n, x in places.items()
        ]
        votes = [(track(2), [Vote(f"{at}", "top", None, "nike", 0.9, at)])] if apart else []
        values = shop.floor.update(Frame("door", at, (1000, 600), tuple(seen)), (), (), votes)
    worth = {str(one): value.total.amount_minor for one, value in values.items()}
    assert worth == {"k7f3-0001": 200_000, "k7f3-0002": 5000 if apart else 200_000}
    assert len(shop.floor.snapshot().persons) == (2 if apart else 1)
    last = [event for event in shop.events("updated") if event["track"]["id"] == "k7f3-0002"][-1]
    assert ("continues" in last["track"]) is not apart
    assert len(shop.events("notify")) == 1


def test_who_is_a_long_time_on_the_way_to_the_next_camera_is_announced_once():
    shop = Shop(replace(PLAN, passages=(Passage("door", "left", "till", "left", 120_000),)))
    shop.visit(0, (1, "gucci"))
    for second in range(6, 60):
        shop.see(second, ended=[track(1)])
    shop.visit(60, (1, ""), camera="till")
    assert [(one.tracks, one.total.amount_minor) for one in shop.floor.snapshot().persons] == [(2, 200_000)]
    assert len(shop.events("notify")) == 1


def test_a_new_track_with_the_same_things_before_the_old_one_has_ended_is_announced_no_more():
    """Too far off to be joined."""
    shop = Shop()
    shop.visit(0, (1, "gucci"), seconds=4)
    shop.visit(4.4, (2, "gucci"), seconds=2, x=900)
    shop.visit(6.4, (2, "gucci"), x=900, ended=[track(1)])
    assert [one.tracks for one in shop.floor.snapshot().persons] == [1, 1]
    assert len(shop.events("notify")) == 1


def test_two_with_the_same_things_are_both_announced_though_one_is_hidden_for_a_frame():
    shop = Shop()
    shop.visit(0, (1, "gucci"), (2, ""), seconds=4)
    shop.visit(4, (1, "gucci"), (2, "gucci"), seconds=1.2)
    shop.visit(5.2, (2, "gucci"), seconds=0.8)
    shop.visit(6, (1, "gucci"), (2, "gucci"))
    assert [event["track"]["id"] for event in shop.events("notify")] == ["k7f3-0001", "k7f3-0002"]


@pytest.mark.parametrize("x", [560, 900], ids=["near by", "too far off to be judged one person"])
def test_a_joined_track_that_the_tracker_goes_on_with_keeps_the_basket(x):
    """Person and basket went with the newer track, and what came after that ended in a KeyError."""
    shop = Shop()
    shop.visit(0, (1, "gucci"), x=560)
    shop.visit(3.2, (2, ""), x=560)
    shop.visit(6.4, (1, ""), x=x)
    shop.see(9.6, (1, ""), x=x, ended=[track(2)])
    shop.visit(40, (1, ""), x=x)
    (person,) = shop.floor.snapshot().persons
    assert (person.track, person.tracks, person.total.amount_minor) == ("k7f3-0001", 2, 200_000)
    assert len(shop.events("notify")) == 1
    shop.floor.quiet("door", START + 46 * SECOND, [track(1)])
    shop.floor.quiet("door", START + 90 * SECOND, [])
    assert shop.floor.snapshot().persons == ()
    assert shop.floor.tally("door").persons == 1


def test_a_joined_track_that_shows_again_and_is_exchanged_leaves_nothing_behind():
    shop = Shop()
    shop.visit(0, (1, "gucci"), x=560)
    shop.visit(3.2, (2, ""), x=560)
    shop.visit(6.4, (2, ""), (1, ""), (3, "nike"), x=560)
    people = shop.floor._people
    people._exchange(track(1), track(3))
    assert people.value(track(3)).total.amount_minor == 200_000
    shop.floor.quiet("door", START + 13 * SECOND, [track(1), track(2), track(3)])
    shop.floor.quiet("door", START + 90 * SECOND, [])
    assert (len(people), len(people._of), shop.floor.tally("door").persons) == (0, 0, 3)


def test_a_price_that_comes_late_changes_the_total_without_new_votes():
    shop = Shop()
    del shop.prices["gucci"]
    assert shop.visit(0, (1, "gucci"))[track(1)].total.items_unpriced == 1
    shop.prices["gucci"] = 200_000
    assert shop.see(3, (1, ""))[track(1)].total.amount_minor == 200_000


def test_people_leave_for_good_once_nobody_can_find_them_again():
    shop = Shop()
    shop.visit(0, (1, "gucci"))
    shop.floor.quiet("door", START + 6 * SECOND, [track(1)])
    assert len(shop.floor.snapshot().persons) == 1
    assert [e["reason"] for e in shop.events("ended")] == ["camera_lost"]
    shop.floor.quiet("door", START + 60 * SECOND, [])
    assert shop.floor.snapshot().persons == ()
    assert shop.floor.tally("door").total_minor == 200_000
    sample = shop.metrics.registry.get_sample_value("msh_person_value_currency_units_sum", {"camera": "door"})
    assert sample == 2000


def test_nobody_begins_anew_once_the_floor_is_closed():
    shop = Shop()
    shop.visit(0, (1, "gucci"))
    shop.floor.close(START + 4 * SECOND)
    said = len(shop.said.said)
    assert shop.visit(4, (1, "gucci"), (2, "nike")) == {}
    shop.floor.quiet("door", START + 60 * SECOND, [track(1)])
    plan = replace(PLAN, zones={"door": PLAN.zones["door"]}, passages=())
    apply_plan(shop.floor, plan, START + 61 * SECOND)
    assert len(shop.said.said) == said
    assert shop.floor.snapshot().persons != ()  # as it was
    assert [e["reason"] for e in shop.events("ended")] == ["shutdown"]


def test_the_frame_that_is_under_work_comes_before_the_end(monkeypatch):
    shop = Shop()
    monkeypatch.setattr("pipelines.floor.floor.TURN_S", 300.0)
    inside, go_on = threading.Event(), threading.Event()
    take = shop.floor._people.update

    def slow(*given):
        inside.set()
        assert go_on.wait(300)
        return take(*given)

    shop.floor._people.update = slow
    frames = threading.Thread(target=shop.see, args=(1, (1, "gucci")), daemon=True)
    frames.start()
    assert inside.wait(300)
    end = threading.Thread(target=shop.floor.close, args=(START + 2 * SECOND,), daemon=True)
    end.start()
    wait_for(lambda: shop.floor._closed)
    assert shop.events("ended") == []
    go_on.set()
    frames.join(300)
    end.join(300)
    assert [len(shop.events(kind)) for kind in ("started", "ended")] == [1, 1]


def test_an_update_that_hangs_does_not_keep_anybody_from_an_end(monkeypatch):
    shop = Shop()
    monkeypatch.setattr("pipelines.floor.floor.TURN_S", 0.01)
    shop.visit(0, (1, "gucci"))
    with shop.floor._turn:
        shop.floor.close(START + 4 * SECOND)
    assert [e["reason"] for e in shop.events("ended")] == ["shutdown"]


def test_a_plan_is_written_and_read_again():
    assert read_plan(to_json(PLAN)) == PLAN


@pytest.mark.parametrize("value", [None, [], {"store": "x"}, {**to_json(PLAN), "zones": 3}])
def test_what_is_no_plan_is_told(value):
    with pytest.raises(BadInput, match="no plan of a floor"):
        read_plan(value)


def test_the_time_in_a_zone_goes_with_the_person_when_two_tracks_were_exchanged():
    shop = Shop()

    def see(step: int, ann: tuple[int, float], bob: tuple[int, float]) -> None:
        at = START + step * 400_000_000
        seen = [
            Detection(Kind.PERSON, "person", 0.9, Box(x, 100, 80, 300), track(number))
            for number, x in (ann, bob)
        ]
        votes = [
            (track(number), [Vote(f"{at} {brand}", "top", None, brand, 0.9, at)])
            for (number, _), brand in ((ann, "nike"), (bob, "gucci"))
        ]
        shop.floor.update(Frame("door", at, (1000, 600), tuple(seen)), (), (), votes)

    for step in range(50):
        see(step, (1, 300), (2, 600))
    see(50, (1, 440), (2, 460))
    for step in range(51, 60):
        see(step, (2, 300), (1, 600))
    shop.floor.quiet("door", START + 25 * SECOND, [track(1), track(2)])
    shop.see(26)
    stays = {p.items[0].brand: sum(z.dwell_ms for z in p.zones) for p in shop.floor.snapshot().persons}
    assert stays["nike"] > 20_000
    assert stays["gucci"] < 4000


BASKETS = st.dictionaries(
    st.sampled_from(["hat", "top", "bag", "shoes"]), st.sampled_from(["nike", "gucci"]), min_size=1
)


@given(BASKETS, BASKETS, st.booleans(), st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_two_who_cross_never_mix_their_baskets(ann, bob, exchanged, steps_together):
    shop = Shop()

    def see(step: int, places: tuple[float, float], tracks: tuple[int, int], *, read: bool) -> None:
        at = START + step * 400_000_000
        seen, votes = [], []
        for basket, x, number in zip((ann, bob), places, tracks, strict=True):
            who = track(number)
            seen.append(Detection(Kind.PERSON, "person", 0.9, Box(x, 100, 80, 300), who))
            cast = [Vote(f"{at} {slot}", slot, None, brand, 0.9, at) for slot, brand in basket.items()]
            votes += [(who, cast)] if read else []
        shop.floor.update(Frame("door", at, (1000, 600), tuple(seen)), (), (), votes)

    for step in range(8):
        see(step, (400, 500), (1, 2), read=True)
    for step in range(8, 8 + steps_together):
        see(step, (440, 460), (1, 2), read=False)
    after = (2, 1) if exchanged else (1, 2)
    for step in range(8 + steps_together, 40):
        see(step, (550, 400), after, read=True)
    worn = {p.track: {item.slot: item.brand for item in p.items} for p in shop.floor.snapshot().persons}
    told_apart = ann != bob
    if told_apart or not exchanged:
        assert worn == {f"k7f3-000{after[0]}": ann, f"k7f3-000{after[1]}": bob}
