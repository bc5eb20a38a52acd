"""The page in a real browser against a box whose state the tests set."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.fakes.page_box import Box
from tests.fakes.page_box_server import TOKEN
from tests.fakes.shoppers import item, shoppers, total, utc
from tests.waiting import wait_for
from tests.web.browsing import SIZES, Visit, browser, drawn
from web.app import STATIC


@pytest.fixture(scope="module")
def chrome():
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with browser(*flags) as opened:
        yield opened


@pytest.fixture(scope="module")
def server():
    started = Box().start()
    yield started
    started.stop()


@pytest.fixture
def box(server):
    server.reset()
    if not server.running:  # a test that failed between stop and start
        server.start()
    return server


@pytest.fixture(scope="module")
def window(chrome, server):
    opened = Visit(chrome, server.url)
    yield opened
    opened.close()


@pytest.fixture
def visit(window, box):
    yield window
    window.leave()


def rows(page) -> list[str]:
    return page.locator(".person .total").all_inner_texts()


def posts(box: Box) -> list[str]:
    return [f"{method} {path}" for method, path, _ in box.calls]


class TestFloor:
    def test_the_first_picture_comes_soon(self, visit):
        page = visit.go("#/floor")
        page.locator(".tile:not(.stale)").first.wait_for()
        assert drawn(page, ".tile canvas")

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
        page.locator(".box").first.focus()
        assert page.locator(".person.chosen .total").inner_text() == "€3,394.99"
        page.keyboard.press("Enter")
        page.locator("h1").hover()
        assert page.locator(".row-open[aria-pressed=true]").count() == 1

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
        assert posts(box) == ["POST /api/people/counter/k7f3-0192/served"]
        page.get_by_text("1 person in view has been served").wait_for()
        assert rows(page)[0] == "€2,450"

    def test_who_has_just_left_is_said_to_and_has_no_box(self, visit, box):
        box.people[0] |= {"visible": False, "seen_at": utc(time.time() - 7)}
        page = visit.go("#/floor")
        page.get_by_text("4 people in view, 1 just left").wait_for()
        assert "last seen" in page.locator(".person").first.inner_text()
        assert page.locator(".box").count() == 4

    def test_not_a_customer_asks_back(self, visit, box):
        page = visit.go("#/floor")
        page.get_by_role("button", name="Not a customer", exact=True).first.click()
        assert posts(box) == []
        page.get_by_role("button", name="Really not a customer").click()
        page.get_by_text("Taken off the list").wait_for()
        assert posts(box) == ["POST /api/people/counter/k7f3-0192/not-customer"]

    def test_a_lost_box_is_said_and_found_again(self, visit, box):
        page = visit.go("#/floor")
        page.locator(".tile:not(.stale)").first.wait_for()
        box.stop()
        page.get_by_text("No connection to the box for").wait_for()
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


def test_many_windows_of_one_browser_all_live_and_act(chrome, box):
    """Over HTTP/1.1 they share six connections."""
    window = Visit(chrome, box.url)
    pages = [window.page, *(window.context.new_page() for _ in range(4))]
    for page in pages:
        page.goto(box.url)
        page.locator(".person").first.wait_for()
        page.locator(".tile:not(.stale)").nth(1).wait_for()
    pages[-1].get_by_role("button", name="Served").first.click()
    pages[1].get_by_text("1 person in view has been served").wait_for()
    window.page.close()
    box.people.clear()
    for page in pages[1:]:
        page.get_by_text("Nobody in view").wait_for()
    window.close()


def test_sign_in_and_out(chrome):
    box = Box(token=True).start()
    window = Visit(chrome, box.url)
    page = window.go("")
    page.get_by_label("Store token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("this is not the store's token").wait_for()
    window.shoot("login")
    assert window.serious() == []
    page.get_by_label("Store token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.locator(".person").first.wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Store token").wait_for()
    assert page.locator(".person").count() == 0
    window.close()
    box.stop()


def upload(page, name: str, body: bytes = b"picture") -> None:
    page.locator("#file").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": body}
    )


class TestTry:
    def test_a_picture_with_people(self, visit):
        page = visit.go("#/try")
        upload(page, "shop.jpg")
        page.get_by_text("2 people").wait_for()
        table = page.locator(".found").inner_text()
        assert "Burberry jacket" in table
        assert "€3,394.99" in table
        picture = page.get_by_alt_text("shop.jpg, annotated, faces masked")
        wait_for(lambda: page.evaluate("document.querySelector('.job img').naturalWidth > 0"))
        assert picture.is_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert download.value.url.endswith("download=1")
        visit.shoot("try-picture")
        assert visit.serious() == []

    def test_what_is_on_nobody_beside_people(self, visit):
        page = visit.go("#/try")
        upload(page, "beside.jpg")
        page.get_by_text("Seen, on nobody: Prada suitcase, Nike").wait_for()
        assert "Prada" not in page.locator(".found table").first.inner_text()
        visit.shoot("try-beside")

    def test_a_picture_without_people(self, visit):
        page = visit.go("#/try")
        upload(page, "empty.jpg")
        page.get_by_text("No person detected in the image").wait_for()

    def test_a_video_waits_works_and_fails_with_words(self, visit, box):
        page = visit.go("#/try")
        upload(page, "walk.mp4")
        page.get_by_text("Waiting").wait_for()
        box.jobs[0] |= {"state": "running", "position": None, "progress": 0.4}
        page.get_by_text("Working 40%").wait_for()
        assert page.get_by_role("progressbar").get_attribute("aria-valuenow") == "40"
        box.jobs[0] |= {"state": "failed", "error": "the video is damaged: send it again"}
        page.get_by_text("the video is damaged: send it again").wait_for()

    def test_cancel_deletes_at_the_box(self, visit, box):
        page = visit.go("#/try")
        upload(page, "walk.mp4")
        page.get_by_role("button", name="Cancel: walk.mp4").click()
        page.get_by_text("Deleted: walk.mp4").wait_for()
        assert posts(box)[-1] == f"DELETE /api/jobs/job{0:019d}"
        page.locator(".job").wait_for(state="detached")

    def test_what_is_cancelled_before_the_box_answers_is_deleted_there(self, visit, box):
        page, held = visit.go("#/try"), []
        page.route("**/api/jobs?name=*", lambda route: held.append(route))  # noqa: PLW0108 it wants a function
        upload(page, "walk.mp4")
        page.get_by_role("button", name="Cancel: walk.mp4").click()
        while not held:  # playwright hands it over when it is idle; the suite's own end bounds this
            page.wait_for_timeout(20)
        held[0].continue_()  # the whole file is on its way by now
        page.get_by_text("Deleted: walk.mp4").wait_for()
        assert posts(box)[-1] == f"DELETE /api/jobs/job{0:019d}"

    def test_too_large_is_not_even_sent(self, visit, box):
        box.session_changes = {"limits": {"upload_bytes": 10}}
        page = visit.go("#/try")
        upload(page, "long.mp4", b"x" * 11)
        page.get_by_text("long.mp4 is larger than 10 B").wait_for()
        assert posts(box) == []

    def test_webcam_pictures_go_and_come_back(self, visit, box):
        box.webcam_persons = [{"items": p["items"], "total": p["total"]} for p in shoppers()[:1]]
        page = visit.go("#/try")
        page.get_by_role("tab", name="Webcam").click()
        page.get_by_role("button", name="Start webcam").click()
        page.get_by_text("Burberry jacket").wait_for()
        page.get_by_text("pictures/s").wait_for()
        assert drawn(page, ".webcam canvas")
        visit.shoot("try-webcam-fake")
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Start webcam").wait_for()
        # The button is back at once, the request on its way.
        wait_for(lambda: any(one.startswith("DELETE /api/webcam/") for one in posts(box)))

    def test_a_withheld_webcam_picture_is_not_shown(self, visit, box):
        box.withhold = True
        page = visit.go("#/try")
        page.get_by_role("tab", name="Webcam").click()
        page.get_by_role("button", name="Start webcam").click()
        page.get_by_text("Picture withheld").wait_for()
        assert not drawn(page, ".webcam canvas")


class TestSystem:
    def test_a_bad_camera_says_what_to_do(self, visit, box):
        box.stall("entrance")
        page = visit.go("#/system")
        page.get_by_text("1 of 2 cameras live").wait_for()
        assert "What to do: it stays connected" in page.locator(".camera").nth(1).inner_text()
        page.locator(".source-line", has_text="41 prices").wait_for()

    def test_a_live_camera_says_what_is_wrong_with_its_picture_in_the_pages_language(self, chrome, box):
        box.advice = {
            "counter": {"turn": [90, 270], "remedy": "x"},
            "entrance": {"sub_stream_refused": True, "suspended": True},
        }
        window = Visit(chrome, box.url, locale="de-DE")
        cards = window.go("#/system").locator(".camera")
        cards.first.get_by_text("rotate: 90 oder 270").wait_for()
        cards.nth(1).get_by_text("sub_source entfernen").wait_for()
        cards.nth(1).get_by_text("zu viele Kameras").wait_for()
        assert cards.locator(".notice").count() == 3
        window.close()

    def test_a_zone_is_drawn_named_moved_checked_and_written(self, visit, box):
        page = visit.go("#/system/areas/counter")
        page.get_by_role("button", name="till").wait_for()
        page.get_by_role("button", name="New zone").click()
        frame = page.locator(".stage").bounding_box()
        for x, y in ((0.1, 0.1), (0.3, 0.1), (0.2, 0.4), (0.1, 0.1)):
            page.mouse.click(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"])
        page.get_by_label("Name").fill("No!")
        page.get_by_text("Small letters, digits and hyphens").first.wait_for()
        assert page.get_by_role("button", name="Write to store file").is_disabled()
        page.get_by_label("Name").fill("shelf")
        page.get_by_role("button", name="Corner 1 of zone-1").or_(page.locator(".corner").first).first.focus()
        page.keyboard.press("ArrowRight")
        # The shape as it was before the corner moved may have been checked by then.
        text = page.get_by_label("For the store file")
        wait_for(lambda: "shelf: {polygon: [[0.11, 0.1]" in text.input_value())
        page.get_by_text("Checked: sound").wait_for()
        page.get_by_role("button", name="Write to store file").click()
        page.get_by_text("It counts from the next start").wait_for()
        written = json.loads([body for method, _, body in box.calls if method == "PUT"][-1])
        assert written["revision"] == "r1"
        assert set(written["zones"]) == {"till", "shelf"}
        assert len(written["zones"]["shelf"]["polygon"]) == 3

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"restart_needed": [], "problem": None}, "Written, and in use."),
            ({"restart_needed": ["cameras.counter"], "problem": None}, "It counts from the next start"),
            ({"restart_needed": [], "problem": "cameras.counter: no"}, "cameras.counter: no"),
        ],
    )
    def test_a_file_that_is_taken_up_slowly_is_said_so_and_the_answer_comes(self, visit, box, fields, said):
        box.pending_since, box.store_file = "before", {"at": "before", **fields}
        page = visit.go("#/system/areas/counter")
        page.get_by_role("button", name="New mask").click()
        page.get_by_role("button", name="Start from a rectangle").click()
        page.get_by_text("Checked: sound").wait_for()
        page.get_by_role("button", name="Write to store file").click()
        page.get_by_text("The box is still taking it up").wait_for()
        box.store_file = {"at": "after", **fields}
        page.get_by_text(said).wait_for()
        assert not page.get_by_text("The box is still taking it up").is_visible()

    def test_corners_by_keyboard_alone(self, visit):
        page = visit.go("#/system/areas/counter")
        page.get_by_role("button", name="New mask").click()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Add corner").click()
        assert page.locator(".corner").count() == 5
        page.keyboard.press("Delete")
        assert page.locator(".corner").count() == 4
        page.get_by_text("Checked: sound").wait_for()
        wait_for(lambda: "mask-1" in page.locator("#yaml").input_value())

    def test_a_locked_store_file_is_only_copied_from(self, visit, box):
        box.writable = False
        page = visit.go("#/system/areas/counter")
        page.get_by_text("does not allow writing").wait_for()
        assert not page.get_by_role("button", name="Write to store file").is_visible()


PAGES = (
    ("floor", "#/floor", ".tile:not(.stale)"),
    ("try", "#/try", ".drop"),
    ("system", "#/system", ".fact-card"),
    ("areas", "#/system/areas/counter", ".shape"),
)
"""Name of a picture, place, and what is there when the page is ready."""


@pytest.mark.parametrize(("name", "place", "ready"), PAGES)
def test_every_page_fits_every_window_and_is_accessible(visit, name, place, ready):
    page = visit.go(place)
    page.locator(ready).first.wait_for()
    if name == "areas":
        page.locator(".shape").first.click()
    for size in reversed(SIZES):
        for dark in (False, True):
            visit.resize(size, dark=dark)
            visit.shoot(f"{name}-{size}-{'dark' if dark else 'light'}", whole=True)
            assert visit.overflow() <= 0, (name, size)
            if size in ("desktop", "phone"):  # what is beside or below each other is the same on the others
                assert visit.serious() == [], (name, size, dark)
    visit.resize("desktop")


@pytest.mark.parametrize("language", ["de", "fr", "es", "it"])
def test_every_page_fits_a_phone_in_every_language(chrome, box, language):
    window = Visit(chrome, box.url, "phone", locale=f"{language}-{language.upper()}")
    words = json.loads((STATIC / f"strings.{language}.json").read_text())
    for name, place, ready in PAGES:
        page = window.go(place)
        page.locator(ready).first.wait_for()
        window.shoot(f"{name}-phone-{language}", whole=True)
        assert window.overflow() <= 0, name
        assert page.evaluate("document.documentElement.lang") == language
    assert page.locator("nav.tabs").inner_text().startswith(words["nav.floor"])
    window.close()


def test_the_stores_language_is_taken_where_the_browsers_is_not_there(chrome, box):
    box.locale = "fr"
    window = Visit(chrome, box.url, locale="ja-JP")
    window.go("#/floor").get_by_text("À servir ensuite").first.wait_for()
    window.close()
