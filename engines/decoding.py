"""Reading the raw answers of a detection network, whatever ran it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engines.detections import Detections
from engines.errors import BadInput
from engines.nms import suppress

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from engines.letterbox import Fit
    from engines.manifest import Model

    Floats = npt.NDArray[np.float32]

OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes")


@dataclass(frozen=True, slots=True)
class Raw:
    """The answer for one picture: boxes (K, 4) y1 x1 y2 x2 from 0 to 1, scores (K,), classes (K,)."""

    boxes: Floats
    scores: Floats
    classes: Floats


def thresholds_of(model: Model, wanted: Mapping[str, float] | None = None) -> Floats:
    """Return the least score per class, the model's own where none is wanted. Raises BadInput."""
    least = dict(zip(model.classes, model.thresholds, strict=True))
    for label, threshold in (wanted or {}).items():
        if label not in least:
            raise BadInput(f"model {model.name} has no class {label!r}; it has {', '.join(least)}")
        least[label] = threshold
    return np.array(list(least.values()), np.float32)


def decode(
    raw: Raw, fit: Fit, model: Model, thresholds: Floats, size: tuple[int, int] | None = None
) -> Detections:
    """Turn one answer into boxes in the picture: above threshold, after NMS, clipped.

    size: width and height of the input that the picture was drawn into; None: the manifest's.
    """
    classes = np.clip(np.rint(raw.classes), 0, len(model.classes) - 1).astype(np.int32)
    good = raw.scores >= thresholds[classes]
    scale = np.array((size or (model.input.width, model.input.height)) * 2, np.float32)
    boxes = fit.to_picture(raw.boxes[good][:, [1, 0, 3, 2]] * scale)
    boxes = np.clip(boxes, 0, np.array(fit.picture * 2, np.float32))
    found = Detections(boxes, raw.scores[good].astype(np.float32), classes[good])
    found = found.where((boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1))
    stay = suppress(found.boxes, found.scores, found.classes, model.nms_iou)
    return Detections(found.boxes[stay], found.scores[stay], found.classes[stay])


def is_full(raw: Raw, model: Model, thresholds: Floats) -> bool:
    """Return whether even the least score of an answer counts: there may be more than it holds."""
    if not len(raw.scores):
        return False
    last = int(np.argmin(raw.scores))
    label = int(np.clip(np.rint(raw.classes[last]), 0, len(model.classes) - 1))
    return bool(raw.scores[last] >= thresholds[label])
