"""Cameras through GStreamer: RTSP, devices, files. One fresh pipeline a connection, frames are pulled.

Callbacks are plain functions that hold nothing, and speak by messages on the bus: a closure over its own
pipeline would leak it with each reconnect.
"""

from __future__ import annotations

import os
import time
import weakref
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipelines.cameras.causes import ANSWERED, answer_in, cause_of_status, classify
from pipelines.cameras.play_check import SILENT_SHARE, refusal_to_play
from pipelines.cameras.preflight import check_answer
from pipelines.cameras.source import RawFrame, SourceKind, SourceLost, Transport
from pipelines.cameras.states import Cause
from pipelines.cameras.throttle import Unit, unit_of
from pipelines.cameras.video_track import VideoTrack, on_select_stream
from pipelines.cpu import gst
from pipelines.cpu.gst import CONVERT, SINK, Gst
from pipelines.cpu.images import ImageFolder
from pipelines.cpu.memory import MemoryGrowth
from pipelines.cpu.movie_header import longer_video, patched_source
from pipelines.cpu.network import ask_network

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.image import I420
    from pipelines.cameras.source import Source, SourceSpec
    from pipelines.cameras.throttle import DecodeGate
    from pipelines.cpu.movie_header import HeaderPatch

__all__ = ["GstSource", "RawFrame", "open_source"]

_WANTED = Gst.MessageType.ERROR | Gst.MessageType.EOS | Gst.MessageType.APPLICATION
_TRANSPORTS = {Transport.TCP: "tcp+tls", Transport.UDP: "udp+udp-mcast+tls", Transport.AUTO: "udp+tcp+tls"}
MAX_GROWTH = 1_000_000_000
HEAD_BYTES = 512
"""Of a coded picture, in which its first slice begins, mostly."""
_DEFAULT_PORT = {"rtsp": 554, "rtsps": 322}
_RTP_CHAINS = {
    "H264": ("rtph264depay", "h264parse", "avdec_h264"),
    "H265": ("rtph265depay", "h265parse", "avdec_h265"),
    "JPEG": ("rtpjpegdepay", "jpegdec"),
}


def open_source(spec: SourceSpec, decoded: DecodeFilter | None = None) -> Source:
    """Begin a connection to a camera and return at once. SourceLost where not even that can be done.

    decoded: which coded pictures of an RTSP camera are decoded; all without it.
    """
    if spec.kind is SourceKind.FOLDER:
        source: Source = ImageFolder(spec.source, spec.fps, loop=spec.loop)
    else:
        gst.init()
        if spec.kind is SourceKind.RTSP:
            check_answer(spec)
        source = GstSource(spec, decoded)
    return RotatedSource(source, spec.rotate) if spec.rotate else source


class RotatedSource:
    """A source whose pictures are turned clockwise, for a camera that hangs on its side or upside down."""

    def __init__(self, source: Source, degrees: int) -> None:
        self._source, self._degrees = source, degrees

    def wait(self, timeout_s: float) -> bool:
        """Wait for the next frame; see `Source`."""
        return self._source.wait(timeout_s)

    def take(self) -> I420:
        """Return the turned frame; see `Source`."""
        return self._source.take().rotated(self._degrees)

    def take_withheld(self) -> int:
        """Return how many frames were withheld; see `Source`."""
        return self._source.take_withheld()

    def take_undecoded(self) -> int:
        """Return how many frames were left out; see `Source`."""
        return self._source.take_undecoded()

    @property
    def answered(self) -> bool:
        """Whether video has begun to come; see `Source`."""
        return self._source.answered

    def close(self) -> None:
        """Close the source; see `Source`."""
        self._source.close()


