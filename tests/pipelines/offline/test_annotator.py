"""Frames of a file that wait for later ones: however few can, nobody who lies leaves with an open face.

And things on a picture that are beside people: their marks are named, and priced to nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from engines.detections import Detections
from engines.image import I420
from engines.marks.types import Route
from engines.scene import Scene, TooMany
from pipelines.cpu.turned import SELDOM_NS
from pipelines.offline import annotator
from pipelines.offline.annotator import Annotator
from pipelines.settings.privacy import FacesConfig
from pricing.ledger.ledger import Ledger
from pricing.value import Price
from probes.answers import LookAnswer, Mark
from probes.frame import Box, Kind, TrackId
from tests.fakes.scene_detector import detections

if TYPE_CHECKING:
    from collections.abc import Collection

    from engines.scene import SceneRequest
    from engines.scene_detector import SceneDetector
    from probes.frame import Frame
    from probes.recognition.file_looks import FileLooks

STEP_NS = 40_000_000
LIES = range(10, 20)
"""Frames in which somebody lies; they come and go between two looks that are 0.4 s apart."""


class OneWhoLies:
    """Finds who lies where a quarter of the picture is bright, once it is turned; a clerk stands.

    too_many: number of the search that finds more than can be listed.
    """

    classes = ("person",)

    def __init__(self, *, clerk: bool = False, too_many: int = 0) -> None:
        self._clerk, self._left = clerk, too_many

    def detect(self, picture: I420, _wanted: SceneRequest | None = None) -> Scene:
        nobody = Detections.empty()
        self._left -= 1
        if not self._left:
            raise TooMany("more than can be listed")
        if self._clerk and picture.y[-1, 0] == 99:
            return Scene(detections((0, 20, 16, 64)), nobody, detections((4, 22, 12, 30)))
        found = detections((8, 4, 28, 60)) if picture.y[:16].mean() > 150 else nobody
        return Scene(found, nobody, nobody)

    def is_whole_enough(self, _picture: I420, _min_person_px: float) -> bool:
        return False


class NoLooks:
    left_out = 0

    def offer(self, *_: object) -> None:
        """Look at nothing."""

    def drain(self) -> list[object]:
        return []


def annotated(scenes: OneWhoLies) -> Annotator:
    return Annotator(
        cast("SceneDetector", scenes),
        looks=lambda _: cast("FileLooks", NoLooks()),
        ledger=lambda _: Ledger("EUR", lambda *_: None),
        masking=FacesConfig(),
        min_votes=1,
    )


def film(
    lies: Collection[int] = LIES, other_way: Collection[int] = (), count: int = 30
) -> list[tuple[int, I420]]:
    frames = []
    for number in range(count):
        y = np.full((64, 64), 40, np.uint8)
        if number in lies:
            y[:, 48:] = 220
        if number in other_way:
            y[:, :16] = 220
        y[-1, 0] = 99
        grey = np.full((32, 32), 128, np.uint8)
        frames.append((number * STEP_NS, I420(y, grey, grey.copy())))
    return frames


@pytest.mark.parametrize("clerk", [False, True])
@pytest.mark.parametrize("waiting", [1, 3, 1000])
def test_who_lies_is_masked_in_each_frame(
    monkeypatch: pytest.MonkeyPatch, waiting: int, *, clerk: bool
) -> None:
    monkeypatch.setattr(annotator, "MAX_WAITING_BYTES", waiting * 64 * 64)
    video = annotated(OneWhoLies(clerk=clerk)).video("film", film(), ahead_ms=400)
    masked = {
        done.at // STEP_NS for done in video.frames if any(mask.box.x >= 32 for mask in done.redacted.masks)
    }
    assert masked >= set(LIES)
    assert video.withheld == 0


@pytest.mark.parametrize("ahead_ms", [0, 400])
def test_a_film_that_is_turned_the_other_way_later_is_masked_to_its_end(ahead_ms: int) -> None:
    first, later = range(60), range(70, 180)
    video = annotated(OneWhoLies()).video("film", film(first, later, 180), ahead_ms=ahead_ms)
    masked = {
        done.at // STEP_NS for done in video.frames if any(mask.box.x < 16 for mask in done.redacted.masks)
    }
    seen_at = 70 if ahead_ms else 70 + SELDOM_NS // STEP_NS  # a look is due each 2 s where nothing can wait
    assert masked >= set(range(seen_at, 180))
    assert video.turn == 90


def test_a_frame_whose_look_for_who_lies_is_too_full_is_withheld_where_none_can_wait() -> None:
    video = annotated(OneWhoLies(too_many=2)).video("webcam", film())
    assert [done.at // STEP_NS for done in video.frames] == list(range(1, 30))
    assert video.withheld == 1


def test_a_film_whose_last_look_settles_the_turn_says_so() -> None:
    video = annotated(OneWhoLies()).video("film", film(range(25), (), 25), ahead_ms=400)
    assert len(list(video.frames)) == 25
    assert video.turn == 270


class WomanAndBag:
    """Finds a woman, and a bag apart from her."""

    classes = ("person", "handbag")

    def detect(self, _picture: I420, _wanted: SceneRequest | None = None) -> Scene:
        boxes = np.array([(100, 50, 200, 350), (300, 290, 360, 350)], np.float32)
        found = Detections(boxes, np.array([0.9, 0.7], np.float32), np.array([0, 1], np.int32))
        return Scene(found, Detections.empty(), detections((135, 60, 165, 95)))


class ReadsBag:
    """Sees the woman's skin, and a word on the bag wherever it is read."""

    left_out = 0

    def __init__(self) -> None:
        self.parts: list[Box | None] = []
        self._answers: list[LookAnswer] = []

    def offer(self, frame: Frame, _pixels: I420) -> None:
        (woman,) = frame.of(Kind.PERSON)
        assert woman.track is not None
        self._answers = [LookAnswer(woman.track, frame, (MARK,), bare=True)]

    def drain(self) -> list[LookAnswer]:
        return self._answers

    def read_whole(self, frame: Frame, _pixels: I420, part: Box | None = None) -> LookAnswer:
        assert frame.detections == ()
        self.parts.append(part)
        return LookAnswer(TrackId("picture", "nobody", 0), frame, (MARK,))


