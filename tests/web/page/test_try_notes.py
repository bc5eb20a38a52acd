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
