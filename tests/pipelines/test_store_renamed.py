"""A whole store whose box, and then itself, gets another name in the store file: what it left goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelines.cameras.states import CameraState
from pipelines.settings.load import load_settings
from pipelines.stopping import Stopping
from pipelines.store import Store
from probes.metrics import Metrics
from tests.fakes.broker import Broker
from tests.pipelines.outputs.mqtt.bench import named, retained
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

STORE = """
version: 1
store: {{id: {store}, name: Shop, device: {device}, timezone: UTC, currency: EUR}}
cameras: {{door: {{source: "rtsp://127.0.0.1:9/x"}}}}
outputs: {{mqtt: {{url: "mqtt://127.0.0.1:{port}", home_assistant: {{}}}}}}
"""


def run(path: Path, port: int, store: str, device: str) -> None:
    path.write_text(STORE.format(store=store, device=device, port=port))
    metrics = Metrics([state.value for state in CameraState])
    running = Store(load_settings(path, env={}), metrics=metrics, platform="cpu")
    running.start()
    try:
        wait_for(lambda: metrics.registry.get_sample_value("msh_mqtt_connected") == 1)
    finally:
        assert running.stop(Stopping(300))


@pytest.mark.parametrize("folder", ["shop", "K\udcf6ln"], ids=["plain", "no UTF-8"])
def test_nothing_is_left_of_former_names_of_box_and_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """In a folder of another system's name nothing at all was said to the broker."""
    (tmp_path / folder).mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setattr("pipelines.outputs.mqtt.former_name.MACHINE_ID", tmp_path / "machine-id")
    (tmp_path / "machine-id").write_text("b" * 32)
    broker, path = Broker(tmp_path).start(), tmp_path / folder / "store.yaml"
    try:
        for store, device in (("shop", "box"), ("shop", "box-2"), ("shop-2", "box-2"), ("mitte", "till")):
            run(path, broker.port, store, device)
            assert retained(broker, f"{store}/{device}") == named(store, device)
    finally:
        broker.kill()
