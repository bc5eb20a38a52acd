"""The cards of cameras on *Cameras & system*: what is suspended, and room for every number."""

from __future__ import annotations

import json

import pytest

from pricing.item_words import LANGUAGES
from tests.waiting import wait_for
from tests.web.browsing import Visit
from web.app import STATIC


def test_a_suspended_camera_is_not_called_live(visit, box):
    """Nobody is counted in its view, though pictures come; the floor says the same."""
    box.advice = {"counter": {"suspended": True}}
    page = visit.go("#/system")
    page.get_by_text("1 of 2 cameras live").wait_for()
    card = page.get_by_label("Camera Counter", exact=True)
    assert card.locator(".card-head .pill.bad").inner_text() == "Suspended"
    box.advice = {}
    page.get_by_text("All cameras live").wait_for()
    card.locator(".card-head .pill.good", has_text="Live for").wait_for()


def test_a_picture_that_is_on_its_way_is_not_called_none(visit, box):
    held: list = []
    visit.page.route("**/picture.jpg*", lambda route: held.append(route))  # noqa: PLW0108 it wants a function
    page = visit.go("#/system")
    wait_for(lambda: page.wait_for_timeout(20) or len(held) > 1)
    card = page.get_by_label("Camera Counter", exact=True)
    assert card.locator(".snapshot").inner_text() == "Waiting for the first picture"
    for route in held:
        route.fulfill(status=503)
    card.get_by_text("No picture now").wait_for()


def test_no_number_of_what_the_box_tells_leaves_its_unit(visit, box):
    values = {"seconds": 3, "most": 2}
    box.health = {"ok": False, "reasons": ["late"], "causes": [{"why": "late", "values": values}]}
    page = visit.go("#/system")
    told = page.locator(".reasons .notice", has_text="pictures are")
    told.wait_for()
    assert "3\u00a0s old" in told.text_content()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_number_of_a_camera_stands_on_two_lines(chrome, box, language):
    """Beside a long name it was given no room: 44 stood as 4 above 4."""
    words = json.loads((STATIC / f"strings.{language}.json").read_text(encoding="utf-8"))
    window = Visit(chrome, box.url, locale=f"{language}-{language.upper()}")
    page = window.go("#/system")
    page.get_by_text(words["system.between"]).first.wait_for()
    for width in (320, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        window.shoot(f"system-{width}-{language}", whole=True)
        assert (window.broken_words(), window.overflow() <= 0) == ([], True), width
    window.close()
