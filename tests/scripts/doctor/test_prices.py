from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.check_result import CheckLevel
from scripts.doctor.prices import look_at_price_service
from tests.fakes.price_server import KEY, PriceServer
from tests.pipelines.settings.store_file import MINIMAL, load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("mode", "health", "words"),
    [
        ("good", CheckLevel.OK, "answers: price of Nike sneakers is €129, median of 3 offers"),
        ("wrong", CheckLevel.WARN, "no price of Nike sneakers"),
        ("401", CheckLevel.FAIL, "refuses the key"),
        ("slow", CheckLevel.FAIL, "in time"),
        ("garbage", CheckLevel.FAIL, "no sensible price"),
    ],
)
def test_a_real_price_service(tmp_path: Path, mode: str, health: CheckLevel, words: str) -> None:
    timeout_s = 0.5 if mode == "slow" else 60
    with PriceServer(mode=mode, price="€129.00") as server:
        live = f'{{key: "${{PRICES_KEY}}", base_url: "{server.url}", timeout_s: {timeout_s}}}'
        settings = load(tmp_path, f"{MINIMAL}prices: {{live: {live}}}\n", PRICES_KEY=KEY)
        (found,) = look_at_price_service(settings)
    assert (found.level, found.name) == (health, "price service")
    assert words in found.found
    assert KEY not in f"{found}"


def test_without_one_nothing_is_said(tmp_path: Path) -> None:
    assert not list(look_at_price_service(load(tmp_path, MINIMAL)))
