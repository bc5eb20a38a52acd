"""The page of a store whose machine's clock is set while it runs: a box without a battery begins in 1970."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from pipelines.cameras.states import CameraState
from pipelines.clock import SECOND, StoreClock
from pipelines.logs import SecretScrubber
from pipelines.settings.load import load_settings
from pipelines.store import Store
from probes.events.messages import from_rfc3339
from probes.metrics import Metrics
from tests import plain_http
from tests.fakes.redacted import plain
from tests.fakes.served_page import repeating, wait_long_for_pictures
from web.backend import Backend
from web.page import page_of, page_outputs
from web.views import Load, system

if TYPE_CHECKING:
    from pathlib import Path

STORE = """
version: 1
store: {id: s, name: S, device: box, timezone: UTC, currency: EUR}
cameras: {entrance: {source: "rtsp://127.0.0.1:9/x"}}
outputs: {web: {listen: "127.0.0.1:0"}}
"""
MINUTE = 60 * SECOND


@pytest.mark.parametrize("behind", [56 * 365 * 24 * 60 * MINUTE, -60 * MINUTE])
def test_live_pictures_are_of_now_however_wrong_the_clock_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    wait_long_for_pictures(monkeypatch)
    (tmp_path / "store.yaml").write_text(STORE)
    settings = load_settings(tmp_path / "store.yaml", env={})
    metrics, outputs = Metrics([state.value for state in CameraState]), page_outputs(settings)
    assert outputs is not None
    pictures, wrong = outputs.pictures, [behind]
    clock = StoreClock(lambda: time.time_ns() - wrong[0])
    store = Store(settings, metrics=metrics, platform="cpu", sinks=outputs.sinks, clock=clock)
    page = page_of(store, settings, metrics, outputs, SecretScrubber())
    page.start()

    def shoot() -> None:
        if pictures.wanted("entrance"):
            pictures.publish(plain(captured_at=clock.now()))
        time.sleep(0.02)

    try:
        wrong[0] = 0
        clock.check()
        with repeating(shoot):
            before = time.time_ns()
            answer = plain_http.get(f"http://{page.address}/api/cameras/entrance/picture.jpg", timeout=600)
        at = from_rfc3339(answer.headers["x-captured-at"])
        assert before - MINUTE < at < time.time_ns() + MINUTE
    finally:
        page.stop()
        store.stop()


def test_a_box_has_run_for_as_long_as_it_has(tmp_path: Path) -> None:
    """Set from 1970 to today, it had run for 56 years."""
    (tmp_path / "store.yaml").write_text(STORE)
    settings = load_settings(tmp_path / "store.yaml", env={})
    backend = Backend(settings, Metrics([state.value for state in CameraState]))
    year = 365 * 24 * 60 * MINUTE
    shown = system(backend, Load(), {}, time.monotonic() - 90, time.time_ns() + 30 * year)
    ran_ns = from_rfc3339(shown["at"]) - from_rfc3339(shown["started_at"])
    assert 90 * SECOND <= ran_ns < 90 * SECOND + MINUTE
