"""Live H.264 for the page as fragmented MP4: each camera is encoded once, and only while someone watches."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipelines.cameras.latest import LatestPerCamera
from pipelines.errors import BadInput
from pipelines.gst_structure import caps_structure
from pipelines.outputs import mp4_boxes
from pipelines.outputs.gst import Gst, caps, encoder, even_size, initialise, launch, only_redacted, to_buffer
from pipelines.outputs.jpeg import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)

WAITING = 2
"""Pictures that may wait for an encoder; one more is dropped."""
JUMP_NS = 10_000_000_000
"""A longer gap between two capture times, or one backwards, begins a new stream."""
CLOSE_S = 5.0
QUANTISER = 26
WIDEST = 1280
"""What wider pictures are scaled down to, px."""
AGAIN_S = 10.0
"""From an encoder's failure until the next is tried."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What all fragments of one encoder share.

    codecs: as in RFC 6381. began_at: when the picture at media time zero was captured (UTC ns).
    frame_size: of the frames, before they were scaled.
    """

    init: bytes
    codecs: str
    began_at: int
    frame_size: tuple[int, int]


NO_STREAM = Stream(b"", "", 0, (0, 0))
"""That of a fragment after which none of an earlier stream may be shown."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One picture. Those from a keyframe on can be played, behind the init segment of their own stream."""

    stream: Stream
    data: bytes
    keyframe: bool


class Viewing:
    """One viewer of a camera. on_fragment must not wait; it is called by one thread at a time, in order."""

    def __init__(self, camera: str, on_fragment: Callable[[Fragment], None]) -> None:
        self.camera, self._on_fragment = camera, on_fragment
        self._lock = threading.Lock()
        self._waiting: deque[Fragment] = deque()
        self._delivering = False

    def queue(self, fragments: Iterable[Fragment]) -> None:
        """Leave fragments for `deliver`, without calling anybody."""
        with self._lock:
            self._waiting.extend(fragments)

    def cut(self) -> None:
        """Drop what is queued, and leave the end of the stream for `deliver`."""
        with self._lock:
            self._waiting.clear()
            self._waiting.append(Fragment(NO_STREAM, b"", keyframe=False))

    def deliver(self) -> None:
        """Deliver what is queued, without a lock held; a thread that is already delivering takes it too."""
        with self._lock:
            if self._delivering:
                return
            self._delivering = True
        while (fragment := self._next()) is not None:
            try:
                self._on_fragment(fragment)
            except Exception:  # a viewer's fault is no other viewer's, and not the encoder's
                logger.exception("camera %s: a viewer of its video failed", self.camera)

    def _next(self) -> Fragment | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._delivering = False
            return None


@dataclass(eq=False, slots=True)
class _Camera:
    fps: int
    viewers: tuple[Viewing, ...] = ()
    encoder: _Encoder | None = None
    retry_at: float = float("-inf")


@dataclass(eq=False, slots=True)
class _Encoder:
    """A running pipeline. `newest`: the fragments since the last keyframe, for who comes later."""

    size: tuple[int, int]
    frame_size: tuple[int, int]
    began_at: int
    pipeline: Any
    source: Any
    sink: Any
    handler: int = 0
    last_at: int = -1
    stream: Stream | None = None
    number: int = 0
    newest: list[Fragment] = field(default_factory=list)

    def stop(self) -> None:
        """End it and free it; not in its own thread."""
        self.pipeline.set_state(Gst.State.NULL)
        # The handler holds this object, which holds the pipeline: left connected, none of them is ever freed.
        if self.handler:
            self.sink.disconnect(self.handler)
            self.handler = 0

    def take(self, sample: Any) -> Fragment:
        """Make a fragment of an encoded picture."""
        if self.stream is None:
            record = bytes(_content(caps_structure(sample.get_caps()).get_value("codec_data")))
            init, name = mp4_boxes.init_segment(record, self.size), mp4_boxes.codecs(record)
            self.stream = Stream(init, name, self.began_at, self.frame_size)
        buffer = sample.get_buffer()
        keyframe = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        self.number += 1
        at_ns = sample.get_segment().to_running_time(Gst.Format.TIME, buffer.pts)
        at = at_ns * mp4_boxes.TIMESCALE // Gst.SECOND
        data = mp4_boxes.fragment(self.number, at, _content(buffer), keyframe=keyframe)
        fragment = Fragment(self.stream, data, keyframe)
        if keyframe:
            self.newest.clear()
        self.newest.append(fragment)
        return fragment


