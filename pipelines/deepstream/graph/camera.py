"""The part of the graph that belongs to one camera before the mux: source, newest-wins queue, converter."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.cameras.jitter_buffer import LATENCY_MS
from pipelines.cameras.source import SourceKind
from pipelines.errors import BadInput
from probes.nvds.picture_place import PicturePlace

if TYPE_CHECKING:
    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.graph.graph import GraphBuilder, Properties
    from pipelines.settings.camera import CameraConfig

SIZE: Final = (1280, 720)
"""Width and height in which every camera is analysed. A picture of another shape fills a part of it."""
Shape = tuple[int, int]
Part = tuple[int, int, int, int]
NVMM: Final = "video/x-raw(memory:NVMM)"
FLIPS: Final = {90: "clockwise", 180: "rotate-180", 270: "counterclockwise"}
"""nvvideoconvert's flip-method by the degrees clockwise that turn a picture upright."""
NOWHERE: Final = (0, 0, 0, 0)
"""What dest-crop and src-crop read where they are not set: the whole picture."""
UPRIGHT: Final = (438, 0, 404, 720)
"""Left, top, width, height of a 16:9 picture on its side, turned, in `SIZE`: even numbers, as NV12 wants."""
SAME_SHAPE: Final = 0.03
"""A picture whose aspect differs from that of `SIZE` by no more than this share is stretched over it."""
WIDEST: Final = 4.0
"""Shapes beyond this, to either side, are taken for it."""
PACE: Final = "pace_"
NEWEST: Final[Properties] = {
    "max-size-buffers": 2,
    "max-size-bytes": 0,
    "max-size-time": 0,
    "leaky": "downstream",
}
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=://)")
_CSI: Final = re.compile(r"csi://([0-9]{1,3})")
_TRANSPORTS: Final = {"tcp": "rtp-tcp", "udp": "rtp-udp", "auto": "rtp-udp-udpmcast-tcp"}
_TRANSPORTS_7: Final = {"tcp": "rtp-tcp", "udp": "rtp-multi", "auto": "rtp-multi"}
"""Before 8.0 nvurisrcbin has two values only; rtp-multi tries UDP, then multicast, then TCP."""


def source_kind(name: str, camera: CameraConfig, capabilities: Capabilities) -> SourceKind:
    """Return what kind of source it is; BadInput where DeepStream cannot read it on this box."""
    if camera.source.startswith("csi:"):
        if not _CSI.fullmatch(camera.source) or int(camera.source[6:]) > 255:
            raise BadInput(f"cameras.{name}.source: write csi://0, with the number of the sensor, 0 to 255")
        if not capabilities.jetson:
            raise BadInput(f"cameras.{name}.source: CSI cameras are read on Jetson only")
        return SourceKind.CSI
    if camera.kind is SourceKind.FOLDER:
        raise BadInput(
            f"cameras.{name}.source: DeepStream reads no folders of pictures; use a video file or the CPU"
        )
    return camera.kind


def picture_part(camera: CameraConfig, shape: Shape | None = None) -> Part | None:
    """Return left, top, width, height of the picture in the frame, in pixels; None where it fills it.

    shape: width and height of the camera's picture in square pixels; None where it is not known, and 16:9.
    A camera on its side is always taken for 16:9: what leaves is cut to that when the graph is made.
    """
    if camera.rotate in (90, 270):
        return UPRIGHT
    ratio = min(max(shape[0] / shape[1], 1 / WIDEST), WIDEST) if shape else SIZE[0] / SIZE[1]
    if abs(ratio * SIZE[1] / SIZE[0] - 1) <= SAME_SHAPE:
        return None
    width, height = min(SIZE[0], round(SIZE[1] * ratio) & ~1), min(SIZE[1], round(SIZE[0] / ratio) & ~1)
    return (SIZE[0] - width) // 2 & ~1, (SIZE[1] - height) // 2 & ~1, width, height


def picture_place(camera: CameraConfig, shape: Shape | None = None) -> PicturePlace:
    """Return where in the frame the camera's picture lies."""
    left, top, width, height = picture_part(camera, shape) or (0, 0, *SIZE)
    return PicturePlace(left / SIZE[0], top / SIZE[1], width / SIZE[0], height / SIZE[1])


def crop_text(part: Part) -> str:
    """Return a rectangle as nvvideoconvert's properties dest-crop and src-crop take it."""
    return ":".join(map(str, part))


