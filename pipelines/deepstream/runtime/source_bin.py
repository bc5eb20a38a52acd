"""A camera's bin in the running pipeline: put in, its frames counted and dropped, taken out again."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.cameras import login_guard
from pipelines.cameras.jitter_buffer import let_leak, set_waiting
from pipelines.cameras.keep_alive import KeepAlive
from pipelines.cameras.loss_guard import LossGuard
from pipelines.cameras.video_track import VideoTrack, on_select_stream
from pipelines.deepstream.graph.camera import NOWHERE, PACE, crop_text
from pipelines.deepstream.runtime.elements import Gst, get_nick
from pipelines.deepstream.runtime.picture_shape import ShapeCheck
from pipelines.errors import BadInput
from pipelines.gst_structure import caps_structure

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.cameras.clocks import FrameRateLimit
    from pipelines.deepstream.graph.camera import Part, Shape
    from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline
    from pipelines.deepstream.runtime.picture_shape import Misfit


logger = logging.getLogger(__name__)

DROP, MAX_INTERVAL = "drop-frame-interval", 30
"""A property of decoders: of so many frames one comes out; 0 for all. Its range is in readback.json."""


Login = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RtspAccess:
    """What a source needs beside its address: a login, which video track, and how many frames are analysed.

    fps: more of the camera's frames than that need not leave the decoder; 0 for all. protocols: rtspsrc's
    property, where nvurisrcbin does not set it; "" leaves it alone.
    """

    login: Login | None = field(default=None, repr=False)
    track: int = 1
    fps: float = 0.0
    protocols: str = ""


class FrameTap:
    """A pad probe at the end of a camera's bin: counts frames, and drops those above the frame rate.

    Called in the camera's streaming thread; all others only read. passed: called with the PTS of each frame
    that goes on.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        limit: FrameRateLimit | None,
        passed: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._clock, self._limit, self._passed = clock, limit, passed
        self._received = self._dropped = 0
        self._taken = (0, 0)
        self.last: float | None = None
        self.ended = False
        self.shut = False

    def frame(self) -> bool:
        """Note a frame and return whether it goes on."""
        self.last = now = self._clock()
        self._received += 1
        if self.shut or not (self._limit is None or self._limit.passes(now)):
            self._dropped += 1
            return False
        return True

    def take(self) -> tuple[int, int]:
        """Return how many frames came, and how many of them were dropped, since last asked."""
        total, before = (self._received, self._dropped), self._taken
        self._taken = total
        return total[0] - before[0], total[1] - before[1]

    def put_on(self, pad: Any) -> None:
        """Watch a pad from now on."""
        kinds = Gst.PadProbeType.BUFFER | Gst.PadProbeType.EVENT_DOWNSTREAM
        pad.add_probe(kinds, self._seen)

    def _seen(self, _pad: Any, info: Any) -> Any:
        # An exception or None here would drop the frame, and print a traceback for each (pitfall 32).
        if info.type & Gst.PadProbeType.BUFFER:
            if not self.frame():
                return Gst.PadProbeReturn.DROP
            self._passed(info.get_buffer().pts)
            return Gst.PadProbeReturn.OK
        if info.get_event().type == Gst.EventType.EOS:
            self.ended = True
        return Gst.PadProbeReturn.OK


OPEN_S = 1.0
"""So long the mux is waited for, which takes milliseconds unless what follows it is busy, or hangs."""


