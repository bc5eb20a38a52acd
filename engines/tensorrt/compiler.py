"""Building TensorRT engines and running them, with TensorRT's Python package.

The package is handed in, so that all but its own work runs where there is no GPU. Its API as of 10.3 to
10.16; 11.0 has neither FP16 and INT8 flags nor calibrators (read from the packages).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from engines.decoding import OUTPUTS, Raw, decode
from engines.errors import BadInput, BuildFailed, InferenceFailed
from engines.onnx_batch import fixed_batch
from engines.tensorrt.calibration import batches
from engines.tensorrt.engine_key import EnginePrecision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from engines.detections import Detections
    from engines.manifest import Model
    from engines.tensorrt.cuda import Cuda, Memory

logger = logging.getLogger(__name__)

OLDEST, TOO_NEW = (10, 3), (11, 0)
WORKSPACE = 1 << 30
CALIBRATION_BATCH = 8


class BuildProgress(Protocol):
    """Told of a build's progress, from any thread."""

    def started(self, phase: str, parent: str | None, steps: int) -> None:
        """Note that a phase has begun, within another or by itself."""

    def step(self, phase: str, number: int) -> bool:
        """Note that a step from 0 is done; return False to give the build up."""

    def finished(self, phase: str) -> None:
        """Note that a phase is over, all its steps done or not."""


def load_tensorrt() -> Any:
    """Return TensorRT's package. Raises BadInput where it is missing, broken or of the wrong version."""
    try:
        import tensorrt  # type: ignore[import-not-found]  # noqa: PLC0415  only on GPU machines
    except ImportError as error:
        reason = "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot load: {error}"
        raise BadInput(
            f"TensorRT's Python package {reason}; run this in DeepStream's container, or install the version "
            f"of JetPack or DeepStream: apt-get install python3-libnvinfer"
        ) from error
    return check_version(tensorrt)


def check_version(trt: Any) -> Any:
    """Return the package. Raises BadInput where its version is not one that this program builds with."""
    found = tuple(int(part) for part in str(trt.__version__).split(".")[:2])
    if not OLDEST <= found < TOO_NEW:
        raise BadInput(
            f"TensorRT {trt.__version__} is not supported, 10.3 to 10.16 are; install the one that "
            f"DeepStream uses (7.1: 10.3, 8.0: 10.9, 9.0: 10.14, 9.1: 10.16)"
        )
    return trt


class CalibrationFeed:
    """Gives frames to a calibrator, or a calibration made before. Its errors are kept: C++ calls it."""

    def __init__(self, model: Model, paths: Sequence[Path], cuda: Cuda, made: bytes | None) -> None:
        self.count = fixed_batch(model.path) or min(CALIBRATION_BATCH, max(1, len(paths)))
        self.made = made
        self.error: Exception | None = None
        self._cuda = cuda
        self._batches = batches(paths, model, self.count)
        self._memory: Memory | None = None

    def next(self) -> list[int]:
        """Return the address of the next full batch on the GPU; [] at the end and on an error."""
        try:
            for tensor, _ in self._batches:
                if len(tensor) < self.count:
                    break
                self._memory = self._memory or self._cuda.allocate(tensor.nbytes)
                self._memory.upload(tensor)
                return [self._memory.address]
        except (BadInput, OSError, RuntimeError) as error:
            self.error = error
        return []

    def calibrator(self, trt: Any) -> Any:
        """Return TensorRT's entropy calibrator over this feed."""
        base = trt.IInt8EntropyCalibrator2

        def keep(_: Any, cache: Any) -> None:
            self.made = bytes(cache)

        methods = {
            "get_batch_size": lambda _: self.count,
            "get_batch": lambda _, names: self.next(),
            "read_calibration_cache": lambda _: self.made,
            "write_calibration_cache": keep,
        }
        return type("Calibrator", (base,), methods)()


class Compiler:
    """Turns a model into a serialised engine."""

    def __init__(self, trt: Any, watch: BuildProgress) -> None:
        self._trt = trt
        self._watch = watch
        self._logger, self._errors = _logger(trt)

    def compile(
        self, model: Model, precision: EnginePrecision, batch: int, feed: CalibrationFeed | None = None
    ) -> bytes:
        """Return the engine for 1 to `batch` pictures at once. Raises BadInput, BuildFailed.

        feed: for precisions that use 8 bit integers; what it has made afterwards is the calibration.
        """
        trt = self._trt
        self._errors.clear()
        builder = trt.Builder(self._logger)
        self._check_silicon(builder, precision)
        network = builder.create_network(0)
        self._parse(network, model)
        config = builder.create_builder_config()
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE)
        name = network.get_input(0).name
        config.add_optimization_profile(self._profile(builder, name, model, 1, batch))
        if precision in (EnginePrecision.FP16, EnginePrecision.INT8, EnginePrecision.BEST):
            config.set_flag(trt.BuilderFlag.FP16)  # int8 too: what does not quantise would else be fp32
        calibrator = None
        if precision.quantised and feed is not None:
            config.set_flag(trt.BuilderFlag.INT8)
            calibrator = feed.calibrator(trt)
            config.int8_calibrator = calibrator
            config.set_calibration_profile(self._profile(builder, name, model, feed.count, feed.count))
        stopped: list[bool] = []
        monitor = _monitor(trt, self._watch, stopped)
        config.progress_monitor = monitor
        plan = builder.build_serialized_network(network, config)
        if stopped:
            raise KeyboardInterrupt
        if feed is not None and feed.error is not None:
            raise feed.error
        if plan is None:
            raise BuildFailed(f"model {model.name}: TensorRT built no engine: {self._reason()}")
        return bytes(plan)

    def _check_silicon(self, builder: Any, precision: EnginePrecision) -> None:
        needs = {
            EnginePrecision.FP16: builder.platform_has_fast_fp16,
            EnginePrecision.INT8: builder.platform_has_fast_int8,
        }
        if not needs.get(precision, True):
            raise BadInput(f"this GPU has no fast {precision.value}; build with --precision fp32")

    def _parse(self, network: Any, model: Model) -> None:
        parser = self._trt.OnnxParser(network, self._logger)
        if not parser.parse(model.path.read_bytes(), str(model.path)):
            first = parser.get_error(0).desc() if parser.num_errors else "no reason given"
            raise BuildFailed(f"model {model.name}: TensorRT cannot read the graph: {_line(first)}")

    def _profile(self, builder: Any, name: str, model: Model, min_batch: int, max_batch: int) -> Any:
        profile = builder.create_optimization_profile()
        picture = (3, model.input.height, model.input.width)
        profile.set_shape(name, (min_batch, *picture), (max_batch, *picture), (max_batch, *picture))
        return profile

    def _reason(self) -> str:
        return _line(self._errors[-1]) if self._errors else "no reason given"


