"""Checks of the box: driver, DeepStream, TensorRT, CUDA, pyds."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.deepstream.nvinfer_config import DEEPSTREAM
from engines.tensorrt.compiler import load_tensorrt
from engines.tensorrt.cuda import open_cuda
from pipelines.errors import BadInput
from pipelines.version import VERSION
from scripts.check_result import CheckResult, fail, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TESTED = ("7.1", "8.0", "9.0", "9.1", "9.2")
PACKAGES = (
    "numpy",
    "pyds",
    "pycuda",
    "cuda-bindings",
    "tensorrt",
    "opencv-python-headless",
    "openvino",
    "PyGObject",
)
LIBRARIES = ("libnvds_nvmultiobjecttracker.so", "libnvds_infercustomparser.so", "libnvds_meta.so")
QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total,compute_cap", "--format=csv,noheader")


def run(command: tuple[str, ...]) -> str | None:
    """Return the output of a command; None where it is missing, fails, or takes longer than 20 s."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def about(root: Path = Path("/")) -> dict[str, Any]:
    """Return the report's facts about program and box; none identifies the shop."""
    return {
        "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "program": VERSION,
        "machine": platform.machine(),
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "system": _field(_text(root / "etc/os-release"), "PRETTY_NAME"),
        "l4t": _text(root / "etc/nv_tegra_release").splitlines()[:1],
        "board": _text(root / "proc/device-tree/model").strip("\0\n"),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def machine_checks(
    root: Path = Path("/"), ask: Callable[[tuple[str, ...]], str | None] = run
) -> Iterator[CheckResult]:
    """Yield one check per component of the box."""
    yield _driver(root, ask)
    yield _deepstream(root)
    yield _tensorrt()
    yield _cuda()
    yield _metadata()


def deepstream_version(root: Path = Path("/")) -> tuple[int, int] | None:
    """Return the version of the installed DeepStream, as its own file says it."""
    found = re.search(r"(\d+)\.(\d+)", _text(root / DEEPSTREAM.relative_to("/") / "version"))
    return (int(found[1]), int(found[2])) if found else None


def _driver(root: Path, ask: Callable[[tuple[str, ...]], str | None]) -> CheckResult:
    release = _text(root / "etc/nv_tegra_release").splitlines()[:1]
    output = ask(QUERY)
    if output:
        return ok("driver", output.splitlines()[0], gpus=output.splitlines(), l4t=release)
    if release:
        return ok("driver", f"Jetson Linux {release[0].strip('# ')}", gpus=[], l4t=release)
    return fail(
        "driver", "no NVIDIA driver answers", "install it, or start the container with --runtime nvidia"
    )


def _deepstream(root: Path) -> CheckResult:
    found = deepstream_version(root)
    if found is None:
        return fail("deepstream", f"not in {DEEPSTREAM}", "install it, or run this in the container")
    name = f"{found[0]}.{found[1]}"
    folder = root / DEEPSTREAM.relative_to("/") / "lib"
    missing = [library for library in LIBRARIES if not (folder / library).exists()]
    if missing:
        return fail("deepstream", f"{name} lacks {', '.join(missing)}", "install it again", version=name)
    if name not in TESTED:
        return fail("deepstream", f"{name} is not supported", f"use one of {', '.join(TESTED)}", version=name)
    return ok("deepstream", name, version=name)


def _tensorrt() -> CheckResult:
    try:
        found = str(load_tensorrt().__version__)
    except BadInput as error:
        return fail("tensorrt", *_halves(error))
    return ok("tensorrt", found, version=found)


def _cuda() -> CheckResult:
    try:
        with closing(open_cuda()) as cuda:
            gpu = cuda.gpu
    except BadInput as error:
        return fail("cuda", *_halves(error))
    return ok("cuda", gpu.name, gpu=gpu.name, capability=list(gpu.capability))


def _metadata() -> CheckResult:
    from probes.nvds.native_meta import load_reader  # noqa: PLC0415  needs engines that only boxes run
    from probes.nvds.pyds_meta import load_pyds  # noqa: PLC0415  needs what only boxes with DeepStream have

    if load_reader() is not None:
        return ok("pyds", "our own reader stands in for it", numpy=np.__version__)
    try:
        load_pyds()
    except BadInput as error:
        return fail("pyds", *_halves(error))
    return ok("pyds", _version("pyds") or "unknown", numpy=np.__version__)


def _halves(error: Exception) -> tuple[str, str]:
    """Split `what; how to mend` of a BadInput."""
    found, _, mend = str(error).partition("; ")
    return found, mend


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _field(text: str, key: str) -> str:
    found = re.search(rf'^{key}="?([^"\n]*)', text, re.MULTILINE)
    return found[1] if found else ""


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
