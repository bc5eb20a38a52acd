"""The CPU platform: one supervised GStreamer source a camera, one inference thread for all."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from engines.held_motion import HeldMotion
from engines.scene_detector import load_scene_detector
from engines.tracking import Tracker
from pipelines.cameras.between import FramesBetween
from pipelines.cameras.clocks import phases
from pipelines.cameras.latest import LatestPerCamera
from pipelines.cameras.loss_guard import DecodeFilter
from pipelines.cameras.source import RawFrame, SourceSpec, Transport
from pipelines.cameras.supervisor import CameraSupervisor
from pipelines.cameras.switching import SwitchingSource, sub_stream
from pipelines.cameras.throttle import MAX_GAP_S, DecodeGate
from pipelines.cpu import gst
from pipelines.cpu.camera_turn import CameraTurn
from pipelines.cpu.canary import Canary
from pipelines.cpu.chain import CameraChain
from pipelines.cpu.inference import InferenceLoop
from pipelines.cpu.source import open_source
from pipelines.cpu.turn_pace import TurnPace
from pipelines.reload.plan import LiveSupport, reconnects, remasked
from pipelines.settings.camera import CameraConfig, finite_cameras
from probes.overlay.draw import Overlay
from probes.people.tracks import Sessions, TrackBook
from probes.redaction.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from engines.image import I420
    from pipelines.cameras.source import Source
    from pipelines.cameras.states import CameraState, CameraStatus, Cause
    from pipelines.interfaces import PlatformParts
    from pipelines.outputs.base import FrameSink
    from pipelines.settings.root import Settings
    from probes.redaction.redact import RedactedFrame

LOST_MS = 2000
GAP_MS = 2500
"""A person unseen for this long has left; longer than LOST_MS, so that the tracker gives up first."""
TRIAL = "trial"
MAX_WAIT_S = 0.4
"""A frame that waited longer is left out where its camera gives another soon: it would be a second old."""
SWITCH_INTERVAL_S = 0.0005
"""How long one thread may keep the interpreter from another: capture threads wait far less than a frame."""


class CpuPlatform:
    """Runs a store's cameras. Hears of each camera in that camera's thread, and passes it on."""

    name = "cpu"
    gpu_unused = ""
    starting = ""

    def __init__(
        self,
        settings: Settings,
        parts: PlatformParts,
        sinks: Sequence[FrameSink],
    ) -> None:
        """Load the models and build everything; nothing runs yet. Raises BadInput."""
        gst.init()  # before any camera's thread needs it
        metrics = parts.metrics
        self._metrics, self._on_state = metrics, parts.on_state
        threads = settings.platform.threads or None
        scenes = load_scene_detector(
            settings.models.person.name,
            settings.models.face.name,
            threads=threads,
            person_confidence=settings.models.person.min_confidence,
            face_confidence=settings.models.face.min_confidence,
        )
        for detector in scenes.detectors:
            metrics.model_loaded.labels(detector.name, detector.precision).set(1)
        self._parts = parts
        self._scenes, self._labels = scenes, scenes.classes
        self._settings, cameras = settings, settings.enabled_cameras()
        self._finite = finite_cameras(cameras)
        self._frames: LatestPerCamera[RawFrame] = LatestPerCamera(
            self.on_drop, cameras=cameras, on_replaced=self._on_replaced, max_age_s=MAX_WAIT_S
        )
        self._between = FramesBetween(self._count_drop)
        self._phases, self._turn_pace = phases(), TurnPace()
        metrics.queue_depth.labels("frames").set_function(lambda: len(self._frames))
        metrics.queue_depth.labels("frames_between").set_function(lambda: len(self._between))
        self._loop = InferenceLoop(
            frames=self._frames,
            scenes=scenes,
            chains={name: self._chain(name, camera, settings) for name, camera in cameras.items()},
            floor=parts.floor,
            looks=parts.looks,
            overlay=Overlay(parts.money, parts.brand, parts.words),
            sinks=sinks,
            metrics=metrics,
            describer=parts.describer,
            now_ns=parts.clock.now,
            traces=parts.traces,
            suspended=lambda: parts.throttle.suspended,
            finite=lambda: self._finite,
            between=self._between,
            canary=Canary(scenes, clock=time.monotonic, on_result=metrics.redaction_self_check.set),
        )
        self._supervisors = {name: self._supervisor(name, camera) for name, camera in cameras.items()}
        self._note_sub_streams()

    def start(self) -> None:
        """Begin to look at frames, then to fetch them."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._loop.start()
        for supervisor in self._supervisors.values():
            supervisor.start()

    def stop(self) -> bool:
        """End inference and all cameras; False where something hung and was left behind.

        Inference is told first: a camera may take seconds to end, and who is in the store ends after that.
        """
        self._loop.halt()
        clean = self._end(list(self._supervisors.values()))
        return self._loop.stop() and clean

    @staticmethod
    def _end(supervisors: Sequence[CameraSupervisor]) -> bool:
        with ThreadPoolExecutor(max(1, len(supervisors))) as pool:
            return all(list(pool.map(CameraSupervisor.stop, supervisors)))

    @property
    def live_support(self) -> LiveSupport:
        """What may change while it runs: any camera, masking, and outputs of pixels."""
        return LiveSupport(outputs=frozenset({"rtsp", "record", "snapshots"}))

    def prepare(self, settings: Settings) -> tuple[str, ...]:
        """Find out whether `reconfigure` will do; BadInput for a camera that cannot be had here."""
        for name, camera in settings.enabled_cameras().items():
            source_spec(name, camera)
        return ()

    def reconfigure(self, settings: Settings, change: Callable[[int], None]) -> None:
        """Go on by other settings: cameras that go are ended, those that come are begun, others untouched.

        change: called between the two in the thread that keeps the floor, with UTC ns. TimeoutError where
        that thread does not answer. Where it raises, the cameras that went are begun again as they were.
        """
        before, after = self._settings.enabled_cameras(), settings.enabled_cameras()
        gone = [n for n, camera in before.items() if n not in after or reconnects(camera, after[n])]
        fresh = [name for name in after if name not in before or name in gone]
        unchanged = [name for name in after if name not in fresh]
        self._end([self._supervisors[name] for name in gone])
        for name in gone:
            self._frames.remove(name)
            self._between.remove(name)

        def work(at: int) -> None:
            change(at)
            for name in unchanged:
                self._loop.chains[name].reconfigure(
                    faces=settings.privacy.faces,
                    masks=[mask.polygon for mask in after[name].masks.values()],
                    min_person_px=after[name].min_person_px,
                )
            same_faces = settings.privacy.faces == self._settings.privacy.faces
            self._loop.forget_pictures(remasked(before, after) if same_faces else after)

        chains = {name: self._chain(name, after[name], settings) for name in fresh}
        try:
            self._loop.reconfigure(gone, chains, work)
        except BaseException:
            self._begin({name: before[name] for name in gone}, before)
            raise
        self._settings, self._finite = settings, finite_cameras(after)
        self._note_sub_streams()
        self._begin({name: after[name] for name in fresh}, after)

    def _note_sub_streams(self) -> None:
        cameras = self._settings.enabled_cameras().items()
        throttle = self._parts.throttle
        throttle.skips_decoding = True
        throttle.expect_sub_streams(n for n, camera in cameras if camera.sub_source)

    def _begin(self, fresh: Mapping[str, CameraConfig], cameras: Iterable[str]) -> None:
        """Begin cameras that come, beside those that run. cameras: all of them, in their order."""
        begun = {name: self._supervisor(name, camera) for name, camera in fresh.items()}
        self._supervisors = {name: begun.get(name) or self._supervisors[name] for name in cameras}
        for name, supervisor in begun.items():
            self._frames.add(name)
            supervisor.start()

    def mask(self, pixels: I420) -> RedactedFrame | None:
        """Return a picture that is of no camera of the store, redacted; see `InferenceLoop.mask`.

        People of 40 px are looked for, everywhere in it: there is only this one picture.
        """
        chain = self._chain(
            TRIAL, CameraConfig(source="/dev/null", min_person_px=40), self._settings, alone=True
        )
        return self._loop.mask(RawFrame(TRIAL, self._parts.clock.now(), pixels), chain)

    def set_sinks(self, sinks: Sequence[FrameSink]) -> None:
        """Publish to these outputs from the next frame on."""
        self._loop.set_sinks(sinks)

    def take_picture(self, camera: str) -> None:
        """Return nothing: the outputs are the store's."""

    def cameras(self) -> Mapping[str, CameraStatus]:
        """Return what is known of each enabled camera."""
        return {name: supervisor.status() for name, supervisor in self._supervisors.items()}

    @property
    def processed(self) -> Mapping[str, int]:
        """Frames analysed and redacted, by camera."""
        return self._loop.processed

    def redacting(self, within_s: float) -> bool:
        """Return whether any camera's frame was redacted in the last `within_s` seconds."""
        return self._loop.redacting(within_s)

    @property
    def withheld(self) -> str:
        """Why the self-check of masking withholds all frames; empty where it does not."""
        return self._loop.withheld

    @property
    def failed(self) -> bool:
        """Whether the inference thread failed: no frame will come any more."""
        return self._loop.failed is not None

    def _supervisor(self, name: str, camera: CameraConfig) -> CameraSupervisor:
        throttle = self._parts.throttle

        def connect_one(spec: SourceSpec) -> Source:
            gate = DecodeGate(partial(throttle.part_of, name), min(MAX_GAP_S, spec.stale_after_s / 2))
            return open_source(spec, DecodeFilter(gate))

        def connect(spec: SourceSpec) -> Source:
            if camera.sub_source is None:
                return connect_one(spec)
            return SwitchingSource(
                spec,
                camera.sub_source,
                connect_one,
                wanted=lambda: throttle.sub_streams,
                on_change=self._metrics.camera_sub_stream.labels(name).set,
                on_refusal=partial(self._on_refused_sub_stream, name),
            )

        return CameraSupervisor(
            source_spec(name, camera),
            self,
            connect,
            rng=self._parts.random,
            now_ns=self._parts.clock.now,
            share=partial(throttle.share_of, name),
            slowest_s=lambda: throttle.slowest_s,
            more=partial(self._takes_more, name),
            phase=next(self._phases),
        )

    def _chain(
        self, name: str, camera: CameraConfig, settings: Settings, *, alone: bool = False
    ) -> CameraChain:
        masks = [mask.polygon for mask in camera.masks.values()]
        faces = settings.privacy.faces
        return CameraChain(
            name,
            labels=self._labels,
            tracker=Tracker(person_class=self._labels.index("person"), lost_ms=LOST_MS),
            # Letters of its own: a new tracker counts from 1 again, and who had a number is remembered still.
            book=TrackBook(name, Sessions(settings.store.zone, self._parts.random), GAP_MS),
            redactor=Redactor(
                method=faces.method,
                margin=faces.margin,
                hold_ms=faces.hold_ms,
                masks=masks,
                motion=HeldMotion(),
            ),
            masks=masks,
            min_person_px=camera.min_person_px,
            by_motion=not alone,
            cover_entering=not alone,
            turn=CameraTurn(
                name,
                self._scenes,
                faces,
                min_person_px=camera.min_person_px,
                pace=self._turn_pace if not alone else None,
                on_turn=partial(self._on_turn, name) if not alone else lambda _: None,
            ),
        )

    def _on_refused_sub_stream(self, camera: str, refused: bool) -> None:
        self._metrics.camera_sub_stream_refused.labels(camera).set(refused)
        self._parts.throttle.refuse_sub_stream(camera, refused=refused)

    def _on_turn(self, camera: str, degrees: int) -> None:
        self._metrics.camera_turned.labels(camera).set(degrees)

    def on_state(self, camera: str, state: CameraState, cause: Cause, since_ns: int) -> None:
        """Pass a camera's new state on."""
        self._on_state(camera, state, cause, since_ns)

    def on_connect(self, camera: str, result: str) -> None:
        """Count an attempt to connect."""
        self._metrics.camera_connects.labels(camera, result).inc()

    def on_frame(self, frame: RawFrame) -> None:
        """Leave a frame for the inference thread."""
        self._metrics.frames_received.labels(frame.camera).inc()
        self._metrics.camera_last_frame.labels(frame.camera).set(
            self._parts.clock.utc(frame.captured_at) / 1e9
        )
        if frame.wanted:
            self._frames.put(frame.camera, frame)
            return
        left_out = self._frames.freshen(frame.camera, frame)
        if self._shows_between(frame.camera):
            self._between.put(left_out, "rate")
        else:
            self._count_drop(frame.camera, "rate")

    def _takes_more(self, camera: str) -> bool:
        """Return whether frames beyond the rate are of use: shown, or fresher than the one that waits."""
        return self._shows_between(camera) or self._frames.waits(camera)

    def _shows_between(self, camera: str) -> bool:
        """Return whether frames that are not analysed are shown: not where some are not even decoded."""
        return self._parts.throttle.part >= 1 and self._loop.shows_between(camera)

    def _on_replaced(self, camera: str, frame: RawFrame) -> None:
        """Have a frame that came too soon for the inference thread wait for the next, where it is shown."""
        if self._shows_between(camera):
            self._between.put(frame, "superseded")
        else:
            self._count_drop(camera, "superseded")

    def on_drop(self, camera: str, reason: str) -> None:
        """Count a frame that goes no further; one beyond the frame rate was never handed on.

        reason "undecoded": left out before the decoder.
        """
        if reason in ("rate", "loss"):
            self._metrics.frames_received.labels(camera).inc()
        self._count_drop(camera, reason)

    def _count_drop(self, camera: str, reason: str) -> None:
        self._metrics.frames_dropped.labels(camera, reason).inc()


def source_spec(name: str, camera: CameraConfig) -> SourceSpec:
    """Return what the source needs to know of a camera's settings."""
    login = camera.credentials
    return SourceSpec(
        camera=name,
        source=camera.source,
        username=login.username if login else None,
        password=login.password.get_secret_value() if login else None,
        transport=Transport(camera.transport),
        fps=camera.fps,
        stale_after_ms=camera.stale_after_ms,
        reconnect_first_ms=camera.reconnect.first_ms,
        reconnect_max_ms=camera.reconnect.max_ms,
        reconnect_jitter=camera.reconnect.jitter,
        loop=camera.loop,
        rotate=camera.rotate,
        track=camera.track,
    )


def sub_spec(name: str, camera: CameraConfig) -> SourceSpec | None:
    """Return what is needed to read a camera's sub-stream; None where it has none."""
    if camera.sub_source is None:
        return None
    return sub_stream(source_spec(name, camera), camera.sub_source)
