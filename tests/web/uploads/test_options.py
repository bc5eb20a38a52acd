"""An upload is looked at with the store's own garment model, as its cameras are."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from engines.own_models import own_folder
from pipelines.settings.load import load_settings
from web.page import _worker
from web.uploads.child import garments_of
from web.uploads.worker import Worker

if TYPE_CHECKING:
    from pathlib import Path

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


def test_a_shops_own_model_is_named_and_found_by_the_process() -> None:
    assert garments_of(["--garments=ours", "prices.csv", "file"]) == ("ours", ["prices.csv", "file"])
    assert garments_of(["prices.csv", "webcam"]) == ("garments", ["prices.csv", "webcam"])


def test_the_process_looks_for_own_models_where_this_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    told = "import json, os; print(json.dumps({'done': {'in': os.environ['MSH_MODELS']}}))"

    async def ask() -> object:
        worker = Worker((sys.executable, "-c", told), tmp_path, 60)
        await worker.start()
        try:
            return await worker.lines(lambda _: None, 300)
        finally:
            await worker.kill()

    assert asyncio.run(ask()) == {"in": str(own_folder())}
