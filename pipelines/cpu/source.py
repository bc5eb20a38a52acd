"""Cameras through GStreamer: RTSP, devices, files. One fresh pipeline a connection, frames are pulled."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cameras import login_guard
from pipelines.cameras.causes import ANSWERED, another_follows, answer_in, classify, refuses_transport
from pipelines.cameras.connection import tls_fault
from pipelines.cameras.file_end import is_cut_off
from pipelines.cameras.jitter_buffer import set_waiting
from pipelines.cameras.keep_alive import KeepAlive
from pipelines.cameras.loss_guard import DecodeFilter, LossGuard
from pipelines.cameras.memory import TOO_MUCH, MemoryGrowth
from pipelines.cameras.network import ask_address
from pipelines.cameras.play_check import SILENT_SHARE, why_silent
from pipelines.cameras.policy import BUSY_AGAIN_S
from pipelines.cameras.preflight import check_answer, check_file
from pipelines.cameras.source import PROTOCOLS, RawFrame, SourceKind, SourceLost, Transport
from pipelines.cameras.states import Cause
from pipelines.cameras.video_track import VideoTrack, on_select_stream
from pipelines.cpu import gst
from pipelines.cpu.decoding import add_file, check_linked, decode_any, link_rtp
from pipelines.cpu.gst import CONVERT, SINK, Gst
from pipelines.cpu.image_folder import ImageFolder
from pipelines.gst_structure import structure_of
from pricing.plain_file import file_stamp

if TYPE_CHECKING:
    from engines.image import I420
    from pipelines.cameras.source import Source, SourceSpec

__all__ = ["GstSource", "RawFrame", "open_source"]

_WANTED = Gst.MessageType.ERROR | Gst.MessageType.EOS | Gst.MessageType.APPLICATION


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
        elif spec.kind is SourceKind.FILE:
            check_file(spec.source)
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
        self._decoded, self._guard = decoded, guard or LossGuard(decoded)
        self._may_try_again = self._kind is SourceKind.RTSP
        self._may_try_tcp = self._may_try_again and spec.transport is Transport.AUTO
        self._sample: Any = None
        self._message: Any = None
        self._began = time.monotonic()
        self._growth: MemoryGrowth | None = MemoryGrowth() if self._kind is SourceKind.RTSP else None
        self._is_asked = self._kind is not SourceKind.RTSP
        self._play()

    def _play(self) -> None:
        self._stamp = file_stamp(Path(self._spec.source)) if self._kind is SourceKind.FILE else None
        build = {SourceKind.RTSP: _rtsp, SourceKind.V4L2: _device, SourceKind.FILE: _file}[self._kind]
        self._pipeline, self._keep_alive = build(self._spec, self._guard)
        self._sink = self._pipeline.get_by_name(SINK)
        self._bus = self._pipeline.get_bus()
        self._pipeline.set_state(Gst.State.PLAYING)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the next frame; see `Source`."""
        if self._message is not None:
            self._handle_message(self._message)
        self._sample = self._sink.try_pull_sample(int(timeout_s * Gst.SECOND))
        if self._sample is not None and self._keep_alive is not None:
            self._keep_alive.frame(time.monotonic())
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
        """Give a connection up that takes far more memory than any camera needs before its first frame."""
        if self._growth is None:
            return
        if self._sample is not None:
            self._growth = None
        elif self._growth.is_too_much:
            raise SourceLost(Cause.ANSWER, TOO_MUCH)

    def _check_silence(self) -> None:
        """Give a camera up that sends no video for a reason which rtspsrc does not report."""
        if self.answered:
            self._is_asked = True
        elif time.monotonic() - self._began > SILENT_SHARE * self._spec.connect_timeout_ms / 1000:
            self._is_asked = True
            cause, words = why_silent(self._spec)
            if cause is not Cause.NONE:
                raise SourceLost(cause, f"silent: {words}", answer=words)

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
            raise SourceLost(Cause(structure_of(message).get_name()), "found while linking")
        if message.type == Gst.MessageType.EOS:
            if not (self._spec.loop and self._kind is SourceKind.FILE and self._rewind()):
                raise SourceLost(Cause.ENDED)
            return
        error, debug = message.parse_error()
        text = f"{error.message} {debug or ''}".replace(self._spec.source, self._spec.address)
        if another_follows(text):
            return
        cause = classify(self._kind, error.domain, error.code, text)
        if cause is Cause.UNKNOWN and self._kind is SourceKind.RTSP:
            cause = self._diagnose()
        words = ""
        if self._kind is SourceKind.RTSP and cause in ANSWERED:
            words = answer_in(text)
        elif cause is Cause.TLS:
            words = tls_fault(self._spec)
        if cause is Cause.BUSY and self._may_try_again and not self.answered:
            self._may_try_again = False
            self._pipeline.set_state(Gst.State.NULL)
            time.sleep(BUSY_AGAIN_S)
            self._play()
            return
        if self._may_try_tcp and refuses_transport(text):  # of 461 rtspsrc does so itself
            self._may_try_tcp = False
            self._pipeline.set_state(Gst.State.NULL)
            self._spec = replace(self._spec, transport=Transport.TCP)
            self._play()
            return
        raise SourceLost(cause, f"{error.domain} {error.code}: {text}", answer=words)

    def _rewind(self) -> bool:
        """Play the file again; False where it must be opened anew.

        So must one that was replaced or grew meanwhile: this pipeline has the old one. One that was cut off
        cannot be wound back in most containers.
        """
        if file_stamp(Path(self._spec.source)) != self._stamp or is_cut_off(self._spec.source):
            return False
        return bool(
            self._pipeline.seek_simple(Gst.Format.TIME, Gst.SeekFlags.FLUSH | Gst.SeekFlags.KEY_UNIT, 0)
        )

    def _diagnose(self) -> Cause:
        """Return why the connection did not come about, or broke."""
        if not self.answered and time.monotonic() - self._began > 0.9 * self._spec.connect_timeout_ms / 1000:
            return Cause.TIMEOUT
        return ask_address(self._spec.source)


