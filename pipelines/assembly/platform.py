"""Which platform a store runs on, chosen by what is installed."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import BadInput
from pipelines.outputs.disk import OutputFailed, write_whole
from pricing.news import news

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engines.deepstream.files import Machine
    from engines.manifest import Model
    from pipelines.deepstream.engines import Preparation
    from pipelines.deepstream.graph.build import EngineFiles
    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.deepstream.runtime.elements import ElementFactory
    from pipelines.interfaces import Platform, PlatformParts
    from pipelines.outputs.base import FrameSink
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

KINDS = ("auto", "cpu", "deepstream")


@dataclass(frozen=True, slots=True)
class Nvidia:
    """Where DeepStream's parts come from: None is what is installed. pyds: the module.

    build: as engines.tensorrt.missing.build_missing; for a given machine nothing is built without it.
    """

    element_factory: ElementFactory | None = None
    pyds: Any = None
    machine: Machine | None = None
    build: Callable[..., bool] | None = None


def build_platform(
    kind: str,
    settings: Settings,
    parts: PlatformParts,
    *,
    sinks: Callable[[], Sequence[FrameSink]],
    folder: Callable[[], Path],
    nvidia: Nvidia | None = None,
) -> Platform:
    """Return the platform, not started. Raises BadInput where the wanted one is not available.

    kind: auto takes DeepStream where it is installed and complete, else the CPU, and logs the choice; where
    there is an NVIDIA GPU that is a WARNING and metric gpu_unused, for that shop pays for a card that idles.
    sinks: the outputs of pixels, made only for the CPU; DeepStream encodes on the GPU and has its own.
    folder: where files for this machine may be written. nvidia: its parts, instead of those installed here.
    """
    own = nvidia or Nvidia()
    if kind not in KINDS:
        raise BadInput(f"platform {kind!r} is unknown; use {', '.join(KINDS)}")
    gpu_unused = ""
    if kind != "cpu":
        try:
            from pipelines.deepstream.assemble import assemble  # noqa: PLC0415 only where it is asked for

            prepared = _DeepStreamFiles(settings, own, parts.metrics, folder)
            deepstream = assemble(
                settings,
                parts,
                files=prepared.files,
                element_factory=own.element_factory,
                pyds=own.pyds,
                preparation=prepared.engines,
            )
            prepared.tell_models()
            if parts.describer is not None:
                logger.warning('describe: not available on DeepStream; set platform.kind to "cpu" to use it')
            return deepstream
        except BadInput as error:
            if kind == "deepstream":
                raise
            if _has_nvidia_gpu():
                gpu_unused = str(error)
                extra = news("gpu_unused", what=gpu_unused)
                logger.warning("runs on the CPU, the NVIDIA GPU is not used: %s", error, extra=extra)
            else:
                logger.info("runs on the CPU: %s", error)
    from pipelines.cpu.platform import CpuPlatform  # noqa: PLC0415 only the platform in use is loaded

    platform = CpuPlatform(settings, parts, sinks())
    platform.gpu_unused = gpu_unused
    parts.metrics.gpu_unused.set(bool(gpu_unused))
    return platform


def _has_nvidia_gpu() -> bool:
    from pipelines.deepstream.runtime.device import has_nvidia_gpu  # noqa: PLC0415 only where auto decides

    return has_nvidia_gpu()


class _DeepStreamFiles:
    """What DeepStream's elements read on this machine: the files are written at once, engines built later."""

    def __init__(
        self, settings: Settings, nvidia: Nvidia, metrics: Metrics, folder: Callable[[], Path]
    ) -> None:
        self._settings, self._nvidia, self._metrics, self._folder = settings, nvidia, metrics, folder
        self._machine: Machine | None = None

    def files(self, capabilities: Capabilities) -> EngineFiles:
        """Write the nvinfer and nvtracker files for this GPU and store, and name them. Raises BadInput."""
        from engines.deepstream.files import this_machine  # noqa: PLC0415
        from engines.tensorrt.engine_key import EnginePrecision  # noqa: PLC0415

        if capabilities.version is None:
            raise BadInput("platform: the version of DeepStream is unknown")
        precision = EnginePrecision(self._settings.platform.precision)
        batch = len(self._settings.enabled_cameras())
        self._machine = self._nvidia.machine or this_machine(
            os.environ, capabilities.version, precision, batch
        )
        return _files_for(self._settings, self._machine, self._folder())

    def engines(self) -> Preparation | None:
        """Return what builds the engines that are missing; called after `files`."""
        from engines.tensorrt.missing import build_missing  # noqa: PLC0415
        from pipelines.deepstream.engines import EnginePreparation  # noqa: PLC0415

        if self._machine is None or (self._nvidia.machine is not None and self._nvidia.build is None):
            return None
        build = self._nvidia.build or build_missing
        return EnginePreparation(_models_of(self._settings), self._machine, self._metrics, build)

    def tell_models(self) -> None:
        """Count the models of the graph as loaded; called after `files`."""
        if self._machine is None:
            return
        for model in _models_of(self._settings):
            precision = self._machine.inference(model).precision.value
            self._metrics.model_loaded.labels(model.name, precision).set(1)


def _files_for(settings: Settings, machine: Machine, folder: Path) -> EngineFiles:
    from engines.deepstream.files import deepstream_files  # noqa: PLC0415
    from engines.thresholds import detection_thresholds  # noqa: PLC0415
    from pipelines.deepstream.graph.build import engine_files  # noqa: PLC0415

    models, target = _models_of(settings), folder / "deepstream"
    persons, faces = models[:2]
    wanted = settings.models
    thresholds = {
        persons.name: detection_thresholds(persons, wanted.person.min_confidence, of_faces=False),
        faces.name: detection_thresholds(faces, wanted.face.min_confidence, of_faces=True),
    }
    try:
        if ";" in str(target):
            raise OutputFailed(f"{target}: nvtracker takes what stands behind a ';' for another file")
        _write_files(deepstream_files(models, machine, target, thresholds), target)
    except OutputFailed as error:
        target = Path(tempfile.mkdtemp(prefix="msh-deepstream-"))
        # Engines are hundreds of megabytes, and the next start makes a folder of its own.
        atexit.register(shutil.rmtree, target, ignore_errors=True)
        logger.error("DeepStream's files and engines lie in %s until the next restart: %s", target, error)
        _write_files(deepstream_files(models, machine, target, thresholds), target)
    return engine_files(settings, target)


def _models_of(settings: Settings) -> list[Model]:
    """Return the models of the graph: persons, faces, and marks where the store asks for brands."""
    from engines.manifest import find_model, read_manifest  # noqa: PLC0415
    from pipelines.deepstream.graph.build import brand_model  # noqa: PLC0415

    manifest = read_manifest()
    models = [find_model(role.name, manifest) for role in (settings.models.person, settings.models.face)]
    marks = brand_model(settings)
    return [*models, marks] if marks else models


def _write_files(texts: Mapping[str, str], folder: Path) -> None:
    for name, text in texts.items():
        write_whole(folder / name, text.encode())
