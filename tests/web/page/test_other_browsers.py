"""The page where a browser lacks what Chromium has, or does it in another way."""

from __future__ import annotations

import pytest

from tests.waiting import wait_for
from tests.web.browsing import Visit, drawn

WEBKIT_FETCH = """
  const given = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await given(...asked);
    if (answer.headers.get("Content-Type")?.startsWith("multipart/")) throw new TypeError("Load failed");
    return answer;
  };
"""
"""WebKit cancels a multipart load that is no image's (SubresourceLoader::didReceiveResponse)."""


ICU_72_DAYS = """
  const Given = Intl.DateTimeFormat;
  Intl.DateTimeFormat = function (locale, style) {
    return new Given(locale === "en-CA" ? "en-US" : locale, style);
  };
"""
"""How browsers with ICU 72 (WebKit of Debian 12) write Canadian days: 11/30/2026, elsewhere 2026-11-30."""


@pytest.fixture
def lacking(chrome):
    """A visit in a browser in which a script has run before the page's own."""
    visits = []

    def open_(url: str, script: str, size: str = "desktop", **options) -> Visit:
        visits.append(Visit(chrome, url, size, **options))
        visits[-1].context.add_init_script(script)
        return visits[-1]

    yield open_
    for visit in visits:
        visit.close()


def test_safari_shows_the_pictures_where_it_cannot_play_the_film(lacking, box):
    page = lacking(box.url, WEBKIT_FETCH).go("#/floor")
    page.locator(".tile:not(.stale)").first.wait_for()
    assert page.locator(".tile canvas").first.get_attribute("data-way") == "pictures"
    wait_for(lambda: drawn(page, ".tile canvas"))


def test_insights_open_on_today_however_a_browser_writes_a_day(lacking, shop):
    page = lacking(shop.url, ICU_72_DAYS).go("#/insights")
    page.get_by_text("Nothing to show yet").wait_for()
    assert page.locator("#day").input_value() == page.locator("#day").get_attribute("max")


NO_TIMEOUT = "delete AbortSignal.timeout;"
LATE_SIGHT = """
  const Given = window.IntersectionObserver;
  window.IntersectionObserver = class extends Given {
    constructor(call) { super((all) => call([{ isIntersecting: false, target: all[0].target }, ...all])); }
  };
"""
"""A busy browser tells at once what it has seen of a tile before it was on the page, and after."""


@pytest.mark.parametrize("script", [NO_TIMEOUT, LATE_SIGHT], ids=["timeout", "sight"])
def test_the_floor_lives_in_an_older_or_busier_browser(lacking, box, script):
    page = lacking(box.url, script).go("#/floor")
    page.locator(".tile:not(.stale)").nth(1).wait_for()
    page.locator(".person").first.wait_for()


@pytest.mark.parametrize("size", ["desktop", "tablet", "phone"])
@pytest.mark.parametrize("word", ["dvh", "cqw", ":has"])
def test_the_floor_has_its_pictures_beside_or_above_the_list_without(lacking, box, word, size):
    """dvh is lacking before Chrome 108, cqw before Safari 16, :has before Firefox 121."""
    window = lacking(box.url, "", size)

    def without(route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(word, f"{word}-new"))

    window.page.route("**/*.css", without)
    page = window.go("#/floor")
    page.locator(".tile:not(.stale)").first.wait_for()
    page.locator(".person").first.wait_for()
    places = [page.locator(one).first.bounding_box() for one in (".tile canvas", ".tile .boxes", ".person")]
    canvas, boxes, row = places
    assert boxes == canvas
    assert canvas["height"] > 150
    assert abs(canvas["width"] * 9 / 16 - canvas["height"]) < 2
    assert row["x"] > canvas["width"] if size == "desktop" else row["y"] > canvas["height"]
    assert window.overflow() <= 0


VALUE_ALONE = "BeforeUnloadEvent.prototype.preventDefault = () => {};"
"""What Chrome before 119 makes of it: it asks where the event is given a value."""


@pytest.mark.parametrize("place", ["drawing", "form", "file"])
def test_an_older_chrome_asks_too_before_it_leaves_what_is_not_kept(lacking, box, place):
    page = lacking(box.url, VALUE_ALONE).page
    if place == "drawing":
        page.goto(f"{box.url}/#/system/areas/counter")
        page.get_by_role("button", name="New mask").click()
        page.get_by_role("button", name="Start from a rectangle").click()
    elif place == "form":
        page.goto(f"{box.url}/#/system")
        page.get_by_label("Address").fill("rtsp://10.0.0.12/stream")
    else:
        page.route("**/api/jobs?*", lambda _route: None)  # it is on its way
        page.goto(f"{box.url}/#/try")
        page.locator("#file").set_input_files(
            {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"picture"}
        )
        page.locator(".job").wait_for()
    with page.expect_event("dialog") as asked:
        page.evaluate("setTimeout(() => location.reload())")
    assert asked.value.type == "beforeunload"
    asked.value.accept()
    page.locator("#tabs a").first.wait_for()
