"""Restore: whole or not at all, undone, and no damaged or foreign file taken."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.backup import JOURNAL, restore
from pipelines.backup import archive as archive_module
from pipelines.backup.staging import as_owner_of
from pipelines.errors import BadInput
from scripts.commands.run import _finish_restore
from scripts.msh import main
from tests.pipelines.backup.boxes import PRICES, STORE, SVG, box, counts, tree

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_store_file_that_was_spoilt_by_an_editor_is_replaced_and_kept(
    backup: Path, tmp_path: Path, encoding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "old/store.yaml"
    config.write_text(STORE, encoding=encoding)
    spoilt = config.read_bytes()
    assert main(["restore", str(backup), str(config)]) == 0
    assert "Café Lü" in config.read_text("utf-8")
    assert "missing yet, not in any backup: " in capsys.readouterr().out
    assert main(["restore", "--undo", str(config)]) == 0
    assert config.read_bytes() == spoilt


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


def test_a_mistake_in_a_part_is_told_with_the_backup_that_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.pipelines.backup.test_restore.PRICES", "brand,type,price\nNike,hat,1.290\n")
    path = forged(tmp_path / "b")
    assert main(["restore", str(path), str(tmp_path / "shop/store.yaml"), "--outside"]) == 2
    assert capsys.readouterr().err.startswith(f"{path}, passwd:2:10  price: ")


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
                step.place.rename(step.set_aside)  # within a step
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


def test_a_full_disk_is_one_line(backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    (tmp_path / "scratch").mkdir()
    config = tmp_path / "old/store.yaml"
    env = {"BROKER_PW": "x"}
    plan = restore.plan_restore(backup, config, tmp_path / "old/state", tmp_path / "scratch", env)
    words = (
        r"old/store\.yaml: cannot be restored \(No space left on device\); nothing was changed; free space "
    )
    with pytest.raises(BadInput, match=words):
        restore.restore(plan, config)
    assert not list((tmp_path / "old").rglob("*.restore-new"))


def test_an_undo_that_fails_half_way_does_not_say_that_nothing_was_changed(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was so called; called again, it puts the rest back."""
    config = tmp_path / "old/store.yaml"
    before = config.read_bytes()
    config.write_bytes(before + b"# ours\n")
    assert main(["restore", str(backup), str(config)]) == 0
    removed: list[Path] = []

    def full_at_the_third(path: Path) -> None:
        removed.append(path)
        if len(removed) == 3:
            raise OSError(28, "No space left on device")
        remove(path)

    remove = restore._remove
    with monkeypatch.context() as patched:
        patched.setattr(restore, "_remove", full_at_the_third)
        capsys.readouterr()
        assert main(["restore", "--undo", str(config)]) == 2
    told = capsys.readouterr().err
    assert told == (
        f"msh restore: {config}: not all could be put back (No space left on device); mend that and call it"
        f" again: msh restore --undo {config}\n"
    )
    assert main(["restore", "--undo", str(config)]) == 0
    assert config.read_bytes() == before + b"# ours\n"
