"""What cameras do to a running store: freeze, refuse the password, change size, vanish for good."""

from __future__ import annotations

import pytest

from pipelines.logs import SecretScrubber
from scripts.demo.truth import PRICES
from tests import plain_http
from tests.fakes.rtsp_camera import RtspCamera, still_square
from tests.fakes.rtsp_viewer import RtspViewer
from tests.fakes.running_store import running_store
from tests.waiting import wait_for
from web.page import page_of, page_outputs

PATIENCE_S = 600


@pytest.fixture
def steady():
    with RtspCamera(still_square()) as camera:
        yield camera


def processed(shop, camera: str) -> float:
    return shop.metric("msh_frames_processed_total", camera=camera)


def goes_on(shop, camera: str) -> None:
    before = processed(shop, camera)
    wait_for(lambda: processed(shop, camera) > before + 3, PATIENCE_S)


def test_a_camera_that_freezes_without_closing_is_stale_then_back(steady, tmp_path):
    with RtspCamera(still_square()) as frozen:
        cameras = f'steady: {{source: "{steady.url}"}}\nfrozen: {{source: "{frozen.url}"}}\n'
        with running_store(tmp_path, cameras, PRICES, stale_after_ms=1500) as shop:
            wait_for(lambda: processed(shop, "frozen") > 1, PATIENCE_S)
            frozen.stall()
            wait_for(lambda: ("stale", "stalled") in shop.states("frozen"), PATIENCE_S)
            wait_for(lambda: shop.metric("msh_camera_up", camera="frozen") == 0)
            goes_on(shop, "steady")
            wait_for(lambda: shop.get("/healthz")[0] == 200, PATIENCE_S)
            frozen.resume()
            goes_on(shop, "frozen")
            for camera in ("frozen", "steady"):
                wait_for(lambda camera=camera: shop.states(camera)[-1] == ("live", None), PATIENCE_S)


def test_a_store_without_a_state_folder_runs_and_says_so(steady, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "file" / "state"))
    cameras = f'steady: {{source: "{steady.url}"}}'
    outputs = f'metadata: {{file: "{tmp_path}/file/floor.gz"}}\n  record: {{folder: "{tmp_path}/file/video"}}'
    with running_store(tmp_path, cameras, PRICES, outputs=outputs) as shop:
        page = page_of(shop.store, shop.settings, shop.metrics, page_outputs(shop.settings), SecretScrubber())
        page.start()
        try:
            goes_on(shop, "steady")
            assert plain_http.get(f"http://{page.address}/").status_code == 200
            assert shop.metric("msh_mqtt_connected") == 1
            assert shop.metric("msh_state_folder_writable") == 0
        finally:
            page.stop()
    assert caplog.text.count("state folder cannot be written") == 1
    assert "floor.gz cannot be written: Not a directory; what comes is left out of it" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_wrong_password_is_said_once_and_hammers_no_camera(steady, tmp_path):
    with RtspCamera(still_square(), user="viewer", password="right") as locked:
        cameras = (
            f'steady: {{source: "{steady.url}"}}\n'
            f'locked: {{source: "{locked.url}", credentials: {{username: viewer, password: "${{P}}"}}}}\n'
        )
        with running_store(tmp_path, cameras, PRICES, env={"P": "wrong-word"}) as shop:
            wait_for(lambda: ("auth_failed", "auth") in shop.states("locked"), PATIENCE_S)
            goes_on(shop, "steady")
            assert shop.metric("msh_camera_state", camera="locked", state="auth_failed") == 1
            assert shop.metric("msh_camera_connects_total", camera="locked") == 1
            heard = "".join(m.text for m in shop.listener.heard)
            assert "wrong-word" not in heard + shop.get("/metrics")[1]


def test_a_change_of_resolution_reaches_analysis_and_viewer(steady, tmp_path):
    cameras = f'steady: {{source: "{steady.url}"}}\n'
    with running_store(tmp_path, cameras, PRICES) as shop:
        wait_for(lambda: processed(shop, "steady") > 1, PATIENCE_S)
        with RtspViewer(f"rtsp://127.0.0.1:{shop.rtsp}/steady") as viewer:
            first = viewer.picture()
            assert first is not None
            assert first.shape == (240, 320)
            steady.show(still_square(480, 360))
            goes_on(shop, "steady")
            for _ in range(10):
                assert viewer.picture() is not None
        assert shop.metric("msh_camera_connects_total", camera="steady", result="ok") == 1
        assert shop.metric("msh_redaction_failures_total") == 0


def test_no_camera_at_all_is_not_healthy_and_stops_cleanly(tmp_path):
    with running_store(tmp_path, 'gone: {source: "rtsp://127.0.0.1:9/none"}\n', PRICES) as shop:
        wait_for(lambda: ("backoff", "refused") in shop.states("gone"), PATIENCE_S)
        status, text = shop.get("/healthz")
        assert status == 503
        assert "no camera is live" in text
        assert shop.get("/readyz")[0] == 200
