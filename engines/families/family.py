"""The families that `msh models add` knows, and how each is fed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
UNIT = ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
RAW = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


class Family(str, Enum):
    """A family: one way of feeding a network and of reading its outputs."""

    YOLOX = "yolox"
    RTDETR = "rtdetr"
    DETR = "detr"
    YOLOS = "yolos"
    DETECTNET = "detectnet"
    SSD = "ssd"


class Scale(str, Enum):
    """What a network is fed: pixels from 0 to 255, from 0 to 1, or by ImageNet's mean and spread."""

    RAW = "raw"
    UNIT = "unit"
    IMAGENET = "imagenet"

    @property
    def mean_and_spread(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Return what is taken from RGB pixels, and what they are then divided by."""
        return {Scale.RAW: RAW, Scale.UNIT: UNIT, Scale.IMAGENET: IMAGENET}[self]


@dataclass(frozen=True, slots=True)
class Feeding:
    """order: of the channels. threshold: a least score to begin with. nms_iou: 1 where none is needed."""

    order: str
    scale: Scale
    threshold: float
    nms_iou: float


FEEDINGS = {
    Family.YOLOX: Feeding("bgr", Scale.RAW, 0.4, 0.6),
    Family.RTDETR: Feeding("rgb", Scale.UNIT, 0.45, 0.9),
    Family.DETR: Feeding("rgb", Scale.IMAGENET, 0.6, 0.9),
    Family.YOLOS: Feeding("rgb", Scale.IMAGENET, 0.6, 0.9),
    Family.DETECTNET: Feeding("rgb", Scale.UNIT, 0.4, 0.5),
    Family.SSD: Feeding("rgb", Scale.RAW, 0.4, 0.6),
}
"""As the families' own code does it, the thresholds a little below what they show by default."""
