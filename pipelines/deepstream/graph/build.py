"""From a store's settings to the DeepStream graph of one box."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engines.deepstream.files import batch_of, batch_size
from engines.deepstream.nvinfer_config import CROPS, LOOKS
from engines.manifest import Decoder, find_model, read_manifest
from engines.paths import CONFIGS
from pipelines.deepstream.graph.camera import SIZE, add_camera, picture_part, source_kind
from pipelines.deepstream.graph.outlets import OutletBuilder, Outlets, mux_properties
from pipelines.deepstream.graph.redaction import BRAND_GIE, FACE_GIE, PERSON_GIE, choose
from pipelines.errors import BadInput
from pipelines.graph.graph import GraphBuilder, PipelineGraph
from pipelines.settings.models import BUILTIN_BRAND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engines.manifest import Model
    from pipelines.deepstream.graph.camera import Shape
    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.deepstream.graph.redaction import Redaction
    from pipelines.graph.graph import Properties
    from pipelines.settings.root import Settings

DEEPSTREAM_CONFIGS: Final = CONFIGS / "deepstream"
TRACKER_LIBRARY: Final = Path("/opt/nvidia/deepstream/deepstream/lib/libnvds_nvmultiobjecttracker.so")
TRACKER_SIZE: Final = (960, 544)
"""Width and height at which the tracker works; multiples of 32."""
_SPINE: Final[Properties] = {"max-size-buffers": 2, "max-size-bytes": 0, "max-size-time": 0}
"""Before each heavy element a queue, for a thread of its own (pitfall 34); short, for latency. Not leaky:
what is too much is dropped before the mux, one camera at a time, never a whole batch."""


@dataclass(frozen=True, slots=True)
class EngineFiles:
    """The files of nvinfer and nvtracker. person_class: number of the class that is a person.

    *_engine: serialised TensorRT engines; None leaves the choice to the file.
    """

    person: Path
    face: Path
    tracker: Path
    brand: Path | None = None
    person_engine: Path | None = None
    face_engine: Path | None = None
    brand_engine: Path | None = None
    tracker_library: Path = TRACKER_LIBRARY
    person_class: int = 0


def engine_files(settings: Settings, folder: Path = DEEPSTREAM_CONFIGS) -> EngineFiles:
    """Return the files for the store's models, as `configs/deepstream` names them."""
    brand = brand_model(settings)
    classes = find_model(settings.models.person.name, read_manifest()).classes
    return EngineFiles(
        person=folder / f"{settings.models.person.name}.yml",
        face=folder / f"{settings.models.face.name}.yml",
        tracker=folder / "tracker-perf.yml",
        brand=folder / f"{brand.name}.yml" if brand else None,
        person_class=classes.index("person"),
    )


def brand_model(settings: Settings) -> Model | None:
    """Return the model of marks that the store uses; None where it asks for no brands. Raises BadInput."""
    if settings.gallery is None:
        return None
    models, name = read_manifest(), settings.models.brand.name
    if name != BUILTIN_BRAND:
        model = find_model(name, models)
        if model.decoder is not Decoder.MARKS:
            raise BadInput(f"models.brand: {name} finds no marks; write {BUILTIN_BRAND}")
        return model
    return next((model for model in models.values() if model.decoder is Decoder.MARKS), None)


def outlets(settings: Settings) -> Outlets:
    """Return which pictures leave, by the store's outputs."""
    found = settings.outputs
    messengers = (found.messengers or {}).values()
    broker = found.mqtt.home_assistant if found.mqtt else None
    recorded = max(1, len(settings.enabled_cameras()))
    sends_pictures = any(one.picture == "masked" for one in messengers) or (
        broker is not None and broker.pictures_s is not None
    )
    return Outlets(
        stream_kbit=found.rtsp.bitrate_kbit if found.rtsp else None,
        record_kbit=found.record.bitrate_kbit if found.record else None,
        record_folder=found.record.folder if found.record else None,
        segment_s=found.record.segment_s if found.record else 300,
        # Files that are being written take half of the bound at most, as on the CPU.
        segment_bytes=found.record.max_mb * 500_000 // recorded if found.record else 0,
        pictures=bool(found.web or found.snapshots or sends_pictures),
        quality=found.snapshots.quality if found.snapshots else 85,
    )


