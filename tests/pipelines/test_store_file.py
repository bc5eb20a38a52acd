"""A store file that is edited while the store runs."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from engines.paths import ROOT
from pipelines.cameras.states import CameraState
from pipelines.settings import load_settings
from pipelines.store_file import StoreFileWatch
from probes.metrics import Metrics
from tests.fakes.broker import free_port, wait_for
from tests.pipelines.settings.store_file import MINIMAL


@pytest.fixture
def edited(tmp_path, caplog):
    """Return a function that writes the file anew and returns the lines logged and the metric."""
    caplog.set_level(logging.INFO)
    path = tmp_path / "store.yaml"
    path.write_text(MINIMAL)
    metrics = Metrics([state.value for state in CameraState])
    watch = StoreFileWatch(load_settings(path, env={}), metrics, env={"PW": "s3cret"})

    def edit(text: str) -> tuple[list[str], float]:
        caplog.clear()
        path.write_text(text)
        os.utime(path, ns=(time.time_ns(), time.time_ns()))
        watch.poll()
        watch.poll()
        return [r.getMessage() for r in caplog.records], metrics.registry.get_sample_value(
            "msh_store_file_ok"
        )

    return edit


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MINIMAL + "    fps: 5\n", "a restart brings cameras.door"),
        (MINIMAL + "  back: {source: /dev/video7}\n", "a restart brings cameras.back"),
        (MINIMAL + "outputs: {rtsp: {}}\n", "a restart brings outputs.rtsp"),
        (MINIMAL + "notify: [{name: vip, when: {total_at_least: 5}}]\n", "a restart brings notify"),
        (MINIMAL + "# nothing\n", "nothing in it differs"),
    ],
)
def test_a_changed_file_is_read_once_and_what_waits_for_a_restart_is_said(edited, text, words):
    (line,), ok = edited(text)
    assert line.startswith("store file: right; ")
    assert words in line
    assert ok == 1


def test_a_broken_file_is_named_with_its_place_and_the_old_one_stays(edited):
    (line,), ok = edited(MINIMAL + "    fsp: 5\n")
    assert "store file: wrong, what was read before stays in use: " in line
    assert "store.yaml:" in line
    assert ok == 0
    (line,), ok = edited(MINIMAL)
    assert (line, ok) == ("store file: right; nothing in it differs from what is in use", 1)


def test_no_secret_of_a_changed_file_is_logged(edited):
    text = MINIMAL + '    credentials: {username: viewer, password: "${PW}"}\n'
    lines, _ = edited(text)
    assert "s3cret" not in "".join(lines)
    assert "cameras.door" in lines[0]


def test_the_port_answers_while_the_models_are_read(tmp_path):
    path, port = tmp_path / "store.yaml", free_port()
    path.write_text(MINIMAL + f'outputs: {{metrics: {{listen: "127.0.0.1:{port}"}}}}\n')
    environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path / "state")}
    command = [sys.executable, "-m", "scripts.msh", "run", str(path), "--platform", "cpu"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    answers = []

    def ready() -> bool:
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=60)
            answers.append((answer.status_code, answer.json()["reasons"]))
        return answers[-1:] == [(200, [])]

    try:
        wait_for(ready)
        assert answers[0] == (503, ["starting: models"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_sighup_ends_nothing(tmp_path):
    path = tmp_path / "store.yaml"
    path.write_text(MINIMAL)
    command = [
        sys.executable,
        "-m",
        "scripts.msh",
        "run",
        str(path),
        "--platform",
        "cpu",
        "--duration",
        "300",
    ]
    environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path / "state")}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        lines = iter(process.stderr)
        next(line for line in lines if "camera door: backoff" in line)
        process.send_signal(signal.SIGHUP)
        assert "nothing in it differs" in next(line for line in lines if "store file:" in line)
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(60) == 0
    finally:
        process.kill()
