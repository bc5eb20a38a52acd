"""*Insights* in a real browser: the figures of a day, its maps, and which day it is."""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from pipelines.insights.file import InsightsFile
from scripts.demo import history
from tests.fakes.selling_page import SECOND
from tests.waiting import wait_for
from web.live import events


def test_insights_of_a_day(shop, manager):
    page = manager.go("#/insights")
    page.get_by_text("Nothing to show yet").wait_for()
    now = datetime.now(timezone.utc)
    history.write(InsightsFile(shop.folder / "insights.db", shop.now), now)
    page.get_by_label("Day", exact=True).fill((now - timedelta(days=1)).date().isoformat())
    page.get_by_text("Staff advised").wait_for()
    answer = shop.page.client().get(f"/api/insights?from={(now - timedelta(days=1)).date()}").json()
    assert page.locator(".figure").first.inner_text() == str(answer["visitors"])
    assert page.locator(".hours tbody tr").count() == len(answer["hours"]) == 10
    manager.assert_fits("insights")
    manager.shoot("insights", whole=True)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    manager.assert_fits("insights-dark")
    page.evaluate("document.documentElement.dir = 'rtl'")
    manager.assert_fits("insights-rtl")
    page.evaluate("document.documentElement.dir = 'ltr'")
    maps = page.locator(".heat")
    assert maps.count() == len(answer["heat_maps"]) == 2
    assert page.locator(".heat-place").count() == sum(len(one["places"]) for one in answer["heat_maps"])
    assert maps.first.get_attribute("aria-label").startswith("Where people were: Counter: Most, ")
    saved = [one["saved_text"] for one in answer["hours"] if one["saved_minor"] is not None]
    assert saved
    assert len(saved) == page.locator(".hours tbody td:last-child").filter(has_not_text="–").count()
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save as CSV").click()
    assert saving.value.path().read_text().startswith("store,currency,measure,key")
    page.get_by_role("button", name="The day before").click()
    page.get_by_text("Brands seen").wait_for()
    assert shop.page.client().get("/api/insights?from=soon").status_code == 422


@pytest.fixture(params=[-40, 40], ids=["behind", "ahead"])
def insights(request, shop, manager, monkeypatch):
    """*Insights* of a box shortly before midnight, in a browser whose clock is days off."""
    now = datetime.now(timezone.utc)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    history.write(InsightsFile(shop.folder / "insights.db", shop.now), now, days=2)
    shop.ahead = int((midnight - timedelta(minutes=10) - now).total_seconds()) * SECOND
    monkeypatch.setattr(events, "time", SimpleNamespace(monotonic=time.monotonic, time_ns=shop.now))
    manager.page.clock.install(time=now + timedelta(days=request.param))
    page = manager.go("#/insights")
    yesterday = (midnight - timedelta(days=1)).date().isoformat()
    wait_for(lambda: page.locator("#day").evaluate("(one) => [one.value, one.max]") == [yesterday] * 2)
    page.locator(f".downloads a[href*='{yesterday}']").first.wait_for()
    return page


def days(page) -> list[str]:
    """Return the day of the field, the last that it takes, and that of the figures."""
    link = page.get_by_role("link", name="Save as CSV").get_attribute("href")
    field = page.locator("#day").evaluate("(one) => [one.value, one.max]")
    return [*field, *re.findall(r"from=([\d-]+)", link)]


def day_before(iso: str, count: int = 1) -> str:
    return (date.fromisoformat(iso) - timedelta(days=count)).isoformat()


def test_insights_are_drawn_anew_only_with_new_figures_and_go_on_with_the_day(shop, insights):
    shown = days(insights)[0]
    today = day_before(shown, -1)
    assert days(insights) == [shown] * 3
    saving = insights.get_by_role("link", name="Save as CSV")
    saving.focus()
    with insights.expect_response(re.compile("/api/insights")) as answer:
        insights.clock.fast_forward(60_000)
    answer.value.finished()
    assert saving.evaluate("(one) => one === document.activeElement")
    shop.ahead += 600 * SECOND
    field = insights.locator("#day")
    # Once the box has told its time: until then it is still yesterday.
    wait_for(lambda: insights.clock.fast_forward(60_000) or field.input_value() == today)
    assert field.get_attribute("max") == today


def test_no_day_follows_the_last_and_one_without_figures_says_so(insights):
    after = insights.get_by_role("button", name="The day after")
    assert after.is_disabled()
    insights.get_by_role("button", name="The day before").click()
    after.focus()
    insights.keyboard.press("Enter")
    assert after.is_disabled()
    assert insights.evaluate("document.activeElement.id") == "day"  # what is disabled loses the focus
    insights.locator("#day").fill("2020-02-29")
    insights.get_by_text("No figures for this day").wait_for()
    assert after.is_enabled()


def test_the_day_of_the_field_is_that_of_the_figures(insights):
    shown = days(insights)[0]
    field = insights.get_by_label("Day", exact=True)
    field.fill(day_before(shown, -1))  # a day to come
    field.blur()
    assert days(insights) == [shown] * 3
    insights.route(re.compile("/api/insights"), lambda route: route.abort())
    insights.get_by_role("button", name="The day before").click()
    insights.locator(".page > .notice").wait_for()
    assert field.input_value() == day_before(shown)
    assert insights.locator(".figure").count() == 0
