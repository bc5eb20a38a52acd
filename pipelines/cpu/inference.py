"""The one thread that looks at frames: the newest of every camera is analysed, redacted, drawn, published."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engines.errors import InferenceFailed
from engines.native_threads import join_native
from engines.scene import TooMany
from pipelines.cameras.between import FramesBetween
from pipelines.floor.calls import FloorCalls
from pipelines.floor.feed import FloorFeed
from pipelines.outputs.base import KeepsPictures
from pricing.news import news
from probes.redaction.between import MAX_GAP_NS
from probes.redaction.proof import is_everybody_masked
from probes.redaction.redact import RedactionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence

    from engines.scene import Scene, SceneRequest
    from engines.scene_detector import PendingScenes, SceneDetector
    from pipelines.cameras.latest import LatestPerCamera
    from pipelines.cameras.source import RawFrame
    from pipelines.cpu.canary import Canary
    from pipelines.cpu.chain import CameraChain
    from pipelines.floor.floor import Floor
    from pipelines.outputs.base import FrameSink
    from pipelines.outputs.traces import FrameTraces
    from pricing.value import PersonValue
    from probes.frame import Frame, TrackId
    from probes.metrics import Metrics
    from probes.overlay.draw import Overlay
    from probes.recognition.describe import Describer
    from probes.recognition.look_workers import LookWorkers
    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)

TAKE_TIMEOUT_S = 0.2
BATCH = 2
"""Frames begun together: while one is redacted and published, the networks go on with the next. With more,
those of many cameras would only wait for each other."""
SLOW_S = 0.05
"""Where a frame takes longer, one is begun at a time: two wait for each other and for the two before."""
NEW_SHARE = 0.3
"""Weight of the newest frame in how long one takes."""


class InferenceLoop:
    """Works through frames until stopped. The next batch is under inference while one is finished here."""

    def __init__(
        self,
        *,
        frames: LatestPerCamera[RawFrame],
        scenes: SceneDetector,
        chains: Mapping[str, CameraChain],
        floor: Floor,
        looks: LookWorkers,
        overlay: Overlay,
        sinks: Sequence[FrameSink],
        metrics: Metrics,
        describer: Describer | None = None,
        canary: Canary | None = None,
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
        traces: FrameTraces | None = None,
        suspended: Callable[[], Container[str]] = frozenset,
        finite: Callable[[], Container[str]] = frozenset,
        between: FramesBetween | None = None,
    ) -> None:
        self._between = between if between is not None else FramesBetween(self._drop)
        self._watched: frozenset[str] = frozenset()
        self._analysed_at: dict[str, int] = {}
        self._frames, self._scenes = frames, scenes
        self._chains, self._floor, self._looks = dict(chains), floor, looks
        self._overlay, self._sinks, self._metrics = overlay, tuple(sinks), metrics
        self._describer = describer
        self._clock, self._now_ns = clock, now_ns
        self._canary = canary
        self._feed = FloorFeed(
            chains,
            floor=floor,
            looks=looks,
            metrics=metrics,
            ended=lambda camera, at: self._chains[camera].ended(at),
            clock=clock,
            now_ns=now_ns,
            traces=traces,
            suspended=suspended,
            finite=finite,
        )
        self._calls = FloorCalls(frames.wake)
        self._let_go: frozenset[str] = frozenset()
        self._frame_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self.failed: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 15.0) -> bool:
        """End after the step at hand, and drop what was begun; False where inference hangs that long."""
        self.halt()
        return join_native(self._thread, timeout_s)

    def halt(self) -> None:
        """Begin no further batch, and take no frame any more; returns at once."""
        self._stop.set()
        self._frames.close()

    def shows_between(self, camera: str) -> bool:
        """Return, from any thread, whether frames of a camera that are not analysed would be shown.

        Somebody watches it, and it is analysed often enough for that.
        """
        return camera in self._watched

    def redacting(self, within_s: float) -> bool:
        """Return whether any camera's frame was redacted in the last `within_s` seconds."""
        if self._canary is not None and not self._canary.alive:
            return False
        return self._feed.redacting(within_s)

    @property
    def withheld(self) -> str:
        """Why the self-check of masking withholds all frames; empty where it does not."""
        return self._canary.cause if self._canary is not None else ""

    def set_sinks(self, sinks: Sequence[FrameSink]) -> None:
        """Publish to these outputs from the next frame on; from any thread."""
        self._sinks = tuple(sinks)

    def mask(self, raw: RawFrame, chain: CameraChain) -> RedactedFrame:
        """Detect and redact one picture that is of none of the cameras, and wait; nobody is counted on it.

        Raises RedactionFailed or InferenceFailed where that is not certain, TimeoutError where it takes long.
        """
        found: list[RedactedFrame] = []

        def work() -> None:
            if not self._is_trusted():
                raise RedactionFailed("the self-check of masking failed")
            scene = self._scenes.detect(raw.pixels, chain.prepare(raw.pixels, raw.captured_at))
            found.append(chain.redact(chain.assemble(raw.captured_at, raw.pixels, scene), raw.pixels))

        self._calls.call(work, running=self._thread.is_alive())
        return found[0]

    def reconfigure(
        self,
        gone: Collection[str],
        fresh: Mapping[str, CameraChain],
        change: Callable[[int], None],
    ) -> None:
        """Go on with other cameras, between two frames. Waits for that; TimeoutError where it does not come.

        gone: cameras whose tracks end; fresh: the chains of those that come, or come anew. change: called in
        between, in this thread, with the time of the newest frame, UTC ns. Where it raises, the cameras stay.
        """

        def work() -> None:
            self._let_go |= frozenset(gone)
            taken_out = {camera: self._chains.pop(camera) for camera in gone if camera in self._chains}
            for camera, chain in taken_out.items():
                self._feed.forget(camera, chain.close())
            try:
                change(self._feed.newest)
            except BaseException:
                self._chains |= taken_out
                raise
            self._chains |= fresh
            self._feed.set_cameras(self._chains)
            self._overlay.keep_only(self._chains)
            self._watched &= self._chains.keys()
            self._analysed_at = {name: at for name, at in self._analysed_at.items() if name in self._chains}

        self._calls.call(work, running=self._thread.is_alive())

    def forget_pictures(self, cameras: Iterable[str]) -> None:
        """Have no output give a picture of before; for `change` alone, as `chains`."""
        for sink in self._sinks:
            if isinstance(sink, KeepsPictures):
                for camera in cameras:
                    sink.forget_pictures(camera)

    @property
    def chains(self) -> Mapping[str, CameraChain]:
        """The cameras' chains; for `change` alone, which runs in the thread that uses them."""
        return self._chains

    @property
    def processed(self) -> Mapping[str, int]:
        """Frames analysed and redacted, by camera."""
        return self._feed.processed

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.failed = error
            logger.exception("inference thread failed")
            raise

    def _work(self) -> None:
        under_work: tuple[list[RawFrame], PendingScenes] | None = None
        while not self._stop.is_set():
            self._calls.run()
            limit = 1 if self._frame_s > SLOW_S else BATCH
            batch = self._frames.take(0 if under_work else TAKE_TIMEOUT_S, limit)
            began = self._clock()
            if self._is_trusted():
                if under_work:
                    under_work[1].look_closer()
                started = self._begin(batch) if batch else None
                if under_work:
                    self._finish_batch(*under_work)
                    took_s = (self._clock() - began) / max(1, len(under_work[0]))
                    self._frame_s += NEW_SHARE * (took_s - self._frame_s)
                under_work = started
                self._let_go = frozenset()  # what is under work now was begun after the change
            else:
                if under_work:
                    under_work[1].drop()
                self._drop_all([*batch, *(under_work[0] if under_work else ())])
                under_work = None
                self._let_go = frozenset()
            self._feed.pass_time()
        if under_work:  # its close look and all that follows take seconds where there are too many cameras
            under_work[1].let_go()

    def _is_trusted(self) -> bool:
        """Return whether the last self-check of masking was good; it is repeated where it is due."""
        return self._canary is None or self._canary.check_if_due()

    def _present(self, batch: list[RawFrame]) -> list[RawFrame]:
        """Return the frames of cameras that are not taken out by now."""
        return [raw for raw in batch if raw.camera in self._chains]

    def _drop_all(self, batch: list[RawFrame]) -> None:
        for raw in batch:
            self._drop(raw.camera, "self_check")

    def _begin(self, batch: list[RawFrame]) -> tuple[list[RawFrame], PendingScenes]:
        begun: list[RawFrame] = []
        wanted: list[SceneRequest] = []
        with self._timed("letterbox"):
            for raw in self._present(batch):
                try:
                    wanted.append(self._chains[raw.camera].prepare(raw.pixels, raw.captured_at))
                except Exception:  # one camera's fault must not touch the others
                    logger.exception("camera %s: a frame was dropped", raw.camera)
                    self._drop(raw.camera, "error")
                else:
                    begun.append(raw)
            return begun, self._scenes.start([raw.pixels for raw in begun], wanted)

    def _finish_batch(self, batch: list[RawFrame], pending: PendingScenes) -> None:
        scenes = pending.results()
        for raw in batch:
            with self._timed("detect"):
                scene = next(scenes)
            if raw.camera not in self._chains or raw.camera in self._let_go:
                continue  # an old connection's picture under the masks of a new one
            if isinstance(scene, InferenceFailed):
                self._withhold(raw.camera, scene)
                continue
            try:
                self._assemble(raw, scene)
            except Exception:  # one camera's fault must not touch the others
                logger.exception("camera %s: a frame was dropped", raw.camera)
                self._drop(raw.camera, "error")

    def _assemble(self, raw: RawFrame, scene: Scene) -> None:
        chain = self._chains[raw.camera]
        with self._timed("track"):
            frame = chain.assemble(raw.captured_at, raw.pixels, scene)
        self._finish(chain, frame, raw)

    def _finish(self, chain: CameraChain, frame: Frame, raw: RawFrame) -> None:
        between = self._between.take(raw.camera, raw.captured_at)
        try:
            self._redact_and_publish(chain, frame, raw, between)
        finally:
            self._between.drop(between)  # what is left of them

    def _redact_and_publish(
        self, chain: CameraChain, frame: Frame, raw: RawFrame, between: list[tuple[RawFrame, str]]
    ) -> None:
        """Do all that follows from an analysed frame. between: those before it; takes out what is shown."""
        camera = raw.camera
        with self._timed("look"):
            self._looks.offer(frame, raw.pixels)
        try:
            with self._timed("redact"):
                for one, _ in between:
                    chain.watch_between(one.captured_at, one.pixels)
                redacted = chain.redact(frame, raw.pixels)
        except RedactionFailed as error:
            extra = news("withheld", camera=camera, what=str(error))
            logger.error("camera %s: a frame was withheld: %s", camera, error, extra=extra)
            self._metrics.redaction_failures.labels(camera).inc()
            self._drop(camera, "redaction_failed")
            redacted = None
        with self._timed("price"):
            votes = self._describer.drain() if self._describer else ()
            ended = chain.ended(frame.captured_at)
            values = self._feed.update(frame, self._looks.drain(), ended, votes)
        if redacted is None:
            return
        self._feed.redacted(frame, redacted.masked, everybody=is_everybody_masked(frame, redacted.masks))
        if self._describer:
            with self._timed("describe"):
                self._describer.offer(redacted, self._floor.customers(values))
        wanting = [sink for sink in self._sinks if sink.wanted(camera)]
        self._note_watched(frame, is_watched=bool(wanting))
        if wanting:
            while between:
                self._show_between(chain, *between.pop(0), values, wanting)
            self._publish(redacted, values, wanting)
        self._feed.published(frame)

    def _note_watched(self, frame: Frame, *, is_watched: bool) -> None:
        """Note whether frames between this one and the next are worth to be kept."""
        camera, at = frame.camera, frame.captured_at
        is_often = at - self._analysed_at.get(camera, 0) <= MAX_GAP_NS
        self._analysed_at[camera] = at
        watched = self._watched - {camera}
        self._watched = watched | {camera} if is_watched and is_often else watched

    def _show_between(
        self,
        chain: CameraChain,
        raw: RawFrame,
        reason: str,
        values: Mapping[TrackId, PersonValue],
        sinks: Sequence[FrameSink],
    ) -> None:
        """Publish a frame that was not analysed, where the two analysed ones around it tell all of it."""
        try:
            redacted = chain.redact_between(raw.captured_at, raw.pixels)
        except RedactionFailed as why:
            logger.debug("camera %s: a frame between is not shown: %s", raw.camera, why)
            self._drop(raw.camera, reason)
            return
        if not is_everybody_masked(redacted.frame, redacted.masks):
            self._drop(raw.camera, reason)
            return
        self._publish(redacted, values, sinks)
        self._metrics.frames_between.labels(raw.camera, reason).inc()
        latency_s = max(0, self._now_ns() - raw.captured_at) / 1e9
        self._metrics.frames_between_latency.labels(raw.camera).observe(latency_s)

    def _publish(
        self, redacted: RedactedFrame, values: Mapping[TrackId, PersonValue], sinks: Sequence[FrameSink]
    ) -> None:
        with self._timed("draw"):
            self._overlay.draw(redacted, values)
        with self._timed("publish"):
            for sink in sinks:
                sink.publish(redacted)

    def _withhold(self, camera: str, error: InferenceFailed) -> None:
        extra = news("withheld", camera=camera, what=str(error))
        logger.error("camera %s: no detections, a frame was withheld: %s", camera, error, extra=extra)
        self._drop(camera, "too_many_faces" if isinstance(error, TooMany) else "inference_failed")

    def _drop(self, camera: str, reason: str) -> None:
        self._metrics.frames_dropped.labels(camera, reason).inc()

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = self._clock()
        yield
        ended = self._clock()
        self._metrics.stage_duration.labels(stage).observe(ended - begun)
        if stage != "letterbox":  # of the batch after this one
            self._feed.note_stage(stage, begun, ended)
