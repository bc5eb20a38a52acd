from __future__ import annotations

import re

import pytest

from scripts.commands.placeholders import Placeholders
from scripts.msh import main

STORE = """
version: 1
store: {id: s, name: S, timezone: UTC, currency: EUR}
cameras:
  door:
    source: "%s"
    credentials: {username: "${CAM_USER}", password: "${CAM_PASSWORD}"}
outputs: {rtsp: {listen: "127.0.0.1:0"}}
"""


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.delenv("CAM_USER", raising=False)
    monkeypatch.delenv("CAM_PASSWORD", raising=False)
    path = tmp_path / "store.yaml"
    path.write_text(STORE % "rtsp://10.0.0.9/x")
    return path


@pytest.mark.parametrize("platform", ["deepstream", "cpu"])
def test_a_graph_needs_no_secrets(store, capsys, platform):
    assert main(["graph", str(store), "--platform", platform]) == 0
    out, err = capsys.readouterr()
    assert "rtsp://10.0.0.9/x" in out
    assert "not set, a placeholder stands for it: CAM_PASSWORD, CAM_USER" in err


def test_letters_of_caps_are_no_passwords(store, capsys, monkeypatch):
    monkeypatch.setenv("CAM_USER", "x")
    monkeypatch.setenv("CAM_PASSWORD", "NV12")
    assert main(["graph", str(store)]) == 0
    out = capsys.readouterr().out
    assert "video/x-raw(memory:NVMM),format=NV12" in out
    assert "***" not in out.replace("rtsp://10.0.0.9/***", "")


def test_a_secret_in_an_address_stays_hidden(store, capsys, monkeypatch):
    monkeypatch.setenv("DOOR", "stream-of-secrets")
    store.write_text(STORE % "rtsp://10.0.0.9/${DOOR}")
    assert main(["graph", str(store)]) == 0
    assert "stream-of-secrets" not in capsys.readouterr().out


def test_a_source_that_is_not_set_still_makes_a_graph(store, capsys):
    store.write_text(STORE % "${DOOR_URL}")
    assert main(["graph", str(store), "--version", "7.1"]) == 0
    out = capsys.readouterr().out
    assert "rtsp://placeholder.invalid/door_url" in out
    assert "blur-bbox" not in out
    assert re.search("select-rtp-protocol=rtp-tcp", out)


def test_check_says_whether_deepstream_runs_it(store, capsys):
    assert main(["check", str(store)]) == 2
    assert "${CAM_USER} is not set" in capsys.readouterr().err
    assert main(["check", str(store), "--platform", "deepstream"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"deepstream  ok on Jetson and a discrete GPU, DeepStream 7.1 to 9.2: \d+ elements", out)
    assert "reads no MJPEG over RTSP" in out


def test_check_names_the_box_that_cannot(store, capsys):
    text = (STORE % "csi://0").replace(
        '    credentials: {username: "${CAM_USER}", password: "${CAM_PASSWORD}"}\n', ""
    )
    store.write_text(text)
    assert main(["check", str(store), "--platform", "deepstream"]) == 0
    out = capsys.readouterr().out
    assert "ok on Jetson, DeepStream" in out
    assert "not on a discrete GPU: cameras.door.source: CSI cameras are read on Jetson only" in out


def test_a_placeholder_stands_for_no_folder_of_secrets(tmp_path):
    stand_ins = Placeholders({}, tmp_path)
    assert stand_ins.get("CREDENTIALS_DIRECTORY") is None
    assert stand_ins.get("CAM_PASSWORD") == "placeholder"
    assert stand_ins.used == {"CAM_PASSWORD"}
