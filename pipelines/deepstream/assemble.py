"""The DeepStream platform for a store, put together from what is installed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipelines.deepstream.analysis import PydsAnalysis
from pipelines.deepstream.graph.build import brand_model, build_graph, engine_files
from pipelines.deepstream.platform import Clocks, DeepStreamPlatform
from pipelines.deepstream.runtime.installed import check_encoder, installed
from probes.nvds.pyds_meta import load_pyds
from probes.overlay.text import as_is

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from pipelines.cameras.states import CameraState, Cause
    from pipelines.deepstream.graph.build import EngineFiles
    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.deepstream.runtime.elements import ElementFactory
    from pipelines.floor.floor import Floor
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics
    from probes.nvds.marks import Brands
    from probes.overlay.text import Brand, Money
    from probes.recognition.looks import LookScheduler


def assemble(
    settings: Settings,
    *,
    floor: Floor,
    looks: LookScheduler,
    money: Money,
    metrics: Metrics,
    on_state: Callable[[str, CameraState, Cause, int], None],
    random: Random,
    files: Callable[[Capabilities], EngineFiles] | None = None,
    brand: Brand = as_is,
    brands: Brands | None = None,
    element_factory: ElementFactory | None = None,
    pyds: Any = None,
) -> DeepStreamPlatform:
    """Return the platform, not started. BadInput, in one line, where this machine cannot run it.

    files: makes the nvinfer and nvtracker files of this machine, instead of those of configs/deepstream.
    brands: what is looked for now; without it the graph has no brand model.
    """
    capabilities = installed(element_factory)
    binding = pyds or load_pyds()
    named = files(capabilities) if files else engine_files(settings)
    model = brand_model(settings) if brands and named.brand else None
    if model is None:
        named = replace(named, brand=None)
    graph, redaction = build_graph(settings, capabilities, named)
    check_encoder(graph, element_factory)
    analysis = PydsAnalysis(
        settings,
        binding,
        slots=graph.slots,
        redaction=redaction,
        jetson=capabilities.jetson,
        floor=floor,
        looks=looks,
        money=money,
        brand=brand,
        metrics=metrics,
        random=random,
        marks=(model, brands) if model and brands else None,
    )
    return DeepStreamPlatform(
        settings,
        capabilities,
        named,
        analysis=analysis,
        metrics=metrics,
        on_state=on_state,
        element_factory=element_factory,
        clocks=Clocks(random=random),
    )
