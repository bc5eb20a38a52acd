"""Backup: no secret in it, and no file of the store overwritten by it."""

from __future__ import annotations

import os
import re
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipelines.backup.withhold import refilled, withheld
from pipelines.settings import load_settings
from scripts.msh import main
from tests.pipelines.backup.boxes import PRICES, SECRETS, STORE, SVG, box, counts, tree

if TYPE_CHECKING:
    from pathlib import Path


def test_no_secret_is_in_a_backup_and_a_new_box_says_what_it_needs(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(backup) as archive:
        inside = b"".join(archive.read(name) for name in archive.namelist())
        assert sorted(archive.namelist()) == [
            "brands/nike/mark.svg", "insights.db", "manifest.json", "mqtt-ca", "prices", "store.yaml",
        ]  # fmt: skip
    assert not [secret for secret in (*SECRETS, "hush-4") if secret.encode() in inside]
    new = tmp_path / "new"
    monkeypatch.setenv("STATE_DIRECTORY", str(new / "state"))
    assert main(["restore", str(backup), str(new / "store.yaml")]) == 0
    said = capsys.readouterr().out
    names = set(re.findall(r"\b[A-Z_]{6,}\b", said.rpartition("missing yet")[2]))
    assert names == {
        "BROKER_PW", "CAMERAS_DOOR_SOURCE", "CAMERAS_DOOR_CREDENTIALS_PASSWORD", "OUTPUTS_WEB_TOKEN",
        "STAFF_PEOPLE_ANN_PIN",
    }  # fmt: skip
    env = dict.fromkeys(names, "12345678901234567890") | {"CAMERAS_DOOR_SOURCE": "rtsp://10.0.0.1/s"}
    settings = load_settings(new / "store.yaml", env=env | {"STAFF_PEOPLE_ANN_PIN": "4711"})
    assert settings.store.name == "Café Lü"
    assert "Täglich geprüft" in (new / "store.yaml").read_text()
    assert (new / "prices.csv").read_text() == PRICES
    assert (new / "brands/nike/mark.svg").read_text() == SVG
    assert counts(new / "state/insights-shop.db") == [1]
    assert not list(new.rglob("*.restore-new"))


@pytest.mark.parametrize(
    "text",
    [
        'cameras: {d: {source: "rtsp://h/user=a&password=hush-7&channel=1&stream=0.sdp?real_stream"}}',
        'cameras: {d: {source: "rtsp://h:554/user=a_password=hush-7_channel=1_stream=0.sdp"}}',
        'cameras: {d: {source: "rtsp://h/s", sub_source: "rtsp://h/admin:hush-7/ch2"}}',
        'cameras: {d: {source: "rtsp://h/s?p=hush-7&ch=1&u=a"}}',
        'cameras: {d: {source: "rtsp://h?access-code=hush-7"}}',
        'cameras: {d: {source: "rtsp://h/john%20doe:hush-7"}}',
        'cameras: {d: {source: "rtsp://h/s?user=hush-7"}}',
        "version: 1\n# source: rtsp://admin:hush-7@10.0.0.1/s\n",
        "version: 1  # url: tgram://123456:hush-7/-100\n",
        "version: 1\n# https://hooks.example.com/services/T1/hush-7\n",
    ],
)
def test_addresses_give_no_secret_away(text: str) -> None:
    assert "hush-7" not in withheld(text)[0]


@pytest.mark.parametrize(
    "path",
    [
        "vod/mp4:sample.mp4",
        "x?passthrough=true",
        "x?signal=main",
        "x?monkey=7",
        "x?starttime=2026-11-27T10:30:00Z",
        "rtsp/rtsp://cam.local:8554/x",
        "profile:mainstream",
        "x?user=${A}&password=${B}",
        "x?pinned=true",
        "pas/stream1",
    ],
)
def test_an_address_without_a_login_is_in_the_backup(path: str) -> None:
    text = f'cameras: {{d: {{source: "rtsp://h/{path}"}}}}'
    assert withheld(text) == (text, {})


@pytest.mark.parametrize("text", ["a: [", "[" * 5000])
def test_what_is_no_store_file_is_left_to_its_reader(text: str) -> None:
    assert refilled(text, {}, "version: 1") == (text, set())


MESSENGERS = """\
  messengers:
    a: {url: "tgram://123456789:abcdefghijklmnopqrstuvwxyz_hush6/-100"}
    b: {url: "tgram://${TELEGRAM_TOKEN}/${TELEGRAM_CHAT}"}
    c: {url: "${SHOP_URL}"}
"""


def test_messengers_need_no_secrets_to_be_backed_up_and_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = box(tmp_path / "old")
    config.write_text(STORE + MESSENGERS)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "new/state"))
    assert main(["backup", str(config), str(tmp_path / "b")]) == 0
    assert main(["restore", str(tmp_path / "b"), str(tmp_path / "new/store.yaml")]) == 0
    missing = capsys.readouterr().out.rpartition("missing yet")[2]
    wanted = {"OUTPUTS_MESSENGERS_A_URL", "TELEGRAM_TOKEN", "TELEGRAM_CHAT", "SHOP_URL"}
    assert wanted <= set(re.findall("[A-Z_]+", missing))
    assert "hush6" not in (tmp_path / "new/store.yaml").read_text()
    assert main(["check", str(tmp_path / "new/store.yaml"), "--platform", "deepstream"]) == 0
    (tmp_path / "new/store.yaml").write_text((STORE + MESSENGERS).replace("staff:", "# staff:"))
    assert main(["graph", str(tmp_path / "new/store.yaml"), "--platform", "cpu"]) == 0


