"""Finds all that is in a picture: people, what they carry, and faces, in as much detail as masking needs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING

from engines.close_look import FACE_SHARE, FAINT, SMALLEST_PATCH_PX
from engines.detections import Detections
from engines.detector import PATIENCE_S, load_detector
from engines.errors import BadInput, InferenceFailed
from engines.manifest import MANIFEST, find_model, read_manifest
from engines.openvino_runtime import Precision
from engines.patches import area, pack, patch_of
from engines.scene import EVERYTHING, MIN_PERSON_PX, Scene, SceneRequest, TooMany
from engines.scene_joining import PersonJoiner, is_cut, is_known, joined_faces, together
from engines.scene_views import close_scale, glance, least_input, planned, scales
from engines.thresholds import PERSON, counting_thresholds, detection_thresholds
from engines.views import View, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from engines.close_look import CloseLook
    from engines.detector import Detector, SheetWork, ViewWork
    from engines.image import I420
    from engines.views import Region

DEAR = 0.8
"""Share of a whole close look from which on the patches cost as much as it does: then it is taken instead."""
LARGE_PERSONS = 900 * 500
"""Pixels of an input from which on persons have networks of their own: theirs works in a third of the memory
of that for faces. Without fixed sides a sheet of 832 x 512 px takes 9 MB more, a network for it 25."""
DEEPEST = 4
"""How often a view with a full answer is split before the picture is given up."""


class PendingScenes:
    """Pictures under work."""

    def __init__(self, detector: SceneDetector, work: list[_PictureWork | Scene | InferenceFailed]) -> None:
        self._detector, self._work = detector, work

    def look_closer(self) -> None:
        """Wait for the whole views and begin the close looks. Called by `results` at the latest.

        Called earlier, before other pictures are started, it spares this picture the wait for theirs.
        """
        for number, work in enumerate(self._work):
            if isinstance(work, _PictureWork):
                try:
                    self._detector.look_closer(work)
                except InferenceFailed as error:
                    self._work[number] = _failed(work.close, error)
                except Exception as error:  # noqa: BLE001 one picture's fault must not touch the others
                    unknown = InferenceFailed(f"{type(error).__name__} before the close look")
                    self._work[number] = _failed(work.close, unknown)

    def results(self) -> Iterator[Scene | InferenceFailed]:
        """Yield for each picture, in their order, what is in it, or why that is unknown. Call once.

        Each is yielded as soon as it is known: the networks go on with the next one meanwhile.
        """
        self.look_closer()
        for work in self._work:
            yield self._detector.finish(work) if isinstance(work, _PictureWork) else work

    def drop(self) -> None:
        """Begin nothing more, and do not wait: nobody asks for the results."""
        dropped = InferenceFailed("nobody asks for it")
        for number, work in enumerate(self._work):
            if isinstance(work, _PictureWork):
                self._work[number] = _failed(work.close, dropped)

    def let_go(self) -> None:
        """Begin nothing more, and wait until no network reads the pictures any longer."""
        for work in self._work:
            if isinstance(work, _PictureWork):
                for one in work.started():
                    with suppress(InferenceFailed):
                        one.result()


@dataclass(slots=True)
class _PictureWork:
    """One picture under work: its views, and the sheets of its close look once that has begun."""

    picture: I420
    wanted: SceneRequest
    persons: list[tuple[View, ViewWork]]
    faces: list[tuple[View, ViewWork]]
    close: CloseLook | None
    means: npt.NDArray[np.float32] | None = None
    person_sheets: list[SheetWork] = field(default_factory=list)
    face_sheets: list[SheetWork] = field(default_factory=list)
    is_whole: bool = False
    """Whether all of it is looked at closely from the start."""
    has_looked: bool = False

    def started(self) -> list[ViewWork | SheetWork]:
        """Return all that the networks were given."""
        views = [one for _, one in (*self.persons, *self.faces)]
        return [*views, *self.person_sheets, *self.face_sheets]


class SceneDetector:
    """The person and the face detector, working on one picture together.

    persons must have been loaded with its masking threshold. counted: the score from which a person is
    tracked, shown and priced.

    >>> scenes = load_scene_detector("nanodet-416", "centerface")  # doctest: +SKIP
    >>> scenes.detect(picture).faces.boxes  # doctest: +SKIP
    """

    def __init__(self, persons: Detector, faces: Detector, *, counted: float) -> None:
        self._persons, self._faces = persons, faces
        self._person = persons.classes.index(PERSON)
        self._joiner = PersonJoiner(
            self._person,
            counted=max(counted, persons.threshold(PERSON)),
            smallest_px=persons.model.smallest_px,
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes of `Scene.objects`."""
        return self._persons.classes

    @property
    def detectors(self) -> tuple[Detector, Detector]:
        """The two detectors: persons, faces."""
        return self._persons, self._faces

    def views(self, picture: I420, min_person_px: float) -> tuple[list[View], list[View]]:
        """Return the views that show the whole picture to the persons' and the faces' network.

        The first of each is the cheap one; where it is too coarse for the smallest person, details follow.
        """
        size = picture.width, picture.height
        persons = planned(self._persons.model, size, min_person_px)
        return persons, planned(self._faces.model, size, min_person_px * FACE_SHARE)

    def is_whole_enough(self, picture: I420, min_person_px: float) -> bool:
        """Return whether the whole views alone show persons of that height: no details follow."""
        return all(len(views) == 1 for views in self.views(picture, min_person_px))

    def detect(self, picture: I420, wanted: SceneRequest = EVERYTHING) -> Scene:
        """Return what is in a picture. Raises InferenceFailed, never guesses."""
        (scene,) = self.start([picture], [wanted]).results()
        if isinstance(scene, InferenceFailed):
            raise scene
        return scene

    def detect_at(
        self, picture: I420, places: npt.NDArray[np.float32], min_person_px: float = MIN_PERSON_PX
    ) -> Scene:
        """Return what is in some places of a picture, (N, 4): x1 y1 x2 y2; nothing else is looked at.

        What the border of a place cuts is left out. Raises InferenceFailed.
        """
        size = picture.width, picture.height
        regions = _regions(places, size)
        sheets = []
        for detector, px in zip(self.detectors, (min_person_px, min_person_px * FACE_SHARE), strict=True):
            scale = close_scale(detector.model, px)
            patches = [patch_of(region, scale) for region in regions]
            sheets.append([detector.start_sheet(picture, sheet) for sheet in pack(patches)])
        persons, faces = (
            [
                found.where(~is_cut(found.boxes, view, size))
                for view, found in self._of_sheets(detector, picture, begun)
            ]
            for detector, begun in zip(self.detectors, sheets, strict=True)
        )
        empty = [Detections.empty()]
        objects, doubtful = self._joiner.split(together(empty + persons))
        return Scene(objects, doubtful, joined_faces(empty + faces, self._faces.model))

    def rest(self) -> None:
        """Give back the memory that is kept for the next pictures, up to 800 MB after one of 48 MP."""
        for detector in self.detectors:
            detector.rest()

    def start(self, pictures: Sequence[I420], wanted: Sequence[SceneRequest]) -> PendingScenes:
        """Begin to work on the pictures, which must stay as they are until the results are there.

        A picture that cannot be worked on fails alone, when the results are fetched.
        """
        return PendingScenes(
            self, [self._begin(picture, wish) for picture, wish in zip(pictures, wanted, strict=True)]
        )

    def look_closer(self, work: _PictureWork) -> None:
        """Begin the close look at one picture, once what the whole view shows is known; else do nothing."""
        close = work.close
        if close is None or work.has_looked:
            return
        work.has_looked = True
        picture, smallest_px = work.picture, work.wanted.min_person_px
        found = work.persons[0][1].faint(FAINT)
        found = found.where(found.classes == self._person)
        plans = self.views(picture, smallest_px)
        person, face = (
            scales(detector.model, views, begun[0][0], px)
            for detector, views, begun, px in zip(
                self.detectors,
                plans,
                (work.persons, work.faces),
                (smallest_px, smallest_px * FACE_SHARE),
                strict=True,
            )
        )
        patches = close.choose(found.boxes, found.scores, person=person, face=face, smallest_px=smallest_px)
        for detector, some, (_, *details), sheets, views in zip(
            self.detectors,
            patches,
            plans,
            (work.person_sheets, work.face_sheets),
            (work.persons, work.faces),
            strict=True,
        ):
            if area(some) >= DEAR * sum(width * height for _, (width, height), _ in details) > 0:
                views += [(one, detector.start_view(picture, one)) for one in details]
            else:
                sheets += [detector.start_sheet(picture, sheet) for sheet in pack(some)]

    def finish(self, work: _PictureWork) -> Scene | InferenceFailed:
        """Wait for one picture's views and join them."""
        picture = work.picture
        try:
            persons = [*self._results(self._persons, picture, work.persons, DEEPEST)]
            faces = [*self._results(self._faces, picture, work.faces, DEEPEST)]
            person_patches = [*self._of_sheets(self._persons, picture, work.person_sheets)]
            face_patches = [*self._of_sheets(self._faces, picture, work.face_sheets)]
        except InferenceFailed as error:
            return _failed(work.close, error)
        if work.close is not None:
            if work.close.has_failed and not work.is_whole:
                return InferenceFailed("the look at the picture before it failed")
            work.close.has_failed = False
        size = picture.width, picture.height
        # What the border of a patch cuts is whole in another, or seen by the whole view.
        uncut, more = (
            [found.where(~is_cut(found.boxes, view, size)) for view, found in patches]
            for patches in (person_patches, face_patches)
        )
        objects, doubtful = self._joiner.join(persons, uncut, size)
        scene = Scene(
            objects, doubtful, joined_faces([*(found for _, found in faces), *more], self._faces.model)
        )
        if work.means is not None and work.wanted.still is not None:
            is_empty = not (len(scene.objects) or len(scene.doubtful) or len(scene.faces))
            work.wanted.still.add(work.means, work.wanted.at_ns, is_empty=is_empty)
        if work.close is not None:
            work.close.add(self._seen_closely(scene, persons), scene.faces.boxes)
        return scene

    def _begin(self, picture: I420, wanted: SceneRequest) -> _PictureWork | Scene | InferenceFailed:
        try:
            if min(picture.width, picture.height) < 2:
                size = f"{picture.width} x {picture.height}"
                raise InferenceFailed(f"cannot look at a picture of {size} px: a side is below 2")
            means = wanted.still.means(picture.y) if wanted.still else None
            if wanted.still and means is not None and wanted.still.is_known(means, wanted.at_ns):
                return Scene.empty()
            persons, faces = self.views(picture, wanted.min_person_px)
            close = wanted.close if len(persons) > 1 or len(faces) > 1 else None
            if close is not None:
                close.update(picture.y, wanted.at_ns)
                if not close.everything:
                    persons, faces = (
                        persons[:1],
                        glance(self._faces.model, (picture.width, picture.height), faces),
                    )
            return _PictureWork(
                picture,
                wanted,
                [(view, self._persons.start_view(picture, view)) for view in persons],
                [(view, self._faces.start_view(picture, view)) for view in faces],
                close,
                means,
                is_whole=close is not None and close.everything,
                has_looked=close is not None and close.everything,
            )
        except InferenceFailed as error:
            return _failed(wanted.close, error)
        except Exception as error:  # noqa: BLE001 one picture's fault must not touch the others
            return _failed(wanted.close, InferenceFailed(f"{type(error).__name__} before inference"))

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

    def _of_sheets(
        self, detector: Detector, picture: I420, sheets: Iterable[SheetWork]
    ) -> Iterable[tuple[View, Detections]]:
        """Yield each patch and what it shows; where the answer of a sheet is full, each is asked alone."""
        for sheet in sheets:
            answers, full = sheet.result()
            for (region, size), found in answers:
                yield View(region, size, True), found
            if full:
                alone = [View(region, least_input(size), True) for (region, size), _ in answers]
                again = ((view, detector.start_view(picture, view)) for view in alone)
                yield from self._results(detector, picture, again, DEEPEST)

    def _seen_closely(self, scene: Scene, persons: list[tuple[View, Detections]]) -> npt.NDArray[np.float32]:
        """Return the boxes of the persons that the whole view does not show."""
        every = together([scene.objects, scene.doubtful])
        return every.where((every.classes == self._person) & ~is_known(every, persons[0][1])).boxes


