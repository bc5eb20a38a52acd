"""People who lie or hang upside down in a picture are masked, though the detectors know upright ones."""

from __future__ import annotations

from dataclasses import astuple, replace
from functools import cache
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
import pytest
from skimage import data

from engines.colour import from_bgr
from engines.detections import Detections
from engines.detector import FILE_PATIENCE_S
from engines.image import I420
from engines.scene import Scene, TooMany
from engines.scene_detector import load_scene_detector
from pipelines.cpu.turned import CHECK_NS, ENOUGH, TurnedWatch, look_turned
from pipelines.cpu.turned_back import turned_back
from pipelines.settings.privacy import FacesConfig
from probes.frame import Box
from probes.redaction.heads import MAX_HEADS
from tests.fakes.scene_detector import detections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines.scene import SceneRequest
    from engines.scene_detector import SceneDetector

Row = tuple[float, float, float, float, float]

FACES = FacesConfig()
HEAD = (8.0, 4.0, 28.0, 60.0)
FACE = Box(182, 58, 88, 120)


class HeadUp:
    """Finds a person where a picture's bright end is at the top, as sure as that end is bright."""

    classes = ("person",)

    def __init__(self) -> None:
        self.looks = 0

    def detect(self, picture: I420, _wanted: SceneRequest | None = None) -> Scene:
        self.looks += 1
        top = float(picture.y[: picture.height // 4].mean())
        found = detections(HEAD, score=top / 255) if top > 1.5 * picture.y.mean() else Detections.empty()
        return Scene(found, Detections.empty(), Detections.empty())

    def is_whole_enough(self, _picture: I420, _min_person_px: float) -> bool:
        return False


def picture(top: int) -> I420:
    y = np.full((64, 48), 40, np.uint8)
    y[:16] = top
    grey = np.full((32, 24), 128, np.uint8)
    return I420(y, grey, grey)


@pytest.mark.parametrize(
    ("top", "hung", "turn"), [(220, 0, 0), (220, 90, 270), (220, 180, 180), (220, 270, 90), (40, 90, 0)]
)
def test_how_a_picture_must_be_turned_for_people_to_stand_upright(top: int, hung: int, turn: int) -> None:
    scenes = cast("SceneDetector", HeadUp())
    shown = picture(top).rotated(hung)
    assert look_turned(scenes, shown, scenes.detect(shown), FACES).turn == turn


class BothWaysUp(HeadUp):
    """Finds some boxes, x1 y1 x2 y2 score, where the bright end is at the top, and others where it is not."""

    def __init__(self, upright: Sequence[Row], on_head: Sequence[Row], faces: Sequence[Row] = ()) -> None:
        super().__init__()
        self._upright, self._on_head, self._faces = rows(upright), rows(on_head), rows(faces)

    def detect(self, picture: I420, _wanted: SceneRequest | None = None) -> Scene:
        if picture.y[: picture.height // 4].mean() > 1.5 * picture.y.mean():
            return Scene(self._upright, Detections.empty(), Detections.empty())
        is_on_head = picture.y[-picture.height // 4 :].mean() > 1.5 * picture.y.mean()
        found = self._on_head if is_on_head else Detections.empty()
        return Scene(found, Detections.empty(), self._faces if is_on_head else Detections.empty())


def rows(table: Sequence[Row]) -> Detections:
    some = np.array(table, np.float32).reshape(-1, 5)
    return Detections(some[:, :4], some[:, 4], np.zeros(len(some), np.int32))


@pytest.mark.parametrize(
    ("on_head", "faces", "turn"),
    [
        pytest.param([(8, 4, 28, 60, 0.5), (9, 30, 27, 60, 0.45)], [], 0, id="one person in two parts"),
        pytest.param([(8, 4, 28, 60, 0.68)], [], 0, id="hardly surer"),
        pytest.param([(8, 4, 28, 60, 0.76)], [], 0, id="surer, and no face"),
        pytest.param([(8, 4, 28, 60, 0.76)], [(10, 5, 20, 15, 0.45)], 0, id="surer, and a face that is not"),
        pytest.param([(8, 4, 28, 60, 0.8)], [], 180, id="clearly surer"),
        pytest.param([(8, 4, 28, 60, 0.3)], [(10, 5, 20, 15, 0.5)], 180, id="hardly more, but a face"),
        pytest.param([(2, 4, 20, 60, 0.5), (24, 4, 44, 60, 0.45)], [], 180, id="two people"),
        pytest.param([(8, 4, 28, 60, 0.6)], [(10, 5, 20, 15, 0.6)], 180, id="a face besides"),
        pytest.param(
            [(8, 4, 28, 60, 0.4)], [(10, 5, 20, 15, 0.2), (11, 5, 20, 15, 0.3)], 0, id="faces that are unsure"
        ),
    ],
)
def test_a_picture_is_turned_only_where_clearly_more_speaks_for_it(
    on_head: Sequence[Row], faces: Sequence[Row], turn: int
) -> None:
    """Who stands there without a head in view, 0.65, is found on the head as surely, and in parts."""
    scenes = cast("SceneDetector", BothWaysUp([(8, 4, 28, 60, 0.65)], on_head, faces))
    shown = picture(220)
    assert look_turned(scenes, shown, scenes.detect(shown), FACES).turn == turn


class OtherwiseFromAfar(BothWaysUp):
    """Finds who stands with other scores where black lies around the picture: upright, and on the head."""

    def __init__(self, near: tuple[float, float], afar: tuple[float, float]) -> None:
        super().__init__(*([(*HEAD, score)] for score in near))
        self._afar = BothWaysUp(*([(*HEAD, score)] for score in afar))

    def detect(self, picture: I420, wanted: SceneRequest | None = None) -> Scene:
        is_afar = picture.width * picture.height > 64 * 48
        return self._afar.detect(picture, wanted) if is_afar else super().detect(picture, wanted)


@pytest.mark.parametrize(
    ("near", "afar", "turn"),
    [
        pytest.param((0.0, 0.46), (0.7, 0.0), 0, id="upright from afar"),
        pytest.param((0.4, 0.6), (0.6, 0.6), 0, id="no more from afar"),
        pytest.param((0.4, 0.6), (0.4, 0.6), 180, id="on the head both times"),
        pytest.param((0.6, 0.6), (0.4, 0.6), 0, id="from afar alone"),
    ],
)
def test_a_turn_of_a_picture_is_advised_where_a_second_look_agrees(
    near: tuple[float, float], afar: tuple[float, float], turn: int
) -> None:
    """Who is close and shows no head is found lying by chance, once the picture was compressed again."""
    scenes = cast("SceneDetector", OtherwiseFromAfar(near, afar))
    shown = picture(220)
    found = look_turned(scenes, shown, scenes.detect(shown), FACES)
    assert found.turn == turn
    assert len(found.masks) == (near[1] > 0.5 or near[0] < 0.5)


def test_a_second_look_at_a_large_picture_is_at_a_small_copy() -> None:
    sizes: list[int] = []

    class Sizes(HeadUp):
        def detect(self, picture: I420, _wanted: SceneRequest | None = None) -> Scene:
            sizes.append(max(picture.width, picture.height))
            return super().detect(picture, _wanted)

    scenes = cast("SceneDetector", Sizes())
    large = picture(220).scaled(2400, 3200).rotated(180)
    assert look_turned(scenes, large, Scene.empty(), FACES).turn == 180
    assert sizes == [3200] * 3 + [2000] * 2


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_place_is_turned_back(turn: int) -> None:
    canvas = np.zeros((64, 48), np.uint8)
    canvas[10:22, 30:37] = 200
    ys, xs = np.nonzero(np.rot90(canvas, -turn // 90))
    box = Box(xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1)
    assert turned_back(box, turn, (48, 64)) == Box(30, 10, 7, 12)


@cache
def scenes() -> SceneDetector:
    return load_scene_detector("nanodet-416", "centerface", patience_s=FILE_PATIENCE_S)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_the_face_of_who_lies_is_masked(turn: int) -> None:
    """Two of them side by side: one as she is, one turned."""
    person = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    shown = from_bgr(np.hstack([person, np.rot90(person, turn // 90)]))
    found = look_turned(scenes(), shown, scenes().detect(shown), FACES)
    face = turned_back(FACE, turn, (512, 512))
    face = Box(face.x + 512, face.y, face.w, face.h)
    assert any(mask.box.intersection(face) >= 0.95 * face.area for mask in found.masks)


def test_nothing_more_is_masked_where_people_stand_upright() -> None:
    shown = from_bgr(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR))
    found = look_turned(scenes(), shown, scenes().detect(shown), FACES)
    assert found.turn == 0
    elsewhere = [mask.box for mask in found.masks if mask.box.share_of_smaller(FACE) < 0.5]
    assert sum(box.area for box in elsewhere) < 0.05 * shown.width * shown.height


def test_a_video_is_masked_from_the_first_look_on_and_called_turned_after_several() -> None:
    finder = HeadUp()
    watch = TurnedWatch(cast("SceneDetector", finder), FACES)
    turns = []
    for number in range(ENOUGH + 2):
        shown, at = picture(220).rotated(90), number * CHECK_NS
        scene = finder.detect(shown)
        watch.look(shown, at, scene)
        assert len(watch.masks(shown, at, scene)) == 1
        turns.append(watch.turn)
    assert turns == [0] * (ENOUGH - 1) + [270] * 3


def test_a_doubtful_look_is_taken_back_by_two_that_find_nobody() -> None:
    finder = HeadUp()
    watch = TurnedWatch(cast("SceneDetector", finder), FACES)
    for number, (top, masked) in enumerate([(110, 1)] * 4 + [(40, 1), (110, 1), (40, 1), (40, 0)]):
        shown, at = picture(top).rotated(90), number * CHECK_NS
        scene = finder.detect(shown)
        watch.look(shown, at, scene)
        assert len(watch.masks(shown, at, scene)) == masked, number
        assert (watch.turn, watch.is_turned) == (0, masked > 0)


def test_a_settled_turn_outlasts_an_empty_picture_and_ends_where_somebody_stands_otherwise() -> None:
    finder = HeadUp()
    watch = TurnedWatch(cast("SceneDetector", finder), FACES)
    shows = [picture(220).rotated(90)] * ENOUGH + [picture(40)] * 3 + [picture(220).rotated(270)] * ENOUGH
    turns = []
    for number, shown in enumerate(shows):
        watch.look(shown, number * CHECK_NS, finder.detect(shown))
        turns.append(watch.turn)
        if number < ENOUGH + 3:  # whoever comes back is masked without a look
            lies, at = picture(220).rotated(90), number * CHECK_NS + 1
            assert watch.masks(lies, at, finder.detect(lies))
    assert turns == [0, 0, *[270] * 4, 0, 0, 90]
    watch.look(upright := picture(220), 10 * CHECK_NS, finder.detect(upright))
    assert watch.turn == 0


def test_frames_before_a_look_that_takes_it_back_stay_masked() -> None:
    """They wait for later frames, and are masked only after that look."""
    finder = HeadUp()
    watch = TurnedWatch(cast("SceneDetector", finder), FACES)
    shown = [picture(top).rotated(90) for top in (110, 40, 40)]
    for number, one in enumerate(shown):
        watch.look(one, number * CHECK_NS, finder.detect(one))
    nobody, over = Scene.empty(), 2 * CHECK_NS
    assert [len(watch.masks(shown[0], at, nobody)) for at in (0, over - 1, over)] == [1, 1, 0]


def test_what_a_look_found_masks_its_frame_though_that_waits_for_later_ones() -> None:
    """It is not searched again; the frames around it are."""
    finder = HeadUp()
    watch = TurnedWatch(cast("SceneDetector", finder), FACES)
    before, twin, looked, after = (picture(110).rotated(90) for _ in range(4))
    watch.look(looked, CHECK_NS, Scene.empty())
    searches = []
    for shown, at in ((before, 0), (twin, CHECK_NS - 1), (looked, CHECK_NS), (after, CHECK_NS + 1)):
        begun = finder.looks
        assert len(watch.masks(shown, at, Scene.empty())) == 1
        searches.append(finder.looks - begun)
    assert searches == [1, 1, 0, 1]


def test_more_heads_than_can_be_followed_fail_as_too_many_that_are_found() -> None:
    class Crowd(HeadUp):
        def detect(self, picture: I420, _wanted: SceneRequest | None = None) -> Scene:
            places = [(4.0 * (n % 40), 9.0 * (n // 40)) for n in range(MAX_HEADS + 1)]
            crowd = [(x, y, x + 3, y + 8) for x, y in places]
            return Scene(detections(*crowd), Detections.empty(), Detections.empty())

    with pytest.raises(TooMany, match="more heads"):
        look_turned(cast("SceneDetector", Crowd()), picture(40), Scene.empty(), FACES)


def _both(one: Scene, other: Scene) -> Detections:
    parts = zip(astuple(one.objects), astuple(other.objects), strict=True)
    return Detections(*(np.concatenate(pair) for pair in parts))


def test_who_lies_beside_people_who_stand_is_masked_too() -> None:
    finder = HeadUp()
    watch = TurnedWatch(cast("SceneDetector", finder), FACES)
    lies = picture(220).rotated(90)
    standing = Scene(detections((40, 4, 60, 44), (44, 4, 60, 44)), Detections.empty(), Detections.empty())
    watch.look(lies, 0, standing)
    assert (watch.turn, watch.is_turned) == (0, True)
    assert len(watch.masks(lies, 0, standing)) == 1
    known = Scene(detections((0, 0, 64, 48)), Detections.empty(), Detections.empty())
    fresh = TurnedWatch(cast("SceneDetector", finder), FACES)
    fresh.look(lies, CHECK_NS, known)
    assert not fresh.is_turned, "who is known as he is, is no news"
    known.objects.classes[:] = 1
    known.objects.scores[:] = 1.0
    fresh.look(lies, 2 * CHECK_NS, replace(standing, objects=_both(known, standing)))
    assert fresh.is_turned, "what is carried is covered by nothing"
