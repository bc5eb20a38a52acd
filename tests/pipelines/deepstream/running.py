"""A DeepStreamPlatform on stand-in elements, with an analysis that says what the test wants."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipelines.cameras.states import CameraState
from pipelines.deepstream.graph.build import engine_files
from pipelines.deepstream.platform import DeepStreamPlatform
from pipelines.deepstream.runtime.elements import Gst
from probes.metrics import Metrics
from probes.nvds.frame_origins import FrameOrigins
from probes.nvds.redaction_gate import BufferVerdict
from probes.redaction.masked_by import MaskedBy
from tests.fakes.deepstream import ADAPTIVE, FakeElementFactory
from tests.pipelines.deepstream.stores import JETSON, store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipelines.settings.root import Settings

PATIENT = {"stale_after_ms": 120_000}


class FakeAnalysis:
    """Passes every frame, unless told otherwise. seen: batches; passed: frames at each gate."""

    failed = False
    self_check: Any = None

    def __init__(self) -> None:
        self.verdict = self.gates = BufferVerdict.PASS
        self.batches = 0
        self.passed: Counter[int] = Counter()
        self.processed: dict[str, int] = {}
        self.stopped = False
        self._made = 0
        self.capture: int | None = 7
        self.masked_by = MaskedBy()
        self.gone: list[str] = []
        self.reshaped: list[tuple[str, Any]] = []
        self._origins: dict[str, FrameOrigins] = {}

    def process_batch(self, _buffer: int) -> BufferVerdict:
        self.batches += 1
        return self.verdict

    def choose_looks(self, _buffer: int) -> BufferVerdict:
        return BufferVerdict.PASS

    def keep_people(self, _buffer: int) -> BufferVerdict:
        return BufferVerdict.PASS

    restore_people = keep_people

    def new_gate(self) -> Callable[[int], BufferVerdict]:
        number = self._made
        self._made += 1

        def judge(_buffer: int) -> BufferVerdict:
            if self.gates is BufferVerdict.PASS:
                self.passed[number] += 1
            return self.gates

        return judge

    def reconfigure(
        self, settings: Settings, gone: Any, fresh: Any, change: Callable[[int], None]
    ) -> dict[str, int]:
        change(0)
        self.gone = [*self.gone, *gone]
        return {name: self.origins(name).renew() for name in {*gone, *fresh}}

    def reshape(self, camera: str, place: Any) -> int:
        self.reshaped = [*self.reshaped, (camera, place)]
        return self.origins(camera).renew()

    def origins(self, camera: str) -> FrameOrigins:
        return self._origins.setdefault(camera, FrameOrigins())

    def on_masked(self, listener: Any) -> None:
        self.masked = listener

    def start(self) -> None:
        pass

    def stop(self) -> bool:
        self.stopped = True
        return True

    def redacting(self, within_s: float) -> bool:
        return self.batches > 0 and within_s > 0

    def age_s(self, camera: str) -> float | None:
        return 0.0 if self.batches else None

    def newest(self, camera: str) -> tuple[int, MaskedBy] | None:
        return None if self.capture is None else (self.capture, self.masked_by)


class Running:
    """The platform under test and all that it says."""

    def __init__(
        self,
        settings: Settings,
        element_factory: FakeElementFactory,
        box: Any,
        analyse: Any = None,
        clocks: Any = None,
        preparation: Any = None,
        pictures: Any = (),
    ) -> None:
        self.element_factory = element_factory
        self.metrics = Metrics([state.value for state in CameraState])
        self.analysis: Any = analyse(settings, self.metrics) if analyse else FakeAnalysis()
        self.states: list[tuple[str, str, str]] = []
        os.environ[ADAPTIVE] = "yes"  # as `installed` does before any element is made
        self.platform = DeepStreamPlatform(
            settings,
            box,
            engine_files(settings),
            analysis=self.analysis,
            metrics=self.metrics,
            on_state=lambda camera, state, cause, _: self.states.append((camera, state.value, cause.value)),
            element_factory=element_factory,
            clocks=clocks,
            preparation=preparation,
            pictures=pictures,
        )
        self.samples: Counter[str] = Counter()

    def listen(self, *sinks: str) -> None:
        """Count what reaches these appsinks."""
        for name in sinks:
            element = self.platform.pipeline.get_by_name(name)
            element.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self._count, name)

    def state(self, camera: str) -> str:
        status = self.platform.cameras()[camera]
        return f"{status.state.value}:{status.cause.value}"

    def _count(self, _pad: Any, _info: Any, name: str) -> Any:
        self.samples[name] += 1
        return Gst.PadProbeReturn.OK


@contextmanager
def running(
    folder: Path,
    sources: list[str],
    box: Any = JETSON,
    change: Any = None,
    analyse: Any = None,
    note: Any = None,
    split: Any = None,
    clocks: Any = None,
    outputs: str = "rtsp",
    preparation: Any = None,
    pictures: Any = (),
    prepare: Callable[[FakeElementFactory], None] = lambda _: None,
    **scripts: str,
) -> Iterator[Running]:
    """Build a store's platform, not started; stop it in the end. scripts: what cameras c0, c1 ... do.

    On a busy machine no frame may come for seconds: no camera is stale for that, unless `change` says so.
    """
    settings = store(folder, sources, outputs)
    patient = {name: one.model_copy(update=PATIENT) for name, one in settings.cameras.items()}
    settings = settings.model_copy(update={"cameras": patient})
    if change:
        settings = change(settings)
    element_factory = FakeElementFactory(box)
    element_factory.scripts = {settings.cameras[name].source: script for name, script in scripts.items()}
    element_factory.note, element_factory.split = note, split
    prepare(element_factory)
    run = Running(settings, element_factory, box, analyse, clocks, preparation, pictures)
    try:
        yield run
    finally:
        assert run.platform.stop()
        assert not element_factory.faults
        assert getattr(run.analysis, "stopped", True)
