"""The part of the graph after nvstreamdemux: per camera redaction, text, encoders; the wall of all cameras.

Encoders and even redaction rest behind valves until someone wants the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipelines.deepstream.graph.camera import NEWEST, NVMM, SIZE, crop_text
from pipelines.deepstream.graph.redaction import REDACTOR

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.deepstream.graph.redaction import Redaction
    from pipelines.graph.graph import GraphBuilder, PipelineGraph, Properties

WALL: Final = "_wall"
"""Stands where a camera's name does; no camera can be called that."""
KEYFRAME_S: Final = 2
H264: Final = "video/x-h264,stream-format=byte-stream,alignment=au"
_SHUT: Final[Properties] = {"drop": True}
"""A shut valve holds back caps too, and sends them with the first frame once it is open: so an encoder takes
a session of the card only when somebody watches."""
_SINK: Final[Properties] = {
    # Pitfall 33. No last sample: it would pin a surface of a small pool (34).
    "sync": False,
    "async": False,
    "qos": False,
    "enable-last-sample": False,
    "max-buffers": 60,
    "drop": True,
}


@dataclass(frozen=True, slots=True)
class Outlets:
    """What leaves, of every camera. Without a bit rate there is no stream; segment_s in seconds.

    segment_bytes: most of one recording; 0 for no bound.
    """

    stream_kbit: int | None = None
    record_kbit: int | None = None
    record_folder: Path | None = None
    segment_s: int = 300
    segment_bytes: int = 0
    pictures: bool = False
    quality: int = 85

    @property
    def any(self) -> bool:
        """Whether anything leaves at all."""
        return bool(self.stream_kbit or self.record_kbit or self.pictures)


