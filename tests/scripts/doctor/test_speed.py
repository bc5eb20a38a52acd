"""`msh doctor`: whether the machine holds min_person_px x cameras x fps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelines.frame_budget import budget_of
from pipelines.settings import Settings, load_settings
from scripts.doctor import machine

if TYPE_CHECKING:
    from pathlib import Path

STORE = """
version: 1
store: {id: shop, name: Shop, timezone: Europe/Berlin, currency: EUR}
platform: {kind: cpu}
defaults: {fps: 10}
cameras:
  door: {source: "rtsp://192.0.2.1/a"}
  till: {source: "rtsp://192.0.2.2/a", min_person_px: 200}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    path = tmp_path / "store.yaml"
    path.write_text(STORE)
    return load_settings(path, env={})


@pytest.mark.parametrize(
    ("costs", "level", "told"),
    [
        ({80: 0.06, 200: 0.03}, "ok", "60 ms at min_person_px 80, 30 ms at min_person_px 200"),
        ({80: 0.12, 200: 0.08}, "warn", "10 of the 20 frames/s"),
    ],
)
def test_the_cost_of_small_people_counts(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    costs: dict[int, float],
    level: str,
    told: str,
) -> None:
    monkeypatch.setattr(machine, "_frame_seconds", lambda scenes, px: costs[px])
    found, *each = machine._speed(settings)
    asked = [
        ("budget door", "fps: 5 fits beside the others"),
        ("budget till", "fps: 5 fits beside the others"),
    ]
    assert [(one.name, one.mend) for one in each] == (asked if level == "warn" else [])
    assert told in found.found
    assert found.level.value == level
    if level == "warn":
        assert "multiply fps by 0.5, raise min_person_px above 80" in found.mend
    budget = budget_of(settings)  # what `msh check` says of it afterwards
    assert budget is not None
    assert budget.measured
    assert budget.holds is (level == "ok")


def test_a_machine_that_is_much_too_slow_is_not_told_to_take_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_frame_seconds", lambda _scenes, _px: 2.8)
    found, *_ = machine._speed(settings)
    assert "multiply fps by 0.02, " in found.mend


def test_the_sample_is_looked_at_closely_where_people_are_small() -> None:
    from engines.detector import FILE_PATIENCE_S
    from engines.scene_detector import load_scene_detector

    scenes = load_scene_detector("nanodet-416", "centerface", threads=1, patience_s=FILE_PATIENCE_S)
    assert machine._frame_seconds(scenes, 80) > 0
