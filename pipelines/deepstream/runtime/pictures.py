"""Redacted pictures out of the running pipeline, as JPEG, for whoever wants some: snapshots and the page."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pipelines.deepstream.graph.camera import NOWHERE, SIZE, crop_text
from pipelines.deepstream.graph.outlets import picture_caps
from pipelines.deepstream.runtime.elements import Gst, set_checked
from pipelines.deepstream.runtime.valves import PICTURE
from pipelines.gst_structure import caps_structure
from pipelines.outputs.watching import LivePicture
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipelines.deepstream.graph.camera import Part
    from pipelines.deepstream.runtime.valves import Valves
    from probes.redaction.masked_by import MaskedBy

    Listener = Callable[[LivePicture], None]

logger = logging.getLogger(__name__)

TIMEOUT_S = 2.0
REMEMBERED = 64
"""Frames whose time of capture is kept while they are on their way to the encoder."""
UNKNOWN = 10
"""So many pictures in a row without a capture time are a fault, not leftovers of an earlier viewer."""


class PictureBranches:
    """Hands out the pictures of each camera; they are drawn and encoded only while someone listens."""

    def __init__(
        self,
        pipeline: Any,
        valves: Valves,
        cameras: Iterable[str],
        newest: Callable[[str], tuple[int, MaskedBy] | None],
    ) -> None:
        """newest: see `Analysis.newest`."""
        self._feeds = {
            name: _Feed(name, pipeline, valves, newest)
            for name in cameras
            if pipeline.get_by_name(f"picture_{name}") is not None
        }

    def has(self, camera: str) -> bool:
        """Return whether the graph makes pictures of a camera."""
        return camera in self._feeds

    def listen(self, camera: str, listener: Listener) -> None:
        """Call listener, in the encoder's thread, with each picture captured from now on; it must not wait.

        Raises KeyError for a camera of which the graph makes no pictures.
        """
        self._feeds[camera].add(listener)

    def unlisten(self, camera: str, listener: Listener) -> None:
        """Stop calling; a call under way may still come."""
        self._feeds[camera].remove(listener)

    def crop(self, camera: str, part: Part | None) -> None:
        """Cut the pictures of a camera to a part of the frame from now on; None for the whole."""
        if self.has(camera):
            self._feeds[camera].crop(part)

    def take(self, camera: str, timeout_s: float = TIMEOUT_S) -> bytes | None:
        """Return the next picture as JPEG, None where none comes in time. From any thread."""
        got: queue.Queue[LivePicture] = queue.Queue(1)

        def put(picture: LivePicture) -> None:
            with suppress(queue.Full):
                got.put_nowait(picture)

        self.listen(camera, put)
        try:
            return got.get(timeout=timeout_s).jpeg
        except queue.Empty:
            return None
        finally:
            self.unlisten(camera, put)


class _Feed:
    """One camera's pictures, and who wants them.

    Each frame's capture time, and what it is masked by, is stored by its PTS at the demuxer's output, in the
    streaming thread that just probed it, and looked up behind the encoder. So the age is that of the capture,
    and frames that lay in the branch from an earlier time, without a stored PTS, are not shown.
    """

    def __init__(
        self,
        camera: str,
        pipeline: Any,
        valves: Valves,
        newest: Callable[[str], tuple[int, MaskedBy] | None],
    ) -> None:
        self._camera, self._valves, self._newest = camera, valves, newest
        self._entry = pipeline.get_by_name(f"demuxed_{camera}").get_static_pad("sink")
        self._listeners: tuple[Listener, ...] = ()
        self._judged: deque[tuple[int, tuple[int, MaskedBy]]] = deque(maxlen=REMEMBERED)
        self._probe_id = 0
        self._unknown = 0
        self._outage = Outage(
            logger,
            f"camera {camera}: live picture listener failed",
            f"camera {camera}: live picture listeners work again",
        )
        self._lock = threading.Lock()
        self._convert, self._raw = (pipeline.get_by_name(f"{role}_{camera}") for role in ("flat", "flatraw"))
        sink = pipeline.get_by_name(f"picture_{camera}")
        sink.set_property("emit-signals", True)
        sink.connect("new-sample", self._sample)

    def add(self, listener: Listener) -> None:
        with self._lock:
            if not self._listeners:
                self._judged.clear()
                self._unknown = 0
                self._probe_id = self._entry.add_probe(Gst.PadProbeType.BUFFER, self._note)
                self._valves.want(self._camera, PICTURE, wanted=True)
            self._listeners = (*self._listeners, listener)

    def remove(self, listener: Listener) -> None:
        with self._lock:
            had = bool(self._listeners)
            self._listeners = tuple(one for one in self._listeners if one != listener)
            if had and not self._listeners:
                self._valves.want(self._camera, PICTURE, wanted=False)
                self._entry.remove_probe(self._probe_id)

    def crop(self, part: Part | None) -> None:
        # src-crop may change while it plays; the caps behind it make the converter ask for it again.
        set_checked(self._convert, "src-crop", crop_text(part or NOWHERE), strict=False)
        set_checked(self._raw, "caps", picture_caps(part or (0, 0, *SIZE)))

    def _note(self, _pad: Any, info: Any) -> Any:
        """Note when a frame was captured; of the frame, not yet redacted here, only its timestamp is read."""
        if (judged := self._newest(self._camera)) is not None:
            self._judged.append((info.get_buffer().pts, judged))
        return Gst.PadProbeReturn.OK

    def _sample(self, sink: Any) -> Any:
        sample = sink.emit("pull-sample")
        listeners = self._listeners
        if sample is None or not listeners:
            return Gst.FlowReturn.OK
        buffer, caps = sample.get_buffer(), caps_structure(sample.get_caps())
        judged = dict(self._judged).get(buffer.pts)
        if judged is None:
            self._unknown += 1
            if self._unknown == UNKNOWN:
                logger.error("camera %s: frames without a capture time are not shown", self._camera)
            return Gst.FlowReturn.OK
        self._unknown = 0
        at, masked_by = judged
        if not masked_by.in_force:
            return Gst.FlowReturn.OK
        size = caps.get_value("width"), caps.get_value("height")
        jpeg = bytes(buffer.extract_dup(0, buffer.get_size()))
        self._call_listeners(listeners, LivePicture(self._camera, jpeg, at, size, masked_by))
        return Gst.FlowReturn.OK

    def _call_listeners(self, listeners: tuple[Listener, ...], picture: LivePicture) -> None:
        failed = None
        for listener in listeners:
            try:
                listener(picture)
            except Exception as error:  # noqa: BLE001 one listener's fault must not touch the others
                failed = error
        if failed is not None:
            self._outage.fail(failed)
        else:
            self._outage.recover()
