"""The GPU through pycuda, with a stand-in for pycuda's driver module."""

from __future__ import annotations

import ctypes
import sys
from enum import IntEnum
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from engines.errors import BadInput
from engines.tensorrt.cuda import open_cuda


class FakeError(Exception):
    pass


class FakeMemoryError(FakeError, MemoryError):
    pass


class Context:
    def __init__(self) -> None:
        self.depth = 0

    def push(self) -> None:
        self.depth += 1

    def pop(self) -> None:
        self.depth -= 1


CONTEXT = Context()


class Device:
    def __init__(self, number: int) -> None:
        self.number = number

    @staticmethod
    def count() -> int:
        return 1

    def name(self) -> str:
        return "Orin"

    def compute_capability(self) -> tuple[int, int]:
        return (8, 7)

    def retain_primary_context(self) -> Context:
        return CONTEXT


class Stream:
    handle = 11

    def synchronize(self) -> None:
        pass


class Allocation(int):
    held: bytes


def driver(**change: Any) -> Any:
    module: Any = ModuleType("pycuda.driver")
    store: dict[int, bytes] = {}

    def mem_alloc(size: int) -> Allocation:
        if size > 1 << 20:
            raise FakeMemoryError("cuMemAlloc failed: out of memory")
        return Allocation(4096)

    def memcpy_htod(target: Allocation, source: np.ndarray) -> None:
        store[target] = source.tobytes()

    def memcpy_dtoh(target: np.ndarray, source: Allocation) -> None:
        target[:] = np.frombuffer(store[source], target.dtype)[: target.size].reshape(target.shape)

    own = {"Error": FakeError, "MemoryError": FakeMemoryError, "Device": Device, "Stream": Stream}
    functions = {"init": lambda: None, "mem_alloc": mem_alloc, "memcpy_htod": memcpy_htod}
    for name, value in {**own, **functions, "memcpy_dtoh": memcpy_dtoh, **change}.items():
        setattr(module, name, value)
    return module


def install(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> None:
    package: Any = ModuleType("pycuda")
    package.driver = module
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", module)


def test_memory_goes_there_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, driver())
    cuda = open_cuda()
    assert (cuda.gpu.name, cuda.gpu.capability, cuda.stream) == ("Orin", (8, 7), 11)
    memory = cuda.allocate(16)
    memory.upload(np.arange(4, dtype=np.float32))
    back = np.empty(4, np.float32)
    memory.download(back)
    assert back.tolist() == [0, 1, 2, 3]
    assert memory.address == 4096
    cuda.wait()
    assert CONTEXT.depth == 1
    cuda.close()
    assert CONTEXT.depth == 0  # else pycuda aborts the process at its end


def no_driver() -> None:
    raise FakeError("cuInit failed: no CUDA-capable device is detected")


class NoDevice(Device):
    @staticmethod
    def count() -> int:
        return 0


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (driver(init=no_driver), r"CUDA finds no GPU \(cuInit failed: no CUDA-capable device is detected\)"),
        (driver(Device=NoDevice), "CUDA finds 0 GPUs, number 0 is not among them"),
    ],
)
def test_no_gpu_is_one_line(monkeypatch: pytest.MonkeyPatch, module: ModuleType, said: str) -> None:
    install(monkeypatch, module)
    with pytest.raises(BadInput, match=said):
        open_cuda()


def test_a_full_gpu_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, driver())
    with pytest.raises(BadInput, match="no 5 MB free; stop what else uses it"):
        open_cuda().allocate(5_000_000)


def test_a_pycuda_that_does_not_load_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ModuleType):
        def __getattr__(self, name: str) -> Any:
            raise ImportError("libcuda.so.1: cannot open shared object file")

    monkeypatch.setitem(sys.modules, "pycuda", Broken("pycuda"))
    monkeypatch.delitem(sys.modules, "pycuda.driver", raising=False)
    with pytest.raises(BadInput, match=r"pycuda cannot load: .*libcuda|pycuda is not installed"):
        open_cuda()


