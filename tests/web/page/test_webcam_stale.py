"""A webcam's picture that is not of now is never shown as if it were, though nobody tells that it is old."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pricing.item_words import LANGUAGES
from tests.web.browsing import Visit
from web.app import STATIC

if TYPE_CHECKING:
    from playwright.sync_api import Route

KEPT = """() => {
    const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (wanted) => (window.kept = await open(wanted));
}"""


def started(window: Visit, words: dict[str, str]):
    """Start the webcam; return the page once it shows pictures and their rate."""
    page = window.go("#/try")
    page.evaluate(KEPT)
    page.get_by_role("tab", name=words["try.webcam"]).click()
    page.get_by_role("button", name=words["webcam.start"]).click()
    page.locator(".webcam .pill").filter(has_text="/s").wait_for()
    return page


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_webcam_that_is_pulled_out(chrome, box, language):
    words = json.loads((STATIC / f"strings.{language}.json").read_text())
    window = Visit(chrome, box.url, locale=f"{language}-{language.upper()}")
    page = started(window, words)
    page.evaluate("kept.getTracks().forEach((track) => track.stop())")
    page.locator(".webcam").get_by_text(words["webcam.busy"]).wait_for()
    page.get_by_role("button", name=words["webcam.start"]).wait_for()
    window.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_box_that_never_answers(chrome, box, language):
    words = json.loads((STATIC / f"strings.{language}.json").read_text())
    window = Visit(chrome, box.url, locale=f"{language}-{language.upper()}")
    window.page.clock.install()
    page = started(window, words)
    held = []

    def hold(route: Route) -> None:  # as a network that has gone without a word
        held.append(route)

    page.route("**/frames", hold)
    while not held:  # playwright hands it over when it is idle; the suite's own end bounds this
        page.wait_for_timeout(20)
    page.clock.fast_forward(60_000)
    page.locator(".webcam").get_by_text(words["webcam.again"]).wait_for()
    page.locator(".webcam .card-head .pill").wait_for(state="hidden")
    page.unroute("**/frames")
    page.locator(".webcam .pill").filter(has_text="/s").wait_for()
    window.close()