class SourceBin:
    """Puts a camera's bin into the pipeline and takes it out, once. `open` waits OPEN_S, `close` does not."""

    def __init__(
        self,
        built: BuiltPipeline,
        camera: str,
        tap: FrameTap,
        access: RtspAccess,
        *,
        part_of: Callable[[Shape], Part | None] | None = None,
        on_misshapen: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """part_of: where in the frame a picture of a shape belongs; None where any shape will do.

        on_misshapen: called, in the camera's streaming thread, for each frame of a shape for which the bin
        was not built. clock: tells since when they come.
        """
        self._built, self._camera, self._tap, self._access = built, camera, tap, access
        self._part_of, self._on_misshapen, self._clock = part_of, on_misshapen, clock
        self._shape: ShapeCheck | None = None
        self._bin: Any = None
        self._entry: Any = None
        self._keep_alives: list[KeepAlive] = []
        self._guard = LossGuard()
        self._opener: threading.Thread | None = None
        self._is_refused = False
        self._closer: threading.Thread | None = None
        self._closed = threading.Event()

    def open(self) -> None:
        """Put the bin in. Raises BadInput where it cannot be built or linked.

        The mux gives no pad while it pushes a batch, and pushes for as long as what follows is busy: then the
        bin is linked later, or is `refused` then, or never comes to it, and its camera gives no frame.
        """
        built, link = self._built, self._built.exit_of(self._camera)
        box = built.camera_bin(self._camera)
        # nvurisrcbin has no login of its own, and hands latency and transport on for rtsp:// only; the
        # rtspsrc inside has all three.
        box.connect("deep-element-added", _configure, self._access, self._keep_alives, self._guard)
        _play_from_now(box, built.pipeline)
        self._check_shape(box)
        out = box.get_static_pad("src")
        self._tap.put_on(out)
        # A bin whose element fails, a USB camera that is not there, say, would fail the pipeline's own way to
        # PLAYING, if that is still under way, and hold all other cameras in PAUSED.
        box.set_locked_state(True)
        built.pipeline.add(box)
        self._bin = box
        name, arguments = f"open-{self._camera}", (box, link.sink_pad)
        self._opener = threading.Thread(target=self._enter, args=arguments, name=name, daemon=True)
        self._opener.start()
        self._opener.join(OPEN_S)
        if self._is_refused:
            self.close()
            raise BadInput(f"camera {self._camera}: {link.sink}.{link.sink_pad} cannot be linked")

    def _enter(self, box: Any, pad: str) -> None:
        """Link the bin to a pad of the mux, which may wait until the mux has pushed its batch; play it."""
        try:
            self._entry = entry = self._built.mux_pads.take(pad)
            out = box.get_static_pad("src")
            if entry is None or out.link_full(entry, Gst.PadLinkCheck.DEFAULT) != Gst.PadLinkReturn.OK:
                self._is_refused = True
            elif not self._tap.shut and box.sync_state_with_parent():
                box.set_locked_state(False)
        except Exception:
            self._is_refused = True
            logger.exception("camera %s: source bin cannot be linked", self._camera)

    @property
    def refused(self) -> bool:
        """Whether the mux, after `open`, gave no pad for it: no frame will come of this bin."""
        return self._is_refused

    def keep_alive(self) -> None:
        """Have the camera's session kept; to be called now and then while frames come."""
        if self._keep_alives and not self._tap.shut:
            self._keep_alives[-1].frame(self._clock())

    def take_withheld(self) -> int:
        """Return how many coded pictures were withheld, after a gap in the stream, since last asked."""
        return self._guard.take()

    @property
    def answered(self) -> bool:
        """Whether packets of video come: nvurisrcbin adds its pad with rtspsrc's (cb_newpad_rtspsrc, 9.2)."""
        source = self._bin.get_by_name(f"source_{self._camera}") if self._bin is not None else None
        return source is not None and any(
            pad.get_pad_template().presence == Gst.PadPresence.SOMETIMES for pad in source.srcpads
        )

    def close(self) -> None:
        """Begin to take the bin out, in a thread of its own: a driver that hangs there costs only that."""
        self._tap.shut = True
        if self._closer is None:
            self._closer = threading.Thread(target=self._take_out, name=f"close-{self._camera}", daemon=True)
            self._closer.start()

    @property
    def misfit(self) -> Misfit | None:
        """The shape of pictures for which the bin was not built; their frames are dropped."""
        return self._shape.misfit if self._shape else None

    def _check_shape(self, box: Any) -> None:
        part_of = self._part_of
        if part_of is None:
            return
        fit = box.get_by_name(f"fit_{self._camera}")
        # The element itself is asked: settings may have changed since the bin was built.
        there = get_nick(fit, "dest-crop") if fit is not None else None
        built_for = there or crop_text(NOWHERE)
        self._shape = ShapeCheck(
            lambda shape: crop_text(part_of(shape) or NOWHERE) == built_for,
            on_drop=self._on_misshapen,
            clock=self._clock,
        )
        self._shape.put_on(box.get_by_name(f"newest_{self._camera}").get_static_pad("sink"))

    @property
    def closed(self) -> bool:
        """Whether the bin is out and its pad at the mux free again."""
        return self._closed.is_set()

    def _take_out(self) -> None:
        try:
            box, self._bin = self._bin, None
            if self._opener is not None:
                self._opener.join()
            if box is not None:
                # Kept from following the pipeline to a higher state again while it is on its way out.
                box.set_locked_state(True)
                box.set_state(Gst.State.NULL)
                # The pad that was taken, linked or not: nobody else gives it back.
                out, entry, self._entry = box.get_static_pad("src"), self._entry, None
                if entry is not None:
                    if entry.is_linked():
                        # As NVIDIA's add and delete sample does: what the pad still holds goes first.
                        entry.send_event(Gst.Event.new_flush_stop(False))
                        out.unlink(entry)
                    self._built.mux_pads.give_back(entry)
                self._built.pipeline.remove(box)
            self._closed.set()
        except Exception:
            logger.exception("camera %s: source bin cannot be removed", self._camera)


def _configure(
    box: Any,
    _inner: Any,
    element: Any,
    access: RtspAccess,
    keep_alives: list[KeepAlive],
    guard: LossGuard,
) -> None:
    """Give the rtspsrc inside a source its login, protocols and track; the decoder its interval.

    keep_alives: gets one for each rtspsrc. guard: withholds coded pictures before the decoder of an rtspsrc.
    """
    factory = element.get_factory()
    if factory is not None and factory.get_name() == "queue" and _is_rtsp(box):  # before the decoder, of 1 s
        let_leak(element)
    if element.find_property(DROP) is not None:
        _thin_out(box, element, access.fps)
        if _is_rtsp(box) and element.get_static_pad("sink") is not None:
            guard.watch_decoder(element)
    if element.find_property("user-id") is None or element.find_property("user-pw") is None:
        return
    set_waiting(element)
    if access.protocols:
        Gst.util_set_object_arg(element, "protocols", access.protocols)
    if (session := login_guard.settle()) is not None:  # the source has just made it, in this thread
        session.has_login = access.login is not None
        keep_alives[:] = [KeepAlive(element, session)]
    # The bin may have a handler of its own; rtspsrc leaves a track alone as soon as one handler says so.
    element.connect("select-stream", on_select_stream, VideoTrack(access.track))
    if access.login is not None:
        element.set_property("user-id", access.login[0])
        element.set_property("user-pw", access.login[1])


def _is_rtsp(box: Any) -> bool:
    return bool(box.iterate_all_by_element_factory_name("rtspsrc").next()[0] == Gst.IteratorResult.OK)


def _thin_out(box: Any, decoder: Any, fps: float) -> None:
    """Have the decoder give every n-th frame where the stream says that it has n times what is analysed.

    nvurisrcbin sets its own number on a decoder that is added, before or after this; so it gets the same.
    """
    rate = _coded_rate(box)
    interval = min(MAX_INTERVAL, int(rate / fps + 0.01)) if fps > 0 else 0
    if interval < 2:
        return
    for element in (decoder, *box.children):
        if element.find_property(DROP) is not None:
            element.set_property(DROP, interval)
    logger.debug("%s: %.4g frames a second, drop-frame-interval %d", box.get_name(), rate, interval)


def _coded_rate(box: Any) -> float:
    """Return the frames a second that the caps of the coded video name; 0 where they name none."""
    iterator = box.iterate_recurse()
    while True:
        result, element = iterator.next()
        if result != Gst.IteratorResult.OK:
            return 0.0
        for pad in element.srcpads:
            caps = pad.get_current_caps()
            structure = caps_structure(caps) if caps is not None and caps.get_size() else None
            if structure is None or structure.get_name().startswith("video/x-raw"):
                continue
            ok, over, under = structure.get_fraction("framerate")
            if ok and over > 0 and under > 0:
                return float(over / under)


def _play_from_now(box: Any, pipeline: Any) -> None:
    """Shift a file's frames to the running time at which it starts: else it races until it has caught up."""
    clock = pipeline.get_clock()
    if clock is None:
        return
    running = max(0, clock.get_time() - pipeline.get_base_time())
    for element in box.children:
        if element.get_name().startswith(PACE):
            element.get_static_pad("sink").set_offset(running)