@pytest.mark.parametrize(
    ("name", "most", "said"),
    [
        (
            "MAX_BYTES",
            20_000_000,
            "at most 20 MB can be restored, and this is 31 MB; the largest part is {path}",
        ),
        ("MAX_FILES", 3, "at most 3 files can be restored, and this is 5 files; the largest part is "),
    ],
)
def test_a_backup_that_could_never_be_restored_is_refused(
    name: str, most: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "old/state"))
    config = box(tmp_path / "old")
    path = tmp_path / "old/prices.csv"
    if name == "MAX_BYTES":
        os.truncate(path, 30_000_000)
    monkeypatch.setattr(f"pipelines.backup.archive.{name}", most)
    assert main(["backup", str(config), str(tmp_path / "b")]) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'b'}: {said.format(path=path)}" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "b").exists()


def test_a_price_list_that_no_restore_takes_is_told_when_it_is_backed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store runs on with the list of before; that its backups could not be restored was told too late."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "old/state"))
    config = box(tmp_path / "old")
    (tmp_path / "old/prices.csv").write_text("brand,type,price\nNike,hat,1.290\n")
    assert main(["backup", str(config), str(tmp_path / "b")]) == 2
    where, what = capsys.readouterr().err.splitlines()
    assert where.startswith(f"{tmp_path}/old/prices.csv:2:10  price: ")
    assert what == "no backup was written: a restore would refuse this price list"
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("name", ["store.yaml", "prices.csv", "brands/nike/mark.svg", "brands/new"])
def test_a_backup_takes_the_place_of_no_file_of_the_store(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "old/state"))
    config = box(tmp_path / "old")
    before = tree(tmp_path / "old")
    assert main(["backup", str(config), str(tmp_path / "old" / name)]) == 2
    assert "name another file" in capsys.readouterr().err
    assert tree(tmp_path / "old") == before


def test_a_backup_is_its_owners_alone_follows_no_link_and_takes_files_of_1970(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "old/state"))
    config = box(tmp_path / "old")
    os.utime(tmp_path / "old/prices.csv", (0, 0))
    (tmp_path / ".b.new").symlink_to(tmp_path / "other")
    assert main(["backup", str(config), str(tmp_path / "b")]) == 0
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "other").exists()
    assert main(["backup", str(config), str(config / "b")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert main(["restore", str(tmp_path / "b"), str(tmp_path / "old")]) == 2
    assert "is a folder; name the store file in it" in capsys.readouterr().err