class OutletBuilder:
    """Adds the outlets to a draft."""

    def __init__(
        self, draft: GraphBuilder, outlets: Outlets, redaction: Redaction, box: Capabilities
    ) -> None:
        self._draft, self._outlets, self._redaction, self._box = draft, outlets, redaction, box

    def camera(self, name: str, slot: int, fps: float, part: tuple[int, int, int, int] | None = None) -> str:
        """Add one camera's outlets; return the tee with its redacted picture.

        part: left, top, width, height of what leaves, where the picture does not fill the frame.
        """
        draft, outlets = self._draft, self._outlets
        first = draft.add(f"demuxed_{name}", "queue", NEWEST)
        draft.link("demux", first, f"src_{slot}")
        redact = draft.add(f"redact_{name}", REDACTOR, self._redaction.properties)
        draft.gates.add(redact)
        tee = draft.chain(
            first,
            # What fails behind it costs this camera's pictures, not the batch that all cameras share.
            draft.add(f"isolate_{name}", "errorignore", convert_to="ok"),
            draft.add(f"demand_{name}", "valve", _SHUT),
            # It blurs first, then draws boxes and texts (nvll_osd/cuda/cuosd_kernel.cu, 9.1): one does both.
            redact,
            # Copies into a pool of its own before any tee: demuxed frames are the batch's own surfaces, and
            # one slow branch that holds on to them would starve the pool and stall every camera (pitfall 34).
            # Told not to pass through: from NV12 to NV12 it would hand on the batch's surface itself.
            draft.add(f"copy_{name}", "nvvideoconvert", disable_passthrough=True),
            draft.add(f"copied_{name}", "capsfilter", caps=f"{NVMM},format=NV12"),
            draft.add(f"tee_{name}", "tee", allow_not_linked=True),
        )
        if outlets.stream_kbit or outlets.record_kbit:
            self._stream(name, tee, fps, part)
        if outlets.pictures:
            self._pictures(name, tee, part)
        return tee

    def wall(self, tees: dict[str, tuple[int, str]], fps: float) -> None:
        """Add the wall: redacted pictures, muxed anew and tiled. tees: slot and tee by camera."""
        draft = self._draft
        side = math.ceil(math.sqrt(len(tees)))
        rows = math.ceil(len(tees) / side)
        properties = mux_properties(len(tees), fps, self._box, size=_tile(side))
        mux = draft.add("wallmux", "nvstreammux", properties)
        for name, (slot, tee) in tees.items():
            # No queue: the mux takes frames without waiting, since a leaky queue follows it.
            valve = draft.add(f"wallvalve_{name}", "valve", _SHUT)
            draft.link(tee, valve, "src_3")
            draft.link(valve, mux, sink_pad=f"sink_{slot}")
        width, height = SIZE
        tiler = draft.add(
            "walltiler", "nvmultistreamtiler", rows=rows, columns=side, width=width, height=height
        )
        convert = draft.add("wallcopy", "nvvideoconvert")
        caps = draft.add("wallcopied", "capsfilter", caps=f"{NVMM},format=NV12")
        queue = draft.add("walltiles", "queue", NEWEST)
        isolate = draft.add("isolate__wall", "errorignore", convert_to="ok")
        last = draft.chain(mux, queue, isolate, tiler, convert, caps)
        encoded = self._encoder(WALL, last, fps, self._outlets.stream_kbit or 0)
        draft.chain(encoded, self._appsink("stream", WALL, H264))

    def _stream(self, name: str, tee: str, fps: float, part: tuple[int, int, int, int] | None) -> None:
        draft, outlets = self._draft, self._outlets
        valve = draft.add(f"streamvalve_{name}", "valve", _SHUT)
        draft.link(tee, valve, "src_0")
        if part is not None:
            cut = draft.add(f"cut_{name}", "nvvideoconvert", src_crop=crop_text(part))
            caps = draft.add(f"cutout_{name}", "capsfilter", caps=f"{NVMM},format=NV12{_sized(part)}")
            valve = draft.chain(valve, cut, caps)
        rate = max(outlets.stream_kbit or 0, outlets.record_kbit or 0)
        encoded = self._encoder(name, valve, fps, rate)
        split = draft.chain(encoded, draft.add(f"encoded_{name}", "tee", allow_not_linked=True))
        if outlets.stream_kbit:
            # An appsink that drops never blocks, so no queue stands before it.
            draft.link(split, self._appsink("stream", name, H264), "src_0")
        if outlets.record_kbit and outlets.record_folder:
            self._record(name, split)

    def _record(self, name: str, split: str) -> None:
        draft, folder = self._draft, self._outlets.record_folder
        # A disk that is full or hangs costs the recording, not the streams that share its encoder.
        spare = draft.add(f"spare_{name}", "errorignore", convert_to="ok")
        # Where it is full the newest are left out, up to a key frame (runtime.recordings).
        queue = draft.add(
            f"tape_{name}",
            "queue",
            max_size_buffers=0,
            max_size_bytes=8_000_000,
            max_size_time=0,
            leaky="upstream",
        )
        parse = draft.add(f"tapeparse_{name}", "h264parse")
        sink = draft.add(
            f"record_{name}",
            "splitmuxsink",
            location=f"{folder}/{name}/%05d.mp4",
            max_size_time=self._outlets.segment_s * 1_000_000_000,
            max_size_bytes=self._outlets.segment_bytes,
            muxer_factory="mp4mux",
            muxer_properties=f"properties,{self._fragments()}",
            send_keyframe_requests=False,
            async_finalize=True,
            # Without it a camera that sends nothing keeps the whole pipeline from PAUSED (it never prerolls).
            async_handling=True,
        )
        draft.link(split, spare, "src_1")
        draft.chain(spare, queue, parse)
        draft.link(parse, sink, sink_pad="video")

    def _fragments(self) -> str:
        """Return how recordings are cut, for a kill: see Mp4Writer. DeepStream 7 has GStreamer 1.20."""
        if self._box.version is not None and self._box.version < (8, 0):
            return "fragment-duration=(uint)1,fragment-mode=(int)1"
        return "fragment-duration=(uint)1000"

    def _encoder(self, name: str, source: str, fps: float, kbit: int) -> str:
        draft = self._draft
        keyframes = max(1, round(KEYFRAME_S * fps))
        parse = draft.add(f"parse_{name}", "h264parse", config_interval=-1)
        if self._box.nvenc:
            # The default interval, 4294967295, never repeats a keyframe: late viewers saw nothing (35).
            # The encoder takes bit/s, x264enc kbit/s. insert-sps-pps is h264parse's part here.
            encoder = draft.add(
                f"encoder_{name}",
                "nvv4l2h264enc",
                bitrate=kbit * 1000,
                iframeinterval=keyframes,
                idrinterval=keyframes,
                profile="Main",
            )
            return draft.chain(source, encoder, parse)
        return draft.chain(
            source,
            # A thread of its own: x264 takes the time that the hardware encoder's own threads take there.
            draft.add(f"streamed_{name}", "queue", NEWEST),
            *self._to_system("soft", name),
            draft.add(
                f"encoder_{name}",
                "x264enc",
                tune="zerolatency",
                speed_preset="ultrafast",
                bitrate=kbit,
                key_int_max=keyframes,
                bframes=0,
                threads=1,
            ),
            parse,
        )

    def _pictures(self, name: str, tee: str, part: tuple[int, int, int, int] | None) -> None:
        draft = self._draft
        valve = draft.add(f"picturevalve_{name}", "valve", _SHUT)
        draft.link(tee, valve, "src_2")
        draft.chain(
            valve,
            # In software: the hardware encoders take different formats on Jetson, dGPU and ARM servers, and a
            # picture now and then costs 3 ms.
            *self._to_system("flat", name, part),
            draft.add(f"jpeg_{name}", "jpegenc", quality=self._outlets.quality),
            self._appsink("picture", name, "image/jpeg"),
        )

    def _to_system(
        self, role: str, name: str, part: tuple[int, int, int, int] | None = None
    ) -> tuple[str, str]:
        caps = picture_caps(part)
        crop: Properties = {"src-crop": crop_text(part)} if part else {}
        return (
            self._draft.add(f"{role}_{name}", "nvvideoconvert", crop),
            self._draft.add(f"{role}raw_{name}", "capsfilter", caps=caps),
        )

    def _appsink(self, role: str, name: str, caps: str) -> str:
        return self._draft.add(f"{role}_{name}", "appsink", _SINK, caps=caps)


