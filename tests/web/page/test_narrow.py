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
