"""The cameras of a DeepStream store: opened, watched, closed, and changed while the pipeline runs."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from pipelines.cameras.backoff import Backoff
from pipelines.cameras.clocks import FrameRateLimit
from pipelines.cameras.connection import tls_fault
from pipelines.cameras.file_end import log_cut_off
from pipelines.cameras.memory import MemoryGrowth
from pipelines.cameras.movie_header import loses_pictures
from pipelines.cameras.network import ask_address
from pipelines.cameras.play_check import why_silent
from pipelines.cameras.policy import CameraPolicy
from pipelines.cameras.preflight import check_answer, check_file
from pipelines.cameras.source import PROTOCOLS, SourceKind, SourceLost, SourceSpec, Transport
from pipelines.cameras.states import Cause
from pipelines.cameras.throttle import Throttle
from pipelines.deepstream.checks.store_check import LEFT_OUT, proven_graph
from pipelines.deepstream.graph.build import outlets
from pipelines.deepstream.graph.camera import SIZE, picture_part, picture_place
from pipelines.deepstream.runtime.camera_source import CONNECT_TIMEOUT_S, CameraSource
from pipelines.deepstream.runtime.reshape_pace import ReshapePace
from pipelines.deepstream.runtime.source_bin import RtspAccess, SourceBin
from pipelines.errors import BadInput
from pipelines.reload.plan import LiveSupport, reconnects, remasked
from probes.events.messages import same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pipelines.cameras.states import CameraState, CameraStatus
    from pipelines.deepstream.graph.build import EngineFiles
    from pipelines.deepstream.graph.camera import Part, Shape
    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.deepstream.interfaces import Analysis
    from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline
    from pipelines.deepstream.runtime.picture_shape import Misfit
    from pipelines.graph.graph import PipelineGraph
    from pipelines.settings.camera import CameraConfig
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

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
        "min_person_px",
    }
)
"""Keys of a camera that concern its source bin alone, or nothing of the pipeline."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where time and chance come from. utc: the UTC ns to tell of a time of `now_ns`."""

    clock: Callable[[], float] = time.monotonic
    now_ns: Callable[[], int] = time.time_ns
    utc: Callable[[int], int] = same
    random: Random | None = None
    throttle: Throttle = field(default_factory=Throttle)


class CameraSources:
    """The sources of a built pipeline. `tick` is called by one thread, all else by any.

    on_state: called on each change of a camera's state. on_sources: with all cameras' settings when those of
    some have changed, in the thread of `tick`. on_part: where in the frame a camera's picture lies now.
    on_remasked: with the cameras whose masks have changed, once no frame is judged by those of before.
    """

    def __init__(
        self,
        settings: Settings,
        capabilities: Capabilities,
        files: EngineFiles,
        built: BuiltPipeline,
        *,
        analysis: Analysis,
        metrics: Metrics,
        clocks: Clocks,
        on_state: Callable[[str, CameraState, Cause, int], None],
        on_sources: Callable[[Mapping[str, CameraConfig]], None],
        on_part: Callable[[str, Part | None], None],
        on_remasked: Callable[[Iterable[str]], None] = lambda _cameras: None,
    ) -> None:
        self._settings, self._capabilities, self._files = settings, capabilities, files
        self._built, self._analysis, self._metrics, self._clocks = built, analysis, metrics, clocks
        clocks.throttle.skips_decoding = False  # the GPU's decoder takes all that a camera sends
        self._on_state, self._on_sources, self._on_part = on_state, on_sources, on_part
        self._on_remasked = on_remasked
        self._shapes: Mapping[str, Shape] = {}
        self._reshape_paces: dict[str, ReshapePace] = {}
        cameras = settings.enabled_cameras()
        self._built_for, self._configs = cameras, dict(cameras)
        self._enabled = frozenset(cameras)
        self._sources = {name: self._source_of(name) for name in cameras}
        self._requested: list[Callable[[], None]] = []
        self._lock = threading.Lock()

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
        self._on_remasked(remasked(before, after))
        self._enabled = frozenset(after)
        self._configs |= after

        def use() -> None:
            self._built.use_sources(graph)
            self._on_sources(self._configs)

        for name in gone:
            self._request(name, self._sources[name].stop)
        for name in fresh:
            policy = self._policy_of(after[name])
            _look_at_film(name, after[name])
            self._request(name, use)
            self._request(name, partial(self._sources[name].replace, policy, generations[name]))
            self._request(name, self._sources[name].start)

    @property
    def status(self) -> Mapping[str, CameraStatus]:
        """Return what is known of each enabled camera."""
        enabled = self._enabled
        return {name: source.status for name, source in self._sources.items() if name in enabled}

    def tick(self) -> None:
        """Do what was asked for, and let time pass. It waits for the floor where a shape is new."""
        with self._lock:
            requested, self._requested = self._requested, []
        for what in requested:
            what()
        for camera, source in self._sources.items():
            if (misfit := source.misfit) is not None:
                self._reshape(camera, misfit)
            changed = source.tick()
            self._measure(camera, source)
            if changed:
                status = source.status
                self._on_state(camera, status.state, status.cause, status.since)

    def fail(self, camera: str, cause: Cause) -> None:
        """Note that a camera's source has failed, as the bus says; in the thread of `tick`."""
        self._sources[camera].fail(cause)

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
        _look_at_film(name, self._configs[name])
        return CameraSource(
            name,
            self._policy_of(self._configs[name]),
            lambda tap: SourceBin(
                self._built,
                name,
                tap,
                _access(self._configs[name]),
                part_of=partial(picture_part, self._configs[name]),
                on_misshapen=partial(self._count_misshapen, name),
                clock=clocks.clock,
            ),
            limit=lambda: FrameRateLimit(
                self._configs[name].fps,
                partial(clocks.throttle.share_of, name),
                lambda: clocks.throttle.slowest_s,
            ),
            origins=self._analysis.origins(name),
            clock=clocks.clock,
            now_ns=clocks.now_ns,
            ask=lambda: _refusal(name, self._configs[name]),
            check=lambda: _reason_not_to_connect(name, self._configs[name]),
            explain=lambda: _explanation(name, self._configs[name]),
            growth=lambda: MemoryGrowth() if self._configs[name].kind is SourceKind.RTSP else None,
        )

    def _reshape(self, name: str, misfit: Misfit) -> None:
        """Build a camera's bin anew for the shape of its pictures; until then none is shown.

        A stream that alternates between two shapes keeps the one for which its bin was built, or gets another
        bin more and more seldom; where that is neither of them, the bin is built for the newest after a while
        without a picture.
        """
        now, shape = self._clocks.clock(), misfit.shape
        pace = self._reshape_paces.setdefault(name, ReshapePace())
        if not pace.due(misfit, now):
            return
        camera, shapes = self._configs[name], {**self._shapes, name: shape}
        try:
            graph = self._graph_with(self._configs, shapes)
            generation = self._analysis.reshape(name, picture_place(camera, shape))
        except (BadInput, TimeoutError) as error:
            logger.warning("camera %s: its picture is %d:%d: %s", name, *shape, error)
            pace.tried(now, built=False)
            return
        pace.tried(now, built=True)
        self._shapes = shapes
        self._built.use_sources(graph)
        part = picture_part(camera, shape)
        self._on_part(name, part)
        self._sources[name].rebuild(generation)
        logger.info("camera %s: its picture fills %d x %d of the frame", name, *(part or (0, 0, *SIZE))[2:])

    def _count_misshapen(self, camera: str) -> None:
        """Count a frame that came, and was dropped for its shape; in the camera's streaming thread."""
        self._metrics.frames_received.labels(camera).inc()
        self._metrics.frames_dropped.labels(camera, "shape").inc()

    def _measure(self, camera: str, source: CameraSource) -> None:
        for result in source.take_results():
            self._metrics.camera_connects.labels(camera, result).inc()
        received, dropped = source.take_counts()
        if received:
            self._metrics.frames_received.labels(camera).inc(received)
            at = source.status.last_frame_at
            self._metrics.camera_last_frame.labels(camera).set(
                0 if at is None else self._clocks.utc(at) / 1e9
            )
        if dropped:
            self._metrics.frames_dropped.labels(camera, "rate").inc(dropped)
        if withheld := source.take_withheld():
            self._metrics.frames_received.labels(camera).inc(withheld)
            self._metrics.frames_dropped.labels(camera, "loss").inc(withheld)


