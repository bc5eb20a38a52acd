"""Checks of NVIDIA's parts: driver, DeepStream, TensorRT, CUDA, pyds. Only where there is a GPU of theirs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.check_result import CheckLevel, CheckResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelines.settings import Settings

_GPU = ("proc/driver/nvidia/version", "dev/nvidia0", "dev/nvhost-gpu", "etc/nv_tegra_release")


def look_at_graphics(
    settings: Settings, root: Path = Path("/"), checks: Callable[[], Iterator[CheckResult]] | None = None
) -> Iterator[CheckResult]:
    """Yield the checks of scripts/acceptance, as failures only where the store needs DeepStream."""
    needed = settings.platform.kind == "deepstream"
    there = any((root / path).exists() for path in _GPU)
    if settings.platform.kind == "cpu" or not (needed or there):
        return
    from scripts.accept.machine import machine_checks  # noqa: PLC0415 loads what only such a box has

    for one in (checks or machine_checks)():
        softened = one.level is CheckLevel.FAIL and not needed
        yield replace(one, level=CheckLevel.WARN) if softened else one
