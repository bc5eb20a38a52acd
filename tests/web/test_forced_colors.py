"""A theme of the system's own with few colours (Windows: contrast themes): what is chosen can be told."""

from __future__ import annotations

from tests.web.browsing import Visit

GROUNDS = """([which, part]) => [...document.querySelectorAll(which)].map((one) => {
  const { backgroundColor, borderColor } = getComputedStyle(one, part);
  return `${backgroundColor} ${borderColor}`;
})"""


def grounds(page, which: str, part: str | None = None) -> set[str]:
    return set(page.evaluate(GROUNDS, [which, part]))


def test_what_is_chosen_can_be_told_without_the_pages_colours(chrome, shop, phone):
    page = phone.page
    page.emulate_media(forced_colors="active")
    chosen = grounds(page, "#states [aria-pressed=true]")
    assert len(chosen) == 1
    assert not chosen & grounds(page, "#states [aria-pressed=false]")
    phone.shoot("forced-staff")
    window = Visit(chrome, shop.url, forced_colors="active")
    page = window.go("#/try")
    page.locator(".drop").wait_for()
    window.shoot("forced-try")
    assert not grounds(page, ".mode[aria-selected=true]") & grounds(page, ".mode[aria-selected=false]")
    here = grounds(page, ".tabs [aria-current]", "::after")
    assert not here & grounds(page, ".tabs a:not([aria-current])", "::after")
    window.go("#/floor")
    shop.show(129_000, 8_000)
    page.locator(".person").nth(1).wait_for()
    page.locator(".person").first.hover()
    page.locator(".person.chosen").wait_for()
    window.shoot("forced-floor")
    assert not grounds(page, ".person.chosen") & grounds(page, ".person:not(.chosen)")
    assert not grounds(page, ".box.chosen") & grounds(page, ".box:not(.chosen)")
    window.close()
