"""A box that is killed and started: its customers go on, though everybody has a new number."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pricing.sales.types import SaleOutcome, StaffState
from probes.events.staff_orders import StaffAction, StaffOrder
from tests.fakes.people import SECOND, START
from tests.pipelines.sales.test_floor_desk import Shop, seen

if TYPE_CHECKING:
    from pathlib import Path


THERE, BESIDE, FAR = (0.4, 0.3, 0.1, 0.5), (0.52, 0.32, 0.1, 0.5), (0.8, 0.3, 0.1, 0.5)
ASK_S, ALONE_S = 30, 60
"""As the rules of `Shop` have it: an offer times out, and the manager is told."""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "sales.db")


def come(shop: Shop, number: int, box: tuple[float, float, float, float] = THERE, **more: object) -> None:
    """Let somebody into view now."""
    one = replace(seen(number, 129_000), box=box, arrived_at=shop.now, seen_at=shop.now)
    shop.people.append(replace(one, **more))


def look(shop: Shop, ticks: int = 1) -> None:
    """Let time pass while everybody stays in view."""
    for _ in range(ticks):
        shop.people = [replace(one, seen_at=shop.now + SECOND) for one in shop.people]
        shop.tick()


def restart(shop: Shop, after_s: float = 8) -> None:
    shop.tick(60)  # nothing is told again only because it was told a moment ago
    shop.people = [replace(one, seen_at=shop.now) for one in shop.people]
    shop.tick(5)
    shop.sent.clear()
    shop.now += int(after_s * SECOND)
    shop.people = []
    shop.restart("00002")
    shop.tick()


def accept(shop: Shop, seller: str = "anna") -> int:
    shop.desk.set_state(seller, StaffState.FREE)
    look(shop)
    (offer,) = (one for one in shop.desk.board.desk.offers if not one.accepted)
    shop.desk.answer(offer.number, seller, accept=True)
    return offer.number


def test_who_is_attended_is_attended_by_the_same_one_after_a_restart(shop: Shop) -> None:
    come(shop, 1)
    number = accept(shop)
    look(shop)
    restart(shop)
    shop.orders.clear()
    shop.desk.set_state("Jörg", StaffState.FREE)
    come(shop, 7)
    look(shop, 2 * ALONE_S)
    assert [kind for kind in shop.kinds() if kind != "staff"] == []
    assert shop.orders == [StaffOrder(StaffAction.SERVED, "door", "k7f3-0007")]
    shop.desk.done(number, "anna", SaleOutcome.SOLD, None)
    assert shop.sent[-1]["customer"] == {"id": "00001-1", "camera": "door", "track": "k7f3-0007"}


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("desk", "{", "["),
        ("desk", '"since"', '"sinde"'),
        ("desk", '"customer": "00001-1"', '"customer": "00001-3"'),
        ("desk", '"free"', '"fref"'),
        ("event", "{", "["),
        ("event", '"kind"', '"kinf"'),
    ],
)
def test_a_row_that_the_disk_has_changed_keeps_neither_start_nor_events_back(
    shop: Shop, table: str, old: str, new: str
) -> None:
    come(shop, 1)
    shop.works = False
    accept(shop)
    look(shop)
    column = {"desk": "state", "event": "payload"}[table]
    shop.desk.stop()
    with contextlib.closing(sqlite3.connect(shop.path)) as db, db:
        changed = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
        assert db.execute(changed, (old, new)).rowcount
    shop.works = True
    shop.restart("00002")
    shop.people = []
    shop.desk.set_state("Jörg", StaffState.FREE)
    come(shop, 2)
    look(shop, 2)
    assert "Jörg" in [payload["seller"] for payload in shop.sent]


@pytest.mark.parametrize("box", [THERE, FAR])
def test_the_manager_is_told_once_over_a_restart(shop: Shop, box: tuple[float, float, float, float]) -> None:
    """Whoever walked on meanwhile is told of again only once their camera has long been back."""
    come(shop, 1)
    look(shop, ALONE_S + 2)
    assert shop.kinds() == ["escalated"]
    restart(shop)
    come(shop, 7, box)
    look(shop, 50)
    assert shop.kinds() == []
    look(shop, 2 * ALONE_S)
    assert shop.kinds() == ([] if box is THERE else ["escalated"])


@pytest.mark.parametrize(
    ("began", "set_by", "again"),
    [
        (40 * SECOND, START, START + 120 * SECOND),  # begins in 1970, is set, and is right at the next start
        (40 * SECOND, 0, START),  # was never set
        (START, 0, 40 * SECOND),  # was right, and begins in 1970
    ],
)
def test_attending_goes_on_over_a_restart_with_another_clock(
    shop: Shop, began: int, set_by: int, again: int
) -> None:
    shop.now = began
    shop.restart("00002")
    come(shop, 1)
    accept(shop)
    shop.later = set_by
    look(shop, 3)
    shop.now, shop.later, shop.people = again, 0, []
    shop.restart("00003")
    shop.tick()
    (offer,) = shop.desk.board.desk.offers
    assert offer.accepted
    assert 0 <= shop.now - offer.at < 120 * SECOND
    shop.tick(2 * 3600)
    assert (shop.kinds()[-1], shop.desk.board.desk.offers) == ("done", ())


def test_an_open_offer_stands_over_a_restart(shop: Shop) -> None:
    shop.desk.set_state("anna", StaffState.FREE)
    come(shop, 1)
    look(shop)
    (before,) = shop.desk.board.desk.offers
    shop.sent.clear()
    shop.people = []
    shop.restart("00002")
    shop.works = False
    look(shop, 3)
    shop.works = True
    come(shop, 7, items=(), score_minor=0)  # nothing is known yet of who is in view
    look(shop, 3)
    (offer,) = shop.desk.board.desk.offers
    assert (offer.number, offer.customer.id, offer.customer.worth_minor) == (
        before.number,
        "00001-1",
        129_000,
    )
    shop.desk.answer(offer.number, "anna", accept=True)
    assert [payload["kind"] for payload in shop.sent if payload["number"] > before.number] == ["accepted"]


@pytest.mark.parametrize("here_still", [True, False])
def test_who_was_served_is_not_offered_after_a_restart(shop: Shop, here_still: bool) -> None:
    come(shop, 1)
    number = accept(shop)
    look(shop)
    shop.desk.done(number, "anna", SaleOutcome.SOLD, None)
    shop.people = [replace(shop.people[0], rank=None, served_at=shop.now)]  # as the floor has who was served
    look(shop, 2)
    restart(shop)
    shop.orders.clear()
    come(shop, 7, THERE if here_still else FAR)
    look(shop, 3)
    assert shop.kinds() == ([] if here_still else ["offered"])
    assert len(shop.orders) == here_still


def test_who_does_not_come_back_ends_as_before(shop: Shop) -> None:
    shop.desk.set_state("anna", StaffState.FREE)
    come(shop, 1)
    look(shop)
    restart(shop)
    come(shop, 7, camera="till")
    look(shop, 70)
    assert "00001-1" not in shop.desk._desk.customers or shop.desk.board.desk.offers == ()
    shop.people = []
    look(shop, 330)
    assert shop.desk._desk.customers == {}
    assert rows(shop) == []


@pytest.mark.parametrize("down_s", [-3600, 301, 7200])
def test_places_too_old_or_of_another_clock_are_not_used_and_deleted(shop: Shop, down_s: int) -> None:
    come(shop, 1)
    look(shop, 2)
    assert [row[0] for row in rows(shop)] == ["00001-1"]
    restart(shop, down_s)
    assert rows(shop) == []
    come(shop, 7)
    look(shop)
    assert shop.desk._desk.customers.keys() == {"00002-7"}


def test_the_next_customer_at_the_till_is_not_who_stood_there_minutes_ago(shop: Shop) -> None:
    come(shop, 1)
    look(shop, ALONE_S + 2)
    restart(shop, 130)
    come(shop, 7)
    look(shop, 70)
    assert shop.desk._desk.customers.keys() == {"00002-7"}
    assert shop.kinds() == ["escalated"]


@pytest.mark.parametrize("opens_after_s", [0, 40])
def test_who_comes_when_the_cameras_have_been_back_for_long_is_somebody_new(
    shop: Shop, opens_after_s: int
) -> None:
    """An empty place tells that its customer has left; no pictures tell nothing."""
    come(shop, 1)
    look(shop, 2)
    shop.people = []
    shop.restart("00002")
    shop.views = 0
    look(shop, opens_after_s)
    shop.views = 1
    look(shop, 2)
    come(shop, 7, FAR)
    look(shop, 31)
    come(shop, 8)
    look(shop)
    assert {shop.desk._name(number) for number in (7, 8)} == {"00002-7", "00002-8"}
    assert "00001-1" in shop.desk._desk.customers
    look(shop, 30)
    assert shop.desk._desk.customers.keys() == {"00002-7", "00002-8"}


def test_a_restart_soon_after_a_restart_forgets_nobody(shop: Shop) -> None:
    come(shop, 1)
    number = accept(shop)
    look(shop)
    restart(shop)
    shop.restart("00003")
    shop.tick()
    come(shop, 9)
    look(shop)
    shop.now += 3 * SECOND
    shop.restart("00004")
    shop.people = []
    come(shop, 2)
    look(shop)
    shop.desk.done(number, "anna", SaleOutcome.SOLD, None)
    assert shop.sent[-1]["customer"] == {"id": "00001-1", "camera": "door", "track": "k7f3-0002"}


def test_two_side_by_side_go_on_as_themselves(shop: Shop) -> None:
    come(shop, 1)
    number = accept(shop)
    come(shop, 2, BESIDE)
    look(shop)
    restart(shop)
    come(shop, 8, BESIDE)
    come(shop, 9)
    look(shop)
    assert shop.desk.person("00001-1") == shop.people[1]
    assert shop.desk.person("00001-2") == shop.people[0]
    assert shop.desk._desk.attending == {"00001-1": "anna"}
    assert number


def test_places_lie_in_a_file_of_this_user_until_their_customer_has_left(shop: Shop) -> None:
    come(shop, 1)
    look(shop)
    assert stat.S_IMODE(shop.path.stat().st_mode) == 0o600
    assert len(rows(shop)) == 1
    shop.people = []
    look(shop)
    assert rows(shop) == []


def test_nothing_of_a_place_is_left_on_disk_when_all_have_left(shop: Shop) -> None:
    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in shop.path.parent.glob("sales.db*"))

    come(shop, 1, (0.437, 0.3, 0.1, 0.5))
    look(shop, 9)
    assert b"0.437" in on_disk()
    shop.people = []
    look(shop)
    assert b"0.437" not in on_disk()


def test_who_is_of_the_staff_does_not_go_on_as_the_customer_beside_them(shop: Shop) -> None:
    come(shop, 1)
    number = accept(shop)
    look(shop)
    restart(shop)
    come(shop, 6, customer=False, rank=None)
    come(shop, 7, BESIDE)
    look(shop, 3)
    shop.desk.done(number, "anna", SaleOutcome.SOLD, None)
    assert shop.sent[-1]["customer"] == {"id": "00001-1", "camera": "door", "track": "k7f3-0007"}


def test_without_any_camera_nobody_is_held_for_ever(shop: Shop) -> None:
    come(shop, 1)
    look(shop)
    shop.people = []
    shop.views = 0
    shop.restart("00002")
    look(shop, 3)
    assert set(shop.desk.board.desk.waiting)
    look(shop, 330)
    assert shop.desk.board.desk.waiting == ()
    assert rows(shop) == []


def test_after_a_damaged_state_no_event_takes_the_number_of_one_that_waits(shop: Shop) -> None:
    come(shop, 1)
    shop.works = False
    accept(shop)
    look(shop)
    shop.desk.stop()
    with contextlib.closing(sqlite3.connect(shop.path)) as db, db:
        db.execute("UPDATE desk SET state = ''")
        waiting = [json.loads(row[0])["event_id"] for row in db.execute("SELECT payload FROM event")]
    shop.restart("00002")
    shop.people = []
    come(shop, 2)
    look(shop, 2)
    shop.desk.set_state("Jörg", StaffState.FREE)
    shop.desk.stop()
    shop.works = True
    shop.restart("00003")
    shop.tick()
    assert [payload["event_id"] for payload in shop.sent][: len(waiting)] == waiting
    numbers = [payload["number"] for payload in shop.sent]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("box", ["", "[0.1]", "[0.1, 0.1, null, 1]", "7", "{}"])
def test_a_damaged_place_does_not_keep_the_desk_shut(shop: Shop, box: str) -> None:
    come(shop, 1)
    look(shop)
    with sqlite3.connect(shop.path) as db:
        db.execute("UPDATE place SET box = ?", (box,))
    shop.restart("00002")
    look(shop)
    assert shop.desk.board.desk.waiting


def rows(shop: Shop) -> list[tuple[str, str, str, int, int]]:
    with sqlite3.connect(shop.path) as db:
        return db.execute("SELECT * FROM place").fetchall()
