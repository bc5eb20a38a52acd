"""Whether a store file runs on DeepStream, and on which boxes: its graph on each version and device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engines.manifest import find_model, read_manifest
from pipelines.cameras.movie_header import loses_pictures
from pipelines.cameras.source import SourceKind
from pipelines.deepstream.checks.contract import load_contract
from pipelines.deepstream.checks.graph_check import violations
from pipelines.deepstream.checks.privacy_proof import prove
from pipelines.deepstream.graph.build import build_graph, engine_files
from pipelines.deepstream.graph.camera import SIZE, UPRIGHT, picture_part
from pipelines.deepstream.graph.capabilities import Capabilities, Device
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelines.deepstream.graph.build import EngineFiles
    from pipelines.deepstream.graph.camera import Shape
    from pipelines.deepstream.graph.redaction import Redaction
    from pipelines.graph.graph import PipelineGraph
    from pipelines.settings.root import Settings

VERSIONS: Final = ((7, 1), (8, 0), (9, 0), (9, 1), (9, 2))
BLUR_SINCE: Final = (9, 0)
LEFT_OUT: Final = (
    "the film was trimmed, or is much shorter than its sound: DeepStream may leave pictures out, or all;"
    " write it anew, by: ffmpeg -i FILM -an NEW.mp4"
)
"""nvurisrcbin hands files to uridecodebin, whose qtdemux reads the header as it is; see `loses_pictures`."""
NAMES: Final = {Device.JETSON: "Jetson", Device.DGPU: "a discrete GPU"}


def box_of(device: Device, version: tuple[int, int], *, nvenc: bool = True) -> Capabilities:
    """Return the capabilities of a box with this device and version."""
    new = version >= BLUR_SINCE
    return Capabilities(device, blur=new, nvenc=nvenc, tracker_classes=new, version=version)


def check_store(settings: Settings) -> Iterator[str]:
    """Yield lines for a person. Raises BadInput where no box runs the store."""
    problems: dict[Device, str] = {}
    counts = []
    for device in Device:
        try:
            counts += [len(checked_graph(settings, box_of(device, v)).elements) for v in VERSIONS]
        except BadInput as error:
            problems[device] = str(error)
    if len(problems) == len(Device):
        raise BadInput("; ".join(dict.fromkeys(problems.values())))
    good = " and ".join(NAMES[device] for device in Device if device not in problems)
    first, last = (".".join(map(str, v)) for v in (VERSIONS[0], VERSIONS[-1]))
    yield f"ok on {good}, DeepStream {first} to {last}: {max(counts)} elements"
    for device, problem in problems.items():
        yield f"not on {NAMES[device]}: {problem}"
    yield (
        f"pictures are analysed and shown in {SIZE[0]}x{SIZE[1]}; those of another shape than 16:9, such as"
        " 4:3, keep it, with black beside them in streams, recordings and on the wall of all cameras"
    )
    sideways = [name for name, camera in settings.enabled_cameras().items() if picture_part(camera)]
    if sideways:
        yield (
            f"{', '.join(sideways)}: turned pictures fill {UPRIGHT[2]} of {SIZE[0]} columns, with black"
            " beside them on the wall of all cameras; their sides are taken for 16:9"
        )
    person, face = (_least_share(name) for name in (settings.models.person.name, settings.models.face.name))
    yield (
        "people are looked for in the whole picture at once, and min_person_px has no effect: who is shorter"
        f" than {person:.0%} of the picture's height may be missed; faces are found from {face:.0%} on"
    )
    if any(camera.sub_source for camera in settings.enabled_cameras().values()):
        yield (
            "sub_source has no effect: the GPU decodes, and every picture is scaled to one size before it is"
            " analysed; write the smaller stream as source where the decoder is the bottleneck"
        )
    if settings.describe is not None:
        yield "describe has no effect"
    if settings.privacy.faces.method == "pixelate":
        yield "black boxes cover faces: there is no mosaic, and a blur alone would keep too much of a face"
    if any(camera.kind is SourceKind.RTSP for camera in settings.enabled_cameras().values()):
        yield "rtsp cameras must send H.264, H.265 or MPEG-4: DeepStream reads no MJPEG over RTSP"
    yield from _left_out_of_films(settings)


def _left_out_of_films(settings: Settings) -> Iterator[str]:
    for name, camera in settings.enabled_cameras().items():
        if camera.kind is SourceKind.FILE and loses_pictures(camera.source):
            yield f"{name}: {camera.source}: {LEFT_OUT}"


def _least_share(name: str) -> float:
    """Return from which share of the picture's height on a model finds what it is for."""
    model = find_model(name, read_manifest())
    scale = min(model.input.width / SIZE[0], model.input.height / SIZE[1])
    return model.smallest_px / scale / SIZE[1]


def checked_graph(settings: Settings, box: Capabilities) -> PipelineGraph:
    """Return the graph of a store on a box, held against the contract and proven. Raises BadInput."""
    return proven_graph(settings, box, engine_files(settings))[0]


def proven_graph(
    settings: Settings, box: Capabilities, files: EngineFiles, shapes: Mapping[str, Shape] | None = None
) -> tuple[PipelineGraph, Redaction]:
    """Return a graph with these engine files, held against the contract and proven. Raises BadInput.

    shapes: as for build_graph.
    """
    graph, redaction = build_graph(settings, box, files, shapes)
    prove(held_against_contract(graph, box), redaction)
    return graph, redaction


def held_against_contract(graph: PipelineGraph, box: Capabilities) -> PipelineGraph:
    """Return the graph. Raises BadInput where it breaks what is known of this box's elements."""
    if found := list(violations(graph, load_contract(box))):
        raise BadInput(f"the graph breaks what is known of DeepStream: {'; '.join(found)}")
    return graph
