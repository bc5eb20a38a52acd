"""Why a webcam or a picture of a brand does not do is said in the page's language, whoever finds it out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engines.errors import PICTURE_FAULTS
from pricing.item_words import LANGUAGES
from tests.web.browsing import Visit
from web.app import STATIC

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Route

REFUSES = """name => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("in English", name));
}"""
WEBCAM = {
    "NotAllowedError": "webcam.denied",
    "AbortError": "webcam.busy",  # so Firefox says that another program has the camera
    "InvalidStateError": "webcam.failed",
    "NotSupportedError": "webcam.failed",
}


def words_of(language: str) -> dict[str, str]:
    return json.loads((STATIC / f"strings.{language}.json").read_text())


def refusing(status: int, code: str, reason: str) -> Callable[[Route], None]:
    """Return what answers a request as the box refuses it."""
    body = {"error": {"code": code, "message": "in English", "reason": reason}}
    return lambda route: route.fulfill(status=status, json=body)


@pytest.mark.parametrize("language", LANGUAGES)
def test_why_a_browser_gives_no_webcam(chrome, box, language):
    words = words_of(language)
    window = Visit(chrome, box.url, locale=f"{language}-{language.upper()}")
    page = window.go("#/try")
    page.get_by_role("tab", name="Webcam").click()
    for name, key in WEBCAM.items():
        page.evaluate(REFUSES, name)
        page.get_by_role("button", name=words["webcam.start"]).click()
        page.locator(".webcam").get_by_text(words[key]).wait_for()
    window.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_why_the_box_annotates_no_webcam(chrome, box, language):
    words = words_of(language)
    window = Visit(chrome, box.url, locale=f"{language}-{language.upper()}")
    page = window.go("#/try")
    page.get_by_role("tab", name="Webcam").click()
    for reason in ("webcam_start", "webcam_failed"):
        page.route("**/api/webcam", refusing(500, "failed", reason))
        page.get_by_role("button", name=words["webcam.start"]).click()
        page.locator(".webcam").get_by_text(words[f"refused.{reason}"]).wait_for()
        page.unroute("**/api/webcam")
    assert [trouble for trouble in window.troubles if "500" not in trouble] == []
    window.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_why_a_picture_of_a_brand_does_not_do(chrome, box, language):
    words = words_of(language)
    window = Visit(chrome, box.url, locale=f"{language}-{language.upper()}")
    page = window.go("#/system")
    field = page.locator("#brand-pictures")
    field.wait_for(state="attached")
    picture = {"name": "star.png", "mimeType": "image/png", "buffer": b"picture"}
    for reason in sorted(PICTURE_FAULTS):
        page.route("**/api/brands/pictures*", refusing(415, "unsupported", reason))
        field.set_input_files(picture)
        page.locator(".brand-told").get_by_text(words[f"refused.{reason}"]).wait_for()
        page.unroute("**/api/brands/pictures*")
    window.close()
