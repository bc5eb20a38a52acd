"""A running store whose price service goes down, slow and mad: video goes on, totals come from memory."""

from __future__ import annotations

import logging
import time

import pytest

from pipelines.paths import state_folder
from pricing.brands.names import normal_brand
from pricing.live.breaker import Breaker
from pricing.live.cache import PriceCache
from pricing.live.live import LivePrices
from pricing.live.remembered import Answer, Result, Thing
from tests.fakes.paced_cameras import PacedCameras
from tests.fakes.price_server import KEY, PriceServer
from tests.fakes.running_store import running_store
from tests.scripts.demo import films as demo_films
from tests.waiting import wait_for

HOUR = 3_600_000_000_000
PATIENCE_S = 600
OLD, NEW = 12_300, 12_900
WORN = {"entrance": ((112, 152),)}
"""Somebody shows what is worn all the time: nothing waits for the film to come round."""


@pytest.fixture
def worn():
    """What the person at the entrance wears: slot and brand."""
    ((slot, brand), *_) = demo_films.clips()["entrance"].truth.visits[0].wears
    return slot, brand


@pytest.fixture
def _hasty(monkeypatch):
    """Requests follow each other in tenths of a second, so that a bad service is asked again in each mode."""
    monkeypatch.setitem(LivePrices.__init__.__kwdefaults__, "again_s", 0.1)
    for name in ("first_s", "max_s"):
        monkeypatch.setitem(Breaker.__init__.__kwdefaults__, name, 0.2)


@pytest.fixture
def shop(tmp_path, worn):
    slot, brand = worn
    catalogue = tmp_path / "names.csv"
    # The brand is known, so that it is looked for, but not its price.
    catalogue.write_text(f"brand,type,price\n{brand},*,live\n")
    cache = PriceCache(state_folder() / "prices-test-store.db", 10_000_000, time.time_ns)
    amounts = [OLD] * 3
    thing = Thing(normal_brand(brand), slot)
    cache.put(Answer(thing, time.time_ns() - 2 * HOUR, Result.PRICED, *amounts, "EUR", "openwebninja"))
    cache.close()
    clips = {name: clip.path for name, clip in demo_films.clips().items() if name == "entrance"}
    with PriceServer(price="€129.00", mode="500") as server, PacedCameras(clips, parts=WORN) as cameras:
        prices = (
            f'live: {{key: "${{PRICES_KEY}}", base_url: "{server.url}", timeout_s: 1}}, cache: {{fresh_h: 1}}'
        )
        camera = f'entrance: {{source: "{cameras.url("entrance")}"}}\n'
        # The one known price is of a piece whose type nobody saw; whether it is seen depends on the load.
        key, models = {"PRICES_KEY": KEY}, "garments: none"
        with running_store(tmp_path, camera, catalogue, env=key, prices=prices, models=models) as running:
            cameras.follow(running.metrics, running.store._looks)
            yield running, server


def prices_told(shop, slot: str) -> list[dict]:
    events = [event for kind in ("updated", "ended") for event in shop.people("entrance", kind)]
    return [i["price"] for e in events for i in e["items"] if i["slot"] == slot and i["price"]]


@pytest.mark.usefixtures("_hasty")
def test_frames_flow_and_totals_are_stale_until_the_service_is_well_again(shop, worn, caplog):
    shop, server = shop
    slot, _ = worn
    caplog.set_level(logging.INFO)

    def processed() -> float:
        return shop.metric("msh_frames_processed_total", camera="entrance")

    def goes_on() -> None:
        """Wait until more frames came. That none waits for a price is tested with `LivePrices`."""
        enough = processed() + 3
        wait_for(lambda: processed() >= enough, PATIENCE_S)

    first = wait_for(lambda: prices_told(shop, slot), PATIENCE_S)[0]
    assert (first["amount_minor"], first.get("stale")) == (OLD, True)
    for mode in ("500", "slow", "drip", "garbage", "absurd"):
        server.mode = mode
        asked = len(server.asked)
        wait_for(lambda asked=asked: len(server.asked) > asked, PATIENCE_S)
        goes_on()
    assert {price["amount_minor"] for price in prices_told(shop, slot)} == {OLD}
    assert all(price["stale"] for price in prices_told(shop, slot))
    (line,) = wait_for(lambda: [r.message for r in caplog.records if r.name.startswith("pricing.live")])
    assert "fails, known prices are used" in line
    server.mode = "good"
    fresh = wait_for(lambda: [p for p in prices_told(shop, slot) if "stale" not in p], PATIENCE_S)[0]
    assert (fresh["amount_minor"], fresh["source"]) == (NEW, "openwebninja")
    goes_on()
    assert shop.metric("msh_price_lookups_total", result="answered") == 1
    wait_for(lambda: shop.get("/healthz")[0] == 200)
    assert KEY not in caplog.text
