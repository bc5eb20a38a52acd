"""The registry of a store's metrics, which forgets cameras that are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric


class StoreRegistry(CollectorRegistry):
    """A registry that shows no series of a camera that is gone: its frames under way may still be counted."""

    def __init__(self) -> None:
        super().__init__()
        self.cameras: frozenset[str] | None = None
        """Those of the store; None: series of any are shown."""

    def collect(self) -> Iterator[Metric]:
        """Yield the families to show."""
        for family in super().collect():
            if (cameras := self.cameras) is not None:
                shown = {None, *cameras}
                family.samples = [one for one in family.samples if one.labels.get("camera") in shown]
            yield family
