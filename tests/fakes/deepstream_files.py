"""What nvinfer and nvtracker refuse, pass over or misread of the files that they are given.

Each function returns what is wrong, in words; [] where the genuine element would work with all of it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import yaml

from tests.fakes.deepstream_keys import nvinfer_mistakes, nvtracker_mistakes

if TYPE_CHECKING:
    from collections.abc import Iterator

PARSER_LIBRARY, TRACKER_LIBRARY = "libnvds_infercustomparser.so", "libnvds_nvmultiobjecttracker.so"
PARSERS = frozenset(
    f"NvDsInferParseCustom{name}" for name in ("TfSSD", "EfficientDetTAO", "DDETRTAO", "RTDETRTAO")
)
"""What NVIDIA's library of parsers holds of those that are known."""
SSD = {"detection_boxes": 3, "detection_scores": 2, "detection_classes": 2}
"""Outputs that the parser TfSSD finds by name, all FLOAT, and how many axes they have with the batch."""
_BATCH = re.compile(r"[-_]b(\d+)[-_]")

Shape = tuple[int | None, ...]
Tensor = tuple[int, Shape]
"""Element type and axes, None for one that may have any length."""


def nvinfer_refusals(path: Path, batch: int) -> list[str]:
    """Return what is wrong with an nvinfer file and with what it names. batch: of the element."""
    if path.suffix not in (".yml", ".yaml"):
        return [f"{path.name} is read as INI"]
    text = path.read_text(encoding="utf-8")
    if found := nvinfer_mistakes(text):
        return found
    own, folder = yaml.safe_load(text)["property"], path.resolve().parent
    found = [
        f"{key}: {own[key]} is not there"
        for key in ("onnx-file", "labelfile-path", "mean-file")
        if key in own and not (folder / own[key]).is_file()
    ]
    return found or [
        *_engine(own, folder, batch),
        *_labels(own, folder),
        *_parser(own),
        *_network(own, folder, batch),
    ]


def nvtracker_refusals(files: str | None, library: str | None, *, jetson: bool) -> list[str]:
    """Return what is wrong with a tracker's ll-config-file and ll-lib-file."""
    found = []
    if not library or (Path(library).name != TRACKER_LIBRARY and not Path(library).is_file()):
        found.append(f"ll-lib-file: {library} is not there")
    for name in (files or "").split(";"):  # one for each sub-batch
        path = Path(name)
        if not path.is_file():
            found.append(f"ll-config-file: {name} is not there")
            continue
        text = path.read_text(encoding="utf-8")
        found += nvtracker_mistakes(text) or _tracker(text, path.parent, jetson=jetson)
    return found


def _tracker(text: str, folder: Path, *, jetson: bool) -> Iterator[str]:
    content = yaml.safe_load(text.partition("\n")[2])
    visual, network = content.get("VisualTracker", {}), content.get("ReID", {})
    if visual.get("vpiBackend4DcfTracker") == 2 and not jetson:
        yield "VisualTracker.vpiBackend4DcfTracker: PVA is a part of Jetson alone"
    if "vpiBackend4DcfTracker" in visual and visual.get("visualTrackerType") != 2:
        yield "VisualTracker.vpiBackend4DcfTracker: only the VPI filter has one"
    named = [key for key in ("onnxFile", "tltEncodedModel", "modelEngineFile") if network.get(key)]
    if network.get("reidType", 0) and not any((folder / network[key]).is_file() for key in named):
        yield "ReID: its network is not there"


def _engine(own: dict[str, Any], folder: Path, batch: int) -> Iterator[str]:
    """One for fewer is put aside in silence, and another built, for minutes; 8 bits need their table."""
    name = own.get("model-engine-file")
    there = name is not None and (folder / name).is_file()
    made_for = _BATCH.search(Path(name).name) if name else None
    if there and made_for and int(made_for[1]) < batch:
        yield f"model-engine-file: for {made_for[1]} at once, not {batch}"
    table = own.get("int8-calib-file")
    if not there and table is not None and not (folder / table).is_file():
        yield f"int8-calib-file: {table} is not there"


def _labels(own: dict[str, Any], folder: Path) -> Iterator[str]:
    if "labelfile-path" not in own:
        return
    lines = (folder / own["labelfile-path"]).read_text(encoding="utf-8").splitlines()
    classes = own.get("num-detected-classes", 0)
    if own.get("network-type", 0) == 0 and (len(lines) != classes or any(";" in line for line in lines)):
        yield f"labelfile-path: {len(lines)} labels for {classes} classes"


def _parser(own: dict[str, Any]) -> Iterator[str]:
    library, function = own.get("custom-lib-path"), own.get("parse-bbox-func-name")
    if library is None:
        return
    if Path(library).name != PARSER_LIBRARY:
        if not Path(library).is_file():
            yield f"custom-lib-path: {library} is not there"
    elif function not in PARSERS:
        yield f"parse-bbox-func-name: {PARSER_LIBRARY} has no {function}"


def _network(own: dict[str, Any], folder: Path, batch: int) -> Iterator[str]:
    """Hold the file against the network: its input, and the outputs that it or the parser names."""
    path = (folder / own["onnx-file"]).resolve()
    inputs, outputs = _tensors(path, path.stat().st_mtime_ns)
    ((name, (kind, axes)),) = inputs.items()
    wanted = tuple(int(side) for side in own["infer-dims"].split(";"))
    if own.get("network-input-order", 0) == 1:
        wanted = (*wanted[1:], wanted[0])
    if axes[0] is not None and axes[0] < batch:  # checkBackendParams, nvdsinfer_context_impl.cpp
        yield f"batch-size: {path.name} takes {axes[0]} at once, not {batch}"
    if kind != onnx.TensorProto.FLOAT or not _fits(axes[1:], wanted):
        yield f"infer-dims: {own['infer-dims']} is not what {name} takes"
    for output in own.get("output-blob-names", "").split(";"):
        if output and output not in outputs:
            yield f"output-blob-names: the network has no {output}"
    if own.get("parse-bbox-func-name") == "NvDsInferParseCustomTfSSD":
        for output, rank in SSD.items():
            kind, axes = outputs.get(output, (0, ()))
            last = axes[2:] in ((), (4,))
            if kind != onnx.TensorProto.FLOAT or len(axes) != rank or not last:
                yield f"parse-bbox-func-name: TfSSD cannot read {output}"


def _fits(axes: Shape, wanted: tuple[int, ...]) -> bool:
    return len(axes) == len(wanted) and all(a in (None, b) for a, b in zip(axes, wanted, strict=True))


@cache
def _tensors(path: Path, _changed: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return a network's inputs and outputs by name; read once for each change of the file."""
    graph = onnx.load(path, load_external_data=False).graph
    constants = {one.name for one in graph.initializer}

    def shape(one: Any) -> Tensor:
        kind = one.type.tensor_type
        return kind.elem_type, tuple(axis.dim_value or None for axis in kind.shape.dim)

    return (
        {one.name: shape(one) for one in graph.input if one.name not in constants},
        {one.name: shape(one) for one in graph.output},
    )
