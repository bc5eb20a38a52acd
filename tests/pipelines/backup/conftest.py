"""A backup of a small store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.msh import main
from tests.pipelines.backup.boxes import box

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "old/state"))
    assert main(["backup", str(box(tmp_path / "old")), str(tmp_path / "shop.backup")]) == 0
    return tmp_path / "shop.backup"
