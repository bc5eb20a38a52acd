"""A file that takes another's place is on the disk before: a power cut leaves the old or the whole new one.

Else the name may lead to an empty file: a list of own models that is empty keeps the store from starting.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engines.own_models import install_model
from pipelines.backup.archive import BackupManifest, write_archive
from pipelines.brands.transfer import export_brands
from pricing.plain_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable


def _model(folder: Path) -> None:
    made = folder / "made.onnx"
    made.write_bytes(b"model")
    install_model("mine", made, {"family": "nanodet"}, folder / "models")


def _backup(folder: Path) -> None:
    write_archive(folder / "shop.zip", BackupManifest("now", "1", 1, "shop"), {}, {})


def _brands(folder: Path) -> None:
    export_brands([], folder / "brands.zip")


def _any_file(folder: Path) -> None:
    (folder / "draft").write_bytes(b"new")
    (folder / "target").write_bytes(b"old")
    replace_file(folder / "draft", folder / "target")
    assert (folder / "target").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("write", "names"),
    [
        (_model, ["mine.onnx", "models.yaml"]),
        (_backup, ["shop.zip"]),
        (_brands, ["brands.zip"]),
        (_any_file, ["target"]),
    ],
    ids=["model", "backup", "brands", "any file"],
)
def test_what_gets_its_name_is_on_the_disk_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None], names: list[str]
) -> None:
    flushed, placed = dict[int, int](), list[str]()
    fsync, replace = os.fsync, Path.replace

    def note_flush(handle: int) -> None:
        fsync(handle)
        status = os.fstat(handle)
        flushed[status.st_ino] = status.st_size

    def note_place(draft: Path, target: Path) -> Path:
        status = draft.stat()
        assert flushed.get(status.st_ino) == status.st_size, f"{target.name} was not flushed"
        placed.append(target.name)
        return replace(draft, target)

    monkeypatch.setattr(os, "fsync", note_flush)
    monkeypatch.setattr(Path, "replace", note_place)
    write(tmp_path)
    assert placed == names
