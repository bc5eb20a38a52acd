"""Two phones and the manager's screen in a real browser, on the real desk, its file and the real server."""

from __future__ import annotations

import json
import re
import time
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from pipelines.insights.file import InsightsFile
from pricing.money import display
from pricing.sales.types import StaffState
from scripts.demo import history
from tests.fakes.selling_page import PIN, SECOND, SellingPage, staff_section
from tests.waiting import wait_for
from tests.web.browsing import Visit
from web.live import events


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


@pytest.fixture
def manager(chrome, shop):
    window = Visit(chrome, shop.url)
    yield window
    window.close()


def fits(window: Visit, name: str) -> None:
    window.shoot(name)
    assert window.serious() == [], name
    assert window.overflow() <= 0, name


def test_a_day_of_two_phones_and_a_manager(shop, phones, manager):
    (anna, joerg), screen = phones, manager.go("#/desk")
    one = anna.go("staff")
    one.get_by_role("button", name="Anna").wait_for()
    fits(anna, "staff-names")
    one.get_by_role("button", name="Anna").click()
    one.get_by_label("PIN").fill("0000")
    one.get_by_role("button", name="Sign in").click()
    one.get_by_text("That is not the PIN").wait_for()
    fits(anna, "staff-pin")
    one, two = anna.sign_in("Anna", PIN), joerg.sign_in("Jörg B.")
    anna.be("Free")
    joerg.be("Free")
    fits(joerg, "staff-free-dark")
    # An offer, as the value wants it: the best salesperson to the most valuable customer.
    shop.show(129_000, 8_000)
    one.get_by_role("heading", name="For you now").wait_for()
    for words in ("€1,290", "Burberry handbag", "Doorway · Entrance", "you know"):
        assert words in one.locator("main").inner_text()
    two.locator(".worth", has_text="€80").wait_for()
    fits(anna, "staff-offer")
    fits(joerg, "staff-offer-dark")
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
    fits(manager, "desk")
    # Restart in the middle: the phones come back by themselves, and nothing is forgotten.
    shop.page.server.stop()
    two.locator("#lost").wait_for()
    assert two.locator("#states button").first.is_disabled()
    fits(joerg, "staff-lost-dark")
    joerg.resize("phone")
    fits(joerg, "staff-lost")
    joerg.resize("phone", dark=True)
    shop.stop()
    shop.start()
    two.locator("#lost").wait_for(state="hidden")
    two.get_by_role("button", name="Done").click()
    two.get_by_label("Amount sold").fill("12,345")
    two.get_by_role("button", name="Sold").click()
    two.get_by_text("That is not an amount").wait_for()
    two.get_by_label("Amount sold").fill("450,50")
    fits(joerg, "staff-done-dark")
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
    fits(manager, "desk-escalated")
    manager.listen()
    screen.get_by_label("State of Jörg B.").select_option("free")
    two.locator("#states button[aria-pressed=true]:has-text('Free')").wait_for()
    screen.locator(".desk-member", has_text="Jörg B.").locator(".pill.good").wait_for()
    assert manager.told("Nobody attends") == 0
    screen.get_by_label("Send …").select_option("Anna (Italian, German)")
    one.get_by_role("heading", name="Your customer").wait_for()
    fits(anna, "staff-attending")


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
    fits(manager, "desk-pin")
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


def test_insights_of_a_day(shop, manager):
    page = manager.go("#/insights")
    page.get_by_text("Nothing to show yet").wait_for()
    now = datetime.now(timezone.utc)
    history.write(InsightsFile(shop.folder / "insights.db", shop.now), now)
    page.get_by_label("Day", exact=True).fill((now - timedelta(days=1)).date().isoformat())
    page.get_by_text("Staff advised").wait_for()
    answer = shop.page.client().get(f"/api/insights?from={(now - timedelta(days=1)).date()}").json()
    assert page.locator(".figure").first.inner_text() == str(answer["visitors"])
    assert page.locator(".hours tbody tr").count() == len(answer["hours"]) == 10
    fits(manager, "insights")
    manager.shoot("insights", whole=True)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    fits(manager, "insights-dark")
    page.evaluate("document.documentElement.dir = 'rtl'")
    fits(manager, "insights-rtl")
    page.evaluate("document.documentElement.dir = 'ltr'")
    maps = page.locator(".heat")
    assert maps.count() == len(answer["heat_maps"]) == 2
    assert page.locator(".heat-place").count() == sum(len(one["places"]) for one in answer["heat_maps"])
    assert maps.first.get_attribute("aria-label").startswith("Where people were: Counter: Most, ")
    saved = [one["saved_text"] for one in answer["hours"] if one["saved_minor"] is not None]
    assert saved
    assert len(saved) == page.locator(".hours tbody td:last-child").filter(has_not_text="–").count()
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save as CSV").click()
    assert saving.value.path().read_text().startswith("store,currency,measure,key")
    page.get_by_role("button", name="The day before").click()
    page.get_by_text("Brands seen").wait_for()
    assert shop.page.client().get("/api/insights?from=soon").status_code == 422


