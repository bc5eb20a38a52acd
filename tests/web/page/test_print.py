"""What comes out of a printer, from a real browser: paper is white, and has what the window scrolls to."""

from __future__ import annotations

import pytest

from tests.fakes.shoppers import shoppers


@pytest.fixture
def printed(visit, box):
    """The floor in the dark theme with more people than the window has room for, as it is printed."""
    box.people = [one | {"id": 100 + number} for number, one in enumerate(shoppers() * 4)]
    page = visit.go("#/floor")
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload()
    page.locator(".person").nth(11).wait_for()
    page.emulate_media(media="print")
    yield page
    page.emulate_media(media="screen")


def test_words_of_the_dark_theme_are_dark_on_paper(printed):
    """A printer leaves the dark ground out."""
    written = printed.evaluate(
        """() => [...document.querySelectorAll("main h1, main h2, .person b, .person .soft")]
          .filter((one) => one.textContent && !one.closest(".tile"))
          .map((one) => Math.max(...getComputedStyle(one).color.match(/\\d+/g).slice(0, 3).map(Number)))"""
    )
    assert written
    assert max(written) < 160


def test_all_people_are_printed_and_the_bar_covers_nobody(printed):
    cut = printed.evaluate(
        """() => [".floor", ".next", ".people"].map((part) => document.querySelector(part))
          .filter((one) => one.scrollHeight > one.clientHeight + 1).map((one) => one.className)"""
    )
    assert cut == []
    assert not printed.locator("nav.tabs").is_visible()
