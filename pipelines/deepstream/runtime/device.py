"""Tells a Jetson from a machine with a discrete GPU.

By CUDA's device attribute `integrated`, as NVIDIA's own applications do; where no driver answers, by the file
that every Jetson Linux has. Never by a property of an element: NVIDIA installs gpu-id on both.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.deepstream.graph.capabilities import Device

if TYPE_CHECKING:
    from collections.abc import Callable

CUDA: Final = "libcuda.so.1"
TEGRA_RELEASE: Final = Path("/etc/nv_tegra_release")
NVIDIA_PLACES: Final = (
    "proc/driver/nvidia/version",
    "dev/nvidiactl",
    "dev/nvhost-gpu",
    "etc/nv_tegra_release",
)
"""Made by the driver of a card, or of a Jetson."""
INTEGRATED: Final = 18
"""CU_DEVICE_ATTRIBUTE_INTEGRATED (cuda.h)."""


def this_device(load: Callable[[str], Any] = ctypes.CDLL, release: Path = TEGRA_RELEASE) -> Device:
    """Return the kind of the first GPU. load: opens a shared library, raising OSError where it is missing."""
    integrated = _integrated(load)
    if integrated is None:
        integrated = release.exists()
    return Device.JETSON if integrated else Device.DGPU


def has_nvidia_gpu(root: Path = Path("/")) -> bool:
    """Return whether this machine has an NVIDIA GPU with a driver, whatever of DeepStream is installed."""
    return any((root / place).exists() for place in NVIDIA_PLACES)


def _integrated(load: Callable[[str], Any]) -> bool | None:
    """Return whether the CUDA driver's first device is integrated; None where it does not answer."""
    try:
        cuda = load(CUDA)
    except OSError:
        return None
    device, value = ctypes.c_int(), ctypes.c_int()
    if cuda.cuInit(0) != 0 or cuda.cuDeviceGet(ctypes.byref(device), 0) != 0:
        return None
    if cuda.cuDeviceGetAttribute(ctypes.byref(value), INTEGRATED, device) != 0:
        return None
    return bool(value.value)
