"""The page without a pointer: where the focus goes, and that Escape ends what was begun."""

from __future__ import annotations

import pytest

from tests.waiting import wait_for

WITHIN = "document.activeElement.closest('main') !== null"


def test_the_first_key_skips_to_the_page_that_is_shown(visit):
    page = visit.go("#/system")
    page.locator(".fact-card").first.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#/system"
    page.keyboard.press("Tab")
    assert page.evaluate(WITHIN)
    assert page.locator(".fact-card").first.is_visible()


def test_a_tab_leads_into_its_page(visit):
    page = visit.go("#/floor")
    page.locator(".person").first.wait_for()
    page.locator("#tabs").get_by_text("Try it").focus()
    page.keyboard.press("Enter")
    page.locator(".drop").wait_for()
    wait_for(lambda: page.evaluate("document.activeElement.id") == "main")
    page.keyboard.press("Tab")
    assert page.evaluate(WITHIN)


def test_escape_ends_a_drawing_and_the_focus_is_back_where_it_began(visit):
    page = visit.go("#/system/areas/counter")
    page.get_by_role("button", name="New mask").click()
    page.locator(".stage").click()
    page.get_by_text("1 corner", exact=True).wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("1 corner", exact=True).wait_for(state="hidden")
    assert page.evaluate("document.activeElement.textContent") == "New mask"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # from a rectangle
    page.get_by_role("button", name="Remove").focus()
    page.keyboard.press("Enter")
    wait_for(lambda: page.evaluate("document.activeElement.textContent") == "New mask")
    assert page.get_by_role("button", name="mask-1").count() == 0


UNDER = """() => {
  const one = document.activeElement, { left, width, top, bottom } = one.getBoundingClientRect();
  const bar = "header, .tabs";
  if (one === document.body || one.closest(bar) || bottom - top > 100) return null;
  const hit = [top + 3, bottom - 3].map((y) => document.elementFromPoint(left + width / 2, y));
  return hit.every((node) => node && !node.closest(bar)) ? null : one.textContent || one.id;
}"""


@pytest.mark.parametrize(("place", "ready"), [("floor", ".person"), ("system/areas/counter", ".shape")])
def test_what_has_the_focus_is_not_under_a_bar(visit, place, ready):
    visit.resize("small")
    page = visit.go(f"#/{place}")
    page.locator(ready).first.wait_for()
    under = []
    for key in ("Tab", "Shift+Tab"):
        for _ in range(30):
            page.keyboard.press(key)
            under.append(page.evaluate(UNDER))
    assert [one for one in under if one] == []
    visit.resize("desktop")
