"""What nvinfer does around the network, in numpy: letterbox geometry, the TfSSD parser, suppression.

Rules from DeepStream 9.1: get_converted_buffer in gst-plugins/gst-nvinfer/gstnvinfer.cpp, the parser in
utils/nvdsinfer_customparser/nvdsinfer_custombboxparser.cpp, attach_metadata_detector in
gstnvinfer_meta_utils.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.detections import Detections
from engines.nms import suppress

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.decoding import Raw


@dataclass(frozen=True)
class NvFit:
    """Where nvinfer puts a frame with maintain-aspect-ratio and symmetric-padding."""

    left: int
    top: int
    width: int
    height: int
    ratio_x: float
    ratio_y: float

    @classmethod
    def of(cls, frame: tuple[int, int], network: tuple[int, int]) -> NvFit:
        source = (frame[0] & ~1, frame[1] & ~1)
        high = network[0] * source[1] / source[0]
        wide = network[1] * source[0] / source[1]
        width, height = (network[0], int(high)) if high <= network[1] else (int(wide), network[1])
        left, top = (network[0] - width) // 2, (network[1] - height) // 2
        return cls(left, top, width, height, width / source[0], height / source[1])

    def draw(self, bgr: npt.NDArray[np.uint8], network: tuple[int, int]) -> npt.NDArray[np.uint8]:
        target = np.zeros((network[1], network[0], 3), np.uint8)
        small = cv2.resize(bgr, (self.width, self.height), interpolation=cv2.INTER_AREA)
        target[self.top : self.top + self.height, self.left : self.left + self.width] = small
        return target


def parse(
    raw: Raw, fit: NvFit, network: tuple[int, int], thresholds: npt.NDArray[np.float32], iou: float
) -> Detections:
    """Return boxes in frame pixels."""
    classes = raw.classes.astype(np.int32)
    keep = raw.scores >= thresholds[classes]
    edges = raw.boxes[keep][:, [1, 0, 3, 2]] * np.array(network * 2, np.float32)
    edges = np.clip(edges, 0, np.array(network * 2, np.float32) - 1)
    scores, classes = raw.scores[keep], classes[keep]
    real = (edges[:, 2] > edges[:, 0]) & (edges[:, 3] > edges[:, 1])
    edges, scores, classes = edges[real], scores[real], classes[real]
    stay = suppress(edges, scores, classes, iou)
    offset = np.array([fit.left, fit.top] * 2)
    boxes = (edges[stay] - offset) / np.array([fit.ratio_x, fit.ratio_y] * 2)
    return Detections(boxes.astype(np.float32), scores[stay], classes[stay])
