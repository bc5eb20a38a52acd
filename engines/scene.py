"""All that is found in one picture: people, what they carry, and faces, in as much detail as masking needs.

Persons have two thresholds. Above the upper one they are tracked, shown and priced; between the two they are
only masked: a missed face costs more than a masked coat stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from engines.detections import Detections
from engines.detector import load_detector
from engines.errors import BadInput, InferenceFailed
from engines.manifest import MANIFEST, find_model, read_manifest
from engines.nms import overlaps, suppress
from engines.openvino_runtime import Precision
from engines.thresholds import PERSON, counting_thresholds, detection_thresholds
from engines.views import plan, split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from engines.detector import Detector, ViewWork
    from engines.image import I420
    from engines.manifest import Model
    from engines.views import Region, Size, View

MIN_PERSON_PX = 80
"""Height of the smallest person that must be found, px of the picture, where nothing else is said."""
FACE_SHARE = 0.1
"""Height of a face, as a share of its person."""
FINEST = 1.0
"""No detail view is drawn larger than the picture is."""
SAME, INSIDE = 0.5, 0.6
"""Two views see one person: by intersection over union; by the share of the smaller box in the other."""
CLEAR = 1.5
"""People of so many times the smallest height that a network finds are clear to it."""
DEEPEST = 4
"""How often a view with a full answer is split before the picture is given up."""


class TooMany(InferenceFailed):
    """More persons or faces than can be listed, even in parts: the picture must not be shown."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is in one picture, in pixels of it.

    objects: persons and accessories above the thresholds at which they count. doubtful: persons below, only
    to be masked. faces: every face.
    """

    objects: Detections
    doubtful: Detections
    faces: Detections

    @classmethod
    def empty(cls) -> Scene:
        """Return a scene in which nothing was found."""
        return cls(Detections.empty(), Detections.empty(), Detections.empty())


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a picture is looked at for.

    regions: asked where detail is worth it, if the picture is large enough to need any; it answers in px, or
    None for everywhere.
    """

    min_person_px: float = MIN_PERSON_PX
    regions: Callable[[], tuple[Region, ...] | None] = lambda: None


EVERYTHING = Wanted()


class PendingScenes:
    """Pictures under work."""

    def __init__(self, detector: SceneDetector, work: list[_PictureWork | InferenceFailed]) -> None:
        self._detector, self._work = detector, work

    def results(self) -> list[Scene | InferenceFailed]:
        """Wait; return for each picture, in their order, what is in it, or why that is unknown. Call once."""
        return [
            work if isinstance(work, InferenceFailed) else self._detector.finish(work) for work in self._work
        ]


@dataclass(slots=True)
class _PictureWork:
    picture: I420
    persons: list[tuple[View, ViewWork]]
    faces: list[tuple[View, ViewWork]]


class SceneDetector:
    """The person and the face detector, working on one picture together.

    persons must have been loaded with its masking threshold. counted: the score from which a person is
    tracked, shown and priced.

    >>> scenes = load_scene_detector("nanodet-416", "centerface")  # doctest: +SKIP
    >>> scenes.detect(picture).faces.boxes  # doctest: +SKIP
    """

    def __init__(self, persons: Detector, faces: Detector, *, counted: float) -> None:
        self._persons, self._faces = persons, faces
        self._counted = max(counted, persons.threshold(PERSON))
        self._person = persons.classes.index(PERSON)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes of `Scene.objects`."""
        return self._persons.classes

    @property
    def detectors(self) -> tuple[Detector, Detector]:
        """The two detectors: persons, faces."""
        return self._persons, self._faces

    def views(self, picture: I420, wanted: Wanted = EVERYTHING) -> tuple[list[View], list[View]]:
        """Return the views that the persons' and the faces' network are shown."""
        size = picture.width, picture.height
        regions = cache(wanted.regions)
        persons = _plan(self._persons.model, size, wanted.min_person_px, regions)
        return persons, _plan(self._faces.model, size, wanted.min_person_px * FACE_SHARE, regions)

    def detect(self, picture: I420, wanted: Wanted = EVERYTHING) -> Scene:
        """Return what is in a picture. Raises InferenceFailed, never guesses."""
        (scene,) = self.start([picture], [wanted]).results()
        if isinstance(scene, InferenceFailed):
            raise scene
        return scene

    def start(self, pictures: Sequence[I420], wanted: Sequence[Wanted]) -> PendingScenes:
        """Begin to work on the pictures, which must stay as they are until the results are there.

        A picture that cannot be worked on fails alone, when the results are fetched.
        """
        return PendingScenes(
            self, [self._begin(picture, wish) for picture, wish in zip(pictures, wanted, strict=True)]
        )

    def finish(self, work: _PictureWork) -> Scene | InferenceFailed:
        """Wait for one picture's views and join them."""
        try:
            persons = [*self._results(self._persons, work.picture, work.persons, DEEPEST)]
            faces = [*self._results(self._faces, work.picture, work.faces, DEEPEST)]
        except InferenceFailed as error:
            return error
        return self._joined(work.picture, persons, faces)

    def _begin(self, picture: I420, wanted: Wanted) -> _PictureWork | InferenceFailed:
        try:
            if min(picture.width, picture.height) < 2:
                size = f"{picture.width} x {picture.height}"
                raise InferenceFailed(f"cannot look at a picture of {size} px: a side is below 2")
            persons, faces = self.views(picture, wanted)
            return _PictureWork(
                picture,
                [(view, self._persons.start_view(picture, view)) for view in persons],
                [(view, self._faces.start_view(picture, view)) for view in faces],
            )
        except InferenceFailed as error:
            return error
        except Exception as error:  # noqa: BLE001 one picture's fault must not touch the others
            return InferenceFailed(f"{type(error).__name__} before inference")

    def _results(
        self, detector: Detector, picture: I420, work: Iterable[tuple[View, ViewWork]], depth: int
    ) -> Iterable[tuple[View, Detections]]:
        """Yield each view and what it shows; a full answer is asked again in parts."""
        for view, one in work:
            found, full = one.result()
            yield view, found
            if full:
                parts = split(view) if depth else []
                if not parts:
                    raise TooMany(f"model {detector.name}: more is in the picture than one answer holds")
                again = ((part, detector.start_view(picture, part)) for part in parts)
                yield from self._results(detector, picture, again, depth - 1)

    def _joined(
        self,
        picture: I420,
        persons: list[tuple[View, Detections]],
        faces: list[tuple[View, Detections]],
    ) -> Scene:
        seen = _together([found for _, found in faces])
        seen = _best(seen, self._faces.model.nms_iou)
        base, *details = persons
        if not details:
            found = base[1]
            certain = self._is_counted(found)
            return Scene(found.where(certain), found.where(~certain), seen)
        # The base view decides what it shows well enough: a second detection would double people.
        large = CLEAR * self._persons.model.smallest_px / base[0].scale
        certain = self._is_counted(base[1])
        objects, doubtful = base[1].where(certain), [base[1].where(~certain)]
        for view, found in details:
            whole = self._is_counted(found)
            whole &= ~_is_cut(found.boxes, view, picture) & (_heights(found.boxes) < large)
            fresh = _best(found.where(whole), SAME)
            new = ~_is_known(fresh, objects)
            objects = _together([objects, fresh.where(new)])
            doubtful += [fresh.where(~new & (fresh.classes == self._person)), found.where(~whole)]
        others = _together(doubtful)
        others = _best(others.where(others.classes == self._person), SAME)
        same = overlaps(others.boxes, objects.boxes[objects.classes == self._person])
        return Scene(objects, others.where(np.asarray((same <= SAME).all(axis=1))), seen)

    def _is_counted(self, found: Detections) -> npt.NDArray[np.bool_]:
        """Return which detections count; only persons have a second, lower threshold."""
        return np.asarray((found.classes != self._person) | (found.scores >= self._counted))


