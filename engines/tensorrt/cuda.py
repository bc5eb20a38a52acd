"""The few things that are asked of CUDA, through pycuda or, where that is missing, NVIDIA's cuda-bindings.

pycuda is compiled against one CUDA; cuda-bindings has wheels for both architectures and needs no compiler.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from engines.errors import BadInput
from engines.tensorrt.engine_key import Gpu

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


NAME_BYTES = 256


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
    """Use a GPU from this thread. Raises BadInput where both packages, a driver or the GPU is missing."""
    try:
        from pycuda import driver  # type: ignore[import-not-found]  # noqa: PLC0415  only on GPU machines
    except ImportError as error:
        reason = "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot load: {error}"
        return _open_bindings(device, reason)
    try:
        driver.init()
        count = int(driver.Device.count())
    except driver.Error as error:
        raise BadInput(f"CUDA finds no GPU ({error}); check the driver with nvidia-smi") from error
    _check_number(device, count)
    return PyCuda(driver, device)


def _open_bindings(device: int, pycuda: str) -> Cuda:
    """Use a GPU through cuda-bindings. pycuda: what is wrong with the other package."""
    try:
        from cuda.bindings import driver  # type: ignore[import-not-found]  # noqa: PLC0415  as above
    except ImportError as error:
        raise BadInput(
            f"pycuda {pycuda}, and cuda-bindings is not there either; on the box, for CUDA 12 (13: ~=13.0):"
            f" {sys.executable} -m pip install --no-deps 'cuda-bindings~=12.0' cuda-pathfinder"
        ) from error
    try:
        _checked(driver, driver.cuInit(0))
        count = int(_checked(driver, driver.cuDeviceGetCount()))
    except (CudaError, RuntimeError) as error:
        raise BadInput(f"CUDA finds no GPU ({error}); check the driver with nvidia-smi") from error
    _check_number(device, count)
    return CudaBindings(driver, device)


def _check_number(device: int, count: int) -> None:
    if device >= count:
        raise BadInput(f"CUDA finds {count} GPUs, number {device} is not among them; check with nvidia-smi")


class CudaError(Exception):
    """A call of the driver failed; code is its number."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def _checked(driver: Any, answer: tuple[Any, ...]) -> Any:
    """Return the value of a call of cuda-bindings, None where it has none. Raises CudaError."""
    code, *values = answer
    if code != driver.CUresult.CUDA_SUCCESS:
        raise CudaError(str(getattr(code, "name", code)), int(code))
    return values[0] if values else None


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


class CudaBindings:
    """The GPU through cuda-bindings, in the device's primary context, which TensorRT uses too."""

    def __init__(self, driver: Any, device: int) -> None:
        self._driver = driver
        self._device = chosen = self._call(driver.cuDeviceGet(device))
        kinds = driver.CUdevice_attribute
        capability = (
            kinds.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
            kinds.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
        )
        major, minor = (int(self._call(driver.cuDeviceGetAttribute(kind, chosen))) for kind in capability)
        name = bytes(self._call(driver.cuDeviceGetName(NAME_BYTES, chosen))).split(b"\0")[0]
        self.gpu = Gpu(name.decode("utf-8", "replace"), (major, minor))
        self._call(driver.cuCtxPushCurrent(self._call(driver.cuDevicePrimaryCtxRetain(chosen))))
        self._stream = self._call(driver.cuStreamCreate(0))
        self.stream = int(self._stream)

    def allocate(self, size: int) -> Memory:
        """Take memory. Raises BadInput where the GPU has no more."""
        try:
            return _BindingsMemory(self, self._driver, self._call(self._driver.cuMemAlloc(size)))
        except CudaError as error:
            if error.code != self._driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY:
                raise
            raise BadInput(
                f"the GPU has no {size // 1_000_000} MB free; stop what else uses it, or take a smaller batch"
            ) from error

    def wait(self) -> None:
        """Wait until all work of the stream is done."""
        self._call(self._driver.cuStreamSynchronize(self._stream))

    def close(self) -> None:
        """Let go of the GPU."""
        self._call(self._driver.cuStreamDestroy(self._stream))
        self._call(self._driver.cuCtxPopCurrent())
        self._call(self._driver.cuDevicePrimaryCtxRelease(self._device))

    def _call(self, answer: tuple[Any, ...]) -> Any:
        return _checked(self._driver, answer)


class _BindingsMemory:
    def __init__(self, cuda: CudaBindings, driver: Any, pointer: Any) -> None:
        self._cuda, self._driver, self._pointer = cuda, driver, pointer
        self.address = int(pointer)

    def upload(self, array: npt.NDArray[np.float32]) -> None:
        _checked(self._driver, self._driver.cuMemcpyHtoD(self._pointer, array.ctypes.data, array.nbytes))

    def download(self, array: npt.NDArray[np.float32]) -> None:
        _checked(self._driver, self._driver.cuMemcpyDtoH(array.ctypes.data, self._pointer, array.nbytes))

    def __del__(self) -> None:
        self._driver.cuMemFree(self._pointer)
