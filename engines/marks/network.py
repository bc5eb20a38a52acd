"""The brand models on the CPU: places on a picture that may hold a mark, and the vectors of marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.boxes import iou
from engines.compiled_models import compile_cached
from engines.errors import BadInput, InferenceFailed
from engines.free_memory import release_working_memory
from engines.manifest import find_model, read_manifest
from engines.marks.types import VECTOR, Candidates
from engines.openvino_runtime import precision_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from engines.manifest import Model

    Bgr = npt.NDArray[np.uint8]
    FloatArray = npt.NDArray[np.float32]

FINDER, EMBEDDING = "marks", "mark-embedding"
OUTPUTS = ("boxes", "scores", "vectors")
BATCH = 16
SMALLEST = 16
LIVE_VIEWS, PICTURE_VIEWS = 5, 40
"""Most views of one person in a live look, and of one picture that nobody waits for."""
ENOUGH, CLOSER = 0.6, 1.75
"""The scale from which a picture is seen well enough as it is, and the step to the next tiles."""
SMALLER = (0.7, 0.5)
"""Shares of the scale at which the whole just fits: marks that fill much of a picture are found there."""
DOUBLE = 0.6
MAX_CANDIDATES = 60


class MarkFinder:
    """Finds what may be marks on a picture and describes each. One instance serves one thread at a time.

    A picture larger than the network's input is seen as a whole and, lest small marks be lost, again in
    overlapping tiles of a larger scale, as long as all views are at most `max_views`. With PICTURE_VIEWS it
    is seen smaller too, lest large marks be lost; one mark may then be found several times. Raises BadInput
    where the model cannot be loaded.
    """

    def __init__(self, *, threads: int = 1, model: str = FINDER, max_views: int = LIVE_VIEWS) -> None:
        self._model = find_model(model, read_manifest())
        self._request = _compile(self._model, threads).create_infer_request()
        self._max_views = max_views
        fed = self._model.input
        self._input = np.zeros((1, 3, fed.height, fed.width), np.float32)

    @property
    def loaded(self) -> dict[str, str]:
        """The arithmetic of each model in use, by its name."""
        return {self._model.name: precision_of(self._request.get_compiled_model())}

    def find(self, picture: Bgr) -> Candidates:
        """Return the candidates on a (height, width, 3) uint8 BGR picture, boxes in its px, best first."""
        height, width = picture.shape[:2]
        if min(height, width) < SMALLEST:
            return _nothing()
        fed = self._model.input
        views = views_of((width, height), (fed.width, fed.height), self._max_views)
        found = [self._look(picture[y : y + h, x : x + w], x, y) for x, y, w, h in views]
        best = found[0] if len(found) == 1 else _merged(found)
        if self._max_views >= PICTURE_VIEWS:
            # Not merged: only the comparison with the gallery shows which view is the best.
            best = _all_of([best, *(self._look(picture, 0, 0, share) for share in SMALLER)])
        release_working_memory(self._request.get_compiled_model())
        return best

    def _look(self, picture: Bgr, left: int, top: int, share: float = 1.0) -> Candidates:
        height, width = picture.shape[:2]
        fed = self._model.input
        scale = share * min(fed.width / width, fed.height / height)
        size = (max(1, int(width * scale)), max(1, int(height * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(picture, size, interpolation=method)
        self._input[:] = 0.0
        # As nvinfer does: scaled as a whole into the top left corner, black to the right and below.
        self._input[0, :, : size[1], : size[0]] = small[..., ::-1].transpose(2, 0, 1)
        answer = _infer(self._request, self._input, self._model.name)
        boxes, scores, vectors = (answer[name][0].copy() for name in OUTPUTS)
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all() and np.isfinite(vectors).all()):
            raise InferenceFailed(f"model {self._model.name}: the answer holds numbers that are not finite")
        shrunk = np.array([size[0] / width, size[1] / height] * 2, np.float32)
        boxes = np.clip(boxes / shrunk, 0, np.array([width, height] * 2, np.float32))
        real = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
        placed = boxes[real] + np.array([left, top] * 2, np.float32)
        return Candidates(placed, scores[real], unit(vectors[real]))


def views_of(
    picture: tuple[int, int], network: tuple[int, int], max_views: int
) -> list[tuple[int, int, int, int]]:
    """Return x, y, width, height of the views of a (width, height) picture: the whole first, then tiles."""
    views = [(0, 0, *picture)]
    scale = min(network[0] / picture[0], network[1] / picture[1])
    while scale < ENOUGH:
        scale *= CLOSER
        across, down = (_starts(side, int(fed / scale)) for side, fed in zip(picture, network, strict=True))
        tile = [min(side, int(fed / scale)) for side, fed in zip(picture, network, strict=True)]
        if len(views) + len(across) * len(down) > max_views:
            break
        views += [(x, y, tile[0], tile[1]) for y in down for x in across]
    return views


def _starts(side: int, tile: int) -> list[int]:
    """Return where tiles begin along a side, overlapping by at least a sixth of a tile."""
    if tile >= side:
        return [0]
    count = 1 + -(-(side - tile) * 6 // (tile * 5))
    return [round(i * (side - tile) / (count - 1)) for i in range(count)]


def _merged(parts: Sequence[Candidates]) -> Candidates:
    """Return the candidates of several views, of those on one place only the surest."""
    every = _all_of(parts)
    boxes, scores, vectors = every.boxes, every.scores, every.vectors
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    for row in order:
        if all(iou(boxes[row], boxes[other]) < DOUBLE for other in kept):
            kept.append(int(row))
        if len(kept) == MAX_CANDIDATES:
            break
    return Candidates(boxes[kept], scores[kept], vectors[kept])


def _all_of(parts: Sequence[Candidates]) -> Candidates:
    return Candidates(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Candidates.__slots__)
    )


class MarkEmbedder:
    """Turns pictures of marks into vectors, for enrolment. One instance serves one thread at a time."""

    def __init__(self, *, threads: int = 1, model: str = EMBEDDING) -> None:
        self._model = find_model(model, read_manifest())
        self._request = _compile(self._model, threads).create_infer_request()

    def embed(self, pictures: Sequence[Bgr]) -> FloatArray:
        """Return (n, VECTOR) float32 of unit length, one for each square (s, s, 3) uint8 BGR picture."""
        if not pictures:
            return np.zeros((0, VECTOR), np.float32)
        fed, found = self._model.input, []
        for start in range(0, len(pictures), BATCH):
            shown = [_scaled(picture, fed.width) for picture in pictures[start : start + BATCH]]
            batch = np.stack(shown)[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
            answer = _infer(self._request, np.ascontiguousarray(batch), self._model.name)
            found.append(answer["vectors"].copy())
        return unit(np.concatenate(found))


def unit(vectors: FloatArray) -> FloatArray:
    """Return vectors of unit length: bf16 leaves them not quite so."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), np.float32)


def _scaled(picture: Bgr, side: int) -> Bgr:
    method = cv2.INTER_AREA if picture.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=method), np.uint8)


def _nothing() -> Candidates:
    return Candidates(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, VECTOR), np.float32)
    )


def _compile(model: Model, threads: int) -> Any:
    config = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
    }
    model.check_file()
    try:
        return compile_cached(model.path, lambda core: core.read_model(model.path), config, "as it is")
    except RuntimeError as error:
        line = " ".join(str(error).split())[:200]
        raise BadInput(f"model {model.name}: OpenVINO cannot load {model.path}: {line}") from error


def _infer(request: Any, batch: FloatArray, name: str) -> dict[str, FloatArray]:
    try:
        answer = request.infer([batch])
    except RuntimeError as error:
        raise InferenceFailed(f"model {name}: {' '.join(str(error).split())[:200]}") from error
    return {output.get_any_name(): np.asarray(value, np.float32) for output, value in answer.items()}
