"""TensorRT's package and a GPU, without either: the API that tensorrt_api.json notes of the real one.

The "network" finds one bright box in each quarter of the picture. Quantised, it has the fault it is told.
One whose input is as large as that of the model of marks answers what `marks` makes of the input.
"""

from __future__ import annotations

import json
from enum import Enum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from engines.errors import BadInput
from engines.tensorrt.engine_key import Gpu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

K = 8


class FakeMemory:
    def __init__(self, gpu: FakeGpu, size: int) -> None:
        self.address = 4096 * (len(gpu.held) + 1)
        self._bytes = np.zeros(size, np.uint8)
        gpu.held[self.address] = self._bytes

    def upload(self, array: np.ndarray) -> None:
        assert array.flags.c_contiguous
        assert array.nbytes <= len(self._bytes)
        self._bytes[: array.nbytes] = array.reshape(-1).view(np.uint8)

    def download(self, array: np.ndarray) -> None:
        array.reshape(-1).view(np.uint8)[:] = self._bytes[: array.nbytes]


class FakeGpu:
    stream = 7

    def __init__(self, name: str = "Orin", free: int = 10**9) -> None:
        self.gpu = Gpu(name, (8, 7))
        self.held: dict[int, np.ndarray] = {}
        self._free = free

    def allocate(self, size: int) -> FakeMemory:
        if size > self._free:
            raise BadInput("the GPU has no memory free")
        return FakeMemory(self, size)

    def wait(self) -> None:
        pass

    def close(self) -> None:
        self.held.clear()

    def read(self, address: int, shape: Sequence[int]) -> np.ndarray:
        count = int(np.prod(shape))
        return self.held[address][: 4 * count].view(np.float32).reshape(shape)