def _rtsp(spec: SourceSpec, guard: LossGuard) -> tuple[Any, KeepAlive | None]:
    pipeline = gst.pipeline_to_i420(max_buffers=1, drop=True, sync=False)
    timeout_us = spec.connect_timeout_ms * 1000
    source = gst.make(
        "rtspsrc",
        location=spec.source,
        tcp_timeout=timeout_us,
        timeout=min(5_000_000, timeout_us),
        user_agent="make-sales-happen",
    )
    session = login_guard.settle()
    set_waiting(source)
    Gst.util_set_object_arg(source, "protocols", PROTOCOLS[spec.transport])
    if not spec.tls_verify:
        source.set_property("tls-validation-flags", 0)
    if spec.username is not None:
        source.set_property("user-id", spec.username)
        source.set_property("user-pw", spec.password or "")
    source.connect("select-stream", on_select_stream, VideoTrack(spec.track))
    source.connect("pad-added", link_rtp, guard)
    source.connect("no-more-pads", check_linked)
    pipeline.add(source)
    if session is None:
        return pipeline, None
    session.has_login = spec.username is not None
    return pipeline, KeepAlive(source, session)


def _device(spec: SourceSpec, _guard: LossGuard) -> tuple[Any, None]:
    pipeline = gst.pipeline_to_i420(max_buffers=1, drop=True, sync=False)
    gst.chain(pipeline, gst.make("v4l2src", device=spec.source), decode_any(max_threads=1))
    return pipeline, None


def _file(spec: SourceSpec, _guard: LossGuard) -> tuple[Any, None]:
    pipeline = gst.pipeline_to_i420(max_buffers=1, drop=True, sync=True, upright=True)
    add_file(pipeline, spec.source, max_threads=1)
    return pipeline, None
