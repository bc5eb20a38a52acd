"""The DeepStream platform: one pipeline for all cameras, proven before it starts, watched while it runs."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from pipelines.cameras.source import SourceKind
from pipelines.deepstream.cameras import CameraSources, Clocks
from pipelines.deepstream.checks.privacy_proof import prove
from pipelines.deepstream.checks.store_check import held_against_contract, proven_graph
from pipelines.deepstream.graph.outlets import outlet_elements
from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline
from pipelines.deepstream.runtime.bus import WANTED, BusParser, CameraEvent, OutletFailed, PipelineFailed
from pipelines.deepstream.runtime.default_loop import DefaultLoop
from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.encoders import Encoders
from pipelines.deepstream.runtime.outputs import DeepStreamOutputs
from pipelines.deepstream.runtime.recordings import BRANCH, Recordings
from pipelines.deepstream.runtime.self_check_film import NAME as FILM_NAME
from pipelines.deepstream.runtime.self_check_film import SelfCheckFilm, film_graph
from pipelines.deepstream.runtime.valves import STREAM, Valves
from pricing.news import news
from probes.nvds.redaction_gate import BufferVerdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engines.image import I420
    from pipelines.cameras.states import CameraState, CameraStatus, Cause
    from pipelines.deepstream.engines import Preparation
    from pipelines.deepstream.graph.build import EngineFiles
    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.deepstream.interfaces import Analysis
    from pipelines.deepstream.runtime.elements import ElementFactory
    from pipelines.outputs.base import FrameSink, PictureSink
    from pipelines.outputs.watching import WatchListener
    from pipelines.reload.plan import LiveSupport
    from pipelines.settings.camera import CameraConfig
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics
    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)

POLL_S = 0.1
STOP_S = 10.0
THREAD_S = 2.0


class DeepStreamPlatform:
    """Runs a store's cameras on DeepStream. `start`, then `stop`; both once."""

    name = "deepstream"
    gpu_unused = ""

    def __init__(
        self,
        settings: Settings,
        capabilities: Capabilities,
        files: EngineFiles,
        *,
        analysis: Analysis,
        metrics: Metrics,
        on_state: Callable[[str, CameraState, Cause, int], None],
        element_factory: ElementFactory | None = None,
        clocks: Clocks | None = None,
        preparation: Preparation | None = None,
        on_watch: WatchListener | None = None,
        pictures: Sequence[PictureSink] = (),
    ) -> None:
        """Build the pipeline and prove it, twice: as data, and as it was built. Raises BadInput.

        preparation: done first, in the start thread; no camera is opened before it is over. on_watch: told of
        who watches a stream. pictures: outputs that want a masked picture now and then.
        """
        self._analysis, clocks = analysis, clocks or Clocks()
        graph, redaction = proven_graph(settings, capabilities, files)
        self._built = BuiltPipeline(graph, element_factory)
        self._broken = False
        self._built.add_gate_probe(graph.probe, self._process_batch)
        if graph.chooser:
            self._built.add_probe(graph.chooser, analysis.choose_looks)
        if not capabilities.tracker_classes:
            self._built.add_probe("tracker", analysis.keep_people)
            self._built.add_probe("face", analysis.restore_people)
        for gate in sorted(graph.gates):
            self._built.add_gate_probe(gate, analysis.new_gate())
        groups = [*settings.enabled_cameras()]
        self._film: SelfCheckFilm | None = None
        if check := analysis.self_check:
            self._built.use_film(
                held_against_contract(film_graph(graph, check.pad, capabilities), capabilities)
            )
            groups.append(FILM_NAME)
            self._film = SelfCheckFilm(self._built, check, clocks.clock)
        proof = prove(self._built.read_back_with(groups), redaction)
        record = settings.outputs.record
        recorded = frozenset({STREAM}) if record else frozenset[str]()
        self._recordings = Recordings(self._built, record.folder) if record else None
        self.valves = Valves(graph, self._set_drop, always=recorded)
        self._encoders = Encoders(self._built, self.valves, on_halt=self._end_recording)
        cameras = settings.enabled_cameras()
        rates = {name: max(1, round(camera.fps)) for name, camera in cameras.items()}
        self.outputs = DeepStreamOutputs(
            settings,
            self._built.pipeline,
            self.valves,
            metrics,
            proof=proof,
            analysis=analysis,
            cameras=rates,
            on_watch=on_watch,
            sinks=pictures,
            recordings=self._recordings,
        )
        self._bus_parser = BusParser(
            _kinds(cameras), {**graph.slots, FILM_NAME: len(graph.slots)}, outlet_elements(graph)
        )
        self._cameras = CameraSources(
            settings,
            capabilities,
            files,
            self._built,
            analysis=analysis,
            metrics=metrics,
            clocks=clocks,
            on_state=on_state,
            on_sources=lambda configs: self._bus_parser.set_kinds(_kinds(configs)),
            on_part=self.outputs.pictures.crop,
            on_remasked=self.outputs.forget_pictures,
        )
        self._built.pipeline.get_bus().set_sync_handler(self._on_posted)
        self._failure: str | None = None
        self._start_failed = False
        self._preparation, self._prepared = preparation, threading.Event()
        self._playing = threading.Event()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._play, name="deepstream-start", daemon=True),
            threading.Thread(target=self._watch, name="deepstream-bus", daemon=True),
        ]
        self._glib = DefaultLoop()

    @property
    def pipeline(self) -> Any:
        """The Gst.Pipeline, for outputs to find their appsinks in."""
        return self._built.pipeline

    @property
    def starting(self) -> str:
        """What is done before cameras open; empty once they may."""
        return self._preparation.text if self._preparation and not self._prepared.is_set() else ""

    def start(self) -> None:
        """Begin, without waiting: building an engine may take minutes (pitfall 23).

        Raises BadInput where the port of the streams cannot be had.
        """
        self.outputs.start()
        self._analysis.start()
        self._glib.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> bool:
        """End within seconds; False where something hung and was left behind."""
        self._stop.set()
        if self._preparation:
            self._preparation.stop()
        closed = self._encoders.close()
        closed = self.outputs.close() and closed
        end = threading.Thread(target=self._end, name="deepstream-end", daemon=True)
        if self._threads[0].ident is not None:
            end.start()
            end.join(STOP_S)
        clean = not end.is_alive()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(THREAD_S)
                clean = clean and not thread.is_alive()
        return self._analysis.stop() and self._glib.stop() and clean and closed

    def add(self, camera: str) -> None:
        """Put a camera of the store in again; at once, in the thread that keeps the cameras."""
        self._cameras.add(camera)

    def remove(self, camera: str) -> None:
        """Take a camera out while the others go on."""
        self._cameras.remove(camera)

    @property
    def live_support(self) -> LiveSupport:
        """What may change while it runs: the cameras of its graph come, go, and change their source."""
        return self._cameras.live_support

    def prepare(self, settings: Settings) -> tuple[str, ...]:
        """Return the keys that need another graph; BadInput where none can be had."""
        return self._cameras.prepare(settings)

    def reconfigure(self, settings: Settings, change: Callable[[int], None]) -> None:
        """Go on by other settings: cameras are taken out and put in, the others stay untouched."""
        self._cameras.reconfigure(settings, change)
        self.outputs.set_running(settings.enabled_cameras())

    def mask(self, pixels: I420) -> RedactedFrame | None:
        """Return nothing: redaction is part of the graph, which single pictures do not go through."""

    def set_sinks(self, sinks: Sequence[FrameSink]) -> None:
        """Refuse: the outputs are part of the graph."""
        raise NotImplementedError("the outputs of DeepStream are part of its graph")

    def take_picture(self, camera: str) -> str:
        """Have the camera's next masked picture written to disk; return why not, empty where it is."""
        return self.outputs.take_picture(camera)

    def cameras(self) -> Mapping[str, CameraStatus]:
        """Return what is known of each enabled camera."""
        return self._cameras.status

    @property
    def processed(self) -> Mapping[str, int]:
        """Frames analysed and covered, by camera."""
        return self._analysis.processed

    def redacting(self, within_s: float) -> bool:
        """Return whether any camera's frame was covered in the last seconds."""
        return self._analysis.redacting(within_s)

    @property
    def withheld(self) -> str:
        """Why the self-check of masking withholds all frames; empty where it does not."""
        check = self._analysis.self_check
        return check.cause if check else ""

    @property
    def failed(self) -> bool:
        """Whether pipeline or analysis have failed: no frame will come any more."""
        return self._failure is not None or self._analysis.failed

    def _process_batch(self, buffer: int) -> BufferVerdict:
        return BufferVerdict.DROP if self._broken else self._analysis.process_batch(buffer)

    def _on_posted(self, _bus: Any, message: Any) -> Any:
        """Withhold all frames as soon as something shared fails; name recordings. In the thread that posts.

        An nvinfer whose network failed says so and pushes the batch all the same, without its objects and
        before the bus is read (gst_nvinfer_output_loop, 9.1); bInferDone may be another nvinfer's.
        """
        try:
            if not self._broken and self._bus_parser.is_fatal(message):
                self._broken = True
        except Exception:  # noqa: BLE001 in doubt nothing goes on
            self._broken = True
        if self._recordings:
            self._recordings.note(message)
        return Gst.BusSyncReply.PASS

    def _end_recording(self, camera: str) -> None:
        if self._recordings:
            self._recordings.end(camera)

    def _set_drop(self, name: str, shut: bool) -> None:
        self._built.element(name).set_property("drop", shut)

    def _play(self) -> None:
        try:
            if self._preparation:
                self._preparation.run()
        except Exception as error:  # whatever it was, nvinfer may still build its own engines
            logger.exception("engines cannot be prepared: %s", type(error).__name__)
        self._prepared.set()
        if self._stop.is_set():
            return
        _ = self._built.mux_pads  # reserves a pad: a mux that runs without any crashes up to 9.1
        if self._built.pipeline.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
            self._start_failed = True
            return
        if self._recordings:
            self._recordings.start()
        self._playing.set()

    def _watch(self) -> None:
        bus = self._built.pipeline.get_bus()
        try:
            while not self._stop.is_set():
                start_failed = self._start_failed
                message = bus.timed_pop_filtered(int(POLL_S * Gst.SECOND), WANTED)
                while message is not None:
                    self._handle_message(message)
                    message = bus.timed_pop_filtered(0, WANTED)
                if start_failed:  # what was posted by then has been read: mostly it says why
                    self._fail("the pipeline does not start; the messages above say why")
                # A source that runs before the mux does is told FLUSHING and stops; nvinfer starts slowly.
                if self._playing.is_set():
                    self._tick()
        except Exception as error:
            logger.exception("bus thread failed")
            self._fail(type(error).__name__)

    def _handle_message(self, message: Any) -> None:
        if message.type == Gst.MessageType.EOS and self._recordings and not self._built.has_ended:
            return  # files of silent cameras were ended, and there is no other sink
        event = self._bus_parser.read(message)
        if isinstance(event, PipelineFailed):
            self._fail(f"{event.element}: {event.detail}")
        elif isinstance(event, OutletFailed) and self._recordings and event.outlet.startswith(BRANCH):
            self._recordings.fail(event.camera, f"{event.element}: {event.detail}")
        elif isinstance(event, OutletFailed):
            why = f"{event.element}: {event.detail}"
            if not self._encoders.fail(event.camera, event.outlet, why):
                self.valves.disable(event.camera)
                logger.error("%s: no more pictures or streams until the next start: %s", event.camera, why)
        elif isinstance(event, CameraEvent) and event.camera == FILM_NAME:
            logger.debug("self-check of masking: %s", event.detail or event.cause.value)
            if self._film:
                self._film.fail()
        elif isinstance(event, CameraEvent):
            if event.answer:
                extra = news("camera_answers", camera=event.camera, answer=event.answer)
                logger.warning("camera %s: the camera answers %r", event.camera, event.answer, extra=extra)
            logger.debug("camera %s: %s", event.camera, event.detail)
            self._cameras.fail(event.camera, event.cause)

    def _tick(self) -> None:
        self._cameras.tick()
        self._encoders.check()
        if self._film:  # after the cameras, of which one has the pad that was there from the start
            self._film.tick()
            if self._film.hopeless:
                self._fail("the film of the self-check hangs while all frames are withheld")

    def _fail(self, why: str) -> None:
        if self._failure is None and not self._stop.is_set():
            self._failure = why
            logger.error("DeepStream pipeline failed: %s", why, extra=news("pipeline_failed", what=why))

    def _end(self) -> None:
        self._threads[1].join(THREAD_S)  # so that no other thread reads the bus
        if self._recordings:
            self._recordings.finish()
        self._built.pipeline.set_state(Gst.State.NULL)
        self._built.pipeline.get_bus().set_sync_handler(None)  # it holds this platform


def _kinds(cameras: Mapping[str, CameraConfig]) -> dict[str, SourceKind]:
    return {**{name: camera.kind for name, camera in cameras.items()}, FILM_NAME: SourceKind.FILE}
