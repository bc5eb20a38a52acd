"""Store files of every shape, and every kind of box, for the tests of the DeepStream graph."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from pipelines.deepstream.graph.build import build_graph, engine_files
from pipelines.deepstream.graph.capabilities import Capabilities, Device, Mux
from tests.pipelines.settings.store_file import load

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.deepstream.graph.redaction import Redaction
    from pipelines.graph.graph import PipelineGraph
    from pipelines.settings.root import Settings

BOXES = {
    f"{name}-{mux.value}-{'blur' if blur else 'boxes'}": Capabilities(device, mux, blur=blur, nvenc=nvenc)
    for (name, device, nvenc), mux, blur in product(
        (
            ("orin", Device.JETSON, True),
            ("orin-nano", Device.JETSON, False),
            ("dgpu", Device.DGPU, True),
            ("h100", Device.DGPU, False),
        ),
        Mux,
        (True, False),
    )
}
JETSON, DGPU = BOXES["orin-legacy-blur"], BOXES["dgpu-legacy-blur"]
OUTPUTS = {
    "nothing": "{}",
    "rtsp": "{rtsp: {listen: '127.0.0.1:0'}}",
    "served": "{rtsp: {listen: '127.0.0.1:0'}, snapshots: {folder: shots, interval_s: 0.1}}",
    "web": "{web: {listen: '127.0.0.1:0'}}",
    "page": "{web: {listen: '127.0.0.1:0'}, snapshots: {folder: shots, interval_s: 3600}}",
    "pictures": "{messengers: {phones: {url: 'json://localhost/x', picture: masked}}}",
    "record": "{record: {folder: video}}",
    "all": "{rtsp: {bitrate_kbit: 1500}, record: {folder: video}, snapshots: {folder: shots}, web: {}}",
}


def store(folder: Path, sources: list[str], outputs: str = "all", more: str = "") -> Settings:
    """Return a store whose cameras c0, c1, ... have these sources; paths and csi:// too."""
    cameras = []
    for number, source in enumerate(sources):
        if "://" not in source and not source.startswith("/dev"):
            (folder / source).write_bytes(b"not empty")
        # The store file does not know csi:// yet, so it is written in afterwards.
        written = f"/dev/video{100 + number}" if source.startswith("csi:") else source
        cameras.append(f"  c{number}: {{source: '{written}'}}\n")
    settings = load(
        folder,
        "version: 1\nstore: {id: shop-1, name: Shop, timezone: Europe/Berlin, currency: EUR}\n"
        f"platform: {{max_cameras: 64}}\noutputs: {OUTPUTS[outputs]}\n{more}\ncameras:\n{''.join(cameras)}",
    )
    changed = {
        f"c{number}": settings.cameras[f"c{number}"].model_copy(update={"source": source})
        for number, source in enumerate(sources)
        if source.startswith("csi:")
    }
    return settings.model_copy(update={"cameras": {**settings.cameras, **changed}})


def rtsp(count: int) -> list[str]:
    """Return addresses at which nobody listens: a camera is asked before its stand-in plays."""
    return [f"rtsp://127.0.0.{number + 1}:554/stream" for number in range(count)]


def graph_of(folder: Path, box: Capabilities = JETSON, count: int = 2) -> tuple[PipelineGraph, Redaction]:
    settings = store(folder, rtsp(count))
    return build_graph(settings, box, engine_files(settings))
