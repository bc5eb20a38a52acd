"""Running a network on the CPU with OpenVINO, several pictures in flight."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import openvino as ov  # type: ignore[import-untyped]  # the wheel has no py.typed
from openvino.preprocess import PrePostProcessor  # type: ignore[import-untyped]  # the same

from engines.compiled_models import compile_cached, is_kept
from engines.decoding import OUTPUTS, Raw
from engines.errors import BadInput, InferenceFailed
from engines.free_memory import drop_mapped_pages, release_free_memory, release_memory_of
from engines.often_size import OftenSize

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from engines.manifest import Model

SETTLE_S = 5.0
MAX_FLEXIBLE = 12
"""Most idle requests of other sizes than the manifest's that are kept: each holds memory."""
LARGE = 700 * 500
"""Pixels of an input from which on it runs in a network of its own: a picture seen whole and closely, as the
first of a camera. Working memory of a network grows with its largest input, 130 MB for 1280 x 768 px."""
LARGE_IDLE_S = 60.0
"""After so long without a large input the network for them is let go."""
LARGE_REST_S = 2.0
"""After so long without one its working memory is given back. It comes again with the next large input."""
OFTEN = 3
"""A large size asked for so often gets a network of its own: a camera asks for one again and again. For faces
on 1280 x 768 px its working memory is 74 MB instead of 207, and it takes 8 % less time."""
CACHED_STEPS = 1000
"""Steps of a network that OpenVINO keeps prepared for sizes it has seen: of about 30, more than the cameras
of a store and `engines.patches` ask for. Parts of a crowd have others, 2 to 4 MB each: of the 5,000 that it
would keep, sixty sizes of faces left 318 MB instead of 217.
"""
MAX_LARGE = 3
"""Most large sizes that have a network of their own. Others wait until one was not used for LARGE_IDLE_S:
more sizes, each in its turn, would else be compiled anew for every picture."""


EXACT: Final = {"INFERENCE_PRECISION_HINT": "f32"}
"""Settings of a network that must answer the same on every CPU: vectors that are compared with enrolled ones,
words, garments on pictures. In bf16 vectors of marks are 0.97 to 1 alike with those in fp32, and other words
are read.
"""


class Precision(str, Enum):
    """Arithmetic of the network: exact, or the fastest that this CPU has in silicon.

    With VNNI that is 8 bits, for a model that has a file of them; with AMX or AVX512-BF16 bf16; else fp32.
    """

    FP32 = "fp32"
    FASTEST = "fastest"


class Slot:
    """One request: the memory that a picture is drawn into, and its inference.

    size: width and height of the input; None: those of the manifest. large: the network it is of, where that
    is one for large inputs.
    """

    def __init__(
        self,
        request: Any,
        name: str,
        size: tuple[int, int] | None = None,
        large: LargeNetwork | None = None,
    ) -> None:
        self._request, self._name, self.size, self.large = request, name, size, large
        if size is not None and (large is None or large.size is None):
            request.set_input_tensor(ov.Tensor(ov.Type.u8, ov.Shape([1, size[1], size[0], 3])))
        self.pixels: npt.NDArray[np.uint8] = request.get_input_tensor().data[0]
        self.is_new = True
        """Whether it was never given back: its first inference arranges weights for its size."""

    def start(self) -> None:
        """Begin to work on `pixels`; raise InferenceFailed where the request is still busy."""
        try:
            self._request.start_async()
        except RuntimeError as error:
            raise InferenceFailed(f"model {self._name}: {one_line(error)}") from error

    def settled(self, timeout_s: float) -> bool:
        """Wait until nothing reads `pixels` any more; return whether that came to pass."""
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


@dataclass(eq=False)
class LargeNetwork:
    """A network for large inputs, and how it is used. size: of the only inputs it takes; None: any.

    rests: whether its working memory was given back since it was last used. is_seldom: whether it was last
    used for a size that was not asked for OFTEN.
    """

    size: tuple[int, int] | None
    compiled: Any = None
    slots_out: int = 0
    used_at: float = 0.0
    rests: bool = True
    is_seldom: bool = False

    def is_due_to_rest(self, now: float) -> bool:
        """Return whether its working memory is to be given back now."""
        is_idle = self.is_seldom or now - self.used_at >= LARGE_REST_S
        return self.compiled is not None and not self.rests and is_idle


