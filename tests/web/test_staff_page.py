"""Two phones and the manager's screen in a real browser, on the real desk, its file and the real server."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import replace

import pytest

from pricing.sales.types import StaffState
from tests.fakes.selling_page import PIN, SellingPage, staff_section
from tests.fakes.served_page import customer
from tests.web.browsing import Visit


class Phone(Visit):
    """A salesperson's phone."""

    def sign_in(self, name: str, pin: str | None = None):
        page = self.go("staff")
        page.get_by_role("button", name=name).click()
        if pin is not None:
            page.get_by_label("PIN").fill(pin)
            page.get_by_role("button", name="Sign in").click()
        page.locator("#states button").first.wait_for()
        return page

    def be(self, state: str) -> None:
        self.page.locator("#states").get_by_role("button", name=state).click()
        self.page.locator(f"#states button[aria-pressed=true]:has-text('{state}')").wait_for()


@pytest.fixture
def phones(chrome, shop):
    opened = [Phone(chrome, shop.url, "phone"), Phone(chrome, shop.url, "phone", dark=True)]
    yield opened
    for phone in opened:
        phone.close()


def test_a_day_of_two_phones_and_a_manager(shop, phones, manager):
    (anna, joerg), screen = phones, manager.go("#/desk")
    one = anna.go("staff")
    one.get_by_role("button", name="Anna").wait_for()
    anna.assert_fits("staff-names")
    one.get_by_role("button", name="Anna").click()
    one.get_by_label("PIN").fill("0000")
    one.get_by_role("button", name="Sign in").click()
    one.get_by_text("That is not the PIN").wait_for()
    anna.assert_fits("staff-pin")
    one, two = anna.sign_in("Anna", PIN), joerg.sign_in("Jörg B.")
    anna.be("Free")
    joerg.be("Free")
    joerg.assert_fits("staff-free-dark")
    # An offer, as the value wants it: the best salesperson to the most valuable customer.
    shop.show(129_000, 8_000)
    one.get_by_role("heading", name="For you now").wait_for()
    for words in ("€1,290", "Burberry handbag", "Doorway · Entrance", "you know"):
        assert words in one.locator("main").inner_text()
    two.locator(".worth", has_text="€80").wait_for()
    anna.assert_fits("staff-offer")
    joerg.assert_fits("staff-offer-dark")
    screen.get_by_text("Anna is asked").first.wait_for()
    screen.locator(".languages", has_text="Italian, German").wait_for()
    # Declined: it goes to the next best. Accepted: the other one is told nothing.
    one.get_by_role("button", name="Not now").click()
    one.get_by_role(
        "heading", name="Free"
    ).wait_for()  # a step before the answer has come would offer nothing
    shop.tick()
    two.locator(".worth", has_text="€1,290").wait_for()
    two.get_by_role("button", name="I’ll go").click()
    two.get_by_role("heading", name="Your customer").wait_for()
    screen.get_by_text("Jörg B. attends").wait_for()
    manager.assert_fits("desk")
    # Restart in the middle: the phones come back by themselves, and nothing is forgotten.
    shop.page.server.stop()
    two.locator("#lost").wait_for()
    assert two.locator("#states button").first.is_disabled()
    joerg.assert_fits("staff-lost-dark")
    joerg.resize("phone")
    joerg.assert_fits("staff-lost")
    joerg.resize("phone", dark=True)
    shop.stop()
    shop.start()
    two.locator("#lost").wait_for(state="hidden")
    two.get_by_role("button", name="Done").click()
    two.get_by_label("Amount sold").fill("12,345")
    two.get_by_role("button", name="Sold").click()
    two.get_by_text("That is not an amount").wait_for()
    two.get_by_label("Amount sold").fill("450,50")
    joerg.assert_fits("staff-done-dark")
    two.get_by_role("button", name="Sold").click()
    two.get_by_role("heading", name="Free").wait_for()
    # A time-out, twice: the phone is taken for lost. Then the manager is told, once.
    anna.be("Free")
    shop.show(250_000, first=11)
    one.get_by_role("heading", name="For you now").wait_for()
    joerg.be("Off")
    shop.tick(31)
    one.get_by_role("heading", name="Free").wait_for()
    shop.tick(121)
    screen.get_by_role("alert").get_by_text("Nobody attends €2,500: Doorway · Entrance").wait_for()
    manager.assert_fits("desk-escalated")
    manager.listen()
    screen.get_by_label("State of Jörg B.").select_option("free")
    two.locator("#states button[aria-pressed=true]:has-text('Free')").wait_for()
    screen.locator(".desk-member", has_text="Jörg B.").locator(".pill.good").wait_for()
    assert manager.told("Nobody attends") == 0
    screen.get_by_label("Send …").select_option("Anna (Italian, German)")
    one.get_by_role("heading", name="Your customer").wait_for()
    anna.assert_fits("staff-attending")


def test_what_is_dear_stands_first_and_what_has_no_price_is_not_called_unseen(shop, phones, manager):
    """The phone said €0 in its largest letters, the manager's page that nothing was recognised."""
    bag, jacket = customer().items
    shop.floor.show(
        replace(customer(), items=(jacket, bag)),
        replace(customer("k7f3-0002", 0, 2), number=2, items=(jacket,)),
    )
    shop.desk.set_state("Anna", StaffState.FREE)
    shop.tick()
    page, screen = phones[0].sign_in("Anna", PIN), manager.go("#/desk")
    assert page.locator(".worn li").all_inner_texts() == ["Burberry handbag", "Black jacket, brand unknown"]
    row = screen.locator(".desk-row", has_text="No price known")
    screen.get_by_text("Burberry handbag, black jacket, brand unknown").first.wait_for()
    page.get_by_role("button", name="Not now").click()
    row.get_by_label("Send …").select_option("Anna (Italian, German)")
    page.get_by_role("heading", name="Your customer").wait_for()
    assert page.locator(".worth").inner_text() == "No price known"
    phones[0].assert_fits("staff-no-price")


