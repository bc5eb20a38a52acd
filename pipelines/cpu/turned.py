"""People who lie, or stand on their heads, in a picture or video: found by turning it, and masked.

The detectors know upright people. Of a phone's picture that lost its note of which side is up, nearly every
face would stay open. What is found only in a turned picture is masked and nothing else: to be tracked and
priced it must be turned upright first (`msh annotate --rotate`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from engines.close_look import CloseLook
from engines.detections import Detections
from engines.scene import EVERYTHING, MIN_PERSON_PX, SceneRequest, TooMany
from pipelines.cpu.chain import ANALYSED, PERSON, detections_of
from pipelines.cpu.turned_back import mask_turned_back, turned_back
from pipelines.cpu.turned_evidence import SURE_FACE, SURE_PERSON, speaks_more, stands_sure, surest, turn_of
from probes.frame import Box, Frame, Kind
from probes.redaction.heads import Heads, Mask, head_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from engines.image import I420
    from engines.scene import Scene
    from engines.scene_detector import SceneDetector
    from pipelines.settings.privacy import FacesConfig

TURNS = (90, 270, 180)
LEAST_FACE, LEAST_PERSON = 0.3, 0.4
"""Least scores in a turned picture, while people stand upright in it as it is; docs/privacy-measured.md."""
PERSON_ROOM, FACE_ROOM = 0.25, 1.0
"""How far around a person, a face, it is looked for again, as a share of its longer side."""
ENOUGH = 3
"""So many sure looks in a row that agree on a turn settle it."""
TAKES_BACK = 2
"""So many looks in a row must find nobody in a turn: detectors miss who lies in one picture, not in all."""
KNOWN = 0.5
"""Share of the smaller box from which a turned person is one who was found upright."""
CHECK_NS = 300_000_000
"""How often a video that is shown at once is turned to look for people."""
SELDOM_NS = 2_000_000_000
"""The same while somebody is surely upright in it."""
AFAR, AFAR_PX = 1.25, 1600
"""How many times its sides a picture is looked at with, black around it, before a turn of it is advised, and
the longest side of the copy that is taken for that. Somebody close whose head is not in view is found lying
by chance, and from afar no more.
"""
COARSE_PX = 200
"""Height of the smallest person that most looks must find: the whole picture in one input is enough."""
TOO_SMALL = 0.04
"""Longest side, as a share of the picture's, below which a look for large people tells nothing of who lies.