class Result(IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_OUT_OF_MEMORY = 2
    CUDA_ERROR_NO_DEVICE = 100


class Attribute(IntEnum):
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76


class Bindings(ModuleType):
    """cuda.bindings.driver as far as it is used: each call answers (code, value)."""

    CUresult, CUdevice_attribute = Result, Attribute

    def __init__(self, devices: int = 1, init: Result = Result.CUDA_SUCCESS) -> None:
        super().__init__("cuda.bindings.driver")
        self.devices, self.init, self.depth, self.live = devices, init, 0, dict[int, Any]()

    def cuInit(self, flags: int) -> tuple[Any, ...]:  # noqa: N802 all names are the driver's
        assert flags == 0
        return (self.init,)

    def cuDeviceGetCount(self) -> tuple[Any, ...]:  # noqa: N802
        return Result.CUDA_SUCCESS, self.devices

    def cuDeviceGet(self, number: int) -> tuple[Any, ...]:  # noqa: N802
        return Result.CUDA_SUCCESS, number

    def cuDeviceGetName(self, length: int, _device: int) -> tuple[Any, ...]:  # noqa: N802
        return Result.CUDA_SUCCESS, b"Thor".ljust(length, b"\0")

    def cuDeviceGetAttribute(self, kind: Attribute, _device: int) -> tuple[Any, ...]:  # noqa: N802
        return Result.CUDA_SUCCESS, {75: 11, 76: 0}[kind]

    def cuDevicePrimaryCtxRetain(self, device: int) -> tuple[Any, ...]:  # noqa: N802
        return Result.CUDA_SUCCESS, device

    def cuCtxPushCurrent(self, _context: int) -> tuple[Any, ...]:  # noqa: N802
        self.depth += 1
        return (Result.CUDA_SUCCESS,)

    def cuCtxPopCurrent(self) -> tuple[Any, ...]:  # noqa: N802
        self.depth -= 1
        return Result.CUDA_SUCCESS, 0

    def cuDevicePrimaryCtxRelease(self, _device: int) -> tuple[Any, ...]:  # noqa: N802
        return (Result.CUDA_SUCCESS,)

    def cuStreamCreate(self, _flags: int) -> tuple[Any, ...]:  # noqa: N802
        return Result.CUDA_SUCCESS, 11

    def cuStreamSynchronize(self, _stream: int) -> tuple[Any, ...]:  # noqa: N802
        return (Result.CUDA_SUCCESS,)

    def cuStreamDestroy(self, _stream: int) -> tuple[Any, ...]:  # noqa: N802
        return (Result.CUDA_SUCCESS,)

    def cuMemAlloc(self, size: int) -> tuple[Any, ...]:  # noqa: N802
        if size > 1 << 20:
            return Result.CUDA_ERROR_OUT_OF_MEMORY, 0
        held = (ctypes.c_char * size)()
        self.live[ctypes.addressof(held)] = held
        return Result.CUDA_SUCCESS, ctypes.addressof(held)

    def cuMemFree(self, pointer: int) -> tuple[Any, ...]:  # noqa: N802
        del self.live[pointer]
        return (Result.CUDA_SUCCESS,)

    def cuMemcpyHtoD(self, target: int, source: int, size: int) -> tuple[Any, ...]:  # noqa: N802
        ctypes.memmove(target, source, size)
        return (Result.CUDA_SUCCESS,)

    def cuMemcpyDtoH(self, target: int, source: int, size: int) -> tuple[Any, ...]:  # noqa: N802
        ctypes.memmove(target, source, size)
        return (Result.CUDA_SUCCESS,)


def without_pycuda(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    for name in ("pycuda", "pycuda.driver"):
        monkeypatch.setitem(sys.modules, name, None)
    if module is None:
        monkeypatch.setitem(sys.modules, "cuda", None)
        monkeypatch.setitem(sys.modules, "cuda.bindings", None)
        return
    package: Any = ModuleType("cuda")
    package.bindings = ModuleType("cuda.bindings")
    package.bindings.driver = module
    found = {"cuda": package, "cuda.bindings": package.bindings, "cuda.bindings.driver": module}
    for name, one in found.items():
        monkeypatch.setitem(sys.modules, name, one)


def test_cuda_bindings_serve_where_pycuda_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Bindings()
    without_pycuda(monkeypatch, module)
    cuda = open_cuda()
    assert (cuda.gpu.name, cuda.gpu.capability, cuda.stream) == ("Thor", (11, 0), 11)
    memory = cuda.allocate(16)
    memory.upload(np.arange(4, dtype=np.float32))
    back = np.empty(4, np.float32)
    memory.download(back)
    assert back.tolist() == [0, 1, 2, 3]
    with pytest.raises(BadInput, match="no 5 MB free"):
        cuda.allocate(5_000_000)
    cuda.wait()
    assert list(module.live) == [memory.address]
    del memory
    cuda.close()
    assert (module.depth, module.live) == (0, {})


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (Bindings(init=Result.CUDA_ERROR_NO_DEVICE), r"finds no GPU \(CUDA_ERROR_NO_DEVICE\)"),
        (Bindings(devices=0), "CUDA finds 0 GPUs"),
        (None, f"cuda-bindings is not there either; .*: {sys.executable} -m pip install .*cuda-bindings"),
    ],
)
def test_cuda_bindings_without_a_gpu_are_one_line(
    monkeypatch: pytest.MonkeyPatch, module: Any, said: str
) -> None:
    without_pycuda(monkeypatch, module)
    with pytest.raises(BadInput, match=said):
        open_cuda()
