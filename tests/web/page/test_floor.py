"""The floor in a real browser: who is to be served next, the cameras, signing in."""

from __future__ import annotations

import re
import time

import pytest

from tests.fakes.page_box import Box
from tests.fakes.page_box_server import TOKEN, BoxHandler, BoxServer
from tests.fakes.shoppers import item, shoppers, total, utc
from tests.waiting import wait_for
from tests.web.browsing import NETWORK, Visit, drawn


def rows(page) -> list[str]:
    return page.locator(".person .total").all_inner_texts()


class TestFloor:
    def test_the_first_picture_comes_soon(self, visit):
        page = visit.go("#/floor")
        page.locator(".tile:not(.stale)").first.wait_for()
        wait_for(lambda: drawn(page, ".tile canvas"))

    def test_people_stand_in_the_servers_order_with_items_prices_and_source(self, visit):
        page = visit.go("#/floor")
        page.locator(".person").first.wait_for()
        assert rows(page) == [
            "€3,394.99",
            "€2,450",
            "€109.95",
            "Nothing recognised yet",
            "Nothing recognised yet",
        ]
        first, second = (page.locator(".person").nth(n).inner_text() for n in (0, 1))
        for text in ("Till · Counter", "vip", "waiting", "Gucci handbag", "price list, Nov 1, 2026", "71%"):
            assert text in first
        assert "old price" in second
        assert "58% sure that this is one person" in second
        page.get_by_text("Why this total").first.click()
        page.get_by_text("bag: handbag, 9 votes").wait_for()

    def test_nobody_is_said_to_be_in_view_before_the_box_has_said_so(self, visit):
        visit.page.route("**/api/events", lambda route: route.abort())
        page = visit.go("#/floor")
        page.locator(".next").get_by_text("Connecting…").wait_for()
        assert not page.get_by_text("Nobody in view").is_visible()
        page.unroute_all()
        page.locator(".person").first.wait_for()

    def test_the_list_follows_the_floor(self, visit, box):
        page = visit.go("#/floor")
        page.locator(".person").nth(4).wait_for()
        coat = [item("top", "coat", "Prada", 999900)]
        box.people = [
            p | {"items": coat, "total": total(coat)} if p["id"] == "k7f3-0204" else p for p in box.people
        ]
        page.get_by_text("€9,999").first.wait_for()
        assert rows(page)[0] == "€9,999"
        assert page.locator("#announcer").inner_text() == "Serve next: €9,999, Entrance"

    def test_row_and_box_point_at_each_other(self, visit):
        page = visit.go("#/floor")
        page.locator(".tile:not(.stale)").nth(1).wait_for()
        page.locator(".person").nth(1).hover()
        chosen = page.locator(".box.chosen")
        assert chosen.get_attribute("aria-label") == "Number 2, €2,450. Show in the list"
        assert (
            page.get_by_role("button", name="Number 4, Nothing recognised yet. Show in the list").count() == 1
        )
        page.locator(".box").first.focus()
        assert page.locator(".person.chosen .total").inner_text() == "€3,394.99"
        page.keyboard.press("Enter")
        page.locator("h1").hover()
        assert page.locator(".row-open[aria-pressed=true]").count() == 1

    def test_who_wants_no_motion_is_taken_there_at_once(self, visit):
        visit.resize("phone")
        page = visit.go("#/floor")
        page.locator(".tile:not(.stale)").first.wait_for()
        moved = """(chosen) => {
          const parts = [...document.querySelectorAll("*")];
          const places = () => parts.map((one) => [one.scrollTop, one.scrollLeft]).join();
          const before = places();
          document.querySelector(chosen).click();
          return places() !== before;
        }"""
        page.locator(".person").nth(4).wait_for()
        assert page.evaluate(moved, ".tile .box:last-child")  # its row is below
        assert page.evaluate(moved, ".person:last-child .row-open")  # its picture is above
        visit.resize("desktop")

    def test_a_camera_is_enlarged_and_shrunk(self, visit):
        page = visit.go("#/floor")
        page.locator(".tile:not(.stale)").nth(1).wait_for()
        button = page.get_by_role("button", name="Enlarge or shrink camera Entrance")
        button.click()
        assert page.locator(".tile:visible").count() == 1
        page.locator(".tile:not(.stale):visible").wait_for()
        button.click()
        page.locator(".tile:not(.stale)").nth(1).wait_for()

    def test_served_goes_off_the_list_and_to_the_box(self, visit, box):
        page = visit.go("#/floor")
        page.get_by_role("button", name="Served").first.click()
        page.get_by_text("Served: Till · Counter").wait_for()
        assert box.asked() == ["POST /api/people/counter/k7f3-0192/served"]
        page.get_by_text("1 person in view has been served").wait_for()
        assert rows(page)[0] == "€2,450"

    def test_served_is_taken_back_at_once_or_while_the_person_is_in_view(self, visit, box):
        page = visit.go("#/floor")
        page.get_by_role("button", name="Served").first.click()
        page.locator(".toast").get_by_role("button", name="Undo").click()
        page.get_by_text("Back on the list: Till · Counter").wait_for()
        wait_for(lambda: rows(page)[0] == "€3,394.99")
        page.get_by_role("button", name="Served").first.click()
        page.get_by_text("1 person in view has been served").click()
        visit.shoot("floor-served")
        assert visit.serious() == []
        undo = page.get_by_role("button", name="Undo: €3,394.99 · Till · Counter")
        undo.focus()
        page.keyboard.press("Enter")
        wait_for(lambda: rows(page)[0] == "€3,394.99")
        assert page.evaluate("document.activeElement.matches('.next')")  # its row is gone
        acts = ["served", "not-served"] * 2
        assert box.asked() == [f"POST /api/people/counter/k7f3-0192/{act}" for act in acts]

    def test_the_keyboards_focus_goes_from_who_is_served_or_gone_to_the_next_row(self, visit, box):
        page = visit.go("#/floor")
        page.get_by_role("button", name="Served").nth(3).wait_for()
        focused = "document.activeElement.closest('.person')?.querySelector('.total').textContent"
        page.locator(".row-open").first.focus()
        while page.evaluate("document.activeElement.textContent") != "Served":
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        wait_for(lambda: page.evaluate(focused) == "€2,450")
        assert page.evaluate("document.activeElement.className") == "row-open"  # Enter again serves nobody
        box.people = [one for one in box.people if one["total"]["amount_minor"] != 245_000]
        wait_for(lambda: page.evaluate(focused) == "€109.95")
        box.people = []
        wait_for(lambda: page.evaluate("document.activeElement.matches('.next')"))

    def test_who_has_just_left_is_said_to_and_has_no_box(self, visit, box):
        box.people[0] |= {"visible": False, "seen_at": utc(time.time() - 7)}
        page = visit.go("#/floor")
        page.get_by_text("4 people in view, 1 just left").wait_for()
        assert "last seen" in page.locator(".person").first.inner_text()
        wait_for(lambda: page.locator(".box").count() == 4)  # the cameras are told of after the people

    def test_a_screen_reader_is_told_the_same_news_again_where_it_is_news(self, visit):
        """Two offers of one amount on a phone, one after the other."""
        page = visit.go("#/floor")
        page.locator(".person").first.wait_for()
        visit.listen()
        for _ in range(2):
            page.evaluate("import(new URL('js/dom.js', document.baseURI)).then((dom) => dom.announce('€80'))")
        assert visit.told("€80") == 2

    def test_not_a_customer_asks_back(self, visit, box):
        page = visit.go("#/floor")
        page.get_by_role("button", name="Not a customer", exact=True).first.click()
        assert box.asked() == []
        page.get_by_role("button", name="Really not a customer").click()
        page.get_by_text("Taken off the list").wait_for()
        assert box.asked() == ["POST /api/people/counter/k7f3-0192/not-customer"]

    def test_a_lost_box_is_said_and_found_again(self, visit, box):
        page = visit.go("#/floor")
        page.locator(".tile:not(.stale)").first.wait_for()
        visit.listen()
        box.stop()
        lost = page.locator(".scene > .notice", has_text="No connection to the box for")
        ages = {lost.inner_text()}
        wait_for(lambda: ages.add(lost.inner_text()) or len(ages) == 3)
        assert visit.told("No connection to the box for") == 1
        page.locator(".tile.stale").nth(1).wait_for()
        assert page.locator(".veil b").first.inner_text() == "No connection to the box"
        visit.shoot("floor-lost")
        box.people = shoppers()[:1]
        box.start()
        page.locator(".tile:not(.stale)").first.wait_for()
        assert rows(page) == ["€3,394.99"]
        assert not page.locator(".scene .notice").is_visible()

    def test_a_stale_camera_is_said_with_its_age_and_shows_no_boxes(self, visit, box):
        page = visit.go("#/floor")
        page.locator(".tile:not(.stale)").nth(1).wait_for()
        box.stall("entrance", 12)
        page.get_by_text("Camera Entrance: no picture for 1").wait_for()
        tile = page.locator(".tile").nth(1)
        assert "restart the camera" in tile.inner_text()
        assert not tile.locator(".box").first.is_visible()
        wait_for(lambda: "stale" not in page.locator(".tile").first.get_attribute("class"))
        visit.shoot("floor-stale")
        box.stalled.clear()
        page.locator(".tile:not(.stale)").nth(1).wait_for()

    def test_a_suspended_camera_is_not_said_to_open(self, visit, box):
        box.advice = {"entrance": {"suspended": True}}
        visit.page.route(re.compile("/api/cameras/entrance/video"), lambda route: route.abort())
        tile = visit.go("#/floor").locator(".tile").nth(1)
        tile.get_by_text("nobody is counted here").wait_for()
        assert tile.locator(".pill").inner_text() == "Suspended"
        visit.shoot("floor-suspended")

    def test_the_wall_is_back_once_the_enlarged_camera_is_gone_and_a_new_one_has_its_place(self, visit, box):
        page = visit.go("#/floor")
        page.locator(".tile:not(.stale)").nth(1).wait_for()
        page.get_by_role("button", name="camera Entrance").click()
        page.locator(".wall.single").wait_for()
        box.cameras = ["counter", "exit"]
        page.locator(".wall:not(.single)").wait_for()
        page.locator(".tile", has_text="Exit").wait_for()
        assert page.locator(".tile:visible").count() == 2
        page.get_by_role("button", name="camera Exit").click()
        page.locator(".wall.single").wait_for()
        box.cameras = ["entrance", "counter", "exit"]
        names = page.locator(".tile .tile-name")
        names.nth(2).wait_for(state="attached")
        assert names.all_text_contents() == ["Entrance", "Counter", "Exit"]
        assert page.locator(".tile:visible").all_inner_texts()[0].startswith("Exit")

    def test_who_may_only_read_has_no_buttons(self, visit, box):
        box.session_changes = {"may": dict.fromkeys(box.session()["may"], False) | {"read": True}}
        page = visit.go("#/try")
        page.locator(".person").first.wait_for()
        assert page.get_by_role("button", name="Served").count() == 0
        assert page.locator(".tabs a").all_inner_texts() == ["Floor", "Cameras & system"]

    def test_an_empty_shop(self, visit, box):
        box.people = []
        page = visit.go("#/floor")
        page.get_by_text("Nobody in view").wait_for()

    def test_names_are_text_never_markup(self, visit, box):
        evil = '<img src=x onerror="document.title=1">'
        worn = [item("top", evil, evil, 100)]
        box.people = [shoppers()[0] | {"items": worn, "total": total(worn), "rules": [evil]}]
        page = visit.go("#/floor")
        page.locator(".item-name").wait_for()
        assert evil in page.locator(".item-name").inner_text()
        assert page.locator(".person img").count() == 0


