"""/api/events of the real server where something cannot be written: no open page stands still for it."""

from __future__ import annotations

import contextlib
import json
import logging

import pytest

from pricing.news import news
from tests.fakes.served_page import customer, served_page
from tests.waiting import wait_for
from web.live import events
from web.recent import Recent

BROKEN = "pictures/K\udcf6ln.jpg"
"""A name in Latin-1, as a disk of another system holds it."""


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(events, "SYSTEM_S", 0.5)
    with served_page(tmp_path) as page:
        yield page


def told(lines, kind: str, fits) -> dict:
    """Return the data of the next event of a kind that fits."""
    for line in lines:
        if line == f"event: {kind}":
            data = json.loads(next(lines).removeprefix("data: "))
            if fits(data):
                return data
    raise AssertionError(f"the stream ended before an event {kind} that fits")


def test_a_file_whose_name_is_no_utf_8_is_told_of_and_stops_no_page(page):
    recent, logger = Recent(), logging.Logger("somebody")
    logger.addHandler(recent)
    page.backend.events = recent.newest_first
    with (
        contextlib.closing(page.client()) as client,
        client.stream("GET", "/api/events", timeout=300) as answer,
    ):
        lines = answer.iter_lines()
        told(lines, "system", lambda data: data["events"] == [])
        logger.error("%s: is no picture", BROKEN, extra=news("output_off", output="x", what=BROKEN))
        (line,) = told(lines, "system", lambda data: data["events"])["events"]
        assert line["text"] == r"pictures/K\udcf6ln.jpg: is no picture"
        assert line["cause"]["values"] == {"output": "x", "what": r"pictures/K\udcf6ln.jpg"}
        page.floor.show(customer())
        assert told(lines, "floor", lambda data: data["people"])
        assert client.get("/api/system").json()["events"] == [line]


def test_what_cannot_be_written_keeps_nothing_else_from_the_pages(page, caplog):
    """The first failure ended all news for every page that was open, without a word."""
    caplog.set_level(logging.INFO, events.__name__)
    prices = page.backend.prices
    with (
        contextlib.closing(page.client()) as client,
        client.stream("GET", "/api/events", timeout=300) as answer,
    ):
        lines = answer.iter_lines()
        told(lines, "system", lambda data: not data["health"]["ok"])
        page.backend.prices = lambda: 1 / 0
        wait_for(lambda: caplog.messages)
        page.floor.show(customer())
        assert told(lines, "floor", lambda data: data["people"])
        page.healthy, page.backend.prices = True, prices
        assert told(lines, "system", lambda data: data["health"]["ok"])
    failed, again = [text for text in caplog.messages if "told news" in text]
    assert failed == "the page is not told news: system (ZeroDivisionError)"
    assert again == "the page is told news again: system"