class GstSource:
    """One running pipeline of one RTSP camera, device or file."""

    def __init__(
        self, spec: SourceSpec, decoded: DecodeFilter | None = None, *, guard: LossGuard | None = None
    ) -> None:
        self._spec, self._kind = spec, spec.kind
        build = {SourceKind.RTSP: _rtsp, SourceKind.V4L2: _device, SourceKind.FILE: _file}[self._kind]
        self._decoded, self._guard = decoded, guard or LossGuard(decoded)
        self._pipeline = build(spec, self._guard)
        self._sink = self._pipeline.get_by_name(SINK)
        self._bus = self._pipeline.get_bus()
        self._sample: Any = None
        self._message: Any = None
        self._began = time.monotonic()
        self._growth: MemoryGrowth | None = MemoryGrowth() if self._kind is SourceKind.RTSP else None
        self._is_asked = self._kind is not SourceKind.RTSP
        self._pipeline.set_state(Gst.State.PLAYING)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the next frame; see `Source`."""
        if self._message is not None:
            self._handle_message(self._message)
        self._sample = self._sink.try_pull_sample(int(timeout_s * Gst.SECOND))
        self._check_memory()
        if self._sample is None and not self._is_asked:
            self._check_silence()
        patience = int(timeout_s * Gst.SECOND) if self._sample is None and self._sink.is_eos() else 0
        # This also empties the bus of all that nobody reads.
        self._message = self._bus.timed_pop_filtered(patience, _WANTED)
        if self._sample is None and self._message is not None:
            self._handle_message(self._message)
        return self._sample is not None

    def _check_memory(self) -> None:
        """Give a connection up that takes far more memory than any camera needs before its first frame.

        rtspsrc takes in whatever an answer claims to hold. Another camera that connects just then may be
        given up too; it is called again.
        """
        if self._growth is None:
            return
        if self._sample is not None:
            self._growth = None
        elif self._growth.bytes() > MAX_GROWTH:
            raise SourceLost(Cause.ANSWER, "memory grew by a gigabyte before the first frame")

    def _check_silence(self) -> None:
        """Give a camera up that refuses to play in a way which rtspsrc does not report."""
        if self.answered:
            self._is_asked = True
        elif time.monotonic() - self._began > SILENT_SHARE * self._spec.connect_timeout_ms / 1000:
            self._is_asked = True
            if status := refusal_to_play(self._spec):
                raise SourceLost(cause_of_status(int(status[:3])), f"PLAY: {status}", answer=status)

    def take(self) -> I420:
        """Copy out the frame; see `Source`."""
        sample, self._sample = self._sample, None
        return gst.copy_i420(sample)

    def take_withheld(self) -> int:
        """Return how many frames were withheld; see `Source`."""
        return self._guard.take()

    def take_undecoded(self) -> int:
        """Return how many frames were left out; see `Source`."""
        return 0 if self._decoded is None else self._decoded.take()

    @property
    def answered(self) -> bool:
        """Whether video has begun to come; see `Source`."""
        convert = self._pipeline.get_by_name(CONVERT)
        return bool(convert.get_static_pad("sink").is_linked())

    @property
    def pipeline(self) -> Any:
        """The running GStreamer pipeline."""
        return self._pipeline

    def close(self) -> None:
        """Stop and free the pipeline."""
        self._sample = self._message = None
        self._pipeline.set_state(Gst.State.NULL)

    def _handle_message(self, message: Any) -> None:
        self._message = None
        if message.type == Gst.MessageType.APPLICATION:
            raise SourceLost(Cause(message.get_structure().get_name()), "found while linking")
        if message.type == Gst.MessageType.EOS:
            if not (self._spec.loop and self._kind is SourceKind.FILE and self._rewind()):
                raise SourceLost(Cause.ENDED)
            return
        error, debug = message.parse_error()
        text = f"{error.message} {debug or ''}".replace(self._spec.source, self._spec.address)
        cause = classify(self._kind, error.domain, error.code, text)
        if cause is Cause.UNKNOWN and self._kind is SourceKind.RTSP:
            cause = self._diagnose()
        words = answer_in(text) if self._kind is SourceKind.RTSP and cause in ANSWERED else ""
        raise SourceLost(cause, f"{error.domain} {error.code}: {text}", answer=words)

    def _rewind(self) -> bool:
        return bool(
            self._pipeline.seek_simple(Gst.Format.TIME, Gst.SeekFlags.FLUSH | Gst.SeekFlags.KEY_UNIT, 0)
        )

    def _diagnose(self) -> Cause:
        """Ask the network, for rtspsrc calls all that fails before RTSP begins a "Generic error"."""
        if time.monotonic() - self._began > 0.9 * self._spec.connect_timeout_ms / 1000:
            return Cause.TIMEOUT
        url = urlsplit(self._spec.source)
        port = url.port or _DEFAULT_PORT[url.scheme]
        cause = ask_network(url.hostname or "", port)
        return Cause.TLS if cause is Cause.UNKNOWN and url.scheme == "rtsps" else cause


def _rtsp(spec: SourceSpec, guard: LossGuard) -> Any:
    pipeline = gst.pipeline_to_i420(max_buffers=1, drop=True, sync=False)
    timeout_us = spec.connect_timeout_ms * 1000
    source = gst.make(
        "rtspsrc",
        location=spec.source,
        latency=spec.latency_ms,
        drop_on_latency=True,
        tcp_timeout=timeout_us,
        timeout=min(5_000_000, timeout_us),
        user_agent="make-sales-happen",
    )
    Gst.util_set_object_arg(source, "protocols", _TRANSPORTS[spec.transport])
    if not spec.tls_verify:
        source.set_property("tls-validation-flags", 0)
    if spec.username is not None:
        source.set_property("user-id", spec.username)
        source.set_property("user-pw", spec.password or "")
    source.connect("select-stream", on_select_stream, VideoTrack(spec.track))
    source.connect("pad-added", _link_rtp, guard)
    source.connect("no-more-pads", _check_linked)
    pipeline.add(source)
    return pipeline


def _device(spec: SourceSpec, _guard: LossGuard) -> Any:
    pipeline = gst.pipeline_to_i420(max_buffers=1, drop=True, sync=False)
    gst.chain(pipeline, gst.make("v4l2src", device=spec.source), _decode_any(max_threads=1))
    return pipeline


def _file(spec: SourceSpec, _guard: LossGuard) -> Any:
    pipeline = gst.pipeline_to_i420(max_buffers=1, drop=True, sync=True, upright=True)
    add_file(pipeline, spec.source, max_threads=1)
    return pipeline


def add_file(pipeline: Any, path: str, max_threads: int, *, pull: bool = False) -> None:
    """Let a file feed the pipeline's tail. max_threads of the decoder, 0 for as many as there are cores.

    pull: let the demuxer pull data, which only a file that is known to be whole allows.
    """
    # The open valve makes the demuxer wait for data instead of pulling it. Seen with GStreamer 1.22: where
    # one pulls and fails at once, as on an MP4 that was cut short, decodebin swallows the error (mostly);
    # behind a queue, which forgets a query that it held when the demuxer had enough, a short MP4 never ends.
    patch = longer_video(path)
    if patch is not None:
        chain = [_patched(path, patch)]
    else:
        chain = [gst.make("filesrc", location=_location(pipeline, path))]
        chain += () if pull else [gst.make("valve")]
    gst.chain(pipeline, *chain, _decode_any(max_threads))


def _patched(path: str, patch: HeaderPatch) -> Any:
    try:
        return patched_source(path, patch)
    except OSError as error:
        raise SourceLost(Cause.FILE, f"cannot be read: {error.strerror}") from None


def _location(pipeline: Any, path: str) -> str:
    """Return the path as GStreamer takes it: one that is no UTF-8 by a descriptor, open while it plays."""
    if path.isprintable() or not any("\udc80" <= letter <= "\udcff" for letter in path):
        return path
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SourceLost(Cause.FILE, f"cannot be read: {error.strerror}") from None
    weakref.finalize(pipeline, os.close, descriptor)
    return f"/proc/self/fd/{descriptor}"


def _decode_any(max_threads: int) -> Any:
    """Return a decodebin that decodes video only, in software, and links itself to CONVERT."""
    element = gst.make("decodebin", force_sw_decoders=True)
    element.connect("autoplug-continue", _is_not_audio)
    element.connect("element-added", _tune_one_thread if max_threads == 1 else _tune)
    element.connect("pad-added", _link_raw)
    element.connect("no-more-pads", _check_linked)
    return element


class DecodeFilter:
    """Leaves coded pictures out before the decoder, as a gate decides; called in the streaming thread."""

    def __init__(self, gate: DecodeGate, clock: Callable[[], float] = time.monotonic) -> None:
        self._gate, self._clock = gate, clock
        self._left_out = self._taken = 0

    def take(self) -> int:
        """Return how many were left out since the last call; of one other thread."""
        total, before = self._left_out, self._taken
        self._taken = total
        return total - before

    def leave_out(self) -> None:
        """Count a picture that is left out for another reason."""
        self._left_out += 1

    def passes(self, unit: Unit) -> bool:
        """Return whether a coded picture goes on."""
        passes = self._gate.passes(unit, self._clock())
        self._left_out += not passes
        return passes


class LossGuard:
    """Withholds coded pictures after a gap in the stream, until the next keyframe.

    A frame that refers to a lost one is smeared, and its detections would be wrong. In an open group of
    pictures that are also those which follow the keyframe and are shown before it.
    decoded: what of the rest goes to the decoder. Called in the streaming thread; holds no element.
    """

    def __init__(self, decoded: DecodeFilter | None = None) -> None:
        self._decoded = decoded
        self._lost = self._begun = self._has_left_out = False
        self._leading_until: int | None = None
        self._by_loss = False
        self._codec = ""
        self._withheld = 0

    def take(self) -> int:
        """Return how many pictures were withheld since the last call."""
        withheld, self._withheld = self._withheld, 0
        return withheld

    def watch(self, depayloader: Any, parser: Any, codec: str = "") -> None:
        """Look at what comes out of both. codec: as RTP names it."""
        self._codec = codec
        depayloader.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self._gap)
        parser.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self._pass)

    def _gap(self, _pad: Any, info: Any) -> Any:
        """Note a gap: depayloaders mark what follows one in the packets' numbers, and the first of all."""
        flags = info.get_buffer().get_flags()
        if self._begun and flags & (Gst.BufferFlags.DISCONT | Gst.BufferFlags.CORRUPTED):
            self._lost = True
        self._begun = True
        return Gst.PadProbeReturn.OK

    def _pass(self, _pad: Any, info: Any) -> Any:
        buffer = info.get_buffer()
        key = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        unit = unit_of(buffer.extract_dup(0, HEAD_BYTES), key=key, codec=self._codec)
        if unit is Unit.KEY:
            self._leading_until = buffer.pts if self._lost or self._has_left_out else None
            self._by_loss = self._lost
            self._lost = self._has_left_out = False
        elif self._lost or self._is_leading(buffer):
            if self._lost or self._by_loss or self._decoded is None:
                self._withheld += 1
            else:
                self._decoded.leave_out()
            return Gst.PadProbeReturn.DROP
        if self._decoded is None or self._decoded.passes(unit):
            return Gst.PadProbeReturn.OK
        self._has_left_out = True
        return Gst.PadProbeReturn.DROP

    def _is_leading(self, buffer: Any) -> bool:
        """Return whether a picture may refer past the last keyframe to one that did not go on."""
        return self._leading_until is not None and buffer.pts < self._leading_until


