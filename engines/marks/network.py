"""The brand models on the CPU: places on a picture that may hold a mark, and the vectors of marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.batches import in_batches
from engines.boxes import iou
from engines.compiled_models import compile_cached
from engines.cpu_flags import cpu_flags, is_quick_in_int8
from engines.errors import BadInput, InferenceFailed
from engines.free_memory import release_working_memory
from engines.manifest import find_model, read_manifest
from engines.marks.gallery import LEAST_SCORE, SMALLEST_PX
from engines.marks.squares import scaled, squares
from engines.marks.types import VECTOR, Candidates
from engines.openvino_runtime import EXACT, Precision, precision_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from engines.manifest import Model

    Bgr = npt.NDArray[np.uint8]
    FloatArray = npt.NDArray[np.float32]

FINDER, EMBEDDING = "marks", "mark-embedding"
PLACES = ("/proposals/where/where.1/Conv", "/proposals/size/size.1/Conv")
"""What the finder's graph says of each place, as `engines.training.export` names it: how likely a mark is
there, and how far it reaches to its four sides."""
STRIDE, TOP = 4, 20
"""Pixels of the input to a place, and how many places are taken at most."""
BATCH = 2
"""Cuts described at a time. For 1, 2, up to 20 of them that took 119 CPU ms, by four 131, each alone 134,
each number at once, by a network that takes any, 137; the vectors are bit for bit the same."""
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

    Of the finder's graph only the first half runs: what it may take for a mark
    is cut out here, and described by the second half's own file. On a GPU all of it is one graph.

    A picture larger than the network's input is seen as a whole and, lest small marks be lost, again in
    overlapping tiles of a larger scale, as long as all views are at most `max_views`. With PICTURE_VIEWS it
    is seen smaller too, lest large marks be lost; one mark may then be found several times. Raises BadInput
    where the model cannot be loaded.

    precision: of what says where marks may be, in 8 bits where the CPU is quick at them; their vectors are in
    fp32 on every CPU. The file of 8 bits holds the first half alone.
    """

    def __init__(
        self,
        *,
        threads: int = 1,
        model: str = FINDER,
        max_views: int = LIVE_VIEWS,
        precision: Precision = Precision.FASTEST,
    ) -> None:
        self._model = find_model(model, read_manifest())
        if precision is Precision.FASTEST and is_quick_in_int8(cpu_flags()):
            self._model = self._model.in_int8()
        compiled = (
            _compile(self._model, threads, precision, _whole, "as it is")
            if self._model.is_int8
            else _compile(self._model, threads, precision, places_of, "places at full width")
        )
        self._request = compiled.create_infer_request()
        self._embedder = MarkEmbedder(threads=threads)
        self._max_views = max_views

    @property
    def loaded(self) -> dict[str, str]:
        """The arithmetic of each model in use, by its name."""
        arithmetic = "i8" if self._model.is_int8 else precision_of(self._request.get_compiled_model())
        return {self._model.name: arithmetic} | self._embedder.loaded

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
        release_working_memory(self._request)
        return best

    def _look(self, picture: Bgr, left: int, top: int, share: float = 1.0) -> Candidates:
        height, width = picture.shape[:2]
        fed = self._model.input
        scale = share * min(fed.width / width, fed.height / height)
        size = (max(1, int(width * scale)), max(1, int(height * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(picture, size, interpolation=method)
        # As nvinfer does: scaled as a whole into the top left corner, black to the right and below.
        drawn = np.zeros((1, 3, fed.height, fed.width), np.float32)
        drawn[0, :, : size[1], : size[0]] = small[..., ::-1].transpose(2, 0, 1)
        answer = _infer(self._request, drawn, self._model.name)
        boxes, scores = _best(answer["likely"][0, 0], answer["reach"][0])
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise InferenceFailed(f"model {self._model.name}: the answer holds numbers that are not finite")
        shrunk = np.array([size[0] / width, size[1] / height] * 2, np.float32)
        placed = np.clip(boxes / shrunk, 0, np.array([width, height] * 2, np.float32))
        good = (scores >= LEAST_SCORE) & ((placed[:, 2:] - placed[:, :2]).min(axis=1) >= SMALLEST_PX)
        vectors = self._embedder.embed_cuts(squares(drawn[0], boxes[good], self._embedder.side))
        placed += np.array([left, top] * 2, np.float32)
        return Candidates(placed[good], scores[good], vectors)


def places_of(core: Any, path: Path) -> Any:
    """Return the part of the finder's graph that says where marks may be."""
    whole = core.read_model(path)
    named = {node.get_friendly_name(): node for node in whole.get_ordered_ops()}
    if missing := [name for name in PLACES if name not in named]:
        raise BadInput(f"{path}: has no {missing[0]}; export it with engines.training.export")
    import openvino  # type: ignore[import-untyped]  # noqa: PLC0415  the wheel has no py.typed

    part = openvino.Model([named[name].output(0) for name in PLACES], whole.get_parameters(), "places")
    for output, name in zip(part.outputs, ("likely", "reach"), strict=True):
        output.get_tensor().set_names({name})
    height = part.inputs[0].get_partial_shape()[2].get_length()
    width = part.inputs[0].get_partial_shape()[3].get_length()
    part.reshape([1, 3, height, width])
    return part


def _best(likely: FloatArray, reach: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return boxes in px of the input and scores of the TOP places, surest first.

    likely: (h, w) logits; reach: (4, h, w) logarithms. A place less likely than one beside it does not count.
    """
    heat = 1 / (1 + np.exp(-likely))
    peaks = np.where(heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8)), heat, 0)
    order = np.argsort(-peaks, axis=None, kind="stable")[:TOP]
    rows, columns = np.unravel_index(order, likely.shape)
    centres = (np.stack([columns, rows], axis=1) + 0.5) * STRIDE
    sides = np.exp(np.clip(reach[:, rows, columns], -2, 6)).T
    boxes = np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1)
    return np.asarray(boxes, np.float32), np.asarray(peaks[rows, columns], np.float32)


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
    """Turns pictures of marks into vectors, for enrolment: the same on every CPU.

    One instance serves one thread at a time.
    """

    def __init__(self, *, threads: int = 1, model: str = EMBEDDING) -> None:
        self._model = find_model(model, read_manifest())
        compiled = _compile(self._model, threads, Precision.FP32, _for_batches, f"{BATCH} at a time")
        self._request = compiled.create_infer_request()

    @property
    def loaded(self) -> dict[str, str]:
        """The arithmetic of each model in use, by its name."""
        return {self._model.name: precision_of(self._request.get_compiled_model())}

    @property
    def side(self) -> int:
        """Side of the network's input, px."""
        return self._model.input.width

    def embed(self, pictures: Sequence[Bgr]) -> FloatArray:
        """Return (n, VECTOR) float32 of unit length, one for each square (s, s, 3) uint8 BGR picture."""
        if not pictures:
            return np.zeros((0, VECTOR), np.float32)
        shown = [scaled(picture, self.side) for picture in pictures]
        return self.embed_cuts(np.stack(shown)[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32))

    def embed_cuts(self, cuts: FloatArray) -> FloatArray:
        """Return the vectors of (n, 3, side, side) float32 RGB cuts; raises InferenceFailed."""
        found = [np.zeros((0, VECTOR), np.float32)]
        for batch, used in in_batches(cuts, BATCH):
            found.append(_infer(self._request, batch, self._model.name)["vectors"][:used].copy())
        vectors = np.concatenate(found)
        if not np.isfinite(vectors).all():
            raise InferenceFailed(f"model {self._model.name}: the answer holds numbers that are not finite")
        return unit(vectors)


def unit(vectors: FloatArray) -> FloatArray:
    """Return vectors of unit length."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), np.float32)


def _nothing() -> Candidates:
    return Candidates(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, VECTOR), np.float32)
    )


def _whole(core: Any, path: Path) -> Any:
    return core.read_model(path)


def _for_batches(core: Any, path: Path) -> Any:
    network = core.read_model(path)
    shape = network.input(0).get_partial_shape()
    shape[0] = BATCH
    network.reshape(shape)
    return network


def _compile(
    model: Model, threads: int, precision: Precision, build: Callable[[Any, Path], Any], how: str
) -> Any:
    """Compile what `build` makes of a model's file. how: that in words."""
    config: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
        **(EXACT if precision is Precision.FP32 else {}),
    }
    model.check_file()
    try:
        return compile_cached(model.path, lambda core: build(core, model.path), config, how)
    except RuntimeError as error:
        line = " ".join(str(error).split())[:200]
        raise BadInput(f"model {model.name}: OpenVINO cannot load {model.path}: {line}") from error


def _infer(request: Any, batch: FloatArray, name: str) -> dict[str, FloatArray]:
    try:
        answer = request.infer([batch])
    except RuntimeError as error:
        raise InferenceFailed(f"model {name}: {' '.join(str(error).split())[:200]}") from error
    return {output.get_any_name(): np.asarray(value, np.float32) for output, value in answer.items()}