def _plan(
    model: Model, picture: Size, smallest_px: float, regions: Callable[[], tuple[Region, ...] | None]
) -> list[View]:
    area = model.input.width * model.input.height
    return plan(picture, area=area, scale=min(FINEST, model.smallest_px / smallest_px), regions=regions)


def _together(parts: Sequence[Detections]) -> Detections:
    """Return the detections of all parts, highest score first."""
    boxes, scores, classes = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("boxes", "scores", "classes")
    )
    order = np.argsort(-scores, kind="stable")
    return Detections(boxes[order], scores[order], classes[order])


def _best(found: Detections, limit: float) -> Detections:
    stay = suppress(found.boxes, found.scores, found.classes, limit)
    return Detections(found.boxes[stay], found.scores[stay], found.classes[stay])


def _is_cut(boxes: npt.NDArray[np.float32], view: View, picture: I420) -> npt.NDArray[np.bool_]:
    """Return which boxes end at a border of the view that is none of the picture: parts of something."""
    left, top, right, bottom = view.region
    near = 0.01 * max(right - left, bottom - top)
    cut = np.zeros(len(boxes), np.bool_)
    for axis, border, inner in (
        (0, left, left > 0),
        (1, top, top > 0),
        (2, right, right < picture.width),
        (3, bottom, bottom < picture.height),
    ):
        if inner:
            cut |= np.abs(boxes[:, axis] - border) <= near
    return cut


def _is_known(found: Detections, known: Detections) -> npt.NDArray[np.bool_]:
    """Return which of `found` are in `known` already, whole or as a part of it or the other way round."""
    if not len(found) or not len(known):
        return np.zeros(len(found), np.bool_)
    a, b = found.boxes[:, None], known.boxes[None]
    sides = np.maximum(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0)
    smaller = np.minimum(_areas(found.boxes)[:, None], _areas(known.boxes)[None])
    share = sides[..., 0] * sides[..., 1] / np.maximum(smaller, 1e-6)
    same = (share > INSIDE) | (overlaps(found.boxes, known.boxes) > SAME)
    return np.asarray((same & (found.classes[:, None] == known.classes[None])).any(axis=1))


def _heights(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(boxes[:, 3] - boxes[:, 1], np.float32)


def _areas(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)


def load_scene_detector(
    person: str,
    face: str,
    *,
    threads: int | None = None,
    precision: Precision = Precision.FASTEST,
    person_confidence: float | None = None,
    face_confidence: float | None = None,
) -> SceneDetector:
    """Load both models of the manifest. Raises BadInput.

    person_confidence: from where on persons and accessories count, instead of the manifest's. Masking goes on
    below it: settings may only lower what is masked, never raise it. face_confidence: the same for faces.
    """
    manifest = read_manifest(MANIFEST)
    persons, faces = find_model(person, manifest), find_model(face, manifest)
    if PERSON not in persons.classes:
        raise BadInput(f"model {person}: it finds no person")
    detectors = [
        load_detector(model.name, threads=threads, precision=precision, thresholds=least)
        for model, least in (
            (persons, detection_thresholds(persons, person_confidence)),
            (faces, detection_thresholds(faces, face_confidence)),
        )
    ]
    return SceneDetector(*detectors, counted=counting_thresholds(persons, person_confidence)[PERSON])
