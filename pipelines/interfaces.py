"""What the store and its platform know of each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pipelines.clock import StoreClock
from probes.overlay.text import as_is

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from pipelines.cameras.states import CameraState, CameraStatus, Cause
    from pipelines.floor.floor import Floor
    from probes.metrics import Metrics
    from probes.nvds.marks import Brands
    from probes.overlay.text import Brand, Money
    from probes.recognition.describe import Describer
    from probes.recognition.look_workers import LookWorkers


class Platform(Protocol):
    """What makes redacted frames and their metadata out of cameras."""

    name: str
    gpu_unused: str
    """Why the CPU works although there is an NVIDIA GPU; empty where it does not."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> bool:
        """End within seconds from any state; False where something hung and was left behind."""

    @property
    def starting(self) -> str:
        """What is done before cameras open, for people; empty once they may."""

    def cameras(self) -> Mapping[str, CameraStatus]:
        """Return what is known of each enabled camera."""

    @property
    def processed(self) -> Mapping[str, int]:
        """Frames analysed and redacted, by camera."""

    def redacting(self, within_s: float) -> bool:
        """Return whether any camera's frame was redacted in the last seconds."""

    @property
    def failed(self) -> bool:
        """Whether it has failed: no frame will come any more."""


@dataclass(frozen=True, slots=True)
class PlatformParts:
    """The parts that every platform is given.

    on_state(camera, state, cause, since by `clock`): called on each change of state, from any thread.
    money, brand: write amounts and brands for people. brands: what is looked for now.
    clock: times the frames. frame_share: of each camera's frame rate, what is to be analysed now.
    """

    floor: Floor
    looks: LookWorkers
    metrics: Metrics
    on_state: Callable[[str, CameraState, Cause, int], None]
    money: Money
    random: Random
    brand: Brand = as_is
    brands: Brands | None = None
    describer: Describer | None = None
    clock: StoreClock = field(default_factory=StoreClock)
    frame_share: Callable[[], float] = lambda: 1.0
