"""Backup and restore: whole or not at all, no secret in it, no damaged file taken."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import zipfile
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageChops

from pipelines.backup import JOURNAL, migrate, restore
from pipelines.backup import archive as archive_module
from pipelines.backup.collect import back_up
from pipelines.backup.staging import as_owner_of
from pipelines.backup.withhold import refilled, withheld
from pipelines.brands.folder import read_brands
from pipelines.errors import BadInput
from pipelines.settings import load_settings
from scripts.commands.run import _finish_restore
from scripts.msh import main

if TYPE_CHECKING:
    from pathlib import Path

STORE = """\
version: 1
# password: letmein-5
# Täglich geprüft
store: {id: shop, name: "Café Lü", timezone: UTC, currency: EUR}
prices: {catalogue: prices.csv}
brands: {folder: brands}
cameras:
  door: {source: "rtsp://10.0.0.1/s?user=a&password=hush-1", credentials: {username: u, password: 'hush#2'}}
staff: {people: {Ann: {pin: "4711"}}}
outputs:
  web: {token: hush-3-hush-3-hush-3}
  mqtt: {url: "mqtts://127.0.0.1:1", username: u, password: "${BROKER_PW}", ca_file: ca.pem}
"""
SECRETS = ("letmein-5", "hush-1", "hush#2", "4711", "hush-3")
PRICES = "brand,type,price\nNike,*,90\n"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'


def counts(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute("SELECT n FROM cell")]


def box(folder: Path, count: int = 1) -> Path:
    """A store's folder and state, as on a box."""
    (folder / "brands/nike").mkdir(parents=True)
    (folder / "brands/nike/mark.svg").write_text(SVG)
    (folder / "store.yaml").write_text(STORE)
    (folder / "prices.csv").write_text(PRICES)
    (folder / "ca.pem").write_text("certificate")
    (folder / "state/secrets").mkdir(parents=True)
    (folder / "state/secrets/BROKER_PW").write_text("hush-4")
    with closing(sqlite3.connect(folder / "state/insights-shop.db")) as db, db:
        db.execute("CREATE TABLE cell (n)")
        db.execute("INSERT INTO cell VALUES (?)", (count,))
    return folder / "store.yaml"


@pytest.fixture
def backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "old/state"))
    assert main(["backup", str(box(tmp_path / "old")), str(tmp_path / "shop.backup")]) == 0
    return tmp_path / "shop.backup"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


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


def test_the_same_box_has_its_secrets_again_and_all_can_be_undone(backup: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    (old / "store.yaml").write_text(STORE.replace("Ann", "Bob").replace("Café Lü", "Another"))
    (old / "prices.csv").write_text("brand,type,price\nNike,*,1\n")
    (old / "brands/adidas").mkdir()
    (old / "brands/adidas/mark.svg").write_text(SVG)
    live = sqlite3.connect(old / "state/insights-shop.db")  # a running store
    with live:
        live.execute("UPDATE cell SET n = 2")
    before = tree(old)
    assert main(["restore", str(backup), str(old / "store.yaml"), "--check"]) == 0
    assert tree(old) == before
    assert main(["restore", str(backup), str(old / "store.yaml")]) == 0
    text = (old / "store.yaml").read_text()
    assert "hush#2" in text
    assert "${STAFF_PEOPLE_ANN_PIN}" in text  # Ann was not there any more
    assert "Café Lü" in text
    assert not (old / "brands/adidas").exists()
    assert live.execute("SELECT n FROM cell").fetchall() == [(1,)]
    live.close()
    assert main(["restore", "--undo", str(old / "store.yaml")]) == 0
    after = tree(old)
    assert counts(old / "state/insights-shop.db") == [2]
    same = {name for name in before if ".db" not in name}
    assert {name: after.get(name) for name in same} == {name: before[name] for name in same}
    assert not [name for name in after if "before-restore" in name]
    assert main(["restore", "--undo", str(old / "store.yaml")]) == 2


def test_a_file_that_the_store_file_names_twice_is_replaced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "old/state"))
    config = box(tmp_path / "old")
    twice = "ca_file: ca.pem, client_cert: ca.pem, client_key: ca.pem"
    config.write_text(STORE.replace("ca_file: ca.pem", twice))
    assert main(["backup", str(config), str(tmp_path / "b")]) == 0
    (tmp_path / "old/ca.pem").write_text("newer")
    assert main(["restore", str(tmp_path / "b"), str(config)]) == 0
    assert (tmp_path / "old/ca.pem").read_text() == "certificate"
    assert main(["restore", "--undo", str(config)]) == 0
    assert (tmp_path / "old/ca.pem").read_text() == "newer"


