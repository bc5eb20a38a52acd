"""The few things that are asked of CUDA, through pycuda."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from engines.errors import BadInput
from engines.tensorrt.engine_key import Gpu

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Memory(Protocol):
    """A piece of the GPU's memory, freed with this object."""

    @property
    def address(self) -> int:
        """Where it lies on the GPU."""

    def upload(self, array: npt.NDArray[np.float32]) -> None:
        """Copy a C-contiguous array to its start."""

    def download(self, array: npt.NDArray[np.float32]) -> None:
        """Copy its start into a C-contiguous array."""


class Cuda(Protocol):
    """A GPU in use by this thread."""

    gpu: Gpu
    stream: int

    def allocate(self, size: int) -> Memory:
        """Take memory of so many bytes. Raises BadInput where the GPU has no more."""

    def wait(self) -> None:
        """Wait until all work of the stream is done."""

    def close(self) -> None:
        """Let go of the GPU; nothing taken from it may be used after."""


def open_cuda(device: int = 0) -> Cuda:
    """Use a GPU from this thread. Raises BadInput where pycuda, a driver or the GPU is missing."""
    try:
        from pycuda import driver  # type: ignore[import-not-found]  # noqa: PLC0415  only on GPU machines
    except ImportError as error:
        reason = "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot load: {error}"
        raise BadInput(f"pycuda {reason}; on the box: pip install 'make-sales-happen[deepstream]'") from error
    try:
        driver.init()
        count = int(driver.Device.count())
    except driver.Error as error:
        raise BadInput(f"CUDA finds no GPU ({error}); check the driver with nvidia-smi") from error
    if device >= count:
        raise BadInput(f"CUDA finds {count} GPUs, number {device} is not among them; check with nvidia-smi")
    return PyCuda(driver, device)


class PyCuda:
    """The GPU through pycuda, in the device's primary context, which TensorRT uses too."""

    def __init__(self, driver: Any, device: int) -> None:
        self._driver = driver
        chosen = driver.Device(device)
        major, minor = chosen.compute_capability()
        self.gpu = Gpu(str(chosen.name()), (int(major), int(minor)))
        self._context = chosen.retain_primary_context()
        self._context.push()
        self._stream = driver.Stream()
        self.stream = int(self._stream.handle)

    def allocate(self, size: int) -> Memory:
        """Take memory. Raises BadInput where the GPU has no more."""
        try:
            return _PyCudaMemory(self._driver, self._driver.mem_alloc(size))
        except self._driver.MemoryError as error:
            raise BadInput(
                f"the GPU has no {size // 1_000_000} MB free; stop what else uses it, or take a smaller batch"
            ) from error

    def wait(self) -> None:
        """Wait until all work of the stream is done."""
        self._stream.synchronize()

    def close(self) -> None:
        """Let go of the GPU: pycuda aborts the process where a context is still in use at its end."""
        self._context.pop()


class _PyCudaMemory:
    def __init__(self, driver: Any, allocation: Any) -> None:
        self._driver, self._allocation = driver, allocation
        self.address = int(allocation)

    def upload(self, array: npt.NDArray[np.float32]) -> None:
        self._driver.memcpy_htod(self._allocation, array)

    def download(self, array: npt.NDArray[np.float32]) -> None:
        self._driver.memcpy_dtoh(array, self._allocation)
