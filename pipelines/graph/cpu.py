"""The CPU platform as a graph, for people: its GStreamer elements, and its Python stages as `python.*`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.cameras.source import SourceKind
from pipelines.graph.graph import GraphBuilder, PipelineGraph, Value

if TYPE_CHECKING:
    from pipelines.settings.camera import CameraConfig
    from pipelines.settings.root import Settings

REDACT = "redact"
I420 = "video/x-raw,format=I420"


def cpu_graph(settings: Settings) -> PipelineGraph:
    """Return what runs on the CPU platform; an RTSP camera is shown as one that sends H.264."""
    draft = GraphBuilder()
    cameras = settings.enabled_cameras()
    draft.add("mailbox", "python.mailbox", keep="newest frame of each camera")
    for name, camera in cameras.items():
        draft.link(_camera(draft, name, camera), "mailbox")
    draft.chain(
        "mailbox",
        draft.add("masks", "python.black_out"),
        draft.add(
            "detect", "python.openvino", person=settings.models.person.name, face=settings.models.face.name
        ),
        draft.add("track", "python.tracker"),
        draft.add(
            REDACT,
            "python.redactor",
            method=settings.privacy.faces.method,
            hold_ms=settings.privacy.faces.hold_ms,
        ),
        draft.add("price", "python.ledger"),
        draft.add("draw", "python.overlay"),
    )
    _outputs(draft, settings, list(cameras))
    return PipelineGraph(tuple(draft.elements), tuple(draft.links), gates=frozenset({REDACT}))


def _camera(draft: GraphBuilder, name: str, camera: CameraConfig) -> str:
    def add(role: str, factory: str, **properties: Value) -> str:
        return draft.add(f"{role}_{name}", factory, group=name, **properties)

    tail = (
        add("convert", "videoconvert"),
        add("scale", "videoscale"),
        add("sink", "appsink", caps=f"{I420},pixel-aspect-ratio=1/1", max_buffers=1, drop=True),
    )
    if camera.kind is SourceKind.FOLDER:
        return add("source", "python.images", folder=camera.source)
    if camera.kind is SourceKind.RTSP:
        head = add("source", "rtspsrc", location=camera.source.split("?", 1)[0])
        depay = add("depay", "rtph264depay")
        draft.link(head, depay, "stream_%u")
        rest = (depay, add("parse", "h264parse"), add("decode", "avdec_h264", max_threads=1))
        return draft.chain(*rest, *tail)
    source, key = ("v4l2src", "device") if camera.kind is SourceKind.V4L2 else ("filesrc", "location")
    decode = draft.chain(add("source", source, **{key: camera.source}), add("decode", "decodebin"))
    draft.link(decode, tail[0], "src_%u")
    return draft.chain(*tail)


def _outputs(draft: GraphBuilder, settings: Settings, cameras: list[str]) -> None:
    outputs = settings.outputs
    for name in cameras:
        if outputs.rtsp:
            chain = ("appsrc", "videoscale", "x264enc", "h264parse", "rtph264pay")
            draft.chain("draw", *(draft.add(f"rtsp_{factory}_{name}", factory) for factory in chain))
        if outputs.record:
            chain = ("appsrc", "x264enc", "h264parse", "mp4mux", "filesink")
            draft.chain("draw", *(draft.add(f"record_{factory}_{name}", factory) for factory in chain))
        if outputs.snapshots:
            draft.chain(
                "draw", draft.add(f"snapshot_{name}", "python.jpeg", folder=str(outputs.snapshots.folder))
            )
    if outputs.mqtt:
        draft.link("price", draft.add("mqtt", "python.mqtt", host=outputs.mqtt.host))