def add_camera(
    draft: GraphBuilder,
    name: str,
    camera: CameraConfig,
    slot: int,
    box: Capabilities,
    *,
    shape: Shape | None = None,
) -> str:
    """Add a camera's source and return its last element, whose `src` belongs on the mux."""
    kind = source_kind(name, camera, box)
    if kind is SourceKind.CSI:
        last, pad = _csi(draft, name, camera), "src"
    elif kind is SourceKind.V4L2:
        last, pad = _v4l2(draft, name, camera), "src"
    else:
        # A sometimes pad: it comes when the stream's type is known (pitfall 7).
        last, pad = _uri(draft, name, camera, slot, box), "vsrc_%u"
    # A queue of our own: that of nvurisrcbin lies before the decoder for RTSP (dec_que in its source), where
    # leaking tears the picture. Two frames: a batch holds one, and the newest is worth more than the next.
    newest = draft.add(f"newest_{name}", "queue", NEWEST, group=name)
    if kind is SourceKind.FILE:
        # Files play as fast as they are, like cameras: the sinks do not wait for the clock.
        pace = draft.add(PACE + name, "identity", group=name, sync=True)
        draft.link(last, pace, pad)
        last, pad = pace, "src"
    draft.link(last, newest, pad)
    last = newest
    # The new mux scales nothing (pitfall 2), and the old one takes only NVMM in its three formats.
    part = picture_part(camera, shape)
    sized = box.mux.value == "new" or part is not None
    if sized or kind is SourceKind.V4L2 or camera.rotate:
        flip: Properties = {"flip-method": FLIPS[camera.rotate]} if camera.rotate else {}
        if part is not None:
            # Stretched over the whole frame people would be wider or narrower: the rest stays black.
            flip["dest-crop"] = crop_text(part)
        last = draft.chain(
            last, draft.add(f"fit_{name}", "nvvideoconvert", flip, group=name, output_buffers=8)
        )
    # One format for all: the mux takes that of the first camera, and fails for all of them on another. What a
    # decoder gives differs by the film; nvurisrcbin has a converter of its own, which obeys.
    size = f",width={SIZE[0]},height={SIZE[1]}" if sized else ""
    caps = draft.add(f"fitted_{name}", "capsfilter", group=name, caps=f"{NVMM},format=NV12{size}")
    return draft.chain(last, caps)


def _uri(draft: GraphBuilder, name: str, camera: CameraConfig, slot: int, box: Capabilities) -> str:
    source = f"source_{name}"
    if source_kind(name, camera, box) is SourceKind.FILE:
        uri = Path(camera.source).absolute().as_uri()
        return draft.add(source, "nvurisrcbin", group=name, uri=uri, file_loop=camera.loop, source_id=slot)
    # Reconnecting is ours: the whole bin is replaced (runtime.camera_source). With an interval of its own the
    # bin would call at the same time, drop EOS and turn errors into warnings, and its timers may read a freed
    # bin. The address holds no login: that goes to the rtspsrc inside when it appears, for addresses end up
    # in logs. Of the other protocols the nicks are wrong (9). Only a lower-case scheme takes the RTSP path.
    transports = _TRANSPORTS_7 if box.version is not None and box.version < (8, 0) else _TRANSPORTS
    return draft.add(
        source,
        "nvurisrcbin",
        group=name,
        uri=_SCHEME.sub(lambda scheme: scheme[0].lower(), camera.source),
        source_id=slot,
        latency=LATENCY_MS,
        drop_on_latency=False,
        select_rtp_protocol=transports[camera.transport],
        rtsp_reconnect_interval=0,
    )


def _v4l2(draft: GraphBuilder, name: str, camera: CameraConfig) -> str:
    # As on the CPU: whatever the camera gives, which for most is JPEG above a few frames a second. Decoded in
    # software, for NVIDIA's decoders differ by box. nvvideoconvert has no YUY2, which most give uncompressed.
    decode = draft.chain(
        draft.add(f"source_{name}", "v4l2src", group=name, device=camera.source),
        draft.add(f"decode_{name}", "decodebin", group=name, force_sw_decoders=True),
    )
    plain = draft.add(f"plain_{name}", "videoconvert", group=name)
    draft.link(decode, plain, "src_%u")
    return plain


def _csi(draft: GraphBuilder, name: str, camera: CameraConfig) -> str:
    caps = f"{NVMM},format=NV12,width={SIZE[0]},height={SIZE[1]}"
    return draft.chain(
        draft.add(f"source_{name}", "nvarguscamerasrc", group=name, sensor_id=int(camera.source[6:])),
        draft.add(f"sensor_{name}", "capsfilter", group=name, caps=caps),
    )
