"""A DETR for each question: one finds people in the whole picture, two more look at each of them.

DETR-ResNet-50 through PyTorch and `transformers`, with random weights, as only the time counts. Such weights
find nobody, so `--people` says how many boxes are looked at in each frame. Every picture gets the size that
DETR's own preparation gives it: 800 pixels at the shorter side, 1333 at most at the longer. All else is the
plain script's.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import cv2
import numpy as np

plain: Any = import_module("plain")
torch: Any = import_module("torch")
transformers: Any = import_module("transformers")
"""Installed in the rivals' environment only, so the type checker cannot know them."""
SHORT, LONG = 800, 1333
MEAN, SPREAD = (np.array(values, np.float32) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
Picture = np.typing.NDArray[Any]


class Detr:
    """One network of DETR's size."""

    def __init__(self, classes: int) -> None:
        body = transformers.ResNetConfig(out_features=["stage4"])
        config = transformers.DetrConfig(
            use_timm_backbone=False,
            use_pretrained_backbone=False,
            backbone=None,
            backbone_config=body,
            num_labels=classes,
        )
        self._network = transformers.DetrForObjectDetection(config).eval()

    def find(self, picture: Picture, count: int) -> Any:
        """Return the `count` surest boxes."""
        height, width = picture.shape[:2]
        scale = min(SHORT / min(height, width), LONG / max(height, width))
        large = cv2.resize(picture, (round(width * scale), round(height * scale)))
        tensor = ((large[..., ::-1].astype(np.float32) / 255 - MEAN) / SPREAD).transpose(2, 0, 1)
        with torch.inference_mode():
            answer = self._network(pixel_values=torch.from_numpy(np.ascontiguousarray(tensor[None])))
        scores, classes = answer.logits[0].softmax(-1)[:, :-1].max(-1)
        best = scores.topk(count).indices.numpy()
        middle, size = np.split(answer.pred_boxes[0].numpy()[best] * ([width, height] * 2), 2, axis=1)
        corners = np.concatenate([middle - size / 2, middle + size / 2], axis=1)
        return plain.sv.Detections(
            corners.clip(0, [width, height] * 2),
            confidence=scores.numpy()[best],
            class_id=classes.numpy()[best],
        )


def main() -> None:
    """Find people, then the face and what is worn of each."""
    parser = plain.call()
    parser.add_argument("--people", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(0)
    persons, faces, worn = Detr(91), Detr(1), Detr(20)

    def find(picture: Picture) -> tuple[Any, Any]:
        height, width = picture.shape[:2]
        people, heads = persons.find(picture, args.people), []
        for number in range(args.people):
            # The size of a person who stands at the height of half the picture, wherever the box is.
            left = number * width // (args.people + 1)
            crop = picture[height // 4 : height * 3 // 4, left : left + height // 5]
            found = faces.find(crop, 1)
            heads.append(plain.sv.Detections(found.xyxy + [left, height // 4] * 2))
            worn.find(crop, 5)
        return people, plain.sv.Detections.merge(heads)

    plain.work(args, find)


if __name__ == "__main__":
    main()
