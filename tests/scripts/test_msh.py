"""The command line as a whole: what it prints where, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import pipelines.paths
from engines.paths import ROOT
from pipelines.errors import BadInput
from scripts.doctor.machine import _state
from scripts.msh import main

if TYPE_CHECKING:
    from pathlib import Path


def test_whoever_stops_reading_gets_no_traceback() -> None:
    command = [sys.executable, "-m", "scripts.msh", "models", "list"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as msh:
        assert msh.stdout is not None
        assert msh.stderr is not None
        msh.stdout.close()
        said = msh.stderr.read()
    assert (msh.returncode, said) == (0, b"")


def test_bytes_that_are_no_text_and_control_characters_are_written_as_escapes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "/no/\x1b[31m\udcff[bold].yaml"]) == 2
    said = capsys.readouterr().err
    assert said == "/no/\\x1b[31m\\udcff[bold].yaml: there is no such file\n"


def test_a_user_without_a_home_folder_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(pipelines.paths.Path, "home", fail)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    with pytest.raises(BadInput, match="set STATE_DIRECTORY"):
        pipelines.paths.state_path()
    found = _state()
    assert (found.found, "STATE_DIRECTORY" in found.mend) == ("there is none", True)