@pytest.mark.parametrize("host", ["127.0.0.1", NETWORK])
def test_many_windows_of_one_browser_all_live_and_act(chrome, box, host):
    """Over HTTP/1.1 they share six connections; the second is no address of the machine itself."""
    window = Visit(chrome, box.url.replace("127.0.0.1", host))
    pages = [window.page, *(window.context.new_page() for _ in range(4))]
    for page in pages:
        page.goto(window.url)
        page.locator(".person").first.wait_for()
        page.locator(".tile:not(.stale)").nth(1).wait_for()
    assert page.evaluate("isSecureContext") is (host == "127.0.0.1")
    pages[-1].get_by_role("button", name="Served").first.click()
    pages[1].get_by_text("1 person in view has been served").wait_for()
    window.page.close()
    box.people.clear()
    for page in pages[1:]:
        page.get_by_text("Nobody in view").wait_for()
    window.close()


def test_of_many_windows_one_at_a_time_asks_for_a_cameras_picture(chrome, box):
    """All of them at once left no connection to load another page, or to serve somebody."""
    window = Visit(chrome, box.url)
    held: list = []
    window.context.route("**/picture.jpg*", lambda route: held.append(route))  # noqa: PLW0108 it wants a function
    for number in range(6):
        page = window.page if number == 0 else window.context.new_page()
        page.goto(box.url)
        page.locator(".tile").nth(1).wait_for()
    wait_for(lambda: page.wait_for_timeout(20) or len(held) == 2)
    page.get_by_role("button", name="Served").first.click()
    window.page.get_by_text("1 person in view has been served").wait_for()
    assert sorted(route.request.url.split("/")[5] for route in held) == ["counter", "entrance"]
    window.context.unroute_all()  # what is held goes on
    page.locator(".tile:not(.stale)").nth(1).wait_for()
    window.close()