def _is_not_audio(_bin: Any, _pad: Any, caps: Any) -> bool:
    return not caps.get_structure(0).get_name().startswith("audio/")


def _tune(_bin: Any, element: Any) -> None:
    """No grey pictures before the first keyframe."""
    if element.find_property("output-corrupt") is not None:
        element.set_property("output-corrupt", False)


def _tune_one_thread(parent: Any, element: Any) -> None:
    """Frame threads would hold frames back, and a camera needs no second core."""
    _tune(parent, element)
    if element.find_property("max-threads") is not None:
        element.set_property("max-threads", 1)


def _convert_pad(element: Any) -> Any:
    """Return the input of the pipeline's tail, None where it is taken or the pipeline is being torn down."""
    pipeline = element.get_parent()
    convert = pipeline.get_by_name(CONVERT) if pipeline is not None else None
    pad = convert.get_static_pad("sink") if convert is not None else None
    return None if pad is None or pad.is_linked() else pad


def _say(element: Any, cause: Cause) -> None:
    structure = Gst.Structure.new_empty(cause.value)
    element.post_message(Gst.Message.new_application(element, structure))


def _check_linked(element: Any) -> None:
    if _convert_pad(element) is not None:
        _say(element, Cause.NO_VIDEO)


def _link_raw(element: Any, pad: Any) -> None:
    caps = pad.get_current_caps() or pad.query_caps(None)
    if caps.get_structure(0).get_name().startswith("video/"):
        target = _convert_pad(element)
        # `Pad.link` of gst-python raises where it fails, in a callback; `link_full` returns why.
        if target is not None and pad.link_full(target, Gst.PadLinkCheck.DEFAULT) != Gst.PadLinkReturn.OK:
            _say(element, Cause.CODEC)


def _link_rtp(source: Any, pad: Any, guard: LossGuard) -> None:
    """Choose depayloader and decoder by what the camera really sends."""
    structure = (pad.get_current_caps() or pad.query_caps(None)).get_structure(0)
    target = _convert_pad(source)
    if target is None or structure.get_string("media") != "video":
        return
    codec = (structure.get_string("encoding-name") or "").upper()
    names = _RTP_CHAINS.get(codec)
    if names is None:
        _say(source, Cause.CODEC)
        return
    try:
        elements = [gst.make(name) for name in names]
        pipeline = source.get_parent()
        gst.chain(pipeline, *elements)
    except SourceLost as lost:
        _say(source, lost.cause)
        return
    if len(elements) > 2:  # pictures that refer to others
        guard.watch(elements[0], elements[1], codec)
    _tune_one_thread(pipeline, elements[-1])
    elements[-1].get_static_pad("src").link(target)
    for element in elements:
        element.sync_state_with_parent()
    entry = elements[0].get_static_pad("sink")
    if pad.link_full(entry, Gst.PadLinkCheck.DEFAULT) != Gst.PadLinkReturn.OK:
        _say(source, Cause.CODEC)
