"""No command replaces a file of another kind with what it writes: these lost the store's own files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from scripts.commands.brands import _is_picture
from scripts.msh import main
from scripts.own_file import check_own
from tests.pipelines.settings.store_file import MINIMAL

if TYPE_CHECKING:
    from pathlib import Path

PRICES = "brand,type,price\nGucci,handbag,1290.00\n"


@pytest.mark.parametrize(
    ("call", "target", "why"),
    [
        (("report", "store.yaml", "-o"), "store.yaml", "is a part of the store itself"),
        (("report", "store.yaml", "--format", "csv", "-o"), "prices.csv", "is a part of the store itself"),
        (("brands", "export"), "prices.csv", "is another file, not a ZIP"),
        (("brands", "export"), "mark.png", "is another file, not a ZIP"),
        (("brands", "test", "mark.png", "-o"), "prices.csv", "is another file, not a picture"),
        (("simulate", "--days", "1", "--picture"), "store.yaml", "is another file, not a chart"),
    ],
)
def test_a_file_of_another_kind_is_kept(
    call: tuple[str, ...],
    target: str,
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    (tmp_path / "store.yaml").write_text(f"{MINIMAL}prices: {{catalogue: prices.csv}}\n")
    (tmp_path / "prices.csv").write_text(PRICES)
    cv2.imwrite("mark.png", np.zeros((64, 64, 3), np.uint8))
    before = (tmp_path / target).read_bytes()
    assert main([*call, target]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{target}: {why}" in line
    assert (tmp_path / target).read_bytes() == before


def test_what_was_written_before_is_replaced(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "seen.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "empty").touch()
    for name in ("seen.png", "empty", "not there"):
        check_own(tmp_path / name, _is_picture, "a picture")
