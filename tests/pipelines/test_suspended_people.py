"""Whoever stays in view while a camera is suspended or lost is one customer: announced and offered once.

The product's own turns, books, feed, floor, ledger, notifier, desk and insights; see SuspendedShop.
"""

from __future__ import annotations

import json

import pytest

from pipelines.floor.replay import Replay
from pipelines.insights.recorder import InsightsRecorder
from pipelines.outputs.mqtt.outbox import Outbox
from pipelines.outputs.mqtt.spool import Spool
from probes.events.messages import MessageKind
from probes.people.zones import Zone
from tests.fakes.suspended_shop import SECOND, START, SuspendedShop


@pytest.fixture
def shop(tmp_path) -> SuspendedShop:
    return SuspendedShop(tmp_path, cameras=2, count=0, staff=3)


def turn(shop: SuspendedShop, camera: str, seconds: float = 60) -> None:
    """Suspend a camera for so long, and see it for half a minute after that."""
    shop.suspend(camera)
    shop.run(seconds)
    shop.suspend()
    shop.run(30)


def test_who_stays_over_a_turn_is_announced_offered_and_counted_once(shop) -> None:
    customer = shop.come("c0", 600)
    while not (shop.attends and shop.events("notify")):
        shop.run(1)
    (told,) = shop.events("notify")
    (offer,) = shop.desk.board.desk.offers
    assert offer.accepted
    turn(shop, "c0")
    assert len(customer.tracks) == 2
    assert shop.events("notify") == [told]
    assert [one.number for one in shop.desk.board.desk.offers] == [offer.number]
    assert shop.counts() == {
        "people": 1, "visitors": 1, "announced": 1, "announced again": 0, "offered": 1,
        "offered though attended": 0,
    }  # fmt: skip
    first, second = customer.tracks
    assert [e["track"]["id"] for e in shop.events("ended")] == [first]
    joined = [e for e in shop.events("updated") if "continues" in e["track"]]
    assert {(e["track"]["id"], e["track"]["continues"]["id"]) for e in joined} == {(second, first)}
    (person,) = shop.floor.snapshot().persons
    assert (person.visible, person.held, person.served_at is not None) == (True, False, True)
    assert shop.returned() == {"found": 1}


@pytest.mark.parametrize("seconds", [3, 7, 15, 30])
def test_who_stays_over_a_lost_connection_is_announced_offered_and_counted_once(shop, seconds) -> None:
    customer = shop.come("c0", 600)
    while not (shop.attends and shop.events("notify")):
        shop.run(1)
    (told,), (offer,) = shop.events("notify"), shop.desk.board.desk.offers
    shop.lose("c0", seconds)
    shop.run(seconds)
    assert shop.held("camera_lost") == 1
    shop.run(30)
    assert len(customer.tracks) == 2
    assert shop.events("notify") == [told]
    assert [one.number for one in shop.desk.board.desk.offers] == [offer.number]
    assert (shop.counts()["visitors"], shop.held("camera_lost")) == (1, 0)
    assert [e["track"]["id"] for e in shop.events("ended")] == customer.tracks[:1]
    assert shop.returned() == {"found": 1}


def test_a_camera_that_stays_away_keeps_nobody(shop) -> None:
    shop.come("c0", 600)
    shop.run(40)
    shop.lose("c0", 90)
    shop.run(55)
    assert shop.events("ended") == []
    shop.run(10)
    (ended,) = shop.events("ended")
    assert (ended["reason"], ended["occurred_at"]) == ("camera_lost", shop.at(40))
    assert shop.returned() == {"not_found": 1}


def test_who_was_offered_anew_before_it_was_known_who_they_are_keeps_one_offer(shop) -> None:
    """Somebody who moved meanwhile, and whose clothes were not looked at at first."""
    customer = shop.come("c0", 600)
    while not shop.attends:
        shop.run(1)
    (offer,) = shop.desk.board.desk.offers
    shop.shows_clothes = False
    shop.lose("c0", 12)
    shop.run(12)
    customer.place = 0.1 if customer.place > 0.5 else 0.8
    while shop.offered[0] == 1:
        shop.run(1)
    shop.shows_clothes = True
    shop.run(15)
    assert [(one.number, one.customer.id) for one in shop.desk.board.desk.offers] == [(offer.number, "r-1")]
    withdrawn = [e for e in shop.events("sale") if e["kind"] == "withdrawn"]
    assert [e["reason"] for e in withdrawn] == ["the customer was offered or attended before"]


