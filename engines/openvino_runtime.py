"""Running a network on the CPU with OpenVINO, several pictures in flight."""

from __future__ import annotations

import threading
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import openvino as ov  # type: ignore[import-untyped]  # the wheel has no py.typed
from openvino.preprocess import PrePostProcessor  # type: ignore[import-untyped]  # the same

from engines.decoding import OUTPUTS, Raw
from engines.errors import BadInput, InferenceFailed

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.manifest import Model

SETTLE_S = 5.0


class Precision(str, Enum):
    """Arithmetic of the network: exact, or the fastest that this CPU has in silicon (bf16, else fp32)."""

    FP32 = "fp32"
    FASTEST = "fastest"


class Slot:
    """One request: the memory that a picture is drawn into, and its inference."""

    def __init__(self, request: Any, name: str) -> None:
        self._request, self._name = request, name
        self.pixels: npt.NDArray[np.uint8] = request.get_input_tensor().data[0]

    def start(self) -> None:
        """Begin to work on `pixels`; raise InferenceFailed where the request is still busy."""
        try:
            self._request.start_async()
        except RuntimeError as error:
            raise InferenceFailed(f"model {self._name}: {one_line(error)}") from error

    def settled(self, timeout_s: float) -> bool:
        """Wait until nothing reads `pixels` any more; tell whether that came to pass."""
        try:
            return bool(self._request.wait_for(int(timeout_s * 1000)))
        except RuntimeError:
            return True  # a failed inference is over too

    def result(self, timeout_s: float) -> Raw:
        """Wait for the answer; raise InferenceFailed on failure, lateness, or numbers that are not finite."""
        try:
            done = self._request.wait_for(int(timeout_s * 1000))
        except RuntimeError as error:
            raise InferenceFailed(f"model {self._name}: {one_line(error)}") from error
        if not done:
            raise InferenceFailed(f"model {self._name}: no answer within {timeout_s:g} s")
        boxes, scores, classes = (self._request.get_tensor(name).data[0].copy() for name in OUTPUTS)
        if not (np.isfinite(scores).all() and np.isfinite(boxes).all()):
            raise InferenceFailed(f"model {self._name}: the answer holds numbers that are not finite")
        return Raw(boxes, scores, classes)


class Network:
    """A compiled model and its slots, at most `most_slots`, which any thread may take."""

    def __init__(
        self,
        model: Model,
        *,
        threads: int,
        precision: Precision = Precision.FASTEST,
        most_slots: int = 64,
    ) -> None:
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            # pinned, every model's first thread sits on the same core: two models at once then take turns
            "ENABLE_CPU_PINNING": False,
        }
        if precision is Precision.FP32:
            config["INFERENCE_PRECISION_HINT"] = "f32"
        core = ov.Core()
        try:
            self._compiled = core.compile_model(_fed_with_pixels(core, model), "CPU", config)
        except RuntimeError as error:
            raise BadInput(
                f"model {model.name}: OpenVINO cannot load {model.path}: {one_line(error)}"
            ) from error
        self._name, self._most = model.name, most_slots
        self._lock = threading.Lock()
        self._free: list[Slot] = []
        self._made = 0

    @property
    def precision(self) -> str:
        """The arithmetic in use, as OpenVINO names it: f32, bf16, f16."""
        return str(self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())

    def take(self) -> Slot:
        """Return a slot that no one else has; raise InferenceFailed when all are out."""
        with self._lock:
            slot = self._free.pop(0) if self._free else None
            if slot is None:
                if self._made >= self._most:
                    raise InferenceFailed(f"model {self._name}: {self._most} pictures are in flight already")
                self._made += 1
        if slot is None:
            return Slot(self._compiled.create_infer_request(), self._name)
        if not slot.settled(SETTLE_S):
            self.give_back([slot])
            raise InferenceFailed(f"model {self._name}: an abandoned picture is still under work")
        return slot

    def give_back(self, slots: list[Slot]) -> None:
        """Take slots back, also ones that still work: they are waited for before their next use."""
        with self._lock:
            self._free.extend(slots)


def one_line(error: Exception) -> str:
    """Return OpenVINO's message, which runs over several lines, in one."""
    return " ".join(str(error).split())


def _fed_with_pixels(core: ov.Core, model: Model) -> ov.Model:
    """Read the ONNX file; make its input 1 x height x width x 3 uint8."""
    network = core.read_model(model.path)
    outputs = {name for output in network.outputs for name in output.get_names()}
    if missing := [name for name in OUTPUTS if name not in outputs]:
        raise BadInput(f"model {model.name}: {model.path} has no output {', '.join(missing)}")
    network.reshape([1, 3, model.input.height, model.input.width])
    steps = PrePostProcessor(network)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    pixels = steps.input().preprocess().convert_element_type(ov.Type.f32)
    if any(model.input.mean):
        pixels = pixels.mean(list(model.input.mean))
    if model.input.scale != 1.0:
        pixels.scale(1 / model.input.scale)
    return cast("ov.Model", steps.build())
