"""Finding things in pictures: a network, fed with letterboxed pictures, its answers as boxes in them."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

from engines.decoding import decode, thresholds_of
from engines.errors import InferenceFailed
from engines.letterbox import Fit, letterbox
from engines.manifest import MANIFEST, ChannelOrder, Model, find_model, read_manifest
from engines.openvino_runtime import Network, Precision, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from engines.decoding import Raw
    from engines.detections import Detections
    from engines.image import I420

PATIENCE_S = 10.0


class Pending:
    """Pictures under work. Its slots go back when the result is fetched, or when it is let go."""

    def __init__(self, detector: Detector, network: Network) -> None:
        self._detector = detector
        self._slots: list[Slot] = []
        self._fits: list[Fit] = []
        self._release = weakref.finalize(self, network.give_back, self._slots)

    def add(self, slot: Slot, fit: Fit) -> None:
        """Note a slot to be given back, and where its picture lies in it."""
        self._slots.append(slot)
        self._fits.append(fit)

    def result(self, timeout_s: float = PATIENCE_S) -> list[Detections]:
        """Wait; return one record per picture, in their order. Raises InferenceFailed. Call once."""
        try:
            work = zip(self._slots, self._fits, strict=True)
            return [self._detector.read(slot.result(timeout_s), fit) for slot, fit in work]
        finally:
            self._release()


class Detector:
    """A detection model, ready to work."""

    def __init__(self, model: Model, network: Network, thresholds: Mapping[str, float] | None = None) -> None:
        self._model, self._network = model, network
        self._thresholds = thresholds_of(model, thresholds)

    @property
    def name(self) -> str:
        """The model's name in the manifest."""
        return self._model.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that `Detections.classes` counts."""
        return self._model.classes

    @property
    def precision(self) -> str:
        """The arithmetic in use: f32, bf16 or f16."""
        return self._network.precision

    def detect(self, pictures: Sequence[I420]) -> list[Detections]:
        """Return what is seen in each picture, in pixels of it. Raises InferenceFailed, never guesses."""
        return self.start(pictures).result()

    def start(self, pictures: Sequence[I420]) -> Pending:
        """Begin to work on the pictures, which are read before this returns. Raises InferenceFailed.

        A second batch may start before the first is fetched; at most 64 pictures are in flight.
        """
        size = self._model.input
        pending = Pending(self, self._network)
        for picture in pictures:
            fit = self._fit(picture)
            slot = self._network.take()
            pending.add(slot, fit)
            letterbox(picture, slot.pixels, rgb=size.order is ChannelOrder.RGB)
            slot.start()
        return pending

    def _fit(self, picture: I420) -> Fit:
        size = self._model.input
        try:
            return Fit.of((picture.width, picture.height), (size.width, size.height))
        except ValueError as error:
            raise InferenceFailed(f"model {self.name}: {error}") from error

    def read(self, raw: Raw, fit: Fit) -> Detections:
        """Turn one answer into boxes in the picture: above threshold, best of each heap, clipped."""
        return decode(raw, fit, self._model, self._thresholds)


def load_detector(
    name: str,
    *,
    manifest_path: Path | None = None,
    threads: int | None = None,
    precision: Precision = Precision.FASTEST,
    thresholds: Mapping[str, float] | None = None,
) -> Detector:
    """Load a model of the manifest, its checksum verified. Raises BadInput.

    threads: CPU threads that one picture may use; None: all of this process. thresholds: by class, instead
    of the manifest's.
    """
    model = find_model(name, read_manifest(manifest_path or MANIFEST))
    model.check_file()
    count = threads or len(os.sched_getaffinity(0))
    return Detector(model, Network(model, threads=count, precision=precision), thresholds)