def test_two_phones_with_one_name_and_one_without_connection(shop, phones):
    other = phones[1].context.new_page()
    other.goto(shop.url)
    others = ["of-another-application", "msh-staff-1 /another-store/"]
    for name in (*others, "msh-staff-2"):
        other.evaluate("(name) => caches.open(name).then(() => true)", name)
    one, two = (phone.sign_in("Anna", PIN) for phone in phones)
    phones[0].be("Free")
    two.locator("#states button[aria-pressed=true]:has-text('Free')").wait_for()
    two.evaluate("navigator.serviceWorker.ready.then(() => true)")
    phones[1].context.set_offline(True)
    two.reload()  # the shell comes from the phone, and says so plainly
    shop.show(129_000)
    one.get_by_role("button", name="I’ll go").click()
    one.get_by_role("heading", name="Your customer").wait_for()
    two.get_by_role("heading", name="Not connected").wait_for()
    assert two.locator("#link").inner_text() == "Not connected"
    phones[1].shoot("staff-offline-opened")
    kept = two.evaluate(
        """async () => {
          const names = (await caches.keys()).filter((name) => name.startsWith("msh-staff-"));
          const kept = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
          return kept.flat().map((request) => request.url);
        }"""
    )
    assert f"{shop.url}/staff" in kept
    assert [url for url in kept if "/api/" in url or not url.startswith(shop.url)] == []
    assert two.evaluate("caches.keys()") == [*others, "msh-staff-3 /"]
    phones[1].context.set_offline(False)
    two.get_by_role("heading", name="Your customer").wait_for()
    shop.page.client().post("/api/desk/sign-out", json={"name": "Anna"})
    two.get_by_role("heading", name="Who are you?").wait_for()
    one.get_by_role("heading", name="Who are you?").wait_for()


def test_the_question_for_a_pin_goes_with_its_page(manager):
    """Back, or a session that ends, would leave it over the next page, or over the sign-in."""
    screen = manager.go("#/floor")
    screen.get_by_role("link", name="Staff").click()
    screen.get_by_role("button", name="PIN of Jörg B.").click()
    screen.get_by_label("New PIN").wait_for()
    screen.go_back()
    screen.locator(".wall").wait_for()
    assert screen.locator("dialog").count() == 0
    screen.get_by_role("link", name="Staff").click()  # nothing lies over it
    screen.get_by_role("button", name="PIN of Jörg B.").wait_for()


def test_a_manager_sets_a_pin(shop, phones, manager):
    joerg, screen = phones[1], manager.go("#/desk")
    screen.get_by_role("button", name="PIN of Jörg B.").click()
    field = screen.get_by_label("New PIN")
    manager.assert_fits("desk-pin")
    field.fill("12")
    screen.get_by_role("button", name="Set PIN").click()
    assert field.is_visible()  # the browser refuses what is too short
    field.fill("135790")
    screen.get_by_role("button", name="Set PIN").click()
    screen.get_by_text("Jörg B. has a new PIN.").wait_for()
    joerg.sign_in("Jörg B.", "135790")
    screen.get_by_role("button", name="PIN of Jörg B.").click()
    screen.get_by_role("button", name="Remove this PIN").click()
    joerg.page.get_by_role("heading", name="Who are you?").wait_for()


@pytest.fixture
def keeping(tmp_path):
    kept = "  keep_free: 1\n  keep_for_at_least: 3000\n"
    started = SellingPage(tmp_path, sections=staff_section().replace("1000\n", "0\n") + kept)
    yield started
    started.stop()


def test_a_manager_sees_why_somebody_waits_beside_who_is_free(chrome, keeping):
    """Where they have waited too long, too; and who wears nothing that has a price is not "€0"."""
    keeping.desk.set_state("Anna", StaffState.FREE)
    keeping.show(0)
    keeping.tick(130)
    with closing(Visit(chrome, keeping.url, "phone")) as window:
        page = window.go("#/desk")
        row = page.locator(".desk-row", has_text="No price known")
        for text in ("too long", "Somebody is kept free for a more valuable customer"):
            row.get_by_text(text).wait_for()
        assert "€0" not in row.inner_text()
        window.assert_fits("desk-kept")


def test_the_app_can_be_installed(shop):
    client = shop.page.client()
    assert client.get("/staff").headers["content-type"].startswith("text/html")
    manifest = client.get("/staff.webmanifest").json()
    assert (manifest["start_url"], manifest["display"]) == ("staff", "standalone")
    for icon in manifest["icons"]:
        picture = client.get(f"/{icon['src']}")
        assert picture.headers["content-type"] == icon["type"]
        assert f"{int.from_bytes(picture.content[16:20], 'big')}" == icon["sizes"].partition("x")[0]
    worker = client.get("/staff-worker.js").text
    shell = json.loads(worker.partition("SHELL = ")[2].partition("].map")[0].rstrip().rstrip(",") + "]")
    for path in shell:
        found = client.get(f"/{path}")
        assert found.status_code == 200, path
        if path.endswith(".js"):
            imports = {f"js/{name}" for name in re.findall(r'from "\./(\w+\.js)"', found.text)}
            assert imports <= set(shell), path
