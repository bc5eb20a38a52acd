"""`msh types train`: what is refused before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.msh import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none"], "there is no such folder"),
        ([".", "--samples", "0"], "--samples: expected 1 or more, found 0"),
        ([".", "--seconds", "0"], "--seconds: expected 1 or more, found 0"),
        ([".", "--name", "garments"], "model garments is there already"),
        ([".", "--name", "My Own"], "write up to 63 of a-z"),
    ],
)
def test_bad_calls_are_one_line(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["types", "train", str(tmp_path / words[0]), *words[1:]]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert told in err


def test_without_the_training_packages_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert main(["types", "train", str(tmp_path)]) == 2
    assert "training needs the package torch" in capsys.readouterr().err
