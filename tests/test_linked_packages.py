"""What NVIDIA's and Debian's packages bring for the system's Python alone is found in our environment."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engines.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LINKED = {
    # Where Ubuntu's and NVIDIA's packages put them: TensorRT's in the folder of that Python's own version.
    "gi": "usr/lib/python3/dist-packages/gi",
    "tensorrt": "usr/lib/python3.12/dist-packages/tensorrt",
    "tensorrt_bindings": "usr/local/lib/python3.12/dist-packages/tensorrt_bindings",
}


@pytest.mark.parametrize("script", ["scripts/container/install", "scripts/setup"])
def test_what_only_the_systems_python_has_is_found_in_our_environment(tmp_path: Path, script: str) -> None:
    """Debian's packages lie in python3/dist-packages, NVIDIA's python3-libnvinfer in that of 3.10 or 3.12."""
    for name, place in LINKED.items():
        package = tmp_path / place
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"what = {name!r}\n")
    (tmp_path / "usr/lib/python3.12/dist-packages/cv2.py").write_text("old = True\n")
    folders = ":".join(str((tmp_path / place).parent) for place in LINKED.values())
    system = tmp_path / "python3"
    system.write_text(f'#!/bin/sh\nPYTHONPATH={folders} exec {sys.executable} "$@"\n')
    system.chmod(0o755)
    texts = {}
    for name in ("scripts/setup", "scripts/container/install"):
        text = (ROOT / name).read_text(encoding="utf-8").replace("/usr/bin/python3", str(system))
        texts[name] = text.replace("/opt/", f"{tmp_path}/")
    setup = tmp_path / "msh/scripts/setup"
    setup.parent.mkdir(parents=True)
    setup.write_text(texts["scripts/setup"])
    if script == "scripts/setup":
        steps = f". {setup}; venv={tmp_path}/venv; make_venv"
    else:
        steps = f"set -- 9.1 {tmp_path}\n" + texts[script].partition("pip() {")[0]
    subprocess.run(["bash", "-euc", steps], check=True)
    show = "import gi, tensorrt, tensorrt_bindings as b; print(gi.what, tensorrt.what, b.what)"
    python = [str(tmp_path / "venv/bin/python"), "-c"]
    done = subprocess.run([*python, show], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == list(LINKED)
    old = subprocess.run([*python, "import cv2"], cwd=tmp_path, capture_output=True, check=False)
    assert old.returncode != 0


def test_an_image_without_what_the_gpu_is_used_through_is_not_made() -> None:
    """It would start, find no TensorRT, and leave the card unused (`auto`) or refuse to run."""
    last = (ROOT / "scripts/container/install").read_text(encoding="utf-8").rpartition("# Checked")[2]
    check = last.partition("<<'EOF'\n")[2].partition("EOF\n")[0]
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "tensorrt" in done.stderr
    assert "gi" not in done.stderr.split()