def build_graph(
    settings: Settings,
    capabilities: Capabilities,
    files: EngineFiles,
    shapes: Mapping[str, Shape] | None = None,
) -> tuple[PipelineGraph, Redaction]:
    """Return the graph, and the redaction that it must prove. BadInput where the box cannot run the store.

    shapes: of the pictures of cameras that have said it; no part but their own sources depends on them.

    Only enabled cameras have a slot: the mux waits for every slot of its batch. A camera that is enabled
    later joins with the next start, since nvstreamdemux wants its pads before data flows.
    """
    cameras = settings.enabled_cameras()
    redaction = choose(settings.privacy.faces.method, capabilities)
    slots = {name: slot for slot, name in enumerate(cameras)}
    rate = max(camera.fps for camera in cameras.values())
    live = any(source_kind(name, camera, capabilities).live for name, camera in cameras.items())
    draft = GraphBuilder()
    # One more than the cameras: the film of the self-check has the pad after theirs, and nvtracker is made
    # for as many streams as the mux names; a pad beyond has the first camera's number (NvTrackerProc::init).
    draft.add("mux", "nvstreammux", mux_properties(len(slots) + 1, rate, capabilities, size=SIZE, live=live))
    for name, camera in cameras.items():
        shape = (shapes or {}).get(name)
        last = add_camera(draft, name, camera, slots[name], capabilities, shape=shape)
        draft.link(last, "mux", sink_pad=f"sink_{slots[name]}")
    _spine(draft, batch_size(len(slots)), capabilities, files, _batches(settings, len(slots)))
    leaving = outlets(settings)
    add = OutletBuilder(draft, leaving, redaction, capabilities)
    tees = {
        name: (slot, add.camera(name, slot, cameras[name].fps, picture_part(cameras[name])))
        for name, slot in slots.items()
    }
    if leaving.stream_kbit and len(tees) > 1:
        add.wall(tees, rate)
    graph = PipelineGraph(
        tuple(draft.elements),
        tuple(draft.links),
        slots,
        probe="demux",
        gates=frozenset(draft.gates),
        chooser="brand" if files.brand is not None else "",
    )
    return graph, redaction


def _batches(settings: Settings, cameras: int) -> tuple[int, int]:
    """Return how many pictures the models of persons and of faces work on at once."""
    models = read_manifest()
    person, face = (find_model(one.name, models) for one in (settings.models.person, settings.models.face))
    return batch_of(person, cameras), batch_of(face, cameras)


def _spine(
    draft: GraphBuilder, batch: int, box: Capabilities, files: EngineFiles, models: tuple[int, int]
) -> None:
    """Add what all cameras share: from the mux's batch to the demux, all in one chain, so without a tee.

    models: the batches of the models of persons and of faces.
    """
    chain = ["mux"]

    def queued(name: str) -> None:
        chain.extend((draft.add(f"before_{name}", "queue", _SPINE), name))

    _infer(draft, "person", files.person, files.person_engine, _primary(PERSON_GIE, models[0]))
    queued("person")
    width, height = TRACKER_SIZE
    # Without operate-on-class-ids it removes every object that its library did not report, so that heads of
    # persons just coming in would go uncovered (pitfall 15); labels are ours, so it shall not add its ids.
    only: Properties = {"operate-on-class-ids": str(files.person_class)} if box.tracker_classes else {}
    draft.add(
        "tracker",
        "nvtracker",
        only,
        tracker_width=width,
        tracker_height=height,
        ll_lib_file=str(files.tracker_library),
        ll_config_file=str(files.tracker),
        display_tracking_id=False,
        user_meta_pool_size=max(32, 2 * batch),
    )
    queued("tracker")
    _infer(draft, "face", files.face, files.face_engine, _primary(FACE_GIE, models[1]))
    queued("face")
    if files.brand is not None:
        _infer(draft, "brand", files.brand, files.brand_engine, _secondary(BRAND_GIE))
        queued("brand")
    if not box.any_surface:
        chain.extend(_readable(draft, box))
    draft.add("demux", "nvstreamdemux")
    queued("demux")
    draft.chain(*chain)


def _readable(draft: GraphBuilder, box: Capabilities) -> Iterator[str]:
    """Add what makes the batch readable for pyds: RGBA, since get_nvds_buf_surface takes nothing else (31).

    The whole batch, in place: a branch for the crops alone would be a way for unredacted pictures that does
    not end at a redactor. On a dGPU Python can read only unified memory; on Jetson the default, a surface
    array, is the one that maps (30).
    """
    memory: Properties = {} if box.jetson else {"nvbuf-memory-type": "nvbuf-mem-cuda-unified"}
    yield draft.add("rgba", "nvvideoconvert", memory, output_buffers=8)
    yield draft.add("coloured", "capsfilter", caps="video/x-raw(memory:NVMM),format=RGBA")


def _infer(draft: GraphBuilder, name: str, config: Path, engine: Path | None, properties: Properties) -> None:
    """Add an nvinfer. Its properties win over its file (pitfall 17), so what matters here is set here."""
    built: Properties = {} if engine is None else {"model-engine-file": str(engine)}
    draft.add(name, "nvinfer", properties, built, config_file_path=str(config))


def _primary(gie: int, batch: int) -> Properties:
    """Return what makes an nvinfer look at every frame: whole batches (pitfall 1), none skipped (22).

    batch: that of the engine; another number would have nvinfer build another one, or not start.
    """
    return {"unique-id": gie, "process-mode": "primary", "batch-size": batch, "interval": 0}


def _secondary(gie: int) -> Properties:
    """Return what makes an nvinfer look at the crops that are chosen for it, and give its tensors to us.

    Of a network that nvinfer does not read itself it has every object worked on in every frame; so the
    objects are looks, added on its sink pad (probes.nvds.chooser), and persons are none (pitfall 18).
    """
    return {
        "unique-id": gie,
        "process-mode": "secondary",
        "infer-on-gie-id": LOOKS,
        "infer-on-class-ids": "0",
        "batch-size": CROPS,
        "output-tensor-meta": True,
    }