def _failed(close: CloseLook | None, error: InferenceFailed) -> InferenceFailed:
    """Return the error; what the close look has chosen of the picture is no longer taken as seen."""
    if close is not None:
        close.has_failed = True
    return error


def _regions(places: npt.NDArray[np.float32], size: tuple[int, int]) -> list[Region]:
    """Return places as parts of a picture, whole px, left and top even; what lies outside it is left out."""
    regions: list[Region] = []
    for left, top, right, bottom in places.tolist():
        x, y = max(0, int(left) // 2 * 2), max(0, int(top) // 2 * 2)
        region = x, y, min(size[0], ceil(right)), min(size[1], ceil(bottom))
        if region[2] - x >= SMALLEST_PATCH_PX and region[3] - y >= SMALLEST_PATCH_PX:
            regions.append(region)
    return regions


def load_scene_detector(
    person: str,
    face: str,
    *,
    threads: int | None = None,
    precision: Precision = Precision.FASTEST,
    person_confidence: float | None = None,
    face_confidence: float | None = None,
    patience_s: float = PATIENCE_S,
) -> SceneDetector:
    """Load both models of the manifest. Raises BadInput.

    person_confidence: from where on persons and accessories count, instead of the manifest's. Masking goes on
    below it: settings may only lower what is masked, never raise it. face_confidence: the same for faces.
    patience_s: how long an answer may take.
    """
    manifest = read_manifest(MANIFEST)
    persons, faces = find_model(person, manifest), find_model(face, manifest)
    if PERSON not in persons.classes:
        raise BadInput(f"model {person}: it finds no person")
    detectors = [
        load_detector(
            model.name,
            threads=threads,
            precision=precision,
            thresholds=least,
            patience_s=patience_s,
            any_size=True,
            large_px=large_px,
        )
        for model, least, large_px in (
            (persons, detection_thresholds(persons, person_confidence, of_faces=False), LARGE_PERSONS),
            (faces, detection_thresholds(faces, face_confidence, of_faces=True), None),
        )
    ]
    return SceneDetector(*detectors, counted=counting_thresholds(persons, person_confidence)[PERSON])
