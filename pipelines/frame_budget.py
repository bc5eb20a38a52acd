"""How many frames a second this machine can analyse: as `msh doctor` measured it, else as an estimate."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipelines.paths import state_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelines.settings import Settings

_BUNDLED: Final = ("nanodet-416", "centerface")
_BASE_MS, _CLOSE_MS, _CLOSE_PX = 35.0, 19.0, 80
"""CPU time of both bundled detectors on a frame of 1280x720: of the whole view, and of the close look at
80 px, which grows with the square of the scale. Medians in docs/privacy-measured.md: 38 ms at 200 px,
57 ms at 80 px."""


@dataclass(frozen=True, slots=True)
class FrameBudget:
    """What the cameras ask for and what this machine can do, in frames a second.

    measured: false for an estimate.
    """

    wanted: float
    possible: float
    measured: bool

    @property
    def holds(self) -> bool:
        """Whether every frame that is asked for can be analysed."""
        return self.possible >= self.wanted

    @property
    def warning(self) -> str:
        """One line for people where it does not hold; else nothing."""
        if self.holds:
            return ""
        how = "measured by msh doctor" if self.measured else "an estimate from the cores; msh doctor measures"
        return (
            f"frame budget: about {self.possible:.0f} of the {self.wanted:g} frames/s asked for can be"
            f" analysed at these min_person_px ({how}): frames will be skipped; lower fps, or raise"
            " min_person_px where nobody is so small"
        )


def budget_of(settings: Settings, folder: Path | None = None, cores: int | None = None) -> FrameBudget | None:
    """Return the budget of a store on the CPU; None on DeepStream, and where nothing is known.

    folder: of the measurements, else the state folder. cores: else those that this process may use.
    """
    if settings.platform.kind == "deepstream":
        return None
    models = settings.models.person.name, settings.models.face.name
    cameras = settings.enabled_cameras().values()
    cores = cores or min(len(os.sched_getaffinity(0)), settings.platform.threads or 1_000)
    cost_s = _read(_file(folder or state_folder()), models, cores)
    wanted = sum(camera.fps for camera in cameras)
    measured = all(camera.min_person_px in cost_s for camera in cameras)
    if measured:
        load = sum(camera.fps * cost_s[camera.min_person_px] for camera in cameras)
    elif models == _BUNDLED:
        load = sum(camera.fps * _estimate_s(camera.min_person_px) for camera in cameras) / cores
    else:
        return None
    return FrameBudget(wanted, wanted / load if load > 1 else wanted, measured)


def save_measurement(settings: Settings, seconds: Mapping[int, float]) -> None:
    """Keep what a frame took, in seconds by min_person_px; a full disk leaves the estimate."""
    path = _file(state_folder())
    found = {
        "models": [settings.models.person.name, settings.models.face.name],
        "cores": min(len(os.sched_getaffinity(0)), settings.platform.threads or 1_000),
        "seconds": {str(px): round(taken, 5) for px, taken in seconds.items()},
    }
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(found, file)


def _estimate_s(smallest_px: int) -> float:
    return (_BASE_MS + _CLOSE_MS * (_CLOSE_PX / smallest_px) ** 2) / 1000


def _file(folder: Path) -> Path:
    return folder / "frame-seconds.json"


def _read(path: Path, models: tuple[str, str], cores: int) -> dict[int, float]:
    """Return the measurement of these models on so many cores; empty where there is no readable one."""
    try:
        found = json.loads(path.read_text(encoding="ascii"))
        if found["models"] != list(models) or found["cores"] != cores:
            return {}
        return {int(px): float(taken) for px, taken in found["seconds"].items() if float(taken) > 0}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