def outlet_elements(graph: PipelineGraph) -> dict[str, str]:
    """Return the camera, or the wall, by the name of each element that serves only its outputs."""
    wall = graph.reached(["wallmux"]) if "wallmux" in graph.by_name else frozenset[str]()
    found = dict.fromkeys(wall, WALL)
    for camera in graph.slots:
        found |= dict.fromkeys(graph.reached([f"demuxed_{camera}"]) - wall, camera)
    return found


def mux_properties(
    batch: int, fps: float, box: Capabilities, *, size: tuple[int, int], live: bool = True
) -> Properties:
    """Return the properties of nvstreammux for a batch of so many sources."""
    found: Properties = {
        "batch-size": batch,  # 0 by default (pitfall 1)
        # Microseconds, half a frame's time: it starts with the first frame that is collected, so at a whole
        # one every batch with an empty slot comes later than its frames, and all queues fill up.
        "batched-push-timeout": max(1, round(500_000 / fps)),
        # Otherwise the last camera to end would end the pipeline for those that come back (11, 12).
        "drop-pipeline-eos": True,
    }
    if box.mux.value == "new":
        return found  # it has neither size nor live-source; setting them raises (2)
    return {
        **found,
        "width": size[0],
        "height": size[1],  # both 0 by default (3)
        "live-source": live,  # false for files alone, whose timestamps would come from the clock (5)
        "buffer-pool-size": 8,
    }


def picture_caps(part: tuple[int, int, int, int] | None) -> str:
    """Return the caps of pictures in system memory; part: what of the frame they are cut to."""
    return f"video/x-raw,format=I420{_sized(part)}"


def _sized(part: tuple[int, int, int, int] | None) -> str:
    return f",width={part[2]},height={part[3]}" if part else ""


def _tile(side: int) -> tuple[int, int]:
    # Multiples of 8 and 4: the mux rounds up to them, with a warning for each.
    return SIZE[0] // side & ~7, SIZE[1] // side & ~3
