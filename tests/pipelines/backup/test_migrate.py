"""Store files of older releases are brought to the current form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.backup import migrate

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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
