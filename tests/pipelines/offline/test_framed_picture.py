"""A photograph between flat bars, as on a screenshot, is told as it is alone; all that is found is masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
import pytest

from engines.detections import Detections
from engines.image import I420
from engines.scene import Scene
from pipelines.offline import framed_picture
from pipelines.offline.annotator import Annotator
from pipelines.offline.framed_picture import look_at_framed, photograph_in
from pipelines.settings.privacy import FacesConfig
from pricing.ledger.ledger import Ledger
from probes.frame import Kind
from tests.fakes.scene_detector import detections

if TYPE_CHECKING:
    from engines.image import Plane
    from engines.scene_detector import SceneDetector
    from probes.frame import Box, Frame
    from probes.recognition.file_looks import FileLooks

WIDTH, HEIGHT, TOP, BOTTOM = 360, 780, 180, 540
"""Of a screenshot, and where the photograph is in it."""


def picture(luma: Plane) -> I420:
    half = np.full((luma.shape[0] // 2, luma.shape[1] // 2), 128, np.uint8)
    return I420(luma, half, half.copy())


def photograph(height: int, width: int = WIDTH) -> Plane:
    """Return something with light and dark in all of its rows, a little as photographs are."""
    coarse = np.random.default_rng(5).integers(20, 230, (height // 20, width // 20), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def screenshot(shown: Plane, ground: int = 250) -> Plane:
    """Return a photograph from TOP to BOTTOM, and an app's words above and below."""
    luma = np.full((HEIGHT, WIDTH), ground, np.uint8)
    luma[TOP:BOTTOM] = shown
    for words, y in (("12:41", 30), ("anna_92", 150), ("1,204 likes", 600), ("look of the day", 640)):
        cv2.putText(luma, words, (20, y), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255 - ground,), 2, cv2.LINE_AA)
    return luma


def sent(luma: Plane, quality: int) -> Plane:
    """Return it as JPEG leaves it."""
    return np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)
    )


@pytest.mark.parametrize("quality", [40, 75, 95])
@pytest.mark.parametrize("ground", [0, 18, 250])
def test_a_photograph_between_the_bars_of_an_app_is_found(ground: int, quality: int) -> None:
    place = photograph_in(picture(sent(screenshot(photograph(BOTTOM - TOP), ground), quality)))
    assert place is not None
    assert np.allclose(place, (0, TOP, WIDTH, BOTTOM), atol=4)


def test_a_photograph_of_which_some_rows_end_like_the_bars_is_found_whole() -> None:
    shown = photograph(BOTTOM - TOP)
    shown[100:150, :60] = shown[100:150, -60:] = 250
    assert photograph_in(picture(screenshot(shown))) == (0, TOP, WIDTH, BOTTOM)


def between_sides(shown: Plane, ground: int = 0, wide: int = 130) -> Plane:
    """Return a photograph as a viewer shows it that fills its height: a bar at either side."""
    return np.pad(shown, ((0, 0), (wide, wide)), constant_values=ground)


@pytest.mark.parametrize("quality", [40, 75, 95])
@pytest.mark.parametrize("ground", [0, 18, 250])
def test_a_photograph_between_bars_at_its_sides_is_found(ground: int, quality: int) -> None:
    shown = between_sides(photograph(400), ground)
    place = photograph_in(picture(sent(shown, quality)))
    assert place is not None
    assert np.allclose(place, (130, 0, 130 + WIDTH, 400), atol=4)


def test_a_title_above_the_bars_at_the_sides_may_lie_there() -> None:
    shown = between_sides(photograph(400), 40)
    shown[:24] = 90
    cv2.putText(shown, "look.jpg", (20, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (250,), 1, cv2.LINE_AA)
    assert photograph_in(picture(shown)) == (130, 0, 130 + WIDTH, 400)


def test_a_photograph_with_a_margin_on_an_apps_page_is_found() -> None:
    page = np.pad(screenshot(photograph(BOTTOM - TOP))[120:610], ((0, 0), (60, 60)), constant_values=250)
    assert photograph_in(picture(page)) == (60, TOP - 120, 60 + WIDTH, BOTTOM - 120)


def test_bars_at_the_sides_between_bars_above_and_below_of_another_ground_are_found() -> None:
    page = np.full((HEIGHT, WIDTH + 260), 250, np.uint8)
    page[TOP:BOTTOM] = between_sides(photograph(BOTTOM - TOP))
    assert photograph_in(picture(page)) == (130, TOP, 130 + WIDTH, BOTTOM)


def test_a_bar_at_one_side_may_be_a_wall() -> None:
    assert photograph_in(picture(between_sides(photograph(400))[:, :-130])) is None
    assert photograph_in(picture(between_sides(photograph(400))[:, 130:])) is None


def test_somebody_before_a_white_wall_is_no_photograph_between_bars() -> None:
    luma = np.full((480, 400), 250, np.uint8)
    cv2.ellipse(luma, (200, 80), (40, 60), 0, 0, 360, (90,), -1)
    shoulders = np.array([(160, 140), (240, 140), (270, 200), (285, 480), (115, 480), (130, 200)])
    cv2.fillPoly(luma, [shoulders], (40,))
    assert photograph_in(picture(luma)) is None


def test_bars_of_two_grounds_are_walls() -> None:
    shown = between_sides(photograph(400), 60)
    shown[:, -130:] = 70
    assert photograph_in(picture(shown)) is None


def test_one_bar_alone_may_be_a_sky() -> None:
    luma = screenshot(photograph(BOTTOM - TOP))
    assert photograph_in(picture(luma[:BOTTOM])) is None
    assert photograph_in(picture(luma[TOP:])) is None


def test_somebody_before_a_wall_above_a_floor_is_no_photograph_between_bars() -> None:
    luma = np.full((HEIGHT, WIDTH), 250, np.uint8)
    luma[TOP:] = photograph(600)
    luma[60:700, 150:210] = 30
    assert photograph_in(picture(luma)) is None


def test_a_sky_is_no_bar() -> None:
    luma = photograph(HEIGHT)
    luma[:300] = np.linspace(180, 230, 300, dtype=np.uint8)[:, None]
    assert photograph_in(picture(luma)) is None


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (100, 80), (8, 4)])
def test_a_photograph_alone_has_no_bars(size: tuple[int, int]) -> None:
    assert photograph_in(picture(photograph(HEIGHT)[: size[0], : size[1]])) is None