@pytest.fixture(params=[-40, 40], ids=["behind", "ahead"])
def insights(request, shop, manager, monkeypatch):
    """*Insights* of a box shortly before midnight, in a browser whose clock is days off."""
    now = datetime.now(timezone.utc)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    history.write(InsightsFile(shop.folder / "insights.db", shop.now), now, days=2)
    shop.ahead = int((midnight - timedelta(minutes=10) - now).total_seconds()) * SECOND
    monkeypatch.setattr(events, "time", SimpleNamespace(monotonic=time.monotonic, time_ns=shop.now))
    manager.page.clock.install(time=now + timedelta(days=request.param))
    page = manager.go("#/insights")
    yesterday = (midnight - timedelta(days=1)).date().isoformat()
    wait_for(lambda: page.locator("#day").evaluate("(one) => [one.value, one.max]") == [yesterday] * 2)
    page.locator(f".downloads a[href*='{yesterday}']").first.wait_for()
    return page


def days(page) -> list[str]:
    """Return the day of the field, the last that it takes, and that of the figures."""
    link = page.get_by_role("link", name="Save as CSV").get_attribute("href")
    field = page.locator("#day").evaluate("(one) => [one.value, one.max]")
    return [*field, *re.findall(r"from=([\d-]+)", link)]


def day_before(iso: str, count: int = 1) -> str:
    return (date.fromisoformat(iso) - timedelta(days=count)).isoformat()


def test_insights_are_drawn_anew_only_with_new_figures_and_go_on_with_the_day(shop, insights):
    shown = days(insights)[0]
    today = day_before(shown, -1)
    assert days(insights) == [shown] * 3
    saving = insights.get_by_role("link", name="Save as CSV")
    saving.focus()
    with insights.expect_response(re.compile("/api/insights")) as answer:
        insights.clock.fast_forward(60_000)
    answer.value.finished()
    assert saving.evaluate("(one) => one === document.activeElement")
    shop.ahead += 600 * SECOND
    field = insights.locator("#day")
    # Once the box has told its time: until then it is still yesterday.
    wait_for(lambda: insights.clock.fast_forward(60_000) or field.input_value() == today)
    assert field.get_attribute("max") == today


def test_no_day_follows_the_last_and_one_without_figures_says_so(insights):
    after = insights.get_by_role("button", name="The day after")
    assert after.is_disabled()
    insights.get_by_role("button", name="The day before").click()
    after.focus()
    insights.keyboard.press("Enter")
    assert after.is_disabled()
    assert insights.evaluate("document.activeElement.id") == "day"  # what is disabled loses the focus
    insights.locator("#day").fill("2020-02-29")
    insights.get_by_text("No figures for this day").wait_for()
    assert after.is_enabled()


def test_the_day_of_the_field_is_that_of_the_figures(insights):
    shown = days(insights)[0]
    field = insights.get_by_label("Day", exact=True)
    field.fill(day_before(shown, -1))  # a day to come
    field.blur()
    assert days(insights) == [shown] * 3
    insights.route(re.compile("/api/insights"), lambda route: route.abort())
    insights.get_by_role("button", name="The day before").click()
    insights.locator(".page > .notice").wait_for()
    assert field.input_value() == day_before(shown)
    assert insights.locator(".figure").count() == 0