class FragmentOutput:
    """A FrameSink. A new viewer gets the newest keyframe and all since, then each picture as it comes.

    Where the pictures change their size or their time jumps, a new stream begins: its fragments have another
    `stream`, and who watches must begin anew.
    """

    def __init__(self, cameras: Mapping[str, int], *, clock: Callable[[], float] = time.monotonic) -> None:
        """cameras: frames a second of each, which set the distance of its keyframes."""
        self._cameras = {name: _Camera(fps) for name, fps in cameras.items()}
        self._clock = clock
        self._lock = threading.Lock()
        self._frames: LatestPerCamera[tuple[_Camera, RedactedFrame]] = LatestPerCamera(
            self._on_drop, cameras=cameras
        )
        self.dropped = self.encoded = 0
        self._thread = threading.Thread(target=self._run, name="live-fragments", daemon=True)
        self._thread.start()

    def add_camera(self, camera: str, fps: int = 10) -> None:
        """Let a camera be watched; `fps` sets the distance of its keyframes."""
        with self._lock:
            if camera not in self._cameras:
                self._cameras = {**self._cameras, camera: _Camera(fps)}
        self._frames.add(camera)

    def remove_camera(self, camera: str) -> None:
        """Give no more of a camera; its encoder ends, and who watches gets nothing."""
        self._frames.remove(camera)
        with self._lock:
            gone = self._cameras.get(camera)
            self._cameras = {name: entry for name, entry in self._cameras.items() if name != camera}
            running = gone.encoder if gone else None
            if gone:
                gone.encoder, gone.viewers = None, ()
        if running:
            running.stop()

    def forget_pictures(self, camera: str) -> None:
        """End the camera's stream, with the pictures that are kept for who comes later; a new one begins."""
        with self._lock:
            gone = self._cameras.get(camera)
            if gone is None:
                return
            # Another entry: a frame of before that waits for the encoder belongs to none any more.
            self._cameras = {**self._cameras, camera: replace(gone, encoder=None)}
            running, gone.encoder = gone.encoder, None
            for viewing in gone.viewers:
                viewing.cut()
        if running:
            running.stop()
        for viewing in gone.viewers:
            viewing.deliver()

    def watch(self, camera: str, on_fragment: Callable[[Fragment], None]) -> Viewing:
        """Call on_fragment with each fragment from a keyframe on; KeyError for an unknown camera."""
        viewing = Viewing(camera, on_fragment)
        with self._lock:
            entry = self._cameras[camera]
            viewing.queue(entry.encoder.newest if entry.encoder else ())
            entry.viewers = (*entry.viewers, viewing)
        viewing.deliver()
        return viewing

    def unwatch(self, viewing: Viewing) -> None:
        """Stop calling; a call under way may still come. With its last viewer a camera's encoder goes."""
        with self._lock:
            if entry := self._cameras.get(viewing.camera):
                entry.viewers = tuple(one for one in entry.viewers if one is not viewing)
        self._frames.wake()

    def watched(self, camera: str) -> int:
        """Return how many watch a camera."""
        return len(self._cameras[camera].viewers) if camera in self._cameras else 0

    def wanted(self, camera: str) -> bool:
        """Return whether someone watches."""
        return self.watched(camera) > 0

    def publish(self, frame: RedactedFrame) -> None:
        """Keep the frame for the encoder; one that still waits is dropped and counted."""
        only_redacted(frame)
        entry = self._cameras.get(frame.frame.camera)
        if entry and entry.viewers:
            self._frames.put(frame.frame.camera, (entry, frame))

    def close(self) -> None:
        """End the thread and all encoders; no fragment is given any more."""
        self._frames.close()
        self._thread.join(CLOSE_S)

    def _on_drop(self, _camera: str, _reason: str) -> None:
        self.dropped += 1

    def _run(self) -> None:
        while not self._frames.closed:
            frames = self._frames.take(1, limit=1)
            for camera in self._idle():
                self._end_encoder(camera)
            for entry, frame in frames:
                self._try(entry, frame)
        for camera in self._cameras:
            self._end_encoder(camera)

    def _idle(self) -> list[str]:
        return [name for name, entry in self._cameras.items() if entry.encoder and not entry.viewers]

    def _end_encoder(self, camera: str) -> None:
        """Take a camera's encoder away; stop it without the lock, which its own thread may wait for."""
        with self._lock:
            entry, gone = self._cameras.get(camera), None
            if entry:
                entry.encoder, gone = None, entry.encoder
        if gone:
            gone.stop()

    def _try(self, entry: _Camera, frame: RedactedFrame) -> None:
        camera = frame.frame.camera
        if self._cameras.get(camera) is not entry or self._clock() < entry.retry_at:
            self.dropped += 1
            return
        try:
            self._feed(frame, entry)
        except Exception as error:  # noqa: BLE001 one camera's encoder must not end the others'
            logger.error("camera %s: no video for the page, which shows single pictures: %s", camera, error)
            entry.retry_at = self._clock() + AGAIN_S
            self._end_encoder(camera)

    def _feed(self, frame: RedactedFrame, entry: _Camera) -> None:
        camera, at = frame.frame.camera, frame.frame.captured_at
        pixels = scaled(frame.pixels, WIDEST)
        size = even_size(pixels)
        running = entry.encoder
        if running and (size != running.size or abs(at - running.last_at) > JUMP_NS):
            self._end_encoder(camera)
            running = None
        if running is None:
            running = self._start(camera, entry.fps, size, frame)
            with self._lock:
                removed = self._cameras.get(camera) is not entry
                if not removed:
                    entry.encoder = running
            if removed:  # while its encoder began
                running.stop()
                return
        if at <= running.last_at or running.source.get_property("current-level-buffers") >= WAITING:
            self.dropped += 1
            return
        failed = running.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
        if failed is not None:
            raise BadInput(failed.parse_error()[0].message)
        buffer = to_buffer(pixels)
        buffer.pts = at - running.began_at
        running.last_at = at
        if running.source.push_buffer(buffer) != Gst.FlowReturn.OK:
            self.dropped += 1

    def _start(self, camera: str, fps: int, size: tuple[int, int], frame: RedactedFrame) -> _Encoder:
        initialise()
        if min(size) < 16:
            raise BadInput(f"pictures of {size[0]} x {size[1]} pixels are too small to encode")
        pipeline = launch(
            f"appsrc name=in format=time max-bytes=0 caps={caps(size, fps)}"
            f" ! {encoder(fps, None, live=True, quantiser=QUANTISER)}"
            " ! video/x-h264,stream-format=avc,alignment=au ! appsink name=out sync=false emit-signals=true"
        )
        running = _Encoder(
            size,
            frame.frame.size,
            frame.frame.captured_at,
            pipeline,
            pipeline.get_by_name("in"),
            pipeline.get_by_name("out"),
        )
        running.handler = running.sink.connect("new-sample", self._encoded, camera, running)
        pipeline.set_state(Gst.State.PLAYING)
        return running

    def _encoded(self, sink: Any, camera: str, running: _Encoder) -> Any:
        """Give a picture to all who watch; in the thread of the encoder."""
        sample = sink.emit("pull-sample")
        if sample is None:
            return Gst.FlowReturn.EOS
        with self._lock:
            entry = self._cameras.get(camera)
            if entry is None or entry.encoder is not running:
                return Gst.FlowReturn.EOS
            fragment = running.take(sample)
            self.encoded += 1
            viewers = entry.viewers
            for viewing in viewers:
                viewing.queue([fragment])
        for viewing in viewers:
            viewing.deliver()
        return Gst.FlowReturn.OK


def _content(buffer: Any) -> bytes:
    with buffer.map(Gst.MapFlags.READ) as mapped:
        return bytes(mapped.data)
