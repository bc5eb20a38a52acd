"""Cameras with rtsps:// addresses on DeepStream, with a real rtspsrc, told as on the CPU."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.fakes.certificate import certificate, trusted
from tests.fakes.rtsp_replies import refusing_camera
from tests.pipelines.deepstream.running import running
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

UNTRUSTED = "a certificate that this machine does not trust"
NO_TLS = "RTSP without TLS on this port: write rtsp://"


@pytest.mark.parametrize(
    ("status", "known", "cause", "words"),
    [
        ("453 Not Enough Bandwidth", True, "busy", "453 Not Enough Bandwidth"),
        ("551 Option Not Supported", True, "answer", "RTSP/1.0 551 Option Not Supported"),
        ("404 Not Found", True, "not_found", ""),
        ("404 Not Found", False, "tls", UNTRUSTED),
    ],
)
def test_why_an_encrypted_camera_gives_nothing_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    status: str,
    cause: str,
    words: str,
    *,
    known: bool,
) -> None:
    pem = certificate(tmp_path)
    machine = trusted(pem, monkeypatch) if known else contextlib.nullcontext()
    state = "not_found" if cause == "not_found" else "backoff"
    with (
        machine,
        refusing_camera("DESCRIBE", status, pem=pem) as url,
        running(tmp_path, [url], c0="calls") as run,
    ):
        run.platform.start()
        wait_for(lambda: ("c0", state, cause) in run.states)
    assert words in caplog.text


def test_rtsp_without_tls_behind_an_rtsps_address(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        refusing_camera("DESCRIBE", "404 Not Found") as url,
        running(tmp_path, [url.replace("rtsp:", "rtsps:")], c0="calls") as run,
    ):
        run.platform.start()
        value, result = run.metrics.registry.get_sample_value, {"camera": "c0", "result": "tls"}
        wait_for(lambda: (value("msh_camera_connects_total", result) or 0) >= 2)
    assert ("c0", "backoff", "tls") in run.states
    assert caplog.text.count(NO_TLS) == 1
