"""The probe on the DeepStream batch: reads frames, writes redaction boxes, outlines and texts."""

from __future__ import annotations

import logging
import time
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Protocol

from probes.nvds.frame_queue import ProbedFrame
from probes.nvds.meta import Cover, MetaError
from probes.nvds.native_heads import PackedMasks
from probes.nvds.redaction_gate import BufferVerdict
from probes.nvds.surface import on_surface
from probes.redaction.redact import RedactionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from probes.frame import Frame
    from probes.nvds.camera import CameraMeta
    from probes.nvds.camera_masks import CameraMasks, FixedCovers
    from probes.nvds.frame_queue import FrameQueue
    from probes.nvds.meta import BatchMeta, FrameMeta, MetaReader, MetaWriter
    from probes.nvds.overlay import MetaOverlay, Pairs
    from probes.nvds.self_check import SelfCheck
    from probes.redaction.redact import Mask, Polygon

logger = logging.getLogger(__name__)

_ORDER: Final = attrgetter("pad", "number")
STEADY_S = 5.0
"""So long must a thing work again until it is said."""


class Crops(Protocol):
    """Takes crops of persons from a surface that is valid during the call only."""

    def offer(self, buffer: int, batch_id: int, frame: Frame, masks: Sequence[Polygon]) -> None:
        """Take the crops that are due now. masks: what is black in them."""


class Marks(Protocol):
    """Takes the brand model's tensors off the frame."""

    def take(
        self, meta: FrameMeta, pairs: Pairs, masks: CameraMasks, frame: Frame, surface: tuple[int, int]
    ) -> None:
        """Copy the tensors; frame: without the persons behind camera masks."""