def test_a_picture_larger_than_any_screen_is_not_searched_for_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framed_picture, "MOST_PX", HEIGHT * WIDTH - 1)
    assert photograph_in(picture(screenshot(photograph(BOTTOM - TOP)))) is None


def test_a_plain_picture_has_no_photograph() -> None:
    assert photograph_in(I420.black(WIDTH, HEIGHT)) is None


ALONE, SCRAP, ABOVE, FACE = (100, 40, 260, 340), (90, 200, 200, 330), (20, 100, 60, 170), (30, 105, 50, 125)


class KnowsPhotographs:
    """Sees a woman on the photograph alone; beside bars a scrap of her, a face and somebody in the bar."""

    classes = ("person",)

    def detect(self, shown: I420) -> Scene:
        none = Detections.empty()
        if (shown.width, shown.height) == (WIDTH, BOTTOM - TOP):
            return Scene(detections(ALONE), none, detections((150, 50, 200, 110)))
        if (shown.width, shown.height) == (WIDTH, HEIGHT):
            left, top, right, bottom = SCRAP
            scrap = (left, top + TOP, right, bottom + TOP)
            return Scene(detections(scrap, ABOVE), none, detections(FACE))
        return Scene(none, none, none)


def boxes(seen: Detections) -> set[tuple[int, ...]]:
    return {tuple(round(side) for side in box) for box in seen.boxes.tolist()}


def test_a_framed_photograph_is_told_as_it_is_alone_and_all_that_the_whole_shows_is_masked() -> None:
    shown = picture(screenshot(photograph(BOTTOM - TOP)))
    scene = look_at_framed(cast("SceneDetector", KnowsPhotographs()), shown).scene
    left, top, right, bottom = ALONE
    assert boxes(scene.objects) == {(left, top + TOP, right, bottom + TOP), ABOVE}
    assert boxes(scene.doubtful) == {(SCRAP[0], SCRAP[1] + TOP, SCRAP[2], SCRAP[3] + TOP)}
    assert boxes(scene.faces) == {(150, 50 + TOP, 200, 110 + TOP), (30, 105, 50, 125)}


class KnowsPhotographsBesideSides(KnowsPhotographs):
    """The same, of a photograph with bars at its sides: somebody in a bar, a scrap on the photograph."""

    def detect(self, shown: I420) -> Scene:
        if shown.width == WIDTH + 260:
            return Scene(detections((220, 100, 330, 250), ABOVE), Detections.empty(), detections(FACE))
        return super().detect(shown)


def test_between_bars_at_the_sides_somebody_is_where_the_whole_picture_has_them() -> None:
    shown = picture(between_sides(photograph(BOTTOM - TOP)))
    scene = look_at_framed(cast("SceneDetector", KnowsPhotographsBesideSides()), shown).scene
    left, top, right, bottom = ALONE
    assert boxes(scene.objects) == {(left + 130, top, right + 130, bottom), ABOVE}
    assert boxes(scene.doubtful) == {(220, 100, 330, 250)}
    assert boxes(scene.faces) == {(280, 50, 330, 110), (30, 105, 50, 125)}


def test_a_picture_without_bars_is_looked_at_once() -> None:
    scene = look_at_framed(cast("SceneDetector", KnowsPhotographs()), picture(photograph(HEIGHT))).scene
    assert len(scene.objects) == 2


class Remembers:
    """Looks at nobody, and remembers who was offered."""

    left_out = 0

    def __init__(self) -> None:
        self.offered: list[Box] = []

    def offer(self, frame: Frame, _pixels: I420) -> None:
        self.offered = [person.box for person in frame.of(Kind.PERSON)]

    def drain(self) -> list[object]:
        return []


def test_an_annotated_screenshot_has_the_people_of_its_photograph() -> None:
    looks = Remembers()
    Annotator(
        cast("SceneDetector", KnowsPhotographs()),
        looks=lambda _: cast("FileLooks", looks),
        ledger=lambda votes: Ledger("EUR", lambda *_: None, min_votes=votes),
        masking=FacesConfig(),
        min_votes=1,
    ).picture(picture(screenshot(photograph(BOTTOM - TOP))))
    left, top, right, bottom = ALONE
    assert (left, top + TOP, right - left, bottom - top) in {
        (box.x, box.y, box.w, box.h) for box in looks.offered
    }
