"""What every builder of a part of a store takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import SystemRandom
from typing import TYPE_CHECKING

from pipelines.clock import StoreClock
from pipelines.paths import state_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from pipelines.settings.root import Settings
    from probes.metrics import Metrics


@dataclass(frozen=True, slots=True)
class StoreBasis:
    """settings: those of the start. device: this box's name. folder: of what outlives a restart."""

    settings: Settings
    device: str
    metrics: Metrics
    clock: StoreClock = field(default_factory=StoreClock)
    random: Random = field(default_factory=SystemRandom)
    folder: Callable[[], Path] = state_folder
