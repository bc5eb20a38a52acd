"""The recognisers of `msh bench brands`: the product's own routes, and baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from engines.training.samples import cut, jitter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from engines.marks.gallery import Cohort
    from engines.marks.network import MarkEmbedder
    from engines.marks.picture import MarkPicture
    from engines.marks.types import Emblem
    from engines.ocr.reader import WordReader
    from scripts.bench.brands.dataset import Shot

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]

BOX_ERROR = 0.1
RATIO = 0.75
LEAST_MATCHES = 4
IMAGENET_SIDE = 224


class Rival(Protocol):
    """One method to recognise brands."""

    name: str

    def scores(self, shot: Shot, number: int) -> Floats:
        """Return (brands,) how much the mark on a picture is each brand's, 0 and less for not at all."""


def crop_of(shot: Shot, number: int) -> Bytes:
    """Return the square around a shot's mark, its box off as a finder's is; all where there is none."""
    if not shot.marks:
        height, width = shot.picture.shape[:2]
        return cut(shot.picture, (2, 2, width - 2, height - 2), 1.0)
    return cut(shot.picture, jitter(shot.marks[0].box, np.random.default_rng(number), BOX_ERROR))


class Vectors:
    """The product's embedding, each brand by the nearest of its views."""

    name = "embedding (ours)"

    def __init__(self, pictures: Sequence[MarkPicture], embedder: MarkEmbedder) -> None:
        self._embedder = embedder
        views = [picture.views() for picture in pictures]
        self.enrolled = [embedder.embed(some) for some in views]
        self._starts = np.cumsum([0, *(len(some) for some in self.enrolled)])[:-1]
        self._all = np.concatenate(self.enrolled)

    def vectors(self, shots: Sequence[Shot]) -> Floats:
        """Return (n, VECTOR) of the shots' marks."""
        return self._embedder.embed([crop_of(shot, number) for number, shot in enumerate(shots)])

    def similarities(self, vectors: Floats) -> Floats:
        """Return (n, brands)."""
        return np.asarray(np.maximum.reduceat(vectors @ self._all.T, self._starts, axis=1), np.float32)

    def scores(self, shot: Shot, number: int) -> Floats:
        """See Rival."""
        near = self.similarities(self._embedder.embed([crop_of(shot, number)]))[0]
        return np.asarray(near + 1.0, np.float32)


class Emblems:
    """The product's keypoints route: inliers."""

    name = "keypoints (ours)"

    def __init__(self, emblems: Sequence[Emblem]) -> None:
        self._emblems = emblems
        # A brand has several emblems: as drawn, and with light and dark exchanged.
        self._places = {brand: number for number, brand in enumerate(dict.fromkeys(e.brand for e in emblems))}

    def scores(self, shot: Shot, number: int) -> Floats:
        """See Rival."""
        from engines.marks.emblems import find_emblems  # noqa: PLC0415 loads OpenCV's features

        found = np.zeros(len(self._places), np.float32)
        for sighting in find_emblems(shot.picture, self._emblems):
            found[self._places[sighting.brand]] = sighting.similarity
        return found


class Words:
    """Text recognition alone: the brand whose name is read."""

    name = "OCR alone"

    def __init__(self, brands: Sequence[str], reader: WordReader) -> None:
        from pricing.brands.matcher import BrandMatcher  # noqa: PLC0415

        self._reader, self._count = reader, len(brands)
        self._places = {brand: number for number, brand in enumerate(brands)}
        self._matcher = BrandMatcher({brand: (brand,) for brand in brands})

    def scores(self, shot: Shot, number: int) -> Floats:
        """See Rival."""
        from pricing.brands.matcher import Reading  # noqa: PLC0415

        words = self._reader.read(shot.picture)
        found = np.zeros(self._count, np.float32)
        for match in self._matcher.find([Reading(word.text, word.confidence) for word in words]):
            found[self._places[match.brand]] = match.confidence
        return found


