from __future__ import annotations

import argparse
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from engines.decoding import Raw
from engines.errors import BadInput, InferenceFailed
from engines.manifest import MANIFEST, read_manifest
from scripts.commands import models

if TYPE_CHECKING:
    from pathlib import Path


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    models.add(parser.add_subparsers())
    args = parser.parse_args(["models", *words])
    return int(args.run(args))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return a manifest of two models with files of their own: a sound one and a missing one."""
    content = yaml.safe_load(MANIFEST.read_text())
    sound = content["models"]["centerface"] | {"file": "sound.onnx"}
    sound["int8"]["file"] = str(read_manifest()["centerface"].in_int8().path)
    content["models"] = {"sound": sound, "gone": sound | {"file": "gone.onnx"}}
    shutil.copy(read_manifest()["centerface"].path, tmp_path / "sound.onnx")
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_list_shows_every_model(capsys: pytest.CaptureFixture[str], manifest: Path) -> None:
    assert run("list") == 0
    assert "nanodet-416" in capsys.readouterr().out
    assert run("list", "--manifest", str(manifest)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "LICENCE", "INPUT", "SIZE", "CLASSES", "FILE"]
    assert lines[1].split() == ["sound", "MIT", "640x384", "rgb", "7.3", "MB", "face", "ok"]
    assert lines[2].split() == ["gone", "MIT", "640x384", "rgb", "-", "face", "missing"]


def test_verify_runs_a_sound_model(capsys: pytest.CaptureFixture[str], manifest: Path) -> None:
    assert run("verify", "--manifest", str(manifest), "sound") == 0
    assert capsys.readouterr().out.startswith("sound: ok (sha256 ")


def test_verify_says_all_that_is_wrong(capsys: pytest.CaptureFixture[str], manifest: Path) -> None:
    with (manifest.parent / "sound.onnx").open("ab") as file:
        file.write(b"!")
    assert run("list", "--manifest", str(manifest)) == 0
    assert "changed" in capsys.readouterr().out
    assert run("verify", "--manifest", str(manifest)) == 2
    errors = capsys.readouterr().err.splitlines()
    assert ["sound" in errors[0], "gone" in errors[1], len(errors)] == [True, True, 2]


def test_verify_of_an_unknown_name_says_the_known(manifest: Path) -> None:
    with pytest.raises(BadInput, match="'huge' is not in the manifest; it has sound, gone"):
        run("verify", "--manifest", str(manifest), "huge")


GOOD = (np.zeros((2, 4)), np.array([0.5, 0.1]), np.zeros(2))


@pytest.mark.parametrize(
    ("index", "wrong", "message"),
    [
        (0, np.zeros((2, 5)), "expected .K, 4., .K,., .K,."),
        (0, np.full((2, 4), 1.5), "boxes outside 0 to 1"),
        (1, np.array([0.5, -0.1]), "scores outside 0 to 1"),
        (1, np.array([0.5, np.nan]), "scores outside 0 to 1"),
        (2, np.ones(2), "classes outside 0 to 0"),
    ],
)
def test_a_wrong_answer_fails_verification(index: int, wrong: np.ndarray, message: str) -> None:
    model = read_manifest()["centerface"]
    models.check_answer(Raw(*GOOD), model)
    parts = list(GOOD)
    parts[index] = wrong
    with pytest.raises(InferenceFailed, match=message):
        models.check_answer(Raw(*parts), model)
