"""Small people in large pictures, doubtful ones, crowds, and pictures that cannot be read."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from skimage import data

from engines.close_look import CloseLook
from engines.colour import from_bgr
from engines.detections import Detections
from engines.detector import FILE_PATIENCE_S, Detector
from engines.errors import BadInput, InferenceFailed
from engines.image import I420
from engines.manifest import read_manifest
from engines.nms import overlaps
from engines.openvino_runtime import Precision
from engines.scene import Scene, SceneRequest, TooMany
from engines.scene_detector import SceneDetector, load_scene_detector
from engines.still_scene import AGAIN_NS, EMPTY, StillScene
from engines.thresholds import MASKED_FACE, MASKED_PERSON, counting_thresholds, detection_thresholds

if TYPE_CHECKING:
    from engines.detector import ViewWork
    from engines.views import View

MODELS = read_manifest()
FACE = (182, 58, 270, 178)


@cache
def scenes() -> SceneDetector:
    return load_scene_detector(
        "nanodet-416", "centerface", threads=2, precision=Precision.FP32, patience_s=FILE_PATIENCE_S
    )


def shop(size: tuple[int, int], places: list[tuple[int, int]], scale: float) -> I420:
    """Return a grey picture with scikit-image's astronaut at each place."""
    astronaut = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    small = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((size[1], size[0], 3), 128, np.uint8)
    for x, y in places:
        canvas[y : y + len(small), x : x + small.shape[1]] = small
    return from_bgr(canvas)


def test_a_small_face_in_a_large_picture_is_found_where_detail_is_wanted() -> None:
    scale, places = 0.16, [(200, 200), (900, 560), (1160, 90)]  # faces of 14 x 19 px
    picture = shop((1280, 720), places, scale)

    def found(wanted: SceneRequest) -> list[bool]:
        boxes = scenes().detect(picture, wanted).faces.boxes
        expected = np.array(
            [[part * scale + at for part, at in zip(FACE, 2 * at, strict=True)] for at in places]
        )
        return (overlaps(expected, boxes) > 0.4).any(axis=1).tolist()

    assert found(SceneRequest()) == [True, True, True]
    assert found(SceneRequest(min_person_px=1000)) == [False, False, False]


def test_on_a_camera_small_faces_are_found_without_looking_at_everything() -> None:
    scale, places = 0.16, [(200, 200), (900, 560)]
    close, one = CloseLook(), shop((1280, 720), places[:1], scale)
    asked: list[int] = []
    for number in range(4):
        later = shop((1280, 720), places, scale)
        picture = one if number < 2 else later  # somebody comes in with the third picture
        begun = scenes().start([picture], [SceneRequest(close=close, at_ns=number * 100_000_000)])
        begun.look_closer()
        (scene,) = begun.results()
        assert isinstance(scene, Scene)
        here = places[: 1 if number < 2 else 2]
        corners = [[part * scale + at for part, at in zip(FACE, 2 * at, strict=True)] for at in here]
        expected = np.array(corners)
        asked.append(int((overlaps(expected, scene.faces.boxes) > 0.3).any(axis=1).sum()))
        assert close.everything == (number == 0)
    assert asked[0] == 1
    assert asked[2] == 2


class NoAnswer:
    """Work of a network that answers nothing."""

    def __init__(self, *_: object) -> None:
        """Take a picture and a view."""

    def faint(self, _least: float) -> Detections:
        raise InferenceFailed("no answer")

    def result(self) -> tuple[Detections, bool]:
        raise InferenceFailed("no answer")