class BatchProbe:
    """Works on every batch before the demuxer, in the streaming thread, in one pass and without a lock.

    cameras: by mux pad. process_key: random per process; it marks the redaction tags of this process.
    opaque: hide heads instead of having nvdsosd blur them. on_failure(camera) is called for each frame that
    had to be covered whole, on_failure(None) for each batch that was dropped. on_withheld(camera, reason) is
    called for each frame that goes to nobody: "removed", it is of an earlier connection of its camera;
    "self_check", masking cannot be trusted; and for each that is covered whole and goes on: "turned", its
    camera hangs turned, so that detectors miss most faces.
    """

    def __init__(
        self,
        reader: MetaReader,
        writer: MetaWriter,
        *,
        cameras: Mapping[int, CameraMeta],
        overlay: MetaOverlay,
        frame_queue: FrameQueue,
        process_key: int,
        opaque: bool,
        on_failure: Callable[[str | None], None],
        on_withheld: Callable[[str, str], None] = lambda _camera, _reason: None,
        crops: Crops | None = None,
        marks: Marks | None = None,
        self_check: SelfCheck | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader, self._writer = reader, writer
        self.cameras = cameras
        self._overlay, self._frame_queue, self._crops, self._marks = overlay, frame_queue, crops, marks
        self._process_key, self._opaque, self._on_failure = process_key, opaque, on_failure
        self._on_withheld = on_withheld
        self._clock, self._self_check = clock, self_check
        self._failures: dict[str | None, float] = {}

    def process(self, buffer: int) -> BufferVerdict:
        """Process the batch of the buffer at this address; return whether it may pass. Never raises."""
        probed: list[ProbedFrame] = []
        try:
            batch = self._reader.read(buffer)
            if not batch.frames:
                return BufferVerdict.DROP  # a mux without cameras sends an empty batch now and then
            cameras, frames = self.cameras, sorted(batch.frames, key=_ORDER)
            if (check := self._self_check) is not None:
                # The film first: the frames beside it in its batch are withheld by its answer, too.
                for frame in frames:
                    if frame.pad == check.pad:
                        self._judge(batch, frame, check)
                frames = [frame for frame in frames if frame.pad != check.pad]
                if check.cause:
                    self._withhold_all(frames)
                    return BufferVerdict.DROP
            for frame in frames:
                self._process_frame(buffer, batch, frame, cameras.get(frame.pad), probed)
        except Exception as error:  # noqa: BLE001 the pipeline goes on; the pixels do not
            for one in probed:
                one.masks, one.withheld = None, False  # the frame is not shown
            self._fail(None, error)
            return BufferVerdict.DROP
        finally:
            self._frame_queue.put(probed)
        self._recover(None)
        return BufferVerdict.PASS

    def _withhold_all(self, frames: Sequence[FrameMeta]) -> None:
        """Count the cameras' frames of a batch that is dropped; they reach neither floor nor looks."""
        for frame in frames:
            if (camera := self.cameras.get(frame.pad)) is not None:
                self._on_withheld(camera.camera, "self_check")

    def _process_frame(
        self,
        buffer: int,
        batch: BatchMeta,
        meta: FrameMeta,
        camera: CameraMeta | None,
        done: list[ProbedFrame],
    ) -> None:
        """Cover, draw and tag one frame; raises only where not even the whole of it can be covered.

        done: takes what the floor is told of the frame.
        """
        name = f"pad {meta.pad}" if camera is None else camera.camera
        probed: ProbedFrame | None = None
        try:
            if camera is None:
                raise MetaError(f"no camera belongs to {name}")
            masks, generation = camera.masks, camera.origins.generation
            if not camera.origins.is_current(meta.pts):
                self._withhold(batch, meta, camera, "removed")
                self._frame_queue.pass_over(name)
                return
            surface = self._reader.surface_of(meta)
            frame, pairs = camera.frame(meta, surface, masks)
            public = masks.public(frame)
            ended = camera.ended(frame.captured_at)
            probed = ProbedFrame(public, masks.masked_by, ended, generation=generation)
            done.append(probed)
            heads = camera.heads(frame)
            # Drawing, looks and marks uncover nothing: where they fail the frame goes on without them.
            self._tolerate(name, "the overlay", self._draw, meta, pairs, surface, name)
            if camera.is_turned:  # its people are priced all the same
                self._withhold(batch, meta, camera, "turned")
                probed.withheld = True
            else:
                covers = self._covers(heads, frame, surface, masks.covers(surface))
                self._writer.redact(batch, meta, covers, self._process_key)
                probed.masks = heads
            if (crops := self._crops) is not None:
                self._tolerate(name, "a look", crops.offer, buffer, meta.batch_id, public, masks.polygons)
            if (marks := self._marks) is not None:
                self._tolerate(name, "the brand model", marks.take, meta, pairs, masks, public, surface)
        except Exception as error:  # noqa: BLE001 one camera's fault must not touch the others
            self._cover_all(batch, meta)
            if probed is not None:
                probed.masks, probed.withheld = None, False
            else:
                self._frame_queue.pass_over(name)
            self._fail(name, error)
        else:
            self._recover(name)

    def _judge(self, batch: BatchMeta, meta: FrameMeta, check: SelfCheck) -> None:
        """Pass the masks of a self-check frame to `check`; the frame itself is always covered whole."""
        self._cover_all(batch, meta)
        masks: Sequence[Mask] = ()
        size = meta.source_size
        try:
            frame, _ = check.camera.frame(meta, self._reader.surface_of(meta), check.camera.masks)
            masks, size = check.camera.heads(frame), frame.size
        except Exception as error:  # noqa: BLE001 the check says so: nothing is covered
            self._report_failure("the self-check of masking", error)
        check.judge(masks, size)

    def _covers(
        self, heads: Sequence[Mask], frame: Frame, surface: tuple[int, int], more: FixedCovers
    ) -> Sequence[Cover]:
        """Return what covers these heads on the surface, and `more` beside them."""
        if isinstance(heads, PackedMasks):
            return heads.covers(frame.size, surface, opaque=self._opaque, more=more)
        boxes = [on_surface(head.box, frame.size, surface) for head in heads]
        return [*(Cover(*box, opaque=self._opaque) for box in boxes if box is not None), *more.boxes]

    def _withhold(self, batch: BatchMeta, meta: FrameMeta, camera: CameraMeta, reason: str) -> None:
        """Cover a frame whole: one of an earlier connection, or of a camera that hangs turned."""
        self._cover_all(batch, meta)
        self._on_withheld(camera.camera, reason)

    def _cover_all(self, batch: BatchMeta, meta: FrameMeta) -> None:
        width, height = self._reader.surface_of(meta)
        if not (width > 0 and height > 0):
            raise MetaError("a frame without a size")
        self._writer.redact(batch, meta, [Cover(0, 0, width, height, opaque=True)], self._process_key)

    def _draw(self, meta: FrameMeta, pairs: Pairs, surface: tuple[int, int], camera: str) -> None:
        """Write outlines and texts."""
        drawing = self._overlay.drawing(camera, pairs, surface)
        self._writer.draw(() if meta.objects is None else meta.objects, drawing, surface)

    def _tolerate(self, camera: str, what: str, step: Callable[..., None], *given: object) -> None:
        """Do a step that uncovers nothing; where it fails it is logged, and the frame goes on without it."""
        try:
            step(*given)
        except Exception as error:  # noqa: BLE001 these steps are no part of redaction
            self._report_failure(f"{camera}: {what}", error)
        else:
            if self._failures:
                self._recover(f"{camera}: {what}")

    def _fail(self, camera: str | None, error: Exception) -> None:
        self._on_failure(camera)
        self._report_failure(camera, error)

    def _report_failure(self, where: str | None, error: Exception) -> None:
        """Log the first failure of its kind; `_recover` needs STEADY_S without one."""
        if where not in self._failures:
            is_expected = isinstance(error, (MetaError, RedactionFailed))
            why = str(error) if is_expected else type(error).__name__
            logger.error("%s: %s", where or "a whole batch was withheld", why)
        self._failures[where] = self._clock()

    def _recover(self, where: str | None) -> None:
        if where in self._failures and self._clock() - self._failures[where] >= STEADY_S:
            del self._failures[where]
            logger.info("%s: works again", where or "the probe")
