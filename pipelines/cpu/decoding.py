"""Depayloaders and decoders of the CPU pipeline, chosen by what a camera or a file really sends.

Callbacks are plain functions that hold nothing, and report by messages on the bus: a closure over its own
pipeline would leak it with each reconnect.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.file_type import MJPEG, read_type
from pipelines.cameras.jitter_buffer import let_leak
from pipelines.cameras.movie_header import begins_late, header_patches
from pipelines.cameras.program_stream import stream_map
from pipelines.cameras.raw_avi import has_raw_pictures
from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import Cause
from pipelines.cpu import gst
from pipelines.cpu.gst import CONVERT, Gst
from pipelines.cpu.jpeg_source import jpeg_source
from pipelines.cpu.patched_source import patched_source
from pipelines.gst_structure import caps_structure
from pipelines.software_decoding import decode_in_software, tune_one_thread

if TYPE_CHECKING:
    from pipelines.cameras.file_patch import FilePatch
    from pipelines.cameras.loss_guard import LossGuard


_RTP_CHAINS = {
    "H264": ("rtph264depay", "h264parse", "avdec_h264"),
    "H265": ("rtph265depay", "h265parse", "avdec_h265"),
    "JPEG": ("rtpjpegdepay", "jpegdec"),
}

WAITING_NS, WAITING_BYTES = 2_000_000_000, 16_000_000
"""How much of a camera's video waits for its decoder at most; then the oldest goes, see `LossGuard`."""
PACKETS = "packets"
MAX_SENDERS = 4
"""In one connection: rtspsrc keeps a buffer and a thread of each, for longer than half a minute."""
FIELDS = "format:Interlaced"
"""Feature of caps: each buffer holds one field of a picture."""


def add_file(pipeline: Any, path: str, max_threads: int, *, pull: bool = False) -> None:
    """Let a file feed the pipeline's tail. max_threads of the decoder, 0 for as many as there are cores.

    pull: let the demuxer pull data, which only a file that is known to be whole allows.
    """
    if (jpegs := _jpegs(path)) is not None:
        decoder = gst.make("avdec_mjpeg")  # it says which pictures are broken
        gst.chain(pipeline, jpegs, decoder)
        decoder.link(pipeline.get_by_name(CONVERT))
        return
    # The open valve makes the demuxer wait for data instead of pulling it. Seen with GStreamer 1.22: where
    # one pulls and fails at once, as on an MP4 that was cut short, decodebin swallows the error (mostly);
    # behind a queue, which forgets a query that it held when the demuxer had enough, a short MP4 never ends.
    if patches := header_patches(path):
        chain = [_patched(path, patches, pull=True)]
    elif (missing := stream_map(path)) is not None:  # its demuxer leaves out the last pictures if it pulls
        chain = [_patched(path, [missing], pull=False)]
    else:
        chain = [gst.make("filesrc", location=_location(pipeline, path))]
        chain += () if pull or begins_late(path) or has_raw_pictures(path) else [gst.make("valve")]
    gst.chain(pipeline, *chain, decode_any(max_threads))


def _jpegs(path: str) -> Any:
    """Return the source of a film of JPEGs; None for all else, and where the file cannot be read."""
    with contextlib.suppress(OSError):
        return jpeg_source(path) if read_type(Path(path)) is MJPEG else None
    return None


def _patched(path: str, patches: list[FilePatch], *, pull: bool) -> Any:
    try:
        return patched_source(path, patches, pull=pull)
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


def decode_any(max_threads: int) -> Any:
    """Return a decodebin that decodes video only, in software, and links itself to CONVERT."""
    element = gst.make("decodebin")
    decode_in_software(element, one_thread=max_threads == 1)
    element.connect("pad-added", _link_raw)
    element.connect("no-more-pads", check_linked)
    return element


def _convert_pad(element: Any) -> Any:
    """Return the input of the pipeline's tail, None where it is taken or the pipeline is being torn down."""
    pipeline = element.get_parent()
    convert = pipeline.get_by_name(CONVERT) if pipeline is not None else None
    pad = convert.get_static_pad("sink") if convert is not None else None
    return None if pad is None or pad.is_linked() else pad


def _post_cause(element: Any, cause: Cause) -> None:
    structure = Gst.Structure.new_empty(cause.value)
    element.post_message(Gst.Message.new_application(element, structure))


def check_linked(element: Any) -> None:
    """Report a stream without video: called when no more pads come."""
    if _convert_pad(element) is not None:
        _post_cause(element, Cause.NO_VIDEO)


def _link_raw(element: Any, pad: Any) -> None:
    caps = pad.get_current_caps() or pad.query_caps(None)
    if caps_structure(caps).get_name().startswith("video/"):
        target = _convert_pad(element)
        if target is not None and caps.get_features(0).contains(FIELDS):
            target = _woven(element.get_parent(), target)
        # `Pad.link` of gst-python raises where it fails, in a callback; `link_full` returns why.
        if target is not None and pad.link_full(target, Gst.PadLinkCheck.DEFAULT) != Gst.PadLinkReturn.OK:
            _post_cause(element, Cause.CODEC)


def _woven(pipeline: Any, target: Any) -> Any:
    """Return a pad for single fields of pictures, as interlaced H.265 gives; nothing else takes those."""
    weave = gst.make("deinterlace")
    Gst.util_set_object_arg(weave, "fields", "top")  # one picture of each two fields
    pipeline.add(weave)
    weave.get_static_pad("src").link(target)
    weave.sync_state_with_parent()
    return weave.get_static_pad("sink")


def _link_anew(source: Any, pad: Any) -> None:
    """Put a pad of the same track in the place of the last one: its sender has begun anew (another SSRC).

    Cameras do so when they switch to night or change their bit rate, servers when their own source is back.
    """
    pipeline = source.get_parent()
    queue = pipeline.get_by_name(PACKETS) if pipeline is not None else None
    if queue is None:
        return
    if len(source.srcpads) > MAX_SENDERS:
        _post_cause(source, Cause.ENDED)
        return
    entry = queue.get_static_pad("sink")
    if (last := entry.get_peer()) is not None:
        last.unlink(entry)
    pad.link_full(entry, Gst.PadLinkCheck.DEFAULT)


def link_rtp(source: Any, pad: Any, guard: LossGuard) -> None:
    """Choose depayloader and decoder by what the camera really sends."""
    structure = caps_structure(pad.get_current_caps() or pad.query_caps(None))
    if structure.get_string("media") != "video":
        return
    target = _convert_pad(source)
    if target is None:
        _link_anew(source, pad)
        return
    codec = (structure.get_string("encoding-name") or "").upper()
    names = _RTP_CHAINS.get(codec)
    if names is None:
        _post_cause(source, Cause.CODEC)
        return
    try:
        queue = gst.make("queue", PACKETS, max_size_time=WAITING_NS, max_size_bytes=WAITING_BYTES)
        queue.set_property("max-size-buffers", 0)
        let_leak(queue)
        elements = [queue, *(gst.make(name) for name in names)]
        pipeline = source.get_parent()
        gst.chain(pipeline, *elements)
    except SourceLost as lost:
        _post_cause(source, lost.cause)
        return
    if len(elements) > 3:  # pictures that refer to others
        guard.watch(elements[1], elements[2], codec)
    tune_one_thread(pipeline, elements[-1])
    elements[-1].get_static_pad("src").link(target)
    for element in elements:
        element.sync_state_with_parent()
    entry = elements[0].get_static_pad("sink")
    if pad.link_full(entry, Gst.PadLinkCheck.DEFAULT) != Gst.PadLinkReturn.OK:
        _post_cause(source, Cause.CODEC)
