"""The privacy report tells in which share of the shown frames everybody was masked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipelines.health import Health
from pipelines.settings.base import Address
from probes.metrics import Metrics
from scripts.masked_shares import masked_shares
from scripts.msh import main
from web.metrics import MetricsServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = """\
version: 1
store: {id: shop, name: S, timezone: UTC, currency: EUR}
cameras: {door: {source: /dev/video0}, till: {source: /dev/video1}}
"""


@pytest.fixture
def served() -> Iterator[tuple[Metrics, int]]:
    metrics, good = Metrics(("live",)), lambda: Health(True)
    server = MetricsServer("127.0.0.1", 0, metrics.registry, health=good, ready=good)
    server.start()
    yield metrics, server.port
    server.stop()


def test_the_share_is_told_by_camera_while_the_store_runs(
    served: tuple[Metrics, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    metrics, port = served
    metrics.frames_processed.labels("door").inc(30_000)
    metrics.frames_everybody_masked.labels("door").inc(29_999)
    file = tmp_path / "store.yaml"
    file.write_text(f'{FILE}outputs: {{metrics: {{listen: "127.0.0.1:{port}"}}}}\n')
    assert main(["privacy-report", str(file), "--json"]) == 0
    door, till = json.loads(capsys.readouterr().out)["cameras"]
    assert (door["shown_frames"], door["percent_with_all_detected_persons_masked"]) == (30_000, 99.99)
    assert "shown_frames" not in till
    assert main(["privacy-report", str(file)]) == 0
    assert "percent with all detected persons masked: 99.99" in " ".join(capsys.readouterr().out.split())


def test_without_a_store_nothing_is_told(served: tuple[Metrics, int]) -> None:
    metrics, port = served
    metrics.frames_processed.labels("door").inc(2)
    metrics.frames_everybody_masked.labels("door").inc(3)  # masked first, shown a moment later
    assert masked_shares(Address("0.0.0.0", port)) == {
        "door": {"shown_frames": 2, "percent_with_all_detected_persons_masked": 100.0}
    }
    assert masked_shares(Address("127.0.0.1", 1)) == {}
