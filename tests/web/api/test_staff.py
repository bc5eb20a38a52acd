"""Phones of salespeople and the manager's view: who may do what, and what is answered."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace

import pytest

from tests.fakes.selling_page import PIN, SellingPage, staff_section
from tests.fakes.served_page import TOKEN
from web.access.pins import TRIES
from web.api.staff import desk_of
from web.live.desk_events import MAX_LISTENERS, MAX_OF_ONE, DeskEvents


@pytest.fixture
def locked(tmp_path):
    started = SellingPage(tmp_path, token=TOKEN)
    yield started
    started.stop()


@pytest.fixture
def open_to_see(tmp_path):
    started = SellingPage(tmp_path, token=TOKEN, more="read_without_login: true")
    yield started
    started.stop()


def phone(shop, name="Anna", pin=PIN):
    client = shop.page.client()
    answer = client.post("/api/staff/session", json={"name": name, "pin": pin})
    assert answer.status_code == 200, answer.text
    return client


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_customer_from_offer_to_sold_on_a_phone(shop):
    anna = phone(shop)
    assert anna.post("/api/staff/state", json={"state": "free"}).status_code == 204
    shop.show(129_000)
    seen = anna.get("/api/staff").json()
    (offer,) = seen["offers"]
    assert (seen["me"]["name"], seen["me"]["state"], seen["currency"], seen["digits"]) == (
        "Anna",
        "free",
        "EUR",
        2,
    )
    assert (offer["value"]["text"], offer["zone"], offer["accepted"]) == ("€1,290", "doorway", False)
    assert (offer["knows"], offer["in_zone"]) == (["burberry", "handbag"], True)
    assert offer["reason"].endswith("longest idle")
    path = f"/api/staff/offers/{offer['offer']}"
    assert code(anna.post(f"{path}/done", json={"outcome": "sold"})) == (409, "conflict")
    assert anna.post(path, json={"answer": "accept"}).status_code == 204
    shop.floor.show()  # the customer leaves the picture
    shop.tick()
    (offer,) = anna.get("/api/staff").json()["offers"]
    assert (offer["accepted"], offer["visible"]) == (True, False)
    assert [one["type"] for one in offer["items"]] == ["handbag", "jacket"]
    assert anna.post(f"{path}/done", json={"outcome": "sold", "amount_minor": 45_000}).status_code == 204
    assert anna.get("/api/staff").json()["offers"] == []


def test_the_access_log_names_who_signed_a_phone_in_and_out_and_no_pin(shop):
    anna = phone(shop)
    assert anna.delete("/api/staff/session").status_code == 204
    entries = [entry for _, entry in reversed(shop.page.backend.access.entries())]
    assert [(entry.kind.value, entry.who, entry.detail) for entry in entries] == [
        ("signed_in", "Anna", "phone"),
        ("signed_out", "Anna", "phone"),
    ]
    # Times and random session ids may hold any four digits.
    assert PIN not in str([replace(entry, at=0, session="") for entry in entries])


def test_two_phones_with_one_name_answer_once(shop):
    one, other = phone(shop), phone(shop)
    one.post("/api/staff/state", json={"state": "free"})
    shop.show(129_000)
    (offer,) = other.get("/api/staff").json()["offers"]
    path = f"/api/staff/offers/{offer['offer']}"
    assert [p.post(path, json={"answer": "accept"}).status_code for p in (one, other)] == [204, 204]
    assert len(shop.desk.board.desk.offers) == 1
    assert code(other.post(path, json={"answer": "decline"})) == (409, "conflict")


def test_a_wrong_pin_slows_its_own_name_and_address_only(shop):
    client = shop.page.client()
    tries = [
        client.post("/api/staff/session", json={"name": "Anna", "pin": "0000"}) for _ in range(TRIES + 1)
    ]
    assert [code(one) for one in tries] == [(401, "wrong_pin")] * TRIES + [(429, "too_many")]
    assert int(tries[-1].headers["retry-after"]) <= 12
    assert client.post("/api/staff/session", json={"name": "Jörg B."}).status_code == 200
    elsewhere = shop.page.client()
    elsewhere.headers["X-Forwarded-For"] = "10.0.0.9"  # believed of no one: the address stays the same
    assert code(elsewhere.post("/api/staff/session", json={"name": "Anna", "pin": PIN})) == (429, "too_many")
    unknown = [client.post("/api/staff/session", json={"name": f"x{n}", "pin": "1"}) for n in range(9)]
    assert {code(one) for one in unknown} == {(404, "not_found")}


def test_good_pins_cost_no_tries(shop):
    for _ in range(TRIES + 2):
        phone(shop)


def test_a_phone_outlives_a_restart_and_no_ticket_is_on_disk(shop):
    anna = phone(shop)
    anna.post("/api/staff/state", json={"state": "free"})
    ticket = anna.cookies["msh_phone"].partition(".")[2]
    shop.stop()
    rows = sqlite3.connect(shop.folder / "sales.db").execute("SELECT key FROM phone").fetchall()
    assert len(rows) == 1
    assert ticket not in str(rows)
    assert PIN not in (shop.folder / "store.yaml").read_text()
    shop.start()
    assert anna.get("/api/staff").json()["me"]["state"] == "free"
    stale = anna.post("/api/staff/state", json={"state": "off"})
    assert code(stale) == (403, "csrf")  # of the run before; the page asks for a new one
    shop.stop()
    shop.sections = staff_section("9999")
    shop.start()
    assert anna.get("/api/staff").json()["me"] is None  # a new PIN signs out


def test_one_phone_that_signs_in_again_or_by_another_name_stays_one(shop):
    anna, manager = phone(shop), shop.page.client()
    for name, counts in (("Anna", [1, 0]), ("Jörg B.", [0, 1])):
        assert anna.post("/api/staff/session", json={"name": name, "pin": PIN}).status_code == 200
        staff = manager.get("/api/desk").json()["staff"]
        assert [one["signed_in"] for one in staff] == [one["phones"] for one in staff] == counts


def test_a_phone_that_left_is_not_counted_but_the_manager_may_sign_it_out(shop):
    anna, manager = phone(shop), shop.page.client()
    shop.stop()
    shop.start()
    desk = manager.get("/api/desk").json()["staff"][0]
    assert (desk["phones"], desk["signed_in"]) == (0, 1)
    assert shop.page.client().post("/api/desk/sign-out", json={"name": "Anna"}).status_code == 204
    assert anna.get("/api/staff").json()["me"] is None


def test_a_lost_phone_is_signed_out_by_the_manager(shop):
    anna, manager = phone(shop), shop.page.client()
    assert manager.get("/api/desk").json()["staff"][0]["phones"] == 1
    assert manager.post("/api/desk/sign-out", json={"name": "Anna"}).status_code == 204
    assert code(anna.post("/api/staff/state", json={"state": "free"})) == (401, "sign_in")


def test_strangers_get_no_further_than_names_with_a_pin(locked):
    stranger = locked.page.client()
    assert stranger.get("/api/staff").json()["names"] == [{"name": "Anna", "pin": True}]
    assert code(stranger.get("/api/staff/events")) == (401, "sign_in")
    assert code(stranger.post("/api/staff/state", json={"state": "free"})) == (401, "sign_in")
    assert code(stranger.post("/api/staff/session", json={"name": "Jörg B."})) == (401, "sign_in")
    anna = phone(locked)
    for path in ("/api/desk", "/api/floor", "/api/desk/events"):
        assert code(anna.get(path)) == (401, "sign_in")
    assert code(anna.post("/api/desk/state", json={"name": "Anna", "state": "off"})) == (401, "sign_in")
    signed_in = locked.page.client(TOKEN)
    assert len(signed_in.get("/api/staff").json()["names"]) == 2
    assert signed_in.post("/api/staff/session", json={"name": "Jörg B."}).status_code == 200


def test_the_manager_sees_and_sets_everyone(shop):
    manager = shop.page.client()
    shop.show(129_000, 300)
    shop.tick(121)
    desk = manager.get("/api/desk").json()
    assert [one["languages"] for one in desk["staff"]] == [["it", "de"], []]
    assert [(one["value"]["text"], one["escalated"]) for one in desk["waiting"]] == [
        ("€1,290", True),
        ("€3", False),
    ]
    assert desk["unattended"]["amount_minor"] == 129_300
    for name in ("Anna", "Jörg B."):
        assert manager.post("/api/desk/state", json={"name": name, "state": "free"}).status_code == 204
    shop.tick()
    desk = manager.get("/api/desk").json()
    assert [(one["seller"], one["accepted"]) for one in desk["offers"]] == [
        ("Anna", False),
        ("Jörg B.", False),
    ]
    waiting = desk["waiting"][0]
    sent = {"name": "Jörg B.", "camera": waiting["camera"], "person": waiting["person"]}
    assert manager.post("/api/desk/attend", json=sent).status_code == 204
    desk = manager.get("/api/desk").json()
    assert desk["staff"][1]["state"] == "busy"
    assert [one["seller"] for one in desk["offers"] if one["accepted"]] == ["Jörg B."]
    assert manager.post("/api/desk/sign-out", json={"name": "Anna"}).status_code == 204
    entries = [entry for _, entry in reversed(shop.page.backend.access.entries())]
    noted = [(one.kind.value, one.camera, one.detail) for one in entries]
    staff = ("command", "", "staff")
    assert noted == [staff, staff, ("command", sent["camera"], "attend"), ("command", "", "sign out phones")]
    assert "Anna" not in str(entries)  # a manager's order is noted, not whom it was about


def test_the_managers_view_ends_where_the_store_file_names_no_staff_any_more(shop):
    with shop.page.client().stream("GET", "/api/desk/events") as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: desk"
        backend = shop.page.backend
        backend.settings = backend.settings.model_copy(update={"staff": None})
        assert "event: out" in list(lines)


@pytest.mark.parametrize(("token", "count"), [(TOKEN, 1), (None, 0)])
def test_the_pages_events_tell_managers_alone_of_the_desk(open_to_see, token, count):
    with open_to_see.page.client(token).stream("GET", "/api/events") as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("event: "))
        told = [next(lines)]
        while told.count("event: floor") < 3:  # it is told at least every two seconds
            told.append(next(lines))
    assert told.count("event: desk") == count  # once: it did not change


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/staff/state", {"state": "asleep"}, 422),
        ("/api/staff/state", {}, 422),
        ("/api/staff/offers/x", {"answer": "accept"}, 404),
        ("/api/staff/offers/99", {"answer": "accept"}, 409),
        ("/api/staff/offers/99", {"answer": "perhaps"}, 422),
        ("/api/staff/offers/99/done", {"outcome": "sold", "amount_minor": True}, 422),
        ("/api/staff/offers/99/done", {"outcome": "sold", "amount_minor": -1}, 422),
        ("/api/staff/session", {"name": 7}, 422),
        ("/api/desk/state", {"name": "nobody", "state": "free"}, 404),
        ("/api/desk/attend", {"name": "Anna", "camera": "x", "person": "y"}, 409),
    ],
)
def test_what_is_not_understood_or_over_is_refused(shop, path, body, status):
    assert phone(shop).post(path, json=body).status_code == status


def test_a_phone_hears_of_an_offer_at_once(shop):
    anna = phone(shop)
    anna.post("/api/staff/state", json={"state": "free"})
    with anna.stream("GET", "/api/staff/events") as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: desk"
        shop.show(129_000)
        assert next(line for line in lines if '"accepted":false' in line)
        shop.desk.phones.sign_out_all("Anna")
        assert "event: out" in list(lines)


def test_a_pin_set_on_the_page_is_kept_as_a_hash_and_signs_phones_out(shop):
    anna, manager = phone(shop), shop.page.client()
    assert [one["pin"] for one in manager.get("/api/desk").json()["staff"]] == ["file", "none"]
    assert manager.post("/api/desk/pin", json={"name": "Anna", "pin": "246810"}).status_code == 204
    assert anna.get("/api/staff").json()["me"] is None
    assert code(manager.post("/api/staff/session", json={"name": "Anna", "pin": PIN})) == (401, "wrong_pin")
    shop.stop()
    shop.start()
    phone(shop, pin="246810")
    manager = shop.page.client()
    assert manager.get("/api/desk").json()["staff"][0]["pin"] == "page"
    assert b"246810" not in b"".join(path.read_bytes() for path in shop.folder.glob("sales.db*"))
    assert "246810" not in str(list(shop.page.backend.access.entries()))
    assert manager.post("/api/desk/pin", json={"name": "Jörg B.", "pin": "1357"}).status_code == 204
    stranger = shop.page.client()
    assert {one["name"]: one["pin"] for one in stranger.get("/api/staff").json()["names"]}["Jörg B."] is True
    assert manager.post("/api/desk/pin", json={"name": "Anna", "pin": None}).status_code == 204
    phone(shop)  # the store file's again
    orders = [(one.kind.value, one.detail) for _, one in reversed(shop.page.backend.access.entries())]
    assert [detail for kind, detail in orders if kind == "command"] == [
        "set PIN: Jörg B.",
        "remove PIN: Anna",
    ]


@pytest.mark.parametrize("by", ["reload", "restart"])
def test_who_was_removed_and_comes_back_has_no_old_pin_and_no_old_phone(shop, by):
    manager, pin = shop.page.client(), {"name": "Jörg B.", "pin": "1357"}
    assert manager.post("/api/desk/pin", json=pin).status_code == 204
    old, anna = phone(shop, "Jörg B.", "1357"), phone(shop)
    with_joerg = shop.sections
    for sections in (with_joerg.replace("Jörg B.", "Kim"), with_joerg):
        shop.sections = sections
        if by == "restart":
            shop.stop()
            shop.start()
        else:
            settings = shop.page.backend.settings
            people = {
                "Kim" if name == "Jörg B." and sections is not with_joerg else name: one
                for name, one in settings.staff.people.items()
            }
            staff = settings.staff.model_copy(update={"people": people})
            shop.desk.reconfigure(staff.members(), staff.rules("EUR"))
    assert shop.desk.phones.pin("Jörg B.") == ""
    assert [one["pin"] for one in shop.page.client().get("/api/desk").json()["staff"]] == ["file", "none"]
    assert old.get("/api/staff").json()["me"] is None
    assert anna.get("/api/staff").json()["me"]["name"] == "Anna"  # who stayed is signed in still


def test_who_set_a_pin_stands_in_the_access_log_by_role_session_and_address(locked):
    manager = locked.page.client(TOKEN)
    assert manager.post("/api/desk/pin", json={"name": "Anna", "pin": "246810"}).status_code == 204
    entry = next(one for _, one in locked.page.backend.access.entries() if one.kind.value == "command")
    assert (entry.who, entry.way.value, entry.detail) == ("manager", "page", "set PIN: Anna")
    assert entry.session
    assert entry.address


def test_a_pin_that_met_a_full_disk_counts_and_the_answer_says_when_it_is_kept(shop, monkeypatch):
    desk, _ = desk_of(shop.page.backend)
    monkeypatch.setattr(desk.phones._file, "save_pin", lambda *_: False)
    answer = shop.page.client().post("/api/desk/pin", json={"name": "Anna", "pin": "246810"})
    assert code(answer) == (500, "failed")
    assert "not on disk yet: it is written once the disk takes it" in answer.text
    phone(shop, pin="246810")


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"name": "Anna", "pin": "abcd"}, (422, "invalid")),
        ({"name": "Anna", "pin": "123"}, (422, "invalid")),
        ({"name": "Anna", "pin": 1234}, (422, "invalid")),
        ({"name": "Anna", "pin": "٠١٢٣"}, (422, "invalid")),
        ({"name": "Nobody", "pin": "1234"}, (404, "not_found")),
        ({"name": "Anna"}, (422, "invalid")),
    ],
)
def test_a_pin_that_is_none_is_refused(shop, body, refused):
    assert code(shop.page.client().post("/api/desk/pin", json=body)) == refused


def test_only_managers_set_pins_and_take_counts_away(locked):
    for stranger in (locked.page.client(), phone(locked)):
        for answer in (
            stranger.post("/api/desk/pin", json={"name": "Anna", "pin": "1234"}),
            stranger.get("/api/insights/cells"),
        ):
            assert answer.status_code in (401, 403)


@pytest.mark.parametrize(("kind", "begins"), [("csv", b"store,currency,measure"), ("parquet", b"PAR1")])
def test_the_counts_of_days_can_be_saved(shop, kind, begins):
    answer = shop.page.client().get(f"/api/insights/cells?from=2026-11-20&to=2026-11-26&format={kind}")
    assert answer.content.startswith(begins)
    assert f'filename="test-store-2026-11-20-2026-11-26.{kind}"' in answer.headers["content-disposition"]
    noted = [
        entry.detail for _, entry in shop.page.backend.access.entries() if entry.kind.value == "downloaded"
    ]
    assert noted == [f"test-store-2026-11-20-2026-11-26.{kind}"], "the access log says who took them"
    assert code(shop.page.client().get("/api/insights/cells?format=xml")) == (422, "invalid")
    assert code(shop.page.client().get("/api/insights/cells?from=soon")) == (422, "invalid")


def test_one_name_cannot_take_the_streams_of_all():
    async def play() -> tuple[list[bool], int]:
        events = DeskEvents(asyncio.Event())
        greedy = [events.enter("phone Anna") for _ in range(MAX_LISTENERS + 1)]
        other = events.enter("phone Ben")
        ended = [chunk async for chunk in events.listen(greedy[0], dict)]
        assert ended[-1].startswith(b"event: bye")
        for listener in (*greedy, other):
            events.leave(listener)
        return [one.replaced for one in greedy], len(events._listeners)

    replaced, left = asyncio.run(play())
    assert (replaced.count(False), replaced[-1], left) == (MAX_OF_ONE, False, 0)
