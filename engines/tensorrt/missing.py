"""Builds the engines that a machine lacks, before the pipeline that needs them starts.

nvinfer builds an engine where none lies at model-engine-file, but keeps it beside the model, under another
name: it would build again at each start, while all cameras wait.
"""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING

from engines.errors import BadInput, BuildFailed, InferenceFailed
from engines.tensorrt.build import EngineBuilder, WantedEngine
from engines.tensorrt.compiler import load_tensorrt
from engines.tensorrt.cuda import open_cuda
from engines.tensorrt.engine_key import EngineKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from engines.deepstream.files import Machine
    from engines.manifest import Model
    from engines.tensorrt.compiler import BuildProgress
    from engines.tensorrt.cuda import Cuda

logger = logging.getLogger(__name__)


def missing_engines(models: Sequence[Model], machine: Machine) -> list[WantedEngine]:
    """Return the engines of these models that are not there. Quantised ones are built by hand, never here."""
    wanted = []
    for model in models:
        inference = machine.inference(model)
        if inference.precision.quantised:
            continue
        key = EngineKey.of(model, machine.tensorrt, machine.gpu, inference.precision, inference.batch)
        if machine.engines.find(key) is None:
            wanted.append(WantedEngine(model, inference.precision, inference.batch))
    return wanted


def build_missing(
    wanted: Sequence[WantedEngine],
    machine: Machine,
    progress: BuildProgress,
    on_engine: Callable[[int, WantedEngine], None],
    *,
    tensorrt: Callable[[], Any] = load_tensorrt,
    cuda: Callable[[], Cuda] = open_cuda,
) -> bool:
    """Build one after the other in this thread; return whether all are there now. May take minutes.

    on_engine: called before each with how many are left. One that fails is a warning: nvinfer then builds
    its own at each start.
    """
    built = 0
    try:
        with closing(cuda()) as gpu:
            builder = EngineBuilder(tensorrt(), gpu, machine.engines, progress, logger.info)
            for number, one in enumerate(wanted):
                on_engine(len(wanted) - number, one)
                try:
                    builder.build(one)
                    built += 1
                except (BadInput, BuildFailed, InferenceFailed) as error:
                    logger.warning("engine not built, nvinfer builds its own at each start: %s", error)
    except BadInput as error:
        logger.warning("engines not built, nvinfer builds its own at each start: %s", error)
    return built == len(wanted)
