"""An upload is looked at with the store's own garment model, as its cameras are."""

from __future__ import annotations

import asyncio
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from engines.compiled_models import compiled_folder
from engines.own_models import own_folder
from pipelines.settings.load import load_settings
from web.page import _worker
from web.uploads import child
from web.uploads.child import garments_of
from web.uploads.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pricing.catalogue.catalogue import Catalogue

STORE = """version: 1
store: {id: s, name: S, timezone: UTC, currency: EUR}
cameras: {door: {source: 'rtsp://10.0.0.1/a'}}
outputs: {web: {uploads: true}}
"""


@pytest.mark.parametrize(("more", "garments"), [("", "garments"), ("models: {garments: none}\n", None)])
def test_the_worker_is_told_the_stores_model(tmp_path: Path, more: str, garments: str | None) -> None:
    store = tmp_path / "store.yaml"
    store.write_text(STORE + more)
    *_, option, prices = _worker(load_settings(store, env={}))
    assert garments_of([option, prices, "webcam"]) == (garments, [prices, "webcam"])


def test_the_worker_reads_the_price_list_as_the_store_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read it as the examples are written, so that each upload failed."""
    (tmp_path / "preise.csv").write_bytes("Märke;Ware;VK\nGucci;handbag;1.975,50\n".encode("cp1252"))
    notation = (
        """{columns: {brand: Märke, type: Ware, price: VK}, decimal: ",", grouping: ".", encoding: cp1252}"""
    )
    store = tmp_path / "store.yaml"
    store.write_text(f"{STORE}prices: {{catalogue: preise.csv, format: {notation}}}\n", encoding="utf-8")
    settings = load_settings(store, env={})
    lists: list[Catalogue] = []
    monkeypatch.setattr("pipelines.offline.annotate.AnnotateJob", lambda read, *_, **__: lists.append(read))
    monkeypatch.setattr(child, "limit", lambda: None)
    monkeypatch.setattr(child, "_brands", lambda: None)
    assert child.main([*_worker(settings)[3:], "file", "a", "b"]) == 0
    assert [row.max_minor for one in lists for row in one.rows] == [197_550]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_worker_takes_the_prices_of_the_stores_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    """26 hours lie between these two. It took UTC's day: in the small hours, yesterday's prices."""
    (tmp_path / "prices.csv").write_text("brand,type,price\nGucci,handbag,1975\n")
    store = tmp_path / "store.yaml"
    store.write_text(f"{STORE.replace('UTC', zone)}prices: {{catalogue: prices.csv}}\n")
    settings = load_settings(store, env={})
    told: list[date] = []
    monkeypatch.setattr(
        "pipelines.offline.annotate.AnnotateJob", lambda *_, today, **__: told.append(today())
    )
    monkeypatch.setattr(child, "limit", lambda: None)
    monkeypatch.setattr(child, "_brands", lambda: None)
    before = datetime.now(ZoneInfo(zone)).date()
    assert child.main([*_worker(settings)[3:], "file", "a", "b"]) == 0
    assert told in ([before], [datetime.now(ZoneInfo(zone)).date()])


def test_a_shops_own_model_is_named_and_found_by_the_process() -> None:
    assert garments_of(["--garments=ours", "prices.csv", "file"]) == ("ours", ["prices.csv", "file"])
    assert garments_of(["prices.csv", "webcam"]) == ("garments", ["prices.csv", "webcam"])


@pytest.mark.parametrize(
    ("found", "folder"),
    [
        ("os.environ['MSH_MODELS']", own_folder),
        ("str(__import__('engines.compiled_models').compiled_models.compiled_folder())", compiled_folder),
    ],
    ids=["own", "compiled"],
)
def test_the_process_finds_models_where_this_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str, folder: Callable[[], Path]
) -> None:
    """Compiled anew they cost memory and seconds, and as a service they lay on the disk twice."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("MSH_COMPILED", raising=False)
    told = f"import json, os; print(json.dumps({{'done': {{'in': {found}}}}}))"

    async def ask() -> object:
        worker = Worker((sys.executable, "-c", told), tmp_path, 60)
        await worker.start()
        try:
            return await worker.lines(lambda _: None, 300)
        finally:
            await worker.kill()

    assert asyncio.run(ask()) == {"in": str(folder())}
