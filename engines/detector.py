"""Finding things in pictures: a network, fed with letterboxed pictures, its answers as boxes in them."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

import numpy as np

from engines.cpu_flags import cpu_flags, is_quick_in_int8
from engines.decoding import decode, is_full, thresholds_of
from engines.detections import Detections
from engines.errors import InferenceFailed
from engines.image import I420
from engines.letterbox import Fit, letterbox
from engines.manifest import MANIFEST, ChannelOrder, Model, find_model, read_manifest
from engines.openvino_runtime import Network, Precision, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from engines.decoding import Raw
    from engines.patches import Patch, Sheet
    from engines.views import Region, View

PATIENCE_S, FILE_PATIENCE_S = 10.0, 300.0
"""How long an answer may take: of a camera's frame, and of a file's, for which nobody waits."""


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

    def result(self, timeout_s: float | None = None) -> list[Detections]:
        """Wait; return one record per picture, in their order. Raises InferenceFailed. Call once."""
        try:
            work = zip(self._slots, self._fits, strict=True)
            return [
                self._detector.read(slot.result(self._detector.patience(timeout_s)), fit)
                for slot, fit in work
            ]
        finally:
            self._release()


class ViewWork:
    """One view of a picture under work. Its slot goes back with the result, or when it is let go."""

    def __init__(self, detector: Detector, network: Network, view: View) -> None:
        self._detector, self._view = detector, view
        self._slots: list[Slot] = []
        self._fit: Fit | None = None
        self._raw: Raw | None = None
        self._release = weakref.finalize(self, network.give_back, self._slots)

    def begin(self, slot: Slot, picture: I420, *, rgb: bool) -> None:
        """Draw the view into the slot and start it."""
        self._slots.append(slot)
        self._fit = letterbox(_part(picture, self._view.region), slot.pixels, rgb=rgb)
        slot.start()

    def result(self, timeout_s: float | None = None) -> tuple[Detections, bool]:
        """Wait; return what is seen, in pixels of the picture, and whether the answer is full.

        A full answer has no room left: there may be more than it says. Raises InferenceFailed.
        """
        if self._raw is None:
            try:
                self._raw = self._slots[0].result(self._detector.patience(timeout_s))
            finally:
                self._release()
        return self._read(self._raw, None), self._detector.is_full(self._raw)

    def faint(self, least: float) -> Detections:
        """Wait; return all that is seen from a score of `least` on. Raises InferenceFailed."""
        self.result()
        assert self._raw is not None
        return self._read(self._raw, least)

    def _read(self, raw: Raw, least: float | None) -> Detections:
        assert self._fit is not None
        found = self._detector.read(raw, self._fit, self._view.size, least)
        left, top, _, _ = self._view.region
        boxes = found.boxes + np.array([left, top, left, top], np.float32)
        return Detections(boxes, found.scores, found.classes)


class SheetWork:
    """Patches of a picture under work, together in one input. See `ViewWork`."""

    def __init__(self, detector: Detector, network: Network, sheet: Sheet) -> None:
        self._detector, self._sheet = detector, sheet
        self._slots: list[Slot] = []
        self._fits: list[Fit] = []
        self._release = weakref.finalize(self, network.give_back, self._slots)

    def begin(self, slot: Slot, picture: I420, *, rgb: bool) -> None:
        """Draw the patches into the slot and start it."""
        self._slots.append(slot)
        slot.pixels[:] = 0
        for (region, (width, height)), left, top in self._sheet.placed:
            part = slot.pixels[top : top + height, left : left + width]
            self._fits.append(letterbox(_part(picture, region), part, rgb=rgb))
        slot.start()

    def result(self, timeout_s: float | None = None) -> tuple[list[tuple[Patch, Detections]], bool]:
        """Wait; return what is seen in each patch, px of the picture, and whether the answer is full.

        What lies between two patches belongs to neither and is left out. Raises InferenceFailed. Call once.
        """
        try:
            raw = self._slots[0].result(self._detector.patience(timeout_s))
        finally:
            self._release()
        size = self._sheet.size
        found = self._detector.read(raw, Fit(size, 0, 0, *size), size)
        middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
        answers = []
        for (patch, left, top), fit in zip(self._sheet.placed, self._fits, strict=True):
            corner = np.array([left, top], np.float32)
            inside = (middles >= corner) & (middles < corner + patch.size)
            mine = found.where(np.asarray(inside.all(axis=1)))
            boxes = fit.to_picture(mine.boxes - np.tile(corner, 2))
            boxes = np.clip(boxes, 0, np.array(fit.picture * 2, np.float32))
            boxes += np.array(patch.region[:2] * 2, np.float32)
            answers.append((patch, Detections(boxes.astype(np.float32), mine.scores, mine.classes)))
        return answers, self._detector.is_full(raw)


class Detector:
    """A detection model, ready to work. patience_s: how long an answer may take where no call says so."""

    def __init__(
        self,
        model: Model,
        network: Network,
        thresholds: Mapping[str, float] | None = None,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._model, self._network, self._patience_s = model, network, patience_s
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
        """The arithmetic in use: i8, f32, bf16 or f16."""
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

    def start_view(self, picture: I420, view: View) -> ViewWork:
        """Begin to work on a part of a picture, which is read before this returns. Raises InferenceFailed."""
        work = ViewWork(self, self._network, view)
        try:
            work.begin(
                self._network.take(view.size), picture, rgb=self._model.input.order is ChannelOrder.RGB
            )
        except ValueError as error:
            raise InferenceFailed(f"model {self.name}: {error}") from error
        return work

    def start_sheet(self, picture: I420, sheet: Sheet) -> SheetWork:
        """Begin to work on patches of a picture, read before this returns. Raises InferenceFailed."""
        work = SheetWork(self, self._network, sheet)
        try:
            work.begin(
                self._network.take(sheet.size), picture, rgb=self._model.input.order is ChannelOrder.RGB
            )
        except ValueError as error:
            raise InferenceFailed(f"model {self.name}: {error}") from error
        return work

    def rest(self) -> None:
        """Give back the memory that is kept for the next pictures of sizes like the last ones."""
        self._network.rest()

    def patience(self, timeout_s: float | None) -> float:
        """Return how long to wait for an answer, s."""
        return self._patience_s if timeout_s is None else timeout_s

    def is_full(self, raw: Raw) -> bool:
        """Return whether even the least of an answer's scores counts: then it may have left some out."""
        return is_full(raw, self._model, self._thresholds)

    @property
    def model(self) -> Model:
        """The model as the manifest describes it."""
        return self._model

    def threshold(self, label: str) -> float:
        """Return the least score of a class."""
        return float(self._thresholds[self._model.classes.index(label)])

    def _fit(self, picture: I420) -> Fit:
        size = self._model.input
        try:
            return Fit.of((picture.width, picture.height), (size.width, size.height))
        except ValueError as error:
            raise InferenceFailed(f"model {self.name}: {error}") from error

    def read(
        self, raw: Raw, fit: Fit, size: tuple[int, int] | None = None, least: float | None = None
    ) -> Detections:
        """Turn one answer into boxes in the picture, see `decode`. least: instead of the thresholds."""
        thresholds = self._thresholds if least is None else np.full_like(self._thresholds, least)
        return decode(raw, fit, self._model, thresholds, size)