def _look_at_film(name: str, camera: CameraConfig) -> None:
    """Log what of a camera's film is not played; in a thread of its own, for a share may hang."""
    path = camera.source

    def look() -> None:
        log_cut_off(name, path)
        if loses_pictures(path):
            logger.warning("camera %s: %s: %s", name, path, LEFT_OUT)

    if camera.kind is SourceKind.FILE:
        threading.Thread(target=look, name=f"end-{name}", daemon=True).start()


def _refusal(name: str, camera: CameraConfig) -> tuple[Cause, str]:
    """Return why an RTSP camera sends no video, and words of it; NONE where that is not known. Blocks."""
    if camera.kind is not SourceKind.RTSP:
        return Cause.NONE, ""
    login = camera.credentials
    username, password = (login.username, login.password.get_secret_value()) if login else (None, None)
    transport = Transport(camera.transport)
    return why_silent(SourceSpec(name, camera.source, username, password, transport, track=camera.track))


def _reason_not_to_connect(name: str, camera: CameraConfig) -> tuple[Cause, str]:
    """Return why GStreamer must not open a camera, NONE where it may, and the camera's own words. Blocks."""
    try:
        if camera.kind is SourceKind.RTSP:
            login = camera.credentials
            check_answer(SourceSpec(name, camera.source, login.username if login else None))
        elif camera.kind is SourceKind.FILE:
            check_file(camera.source)
    except SourceLost as lost:
        if lost.cause is not Cause.BUSY:  # by rtspsrc's own word it is called once more
            return lost.cause, lost.answer
    return Cause.NONE, ""


def _explanation(name: str, camera: CameraConfig) -> tuple[Cause, str]:
    """Return why a camera cannot be connected to, where rtspsrc does not tell, and more words. Blocks."""
    cause = ask_address(camera.source) if camera.kind is SourceKind.RTSP else Cause.UNKNOWN
    return cause, tls_fault(SourceSpec(name, camera.source)) if cause is Cause.TLS else ""


def _access(camera: CameraConfig) -> RtspAccess:
    login = camera.credentials
    secret = (login.username, login.password.get_secret_value()) if login else None
    # Else rtspsrc would ask an encrypted camera for UDP first, which is not encrypted.
    is_encrypted = camera.source.lower().startswith("rtsps:")
    protocols = PROTOCOLS[Transport(camera.transport)] if is_encrypted else ""
    return RtspAccess(secret, camera.track, camera.fps, protocols)