def test_who_is_held_is_said_to_be_neither_here_nor_gone(shop) -> None:
    shop.come("c0", 600)
    other = shop.come("c1", 600)
    shop.run(40)
    shop.suspend("c0")
    shop.run(20)
    here, held = sorted(shop.floor.snapshot().persons, key=lambda person: person.held)
    assert (here.track, here.visible, here.held) == (other.tracks[0], True, False)
    assert (held.visible, held.held, held.zones) == (False, True, ())
    assert shop.events("ended") == []
    assert (shop.held("suspended"), shop.held("camera_lost")) == (1, 0)
    assert shop.metrics.registry.get_sample_value("msh_tracks_active", {"camera": "c0"}) == 0


def test_who_left_meanwhile_ends_at_the_time_they_were_seen_last(shop) -> None:
    shop.come("c0", 45)
    shop.run(40)
    shop.suspend("c0")
    shop.run(60)
    shop.suspend()
    shop.come("c0", 600, place=0.8)
    shop.run(60)
    (ended,) = shop.events("ended")
    assert ended["reason"] == "suspended"
    assert ended["occurred_at"] == shop.at(40)
    assert shop.counts()["visitors"] == 2
    assert shop.returned() == {"not_found": 1}


EVERYWHERE = Zone("island", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))


@pytest.mark.parametrize("stays", [True, False])
def test_what_is_told_of_who_was_held_is_in_the_order_of_time(tmp_path, stays) -> None:
    shop = SuspendedShop(tmp_path, cameras=2, count=0, zones=[EVERYWHERE])
    customer = shop.come("c0", 600 if stays else 45)
    shop.run(40)
    turn(shop, "c0")
    shop.run(30)
    told = [m.payload for m in shop.said.said if m.topic.endswith("/person")]
    old = [e for e in told if e["track"]["id"] == customer.tracks[0]]
    assert [e["seq"] for e in old] == list(range(1, len(old) + 1))
    assert [e["occurred_at"] for e in old] == sorted(e["occurred_at"] for e in old)
    assert (old[-1]["type"], old[-1]["occurred_at"]) == ("person.ended", shop.at(40))
    if stays:
        new = [e for e in told if e["track"]["id"] == customer.tracks[1]]
        assert min(e["occurred_at"] for e in new) > old[-1]["occurred_at"]


def test_a_camera_that_does_not_come_back_keeps_nobody(shop) -> None:
    shop.come("c0", 600)
    shop.run(40)
    shop.suspend("c0")
    shop.run(330)
    assert [e["reason"] for e in shop.events("ended")] == ["suspended"]
    assert shop.floor.snapshot().persons == ()


def test_everybody_has_an_end_when_the_store_stops_in_the_middle(shop) -> None:
    shop.come("c0", 600)
    shop.run(40)
    shop.suspend("c0")
    shop.run(20)
    shop.floor.close(START + 60 * SECOND)
    assert [e["reason"] for e in shop.events("ended")] == ["shutdown"]


def test_a_camera_that_is_taken_out_while_it_is_suspended_ends_its_people(shop) -> None:
    shop.come("c0", 600)
    shop.run(40)
    shop.suspend("c0")
    shop.run(20)
    shop.feed.forget("c0", shop.books["c0"].clear())
    assert [e["reason"] for e in shop.events("ended")] == ["camera_lost"]


def test_who_is_held_when_the_program_is_killed_ends_at_the_next_start(shop, tmp_path) -> None:
    customer = shop.come("c0", 600)
    shop.run(40)
    shop.suspend("c0")
    shop.run(20)
    outbox(tmp_path).write([m for m in shop.said.said if m.topic.endswith("/person")])
    again = outbox(tmp_path)
    assert again.end_people(shop.random.getrandbits) == 1
    ends = [json.loads(e.payload) for e in again._spool.pending(kind=MessageKind.ENDED, limit=9)]
    assert [(e["track"]["id"], e["reason"]) for e in ends] == [(customer.tracks[0], "restart")]