WRITTEN = {
    "en-US": ("en_US", "€1,290.50", "2:00 PM"),
    "en-GB": ("en_GB", "€1,290.50", "14:00"),
    "de-DE": ("de_DE", "1.290,50 €", "14:00"),
    "de-CH": ("de_CH", "EUR 1'290.50", "14:00"),
    "fr-FR": ("fr_FR", "1 290,50 €", "14:00"),
    "es-ES": ("es_ES", "1290,50 €", "14:00"),
    "it-IT": ("it_IT", "1290,50 €", "14:00"),
    # The store's country where the browser names none; all of the store's where its language has no words.
    "de": ("de_AT", "€ 1.290,50", "14:00"),
    "ja-JP": ("de_AT", "€ 1.290,50", "14:00"),
}
"""By the browser's locale, in a shop of Austria: the locale that is taken, an amount and an hour of it."""


@pytest.fixture(scope="module")
def austria(tmp_path_factory):
    folder = tmp_path_factory.mktemp("austria")
    started = SellingPage(folder, locale="de_AT")
    history.write(InsightsFile(folder / "insights.db", started.now), datetime.now(timezone.utc), days=2)
    started.show(1_290_50)
    yield started
    started.stop()


def plain(text: str) -> str:
    """Return an amount with plain spaces and marks: CLDR changes them from one browser to the next."""
    return re.sub(r"\s", " ", text).replace("’", "'")


@pytest.mark.parametrize("browsers", WRITTEN)
def test_amounts_and_times_are_written_for_who_reads_the_page(chrome, austria, browsers):
    taken, amount, two = WRITTEN[browsers]
    window = Visit(chrome, austria.url, locale=browsers)
    page = window.go("staff")
    page.get_by_role("button", name="Jörg B.").click()
    page.locator("#states button").first.click()
    page.locator("#states button:first-child[aria-pressed=true]").wait_for()
    austria.tick()
    assert plain(page.locator(".offer .worth").inner_text()) == amount
    page.locator("#states button").last.click()
    page.locator(".offer").wait_for(state="detached")
    page = window.go("#/desk")
    assert plain(page.locator(".desk-row b").first.inner_text()) == amount
    page = window.go("#/floor")
    assert plain(page.locator(".person .figures").first.inner_text()).startswith(amount)
    page = window.go("#/insights")
    yesterday = (datetime.now(timezone.utc) - timedelta(days=1)).date().isoformat()
    page.locator("#day").fill(yesterday)
    page.locator(".hours tbody tr").first.wait_for()
    answer = austria.page.client().get(f"/api/insights?from={yesterday}").json()
    value = display((answer["value_minor"] + 50) // 100 * 100, "EUR", taken)
    # The day before is shown until its own answer is there.
    wait_for(lambda: plain(page.locator(".facts .figure").nth(1).inner_text()) == plain(value))
    assert two in [plain(one) for one in page.locator(".hours tbody th").all_inner_texts()]
    window.close()


@pytest.mark.parametrize(("place", "part"), [("#/insights", "#day"), ("staff", "button:has-text('Anna')")])
def test_nothing_is_shown_before_the_stores_words_are_there(chrome, austria, place, part):
    """A page that is built again with them loses what was typed and picked until then."""
    window, held = Visit(chrome, austria.url, locale="ja-JP"), []
    window.page.route("**/strings.de.json", lambda route: [held.append(route)])
    page = window.go(place)
    wait_for(lambda: page.wait_for_timeout(20) or held)
    assert page.locator(part).count() == 0
    held[0].continue_()
    page.locator(part).wait_for()
    window.close()


@pytest.fixture
def keeping(tmp_path):
    kept = "  keep_free: 1\n  keep_for_at_least: 3000\n"
    started = SellingPage(tmp_path, sections=staff_section().replace("1000\n", "0\n") + kept)
    yield started
    started.stop()


def test_a_manager_sees_why_somebody_waits_beside_who_is_free(chrome, keeping):
    """Where they have waited too long, too; and who wears nothing that is known is not "€0"."""
    keeping.desk.set_state("Anna", StaffState.FREE)
    keeping.show(0)
    keeping.tick(130)
    with closing(Visit(chrome, keeping.url, "phone")) as window:
        page = window.go("#/desk")
        row = page.locator(".desk-row", has_text="Nothing recognised yet")
        for text in ("too long", "Somebody is kept free for a more valuable customer"):
            row.get_by_text(text).wait_for()
        assert "€0" not in row.inner_text()
        fits(window, "desk-kept")


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
