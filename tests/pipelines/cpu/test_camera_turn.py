"""A camera that hangs turned: noticed by turning its picture, told of, and covered meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from engines.detections import Detections
from engines.errors import InferenceFailed
from engines.image import I420
from engines.scene import EVERYTHING, Scene, TooMany
from engines.scene_detector import load_scene_detector
from engines.tracking import Tracker
from pipelines.cpu.camera_turn import (
    AGAIN_NS,
    CHANCES,
    EVERY_NS,
    MAX_LOOKS,
    RARELY_NS,
    UNSURE_NS,
    UPRIGHT,
    CameraTurn,
)
from pipelines.cpu.chain import CameraChain
from pipelines.cpu.turned import COARSE_PX, ENOUGH, FINE_NS
from pipelines.settings.privacy import FacesConfig
from probes.people.tracks import TrackBook
from probes.redaction.redact import RedactionFailed, Redactor
from tests.fakes.scene_detector import detections

if TYPE_CHECKING:
    from engines.scene import SceneRequest
    from engines.scene_detector import SceneDetector
    from pipelines.cpu.turn_pace import TurnPace

NOBODY = Scene(Detections.empty(), Detections.empty(), Detections.empty())
STANDS = Scene(detections((8, 4, 28, 60)), Detections.empty(), Detections.empty())
FACE = Scene(STANDS.objects, Detections.empty(), detections((12, 6, 24, 18)))


class Shop:
    """Finds a person where a picture's upper end is bright.

    looks, fine: pictures searched for large people, for small ones. height: of the person, px.
    """

    classes = ("person",)

    def __init__(self, found: Scene = STANDS, *, height: float = COARSE_PX) -> None:
        self.looks, self.fine, self.found, self.height = 0, 0, found, height
        self.error: InferenceFailed | None = None
        self.wanted: list[SceneRequest] = []
        self.places: list[np.ndarray] = []

    def detect(self, picture: I420, wanted: SceneRequest = EVERYTHING) -> Scene:
        is_fine = wanted.min_person_px < COARSE_PX
        self.wanted.append(wanted)
        self.fine, self.looks = self.fine + is_fine, self.looks + (not is_fine)
        if self.error:
            raise self.error
        if wanted.min_person_px > self.height:
            return NOBODY
        return self.found if picture.y[:16].mean() > 2 * picture.y[16:].mean() else NOBODY

    def detect_at(self, picture: I420, places: np.ndarray, _min_person_px: float) -> Scene:
        self.places.append(places)
        return self.found if picture.y[:16].mean() > 2 * picture.y[16:].mean() else NOBODY

    def is_whole_enough(self, _picture: I420, _min_person_px: float) -> bool:
        return False

    def turn(self, said: list[int] | None = None, pace: TurnPace | None = None) -> CameraTurn:
        told = said.append if said is not None else lambda _: None
        scenes = cast("SceneDetector", self)
        return CameraTurn("door", scenes, FacesConfig(), min_person_px=80, pace=pace, on_turn=told)


def picture(top: int = 40) -> I420:
    y = np.full((64, 64), 40, np.uint8)
    y[:16] = top
    grey = np.full((32, 32), 128, np.uint8)
    return I420(y, grey, grey.copy())


def chain_of(turn: CameraTurn) -> CameraChain:
    return CameraChain(
        "door",
        labels=("person",),
        tracker=Tracker(),
        book=TrackBook("door", lambda _: "abcd", 2500),
        redactor=Redactor(method="solid", margin=0.2, hold_ms=500),
        turn=turn,
    )


@pytest.mark.parametrize("hung", [90, 180, 270])
def test_who_is_turned_is_covered_from_the_first_frame_and_told_of_after_some(
    caplog: pytest.LogCaptureFixture, hung: int
) -> None:
    shop, said = Shop(), list[int]()
    turn, shown = shop.turn(said), picture(220).rotated(hung)
    for number in range(ENOUGH + 1):
        for later in (0, UNSURE_NS // 2):
            assert turn.masks(shown, number * UNSURE_NS + later, NOBODY)
    assert said == [0, 360 - hung]
    assert (
        caplog.text.count(f"camera door: people seem to be turned in the picture: set rotate: {360 - hung}")
        == 1
    )
    upright = picture(220)
    assert turn.masks(upright, EVERY_NS * 2, STANDS) == []
    assert said == [0, 360 - hung, 0]
    shop.turn(said)
    assert said[-1] == 0, "a camera that is connected anew is not called turned"


def test_who_comes_after_an_empty_start_is_covered_as_soon_as_a_look_is_due() -> None:
    turn = Shop().turn()
    assert turn.masks(picture(), 0, NOBODY) == []
    assert turn.masks(picture(220).rotated(90), UNSURE_NS, NOBODY)


@pytest.mark.parametrize(
    ("scene", "moving", "looks", "fine"),
    [(STANDS, True, UPRIGHT, 0), (NOBODY, False, 1, 1), (NOBODY, True, MAX_LOOKS + 3, 4)],
)
def test_looks_are_few_where_people_stand_or_nothing_moves(
    scene: Scene, moving: bool, looks: int, fine: int
) -> None:
    shop = Shop()
    turn = shop.turn()
    for number in range(2 * MAX_LOOKS):
        turn.masks(picture(40 + 9 * (number % 2 * moving)), number * UNSURE_NS, scene)
    assert (shop.looks, shop.fine) == (3 * looks, 3 * fine)
    turn.masks(picture(), 2 * EVERY_NS, scene)
    assert (shop.looks, shop.fine) == (3 * looks + 3, 3 * fine + 3 * bool(fine))


@pytest.mark.parametrize("hung", [90, 180, 270])
def test_small_people_in_a_camera_that_hangs_turned_are_covered(hung: int) -> None:
    """As a crowd far below it: no look for large people finds any of them."""
    shop, said = Shop(height=80), list[int]()
    turn, shown = shop.turn(said), picture(220).rotated(hung)
    for number in range(2 * ENOUGH):
        assert turn.masks(shown, number * UNSURE_NS, NOBODY), "from the first frame on"
    assert said == [0, 360 - hung]
    assert turn.masks(shown, 2 * EVERY_NS, NOBODY), "looks for large people take nothing back"


def test_small_people_who_come_later_are_covered_within_seconds() -> None:
    turn, lie = Shop(height=80).turn(), picture(220).rotated(180)
    assert turn.masks(picture(), 0, NOBODY) == []
    assert turn.masks(lie, FINE_NS - 1, NOBODY) == []
    assert turn.masks(lie, FINE_NS - 1 + UNSURE_NS, NOBODY), "though nothing moved since the look before"


def test_who_comes_after_a_night_of_motion_is_covered_within_seconds() -> None:
    turn, at = Shop().turn(), 0
    for number in range(3 * MAX_LOOKS):
        at += UNSURE_NS
        turn.masks(picture(40 + 9 * (number % 2)), at, NOBODY)
    lies = picture(220).rotated(90)
    turn.masks(lies, at + RARELY_NS - UNSURE_NS, NOBODY)
    assert turn.masks(lies, at + RARELY_NS, NOBODY)


def flag(number: int) -> I420:
    """A picture in one corner of which something moves all the time."""
    shown = picture()
    shown.y[:16, :16] += np.uint8(20 * (number % 2))
    return shown


def test_small_people_who_come_after_a_night_of_motion_are_covered_at_once() -> None:
    shop, at = Shop(height=80), 0
    turn = shop.turn()
    for number in range(3 * MAX_LOOKS):
        at += UNSURE_NS
        turn.masks(flag(number), at, NOBODY)
    fine = shop.fine
    assert turn.masks(picture(220).rotated(180), at + UNSURE_NS, NOBODY)
    assert shop.fine == fine + 3, "one fine look, by whose answer the frame is masked, too"


def test_looks_for_who_may_have_come_are_bounded_too() -> None:
    shop, at = Shop(height=80), 0
    turn = shop.turn()
    for number in range(20 * MAX_LOOKS):
        at += UNSURE_NS
        shown = flag(number)
        shown.y[16:48] += np.uint8(90 * (number % 40 < 20))  # comes and goes, and is nobody
        turn.masks(shown, at, NOBODY)
        if number == 2 * MAX_LOOKS:
            before = shop.fine
    seconds = 18 * MAX_LOOKS * UNSURE_NS / 1e9
    assert shop.fine - before <= 3 * CHANCES * seconds / (AGAIN_NS / 1e9) + 3


def test_other_settings_of_faces_hold_for_who_is_turned_too() -> None:
    chain = chain_of(Shop(FACE).turn())
    lies = picture(220).rotated(90)
    areas = []
    for at, margin in enumerate((0.1, 1.0, 0.1)):
        faces = FacesConfig(method="solid", margin=margin)
        chain.reconfigure(faces=faces, masks=(), min_person_px=80)
        redacted = chain.redact(chain.assemble(at, shown := lies.rotated(0), NOBODY), shown)
        areas.append(sum(mask.box.area for mask in redacted.masks))
    assert areas[0] == areas[2] < areas[1]


@pytest.mark.parametrize("error", [InferenceFailed("no answer"), TooMany("too many")])
def test_a_frame_whose_turned_picture_cannot_be_searched_goes_to_nobody(error: InferenceFailed) -> None:
    shop = Shop()
    shop.error = error
    chain = chain_of(shop.turn())
    frame = chain.assemble(0, picture(), NOBODY)
    with pytest.raises(RedactionFailed, match="in a turned picture"):
        chain.redact(frame, picture())
    shop.error = None
    assert chain.redact(chain.assemble(1, picture(220).rotated(90), NOBODY), picture(220).rotated(90)).masks


def test_between_two_looks_all_of_a_turn_is_searched_where_somebody_lies() -> None:
    """Somebody else may lie down there meanwhile."""
    shop = Shop()
    two = Scene(detections((8, 4, 28, 60), (36, 4, 56, 60)), Detections.empty(), Detections.empty())
    turn, lies = shop.turn(), picture(220).rotated(90)
    assert turn.masks(lies, 0, two)
    assert shop.looks == 3, "the answer of the look masks its frame, too"
    assert turn.masks(lies, UNSURE_NS // 2, two)
    assert shop.looks == 4
    assert shop.wanted[-1].min_person_px == COARSE_PX
    assert shop.wanted[-1].close is None


@pytest.mark.parametrize("score", [0.45, 0.9])
def test_who_is_not_surely_there_is_looked_at_in_the_place_between_two_looks(score: float) -> None:
    """A shape that looks like somebody a little must not cost a search of every picture."""
    stands = detections((8, 4, 28, 60), (36, 4, 56, 60), (8, 4, 28, 60), score=0.9)
    shop = Shop(Scene(detections((8, 4, 28, 60), score=score), Detections.empty(), Detections.empty()))
    turn, lies = shop.turn(), picture(220).rotated(90)
    upright = Scene(stands, Detections.empty(), Detections.empty())
    assert turn.masks(lies, 0, upright)
    assert turn.masks(lies, UNSURE_NS // 2, upright), "masked from the look on"
    assert (shop.looks, len(shop.places)) == ((3, 1) if score < 0.5 else (4, 0))
    if shop.places:
        assert shop.places[0].tolist() == [[-6, -10, 42, 74]]
    assert turn.masks(lies, UNSURE_NS, upright)
    assert shop.looks == (6 if score < 0.5 else 7), "all is searched by the next look"


@pytest.mark.parametrize("high", [70, 90])
def test_who_is_too_small_to_tell_the_head_from_the_feet_is_not_taken_as_lying(high: int) -> None:
    grey = np.full((540, 960), 128, np.uint8)
    wide = I420(np.full((1080, 1920), 40, np.uint8), grey, grey.copy())
    wide.y[-16:] = 220
    small = detections((20, 4, 50, 4 + high))
    shop = Shop(Scene(small, Detections.empty(), Detections.empty()))
    three = detections((900, 100, 1000, 400), (1100, 100, 1200, 400))
    masks = shop.turn().masks(wide, 0, Scene(three, Detections.empty(), Detections.empty()))
    assert bool(masks) == (high == 90)


def test_close_looks_of_a_turn_go_on_with_what_a_look_showed() -> None:
    shop = Shop(height=80)
    turn, shown = shop.turn(), picture(220).rotated(90)
    assert turn.masks(shown, 0, NOBODY)
    assert turn.masks(shown, UNSURE_NS // 2, NOBODY)
    look, later = [one for one in shop.wanted if one.close and one.close is shop.wanted[-1].close]
    assert (look.at_ns, later.at_ns) == (0, UNSURE_NS // 2)
    assert turn.masks(shown, UNSURE_NS, NOBODY)
    assert shop.wanted[-1].close is not later.close, "a look looks at everything"


def test_a_small_picture_is_not_searched_again_for_small_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole view, which a look for large people uses, shows small ones as well."""
    monkeypatch.setattr(Shop, "is_whole_enough", lambda *_: True)
    shop = Shop()
    turn = shop.turn()
    assert turn.masks(picture(), 0, NOBODY) == []
    assert (shop.looks, shop.fine) == (3, 0)
    assert turn.masks(picture(220).rotated(90), UNSURE_NS, NOBODY)


@pytest.mark.parametrize(
    ("size", "is_enough"), [((480, 270), True), ((768, 432), True), ((1280, 720), False)]
)
def test_a_look_for_large_people_is_one_for_small_ones_where_the_views_are_the_same(
    size: tuple[int, int], is_enough: bool
) -> None:
    scenes, shown = load_scene_detector("nanodet-416", "centerface"), I420.black(*size)
    assert scenes.is_whole_enough(shown, 80) is is_enough
    assert (scenes.views(shown, 80) == scenes.views(shown, COARSE_PX)) is is_enough
