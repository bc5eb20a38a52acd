from __future__ import annotations

import pytest

from pipelines.deepstream.graph.capabilities import Device
from pipelines.deepstream.runtime.device import INTEGRATED, has_nvidia_gpu, this_device


class Driver:
    """libcuda.so.1 as far as it is asked; answers: of cuInit, cuDeviceGet, cuDeviceGetAttribute."""

    def __init__(self, integrated: int, answers: tuple[int, int, int] = (0, 0, 0)) -> None:
        self._integrated, self._answers = integrated, answers

    def __call__(self, name):
        assert name == "libcuda.so.1"
        return self

    def cuInit(self, flags):  # noqa: N802 the driver's name
        assert flags == 0
        return self._answers[0]

    def cuDeviceGet(self, _device, number):  # noqa: N802 the driver's name
        assert number == 0
        return self._answers[1]

    def cuDeviceGetAttribute(self, value, attribute, _device):  # noqa: N802 the driver's name
        assert attribute == INTEGRATED == 18
        value._obj.value = self._integrated
        return self._answers[2]


def missing(_name):
    raise OSError("libcuda.so.1: cannot open shared object file")


@pytest.mark.parametrize(
    ("load", "release", "device"),
    [
        (Driver(1), False, Device.JETSON),
        (Driver(0), True, Device.DGPU),
        (Driver(0, (100, 0, 0)), True, Device.JETSON),
        (Driver(1, (0, 101, 0)), False, Device.DGPU),
        (Driver(1, (0, 0, 1)), False, Device.DGPU),
        (missing, True, Device.JETSON),
        (missing, False, Device.DGPU),
    ],
    ids=[
        "jetson",
        "card, stray file",
        "no init",
        "no device",
        "no attribute",
        "tegra",
        "none",
    ],
)
def test_cuda_decides_and_then_the_release_file(tmp_path, load, release, device):
    file = tmp_path / "nv_tegra_release"
    if release:
        file.write_text("# R36 (release)\n")
    assert this_device(load, file) is device


@pytest.mark.parametrize("place", ["proc/driver/nvidia/version", "dev/nvhost-gpu", None])
def test_a_gpu_is_known_by_what_its_driver_makes(tmp_path, place):
    if place:
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text("")
    assert has_nvidia_gpu(tmp_path) is (place is not None)
