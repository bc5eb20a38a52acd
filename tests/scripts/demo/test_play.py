"""The demo's salespeople, played against the real page and the real desk."""

from __future__ import annotations

import urllib.error

import pytest

from scripts.demo.play import PARTS, Phone, Player, StaffPart
from scripts.demo.settings import STORE
from tests.fakes.selling_page import SellingPage


@pytest.fixture
def shop(tmp_path):
    sections = "staff:" + STORE.read_text(encoding="utf-8").partition("\nstaff:")[2]
    started = SellingPage(tmp_path, sections=sections.replace("zones: [till]", "zones: [doorway]"))
    yield started
    started.stop()


def test_the_parts_are_those_of_the_store_file(shop):
    assert {part.name for part in PARTS} == set(shop.page.backend.settings.staff.people)


def test_a_part_from_free_to_break(shop, tmp_path):
    phone = Phone(shop.url, "Anna", tmp_path / "cookies")
    player = Player(StaffPart("Anna", 5, ("accept",), ("sold",), break_after=1), phone.ask)
    seen = []
    for at in range(100):
        if at == 10:
            shop.show(129_000)
        player.step(phone.see(), at)
        shop.desk.tick()
        view = shop.desk.board.desk
        state = next(one.said.value for one in view.staff if one.name == "Anna")
        seen.append((state, [offer.accepted for offer in view.of("Anna")]))
    steps = [step for n, step in enumerate(seen) if n == 0 or step != seen[n - 1]]
    assert steps == [
        ("off", []),
        ("free", []),
        ("free", [False]),
        ("free", [True]),
        ("break", []),
        ("free", []),
    ]


def test_who_was_on_a_break_when_the_last_demo_ended_comes_back_and_one_sent_there_stays(shop, tmp_path):
    phone, said = Phone(shop.url, "Anna", tmp_path / "cookies"), []
    player = Player(StaffPart("Anna", 5, (), ()), phone.ask)
    for at in range(12):
        if at in (0, 8):
            phone.see()
            phone.ask("POST", "/api/staff/state", {"state": "break"})
        player.step(phone.see(), at)
        said.append(phone.see()["me"]["said"])
    assert said == ["break"] * 5 + ["free"] * 3 + ["break"] * 4


def test_who_lets_an_offer_wait_answers_nothing(shop):
    calls = []
    player = Player(StaffPart("Ben", 0, ("wait", "decline"), ()), lambda *call: calls.append(call))
    shown = {"me": {"said": "free"}, "offers": [{"offer": 7, "accepted": False}]}
    for at in range(40):
        player.step(shown, at)
    assert calls == []
    shown["offers"][0]["offer"] = 8
    for at in range(40, 50):
        player.step(shown, at)
    assert calls[0] == ("POST", "/api/staff/offers/8", {"answer": "decline"})


def test_a_phone_is_signed_in_once_over_starts_of_demo_and_box(shop, tmp_path):
    for _ in range(3):
        phone = Phone(shop.url, "Anna", tmp_path / "cookies")
        assert phone.see()["me"]["name"] == "Anna"
        phone.ask("POST", "/api/staff/state", {"state": "free"})
    assert shop.desk.phones.count("Anna") == 1
    shop.stop()
    shop.start()
    with pytest.raises(urllib.error.HTTPError):  # the page's sessions have ended with it
        phone.ask("POST", "/api/staff/state", {"state": "off"})
    phone.see()
    phone.ask("POST", "/api/staff/state", {"state": "off"})
    assert shop.desk.phones.count("Anna") == 1


def test_a_refusal_is_no_end(shop, tmp_path):
    with pytest.raises(urllib.error.HTTPError):
        Phone(shop.url, "Nobody", tmp_path / "cookies").see()
