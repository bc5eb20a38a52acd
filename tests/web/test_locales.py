"""Amounts, times and words as each reader's browser asks for them, in a shop of Austria."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest

from pipelines.insights.file import InsightsFile
from pricing.money import display
from scripts.demo import history
from tests.fakes.selling_page import SellingPage
from tests.waiting import wait_for
from tests.web.browsing import Visit

WRITTEN = {
    "en-US": ("en_US", "€1,290.50", "2:00 PM"),
    "en-GB": ("en_GB", "€1,290.50", "14:00"),
    "de-DE": ("de_DE", "1.290,50 €", "14:00"),
    "de-CH": ("de_CH", "EUR 1'290.50", "14:00"),
    "fr-FR": ("fr_FR", "1 290,50 €", "14:00"),
    "es-ES": ("es_ES", "1290,50 €", "14:00"),
    "it-IT": ("it_IT", "1290,50 €", "14:00"),
    # The store's country where the browser names none; all of the store's where its language has no words.
    "de": ("de_AT", "€ 1.290,50", "14:00"),
    "ja-JP": ("de_AT", "€ 1.290,50", "14:00"),
}
"""By the browser's locale, in a shop of Austria: the locale that is taken, an amount and an hour of it."""


@pytest.fixture(scope="module")
def austria(tmp_path_factory):
    folder = tmp_path_factory.mktemp("austria")
    started = SellingPage(folder, locale="de_AT")
    history.write(InsightsFile(folder / "insights.db", started.now), datetime.now(timezone.utc), days=2)
    started.show(1_290_50)
    yield started
    started.stop()


def plain(text: str) -> str:
    """Return an amount with plain spaces and marks: CLDR changes them from one browser to the next."""
    return re.sub(r"\s", " ", text).replace("’", "'")


@pytest.mark.parametrize("browsers", WRITTEN)
def test_amounts_and_times_are_written_for_who_reads_the_page(chrome, austria, browsers):
    taken, amount, two = WRITTEN[browsers]
    window = Visit(chrome, austria.url, locale=browsers)
    page = window.go("staff")
    page.get_by_role("button", name="Jörg B.").click()
    page.locator("#states button").first.click()
    page.locator("#states button:first-child[aria-pressed=true]").wait_for()
    austria.tick()
    assert plain(page.locator(".offer .worth").inner_text()) == amount
    page.locator("#states button").last.click()
    page.locator(".offer").wait_for(state="detached")
    page = window.go("#/desk")
    assert plain(page.locator(".desk-row b").first.inner_text()) == amount
    page = window.go("#/floor")
    assert plain(page.locator(".person .figures").first.inner_text()).startswith(amount)
    page = window.go("#/insights")
    yesterday = (datetime.now(timezone.utc) - timedelta(days=1)).date().isoformat()
    page.locator("#day").fill(yesterday)
    page.locator(".hours tbody tr").first.wait_for()
    answer = austria.page.client().get(f"/api/insights?from={yesterday}").json()
    value = display((answer["value_minor"] + 50) // 100 * 100, "EUR", taken)
    # The day before is shown until its own answer is there.
    wait_for(lambda: plain(page.locator(".facts .figure").nth(1).inner_text()) == plain(value))
    assert two in [plain(one) for one in page.locator(".hours tbody th").all_inner_texts()]
    window.close()


@pytest.mark.parametrize(("place", "part"), [("#/insights", "#day"), ("staff", "button:has-text('Anna')")])
def test_nothing_is_shown_before_the_stores_words_are_there(chrome, austria, place, part):
    """A page that is built again with them loses what was typed and picked until then."""
    window, held = Visit(chrome, austria.url, locale="ja-JP"), []
    window.page.route("**/strings.de.json", lambda route: [held.append(route)])
    page = window.go(place)
    wait_for(lambda: page.wait_for_timeout(20) or held)
    assert page.locator(part).count() == 0
    held[0].continue_()
    page.locator(part).wait_for()
    window.close()
