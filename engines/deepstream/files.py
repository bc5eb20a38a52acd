"""All files that DeepStream elements read, for the models of a manifest: names and texts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.deepstream.nvinfer_config import (
    BRAND_GIE,
    CROPS,
    FACE_GIE,
    LOOKS,
    PERSON_GIE,
    Inference,
    OnObjects,
    label_text,
    nvinfer_yaml,
)
from engines.deepstream.nvtracker_config import NvTracker, TrackerPreset, nvtracker_yaml
from engines.errors import BadInput
from engines.manifest import Decoder
from engines.onnx_batch import fixed_batch
from engines.tensorrt.compiler import load_tensorrt
from engines.tensorrt.cuda import open_cuda
from engines.tensorrt.engine_key import EngineKey, EnginePrecision, EngineStore, Gpu, engine_folder
from engines.thresholds import detection_thresholds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from engines.manifest import Model

BESIDE_GRAPH = (Decoder.VECTOR, Decoder.GARMENTS, Decoder.SHARE, Decoder.TEXT_REGIONS, Decoder.TEXT_LINES)


@dataclass(frozen=True, slots=True)
class Machine:
    """What the files are for. tensorrt, gpu: as the machine names them; deepstream: its version."""

    gpu: Gpu
    tensorrt: str
    deepstream: tuple[int, int]
    engines: EngineStore
    precision: EnginePrecision = EnginePrecision.FP16
    batch: int = 8

    def inference(self, model: Model, thresholds: Mapping[str, float] | None = None) -> Inference:
        """Return how the model runs here, in the place that its classes give it in the graph.

        A model of marks runs on crops, in 16 bits where 8 are wanted of the others. Raises BadInput where
        8 bits are wanted and `msh models build` has not built and judged them.
        """
        crops = model.decoder is Decoder.MARKS
        precision = EnginePrecision.FP16 if crops and self.precision.quantised else self.precision
        batch = batch_of(model, self.batch)
        key = EngineKey.of(model, self.tensorrt, self.gpu, precision, batch)
        found = self.engines.find(key) if precision.quantised else None
        calibration = found.calibration if found else None
        engine = self.engines.folder / key.file_name
        on = OnObjects(LOOKS, (0,)) if crops else None
        gie_id = BRAND_GIE if crops else PERSON_GIE if "person" in model.classes else FACE_GIE
        return Inference(model, gie_id, batch, precision, engine, calibration, thresholds, on)


def batch_of(model: Model, cameras: int) -> int:
    """Return how many pictures a model works on at once, where so many cameras have frames.

    One whose file is made for a single picture has them one by one. Raises BadInput where it is made for
    another number, which no count of cameras could be held to.
    """
    wanted = CROPS if model.decoder is Decoder.MARKS else batch_size(cameras)
    fixed = fixed_batch(model.path)
    if fixed is not None and fixed > 1:
        raise BadInput(
            f"model {model.name}: {model.path.name} takes {fixed} pictures at once, never fewer; export it"
            " again with a batch of 1, or one that is left open"
        )
    return fixed or wanted


def batch_size(cameras: int) -> int:
    """Return the batch of an engine for so many cameras: a power of two; one more rebuilds nothing."""
    return 1 << max(0, cameras - 1).bit_length()


def this_machine(
    environ: Mapping[str, str],
    deepstream: tuple[int, int],
    precision: EnginePrecision = EnginePrecision.FP16,
    batch: int = 8,
) -> Machine:
    """Return this machine. Raises BadInput where its GPU, CUDA or TensorRT cannot be used from Python."""
    version = str(load_tensorrt().__version__)
    with closing(open_cuda()) as cuda:
        return Machine(cuda.gpu, version, deepstream, EngineStore(engine_folder(environ)), precision, batch)


def deepstream_files(
    models: Iterable[Model],
    machine: Machine,
    folder: Path,
    thresholds: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, str]:
    """Return the text of each file by its name, as it is to stand in folder. Raises BadInput.

    Models for enrolment are no part of a graph and have none. thresholds: least score by class, by model,
    instead of those at which the product masks.
    """
    files = {}
    for model in models:
        if model.decoder in BESIDE_GRAPH:
            continue
        labels = folder / f"{model.name}.labels.txt" if model.classes else None
        if labels is not None:
            files[labels.name] = label_text(model)
        least = (thresholds or {}).get(model.name) or detection_thresholds(model)
        inference = machine.inference(model, least)
        files[f"{model.name}.yml"] = nvinfer_yaml(inference, folder=folder, labels=labels)
    for preset in TrackerPreset:
        tracker = NvTracker(preset, version=machine.deepstream)
        files[f"tracker-{preset.value.replace('_', '-')}.yml"] = nvtracker_yaml(tracker)
    return files
