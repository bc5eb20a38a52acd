"""The brand models on the CPU: places on a picture that may hold a mark, and the vectors of marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import openvino as ov  # type: ignore[import-untyped]  # the wheel has no py.typed

from engines.errors import BadInput, InferenceFailed
from engines.manifest import find_model, read_manifest
from engines.marks.sightings import VECTOR, Candidates

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


class MarkFinder:
    """Finds what may be marks on a picture and describes each. One instance serves one thread at a time.

    Raises BadInput where the model cannot be loaded.
    """

    def __init__(self, *, threads: int = 1, model: str = FINDER) -> None:
        self._model = find_model(model, read_manifest())
        self._request = _compile(self._model, threads).create_infer_request()
        fed = self._model.input
        self._input = np.zeros((1, 3, fed.height, fed.width), np.float32)

    def find(self, picture: Bgr) -> Candidates:
        """Return the candidates on a (height, width, 3) uint8 BGR picture, boxes in its px, best first."""
        height, width = picture.shape[:2]
        if min(height, width) < SMALLEST:
            return _nothing()
        fed = self._model.input
        scale = min(fed.width / width, fed.height / height)
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
        return Candidates(boxes[real], scores[real], unit(vectors[real]))


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
        return ov.Core().compile_model(str(model.path), "CPU", config)
    except RuntimeError as error:
        line = " ".join(str(error).split())[:200]
        raise BadInput(f"model {model.name}: OpenVINO cannot load {model.path}: {line}") from error


def _infer(request: Any, batch: FloatArray, name: str) -> dict[str, FloatArray]:
    try:
        answer = request.infer([batch])
    except RuntimeError as error:
        raise InferenceFailed(f"model {name}: {' '.join(str(error).split())[:200]}") from error
    return {output.get_any_name(): np.asarray(value, np.float32) for output, value in answer.items()}
