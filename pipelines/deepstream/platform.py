"""The DeepStream platform: one pipeline for all cameras, proven before it starts, watched while it runs."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from pipelines.cameras.backoff import Backoff
from pipelines.cameras.clocks import FrameRateLimit
from pipelines.cameras.play_check import refusal_to_play
from pipelines.cameras.policy import CameraPolicy
from pipelines.cameras.source import SourceKind, SourceSpec
from pipelines.cameras.throttle import Throttle
from pipelines.deepstream.checks.privacy_proof import prove
from pipelines.deepstream.checks.store_check import held_against_contract, proven_graph
from pipelines.deepstream.graph.build import outlets
from pipelines.deepstream.graph.camera import SIZE, picture_part, picture_place
from pipelines.deepstream.graph.outlets import outlet_elements
from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline
from pipelines.deepstream.runtime.bus import WANTED, BusParser, CameraEvent, OutletFailed, PipelineFailed
from pipelines.deepstream.runtime.camera_source import CONNECT_TIMEOUT_S, CameraSource, RtspAccess, SourceBin
from pipelines.deepstream.runtime.default_loop import DefaultLoop
from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.outputs import DeepStreamOutputs
from pipelines.deepstream.runtime.recordings import finish_recordings
from pipelines.deepstream.runtime.self_check_film import NAME as FILM_NAME
from pipelines.deepstream.runtime.self_check_film import SelfCheckFilm, film_graph
from pipelines.deepstream.runtime.valves import STREAM, Valves
from pipelines.errors import BadInput
from pipelines.reload.plan import LiveSupport, reconnects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engines.image import I420
    from pipelines.cameras.states import CameraState, CameraStatus, Cause
    from pipelines.deepstream.engines import Preparation
    from pipelines.deepstream.graph.build import EngineFiles
    from pipelines.deepstream.graph.camera import Shape
    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.deepstream.interfaces import Analysis
    from pipelines.deepstream.runtime.elements import ElementFactory
    from pipelines.graph.graph import PipelineGraph
    from pipelines.outputs.base import FrameSink, PictureSink
    from pipelines.outputs.watching import WatchListener
    from pipelines.settings.camera import CameraConfig
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics
    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)

POLL_S = 0.1
STOP_S = 10.0
RESHAPE_S = 5.0
"""A stream that changes its shape more often than this is not followed, and not shown."""
LIVE_FIELDS = frozenset(
    {
        "name",
        "enabled",
        "source",
        "credentials",
        "transport",
        "track",
        "sub_source",
        "loop",
        "stale_after_ms",
        "reconnect",
        "priority",
        "zones",
        "masks",
    }
)
"""Keys of a camera that concern its source bin alone, or nothing of the pipeline."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where time and chance come from."""

    monotonic: Callable[[], float] = time.monotonic
    wall_ns: Callable[[], int] = time.time_ns
    random: Random | None = None
    throttle: Throttle = field(default_factory=Throttle)


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
        self._settings, self._analysis, self._metrics = settings, analysis, metrics
        self._on_state, self._clocks = on_state, clocks or Clocks()
        self._capabilities, self._files = capabilities, files
        graph, redaction = proven_graph(settings, capabilities, files)
        self._built = BuiltPipeline(graph, element_factory)
        self._built.add_gate_probe(graph.probe, analysis.process_batch)
        if graph.chooser:
            self._built.add_probe(graph.chooser, analysis.choose_looks)
        for gate in sorted(graph.gates):
            self._built.add_gate_probe(gate, analysis.new_gate())
        groups = [*settings.enabled_cameras()]
        self._film: SelfCheckFilm | None = None
        if check := analysis.self_check:
            self._built.use_film(
                held_against_contract(film_graph(graph, check.pad, capabilities), capabilities)
            )
            groups.append(FILM_NAME)
            self._film = SelfCheckFilm(self._built, check, self._clocks.monotonic)
        proof = prove(self._built.read_back_with(groups), redaction)
        recorded = frozenset({STREAM}) if settings.outputs.record else frozenset[str]()
        self.valves = Valves(graph, self._set_drop, always=recorded)
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
        )
        self._bus_parser = BusParser(
            self._kinds(cameras), {**graph.slots, FILM_NAME: len(graph.slots)}, outlet_elements(graph)
        )
        self._shapes: Mapping[str, Shape] = {}
        self._reshape_due: dict[str, float] = {}
        self._built_for, self._configs = cameras, dict(cameras)
        self._enabled = frozenset(cameras)
        self._sources = {name: self._source_of(name) for name in cameras}
        self._requested: list[Callable[[], None]] = []
        self._failure: str | None = None
        self._preparation, self._prepared = preparation, threading.Event()
        self._playing = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
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
        closed = self.outputs.close()
        end = threading.Thread(target=self._end, name="deepstream-end", daemon=True)
        if self._threads[0].ident is not None:
            end.start()
            end.join(STOP_S)
        clean = not end.is_alive()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(2)
                clean = clean and not thread.is_alive()
        return self._analysis.stop() and self._glib.stop() and clean and closed

    def add(self, camera: str) -> None:
        """Put a camera of the store in again; at once, in the thread that keeps the cameras."""
        self._request(camera, self._sources[camera].start if camera in self._sources else None)

    def remove(self, camera: str) -> None:
        """Take a camera out while the others go on."""
        self._request(camera, self._sources[camera].stop if camera in self._sources else None)

    @property
    def live_support(self) -> LiveSupport:
        """What may change while it runs: the cameras of its graph come, go, and change their source."""
        return LiveSupport(built=self._built_for, fields=LIVE_FIELDS, faces=False)

    def prepare(self, settings: Settings) -> tuple[str, ...]:
        """Return the keys that need another graph; BadInput where none can be had."""
        pictures = outlets(settings).pictures and not outlets(self._settings).pictures
        more = ("outputs.messengers",) if pictures else ()
        cameras = settings.enabled_cameras()
        changed = {
            name: cameras[name]
            for name in self._built_for
            if name in cameras and cameras[name].source != self._configs[name].source
        }
        if self._fits(changed):
            return more
        unfit = [name for name, camera in changed.items() if not self._fits({name: camera})]
        return (*more, *(f"cameras.{name}" for name in unfit or changed))

    def reconfigure(self, settings: Settings, change: Callable[[int], None]) -> None:
        """Go on by other settings: cameras are taken out and put in, the others stay untouched."""
        before = {name: self._configs[name] for name in self._enabled}
        after = settings.enabled_cameras()
        gone = [n for n, camera in before.items() if n not in after or reconnects(camera, after[n])]
        fresh = [name for name in after if name not in before or name in gone]
        graph = self._graph_with(after)
        # Where this raises, nothing has changed. After it no frame of a source that goes is taken any more,
        # although the source itself is still in the pipeline for a moment.
        generations = self._analysis.reconfigure(settings, gone, fresh, change)
        self._enabled = frozenset(after)
        self._configs |= after

        def use() -> None:
            self._built.use_sources(graph)
            self._bus_parser.set_kinds(self._kinds(self._configs))

        for name in gone:
            self._request(name, self._sources[name].stop)
        for name in fresh:
            policy = self._policy_of(after[name])
            self._request(name, use)
            self._request(name, partial(self._sources[name].replace, policy, generations[name]))
            self._request(name, self._sources[name].start)

    def mask(self, pixels: I420) -> RedactedFrame | None:
        """Return nothing: redaction is part of the graph, which single pictures do not go through."""

    def set_sinks(self, sinks: Sequence[FrameSink]) -> None:
        """Refuse: the outputs are part of the graph."""
        raise NotImplementedError("the outputs of DeepStream are part of its graph")

    def cameras(self) -> Mapping[str, CameraStatus]:
        """Return what is known of each enabled camera."""
        enabled = self._enabled
        return {name: source.status for name, source in self._sources.items() if name in enabled}

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

    def _request(self, camera: str, what: Callable[[], None] | None) -> None:
        if what is None:
            raise BadInput(f"camera {camera} is not among the store's enabled cameras")
        with self._lock:
            self._requested.append(what)

    def _fits(self, cameras: Mapping[str, CameraConfig]) -> bool:
        """Return whether cameras can be read through the pipeline as it is built."""
        try:
            self._graph_with(cameras)
        except BadInput as error:
            logger.debug("cameras %s: %s", ", ".join(cameras), error)
            return False
        return True

    def _graph_with(
        self, cameras: Mapping[str, CameraConfig], shapes: Mapping[str, Shape] | None = None
    ) -> PipelineGraph:
        """Return the graph with other sources; BadInput where more of it would have to differ."""
        chosen = {name: cameras.get(name, self._configs[name]) for name in self._built_for}
        enabled = {n: camera.model_copy(update={"enabled": True}) for n, camera in chosen.items()}
        settings = self._settings.model_copy(update={"cameras": enabled})
        graph, _ = proven_graph(
            settings, self._capabilities, self._files, self._shapes if shapes is None else shapes
        )
        if graph.shared != self._built.graph.shared:
            raise BadInput("the pipeline behind the cameras would have to be another one")
        return graph

    def _set_drop(self, name: str, shut: bool) -> None:
        self._built.element(name).set_property("drop", shut)

    def _policy_of(self, camera: CameraConfig) -> CameraPolicy:
        calls = camera.reconnect
        random = self._clocks.random or Random()
        return CameraPolicy(
            Backoff(calls.first_ms / 1000, calls.max_ms / 1000, calls.jitter, random),
            stale_after_s=camera.stale_after_ms / 1000,
            connect_timeout_s=CONNECT_TIMEOUT_S,
            finite=not camera.kind.live,
            loop=camera.loop,
        )

    def _source_of(self, name: str) -> CameraSource:
        clocks = self._clocks
        return CameraSource(
            name,
            self._policy_of(self._configs[name]),
            lambda tap: SourceBin(
                self._built,
                name,
                tap,
                _access(self._configs[name]),
                part_of=partial(picture_part, self._configs[name]),
            ),
            limit=lambda: FrameRateLimit(self._configs[name].fps, partial(clocks.throttle.share_of, name)),
            origins=self._analysis.origins(name),
            clock=clocks.monotonic,
            wall_ns=clocks.wall_ns,
            ask=lambda: _refusal(name, self._configs[name]),
        )

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
            self._fail("the pipeline does not start; the messages above say why")
        self._playing.set()

    def _watch(self) -> None:
        bus = self._built.pipeline.get_bus()
        try:
            while not self._stop.is_set():
                message = bus.timed_pop_filtered(int(POLL_S * Gst.SECOND), WANTED)
                while message is not None:
                    self._handle_message(message)
                    message = bus.timed_pop_filtered(0, WANTED)
                # A source that runs before the mux does is told FLUSHING and stops; nvinfer starts slowly.
                if self._playing.is_set():
                    self._tick()
        except Exception as error:
            logger.exception("bus thread failed")
            self._fail(type(error).__name__)

    def _handle_message(self, message: Any) -> None:
        event = self._bus_parser.read(message)
        if isinstance(event, PipelineFailed):
            self._fail(f"{event.element}: {event.detail}")
        elif isinstance(event, OutletFailed):
            logger.error(
                "%s: no more pictures or streams until the next start: %s: %s",
                event.camera,
                event.element,
                event.detail,
            )
            self.valves.disable(event.camera)
        elif isinstance(event, CameraEvent) and event.camera == FILM_NAME:
            logger.debug("self-check of masking: %s", event.detail or event.cause.value)
            if self._film:
                self._film.fail()
        elif isinstance(event, CameraEvent):
            if event.answer:
                logger.warning("camera %s: the camera answers %r", event.camera, event.answer)
            logger.debug("camera %s: %s", event.camera, event.detail)
            self._sources[event.camera].fail(event.cause)

    def _tick(self) -> None:
        with self._lock:
            requested, self._requested = self._requested, []
        for what in requested:
            what()
        for camera, source in self._sources.items():
            if (shape := source.misfit) is not None:
                self._reshape(camera, shape)
            changed = source.tick()
            self._measure(camera, source)
            if changed:
                status = source.status
                self._on_state(camera, status.state, status.cause, status.since)
        if self._film:  # after the cameras, of which one has the pad that was there from the start
            self._film.tick()
            if self._film.hopeless:
                self._fail("the film of the self-check hangs while all frames are withheld")

    def _reshape(self, name: str, shape: Shape) -> None:
        """Build a camera's bin anew for the shape of its pictures; until then none is shown."""
        now = self._clocks.monotonic()
        if now < self._reshape_due.get(name, now):
            return
        self._reshape_due[name] = now + RESHAPE_S
        camera, shapes = self._configs[name], {**self._shapes, name: shape}
        try:
            graph = self._graph_with(self._configs, shapes)
            generation = self._analysis.reshape(name, picture_place(camera, shape))
        except (BadInput, TimeoutError) as error:
            logger.warning("camera %s: its picture is %d:%d: %s", name, *shape, error)
            return
        self._shapes = shapes
        self._built.use_sources(graph)
        part = picture_part(camera, shape)
        self.outputs.pictures.crop(name, part)
        self._sources[name].rebuild(generation)
        logger.info("camera %s: its picture fills %d x %d of the frame", name, *(part or (0, 0, *SIZE))[2:])

    @staticmethod
    def _kinds(cameras: Mapping[str, CameraConfig]) -> dict[str, SourceKind]:
        return {**{name: camera.kind for name, camera in cameras.items()}, FILM_NAME: SourceKind.FILE}

    def _measure(self, camera: str, source: CameraSource) -> None:
        for result in source.take_results():
            self._metrics.camera_connects.labels(camera, result).inc()
        received, dropped = source.take_counts()
        if received:
            self._metrics.frames_received.labels(camera).inc(received)
            self._metrics.camera_last_frame.labels(camera).set((source.status.last_frame_at or 0) / 1e9)
        if dropped:
            self._metrics.frames_dropped.labels(camera, "rate").inc(dropped)

    def _fail(self, why: str) -> None:
        if self._failure is None and not self._stop.is_set():
            self._failure = why
            logger.error("DeepStream pipeline failed: %s", why)

    def _end(self) -> None:
        self._threads[1].join(2)  # so that no other thread reads the bus
        finish_recordings(self._built)
        self._built.pipeline.set_state(Gst.State.NULL)


def _refusal(name: str, camera: CameraConfig) -> str:
    """Return how an RTSP camera refuses to play, "" where it does not or is another kind. Blocks."""
    if camera.kind is not SourceKind.RTSP:
        return ""
    login = camera.credentials
    username, password = (login.username, login.password.get_secret_value()) if login else (None, None)
    return refusal_to_play(SourceSpec(name, camera.source, username, password, track=camera.track))


def _access(camera: CameraConfig) -> RtspAccess:
    login = camera.credentials
    secret = (login.username, login.password.get_secret_value()) if login else None
    return RtspAccess(secret, camera.track, camera.fps)
