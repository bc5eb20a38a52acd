"""Connects the metadata probe to the floor: the streaming thread reads, the floor's thread prices."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from engines.marks.types import Route
from pipelines.cameras.upright import DEGREES, MISTAKEN, UPRIGHT_AGAIN, advice_text
from pipelines.deepstream.camera_meta import build_camera, camera_masks, counted_from, object_classes
from pipelines.deepstream.graph.camera import picture_place
from pipelines.floor.calls import FloorCalls
from pipelines.floor.feed import FloorFeed
from pipelines.settings.camera import finite_cameras
from probes.frame import Kind
from probes.nvds.chooser import Chooser
from probes.nvds.crops import SurfaceCrops
from probes.nvds.frame_queue import FrameQueue
from probes.nvds.kept_people import KeptPeople
from probes.nvds.marks import MarkLooks
from probes.nvds.overlay import MetaOverlay
from probes.nvds.probe import BatchProbe
from probes.nvds.redaction_gate import BufferVerdict, RedactionGate
from probes.nvds.self_check import SelfCheck
from probes.recognition.look_history import LookHistory
from probes.redaction.proof import is_everybody_masked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from engines.manifest import Model
    from pipelines.cameras.upright import Finding
    from pipelines.deepstream.graph.redaction import Redaction
    from pipelines.interfaces import PlatformParts
    from pipelines.settings.root import Settings
    from pricing.value import PersonValue
    from probes.frame import Frame, TrackId
    from probes.nvds.binding import MetaBinding
    from probes.nvds.camera import CameraMeta
    from probes.nvds.frame_origins import FrameOrigins
    from probes.nvds.frame_queue import ProbedFrame
    from probes.nvds.marks import Brands
    from probes.nvds.picture_place import PicturePlace
    from probes.redaction.masked_by import MaskedBy

logger = logging.getLogger(__name__)

TAKE_S = 0.2
STOP_S = 5.0


class MetaAnalysis:
    """An Analysis over a binding. The probe runs in the streaming thread, the floor in one of its own."""

    def __init__(
        self,
        settings: Settings,
        binding: MetaBinding,
        parts: PlatformParts,
        *,
        slots: Mapping[str, int],
        redaction: Redaction,
        marks: tuple[Model, Brands] | None = None,
        face: tuple[float, float, float, float] | None = None,
        good_for_s: float = 75.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Build all; nothing runs yet. slots: mux pad by camera.

        marks: the model of marks in the graph, and what is looked for; looks leave symbols to it.
        face: where the self-check's face lies in its film, which comes on the pad after the cameras'; None
        where there is none. good_for_s: so long a good answer of the self-check counts.
        """
        looks, metrics, random = parts.looks, parts.metrics, parts.random
        self._looks, self._metrics, self._floor = looks, metrics, parts.floor
        self._clock, self._now_ns = clock, parts.clock.now
        self._values: dict[TrackId, PersonValue] = {}
        self._classes, self._counted = object_classes(settings), counted_from(settings)
        new = partial(build_camera, settings, binding, (self._classes, self._counted), (random, parts.clock))
        self._cameras = {name: new(name) for name in settings.enabled_cameras()}
        self.self_check = (
            SelfCheck(
                len(slots),
                face,
                camera=partial(new, "self-check"),
                on_result=metrics.redaction_self_check.set,
                good_for_s=good_for_s,
                clock=clock,
            )
            if face
            else None
        )
        # Every camera comes to the batch in this size: the old mux scales, before the new one each is fitted.
        self._binding, self._meta = binding, binding.meta
        people = [number for number, (kind, _) in self._classes.items() if kind is Kind.PERSON]
        self._kept = KeptPeople(self._meta, self._meta, people)
        self._process_key = random.getrandbits(63)
        self._frame_queue = FrameQueue(
            lambda camera: metrics.frames_dropped.labels(camera, "floor_busy").inc()
        )
        metrics.queue_depth.labels("frames").set_function(lambda: len(self._frame_queue))
        self._marks: MarkLooks | None = None
        self._chooser: Chooser | None = None
        by_pad = {slots[name]: camera for name, camera in self._cameras.items()}
        if marks:
            self._marks, self._chooser = self._build_marks(marks, by_pad)
            looks.disable(Route.SYMBOL)
        self._crops = SurfaceCrops(binding.surfaces, looks)
        self._probe = BatchProbe(
            self._meta,
            self._meta,
            cameras=by_pad,
            overlay=MetaOverlay(
                parts.money,
                self._values.get,
                parts.brand,
                parts.words,
                brands=parts.brands or (lambda: None),
            ),
            frame_queue=self._frame_queue,
            process_key=self._process_key,
            opaque=redaction.opaque,
            on_failure=self._on_failure,
            on_withheld=lambda camera, reason: metrics.frames_dropped.labels(camera, reason).inc(),
            crops=self._crops,
            marks=self._marks,
            self_check=self.self_check,
        )
        self._configs = dict(settings.enabled_cameras())
        self._finite = finite_cameras(self._configs)
        self._places = {name: picture_place(camera) for name, camera in self._configs.items()}
        self._feed = FloorFeed(
            self._cameras,
            floor=parts.floor,
            looks=looks,
            metrics=metrics,
            ended=lambda camera, at: [*self._frame_queue.ended(camera), *self._cameras[camera].ended(at)],
            clock=clock,
            now_ns=parts.clock.now,
            on_turned=self._on_turned,
            traces=parts.traces,
            suspended=lambda: parts.throttle.suspended,
            finite=lambda: self._finite,
        )
        self._active = frozenset(self._cameras)
        self._calls = FloorCalls()
        self._on_masked: Callable[[Frame], None] = lambda _: None
        self._died = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="floor", daemon=True)

    def process_batch(self, buffer: int) -> BufferVerdict:
        """Work on the batch at this address, in the streaming thread."""
        began = self._clock()
        verdict = self._probe.process(buffer)
        self._metrics.stage_duration.labels("probe").observe(self._clock() - began)
        return verdict

    def choose_looks(self, buffer: int) -> BufferVerdict:
        """Choose what the brand model looks at in the batch at this address, in the streaming thread."""
        return self._chooser.add_looks(buffer) if self._chooser else BufferVerdict.PASS

    def keep_people(self, buffer: int) -> BufferVerdict:
        """Remember who is in the batch at this address; see Analysis."""
        return self._kept.keep(buffer)

    def restore_people(self, buffer: int) -> BufferVerdict:
        """Put back who was taken out of the batch at this address; see Analysis."""
        return self._kept.restore(buffer)

    def new_gate(self) -> Callable[[int], BufferVerdict]:
        """Return what judges the frames of one camera before redaction."""
        return RedactionGate(self._meta, self._process_key).verify

    def on_masked(self, listener: Callable[[Frame], None]) -> None:
        """Call listener, in the floor's thread, with each frame that was masked, counted in its picture."""
        self._on_masked = listener

    def start(self) -> None:
        """Begin to take what the probe hands over."""
        self._thread.start()
        if self._marks:
            self._marks.start()

    def stop(self) -> bool:
        """End within seconds; False where a thread was left behind."""
        self._stop.set()
        self._frame_queue.close()
        compared = self._marks.close() if self._marks else True
        if self._thread.ident is not None:
            self._thread.join(STOP_S)
        return compared and not self._thread.is_alive()

    def reconfigure(
        self,
        settings: Settings,
        gone: Collection[str],
        fresh: Collection[str],
        change: Callable[[int], None],
    ) -> Mapping[str, int]:
        """Go on with other cameras of those it was made for, and other masks; see Analysis."""
        renewed: dict[str, int] = {}

        def work() -> None:
            before = {name: self._cameras[name].origins.generation for name in (*gone, *fresh)}
            for name in before:  # first of all: from here on no frame of an old source is taken
                renewed[name] = self._cameras[name].origins.renew()
            try:
                for name in gone:
                    self._end_tracks(name)
                change(self._feed.newest)
            except BaseException:
                for name, generation in before.items():
                    self._cameras[name].origins.restore(generation)
                raise
            for name, camera in settings.enabled_cameras().items():
                self._cameras[name].set_masks(camera_masks(camera, self._places[name]))
                self._configs[name] = camera
            self._finite = finite_cameras(self._configs)
            self._active = frozenset(settings.enabled_cameras())
            self._feed.set_cameras(self._active)

        self._calls.call(work, running=self._thread.is_alive())
        return renewed

    def reshape(self, camera: str, place: PicturePlace) -> int:
        """Go on with a camera whose picture lies elsewhere in the frame; see Analysis."""
        renewed: list[int] = []

        def work() -> None:
            renewed.append(self._cameras[camera].origins.renew())  # first: no frame of before is taken
            self._end_tracks(camera)
            self._places[camera] = place
            self._cameras[camera].set_masks(camera_masks(self._configs[camera], place))

        self._calls.call(work, running=self._thread.is_alive())
        return renewed[0]

    def origins(self, camera: str) -> FrameOrigins:
        """Return what records the frames of a camera before the mux."""
        return self._cameras[camera].origins

    def redacting(self, within_s: float) -> bool:
        """Return whether any camera's frame was covered in the last seconds."""
        return self._feed.redacting(within_s)

    def age_s(self, camera: str) -> float | None:
        """Return how long ago a frame of the camera was covered last; None before the first."""
        return self._feed.age_s(camera)

    @property
    def processed(self) -> Mapping[str, int]:
        """Frames analysed and covered, by camera."""
        return self._feed.processed

    def newest(self, camera: str) -> tuple[int, MaskedBy] | None:
        """Return of the camera's frame judged last when it was captured, UTC ns, and what it is masked by."""
        return self._frame_queue.newest.get(camera)

    @property
    def failed(self) -> bool:
        """Whether the floor thread failed."""
        return self._died

    def _build_marks(
        self, marks: tuple[Model, Brands], by_pad: Mapping[int, CameraMeta]
    ) -> tuple[MarkLooks, Chooser]:
        model, brands = marks
        on_objects, history = self._binding.looks, LookHistory()
        chooser = Chooser(
            self._meta,
            on_objects,
            classes=self._classes,
            wanted=lambda: looks.wanted,
            counted=self._counted,
            on_owed=self._metrics.count_owed_looks,
            unseen=(self.self_check.pad,) if self.self_check else (),
            found_again=lambda pad: by_pad[pad].found_again if pad in by_pad else (),
            history=history,
        )
        looks = MarkLooks(
            on_objects,
            (model.input.width, model.input.height),
            brands=brands,
            on_result=lambda result: self._metrics.looks.labels(result.value).inc(),
            stretch=chooser.stretch,
            history=history,
        )
        return looks, chooser

    def _on_failure(self, camera: str | None) -> None:
        if camera in self._cameras:
            self._metrics.redaction_failures.labels(camera).inc()

    def _on_turned(self, camera: str, found: Finding | None) -> None:
        """Withhold the picture of a camera that surely hangs turned: its faces cannot be found there."""
        degrees = DEGREES[found.advice] if found else 0
        is_sure = found is not None and found.is_sure
        self._cameras[camera].is_turned = is_sure
        self._metrics.camera_turned.labels(camera).set(degrees)
        self._metrics.camera_picture_withheld.labels(camera).set(is_sure)
        if found is None:
            return
        if found.advice == UPRIGHT_AGAIN:
            logger.info("camera %s: %s; its picture is shown again", camera, advice_text(found.advice))
            return
        remedy = advice_text(found.advice, self._configs[camera].rotate)
        until = f"; until then, or until people walk upright, its picture is withheld; {MISTAKEN}"
        logger.warning("camera %s: %s, and restart the store%s", camera, remedy, until if is_sure else "")

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._calls.run()
                for probed in self._frame_queue.take(TAKE_S):
                    self._take(probed)
                self._feed.pass_time()
        except Exception:  # whatever it was, the service must be restarted
            self._died = True
            logger.exception("floor thread failed")

    def _end_tracks(self, camera: str) -> None:
        tracks = [*self._frame_queue.ended(camera), *self._cameras[camera].close()]
        self._feed.forget(camera, tracks)
        for track in tracks:
            self._values.pop(track, None)

    def _take(self, probed: ProbedFrame) -> None:
        camera = probed.frame.camera
        if camera not in self._active or probed.generation != self._cameras[camera].origins.generation:
            # It was under way when its camera was taken out; who had left by then has not been told of yet.
            if probed.ended:
                self._floor.quiet(camera, probed.frame.captured_at, probed.ended)
            return
        for track in probed.ended:
            self._values.pop(track, None)
        answers = self._looks.drain() + (self._marks.drain() if self._marks else [])
        # The overlay reads these in the streaming thread: one assignment each, so no lock.
        picture, taken = self._places[camera].frame(probed.frame), self._clock()
        under_way_s = max(0, self._now_ns() - picture.captured_at) / 1e9
        self._feed.note_stage("graph", taken - under_way_s, taken)
        answers = [self._places[answer.track.camera].answer(answer) for answer in answers]
        values = self._feed.update(picture, answers, probed.ended)
        self._values.update(values)
        if self._marks:
            self._marks.set_values(values)
        if probed.withheld:  # covered whole, and everybody with it: the camera is healthy
            self._feed.redacted(probed.frame, {}, everybody=True)
            self._feed.published(probed.frame)
        if probed.masks is not None:  # else the frame was covered whole, and counted by the probe
            masks = tuple(probed.masks)
            everybody = is_everybody_masked(probed.frame, masks)
            self._feed.redacted(probed.frame, Counter(m.by.value for m in masks), everybody=everybody)
            self._feed.published(probed.frame)
            self._on_masked(picture)
