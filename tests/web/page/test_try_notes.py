"""What the box notes of a file that was tried, on the page."""

from __future__ import annotations

import json

import pytest

from pricing.item_words import LANGUAGES
from tests.waiting import wait_for
from tests.web.browsing import Visit
from web.app import STATIC


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_odd_about_a_file_is_said_in_the_pages_language(chrome, box, language):
    """In words for a page: nothing is to be typed into a terminal. Those of the box where it is newer."""
    words = json.loads((STATIC / f"strings.{language}.json").read_text())
    turned = words["told.people_turned"].format(degrees=90)
    assert "msh annotate" not in turned
    window = Visit(chrome, box.url, locale=f"{language}-{language.upper()}")
    page = window.go("#/try")
    picture = {"name": "turned.jpg", "mimeType": "image/jpeg", "buffer": b"picture"}
    page.locator("#file").set_input_files(picture)
    notes = [turned, words["told.silent_copy"], "of a newer box"]
    wait_for(lambda: page.locator(".job .notice").all_text_contents() == notes)
    window.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_why_a_file_failed_is_said_in_the_pages_language(chrome, box, language):
    words = json.loads((STATIC / f"strings.{language}.json").read_text())
    window = Visit(chrome, box.url, locale=f"{language}-{language.upper()}")
    page = window.go("#/try")
    film = {"name": "walk.mp4", "mimeType": "video/mp4", "buffer": b"film"}
    page.locator("#file").set_input_files([film, film])
    wait_for(lambda: len(box.jobs) == 2)
    wait_for(lambda: page.locator(".job .pill").all_inner_texts() == [words["job.queued"]] * 2)
    window.listen()
    box.jobs[0] |= {
        "state": "failed",
        "error": "check it",
        "error_cause": {"why": "film_unread", "values": {"cause": "decode"}},
    }
    box.jobs[1] |= {
        "state": "failed",
        "error": "of a newer box",
        "error_cause": {"why": "of_a_newer_box", "values": {}},
    }
    said = {words["cause.decode"], "of a newer box"}
    wait_for(lambda: set(page.locator(".job .notice").all_text_contents()) == said)
    assert window.told(f"walk.mp4: {words['cause.decode']}")
    assert window.told("walk.mp4: of a newer box")
    window.close()
