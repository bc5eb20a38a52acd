"""Sends masked pictures from the running pipeline to the outputs that want one now and then."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from pipelines.outputs.base import KeepsPictures
from pipelines.outputs.masked_jpeg import MaskedJpeg
from pricing.outage import CameraOutages
from probes.frame import Box, Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipelines.deepstream.checks.privacy_proof import Proof
    from pipelines.deepstream.runtime.pictures import PictureBranches
    from pipelines.outputs.base import PictureSink
    from pipelines.outputs.watching import LivePicture

logger = logging.getLogger(__name__)

FRAMES: Final = 32
"""Frames of a camera whose metadata is kept while their pictures are being encoded."""
WAITING: Final = 8
"""Pictures of a camera that may wait for their metadata, which another thread brings; the oldest goes."""
STOP_S: Final = 5.0


class SinkPictures:
    """Joins pictures to the metadata of their frames, in a thread of its own.

    A camera's branch is open only while one of the outputs wants a picture of it. on_result(camera, result)
    is called for each picture, from any thread: "sent" to the outputs, "failed" at one, "unwanted" by now;
    "no_frame" where nobody told of its frame (covered whole, or dropped by the floor), "dropped" where too
    many waited, or its camera's masks have changed. No lock is held meanwhile.
    """

    def __init__(
        self,
        pictures: PictureBranches,
        sinks: Sequence[PictureSink],
        *,
        proof: Proof,
        on_result: Callable[[str, str], None] = lambda _camera, _result: None,
    ) -> None:
        self._pictures, self._sinks, self._proof = pictures, tuple(sinks), proof
        self._on_result = on_result
        self._frames: dict[str, deque[Frame]] = {}
        self._open: set[str] = set()
        self._waiting: dict[str, deque[LivePicture]] = {}
        self._change = threading.Condition()
        self._closed = False
        self._outages = CameraOutages(logger, "masked pictures cannot be sent", "masked pictures are sent")
        self._thread = threading.Thread(target=self._run, name="deepstream-pictures", daemon=True)

    def start(self) -> None:
        """Begin, where there is an output to serve."""
        if self._sinks:
            self._thread.start()

    def offer(self, frame: Frame) -> None:
        """Take the metadata of a frame that was masked; opens or shuts its camera's branch. Never waits."""
        camera = frame.camera
        if not self._sinks or not self._pictures.has(camera):
            return
        with self._change:
            if self._closed:
                return
            self._frames.setdefault(camera, deque(maxlen=FRAMES)).append(frame)
            if self._waiting.get(camera):
                self._change.notify()
        wanted = any(sink.wanted(camera) for sink in self._sinks)
        if wanted and camera not in self._open:
            self._open.add(camera)
            self._pictures.listen(camera, self._take)
        elif not wanted and camera in self._open:
            self._open.remove(camera)
            self._pictures.unlisten(camera, self._take)

    def forget(self, camera: str) -> None:
        """Have the outputs forget a camera's pictures: its masks have changed since."""
        for sink in self._sinks:
            if isinstance(sink, KeepsPictures):
                sink.forget_pictures(camera)

    def close(self) -> bool:
        """End; False where the thread was left behind."""
        with self._change:
            self._closed = True
            self._change.notify()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)
        return not self._thread.is_alive()

    def _take(self, picture: LivePicture) -> None:
        """Take a picture, in the encoder's thread."""
        with self._change:
            waiting = self._waiting.setdefault(picture.camera, deque(maxlen=WAITING))
            is_full = len(waiting) == WAITING
            waiting.append(picture)
            self._change.notify()
        if is_full:
            self._on_result(picture.camera, "dropped")

    def _run(self) -> None:
        while not self._closed:
            with self._change:
                joined, without = self._joined()
                if not joined and not without and not self._closed:
                    self._change.wait()
            for camera in without:
                self._on_result(camera, "no_frame")
            for picture in joined:
                self._hand_out(picture)

    def _joined(self) -> tuple[list[MaskedJpeg], list[str]]:
        """Return the pictures whose frames are known, a camera's oldest first; and whose have none.

        Frames come in order: of those whose frame was passed over none is told of any more. The others wait.
        """
        joined, without = [], []
        for camera, waiting in self._waiting.items():
            frames = self._frames.get(camera, ())
            while waiting and frames and waiting[0].captured_at <= frames[-1].captured_at:
                picture = waiting.popleft()
                frame = next((one for one in frames if one.captured_at == picture.captured_at), None)
                if frame is None:
                    without.append(camera)
                    continue
                scaled, masked_by = _scaled(frame, picture.frame_size), picture.masked_by
                joined.append(MaskedJpeg(scaled, picture.jpeg, masked_by=masked_by, proof=self._proof))
        return joined, without

    def _hand_out(self, picture: MaskedJpeg) -> None:
        failed, result, camera = None, "unwanted", picture.frame.camera
        if not picture.masked_by.in_force:
            self._on_result(camera, "dropped")
            return
        for sink in self._sinks:
            try:
                if sink.wanted(camera):
                    sink.publish(picture)
                    result = "sent"
            except Exception as error:  # noqa: BLE001 one output's fault must not touch the others
                failed = error
        if failed is not None:
            self._outages.fail(camera, failed)
        elif result == "sent":
            self._outages.recover(camera)
        self._on_result(camera, result if failed is None else "failed")


def _scaled(frame: Frame, size: tuple[int, int]) -> Frame:
    """Return a frame's metadata in pixels of its picture, which is not of the camera's own size."""
    if frame.size == size:
        return frame
    x, y = size[0] / frame.size[0], size[1] / frame.size[1]
    found = tuple(
        seen._replace(box=Box(seen.box.x * x, seen.box.y * y, seen.box.w * x, seen.box.h * y))
        for seen in frame.detections
    )
    return Frame(frame.camera, frame.captured_at, size, found, frame.analysed)