def test_every_changed_byte_and_every_cut_is_refused_in_one_line(
    backup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = backup.read_bytes()
    bad = tmp_path / "bad"
    step = max(1, len(whole) // 150)
    cases = [whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :] for at in range(0, len(whole), step)]
    cases += [whole[: len(whole) * part // 8] for part in range(8)] + [whole + b"x", b"PK" * 90, b"\0" * 500]
    for raw in cases:
        bad.write_bytes(raw)
        assert main(["restore", str(bad), str(tmp_path / "new/store.yaml")]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "new").exists()


def sealed(path: Path, manifest: dict[str, object], files: dict[str, str]) -> Path:
    """A backup as somebody else could make it: its digests are right."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.comment = archive_module._PREFIX + b"0" * 64
    archive_module._seal(path)
    return path


def forged(path: Path, **more: object) -> Path:
    files = {"store.yaml": STORE.replace("prices.csv", "/etc/passwd"), "prices": PRICES}
    files = {**files, **dict.fromkeys(more.pop("names", ()), "x")}  # type: ignore[attr-defined]
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    manifest: dict[str, object] = {
        "schema": "msh.backup/1", "made_at": "now", "product": "0", "settings": 1, "store": "shop",
        "withheld": {}, "needs": [], "files": digests,
    }  # fmt: skip
    return sealed(path, manifest | more, files)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "outside"),
        ({"schema": "msh.backup/2"}, "newer release"),
        ({"schema": "other/1"}, "is no backup"),
        ({"settings": 2}, "newer release"),
        ({"settings": "1"}, "is no backup"),
        ({"files": {"store.yaml": "0" * 64}}, "not those of its manifest"),
        ({"names": ["../up"]}, "damaged|is no backup"),
        ({"names": ["a/b/c/d/e"]}, "is no backup"),
        ({"files": ["store.yaml", "prices"]}, "is no backup"),
        ({"needs": [1]}, "is no backup"),
        ({"needs": 1}, "is no backup"),
        ({"withheld": {"a": ["b"]}}, "is no backup"),
        ({"withheld": "a"}, "is no backup"),
        ({"store": {}}, "is no backup"),
    ],
)
def test_a_foreign_backup_writes_nowhere_else(
    more: dict[str, object], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = forged(tmp_path / "forged", **more)
    assert main(["restore", str(path), str(tmp_path / "shop/store.yaml")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(words, line)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["forged"]


@pytest.mark.parametrize(
    "text",
    [
        'cameras: {d: {source: "rtsp://h/user=a&password=hush-7&channel=1&stream=0.sdp?real_stream"}}',
        'cameras: {d: {source: "rtsp://h:554/user=a_password=hush-7_channel=1_stream=0.sdp"}}',
        'cameras: {d: {source: "rtsp://h/s", sub_source: "rtsp://h/admin:hush-7/ch2"}}',
        "version: 1\n# source: rtsp://admin:hush-7@10.0.0.1/s\n",
        "version: 1  # url: tgram://123456:hush-7/-100\n",
        "version: 1\n# https://hooks.example.com/services/T1/hush-7\n",
    ],
)
def test_addresses_give_no_secret_away(text: str) -> None:
    assert "hush-7" not in withheld(text)[0]


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


def test_a_zip_of_brands_is_no_backup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "brands.zip", "w") as archive:
        archive.writestr("nike/mark.svg", SVG)
    assert main(["restore", str(tmp_path / "brands.zip"), str(tmp_path / "store.yaml")]) == 2
    assert "is no backup of msh" in capsys.readouterr().err


@pytest.mark.parametrize("fail_at", range(5))
@pytest.mark.parametrize("killed", [False, True])
def test_a_restore_that_breaks_off_anywhere_changes_nothing(
    fail_at: int, killed: bool, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    (old / "prices.csv").write_text("brand,type,price\nNike,*,1\n")
    (old / "ca.pem").unlink()
    before = {name: raw for name, raw in tree(old).items() if ".db" not in name}
    put, done = restore._put, []

    class Killed(BaseException):
        pass

    def breaks(step: restore.RestoreStep) -> None:
        if len(done) == fail_at:
            if not step.database and step.had:
                step.place.rename(step.kept)  # within a step
            raise Killed if killed else OSError(28, "No space left on device")
        done.append(step)
        put(step)

    monkeypatch.setattr(restore, "_put", breaks)
    call = ["restore", str(backup), str(old / "store.yaml")]
    if killed:
        with pytest.raises(Killed):
            main(call)
        assert restore.was_interrupted(old / "store.yaml")
        _finish_restore(old / "store.yaml")  # what `msh run` does first
    else:
        assert main(call) == 2
    assert {name: raw for name, raw in tree(old).items() if ".db" not in name} == before
    assert counts(old / "state/insights-shop.db") == [1]


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


def test_a_photograph_with_a_clear_face_stays_out(tmp_path: Path) -> None:
    config = box(tmp_path / "shop")
    cv2.imwrite(
        str(tmp_path / "shop/brands/nike/worn.png"),
        np.arange(90 * 90 * 3, dtype=np.uint32).reshape(90, 90, 3).astype(np.uint8),
    )
    (tmp_path / "scratch").mkdir()
    settings = load_settings(config, env={"BROKER_PW": "x"})
    report = back_up(
        settings, tmp_path, tmp_path / "b", datetime.now(timezone.utc), tmp_path / "scratch",
        names=(), faces=lambda _: 1,
    )  # fmt: skip
    assert [line.rpartition("/")[2] for line in report.left_out] == ["worn.png (shows a clear face)"]
    assert "brands/nike/worn.png" not in report.manifest.files


def test_swatches_come_back_as_swatches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "old/state"))
    config, place = box(tmp_path / "old"), tmp_path / "old/brands/nike"
    for number, turn in enumerate((0, 90), 1):
        Image.linear_gradient("L").rotate(turn).convert("RGB").save(place / f"pattern-{number}.png")
    assert main(["backup", str(config), str(tmp_path / "b")]) == 0
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "new/state"))
    assert main(["restore", str(tmp_path / "b"), str(tmp_path / "new/store.yaml")]) == 0
    (brand,) = read_brands(tmp_path / "new/brands")
    assert [path.name for path in brand.swatches] == ["pattern-1.png", "pattern-2.png"]
    for path in brand.swatches:
        assert not ImageChops.difference(Image.open(path), Image.open(place / path.name)).getbbox()


def test_photographs_go_without_where_and_by_whom_they_were_taken(tmp_path: Path) -> None:
    config, folder = box(tmp_path / "shop"), tmp_path / "shop/brands/nike"
    exif = Image.Exif()
    exif[0x013B] = "Jane-Doe"
    for kind in ("jpg", "tiff"):
        Image.radial_gradient("L").convert("RGB").save(folder / f"worn.{kind}", exif=exif)
    (folder / "worn.tiff").rename(folder / "tiff.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xffJane-Doe")
    assert sum(b"Jane-Doe" in path.read_bytes() for path in folder.glob("*.jpg")) == 3
    (tmp_path / "scratch").mkdir()
    settings = load_settings(config, env={"BROKER_PW": "x"})
    report = back_up(
        settings, tmp_path, tmp_path / "b", datetime.now(timezone.utc), tmp_path / "scratch",
        names=(), faces=lambda _: 0,
    )  # fmt: skip
    assert [line.rpartition("/")[2] for line in report.left_out] == [
        "broken.jpg (is broken or cut off; export it again)"
    ]
    with zipfile.ZipFile(tmp_path / "b") as archive:
        inside = {name: archive.read(name) for name in archive.namelist() if name.startswith("brands")}
    assert sorted(inside) == ["brands/nike/mark.svg", "brands/nike/tiff.jpg", "brands/nike/worn.jpg"]
    assert not [name for name, raw in inside.items() if b"Jane-Doe" in raw]


def test_what_the_gallery_does_not_read_and_links_out_of_it_stay_out_and_are_told(tmp_path: Path) -> None:
    config, folder = box(tmp_path / "shop"), tmp_path / "shop/brands/nike"
    for name in ("passwd", "elsewhere/mark.svg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{SVG}<!-- hush-9 -->")
    (folder / "linked.png").symlink_to(tmp_path / "passwd")
    (folder / "brand.yaml").symlink_to(tmp_path / "shop/brands/nike.yaml")
    (tmp_path / "shop/brands/nike.yaml").write_text("name: Nike\n")
    (folder / "notes.png").write_text("hush-9")
    (folder / "blob.webp").write_bytes(b"\0\1hush-9")
    (folder / "page.svg").write_text("<html>hush-9</html>")
    (folder / "huge.svg").write_text(SVG + " " * 20_000_000)
    (folder / "read-me.txt").write_text("hush-9, which the gallery passes over")
    (tmp_path / "shop/brands/puma").symlink_to(tmp_path / "elsewhere")
    worn = tmp_path / "shop/brands/acme"
    worn.mkdir()
    (worn / "brand.yaml").write_text("name: Acme\nroutes: [symbol]\n")
    Image.new("RGB", (60, 60), "red").save(worn / "flat.jpg")
    (tmp_path / "scratch").mkdir()
    report = back_up(
        load_settings(config, env={"BROKER_PW": "x"}), tmp_path, tmp_path / "b", datetime.now(timezone.utc),
        tmp_path / "scratch", names=(), faces=lambda _: 0,
    )  # fmt: skip
    with zipfile.ZipFile(tmp_path / "b") as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert {name for name in inside if name.startswith("brands")} == {
        "brands/nike/brand.yaml", "brands/nike/mark.svg",
    }  # fmt: skip
    assert not [name for name, raw in inside.items() if b"hush-9" in raw]
    said = {line.removeprefix(f"{tmp_path}/shop/brands/").partition(" ")[0]: line for line in report.left_out}
    for name, words in {
        "nike/linked.png": "is a link out of the gallery",
        "puma/mark.svg": "is a link out of the gallery",
        "nike/notes.png": "is no SVG drawing",
        "nike/blob.webp": "is no SVG drawing",
        "nike/page.svg": "is no SVG drawing",
        "nike/huge.svg": "is larger than 20 MB",
        "acme/flat.jpg": "shows no mark",
        "acme": "without those nothing tells this brand",
    }.items():
        assert words in said.pop(name)
    assert not said
    assert main(["restore", "--check", str(tmp_path / "b"), str(tmp_path / "new/store.yaml")]) == 0


def test_restored_files_have_the_owner_of_what_they_replace(backup: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        return
    config = tmp_path / "old/store.yaml"
    os.chown(config, 4711, 4711)
    config.chmod(0o640)
    assert main(["restore", str(backup), str(config)]) == 0
    assert (config.stat().st_uid, config.stat().st_mode & 0o777) == (4711, 0o640)


def test_root_believes_no_list_of_steps_and_no_link_of_another_user(
    backup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim, config = tmp_path / "victim", tmp_path / "old/store.yaml"
    victim.write_text("not to be touched")
    (config.parent / f"{JOURNAL}.new").symlink_to(victim)
    assert main(["restore", str(backup), str(config)]) == 0
    assert main(["restore", "--undo", str(config)]) == 0
    planted = config.with_name(JOURNAL)
    planted.write_text(json.dumps({"done": False, "steps": [{"target": str(victim), "had": False}]}))
    if os.geteuid() == 0:
        os.chown(planted, 4711, 4711)
        assert not restore.was_interrupted(config)
        assert main(["restore", "--undo", str(config)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert victim.read_text() == "not to be touched"


@pytest.mark.parametrize("moment", ["before", "while"])
def test_a_link_that_is_put_there_during_a_restore_is_not_followed(
    moment: str, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, staged = tmp_path / "victim", tmp_path / "old/.prices.csv.restore-new"
    victim.write_text("not to be touched")
    victim.chmod(0o600)
    (tmp_path / "old/prices.csv").chmod(0o666)
    remove, copy = restore._remove, shutil.copyfileobj

    def plant() -> None:
        staged.unlink(missing_ok=True)
        staged.symlink_to(victim)

    def then_plant(path: Path) -> None:
        remove(path)
        if path == staged and not victim.with_name("done").exists():
            victim.with_name("done").touch()
            plant()

    def copies(source: Any, target: Any) -> None:
        copy(source, target)
        if staged.exists():
            plant()

    if moment == "before":
        monkeypatch.setattr(restore, "_remove", then_plant)
    else:
        monkeypatch.setattr(shutil, "copyfileobj", copies)
    code = main(["restore", str(backup), str(tmp_path / "old/store.yaml")])
    assert (victim.read_text(), victim.stat().st_mode & 0o777) == ("not to be touched", 0o600)
    assert victim.stat().st_uid == os.geteuid()
    assert code == (2 if moment == "before" else 0)


def test_databases_are_written_with_the_rights_of_their_folders_owner(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, 4711, 4712)
    before = os.geteuid(), os.getegid()
    with as_owner_of(tmp_path):
        inside = os.geteuid(), os.getegid()
    assert inside == ((4711, 4712) if before[0] == 0 else before)
    assert (os.geteuid(), os.getegid()) == before


def test_older_forms_of_the_store_file_are_brought_along() -> None:
    steps = {
        1: lambda text: text.replace("colour:", "color:"),
        2: lambda text: f"{text}new: {{}}\n",
    }
    text = "# mine\nversion: 1  # first\ncolour: red\n"
    assert migrate.migrated(text, steps, 3) == "# mine\nversion: 3  # first\ncolor: red\nnew: {}\n"
    assert migrate.migrated(text) == text
    assert migrate.migrated("version: one\n", steps, 3) == "version: one\n"


def test_an_installed_store_file_is_brought_along_and_the_old_one_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.yaml"
    path.write_text("version: 1\ncolour: red\n")
    path.chmod(0o640)
    assert migrate.migrate_file(path) is None
    (tmp_path / "other").write_text("not to be touched")
    for name in (".store.yaml.new", "store.yaml.v1"):
        (tmp_path / name).symlink_to(tmp_path / "other")
    monkeypatch.setattr(migrate, "STEPS", {1: lambda text: text.replace("colour", "color")})
    monkeypatch.setattr(migrate, "CURRENT", 2)
    assert migrate.migrate_file(path) == tmp_path / "store.yaml.v1"
    assert path.read_text() == "version: 2\ncolor: red\n"
    assert (tmp_path / "store.yaml.v1").read_text() == "version: 1\ncolour: red\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "other").read_text() == "not to be touched"
    assert migrate.migrate_file(tmp_path / "none.yaml") is None


def test_a_full_disk_is_one_line(backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    (tmp_path / "scratch").mkdir()
    config = tmp_path / "old/store.yaml"
    env = {"BROKER_PW": "x"}
    plan = restore.plan_restore(backup, config, tmp_path / "old/state", tmp_path / "scratch", env)
    with pytest.raises(BadInput, match="nothing was changed"):
        restore.restore(plan, config)
    assert not list((tmp_path / "old").rglob("*.restore-new"))