def outbox(folder) -> Outbox:
    """Return what a run of the program sends by, with the messages of the runs before."""
    spool = Spool(folder / "spool.sqlite3", 1_000_000, lambda: START + 60 * SECOND, lambda *_: None)
    spool.open()
    return Outbox(
        spool, "msh/", now_ns=lambda: START + 60 * SECOND, clock=lambda: 60.0, count=lambda *_: None,
        drain_per_s=9,
    )  # fmt: skip


class _Counted:
    """A file of insights that sums what it was given: measure -> how many, and their total."""

    def __init__(self) -> None:
        self.sums: dict[str, tuple[int, int]] = {}

    def add(self, cells) -> bool:
        for cell in cells:
            count, total = self.sums.get(cell.measure, (0, 0))
            self.sums[cell.measure] = count + cell.count, total + (cell.total or 0)
        return True

    def forget(self, before) -> None:
        """Have nothing that is old."""

    def close(self) -> None:
        """Have nothing open."""


def recorded(shop: SuspendedShop) -> tuple[InsightsRecorder, _Counted]:
    """Have the product's recorder look at the floor at each step."""
    file = _Counted()
    recorder = InsightsRecorder(
        file, shop.floor.snapshot, dict, now_ns=lambda: START + int(shop.now * SECOND), zone="Europe/Berlin",
        least=1, days=9, per_unit=100,
    )  # fmt: skip
    shop.watch = lambda _: recorder.check()
    return recorder, file


def test_insights_count_a_visit_over_turns_once(shop) -> None:
    recorder, file = recorded(shop)
    shop.come("c0", 200)
    shop.run(40)
    turn(shop, "c0")
    turn(shop, "c0")
    shop.run(120)
    assert shop.floor.snapshot().persons == ()
    recorder.close()
    assert file.sums["visitors"] == (1, 0)


@pytest.mark.parametrize("seconds", [3, 15, 30])
def test_insights_count_a_visit_over_lost_connections_once(tmp_path, seconds) -> None:
    """One visitor, one arrival from which the wait counts, and the value once, of each of six."""
    shop = SuspendedShop(tmp_path, cameras=6, count=0, staff=6)
    recorder, file = recorded(shop)
    cameras = [f"c{n}" for n in range(6)]
    for camera in cameras:
        shop.come(camera, 200)
    while len(shop.attends) < len(cameras):
        shop.run(1)
    for _ in range(2):
        for camera in cameras:
            shop.lose(camera, seconds)
        shop.run(seconds + 30)
    people = shop.floor.snapshot().persons
    assert [person.tracks for person in people] == [3] * 6
    assert None not in [person.served_at for person in people]
    waits = [(person.served_at - person.arrived_at) / SECOND for person in people]
    values = [person.total.amount_minor for person in people]
    shop.run(200)
    assert shop.floor.snapshot().persons == ()
    recorder.close()
    assert (file.sums["visitors"], file.sums["value"]) == ((6, 0), (6, sum(values)))
    assert (file.sums["attended"][0], file.sums["wait"]) == (6, (6, sum(map(round, waits))))


def test_in_a_busy_shop_everybody_has_one_end_and_hardly_anybody_is_told_twice(tmp_path) -> None:
    """Seven and a half minutes: 23 are announced, 14 found again after a turn of their camera."""
    shop = SuspendedShop(tmp_path, seed=1, count=2)
    shop.run(450, arrivals_s=60)
    counts = shop.counts()
    assert counts["announced again"] <= 0.05 * counts["announced"], counts
    assert shop.returned()["found"] > 0
    shop.floor.close(START + 451 * SECOND)
    ended = [e["track"]["id"] for e in shop.events("ended")]
    assert sorted(ended) == sorted(e["track"]["id"] for e in shop.events("started"))


def test_a_record_of_it_replays_to_the_same_messages(tmp_path) -> None:
    path = tmp_path / "record.jsonl.gz"
    shop = SuspendedShop(tmp_path, count=2, record=path)
    shop.run(300, arrivals_s=60)
    shop.floor.close(START + 301 * SECOND)
    assert shop.returned()["found"] > 0
    replay = Replay(path)
    said = [e for e in replay.entries() if "topic" in e and "/person" in e["topic"]]
    kinds = ("started", "updated", "ended")
    live = [m.payload for m in shop.said.said if m.kind.value in kinds]
    strip = ("event_id", "topic")
    assert [{k: v for k, v in e.items() if k not in strip} for e in said] == [
        {k: v for k, v in e.items() if k not in strip} for e in live
    ]
