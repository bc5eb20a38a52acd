"""The retained summary of the whole store: what it says, and that it is said when it differs only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.floor.store_summary import StoreSummary
from pricing.sales.types import StaffState
from tests.fakes import schemas
from tests.pipelines.sales.test_floor_desk import Shop, seen

if TYPE_CHECKING:
    from pathlib import Path

SUMMARY = schemas.message("store_summary")


class Broker:
    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def set_state(self, topic: str, payload: dict[str, Any]) -> None:
        assert topic == "summary"
        SUMMARY.validate(payload)
        self.told.append({key: value for key, value in payload.items() if key not in ("schema", "at")})


@pytest.mark.parametrize("selling", [True, False])
def test_it_is_told_when_it_differs(tmp_path: Path, selling: bool) -> None:
    shop, broker = Shop(tmp_path / "sales.db"), Broker()
    summary = StoreSummary(
        shop.snapshot,
        shop.desk if selling else None,
        broker,
        currency="EUR",
        now_ns=lambda: shop.now,  # type: ignore[arg-type]
    )
    shop.people = [seen(1, 129_000), seen(2, 2_000), replace(seen(3, 9_000), customer=False)]
    for _ in range(5):
        shop.tick()
        shop.people = [replace(one, score_minor=one.score_minor + 500) for one in shop.people]  # they wait
        summary.check()
    staff = {"free": 0, "busy": 0, "break": 0, "off": 2}
    total = {"amount_minor": 131_000, "currency": "EUR"}
    wanted = {"persons": 2, "value": total, "unattended": total, "staff": staff}
    assert broker.told == [wanted if selling else wanted | {"unattended": None, "staff": None}]
    if selling:
        shop.desk.set_state("anna", StaffState.FREE)
        shop.desk.attend("door", "k7f3-0001", "anna")
        summary.check()
        assert broker.told[-1]["staff"] == {"free": 0, "busy": 1, "break": 0, "off": 1}
        assert broker.told[-1]["unattended"]["amount_minor"] == 2_000
    summary.close()
    assert (broker.told[-1]["persons"], broker.told[-1]["value"]["amount_minor"]) == (0, 0)
