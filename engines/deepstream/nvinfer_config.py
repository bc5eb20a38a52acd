"""The files that DeepStream's nvinfer reads, written from the model manifest.

Keys and values as DeepStream 9.1 reads them (src/gst-plugins/gst-nvinfer/gstnvinfer_yaml_parser.cpp); 7.1 and
8.0 know all that are written here. Lists are scalars joined by ";", truth values 0 and 1.

A model of marks is read by nobody but us (network-type 100, its tensors as metadata). For that type nvinfer
has no limit of its own to how often it looks: secondary-reinfer-interval counts only for classifiers and
detectors, classifier-async-mode only for classifiers, interval only for whole frames (should_infer_object and
gst_nvinfer_process_full_frame, gstnvinfer.cpp). A classifier it must not be called, for that would set
bInferDone of the frame (gstnvinfer_meta_utils.cpp), by which the probe tells that faces were looked for. So
it works on objects that our own chooser adds (LOOKS), and on nothing else.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engines.decoding import OUTPUTS, thresholds_of
from engines.errors import BadInput
from engines.manifest import ChannelOrder, Decoder
from engines.tensorrt.engine_key import EnginePrecision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engines.manifest import Model

PERSON_GIE, FACE_GIE, BRAND_GIE = 1, 2, 3
LOOKS = 102
"""unique_component_id of the objects that stand for looks, crops for the brand model; no model has it."""
CROPS = 8
"""Most crops that the brand model works on at once, however many cameras there are."""
MARK_OUTPUTS = ("boxes", "scores", "vectors")
"""What a model of marks answers to a picture: (K, 4) x1 y1 x2 y2 in px of its input, (K,), (K, VECTOR)."""
DEEPSTREAM = Path("/opt/nvidia/deepstream/deepstream")
PARSER_LIBRARY = Path("lib/libnvds_infercustomparser.so")
"""Where DeepStream has the parsers, in its folder."""
PARSERS = {Decoder.TF_SSD: "NvDsInferParseCustomTfSSD"}
BEST_K = 500
"""No graph of ours gives more boxes, so nvinfer cuts none away after its suppression."""
MAX_BATCH = 1024
_PLAIN = re.compile(r"[\w./+-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class OnObjects:
    """Infer on the boxes of another detector instead of whole frames: its unique id, and which classes."""

    gie_id: int
    class_ids: tuple[int, ...]
    min_side: int = 32


@dataclass(frozen=True, slots=True)
class Inference:
    """One nvinfer element. engine: None lets nvinfer build its own. calibration: for int8 and best.

    gie_id: unique id, above 0. thresholds: least score by class, instead of the manifest's. on: None for
    whole frames. deepstream: where it is installed, for its library of parsers.
    """

    model: Model
    gie_id: int
    batch: int
    precision: EnginePrecision = EnginePrecision.FP16
    engine: Path | None = None
    calibration: Path | None = None
    thresholds: Mapping[str, float] | None = None
    on: OnObjects | None = None
    deepstream: Path = DEEPSTREAM

    def __post_init__(self) -> None:
        name = self.model.name
        if not 1 <= self.batch <= MAX_BATCH:
            raise BadInput(f"model {name}: batch {self.batch} is outside 1 to {MAX_BATCH}")
        if self.gie_id < 1 or (self.on is not None and self.on.gie_id in (0, self.gie_id)):
            raise BadInput(f"model {name}: unique ids start at 1, and no model works on its own boxes")
        if self.precision.quantised and self.calibration is None:
            raise BadInput(
                f"model {name}: {self.precision.value} needs a calibration; make it with: "
                f"msh models build {name} --precision {self.precision.value} --frames FOLDER"
            )
        if self.model.decoder in (Decoder.VECTOR, Decoder.GARMENTS, Decoder.SHARE):
            raise BadInput(f"model {name}: looks or enrolment run it on the CPU; it is in no graph")
        if self.model.classes and self.model.decoder not in PARSERS:
            raise BadInput(
                f"model {name}: nvinfer has no parser for decoder {self.model.decoder.value};"
                f" take a model with {' or '.join(one.value for one in PARSERS)}, or run it on the CPU"
            )
        if self.precision.quantised and not self.model.classes:
            raise BadInput(f"model {name}: what it tells cannot be judged in 8 bits; use fp16")
        if self.on is None and not self.model.classes:
            raise BadInput(f"model {name}: it works on crops of persons, not on whole frames")
        if ";" in "".join(self.model.classes):
            raise BadInput(f"model {name}: nvinfer's label file does not take a ';' in a class name")


def nvinfer_yaml(inference: Inference, *, folder: Path, labels: Path | None = None) -> str:
    """Return the text of an nvinfer file (its name must end in .yml: the suffix chooses nvinfer's parser).

    folder: where the file will lie; paths below its parent's parent are written relative to it, as nvinfer
    resolves them. labels: the label file, see `label_text`. Raises BadInput.
    """
    lines = [
        f"# nvinfer: {inference.model.name}. Generated from configs/models.yaml; do not edit.",
        "property:",
    ]
    lines += [f"  {key}: {value}" for key, value in _properties(inference, folder, labels)]
    for section, attributes in _class_attributes(inference):
        lines += [f"{section}:", *(f"  {key}: {value}" for key, value in attributes)]
    return "\n".join(lines) + "\n"


def label_text(model: Model) -> str:
    """Return the label file: one class a line, in the order of class ids."""
    return "\n".join(model.classes) + "\n"


def _properties(inference: Inference, folder: Path, labels: Path | None) -> Iterable[tuple[str, object]]:
    model = inference.model
    yield "onnx-file", _path(model.path, folder)
    if inference.engine is not None:
        yield "model-engine-file", _path(inference.engine, folder)
    if labels is not None:
        yield "labelfile-path", _path(labels, folder)
    yield "batch-size", inference.batch
    yield "network-mode", inference.precision.network_mode
    if inference.precision.quantised and inference.calibration is not None:
        yield "int8-calib-file", _path(inference.calibration, folder)
    yield from _marks(model) if model.decoder is Decoder.MARKS else _detector(model, inference.deepstream)
    yield "gie-unique-id", inference.gie_id
    yield from _scope(inference.on)


def _detector(model: Model, deepstream: Path) -> Iterable[tuple[str, object]]:
    yield "network-type", 0
    yield "num-detected-classes", len(model.classes)
    yield from _input(model, centred=True)
    yield "output-blob-names", ";".join(OUTPUTS)
    yield "parse-bbox-func-name", PARSERS[model.decoder]
    yield "custom-lib-path", deepstream / PARSER_LIBRARY
    yield "cluster-mode", 2


def _marks(model: Model) -> Iterable[tuple[str, object]]:
    yield "network-type", 100
    yield "output-tensor-meta", 1
    yield from _input(model, centred=False)
    yield "output-blob-names", ";".join(MARK_OUTPUTS)


def _input(model: Model, *, centred: bool) -> Iterable[tuple[str, object]]:
    """Say what the network is fed: scale * (pixel - offset), offsets in the order of its channels.

    centred: black on all sides of the picture, else below or to the right of it.
    So computed in nvdsinfer_conversion.cu; the offset of BGR networks is that of plane k, not of colour k.
    """
    size = model.input
    yield "infer-dims", f"3;{size.height};{size.width}"
    yield "network-input-order", 0
    yield "model-color-format", 0 if size.order is ChannelOrder.RGB else 1
    yield "net-scale-factor", _number(size.scale)
    if any(size.mean):
        yield "offsets", ";".join(_number(value) for value in size.mean)
    yield "maintain-aspect-ratio", 1
    yield "symmetric-padding", int(centred)
    yield "scaling-filter", 1  # bilinear; the default is nearest


def _scope(on: OnObjects | None) -> Iterable[tuple[str, object]]:
    yield "process-mode", 1 if on is None else 2
    if on is None:
        yield "interval", 0  # faces are masked where they are now: no frame may go uninspected
        return
    yield "operate-on-gie-id", on.gie_id
    yield "operate-on-class-ids", ";".join(str(number) for number in on.class_ids)
    yield "input-object-min-width", on.min_side
    yield "input-object-min-height", on.min_side


def _class_attributes(inference: Inference) -> Iterable[tuple[str, list[tuple[str, object]]]]:
    if not inference.model.classes:
        return
    least = thresholds_of(inference.model, inference.thresholds).tolist()
    common = [("nms-iou-threshold", _number(inference.model.nms_iou)), ("topk", BEST_K)]
    yield "class-attrs-all", [("pre-cluster-threshold", _number(min(least))), *common]
    for number, threshold in enumerate(least):
        yield f"class-attrs-{number}", [("pre-cluster-threshold", _number(threshold))]


def _path(path: Path, folder: Path) -> str:
    """Write a path as nvinfer is to read it: from the file's folder where both belong together.

    In quotes where YAML would read it otherwise: it ends at a " #", and ": " ends the process.
    Raises BadInput where it is no text.
    """
    home = folder.resolve().parent.parent
    found = path.resolve()
    text = os.path.relpath(found, folder.resolve()) if found.is_relative_to(home) else str(found)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput(f"{text!r}: nvinfer reads names in UTF-8 alone; name it otherwise") from None
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _number(value: float) -> str:
    return f"{value:.7g}" if value != int(value) else f"{value:.1f}"
