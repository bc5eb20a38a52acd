"""Little room, and names that need more or run the other way: all can be read."""

from __future__ import annotations

import json

import pytest

from pricing.item_words import LANGUAGES
from tests.fakes.page_box import Box
from tests.web.browsing import Visit
from web.app import STATIC

LONG = "Kaufhaus am Kurfürstendamm"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_header_cuts_no_name_and_no_number_leaves_its_unit(chrome, language):
    words = json.loads((STATIC / f"strings.{language}.json").read_text())
    box = Box(token=True).start()
    box.signed_in = True
    box.session_changes = {"store": {"name": LONG}}
    window = Visit(chrome, box.url, "small", locale=f"{language}-{language.upper()}")
    window.page.set_viewport_size({"width": 320, "height": 640})
    for number, shopper in enumerate(box.people):
        shopper["dwell_ms"] = shopper["waiting_ms"] = [45_000, 254_000, 599_000, 2_700_000, 9_900_000][number]
    page = window.go("#/floor")
    page.locator(".tile:not(.stale)").first.wait_for()
    page.locator("#leave").wait_for()
    window.shoot(f"narrow-floor-{language}", whole=True)
    assert (window.cut_names(), window.parted(), window.overflow() <= 0) == ([], [], True)
    box.stop()
    page.locator("#link", has_text=words["link.down"]).wait_for()
    page.locator(".scene > .notice").wait_for()
    window.shoot(f"narrow-lost-{language}", whole=True)
    assert (window.cut_names(), window.parted(), window.overflow() <= 0) == ([], [], True)
    assert page.locator("#link").bounding_box()["width"] > 100
    window.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_five_pages_and_the_shops_name_have_room_on_a_tablet(chrome, language):
    box = Box(token=True).start()
    box.signed_in = True
    box.session_changes = {"store": {"staff": True, "insights": True}}
    window = Visit(chrome, box.url, "tablet", locale=f"{language}-{language.upper()}")
    page = window.go("#/floor")
    page.locator(".tabs a").nth(4).wait_for()
    for width in (768, 1020, 1024, 1180, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        window.shoot(f"tablet-{width}-{language}")
        assert (window.cut_names(), window.broken_words(), window.overflow() <= 0) == ([], [], True), width
        assert window.crowded() == []
    window.close()
    box.stop()


@pytest.mark.parametrize("width", [320, 375])
def test_a_webcams_picture_is_no_wider_than_a_phone(visit, width):
    visit.page.set_viewport_size({"width": width, "height": 640})
    page = visit.go("#/try")
    page.get_by_role("tab", name="Webcam").click()
    page.get_by_role("button", name="Start webcam").wait_for()
    assert (visit.overflow() <= 0, visit.broken_words()) == (True, [])
    page.get_by_role("button", name="Start webcam").click()
    page.locator(".webcam .pill.good").wait_for()
    visit.shoot(f"webcam-{width}", whole=True)
    assert (visit.overflow() <= 0, visit.cut_off()) == (True, [])
    visit.resize("desktop")


@pytest.mark.parametrize(
    "size", [(640, 360), (720, 450), (844, 390)], ids=["200 %", "200 % of 1440", "phone"]
)
def test_where_a_screen_is_low_the_first_customer_stands_beside_the_picture(visit, size):
    """Above the list, the picture left no room for it: a seller had to scroll to see who is to be served."""
    visit.page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    page = visit.go("#/floor")
    page.locator(".tile:not(.stale)").first.wait_for()
    total, picture = (page.locator(part).first.bounding_box() for part in (".person .total", ".screen"))
    bars = page.locator(".tabs").bounding_box()
    bottom = bars["y"] if bars["y"] > total["y"] else size[1]
    visit.shoot(f"low-{size[0]}")
    assert total["y"] + total["height"] < bottom
    assert picture["y"] + picture["height"] < bottom
    assert picture["x"] + picture["width"] <= total["x"]
    assert (visit.overflow() <= 0, visit.cut_off(), visit.broken_words()) == (True, [], [])
    page.locator(".person").last.scroll_into_view_if_needed()
    assert page.locator(".tile").first.bounding_box()["y"] >= 0  # it stays in sight
    visit.resize("desktop")


def test_a_name_without_a_space_leaves_no_page_and_covers_no_state(visit, box):
    box.session_changes = {"store": {"camera_names": {"counter": "W" * 60, "entrance": "ü" * 60}}}
    for person in box.people:
        for worn in person["items"]:
            worn["brand_text"] = "W" * 60
    for place, ready in (("floor", ".person"), ("system", ".camera"), ("system/areas/counter", ".shape")):
        page = visit.go(f"#/{place}")
        page.locator(ready).nth(1).wait_for()
        for size in ("desktop", "small"):
            visit.resize(size)
            visit.shoot(f"narrow-names-{place.replace('/', '-')}-{size}")
            assert (place, size, visit.overflow() <= 0, beyond(page)) == (place, size, True, [])
    visit.resize("desktop")


def beyond(page) -> list[str]:
    """Names and states that leave the card which they stand in."""
    return page.evaluate(
        """[...document.querySelectorAll(".where, .item-name, .camera h2, .camera .pill, .tile-foot .pill")].filter((one) => {
          const edge = one.closest(".person, .camera, .tile").getBoundingClientRect().right;
          return one.offsetWidth && (one.getBoundingClientRect().right > edge || one.scrollWidth > one.offsetWidth);
        }).map((one) => one.textContent)"""  # noqa: E501
    )


LEFT = """(node) => ["כניסה", "0.4"].map((word) => {
  const range = document.createRange();
  const text = document.createTreeWalker(node, NodeFilter.SHOW_TEXT).nextNode();
  const at = text.data.indexOf(word);
  range.setStart(text, at);
  range.setEnd(text, at + word.length);
  return range.getBoundingClientRect().left;
})"""


def test_a_number_behind_a_name_from_right_to_left_stands_behind_it(visit, box):
    box.session_changes = {"store": {"camera_names": {"entrance": "כניסה"}}}
    slow = {"why": "slow", "values": {"camera": "entrance", "fps": 0.4, "least": 0.5}}
    box.health = {"ok": False, "reasons": ["slow"], "causes": [slow]}
    told = visit.go("#/system").locator(".reasons .notice span", has_text="0.4")
    told.wait_for()
    name, number = told.evaluate(LEFT)
    assert name < number
