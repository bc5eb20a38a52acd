"""A store file that is edited while the store runs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from engines.paths import ROOT
from pipelines.cameras.states import CameraState
from pipelines.reload.watch import StoreFileWatch
from pipelines.settings.load import load_settings
from pipelines.settings.mistakes import SettingsError
from pipelines.store import Store
from probes.metrics import Metrics
from tests import plain_http
from tests.fakes.broker import free_port
from tests.pipelines.settings.store_file import MINIMAL
from tests.waiting import wait_for


def touch(path, text: str) -> None:
    path.write_text(text)
    os.utime(path, ns=(time.time_ns(), time.time_ns()))


def test_a_change_is_told_once_when_the_file_is_still(tmp_path):
    path = tmp_path / "store.yaml"
    path.write_text(MINIMAL)
    watch = StoreFileWatch(path, {})
    assert not watch.changed()
    touch(path, MINIMAL + "#")
    assert not watch.changed()  # it may be half there
    touch(path, MINIMAL + "# a")
    assert [watch.changed() for _ in range(3)] == [False, True, False]
    other = tmp_path / "other"
    other.write_text(MINIMAL)
    other.replace(path)
    assert [watch.changed() for _ in range(2)] == [True, False]  # exchanged whole: taken at once
    times = path.stat()
    path.write_text(MINIMAL.replace("version", "Version"))  # a tool keeps the time, and the size is the same
    while path.stat().st_ctime_ns == times.st_ctime_ns:  # its clock ticks every few ms
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert [watch.changed() for _ in range(3)] == [False, True, False]
    path.unlink()
    assert [watch.changed() for _ in range(2)] == [True, False]
    touch(path, MINIMAL)
    assert watch.changed()
    assert watch.load().path == path
    assert not watch.changed()


def test_an_edit_while_the_store_is_being_built_is_taken_up_once_it_runs(tmp_path):
    """Models load for seconds after the file was read: what was saved meanwhile waited for the next edit."""
    path, secret = tmp_path / "store.yaml", tmp_path / "CAM_PASSWORD"
    login = '{username: viewer, password: "${CAM_PASSWORD}"}'
    text = MINIMAL.replace(
        "cameras:", f"cameras:\n  vault: {{source: rtsp://10.0.0.9/a, credentials: {login}}}", 1
    )
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    def changes(edited) -> list[bool]:
        path.write_text(text)
        secret.write_text("old")
        settings = load_settings(path, env=env)
        touch(edited, edited.read_text() + "#")
        watch = StoreFileWatch(path, env, settings.secret_files, read=settings.stamps)
        return [watch.changed() for _ in range(3)]

    assert changes(path) == changes(secret) == [False, True, False]


def test_a_store_is_built_with_the_file_as_it_was_read(tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    path, metrics = tmp_path / "store.yaml", Metrics([state.value for state in CameraState])
    path.write_text(MINIMAL)
    settings = load_settings(path, env={})
    touch(path, MINIMAL + "notify: [{name: rich, when: {total_at_least: 500}}]\n")
    store = Store(settings, metrics=metrics, platform="cpu")
    try:
        assert [store._reloader.check() for _ in range(3)] == [False, True, False]
        assert [rule.name for rule in store.settings.notify] == ["rich"]
    finally:
        store.stop()


def test_a_secret_that_changes_in_its_file_is_a_change_too(tmp_path):
    path, secret, other = tmp_path / "store.yaml", tmp_path / "CAM_PASSWORD", tmp_path / "CAM_USER"
    login = '{username: "${CAM_USER}", password: "${CAM_PASSWORD}"}'
    path.write_text(
        MINIMAL.replace(
            "cameras:", f"cameras:\n  vault: {{source: rtsp://10.0.0.9/a, credentials: {login}}}", 1
        )
    )
    secret.write_text("old")
    other.write_text("viewer")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path), "CAM_USER": "viewer"}
    watch = StoreFileWatch(path, env)
    watch.load()
    assert not watch.changed()
    touch(secret, "new password")
    assert [watch.changed() for _ in range(3)] == [False, True, False]  # it may be half there
    assert watch.load().cameras["vault"].credentials.password.get_secret_value() == "new password"
    (tmp_path / "fresh").write_text("newest")
    (tmp_path / "fresh").replace(secret)
    assert [watch.changed() for _ in range(2)] == [True, False]  # exchanged whole: taken at once
    touch(other, "the environment is asked first")
    assert [watch.changed() for _ in range(2)] == [False, False]
    assert not StoreFileWatch(path, env, watch.load().secret_files).changed()


def test_a_secret_that_comes_after_the_store_file_that_names_it_is_a_change(tmp_path):
    path, secret = tmp_path / "store.yaml", tmp_path / "CAM_PASSWORD"
    path.write_text(MINIMAL)
    watch = StoreFileWatch(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    watch.load()
    login = '{username: viewer, password: "${CAM_PASSWORD}"}'
    vault = f"cameras:\n  vault: {{source: rtsp://10.0.0.9/a, credentials: {login}}}"
    path.write_text(MINIMAL.replace("cameras:", vault, 1))
    with pytest.raises(SettingsError, match="CAM_PASSWORD} is not set"):
        watch.load()
    assert not watch.changed()
    secret.write_text("found at last")
    assert [watch.changed() for _ in range(2)] == [True, False]
    assert watch.load().cameras["vault"].credentials.password.get_secret_value() == "found at last"
    path.write_text("cameras: [")
    with pytest.raises(SettingsError):
        watch.load()
    secret.unlink()
    assert watch.changed()  # what was known before the mistake is watched on


@pytest.mark.parametrize(
    ("key", "section"),
    [
        ("cameras.till.source", "cameras:\n  till: {{source: {path}}}\n"),
        ("prices.catalogue", "prices: {{catalogue: {path}}}\ncameras:\n"),
        ("outputs.mqtt.ca_file", "outputs: {{mqtt: {{url: 'mqtts://b', ca_file: {path}}}}}\ncameras:\n"),
    ],
)
def test_a_file_that_comes_after_the_store_file_that_names_it_is_a_change(tmp_path, key, section):
    path, named = tmp_path / "store.yaml", tmp_path / "named"
    path.write_text(MINIMAL)
    watch = StoreFileWatch(path, {})
    watch.load()
    path.write_text(MINIMAL.replace("cameras:\n", section.format(path="named"), 1))
    with pytest.raises(SettingsError, match=f"{key}: there is no such file"):
        watch.load()
    assert not watch.changed()
    named.write_text("x")
    assert [watch.changed() for _ in range(2)] == [True, False]
    watch.load()
    touch(named, "its own business from now on")
    assert [watch.changed() for _ in range(2)] == [False, False]


def test_the_port_answers_while_the_models_are_read_and_sighup_ends_nothing(tmp_path):
    path, port = tmp_path / "store.yaml", free_port()
    path.write_text(MINIMAL + f'outputs: {{metrics: {{listen: "127.0.0.1:{port}"}}}}\n')
    environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path / "state")}
    command = [sys.executable, "-m", "scripts.msh", "run", str(path), "--platform", "cpu"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    answers = []

    def ready() -> bool:
        with contextlib.suppress(httpx.TransportError):
            answer = plain_http.get(f"http://127.0.0.1:{port}/readyz")
            answers.append((answer.status_code, answer.json()["reasons"]))
        return answers[-1:] == [(200, [])]

    try:
        wait_for(ready, 600)
        assert answers[0] == (503, ["starting: models"])
        lines = iter(process.stderr)
        next(line for line in lines if "camera door: backoff" in line)
        process.send_signal(signal.SIGHUP)
        assert "nothing in it differs" in next(line for line in lines if "store file:" in line)
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(120) == 0
    finally:
        process.kill()