class Network:
    """A compiled model and its slots, at most `max_slots` at work, which any thread may take.

    The size that most inputs have runs in a network of its own where that pays, see `engines.often_size`. Any
    other size runs in one without fixed sides; of its memory the sizes used last are kept.
    LARGE sizes have others: one without fixed sides, and one for each size that is asked for OFTEN. Those are
    dropped where they were not used for LARGE_IDLE_S. Each is compiled when first asked for.

    any_size: which of the first two is compiled at once, that without fixed sides or one for the manifest's
    size. A camera may never ask for the other. large_px: instead of LARGE.
    """

    def __init__(
        self,
        model: Model,
        *,
        threads: int,
        precision: Precision = Precision.FASTEST,
        max_slots: int = 64,
        any_size: bool = False,
        large_px: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._large_px = LARGE if large_px is None else large_px
        self._config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            # pinned, every model's first thread sits on the same core: two models at once then take turns
            "ENABLE_CPU_PINNING": False,
            "CPU_RUNTIME_CACHE_CAPACITY": CACHED_STEPS,
        }
        if precision is Precision.FP32:
            self._config |= EXACT
        self._model, self._name, self._max_slots = model, model.name, max_slots
        self._own = (model.input.width, model.input.height)
        self._alone = None if any_size and not self._is_large(self._own) else self._own
        """The size that has a network of its own; it is never another one later."""
        self._often = OftenSize(clock)
        self._fixed = None if any_size else self._compile(self._own)
        self._flexible = self._compile(None) if any_size else None
        self._large: dict[tuple[int, int] | None, LargeNetwork] = {}
        self._asked: dict[tuple[int, int], int] = {}
        """How often each large size was asked for, up to OFTEN."""
        # Re-entrant: a finalizer of abandoned work may give its slots back in the midst of this.
        self._lock = threading.RLock()
        self._compiling = threading.Lock()
        self._free: list[Slot] = []
        self._out = 0

    @property
    def precision(self) -> str:
        """The arithmetic in use, as OpenVINO names it: i8, f32, bf16, f16."""
        return (
            "i8"
            if self._model.is_int8
            else precision_of(self._flexible if self._fixed is None else self._fixed)
        )

    def take(self, size: tuple[int, int] | None = None) -> Slot:
        """Return a slot that no one else has; raise InferenceFailed when too many are out.

        size: width and height of the input, multiples of 32; None: those of the manifest.
        """
        wanted = None if self._runs_alone(size) else size or self._own
        self._ask(wanted)
        with self._lock:
            if self._out >= self._max_slots:
                raise InferenceFailed(f"model {self._name}: {self._max_slots} pictures are in flight already")
            large = self._large_for(wanted) if wanted is not None and self._is_large(wanted) else None
            self._out += 1
            slot = next((free for free in self._free if free.size == wanted and free.large is large), None)
            if slot is not None:
                self._free.remove(slot)
        if slot is None:
            try:
                return self._new_slot(wanted, large)
            except Exception:
                with self._lock:
                    self._out -= 1
                    if large is not None:
                        large.slots_out -= 1
                raise
        if not slot.settled(SETTLE_S):
            self.give_back([slot])
            raise InferenceFailed(f"model {self._name}: an abandoned picture is still under work")
        return slot

    def give_back(self, slots: list[Slot]) -> None:
        """Take slots back, also ones that still work: they are waited for before their next use."""
        with self._lock:
            self._out -= len(slots)
            self._free.extend(slots)
            arranged = any(slot.is_new for slot in slots)
            for slot in slots:
                slot.is_new = False
                if slot.large is not None:
                    slot.large.slots_out -= 1
            flexible = [slot for slot in self._free if slot.size is not None]
            for slot in flexible[:-MAX_FLEXIBLE]:
                self._free.remove(slot)
            now = self._clock()
            idle = [one for one in self._large.values() if not one.slots_out]
            dropped = [one for one in idle if now - one.used_at >= LARGE_IDLE_S]
            resting = [one for one in idle if one.is_due_to_rest(now) and one not in dropped]
            self._drop(*dropped)
            for one in resting:
                one.rests = True
        if arranged:
            drop_mapped_pages()
        for one in resting:
            release_memory_of(one.compiled)
        if dropped or resting:
            del idle, dropped, resting
            release_free_memory()

    def rest(self) -> None:
        """Give back what is kept for the next inputs of the last sizes: it comes again when needed."""
        with self._lock:
            self._drop(*(one for one in self._large.values() if not one.slots_out))
            self._free = [slot for slot in self._free if slot.size is None]
        release_free_memory()

    def _runs_alone(self, size: tuple[int, int] | None) -> bool:
        """Return whether an input, None: the manifest's, runs in the network for one size, and count it."""
        wanted = size or self._own
        if self._alone is None and not self._is_large(wanted) and self._often.note(wanted):
            self._alone = wanted
        return wanted == self._alone

    def _is_large(self, size: tuple[int, int]) -> bool:
        return size[0] * size[1] >= self._large_px

    def _ask(self, size: tuple[int, int] | None) -> None:
        """Count a large size. Outside of the lock, which every picture needs: a file may be read."""
        if size is None or not self._is_large(size):
            return
        asked = self._asked.get(size, 0) + 1
        if asked == 1 and is_kept(self._model.path, self._config, self._how(size)):
            asked = OFTEN  # an earlier start found it needed often
        self._asked[size] = min(asked, OFTEN)

    def _large_for(self, size: tuple[int, int]) -> LargeNetwork:
        """Return the network that takes a large size, and note its use."""
        has_room = size in self._large or sum(one is not None for one in self._large) < MAX_LARGE
        own = size if self._asked[size] >= OFTEN and has_room else None
        large = self._large.get(own)
        if large is None:
            large = self._large[own] = LargeNetwork(own)
        large.slots_out, large.used_at, large.rests = large.slots_out + 1, self._clock(), False
        large.is_seldom = self._asked[size] < OFTEN
        return large

    def _drop(self, *networks: LargeNetwork) -> None:
        for large in networks:
            del self._large[large.size]
        self._free = [slot for slot in self._free if slot.large not in networks]

    def _new_slot(self, size: tuple[int, int] | None, large: LargeNetwork | None) -> Slot:
        network = self._ready(size, large)
        if network is None:
            with self._compiling:
                network = self._ready(size, large) or self._compile_for(size, large)
        return Slot(network.create_infer_request(), self._name, size, large)

    def _ready(self, size: tuple[int, int] | None, large: LargeNetwork | None) -> Any:
        """Return the compiled network; None where it is not yet. Whoever has it waits for no other's."""
        if large is not None:
            return large.compiled
        return self._fixed if size is None else self._flexible

    def _compile_for(self, size: tuple[int, int] | None, large: LargeNetwork | None) -> Any:
        if large is not None:
            large.compiled = self._compile(large.size)
        elif size is None:
            self._fixed = self._compile(self._alone)
        else:
            self._flexible = self._compile(None)
        return self._ready(size, large)

    def _compile(self, size: tuple[int, int] | None) -> Any:
        """Compile for one size, width and height; None: for any."""
        shape = _shape(size)
        try:
            return compile_cached(
                self._model.path,
                lambda core: _fed_with_pixels(core, self._model, shape),
                self._config,
                self._how(size),
            )
        except RuntimeError as error:
            is_full = re.search("bad_alloc|Resource temporarily unavailable", str(error)) is not None
            why = "too little memory is free; free some" if is_full else one_line(error)
            raise BadInput(f"model {self._name}: OpenVINO cannot load {self._model.path}: {why}") from error

    def _how(self, size: tuple[int, int] | None) -> str:
        """Return what is made of the model's file, in words."""
        fed = self._model.input
        return f"pixels {_shape(size)} mean {fed.mean} scale {fed.scale}"


def _shape(size: tuple[int, int] | None) -> list[int]:
    return [1, 3, -1, -1] if size is None else [1, 3, size[1], size[0]]


def precision_of(compiled: Any) -> str:
    """Return the arithmetic that a compiled model uses, as OpenVINO names it."""
    return str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())


def one_line(error: Exception) -> str:
    """Return OpenVINO's message, which runs over several lines, in one."""
    return " ".join(str(error).split())


def _fed_with_pixels(core: ov.Core, model: Model, shape: list[int]) -> ov.Model:
    """Read the model's file; make its input N x height x width x 3 uint8. shape: N C H W, -1: open."""
    network = core.read_model(model.path)
    outputs = {name for output in network.outputs for name in output.get_names()}
    if missing := [name for name in OUTPUTS if name not in outputs]:
        raise BadInput(f"model {model.name}: {model.path} has no output {', '.join(missing)}")
    network.reshape(shape)
    steps = PrePostProcessor(network)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    pixels = steps.input().preprocess().convert_element_type(ov.Type.f32)
    if any(model.input.mean):
        pixels = pixels.mean(list(model.input.mean))
    if model.input.scale != 1.0:
        pixels.scale(1 / model.input.scale)
    return cast("ov.Model", steps.build())