def _part(picture: I420, region: Region) -> I420:
    """Return a part of a picture, as a picture that shares its memory."""
    left, top, right, bottom = region
    if right > picture.width or bottom > picture.height:
        raise ValueError(f"a view reaches beyond the picture of {picture.width} x {picture.height}")
    chroma = slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2)
    return I420(picture.y[top:bottom, left:right], picture.u[chroma], picture.v[chroma])


def load_detector(
    name: str,
    *,
    manifest_path: Path | None = None,
    threads: int | None = None,
    precision: Precision = Precision.FASTEST,
    thresholds: Mapping[str, float] | None = None,
    patience_s: float = PATIENCE_S,
    any_size: bool = False,
    large_px: int | None = None,
) -> Detector:
    """Load a model of the manifest, its checksum verified. Raises BadInput.

    threads: CPU threads that one picture may use; None: all of this process. thresholds: by class, instead
    of the manifest's. any_size: whether inputs are mostly of other sizes than the manifest's. large_px: as of
    Network.
    """
    model = find_model(name, read_manifest(manifest_path or MANIFEST))
    model.check_file()
    if precision is Precision.FASTEST and is_quick_in_int8(cpu_flags()):
        model = model.in_int8()
    count = threads or len(os.sched_getaffinity(0))
    network = Network(model, threads=count, precision=precision, any_size=any_size, large_px=large_px)
    return Detector(model, network, thresholds, patience_s=patience_s)