class Matching:
    """OpenCV's usual recipe: keypoints, nearest two, ratio test, homography; counts what is left."""

    def __init__(self, name: str, pictures: Sequence[MarkPicture]) -> None:
        self.name = f"{name} matching"
        create: Any = getattr(cv2, f"{name}_create")
        self._detector = create(1000)
        norm = cv2.NORM_HAMMING if name == "ORB" else cv2.NORM_L2
        self._matcher = cv2.BFMatcher(norm)
        self._enrolled = [self._detect(picture.views()[0]) for picture in pictures]

    def _detect(self, picture: Bytes) -> tuple[Any, Any]:
        points, descriptors = self._detector.detectAndCompute(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), None)
        return np.array([p.pt for p in points], np.float32), descriptors

    def scores(self, shot: Shot, number: int) -> Floats:
        """See Rival."""
        found = np.zeros(len(self._enrolled), np.float32)
        # Small crops are enlarged: neither finds anything on 30 px.
        large = cv2.resize(shot.picture, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
        points, descriptors = self._detect(np.asarray(large, np.uint8))
        if descriptors is None or len(descriptors) < 2:
            return found
        for place, (theirs, reference) in enumerate(self._enrolled):
            if reference is None or len(reference) < 2:
                continue
            pairs = [
                first
                for first, second in self._matcher.knnMatch(descriptors, reference, k=2)
                if first.distance < RATIO * second.distance
            ]
            found[place] = len(pairs) / 100
            if len(pairs) >= LEAST_MATCHES:
                here, there = points[[p.queryIdx for p in pairs]], theirs[[p.trainIdx for p in pairs]]
                _, inside = cv2.findHomography(there, here, cv2.RANSAC, 5.0)
                found[place] += 0 if inside is None else int(inside.sum())
        return found


class RivalNetwork:
    """Any image network as an embedding: the mean of its last feature map, or its output."""

    name = "ImageNet embedding"

    def __init__(self, path: Path, pictures: Sequence[MarkPicture]) -> None:
        import openvino as ov  # type: ignore[import-untyped]  # noqa: PLC0415 the wheel has no py.typed

        core = ov.Core()
        model = core.read_model(str(path))
        shape = [1 if d.is_dynamic else d.get_length() for d in model.inputs[0].partial_shape]
        self._last = shape[-1] == 3
        shape = [1, IMAGENET_SIDE, IMAGENET_SIDE, 3] if self._last else [1, 3, IMAGENET_SIDE, IMAGENET_SIDE]
        model.reshape(shape)
        self._request = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1}).create_infer_request()
        views = [[self._embed(view) for view in picture.views()] for picture in pictures]
        self._starts = np.cumsum([0, *(len(some) for some in views)])[:-1]
        self._all = np.concatenate([np.stack(some) for some in views])

    def _embed(self, picture: Bytes) -> Floats:
        fed = cv2.resize(picture, (IMAGENET_SIDE, IMAGENET_SIDE), interpolation=cv2.INTER_LINEAR)
        values = fed[None, ..., ::-1].astype(np.float32) / 127.5 - 1
        values = values if self._last else np.ascontiguousarray(values.transpose(0, 3, 1, 2))
        answer = next(iter(self._request.infer([values]).values()))
        vector = np.asarray(answer, np.float32)[0]
        if vector.ndim == 3:
            deepest = int(np.argmax(vector.shape))
            vector = vector.mean(axis=tuple(axis for axis in range(3) if axis != deepest))
        return np.asarray(vector / max(1e-6, float(np.linalg.norm(vector))), np.float32).ravel()

    def scores(self, shot: Shot, number: int) -> Floats:
        """See Rival."""
        near = self._all @ self._embed(crop_of(shot, number))
        return np.asarray(np.maximum.reduceat(near, self._starts), np.float32)


def sureness(own: Floats, other: Floats, thresholds: Floats) -> tuple[Floats, Floats]:
    """Return how sure each of (n, 20) similarities' best is, as logit, and whether the gallery would take it.

    other: (n,) similarity to the cohort. thresholds: (20,).
    """
    from engines.marks import gallery  # noqa: PLC0415

    best = own.argmax(axis=1)
    rows = np.arange(len(own))
    over = own[rows, best] - thresholds[best]
    rival = np.partition(own, -2, axis=1)[:, -2]
    lead = own[rows, best] - np.maximum(other, rival)
    sure = gallery.SLOPE * (over - gallery.MIDDLE) + gallery.LEAD_SLOPE * lead
    return np.asarray(sure, np.float32), np.asarray((over >= 0) & (lead >= gallery.LEAD), np.bool_)


def cohort_of(vectors: Floats, cohort: Cohort) -> Floats:
    """Return (n,) similarity to the nearest of the cohort."""
    return np.asarray((vectors @ cohort.marks.T).max(axis=1), np.float32)
