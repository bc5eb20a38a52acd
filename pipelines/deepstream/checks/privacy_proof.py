"""Proves that no picture leaves unredacted, on the pure graph and on the pipeline built from it.

A sink is dominated by redaction when every way from any source to it leads through a redactor. A redactor
counts only with the gate on its sink pad, which drops every frame that the probe did not tag. Elements that
are not known to be harmless are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pipelines.deepstream.graph.redaction import FACE_GIE, PERSON_GIE, REDACTOR
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.deepstream.graph.redaction import Redaction
    from pipelines.graph.graph import Element, PipelineGraph, Value

BEFORE: Final = frozenset(
    {
        "nvurisrcbin",
        "nvarguscamerasrc",
        "v4l2src",
        "decodebin",
        "identity",
        "errorignore",
        "capsfilter",
        "videoconvert",
        "nvvideoconvert",
        "queue",
        "valve",
        "nvstreammux",
        "nvinfer",
        "nvtracker",
        "nvstreamdemux",
    }
)
"""What may see an unredacted picture. No tee: its branches share one surface, so that one could still show
what the other covers (pitfall 29), and an unknown bin may hold a sink of its own; decodebin makes parsers and
decoders alone."""
WRITES_PICTURES: Final[dict[tuple[str, str], Value]] = {
    ("nvurisrcbin", "smart-record"): "smart-rec-disable",
    ("nvinfer", "raw-output-file-write"): False,
    ("identity", "dump"): False,
}
"""Properties by which an element would itself write what it sees, and their harmless values."""

READ: Final = {
    REDACTOR: ("process-mode", "display-bbox", "blur-bbox", "blur-on-gie-class-ids"),
    "nvinfer": ("unique-id", "process-mode", "interval", "raw-output-file-write"),
    "nvurisrcbin": ("smart-record",),
    "identity": ("dump",),
}
"""What the proof reads of an element; of a built pipeline it is read back from the elements themselves."""
REDACTION: Final = {
    **READ,
    "nvinfer": (*READ["nvinfer"], "config-file-path", "batch-size"),
    "nvtracker": ("operate-on-class-ids",),
}
"""Properties that redaction depends on: the built element must have taken them."""


class Unproven(BadInput):
    """The graph may show an unredacted picture, so it must not run."""


class Proof:
    """That no sink of a pipeline shows what is not redacted. Made by `prove` alone; outputs ask for it."""

    __slots__ = ()

    def __init__(self, seal: object) -> None:
        """Raise TypeError for all but `prove`."""
        if seal is not _SEAL:
            raise TypeError("only privacy_proof.prove makes a proof")


_SEAL: Final = object()


def prove(graph: PipelineGraph, redaction: Redaction) -> Proof:
    """Raise Unproven, with all reasons, unless every sink of the graph is dominated by redaction."""
    if found := list(violations(graph, redaction)):
        raise Unproven(f"not proven that every picture is redacted, so nothing runs: {'; '.join(found)}")
    return Proof(_SEAL)


def violations(graph: PipelineGraph, redaction: Redaction) -> Iterator[str]:
    """Yield every reason why the proof fails."""
    redactors = {
        element.name
        for element in graph.of(REDACTOR)
        if element.name in graph.gates and not redaction.missing(element)
    }
    yield from _check_gates(graph, redaction)
    yield from _check_sinks(graph, redactors)
    before = graph.reached(graph.sources, avoid=redactors)
    for name in sorted(before):
        yield from _check_before_redaction(graph.by_name[name])
    for name in sorted(redactors):
        yield from _check_detectors(graph, name)


def _check_gates(graph: PipelineGraph, redaction: Redaction) -> Iterator[str]:
    """Every gate must stand before something that redacts; a gate elsewhere is a mistake in the graph."""
    for name in sorted(graph.gates):
        element = graph.by_name.get(name)
        reason = "is not in the graph" if element is None else redaction.missing(element)
        if reason:
            yield f"{name} stands behind the gate but {reason}"


def _check_sinks(graph: PipelineGraph, redactors: set[str]) -> Iterator[str]:
    if not graph.sources or not graph.sinks:
        yield "the graph has no source or no sink"
    for sink in graph.sinks:
        way = graph.path(graph.sources, sink, avoid=redactors)
        if way:
            yield f"{sink} can be reached unredacted: {' -> '.join(way)}"
        elif not graph.path(graph.sources, sink):
            yield f"{sink} is fed by no source that the proof can see"


def _check_before_redaction(element: Element) -> Iterator[str]:
    if element.factory not in BEFORE:
        yield f"{element.name} ({element.factory}) stands before redaction, where it must not"
    for (factory, key), harmless in WRITES_PICTURES.items():
        if element.factory == factory and element.get(key, harmless) != harmless:
            yield f"{element.name}.{key} would write unredacted pictures"


def _check_detectors(graph: PipelineGraph, redactor: str) -> Iterator[str]:
    """Demand faces, persons and the probe on every way to a redactor: it covers only what metadata names."""
    for gie, what in ((PERSON_GIE, "person"), (FACE_GIE, "face")):
        detectors = [
            element.name
            for element in graph.of("nvinfer")
            if element.get("unique-id") == gie
            and element.get("process-mode", "primary") == "primary"
            # Skipped batches carry no detections (pitfall 22); set, the property wins over the file.
            and element.get("interval") == 0
        ]
        if way := graph.path(graph.sources, redactor, avoid=detectors):
            yield f"{redactor} can be reached without {what} detection of every frame: {' -> '.join(way)}"
        elif gie == FACE_GIE:
            # nvtracker removes what its library did not report, faces too (pitfall 15).
            for tracker in graph.of("nvtracker"):
                if graph.path(detectors, tracker.name):
                    yield f"{tracker.name} stands after face detection and may remove faces"
    batches = [element.name for element in graph.of("nvstreammux")]
    split = [element.name for element in graph.of("nvstreamdemux")]
    if way := graph.path(batches, redactor, avoid=split):
        yield f"{redactor} would see whole batches, where it covers the wrong picture: {' -> '.join(way)}"
    if way := graph.path(graph.sources, redactor, avoid=[graph.probe]):
        yield f"{redactor} can be reached without the metadata probe: {' -> '.join(way)}"