def test_two_stores_behind_one_proxy_show_each_its_own_people(chrome, box):
    """They share an origin, and with it what windows of a browser tell each other."""
    other = Box()
    other.people, other.running = [], True
    stores = {"north": box, "south": other}

    class Proxy(BoxHandler):
        def do_GET(self) -> None:
            store, _, rest = self.path[1:].partition("/")
            self.box, self.path = stores[store], f"/{rest}"
            super().do_GET()

    proxy = BoxServer(Proxy)
    proxy.start()
    window = Visit(chrome, proxy.url)
    south = window.context.new_page()
    window.go("north/").locator(".person").first.wait_for()
    south.goto(f"{proxy.url}/south/")
    south.get_by_text("Nobody in view").wait_for()
    assert south.locator(".person").count() == 0
    other.people = shoppers()[:1]
    south.locator(".person").wait_for()
    assert window.page.locator(".person").count() > 1
    window.close()
    other.running = False
    proxy.stop()


def test_sign_in_and_out(chrome):
    box = Box(token=True).start()
    window = Visit(chrome, box.url)
    page = window.go("")
    page.get_by_label("Store token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("That is not the token.").wait_for()
    window.listen()
    page.get_by_role("button", name="Sign in").click()
    wait_for(lambda: window.told("That is not the token.") == 1)  # once more: it is another answer
    window.shoot("login")
    assert window.serious() == []
    page.get_by_label("Store token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.locator(".person").first.wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Store token").wait_for()
    assert page.locator(".person").count() == 0
    page.goto(f"{box.url}/#/system")
    page.get_by_label("Store token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.locator(".camera").first.wait_for()
    assert page.url.endswith("#/system")  # whose sign-in ends goes on where it was
    window.close()
    box.stop()


def test_a_refusal_is_said_in_the_language_of_the_page(chrome):
    box = Box(token=True).start()
    window = Visit(chrome, box.url, locale="de-DE")
    page = window.go("")
    page.get_by_label("Token des Geschäfts").fill("wrong")
    page.get_by_role("button", name="Anmelden").click()
    page.get_by_role("alert").get_by_text("Das ist nicht das Token.").wait_for()
    window.shoot("login-refused-de")
    said = """async (error) => {
      const { refusal } = await import(new URL("js/api.js", document.baseURI));
      return refusal(409, JSON.stringify({ error })).message;
    }"""
    error = {"code": "conflict", "message": "there is a secret CAM_DOOR_PASSWORD already"}
    assert page.evaluate(said, error) == error["message"]
    assert page.evaluate(said, error | {"reason": "secret_taken"}).startswith("Ein Geheimnis")
    window.close()
    box.stop()
