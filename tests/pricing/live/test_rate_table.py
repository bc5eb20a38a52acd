"""Exchange rates: the feed is read, and an older day never replaces a newer one."""

from __future__ import annotations

from decimal import Decimal

from pricing.live.http import HttpClient, Reply
from pricing.live.rate_table import RateTable


def test_rates_follow_the_feed() -> None:
    class Feed(HttpClient):
        body = b"<html/>"

        def get(self, *_: object) -> Reply:
            return Reply(200, {}, self.body)

    clock, feed = [0.0], Feed(1.0)
    table = RateTable(None, "http://x", clock=lambda: clock[0])
    table.refresh(feed)
    assert table.current is None
    feed.body = b"<a><Cube time='2026-11-20'/><Cube currency='USD' rate='1.08'/></a>"
    table.refresh(feed)
    assert table.current is None
    clock[0] = 1000
    table.refresh(feed)
    assert table.current
    assert table.current.rate("EUR", "USD") == Decimal("1.08")
    feed.body = feed.body.replace(b"2026", b"2025")
    clock[0] = 1e6
    table.refresh(feed)
    assert table.current.day.year == 2026
