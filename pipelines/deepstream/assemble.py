"""The DeepStream platform for a store, put together from what is installed."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipelines.deepstream.analysis import MetaAnalysis
from pipelines.deepstream.cameras import Clocks
from pipelines.deepstream.graph.build import brand_model, build_graph, engine_files
from pipelines.deepstream.graph.camera import SIZE
from pipelines.deepstream.platform import DeepStreamPlatform
from pipelines.deepstream.runtime.installed import check_encoder, installed
from pipelines.deepstream.runtime.self_check_film import FACE, GOOD_FOR_S
from probes.nvds.binding import open_binding, pyds_binding

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.deepstream.engines import Preparation
    from pipelines.deepstream.graph.build import EngineFiles
    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.deepstream.runtime.elements import ElementFactory
    from pipelines.interfaces import PlatformParts
    from pipelines.settings.root import Settings

logger = logging.getLogger(__name__)


def assemble(
    settings: Settings,
    parts: PlatformParts,
    *,
    files: Callable[[Capabilities], EngineFiles] | None = None,
    element_factory: ElementFactory | None = None,
    pyds: Any = None,
    preparation: Callable[[], Preparation | None] = lambda: None,
) -> DeepStreamPlatform:
    """Return the platform, not started. BadInput, in one line, where this machine cannot run it.

    files: makes the nvinfer and nvtracker files of this machine, instead of those of configs/deepstream.
    preparation: makes what is done after the start, before cameras open; called after files.
    Without brands among the parts the graph has no brand model.
    """
    capabilities = installed(element_factory)
    if pyds is not None:
        binding = pyds_binding(pyds, SIZE, jetson=capabilities.jetson)
    else:
        binding = open_binding(SIZE, jetson=capabilities.jetson)
    logger.info("metadata through %s", binding.name)
    # Nobody reads surfaces where nothing is looked for.
    any_surface = binding.surfaces.any_format or not parts.looks.reads
    capabilities = replace(capabilities, any_surface=any_surface)
    named = files(capabilities) if files else engine_files(settings)
    model = brand_model(settings) if parts.brands and named.brand else None
    if model is None:
        named = replace(named, brand=None)
    graph, redaction = build_graph(settings, capabilities, named)
    check_encoder(graph, element_factory)
    analysis = MetaAnalysis(
        settings,
        binding,
        parts,
        slots=graph.slots,
        redaction=redaction,
        marks=(model, parts.brands) if model and parts.brands else None,
        face=FACE,
        good_for_s=GOOD_FOR_S,
    )
    return DeepStreamPlatform(
        settings,
        capabilities,
        named,
        analysis=analysis,
        metrics=parts.metrics,
        on_state=parts.on_state,
        element_factory=element_factory,
        clocks=Clocks(
            random=parts.random, throttle=parts.throttle, now_ns=parts.clock.now, utc=parts.clock.utc
        ),
        preparation=preparation(),
        on_watch=parts.on_watch,
        pictures=parts.pictures,
    )