class Runner:
    """Runs a serialised engine, a detector's on picture files. outputs: names of its answers, in order."""

    def __init__(
        self,
        trt: Any,
        cuda: Cuda,
        model: Model,
        engine: bytes,
        batch: int,
        *,
        outputs: Sequence[str] = OUTPUTS,
    ) -> None:
        self._cuda, self._model, self._batch, self._outputs = cuda, model, batch, tuple(outputs)
        self._logger, errors = _logger(trt)
        self._runtime = trt.Runtime(self._logger)
        self._engine = self._runtime.deserialize_cuda_engine(engine)
        if self._engine is None:
            reason = _line(errors[-1]) if errors else "no reason given"
            raise BuildFailed(f"model {model.name}: the engine just built does not load: {reason}")
        self._context = self._engine.create_execution_context()
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        inputs = [n for n in names if self._engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        if len(inputs) != 1 or set(names) - set(inputs) != set(outputs):
            raise BuildFailed(f"model {model.name}: the engine has tensors {', '.join(names)}")
        self._input = inputs[0]
        self._memory: dict[str, Memory] = {}

    def detect(self, paths: Sequence[Path], thresholds: npt.NDArray[np.float32]) -> Iterator[Detections]:
        """Yield what is seen in each picture file, in its pixels. Raises BadInput, InferenceFailed."""
        for tensor, fits in batches(paths, self._model, self._batch):
            boxes, scores, classes = self.infer(tensor)
            for index, fit in enumerate(fits):
                raw = Raw(boxes[index], scores[index], classes[index])
                yield decode(raw, fit, self._model, thresholds)

    def infer(self, tensor: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Return the answers to (n, 3, height, width) in the order of the outputs. Raises InferenceFailed."""
        context = self._context
        self._place(self._input, tensor.nbytes).upload(tensor)
        if not context.set_input_shape(self._input, tensor.shape):
            raise InferenceFailed(f"model {self._model.name}: the engine refuses a batch of {len(tensor)}")
        answers = [np.empty(tuple(context.get_tensor_shape(name)), np.float32) for name in self._outputs]
        places = [self._place(n, a.nbytes) for n, a in zip(self._outputs, answers, strict=True)]
        if not context.execute_async_v3(self._cuda.stream):
            raise InferenceFailed(f"model {self._model.name}: the engine did not run")
        self._cuda.wait()
        for place, answer in zip(places, answers, strict=True):
            place.download(answer)
        if not all(np.isfinite(answer).all() for answer in answers):
            raise InferenceFailed(f"model {self._model.name}: the answer holds numbers that are not finite")
        return answers

    def _place(self, name: str, size: int) -> Memory:
        """Return the tensor's memory; the first batch is the largest."""
        if name not in self._memory:
            self._memory[name] = self._cuda.allocate(size)
            self._context.set_tensor_address(name, self._memory[name].address)
        return self._memory[name]


def _logger(trt: Any) -> tuple[Any, list[str]]:
    """Return a logger for TensorRT, and where it keeps the errors it was told."""
    errors: list[str] = []
    severe = (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR)

    def hear(_: Any, severity: Any, msg: str) -> None:
        if severity in severe:
            errors.append(msg)
        if severity in (*severe, trt.ILogger.Severity.WARNING):
            logger.debug("TensorRT: %s", msg)

    base = trt.ILogger
    return type("Logger", (base,), {"log": hear})(), errors


def _monitor(trt: Any, watch: BuildProgress, stopped: list[bool]) -> Any:
    """Return TensorRT's progress monitor over a watch; `stopped` is filled where the build was given up."""
    base = trt.IProgressMonitor

    def step(_: Any, phase_name: str, number: int) -> bool:
        try:
            going = watch.step(phase_name, number)
        except KeyboardInterrupt:
            going = False
        if not going:
            stopped.append(True)
        return going

    methods = {
        "phase_start": lambda _, name, parent, steps: watch.started(name, parent, steps),
        "step_complete": step,
        "phase_finish": lambda _, name: watch.finished(name),
    }
    return type("Monitor", (base,), methods)()


def _line(text: object) -> str:
    return " ".join(str(text).split())[:300]
