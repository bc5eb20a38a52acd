"""The tests' cameras that wait for the store: lost pictures do not slow them down for good."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from probes.metrics import Metrics
from scripts.demo.cameras import VirtualCamera
from tests.fakes import paced_cameras
from tests.fakes.paced_cameras import MAX_AHEAD, MAX_HOLD_S, PacedCamera

if TYPE_CHECKING:
    import pytest


def test_pictures_that_were_lost_are_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As 45 were while a busy machine connected: a film of 14 s then took five minutes."""
    now = 0.0
    monkeypatch.setattr(paced_cameras, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(VirtualCamera, "_ready", lambda _self: ["stream"])
    camera, metrics, sent = PacedCamera("door", [b"picture"]), Metrics(("live",)), 0

    def pass_time(seconds: float, *, store: bool) -> None:
        nonlocal now, sent
        for _ in range(round(10 * seconds)):
            now += 0.1
            if camera._ready():
                camera._next, sent = camera._next + 1, sent + 1
                if store:
                    metrics.frames_received.labels("door").inc()
                    metrics.frames_processed.labels("door").inc()

    pass_time(4.5, store=False)  # before it knows the store it waits for nobody
    camera.metrics, sent = metrics, 0
    pass_time(MAX_HOLD_S + 10, store=True)
    assert sent >= 95
    sent = 0
    pass_time(MAX_HOLD_S + 10, store=False)
    assert sent <= MAX_AHEAD * (1 + 10 / MAX_HOLD_S) + 1
