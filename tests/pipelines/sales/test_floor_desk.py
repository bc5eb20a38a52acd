"""The sales desk on a floor: messages as the schema says, commands, what a crash leaves behind."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import generate_latest

from pipelines.floor.view import FloorView, PersonView, ZoneTime
from pipelines.outputs.mqtt.commands import Commands
from pipelines.sales.commands import sale_commands
from pipelines.sales.file import SaleFile
from pipelines.sales.floor_desk import FloorDesk
from pipelines.sales.unsent import HANDED_OVER_NS, UnsentEvents
from pricing.sales.desk import SalesDesk
from pricing.sales.types import DeskRules, SaleOutcome, StaffMember, StaffState
from pricing.value import Total
from probes.events.staff_orders import StaffAction, StaffOrder
from probes.metrics import Metrics
from tests.fakes import schemas
from tests.fakes.people import SECOND, START, value

if TYPE_CHECKING:
    from pathlib import Path

    from probes.events.messages import Message

MESSAGE, RESULT = schemas.message("sale"), schemas.message("command_result")
STAFF = [StaffMember("anna", 5, frozenset({"handbag"})), StaffMember("Jörg", 2)]


def seen(number: int, worth: int, rank: int | None = 1, camera: str = "door") -> PersonView:
    zones = (ZoneTime(camera, "till", START, 5000, now=True),)
    return PersonView(
        camera=camera, track=f"k7f3-{number:04d}", visible=True, box=(0, 0, 1, 1), arrived_at=START,
        seen_at=START, dwell_ms=5000, waiting_ms=0, items=value(worth).items,
        total=Total(worth, worth, worth, "EUR", 1, 0), zones=zones, tracks=1, certainty=1.0, rank=rank,
        score_minor=worth, rules=(), served_at=None, customer=True, explain=(), number=number,
    )  # fmt: skip


class Shop:
    """A floor of so many people and a publisher, around a desk that can be started anew."""

    def __init__(self, path: Path) -> None:
        self.path, self.now, self.random = path, START, Random(1)
        self.later = 0  # by so many ns the clock was set since the start
        self.people: list[PersonView] = []
        self.orders: list[StaffOrder] = []
        self.sent: list[dict[str, Any]] = []
        self.works, self.views = True, 1
        self.metrics = Metrics(("live",))
        self.restart("00001")

    def restart(self, run: str) -> None:
        self.desk = FloorDesk(
            SalesDesk(STAFF, DeskRules(accept_within_s=30, unattended_after_s=60)),
            SaleFile(self.path, lambda: self.now),
            self,  # type: ignore[arg-type]  # what the desk uses of a floor, and of a publisher
            self,  # type: ignore[arg-type]
            self.metrics,
            store="shop-1", device="box", currency="EUR", minor_per_unit=100, run=run,
            now_ns=lambda: self.now, utc=lambda at: at + self.later, getrandbits=self.random.getrandbits,
        )  # fmt: skip
        self.commands = Commands(lambda: self.now)
        for name, handler in sale_commands(self.desk).items():
            self.commands.add(name, handler)

    def snapshot(self) -> FloorView:
        return FloorView(self.now, self.views, tuple(self.people))

    def order(self, order: StaffOrder) -> bool:
        self.orders.append(order)
        return True

    def send(self, message: Message) -> bool:
        if self.works:
            payload = json.loads(json.dumps(message.payload))
            MESSAGE.validate(payload)
            assert message.topic == f"sale/{payload['kind']}"
            self.sent.append(payload)
        return self.works

    def tick(self, after_s: float = 1) -> None:
        self.now += int(after_s * SECOND)
        self.desk.tick()

    def command(self, command: str, /, **asked: Any) -> tuple[bool, str]:
        assert self.commands.accept(command, json.dumps(asked).encode(), retained=False)
        ((_, result),) = self.commands.answers()
        RESULT.validate(result)
        return result["ok"], result["result"] or result["error"]

    def kinds(self) -> list[str]:
        return [payload["kind"] for payload in self.sent]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "sales.db")


def test_who_is_attended_is_worth_as_much_after_a_restart(shop: Shop) -> None:
    shop.people = [seen(1, 129_000)]
    shop.desk.set_state("anna", StaffState.FREE)
    shop.tick()
    (offer,) = shop.desk.board.desk.offers
    shop.desk.answer(offer.number, "anna", accept=True)
    shop.people = [replace(seen(1, 129_000, rank=None), score_minor=0)]  # as the floor has who was served
    shop.tick()
    shop.desk.set_state("Jörg", StaffState.BREAK)  # a step later, so all is written again
    shop.people = []
    shop.restart("00002")
    shop.tick()
    (offer,) = shop.desk.board.desk.offers
    assert (offer.accepted, offer.customer.worth_minor) == (True, 129_000)


def test_an_offer_by_commands_from_free_to_sold(shop: Shop) -> None:
    shop.people = [seen(1, 129_000), seen(2, 2_000)]
    assert shop.command("staff", name="anna", state="free") == (True, "anna is free")
    shop.tick()
    offered = shop.sent[-1]
    assert (offered["kind"], offered["seller"], offered["worth_minor"]) == ("offered", "anna", 129_000)
    assert offered["customer"] == {"id": "00001-1", "camera": "door", "track": "k7f3-0001"}
    assert "knows handbag" in offered["reason"]
    number = offered["offer"]
    assert shop.command("offer", offer=number, name="anna", answer="accept") == (
        True,
        f"offer {number}: accept",
    )
    assert shop.orders == [StaffOrder(StaffAction.SERVED, "door", "k7f3-0001")]
    shop.people[0] = seen(1, 129_000, rank=None)  # the floor ranks who was served no more
    shop.tick()
    assert shop.command("sale", offer=number, name="anna", outcome="sold", amount_minor=45_000)[0]
    assert (shop.sent[-1]["outcome"], shop.sent[-1]["amount_minor"]) == ("sold", 45_000)
    shop.tick()
    assert (shop.sent[-1]["kind"], shop.sent[-1]["customer"]["id"]) == ("offered", "00001-2")
    page = generate_latest(shop.metrics.registry).decode()
    assert 'msh_sale_events_total{kind="accepted"} 1.0' in page
    assert 'msh_staff{state="free"} 1.0' in page
    assert "msh_sale_unattended_value_currency_units 20.0" in page


@pytest.mark.parametrize(
    ("name", "asked", "error"),
    [
        ("staff", {"name": "nobody", "state": "free"}, "unknown name"),
        ("staff", {"name": "anna", "state": "asleep"}, "not understood"),
        ("staff", {"state": "free"}, "not understood"),
        ("offer", {"offer": 99, "name": "anna", "answer": "accept"}, "offer over"),
        ("offer", {"offer": "1", "name": "anna", "answer": "accept"}, "not understood"),
        ("offer", {"offer": 1, "name": "anna", "answer": "perhaps"}, "not understood"),
        ("sale", {"offer": 1, "name": "anna", "outcome": "sold", "amount_minor": -5}, "not understood"),
        ("attend", {"camera": "door", "track": "k7f3-0009", "name": "anna"}, "unknown person"),
    ],
)
def test_a_command_that_cannot_be_obeyed_says_why(
    shop: Shop, name: str, asked: dict[str, Any], error: str
) -> None:
    assert shop.command(name, **asked) == (False, error)
    assert shop.sent == []


def test_after_a_crash_all_goes_on_and_every_event_arrives(shop: Shop) -> None:
    shop.people = [seen(1, 129_000)]
    shop.desk.set_state("anna", StaffState.FREE)
    shop.works = False  # the queue to the broker is full
    shop.tick()
    assert shop.sent[1:] == []
    shop.restart("00002")  # killed before anything could be sent
    shop.works = True
    assert shop.command("staff", name="Jörg", state="free")[0]
    assert shop.kinds() == ["staff", "staff", "offered", "staff"]  # the first once more: not known to be sent
    assert len({payload["event_id"] for payload in shop.sent}) == 3
    shop.people = [replace(seen(1, 129_000), arrived_at=shop.now, seen_at=shop.now)]
    shop.tick()
    # The new run knows its people anew: who stands there is the same, and the offer to anna stands.
    assert shop.kinds()[4:] == []
    number = shop.sent[2]["offer"]
    shop.desk.answer(number, "anna", accept=True)
    assert shop.sent[-1]["customer"] == {"id": "00001-1", "camera": "door", "track": "k7f3-0001"}
    shop.restart("00003")
    shop.people = []
    shop.tick()
    shop.desk.done(number, "anna", SaleOutcome.BROWSING, None)
    assert shop.sent[-1]["customer"] == {"id": "00001-1", "camera": None, "track": None}


@pytest.mark.parametrize("seed", range(12))
def test_whatever_crashes_every_event_arrives_in_order(tmp_path: Path, seed: int) -> None:
    shop, random = Shop(tmp_path / "sales.db"), Random(seed)
    for step in range(60):
        shop.now += random.randrange(20) * SECOND
        shop.works = random.random() < 0.6
        kind = random.randrange(6)
        if kind == 0:
            shop.people = [seen(n, random.randrange(10**6)) for n in random.sample(range(9), 4)]
        elif kind == 1:
            shop.desk.set_state(random.choice(STAFF).name, random.choice(list(StaffState)))
        elif kind == 2:
            shop.restart(f"{step:05x}")
        elif offers := list(shop.desk._desk.offered.items()):
            number, (_, seller) = random.choice(offers)
            shop.desk.answer(number, seller, accept=random.random() < 0.6)
        shop.tick(0)
    shop.works = True
    shop.tick()
    first_seen = list(dict.fromkeys(payload["number"] for payload in shop.sent))
    assert first_seen == list(range(1, shop.desk._desk.snapshot()["number"] + 1))
    assert len(first_seen) == len({payload["event_id"] for payload in shop.sent})


def test_events_leave_the_file_when_the_spool_has_had_time_to_take_them(shop: Shop) -> None:
    shop.desk.set_state("anna", StaffState.FREE)
    assert SaleFile(shop.path, lambda: shop.now).count_events() == 1
    shop.tick(HANDED_OVER_NS / SECOND)
    assert SaleFile(shop.path, lambda: shop.now).count_events() == 0


@pytest.mark.parametrize("restarted", [False, True])
def test_events_beyond_the_memory_wait_on_disk_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    monkeypatch.setattr("pipelines.sales.unsent.MAX_IN_MEMORY", 4)
    file, sent, dropped, works = SaleFile(tmp_path / "s.db", lambda: START), [], [], False

    def send(payload: dict[str, Any]) -> bool:
        return works and (sent.append(payload["number"]) or True)

    def rows(first: int, count: int) -> list[tuple[int, dict[str, Any]]]:
        return [(n, {"number": n}) for n in range(first, first + count)]

    unsent = UnsentEvents(file, send, dropped.append)
    for first in (1, 4, 7):
        unsent.add(rows(first, 3), saved=file.save({}, rows(first, 3)))
        unsent.send(START)
    assert (len(unsent), sent) == (9, [])
    if restarted:
        unsent = UnsentEvents(file, send, dropped.append)
    works = True
    unsent.send(START)
    assert (sent, len(unsent), dropped) == ([*range(1, 10)], 0, [])
    works = False
    unsent.add(rows(10, 6), saved=False)  # the disk is full, too
    assert (len(unsent), sum(dropped)) == (4, 2)
    unsent.add(rows(16, 2), saved=file.save({}, rows(16, 2)))
    works = True
    unsent.send(START + HANDED_OVER_NS)
    assert (sent[9:], file.count_events()) == ([10, 11, 12, 13, 16, 17], 2)


def test_who_nobody_attends_is_reported_once_and_staff_is_no_customer(shop: Shop) -> None:
    shop.people = [seen(1, 129_000), seen(2, 999_000, rank=None)]
    for _ in range(5):
        shop.tick(30)
    assert shop.kinds() == ["escalated"]
    assert shop.sent[0]["customer"]["track"] == "k7f3-0001"


def test_the_thread_starts_and_ends(shop: Shop) -> None:
    shop.desk.start()
    shop.desk.stop()
    assert not shop.desk._thread.is_alive()


def lost(person: PersonView, **more: Any) -> PersonView:
    return replace(person, visible=False, held=True, **more)


def test_nobody_is_sent_to_who_is_not_seen_and_an_offer_made_before_stands(shop: Shop) -> None:
    shop.desk.set_state("anna", StaffState.FREE)
    shop.people = [lost(seen(1, 129_000))]
    shop.tick()
    assert "offered" not in shop.kinds()
    (waits,) = shop.desk.board.desk.waiting
    assert waits.customer.not_now == "unseen"
    shop.people = [seen(1, 129_000)]
    shop.tick()
    (offer,) = shop.desk.board.desk.offers
    shop.people = [lost(seen(1, 129_000)), seen(2, 500_000)]
    shop.tick()
    assert [one.number for one in shop.desk.board.desk.offers] == [offer.number]
    shop.desk.answer(offer.number, "anna", accept=True)
    assert shop.kinds().count("offered") == 1


@pytest.mark.parametrize("gone", [False, True])
def test_who_may_be_an_attended_customer_is_offered_to_nobody_until_that_is_over(shop: Shop, gone) -> None:
    place, elsewhere = (0.4, 0.3, 0.1, 0.5), (0.8, 0.3, 0.1, 0.5)
    first = replace(seen(1, 129_000), box=place)
    shop.people = [first]
    shop.desk.set_state("anna", StaffState.FREE)
    shop.tick()
    (offer,) = shop.desk.board.desk.offers
    shop.desk.answer(offer.number, "anna", accept=True)
    shop.desk.set_state("J\u00f6rg", StaffState.FREE)
    shop.people = [lost(first, rank=None)]
    shop.tick()
    later = START + 70 * SECOND
    there = replace(seen(2, 129_000), box=place, arrived_at=later, seen_at=later)
    behind = replace(there, number=3, track="k7f3-0003", arrived_at=later + SECOND, score_minor=90_000)
    shop.people = [there] if gone else [lost(first, rank=None), there]
    shop.tick(70)
    assert [one.customer.not_now for one in shop.desk.board.desk.waiting] == ["perhaps_attended"]
    shop.people = [*shop.people, behind, replace(behind, number=4, box=elsewhere, score_minor=50_000)]
    shop.tick()
    assert [o.customer.id for o in shop.desk.board.desk.offers if not o.accepted] == ["00001-3"]
    shop.desk.done(offer.number, "anna", SaleOutcome.SOLD, None)
    shop.tick()
    assert "00001-2" in {o.customer.id for o in shop.desk.board.desk.offers}


@pytest.mark.parametrize("end", ["found", "given up"])
@pytest.mark.parametrize("before", ["escalated", "served", "staff"])
def test_who_may_be_somebody_lost_whom_the_manager_knows_of_is_not_reported(
    shop: Shop, before: str, end: str
) -> None:
    """Wherever in view of the camera: by the clothes, somebody is found again in another place."""
    first = replace(seen(1, 129_000), box=(0.1, 0.3, 0.1, 0.5))
    if before != "escalated":
        first = replace(first, rank=None, customer=before == "served", served_at=START)
    shop.people = [first]
    shop.tick()
    shop.tick(61)
    told = shop.kinds()
    assert told == ["escalated"] * (before == "escalated")
    first = replace(first, seen_at=shop.now)
    came = shop.now + 9 * SECOND
    new = replace(seen(2, 129_000), box=(0.8, 0.3, 0.1, 0.5), arrived_at=came, seen_at=came)
    shop.people = [lost(first), new]
    shop.tick(10)
    shop.tick(80)
    assert shop.kinds() == told
    shop.people = [replace(first, also=(2,))] if end == "found" else [new]
    shop.tick()
    shop.tick(80)
    assert shop.kinds() == told + ["escalated"] * (end == "given up")


def test_who_comes_into_view_of_another_camera_is_reported(shop: Shop) -> None:
    shop.people = [seen(1, 129_000)]
    shop.tick()
    shop.tick(61)
    came = shop.now + 9 * SECOND
    shop.people = [lost(seen(1, 129_000)), replace(seen(2, 129_000, camera="till"), arrived_at=came)]
    shop.tick(10)
    shop.tick(61)
    assert shop.kinds() == ["escalated", "escalated"]


def test_who_comes_while_an_attended_customer_is_out_of_view_otherwise_is_offered(shop: Shop) -> None:
    shop.people = [seen(1, 129_000)]
    shop.desk.set_state("anna", StaffState.FREE)
    shop.tick()
    shop.desk.answer(shop.desk.board.desk.offers[0].number, "anna", accept=True)
    shop.desk.set_state("J\u00f6rg", StaffState.FREE)
    shop.people = [replace(seen(2, 129_000), arrived_at=START + 9 * SECOND)]
    shop.tick(10)
    assert shop.kinds().count("offered") == 2
