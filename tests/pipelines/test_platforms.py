from __future__ import annotations

import shutil

import pytest

from pipelines.errors import BadInput
from pipelines.settings import load_settings
from pipelines.source import SourceSpec
from pipelines.states import CameraState
from pipelines.store import Store
from probes.measure import Metrics

TEXT = """
version: 1
store: {id: s, name: S, device: box, timezone: UTC, currency: EUR}
cameras: {door: {source: "rtsp://127.0.0.1:9/x"}}
"""


def store_on(platform, folder):
    path = folder / "store.yaml"
    path.write_text(TEXT)
    metrics = Metrics([state.value for state in CameraState])
    return Store(load_settings(path, env={}), metrics=metrics, platform=platform)


@pytest.mark.skipif(shutil.which("deepstream-app") is not None, reason="DeepStream is installed here")
def test_auto_takes_the_cpu_where_deepstream_is_missing_and_says_why(tmp_path, caplog):
    caplog.set_level("INFO")
    store = store_on("auto", tmp_path)
    assert store.platform.name == "cpu"
    assert "DeepStream is not installed here" in caplog.text
    store.stop()


@pytest.mark.skipif(shutil.which("deepstream-app") is not None, reason="DeepStream is installed here")
def test_a_platform_that_cannot_be_had_is_one_line(tmp_path):
    with pytest.raises(
        BadInput, match=r'DeepStream is not installed here.*set platform.kind to "cpu"'
    ) as raised:
        store_on("deepstream", tmp_path)
    assert "\n" not in str(raised.value)


def test_a_csi_camera_is_refused_on_the_cpu_with_a_way_out():
    with pytest.raises(BadInput, match="need DeepStream on a Jetson; use /dev/video0"):
        SourceSpec("door", "csi://0")
