"""Builds missing TensorRT engines in the background before the pipeline starts, with progress."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from engines.tensorrt.missing import build_missing, missing_engines
from pricing.news import news

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engines.deepstream.files import Machine
    from engines.manifest import Model
    from engines.tensorrt.build import WantedEngine
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)


class Preparation(Protocol):
    """What a platform does before its pipeline starts."""

    def run(self) -> None:
        """Do it, in the caller's thread; it may take minutes."""

    def stop(self) -> None:
        """Give it up soon. From any thread."""

    @property
    def text(self) -> str:
        """What is being done, for people; empty before and after."""


class EnginePreparation:
    """Builds what the store's models lack on this machine; TensorRT calls started, step and finished."""

    def __init__(
        self,
        models: Sequence[Model],
        machine: Machine,
        metrics: Metrics,
        build: Callable[..., bool] = build_missing,
    ) -> None:
        """build: as engines.tensorrt.missing.build_missing."""
        self._models, self._machine, self._metrics, self._build = models, machine, metrics, build
        self._stop = threading.Event()
        self._engine, self._phase = "", ""

    @property
    def text(self) -> str:
        """Which engine is built, and how far it is."""
        return f"{self._engine}{self._phase}"

    def run(self) -> None:
        """Build one after the other; log what, and how it went."""
        wanted = missing_engines(self._models, self._machine)
        if not wanted:
            return
        logger.info(
            "building %d TensorRT engines, which takes minutes; cameras open afterwards",
            len(wanted),
            extra=news("engines_building", count=len(wanted)),
        )
        try:
            if self._build(wanted, self._machine, self, self._on_engine):
                logger.info("TensorRT engines are built", extra=news("engines_built"))
        finally:
            self._engine = self._phase = ""
            self._metrics.engines_missing.set(0)

    def stop(self) -> None:
        """Give the build up at TensorRT's next step."""
        self._stop.set()

    def started(self, phase: str, parent: str | None, steps: int) -> None:
        """Note a phase."""
        if parent is None:
            self._phase = f", {phase} 0 of {steps}"

    def step(self, phase: str, number: int) -> bool:
        """Note a step; False where the build shall end."""
        head, _, of = self._phase.rpartition(" of ")
        if of and head.startswith(f", {phase} "):
            self._phase = f", {phase} {number + 1} of {of}"
        return not self._stop.is_set()

    def finished(self, phase: str) -> None:
        """Note that a phase is over."""
        if self._phase.startswith(f", {phase} "):
            self._phase = ""

    def _on_engine(self, left: int, wanted: WantedEngine) -> None:
        self._metrics.engines_missing.set(left)
        self._engine = f"building engine {wanted.model.name} {wanted.precision.value}, {left} left"
