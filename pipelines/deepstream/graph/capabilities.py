"""What the box and its DeepStream can do: the graph differs by it, and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Device(str, Enum):
    """Which of DeepStream's two worlds: they differ in memory types and in the properties of elements."""

    JETSON = "jetson"
    DGPU = "dgpu"


class Mux(str, Enum):
    """Which nvstreammux: USE_NEW_NVSTREAMMUX=yes, read when the plugin loads, makes it the new one."""

    LEGACY = "legacy"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What is there.

    blur: nvdsosd has blur-bbox (DeepStream 9). nvenc: a hardware encoder works; Orin Nano, A100 and H100
    have none. tracker_classes: nvtracker has operate-on-class-ids. version: major and minor, None unknown.
    any_surface: crops are copied from surfaces of any format; else the batch is made RGBA for them.
    """

    device: Device
    mux: Mux = Mux.LEGACY
    blur: bool = True
    nvenc: bool = True
    tracker_classes: bool = True
    version: tuple[int, int] | None = None
    any_surface: bool = False

    @property
    def jetson(self) -> bool:
        """Whether it is a Jetson."""
        return self.device is Device.JETSON
