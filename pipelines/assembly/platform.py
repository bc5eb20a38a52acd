"""Which platform a store runs on, chosen by what is installed."""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import BadInput
from pipelines.outputs.disk import OutputFailed, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engines.deepstream.files import Machine
    from pipelines.deepstream.graph.build import EngineFiles
    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.deepstream.runtime.elements import ElementFactory
    from pipelines.interfaces import Platform, PlatformParts
    from pipelines.outputs.base import FrameSink
    from pipelines.settings.root import Settings

logger = logging.getLogger(__name__)

KINDS = ("auto", "cpu", "deepstream")


@dataclass(frozen=True, slots=True)
class Nvidia:
    """Where DeepStream's parts come from: None is what is installed. pyds: the module."""

    element_factory: ElementFactory | None = None
    pyds: Any = None
    machine: Machine | None = None


def build_platform(
    kind: str,
    settings: Settings,
    parts: PlatformParts,
    *,
    sinks: Callable[[], Sequence[FrameSink]],
    folder: Callable[[], Path],
    nvidia: Nvidia | None = None,
) -> Platform:
    """Return the platform, not started. Raises BadInput where the one asked for cannot be had.

    kind: auto takes DeepStream where it is installed and whole, else the CPU, and says which and why.
    sinks: the outputs of pixels, made only for the CPU; DeepStream encodes on the GPU and has its own.
    folder: where files for this machine may be written. nvidia: its parts, instead of those installed here.
    """
    own = nvidia or Nvidia()
    if kind not in KINDS:
        raise BadInput(f"platform {kind!r} is unknown; use {', '.join(KINDS)}")
    if kind != "cpu":
        try:
            from pipelines.deepstream.assemble import assemble  # noqa: PLC0415 only where it is asked for

            platform = assemble(
                settings,
                parts,
                files=lambda box: files_of_this_machine(settings, box, folder(), own.machine),
                element_factory=own.element_factory,
                pyds=own.pyds,
            )
            if parts.describer is not None:
                logger.warning('describe: not available on DeepStream; set platform.kind to "cpu" to use it')
            return platform
        except BadInput as error:
            if kind == "deepstream":
                raise
            logger.info("runs on the CPU: %s", error)
    from pipelines.cpu.platform import CpuPlatform  # noqa: PLC0415 only the platform in use is loaded

    return CpuPlatform(settings, parts, sinks())


def files_of_this_machine(
    settings: Settings, capabilities: Capabilities, folder: Path, machine: Machine | None = None
) -> EngineFiles:
    """Write the nvinfer and nvtracker files for this GPU and store, and name them. Raises BadInput."""
    from engines.deepstream.files import deepstream_files, this_machine  # noqa: PLC0415
    from engines.manifest import find_model, read_manifest  # noqa: PLC0415
    from engines.tensorrt.engine_key import EnginePrecision  # noqa: PLC0415
    from engines.thresholds import detection_thresholds  # noqa: PLC0415
    from pipelines.deepstream.graph.build import brand_model, engine_files  # noqa: PLC0415

    if capabilities.version is None:
        raise BadInput("platform: the version of DeepStream is unknown")
    precision = EnginePrecision(settings.platform.precision)
    # A slot for every camera of the file, disabled ones too: an engine for fewer would be rebuilt silently.
    batch = len(settings.cameras)
    machine = machine or this_machine(os.environ, capabilities.version, precision, batch)
    roles = (settings.models.person, settings.models.face)
    manifest = read_manifest()
    models = [find_model(role.name, manifest) for role in roles]
    thresholds = {
        role.name: detection_thresholds(model, role.min_confidence)
        for role, model in zip(roles, models, strict=True)
    }
    if marks := brand_model(settings):
        models.append(marks)
    target = folder / "deepstream"
    try:
        _write_files(deepstream_files(models, machine, target, thresholds), target)
    except OutputFailed as error:
        target = Path(tempfile.mkdtemp(prefix="msh-deepstream-"))
        logger.error("DeepStream's files and engines lie in %s until the next restart: %s", target, error)
        _write_files(deepstream_files(models, machine, target, thresholds), target)
    return engine_files(settings, target)


def _write_files(texts: Mapping[str, str], folder: Path) -> None:
    for name, text in texts.items():
        write_whole(folder / name, text.encode())
