"""All files that DeepStream elements read, for the models of a manifest: names and texts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.cuda import open_cuda
from engines.engine_key import EngineKey, EnginePrecision, EngineStore, Gpu, engine_folder
from engines.nvinfer_config import (
    BRAND_GIE,
    FACE_GIE,
    PERSON_GIE,
    Inference,
    OnObjects,
    label_text,
    nvinfer_yaml,
)
from engines.nvtracker_config import NvTracker, TrackerPreset, nvtracker_yaml
from engines.tensorrt import load_tensorrt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from engines.manifest import Model


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

        Raises BadInput where 8 bits are wanted and `msh models build` has not built and judged them.
        """
        key = EngineKey.of(model, self.tensorrt, self.gpu, self.precision, self.batch)
        found = self.engines.find(key) if self.precision.quantised else None
        calibration = found.calibration if found else None
        engine = self.engines.folder / key.file_name
        if "person" in model.classes or "face" in model.classes:
            gie_id, on = (PERSON_GIE if "person" in model.classes else FACE_GIE), None
        else:
            gie_id, on = BRAND_GIE, OnObjects(PERSON_GIE, (0,))
        return Inference(model, gie_id, self.batch, self.precision, engine, calibration, thresholds, on)


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

    thresholds: least score by class, by model, instead of the manifest's.
    """
    files = {}
    for model in models:
        labels = f"{model.name}.labels.txt"
        files[labels] = label_text(model)
        inference = machine.inference(model, (thresholds or {}).get(model.name))
        files[f"{model.name}.yml"] = nvinfer_yaml(inference, folder=folder, labels=folder / labels)
    for preset in TrackerPreset:
        tracker = NvTracker(preset, version=machine.deepstream)
        files[f"tracker-{preset.value.replace('_', '-')}.yml"] = nvtracker_yaml(tracker)
    return files