It shows the network 20 px of such a person then, who is found standing on the head as well.
"""
FINE_NS = 5_000_000_000
"""How often a look finds the smallest people, too, while nobody is sure to stand or lie: that is dear."""
FILE_FINE_NS = 1_000_000_000
"""The same in a video of which nobody waits for the frames."""


@dataclass(frozen=True, slots=True)
class Turned:
    """What turning a picture tells. turn: degrees clockwise by which more people stand upright, or 0."""

    turn: int
    masks: tuple[Mask, ...]


def look_turned(scenes: SceneDetector, pixels: I420, scene: Scene, faces: FacesConfig) -> Turned:
    """Return what to mask in a picture beside what is found in it as it is. scene: what that is."""
    found = {turn: scenes.detect(pixels.rotated(turn)) for turn in TURNS}
    turn = turn_of(scenes, scene, found)
    masks: list[Mask] = []
    for degrees, seen in found.items():
        heads = TurnedHeads(scenes, degrees, faces, is_upright=degrees == turn)
        masks += heads.masks(seen, (pixels.width, pixels.height), 0, scene)
    return Turned(turn if turn and _is_so_from_afar(scenes, pixels, turn) else 0, tuple(masks))


def _is_so_from_afar(scenes: SceneDetector, pixels: I420, turn: int) -> bool:
    """Return whether clearly more speaks for a turn with black around the picture, too."""
    while max(pixels.width, pixels.height) > AFAR_PX:
        pixels = pixels.scaled(pixels.width // 2, pixels.height // 2)
    shown, _, _ = pixels.amid_black(AFAR)
    return speaks_more(scenes, scenes.detect(shown), scenes.detect(shown.rotated(turn)), turn)


class TurnedHeads:
    """Heads in one turn of the pictures of one file or camera, in order.

    is_upright: most people stand so. least_px: height of the smallest person to find there, 0 for everybody.
    """

    def __init__(
        self,
        scenes: SceneDetector,
        turn: int,
        faces: FacesConfig,
        *,
        is_upright: bool = True,
        is_small: bool = False,
        least_px: float = 0.0,
    ) -> None:
        self.turn, self._least_px = turn, least_px
        self._person = scenes.classes.index(PERSON)
        self._heads = Heads(margin=faces.margin, hold_ms=faces.hold_ms)
        self.is_upright, self.close = is_upright, CloseLook()
        self.is_small = is_small
        """Whether only a fine look finds anybody in this turn."""
        self.is_sure = True
        """Whether the last look that found anybody in this turn was sure of one of them."""
        self.places: npt.NDArray[np.float32] = np.zeros((0, 4), np.float32)
        """Where the last look found anybody, see `wanted`."""
        self.missed = 0
        """How many looks in a row found nobody in this turn."""

    @property
    def is_fine(self) -> bool:
        """Whether the smallest people are looked for in this turn, too."""
        return self.is_upright or self.is_small

    def reconfigure(self, faces: FacesConfig, *, least_px: float) -> None:
        """Mask by other settings from the next picture on; heads that are held stay held."""
        self._least_px = least_px
        self._heads.reconfigure(margin=faces.margin, hold_ms=faces.hold_ms)

    def masks(self, seen: Scene, size: tuple[int, int], at: int, upright: Scene) -> Sequence[Mask]:
        """Return what to mask. seen: in the turned picture; size, upright: of the picture as it is.

        Raises TooMany where there are more heads than can be followed.
        """
        people, doubtful, found = self._lying(seen, size, upright)
        detections = (
            *detections_of(people, Kind.PERSON, PERSON),
            *detections_of(doubtful, Kind.DOUBTFUL, PERSON),
            *detections_of(found, Kind.FACE, "face"),
        )
        turned_size = size if self.turn == 180 else size[::-1]
        try:
            masks = self._heads.locate(Frame("turned", at, turned_size, detections, ANALYSED))
        except ValueError as error:
            raise TooMany(str(error)) from error
        return [mask_turned_back(mask, self.turn, size) for mask in masks]

    def wanted(self, seen: Scene, size: tuple[int, int], upright: Scene) -> npt.NDArray[np.float32]:
        """Return where in the turned picture is what `masks` covers, with room around, (N, 4)."""
        people, doubtful, found = self._lying(seen, size, upright)
        boxes = np.concatenate([people.boxes, doubtful.boxes, found.boxes])
        rooms = np.repeat([PERSON_ROOM, FACE_ROOM], [len(people) + len(doubtful), len(found)]) * (
            boxes[:, 2:] - boxes[:, :2]
        ).max(axis=1, initial=0.0)
        sides = np.stack([-rooms, -rooms, rooms, rooms], axis=1)
        return np.asarray(boxes + sides, np.float32)

    def _lying(
        self, seen: Scene, size: tuple[int, int], upright: Scene
    ) -> tuple[Detections, Detections, Detections]:
        """Return the persons, doubtful persons and faces of a turned picture that are not upright, too."""
        people = seen.objects.where(seen.objects.classes == self._person)
        doubtful, found = seen.doubtful, seen.faces
        if not self.is_upright:
            persons = _boxes(upright.objects.boxes[upright.objects.classes == self._person])
            longest = (people.boxes[:, 2:] - people.boxes[:, :2]).max(axis=1, initial=0.0)
            least_px = min(self._least_px, 0.0 if self.is_small else TOO_SMALL * max(size))
            people = people.where((people.scores >= LEAST_PERSON) & (longest >= least_px))
            fresh = [
                all(turned_back(box, self.turn, size).share_of_smaller(one) <= KNOWN for one in persons)
                for box in _boxes(people.boxes)
            ]
            people = people.where(np.array(fresh, np.bool_))
            doubtful = doubtful.where(np.zeros(len(doubtful), np.bool_))
            found = found.where(found.scores >= LEAST_FACE)
        return people, doubtful, found


class TurnedWatch:
    """Looks now and then whether people lie, or stand on their heads, in the pictures of one file or camera.

    Most looks see large people only. Where they find nobody for sure, lying or standing, a fine one sees the
    smallest, too, now and then: a crowd far below a camera that hangs upside down.

    Whoever a look finds in a turn is masked from the frame of that look on, and in the frames after it until
    TAKES_BACK looks in a row find nobody there. A settled turn stays until somebody surely stands otherwise:
    an empty picture takes nothing back. Where frames are masked later than they are looked at, what looks
    take back does not hold for the frames before them.
    """

    def __init__(
        self, scenes: SceneDetector, faces: FacesConfig, *, min_person_px: float | None = None
    ) -> None:
        """min_person_px: of the smallest person to find where most are turned; None: look everywhere."""
        self._scenes, self._faces = scenes, faces
        self._min_person_px = min_person_px
        self._heads: dict[int, TurnedHeads] = {}
        self._before: list[tuple[int, TurnedHeads]] = []
        self._turn = self._agreed = 0
        self._found: dict[int, Scene] = {}
        """What the last look found by turn, all that is wanted in it, until its frame is masked."""
        self._looked: I420 | None = None
        """The picture of that look, as long."""
        self.looked_at: int | None = None
        """When the last look was, ns; None before the first."""
        self.fine_at: int | None = None
        """The same of the last fine one."""

    @property
    def turn(self) -> int:
        """Degrees clockwise by which people surely stand upright; 0 as far as is known."""
        return self._turn if self.is_settled else 0

    @property
    def is_settled(self) -> bool:
        """Whether ENOUGH sure looks in a row agreed on a turn."""
        return self._agreed >= ENOUGH

    @property
    def is_settling(self) -> bool:
        """Whether the last sure looks agree on a turn, and one or two more settle it."""
        return 0 < self._agreed < ENOUGH

    @property
    def is_turned(self) -> bool:
        """Whether the last look found anybody in a turned picture."""
        return bool(self._heads)

    def reconfigure(self, faces: FacesConfig, *, min_person_px: float | None = None) -> None:
        """Mask by other settings from the next frame on."""
        self._faces, self._min_person_px = faces, min_person_px
        for heads in self._heads.values():
            heads.reconfigure(faces, least_px=self._least_px)

    def look(self, pixels: I420, at: int, scene: Scene, *, fine_ns: int = FINE_NS) -> None:
        """Take a frame, and what is found in it as it is. Raises TooMany.

        fine_ns: how long after a fine look the next may come.
        """
        size = pixels.width, pixels.height
        found, small, closes = self._search(pixels, at, scene, fine_ns)
        best = turn_of(self._scenes, scene, found)
        sure = surest(self._scenes, found.get(best, scene)) >= SURE_PERSON
        if self.is_settled and not sure:
            best = self._turn
        else:
            self._agreed = (self._agreed if best == self._turn else 0) + 1 if best and sure else 0
        before, self._heads = self._heads, {}
        covered = self._covered(scene)
        for turn, seen in found.items():
            new = partial(
                TurnedHeads,
                self._scenes,
                turn,
                self._faces,
                is_upright=turn == best,
                is_small=turn in small,
                least_px=self._least_px,
            )

            def has_news(found: Scene, heads: Callable[[], TurnedHeads] = new) -> bool:
                return _is_news(heads().masks(found, size, at, scene), covered)

            old = before.get(turn)
            if turn == best or has_news(seen):
                heads = old if old and old.is_upright == (turn == best) else new()
                heads.missed, heads.is_small, heads.is_sure = 0, turn in small, has_news(_sure_of(seen))
                heads.places = heads.wanted(seen, size, scene)
                self._heads[turn] = heads
            elif old is not None and old.missed + 1 < TAKES_BACK:
                self._heads[turn] = old
                old.missed += 1
        for turn, heads in self._heads.items():
            if turn in closes and heads.is_fine:
                heads.close = closes[turn]
        is_same = self._sees_small(pixels)  # a fine look sees no more than the other
        self._found = {
            turn: found[turn]
            for turn, heads in self._heads.items()
            if is_same or heads.is_fine == (turn in small)
        }
        current = self._heads.values()
        self._before += [(at, heads) for heads in before.values() if heads not in current]
        self._turn, self.looked_at, self._looked = best, at, pixels

    def masks(self, pixels: I420, at: int, scene: Scene) -> Sequence[Mask]:
        """Return what to mask in a frame, in the order of their time. scene: what is found in it as it is."""
        self._before = [one for one in self._before if at < one[0]]
        found = self._found if pixels is self._looked else {}
        if self.looked_at is None or at >= self.looked_at:
            self._found, self._looked = {}, None
        masks: list[Mask] = []
        for heads in (*(heads for _, heads in self._before), *self._heads.values()):
            seen = found.get(heads.turn) if heads is self._heads.get(heads.turn) else None
            if seen is None:
                seen = self._seen(heads, pixels, at)
            masks += heads.masks(seen, (pixels.width, pixels.height), at, scene)
        return masks

    def _seen(self, heads: TurnedHeads, pixels: I420, at: int) -> Scene:
        """Return what is in a frame in a turn between two looks.

        Where somebody surely lies all is searched: who lies there now, too, does not wait for the next look.
        What was found there and is likely nobody is looked at in its place; others wait for the next look, as
        they do in a turn in which nothing is found.
        """
        turned = pixels.rotated(heads.turn)
        if heads.is_fine:
            return self._scenes.detect(turned, self._wanted(at, heads.close))
        if heads.is_sure or self._min_person_px is None:
            return self._scenes.detect(turned, SceneRequest(COARSE_PX))
        return self._scenes.detect_at(turned, heads.places, COARSE_PX)

    def _search(
        self, pixels: I420, at: int, scene: Scene, fine_ns: int
    ) -> tuple[dict[int, Scene], frozenset[int], dict[int, CloseLook]]:
        """Return what is in the turned pictures, and in which turns small people were searched, too.

        All of each picture is looked at; the close looks, by turn, have taken that in and go on with it.
        """
        turned = {turn: pixels.rotated(turn) for turn in TURNS}
        found = {turn: self._scenes.detect(one, SceneRequest(COARSE_PX)) for turn, one in turned.items()}
        small = {turn for turn, heads in self._heads.items() if heads.is_small}
        is_due = self.fine_at is None or not 0 <= at - self.fine_at < fine_ns
        if is_due and not any(stands_sure(self._scenes, one) for one in (scene, *found.values())):
            small, self.fine_at = set(TURNS), at
        closes = {turn: CloseLook() for turn in small}
        if small and not self._sees_small(pixels):
            found |= {
                turn: self._scenes.detect(turned[turn], self._wanted(at, closes[turn])) for turn in small
            }
        return found, frozenset(small), closes

    def _sees_small(self, pixels: I420) -> bool:
        """Return whether a look for large people sees the smallest, too."""
        return self._scenes.is_whole_enough(pixels, self._min_person_px or MIN_PERSON_PX)

    def _covered(self, scene: Scene) -> list[Box]:
        """Return what is covered of a picture as it is: faces, and the heads of people."""
        people = scene.objects.classes == self._scenes.classes.index(PERSON)
        return [*_boxes(scene.faces.boxes), *map(head_of, _boxes(scene.objects.boxes[people]))]

    @property
    def _least_px(self) -> float:
        """Height of the smallest person who is taken as lying; files tell of none."""
        return self._min_person_px or 0.0

    def _wanted(self, at: int, close: CloseLook) -> SceneRequest:
        """Return how the smallest people are found; in a file all is looked at, since nobody waits for it."""
        return EVERYTHING if self._min_person_px is None else SceneRequest(self._min_person_px, close, at)


def _sure_of(scene: Scene) -> Scene:
    """Return what of a scene is surely there."""
    return replace(
        scene,
        objects=scene.objects.where(scene.objects.scores >= SURE_PERSON),
        doubtful=Detections.empty(),
        faces=scene.faces.where(scene.faces.scores >= SURE_FACE),
    )


def _is_news(masks: Sequence[Mask], covered: Sequence[Box]) -> bool:
    """Return whether there is a head among the masks that is none of the known ones."""
    return any(all(mask.box.share_of_smaller(one) <= KNOWN for one in covered) for mask in masks)


def _boxes(corners: np.ndarray) -> list[Box]:
    return [Box.from_corners(*box) for box in corners.tolist()]
