"""The pages of phone and manager on the smallest phone: nothing is cut, broken or wider than the window."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from pipelines.insights.file import InsightsFile
from pricing.sales.types import SaleOutcome, StaffState
from scripts.demo import history
from tests.fakes.selling_page import SECOND, SellingPage
from tests.fakes.served_page import customer
from tests.web.browsing import Visit
from web.app import STATIC


def show_after_a_lost_connection(shop) -> None:
    """Show two who are not found again, the first of them attended, and somebody new where that one stood."""
    attended, lost, new = (
        replace(customer(f"k7f3-{n:04d}", 1_234_567_00), number=n, held=n != 14) for n in (1, 13, 14)
    )
    new = replace(new, arrived_at=attended.seen_at + SECOND)
    shop.floor.show(replace(attended, rank=None), lost, new)
    shop.tick()


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it"])
def test_phone_and_manager_fit_a_small_phone_in_every_language(chrome, shop, language):
    words = json.loads((STATIC / f"strings.{language}.json").read_text())
    window = Visit(chrome, shop.url, "phone", locale=f"{language}-{language.upper()}")
    window.page.set_viewport_size({"width": 320, "height": 640})
    page = window.go("staff")
    page.get_by_role("button", name="Jörg B.").click()
    page.locator("#states").get_by_role("button", name=words["staff.free"], exact=True).click()
    page.get_by_role("heading", name=words["staff.free"], exact=True).wait_for()
    assert (window.overflow() <= 0, window.broken_words()) == (True, [])
    shop.show(1_234_567_00)
    page.get_by_role("button", name=words["staff.accept"]).wait_for()
    window.shoot(f"staff-offer-{language}")
    assert (window.overflow() <= 0, window.broken_words()) == (True, [])
    page.get_by_role("button", name=words["staff.accept"]).click()
    page.get_by_role("button", name=words["staff.done"], exact=True).click()
    page.get_by_role("button", name=words["staff.sold"], exact=True).wait_for()
    assert (window.overflow() <= 0, window.broken_words()) == (True, [])
    shop.show(1_234_567_00, 99_00, first=11)
    shop.tick(130)
    page = window.go("#/desk")
    page.locator(".desk-member").first.wait_for()
    window.shoot(f"desk-phone-{language}", whole=True)
    assert (window.overflow() <= 0, window.broken_words()) == (True, [])
    show_after_a_lost_connection(shop)
    for key in ("desk.unseen", "desk.perhaps_attended"):
        page.get_by_text(words[key], exact=True).wait_for()
    window.shoot(f"desk-held-{language}", whole=True)
    assert (window.overflow() <= 0, window.broken_words(), window.serious()) == (True, [], [])
    widths = page.evaluate(
        "[...document.querySelectorAll('.desk-member select')].map((one) => one.offsetWidth)"
    )
    assert len(widths) == 2
    assert min(widths) > 100  # the state that is set can be read
    page.get_by_role("button", name=words["desk.pin_of"].replace("{name}", "Anna")).click()
    page.get_by_role("button", name=words["desk.pin_save"]).wait_for()
    assert (window.overflow() <= 0, window.broken_words()) == (True, [])
    page.get_by_role("button", name=words["desk.pin_cancel"]).click()
    history.write(InsightsFile(shop.folder / "insights.db", shop.now), datetime.now(timezone.utc), days=1)
    page = window.go("#/insights")
    page.get_by_role("button", name=words["insights.day_before"]).click()
    page.get_by_text(words["insights.staff"]).wait_for()
    window.shoot(f"insights-phone-{language}", whole=True)
    assert (window.overflow() <= 0, window.broken_words()) == (True, [])
    window.close()


LONG = ("Konstantinos Papadimitri", "Wolfgangalexanderfriedri")


SEVEN_DIGITS = {
    "JPY": (1_234_567, ["en"]),
    "EUR": (1_234_567_89, ["de"]),
    "KWD": (1_234_567_890, ["en", "de", "fr", "es", "it"]),
}
"""Of each currency: seven digits, and its languages. Three decimals are the widest in all of them."""


@pytest.mark.parametrize("currency", SEVEN_DIGITS)
def test_long_names_and_large_amounts_fit_a_small_phone_in_every_language(chrome, tmp_path, currency):
    people = "".join(f"    {name}: {{rank: {5 - n}}}\n" for n, name in enumerate(LONG))
    shop = SellingPage(tmp_path, sections=f"staff:\n  people:\n{people}", currency=currency)
    shop.page.backend.brand = lambda _: "W" * 40
    worth, languages = SEVEN_DIGITS[currency]
    for language in languages:
        window = Visit(chrome, shop.url, "phone", locale=f"{language}-{language.upper()}")
        window.page.set_viewport_size({"width": 320, "height": 640})
        shop.desk.set_state(LONG[0], StaffState.FREE)
        shop.desk.set_state(LONG[1], StaffState.OFF)
        shop.show(worth, worth - 1)
        page = window.go("staff")
        page.get_by_role("button", name=LONG[1]).wait_for()
        assert (window.overflow() <= 0, window.broken_words()) == (True, [])
        page.get_by_role("button", name=LONG[0]).click()
        page.locator(".worth").wait_for()
        window.shoot(f"staff-long-{currency}-{language}")
        assert window.cut_names() == []
        assert (window.overflow() <= 0, window.broken_words(), window.crowded()) == (True, [], [])
        shop.tick(130)  # the offer is over and the other one is told of
        shop.desk.set_state(LONG[1], StaffState.FREE)
        shop.tick()
        offer = next(one for one in shop.desk.board.desk.offers if one.seller == LONG[1])
        shop.desk.answer(offer.number, LONG[1], accept=True)
        page = window.go("#/desk")
        page.locator(".desk-row .pill.good").wait_for()
        page.locator(".desk-row .pill.bad").first.wait_for()
        window.shoot(f"desk-long-{currency}-{language}", whole=True)
        assert (window.overflow() <= 0, window.broken_words(), window.crowded()) == (True, [], [])
        shop.desk.done(offer.number, LONG[1], SaleOutcome.LEFT, None)
        shop.show()
        window.close()
    shop.stop()


COVERED = """() => [...document.querySelectorAll("#main :is(button, input)")].filter((one) => {
  one.focus();
  const { left, top, width, height } = one.getBoundingClientRect();
  return [0.1, 0.9].some((part) => !one.contains(document.elementFromPoint(left + width / 2, top + part * height)));
}).map((one) => one.textContent)"""  # noqa: E501
"""What lies under something else while it has the focus."""


@pytest.mark.parametrize("size", [(640, 320), (320, 256)], ids=["on its side", "at 400 %"])
def test_where_there_is_little_height_the_bars_cover_nothing_that_is_pressed(shop, phone, size):
    page = phone.page
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    shop.show(129_000)
    page.get_by_role("button", name="I’ll go").wait_for()
    assert page.evaluate(COVERED) == []
    page.get_by_role("button", name="I’ll go").click()
    page.get_by_role("button", name="Done").click()
    page.get_by_label("Amount sold").wait_for()
    assert page.evaluate(COVERED) == []