@pytest.mark.parametrize(
    "fault", ["no answer", "no sheet", "no answer while the next is under work", "dropped"]
)
def test_a_face_that_came_with_a_picture_that_failed_is_not_open_in_the_next(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """A face of 12 px on nobody: only a close look finds it, and it stands still from then on."""
    _, faces = scenes().detectors
    close, at = CloseLook(), iter(range(0, 10**9, 100_000_000))
    empty, head = shop((1920, 1080), [], 1), shop((1920, 1080), [(900, 500)], 0.14)
    for plane, part in ((head.y, 1), (head.u, 2), (head.v, 2)):
        plane[530 // part :] = 128  # nothing but the head
    face = np.array([[x * 0.14 + corner for x, corner in zip(FACE, (900, 500) * 2, strict=True)]])

    def begin(picture: I420) -> Any:
        return scenes().start([picture], [SceneRequest(close=close, at_ns=next(at))])

    def is_open(begun: Any) -> bool:
        (scene,) = begun.results()
        return isinstance(scene, Scene) and not (overlaps(face, scene.faces.boxes) > 0.3).any()

    assert is_open(begin(empty)), "there is none yet"
    with monkeypatch.context() as patched:
        if fault != "dropped":
            patched.setattr(faces, "start_sheet" if fault == "no sheet" else "start_view", NoAnswer)
        failed = begin(head)
        failed.look_closer()
        following = begin(head) if "next" in fault else None
        if fault == "dropped":
            failed.drop()
        else:
            assert not is_open(failed)
    assert following is None or not is_open(following)
    shown = [next(begin(head).results()) for _ in range(2)]
    assert all((overlaps(face, scene.faces.boxes) > 0.3).any() for scene in shown)
    assert not close.everything, "once is enough"


def test_pictures_that_are_let_go_leave_the_networks_free() -> None:
    picture = shop((640, 480), [(200, 200)], 0.5)
    begun = scenes().start([picture, I420.black(1, 1)], [SceneRequest(), SceneRequest()])
    begun.let_go()
    (scene,) = scenes().start([picture], [SceneRequest()]).results()
    assert isinstance(scene, Scene)
    assert len(scene.faces.boxes) == 1


def test_a_sheet_whose_answer_is_full_is_asked_again_patch_by_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    _, faces = scenes().detectors
    asked: list[View] = []
    start_view, start_sheet = faces.start_view, faces.start_sheet

    class Full:
        def __init__(self, work: Any) -> None:
            self.work = work

        def result(self) -> Any:
            return self.work.result()[0], True

    def seen(picture: I420, view: View) -> Any:
        asked.append(view)
        return start_view(picture, view)

    monkeypatch.setattr(faces, "start_sheet", lambda *given: Full(start_sheet(*given)), raising=False)
    picture, close = shop((1280, 720), [(200, 200)], 0.16), CloseLook()
    scenes().detect(picture, SceneRequest(close=close))
    monkeypatch.setattr(faces, "start_view", seen, raising=False)
    moved = shop((1280, 720), [(240, 200)], 0.16)
    found = scenes().detect(moved, SceneRequest(close=close, at_ns=100_000_000))
    face = np.array([[part * 0.16 + at for part, at in zip(FACE, (240, 200) * 2, strict=True)]])
    assert (overlaps(face, found.faces.boxes) > 0.3).any()
    assert len([view for view in asked if view.detail]) >= 1


def test_a_crowd_that_fills_the_answers_is_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Detectors with room for two."""
    answers = {"persons": 0, "faces": 0}

    class Work:
        def __init__(self, name: str, view: View, full_above: float) -> None:
            self.name, self.view, self.full_above = name, view, full_above

        def result(self) -> tuple[Detections, bool]:
            answers[self.name] += 1
            left, top, right, bottom = self.view.region
            boxes = np.array([[left + 2, top + 2, left + 20, top + 30]], np.float32)
            found = Detections(boxes, np.ones(1, np.float32), np.zeros(1, np.int32))
            return found, (right - left) * (bottom - top) > self.full_above

    def works(name: str, full_above: float) -> Any:
        return lambda picture, view: Work(name, view, full_above)

    persons, faces = scenes().detectors
    monkeypatch.setattr(persons, "start_view", works("persons", 1e9), raising=False)
    monkeypatch.setattr(faces, "start_view", works("faces", 200_000), raising=False)
    picture = I420.black(640, 480)
    found = scenes().detect(picture)
    assert answers == {"persons": 1, "faces": 5}
    assert len(found.faces) == 4  # one in each quarter; the whole view's is the first quarter's
    monkeypatch.setattr(faces, "start_view", works("faces", 0), raising=False)
    with pytest.raises(TooMany):
        scenes().detect(picture)


def test_who_is_doubtful_is_neither_counted_nor_lost() -> None:
    persons, faces = scenes().detectors
    sure = SceneDetector(persons, faces, counted=0.999)
    picture = shop((640, 512), [(60, 0)], 1.0)
    one, other = scenes().detect(picture), sure.detect(picture)
    assert (one.objects.classes == 0).sum() == 1
    assert (other.objects.classes == 0).sum() == 0
    assert len(other.doubtful) >= 1
    assert len(other.doubtful) == len(one.doubtful) + 1


def test_a_picture_that_cannot_be_read_fails_alone() -> None:
    pictures = [I420.black(1, 40), shop((640, 512), [(60, 0)], 1.0)]
    bad, good = scenes().start(pictures, [SceneRequest(), SceneRequest()]).results()
    assert isinstance(bad, InferenceFailed)
    assert not isinstance(good, InferenceFailed)
    assert len(good.faces) == 1


def test_a_picture_is_told_before_the_next_one_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has it redacts and publishes it while the networks go on."""
    finished, finish = list[int](), SceneDetector.finish

    def counted(detector: SceneDetector, work: object) -> object:
        finished.append(len(finished))
        return finish(detector, work)  # type: ignore[arg-type]

    monkeypatch.setattr(SceneDetector, "finish", counted)
    pictures = [I420.black(64, 64)] * 2
    results = scenes().start(pictures, [SceneRequest()] * 2).results()
    for number in (1, 2):
        assert not isinstance(next(results), InferenceFailed)
        assert len(finished) == number


def test_persons_of_detail_that_are_known_already_are_not_counted_twice() -> None:
    picture = shop((1600, 900), [(100, 100)], 1.4)  # a person of 700 px: both views see her
    found = scenes().detect(picture)
    assert (found.objects.classes == 0).sum() == 1


@pytest.mark.parametrize(
    ("name", "wanted", "counts", "detects"),
    [
        ("nanodet-416", None, 0.4, MASKED_PERSON),
        ("nanodet-416", 0.999, 0.999, MASKED_PERSON),
        ("nanodet-416", 0.1, 0.1, 0.1),
        ("centerface", None, 0.2, 0.2),
        ("centerface", 0.999, 0.2, 0.2),
        ("centerface", 0.05, 0.2, 0.05),
    ],
)
def test_settings_lower_what_is_masked_and_never_raise_it(
    name: str, wanted: float | None, counts: float, detects: float
) -> None:
    model = MODELS[name]
    label = model.classes[0]
    assert detection_thresholds(model, wanted)[label] == detects
    assert counting_thresholds(model, wanted)[label] == counts


@pytest.mark.parametrize(("name", "detects"), [("nanodet-416", MASKED_PERSON), ("centerface", MASKED_FACE)])
def test_a_manifest_of_the_shop_lowers_what_is_masked_and_never_raises_it(name: str, detects: float) -> None:
    for given, least in ((0.999, detects), (0.05, 0.05)):
        model = replace(MODELS[name], thresholds=(given,) * len(MODELS[name].classes))
        assert detection_thresholds(model)[model.classes[0]] == least


@pytest.mark.parametrize(("wanted", "least"), [(None, MASKED_FACE), (0.1, 0.1)])
def test_the_face_model_masks_all_that_it_finds_from_the_products_score_on(
    wanted: float | None, least: float
) -> None:
    model = replace(MODELS["centerface"], classes=("person", "face"), thresholds=(0.999, 0.999))
    assert detection_thresholds(model, wanted, of_faces=True) == {"person": least, "face": least}


def test_a_person_model_that_finds_faces_finds_them_from_the_products_score_on() -> None:
    model = replace(MODELS["nanodet-416"], classes=("person", "face", "bag"), thresholds=(0.9, 0.9, 0.9))
    for wanted in (None, 0.9):
        found = detection_thresholds(model, wanted, of_faces=False)
        assert found == {"person": MASKED_PERSON, "face": MASKED_FACE, "bag": 0.9}


def test_a_model_without_persons_is_refused() -> None:
    with pytest.raises(BadInput, match="model centerface: it finds no person"):
        load_scene_detector("centerface", "centerface")


def test_places_are_looked_at_alone_and_what_their_border_cuts_is_left_out() -> None:
    scale, at = 0.4, [(200, 200), (1200, 300)]
    picture = shop((1920, 1080), at, scale)
    face, other = (
        np.array([[part * scale + corner for part, corner in zip(FACE, 2 * place, strict=True)]], np.float32)
        for place in at
    )
    room = np.array([[-60, -60, 60, 60]], np.float32)
    found = scenes().detect_at(picture, np.concatenate([face + room, [[-50, -50, -10, -10]]]), 80)
    assert (overlaps(face, found.faces.boxes) > 0.5).any()
    assert not (overlaps(other, found.faces.boxes) > 0).any()
    half = face - [[0, 0, (face[0, 2] - face[0, 0]) / 2, 0]]
    cut = scenes().detect_at(picture, half.astype(np.float32), 80)
    assert not (overlaps(face, cut.faces.boxes) > 0.3).any()
    nowhere = scenes().detect_at(picture, np.zeros((0, 4), np.float32))
    assert not len(nowhere.objects) + len(nowhere.doubtful) + len(nowhere.faces)


def test_a_picture_like_the_last_ones_that_showed_nothing_is_searched_at_times_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searches: list[I420] = []
    start_view = Detector.start_view

    def counted(self: Detector, picture: I420, view: View) -> ViewWork:
        searches.append(picture)
        return start_view(self, picture, view)

    monkeypatch.setattr(Detector, "start_view", counted)
    empty = I420.black(480, 270)
    empty.y[:] = 90
    entering = empty.copy()
    entering.y[200:240, :16] = 98
    still, step = StillScene(), AGAIN_NS // 8

    def is_searched(picture: I420, number: int) -> bool:
        searches.clear()
        scene = scenes().detect(picture, SceneRequest(at_ns=number * step, still=still))
        assert not len(scene.objects) + len(scene.doubtful) + len(scene.faces)
        return bool(searches)

    searched = [is_searched(empty, number) for number in range(EMPTY + 9)]
    assert searched == [True] * EMPTY + [False] * 7 + [True, False]
    assert is_searched(entering, EMPTY + 9), "one cell that changed a little is enough"
    assert is_searched(empty, EMPTY + 10), "then all begins anew"


def test_a_picture_is_searched_while_anything_is_found_however_still_it_is() -> None:
    still, shown = StillScene(), shop((480, 270), [(40, 8)], 0.5)
    for number in range(EMPTY + 2):
        assert len(scenes().detect(shown, SceneRequest(at_ns=number, still=still)).faces), number
