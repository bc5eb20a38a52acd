"""The traces of single frames, where the store file asks for them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipelines.outputs.traces import FrameTraces, OtlpService
from pipelines.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.settings.root import Settings
    from probes.metrics import Metrics


def build_traces(
    settings: Settings, device: str, metrics: Metrics, *, utc: Callable[[int], int]
) -> FrameTraces | None:
    """Return what takes frames' times, not started; None where the settings name no collector."""
    traces = settings.outputs.traces
    if traces is None:
        return None
    headers = {name: value.get_secret_value() for name, value in traces.headers.items()}
    about = {
        "service.name": "make-sales-happen",
        "service.version": VERSION,
        "service.namespace": settings.store.id,
        "service.instance.id": device,
    }
    return FrameTraces(partial(OtlpService, traces.url, headers, about), traces.every_s, metrics, utc=utc)
