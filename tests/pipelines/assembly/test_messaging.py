"""What a store says, assembled."""

from __future__ import annotations

import pytest

from pipelines.assembly.basis import StoreBasis
from pipelines.assembly.messaging import build_messaging
from probes.metrics import Metrics
from tests.pipelines.settings.store_file import MINIMAL, load


@pytest.mark.parametrize(
    ("outputs", "connected"), [("{}", None), ('{mqtt: {url: "mqtt://127.0.0.1:9"}}', 0.0)]
)
def test_a_store_without_a_broker_has_lost_none(tmp_path, monkeypatch, outputs, connected):
    """It told that it was not connected, for which the alert of an unreachable broker was raised for ever."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    metrics = Metrics(("live",))
    settings = load(tmp_path, f"{MINIMAL}outputs: {outputs}\n")
    build_messaging(StoreBasis(settings, "box", metrics), str)
    assert metrics.registry.get_sample_value("msh_mqtt_connected") == connected