MARK = Mark("prada", 0.95, Box(320, 315, 20, 10), Route.WORDS)


def test_a_brand_on_a_thing_beside_somebody_is_named_and_priced_to_nobody() -> None:
    looks = ReadsBag()
    price = Price(9900, 9900, 9900, "EUR", "catalogue")
    done = Annotator(
        cast("SceneDetector", WomanAndBag()),
        looks=lambda _: cast("FileLooks", looks),
        ledger=lambda votes: Ledger("EUR", lambda *_: price, min_votes=votes),
        masking=FacesConfig(),
        min_votes=1,
    ).picture(I420.black(640, 400))
    (worn,) = done.values.values()
    assert (worn.items, worn.total.amount_minor) == ((), 0)
    assert [(one.brand, one.type) for one in done.unworn] == [("prada", "handbag")]
    assert looks.parts == [Box(294, 284, 72, 72)]


class FailsBeside(ReadsBag):
    """Reads people, and fails on things."""

    def read_whole(self, frame: Frame, _pixels: I420, part: Box | None = None) -> LookAnswer:
        raise RuntimeError(f"no answer at {part}")


def test_a_look_at_a_thing_that_fails_costs_nobody_beside_it_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done = Annotator(
        cast("SceneDetector", WomanAndBag()),
        looks=lambda _: cast("FileLooks", FailsBeside()),
        ledger=lambda votes: Ledger("EUR", lambda *_: None, min_votes=votes),
        masking=FacesConfig(),
        min_votes=1,
    ).picture(I420.black(640, 400))
    assert (len(done.values), done.unworn) == (1, [])
    assert "a thing beside people could not be read: RuntimeError" in caplog.text