def find(tensor: np.ndarray, fault: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return boxes (N, K, 4), scores (N, K), classes (N, K)."""
    count, _, high, wide = tensor.shape
    boxes, scores = np.zeros((count, K, 4), np.float32), np.zeros((count, K), np.float32)
    for n, picture in enumerate(tensor):
        bright = picture.mean(axis=0) > 60
        for q in range(4):
            top, left = (q // 2) * high // 2, (q % 2) * wide // 2
            rows, columns = np.nonzero(bright[top : top + high // 2, left : left + wide // 2])
            if len(rows) == 0 or (fault == "blind" and q == 3):
                continue
            edges = (rows.min() + top, columns.min() + left, rows.max() + top + 1, columns.max() + left + 1)
            shift = wide / 8 if fault == "shifts" else 0.0
            boxes[n, q] = np.clip(np.add(edges, [0, shift, 0, shift]) / [high, wide, high, wide], 0, 1)
            scores[n, q] = 0.9 - (0.01 if fault else 0)
        if fault == "invents":
            boxes[n, 4:6], scores[n, 4:6] = [[0, 0, 0.1, 0.1], [0.9, 0.9, 1, 1]], 0.8
        if fault == "nan":
            scores[n, 0] = np.nan
    return boxes, scores, np.zeros((count, K), np.float32)


def fake_tensorrt(
    gpu: FakeGpu,
    *,
    version: str = "10.3.0",
    fault: str = "",
    fails: str = "",
    fast: bool = True,
    marks: Callable[[np.ndarray], Sequence[np.ndarray]] | None = None,
) -> Any:
    """Return a package. fault: what 8 bits do to the network; fails: which step of the build goes wrong."""

    class Severity(Enum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    class ILogger:
        def log(self, severity: Severity, msg: str) -> None: ...

    ILogger.Severity = Severity  # type: ignore[attr-defined]  # as pybind11 nests it

    class IInt8EntropyCalibrator2:
        def get_batch(self, names: list[str]) -> list[int]: ...  # type: ignore[empty-body]  # abstract there too
        def get_batch_size(self) -> int: ...  # type: ignore[empty-body]  # the same
        def read_calibration_cache(self) -> bytes | None: ...
        def write_calibration_cache(self, cache: memoryview) -> None: ...

    class IProgressMonitor:
        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None: ...
        def step_complete(self, phase_name: str, step: int) -> bool: ...  # type: ignore[empty-body]  # the same
        def phase_finish(self, phase_name: str) -> None: ...

    class ITensor:
        name, shape, dtype = "input", (-1, 3, -1, -1), "float32"

    class INetworkDefinition:
        num_inputs, num_outputs = 1, 3
        _fixed: int | None = None

        def get_input(self, index: int) -> ITensor:
            return ITensor()

        def get_output(self, index: int) -> ITensor:
            return ITensor()

    class ParserError:
        def desc(self) -> str:
            return "no importer\nfor operator X"

        def node_name(self) -> str:
            return "n"

        def node_operator(self) -> str:
            return "X"

    class OnnxParser:
        num_errors = 1

        def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
            assert isinstance(logger, ILogger)
            self._network = network

        def parse(self, model: bytes, path: str | None = None) -> bool:
            self._network._fixed = _fixed_batch(model)
            return fails != "parse" and len(model) > 0

        def get_error(self, index: int) -> ParserError:
            return ParserError()

    class IOptimizationProfile:
        def __init__(self) -> None:
            self.shapes: dict[str, Any] = {}

        def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:  # noqa: A002  its names
            assert all(a <= b <= c for a, b, c in zip(min, opt, max, strict=True))
            self.shapes[input] = (min, opt, max)

    class IBuilderConfig:
        int8_calibrator: IInt8EntropyCalibrator2 | None = None
        progress_monitor: IProgressMonitor | None = None

        def __init__(self) -> None:
            self.flags: set[str] = set()
            self.profiles: list[IOptimizationProfile] = []
            self.calibration: IOptimizationProfile | None = None

        def set_flag(self, flag: Enum) -> None:
            self.flags.add(flag.name)

        def set_memory_pool_limit(self, pool: Enum, pool_size: int) -> None:
            assert pool_size > 0

        def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
            self.profiles.append(profile)
            return 0

        def set_calibration_profile(self, profile: IOptimizationProfile) -> bool:
            self.calibration = profile
            return True

    class IHostMemory(bytes):
        @property
        def nbytes(self) -> int:
            return len(self)

    class Builder:
        platform_has_fast_fp16 = platform_has_fast_int8 = fast

        def __init__(self, logger: ILogger) -> None:
            self._logger = logger

        def create_network(self, flags: int = 0) -> INetworkDefinition:
            return INetworkDefinition()

        def create_builder_config(self) -> IBuilderConfig:
            return IBuilderConfig()

        def create_optimization_profile(self) -> IOptimizationProfile:
            return IOptimizationProfile()

        def build_serialized_network(
            self, network: INetworkDefinition, config: IBuilderConfig
        ) -> IHostMemory | None:
            fixed, asked = network._fixed, [one.shapes["input"] for one in config.profiles]
            if fixed and any({least[0], best[0], most[0]} != {fixed} for least, best, most in asked):
                shapes = f"{list(asked[0][1])} but input has static dimensions {[fixed, *asked[0][1][1:]]}"
                self._logger.log(Severity.ERROR, f"kOPT dimensions in profile 0 are {shapes}.")
                return None
            seen = _calibrate(config)
            monitor = config.progress_monitor
            assert monitor is not None
            monitor.phase_start("Building Engine", None, 2)
            monitor.phase_start("Tactics", "Building Engine", 3)
            going = all(monitor.step_complete("Tactics", n) for n in range(3))
            monitor.phase_finish("Tactics")
            monitor.phase_finish("Building Engine")
            if fails == "build":
                self._logger.log(Severity.ERROR, "out of memory\nin tactic 3")
            if fails == "build" or not going:
                return None
            plan = {"flags": sorted(config.flags), "shapes": config.profiles[0].shapes["input"], "seen": seen}
            return IHostMemory(json.dumps(plan).encode())

    def _calibrate(config: IBuilderConfig) -> int | None:
        """Read the frames as TensorRT does; return how many there were, None for a cache."""
        calibrator = config.int8_calibrator
        if calibrator is None:
            return None
        assert config.calibration is not None
        shape = config.calibration.shapes["input"][1]
        assert shape[0] == calibrator.get_batch_size()
        if calibrator.read_calibration_cache() is not None:
            return None
        seen = 0
        total = 0.0
        while addresses := calibrator.get_batch(["input"]):
            total += float(gpu.read(addresses[0], shape).mean())
            seen += shape[0]
        if seen:
            calibrator.write_calibration_cache(memoryview(f"TRT-fake {seen} {total:.3f}".encode()))
        return seen

    class TensorIOMode(Enum):
        NONE, INPUT, OUTPUT = range(3)

    class IExecutionContext:
        def __init__(self, plan: dict[str, Any]) -> None:
            self._plan = plan
            self._at: dict[str, int] = {}
            self._shape: tuple[int, ...] = ()

        def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
            least, _, most = self._plan["shapes"]
            self._shape = tuple(shape)
            return all(a <= b <= c for a, b, c in zip(least, shape, most, strict=True))

        def get_tensor_shape(self, name: str) -> tuple[int, ...]:
            if name in MARKS:
                return self._shape[0], TOP, *MARKS[name]
            return (self._shape[0], K, 4) if name == "detection_boxes" else (self._shape[0], K)

        def set_tensor_address(self, name: str, memory: int) -> bool:
            self._at[name] = memory
            return True

        def execute_async_v3(self, stream_handle: int) -> bool:
            assert stream_handle == gpu.stream
            wrong = fault if "INT8" in self._plan["flags"] else ""
            given, names = gpu.read(self._at["input"], self._shape), _names(self._plan)
            answers = find(given, wrong) if names == NAMES else (marks or _nothing)(given)
            for name, answer in zip(names[1:], answers, strict=True):
                gpu.held[self._at[name]][: answer.nbytes] = answer.reshape(-1).view(np.uint8)
            return fails != "run"

    class ICudaEngine:
        num_io_tensors = 4

        def __init__(self, plan: dict[str, Any]) -> None:
            self._plan = plan

        def get_tensor_name(self, index: int) -> str:
            return "other" if fails == "names" and index == 3 else _names(self._plan)[index]

        def get_tensor_mode(self, name: str) -> TensorIOMode:
            return TensorIOMode.INPUT if name == "input" else TensorIOMode.OUTPUT

        def get_tensor_dtype(self, name: str) -> str:
            return "float32"

        def create_execution_context(self, strategy: object = None) -> IExecutionContext:
            return IExecutionContext(self._plan)

    class Runtime:
        def __init__(self, logger: ILogger) -> None:
            self._logger = logger

        def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None:
            if fails == "load":
                self._logger.log(Severity.ERROR, "magic tag does not match")
                return None
            return ICudaEngine(json.loads(serialized_engine))

    names = (
        ILogger,
        IInt8EntropyCalibrator2,
        IProgressMonitor,
        ITensor,
        INetworkDefinition,
        ParserError,
        OnnxParser,
        IOptimizationProfile,
        IBuilderConfig,
        IHostMemory,
        Builder,
        TensorIOMode,
        IExecutionContext,
        ICudaEngine,
        Runtime,
    )
    return SimpleNamespace(
        __version__=version,
        Severity=Severity,
        BuilderFlag=Enum("BuilderFlag", ["FP16", "INT8"]),
        MemoryPoolType=Enum("MemoryPoolType", ["WORKSPACE"]),
        **{kind.__name__: kind for kind in names},
    )


def _fixed_batch(model: bytes) -> int | None:
    try:
        graph = onnx.load_from_string(model).graph
    except Exception as error:  # of a package that is not named
        if type(error).__name__ != "DecodeError":
            raise
        return None
    return graph.input[0].type.tensor_type.shape.dim[0].dim_value or None if graph.input else None


NAMES = ("input", "detection_boxes", "detection_scores", "detection_classes")
MARKS: dict[str, tuple[int, ...]] = {"boxes": (4,), "scores": (), "vectors": (128,)}
TOP = 20


def _names(plan: dict[str, Any]) -> tuple[str, ...]:
    return ("input", *MARKS) if plan["shapes"][0][2:] == [480, 320] else NAMES


def _nothing(given: np.ndarray) -> list[np.ndarray]:
    return [np.zeros((len(given), TOP, *shape), np.float32) for shape in MARKS.values()]
