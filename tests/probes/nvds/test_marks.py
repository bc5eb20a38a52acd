"""Marks on DeepStream: looks chosen, worked on by a stand-in of nvinfer on real metadata, and compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import gi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.deepstream.nvinfer_config import LOOKS
from engines.marks.types import VECTOR, Route
from pricing.brands.book import Brand, BrandBook
from pricing.value import Item, PersonValue, Total
from probes.frame import Box
from probes.nvds.chooser import Chooser, _even
from probes.nvds.marks import WAITING, MarkLooks, TensorLook, candidates_of
from probes.nvds.redaction_gate import BufferVerdict, RedactionGate
from probes.nvds.tensors import Tensors
from probes.recognition.look_history import LookHistory
from probes.recognition.look_scheduler import RateLimits
from probes.recognition.look_workers import LookResult
from probes.recognition.targets import RecognitionTargets
from tests.fakes.brand_model import NETWORK, BrandModel, Gallery, crop_of, into_network, tensors
from tests.fakes.nvds import (
    BINDING,
    CLASSES,
    PROCESS_KEY,
    SURFACE,
    Obj,
    Pic,
    Rig,
    a_buffer,
    fill,
    frames_of,
    looks_of,
    meta_of,
    objects_of,
    person,
    pyds,
    rig,
)
from tests.fakes.people import START, frame, track
from tests.waiting import wait_for

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

Gst.init(None)
SWOOSH = (230.0, 260.0, 290.0, 300.0)
"""A mark on the person at (200, 150, 160, 300), x1 y1 x2 y2 in px of the surface."""
BOOK = BrandBook([Brand("Nike", slots=frozenset({"top", "shoes"}))])


@dataclass
class Way:
    """All from the batch before the brand model to the answers."""

    ds: Any
    masks: Any = ()
    enrolled: bool = True
    limits: RateLimits = field(default_factory=lambda: RateLimits(per_second=1000))
    now: int = START

    def __post_init__(self) -> None:
        self.results: list[LookResult] = []
        self.owed: list[bool] = []
        on_objects, history = looks_of(self.ds), LookHistory()
        self.gallery: Any = Gallery()
        self.chooser = Chooser(
            meta_of(self.ds),
            on_objects,
            classes=CLASSES,
            wanted=lambda: self.marks.wanted,
            limits=self.limits,
            found_again=lambda pad: self.rig.probe.cameras[pad].found_again,
            on_owed=self.owed.append,
            history=history,
            clock_ns=lambda: self.now,
        )
        self.marks = MarkLooks(
            on_objects,
            NETWORK,
            brands=lambda: RecognitionTargets(BOOK, gallery=self.gallery if self.enrolled else None),
            on_result=self.results.append,
            stretch=self.chooser.stretch,
            history=history,
        )
        self.rig: Rig = rig(self.ds, masks=self.masks, marks=self.marks)
        self.model = BrandModel(self.ds, self.answer)

    def answer(self, crop: Any) -> Any:
        return tensors((into_network(crop, SWOOSH), 0.8, 7))

    def send(self, *pics: Pic) -> Any:
        buffer = a_buffer(self.ds, *pics)
        assert self.chooser.add_looks(hash(buffer)) is BufferVerdict.PASS
        self.model.infer(hash(buffer))
        assert self.rig.probe.process(hash(buffer)) is BufferVerdict.PASS
        return buffer

    def answers(self, count: int = 1) -> list[Any]:
        got: list[Any] = []

        def come() -> bool:
            got.extend(self.marks.drain())
            return len(got) >= count

        wait_for(come)
        return got


@pytest.fixture(scope="module", params=["pyds", "reader"])
def ds(request: pytest.FixtureRequest) -> Iterator[Any]:
    BINDING[0] = request.param
    yield pyds()
    BINDING[0] = "pyds"


@pytest.fixture
def way(ds: Any) -> Iterator[Way]:
    made = Way(ds)
    made.marks.start()
    yield made
    assert made.marks.close()


def looks_in(ds: Any, buffer: Any) -> list[Any]:
    found = [one for pic in frames_of(ds, hash(buffer)) for one in objects_of(ds, pic)]
    return [one for one in found if one.unique_component_id == LOOKS]


def test_a_mark_goes_from_the_crop_to_the_person_in_the_cameras_pixels(ds: Any, way: Way) -> None:
    buffer = way.send(Pic(objects=[person(7), person(2**40 + 8, 700)], ntp=START))
    by_track = {answer.track.number: answer for answer in way.answers(2)}
    (mark,) = by_track[1].marks
    assert (mark.brand, mark.route, mark.slots) == ("nike", Route.SYMBOL, {"top", "shoes"})
    x1, y1, x2, y2 = (value * 0.5 for value in SWOOSH)  # a camera of 640x480 on 1280x720: 1/2 and 2/3
    assert mark.box == pytest.approx((x1, y1 * 4 / 3, x2 - x1, (y2 - y1) * 4 / 3), abs=0.5)
    assert by_track[1].frame.camera == "cam0"
    assert by_track[2].marks == ()
    assert sorted(way.results) == [LookResult.MARKS, LookResult.NONE]
    assert looks_in(ds, buffer) == []
    assert way.model.released == 2
    assert RedactionGate(way.rig.meta, PROCESS_KEY).verify(hash(buffer)) is BufferVerdict.PASS
    assert way.rig.failures == []


def test_the_crop_holds_the_person_with_bag_in_even_pixels_inside_the_picture(way: Way) -> None:
    bag = Obj(1, 1, box=(351.0, 400.0, 60.5, 60.0))
    way.send(Pic(objects=[Obj(1, 0, 7, 0.9, (-9.0, 151.0, 369.3, 300.0)), bag]))
    assert way.model.crops == [(0, 150, 412, 310)]


@pytest.mark.parametrize(
    "objects",
    [
        [person()],
        [Obj(1, 0, 7, 0.9, (200.0, 150.0, 60.0, 79.0))],
        [Obj(1, 0, 7, 0.9, (200.0, 150.0, 28.0, 90.0))],
        [Obj(1, 0, 7, 0.9, (float("nan"), 150.0, 60.0, 90.0))],
        [Obj(2, 0, box=(200.0, 150.0, 100.0, 100.0)), Obj(1, 1, 9)],
    ],
    ids=["unconfirmed", "small", "narrow", "no number", "no person"],
)
def test_who_gets_no_look(ds: Any, objects: list[Obj]) -> None:
    way = Way(ds)
    buffer = Gst.Buffer.new_allocate(None, 16, None)
    batch = ds.new_batch(1)
    fill(ds, batch, [Pic(objects=objects)])
    ds.attach(hash(buffer), batch)
    assert way.chooser.add_looks(hash(buffer)) is BufferVerdict.PASS
    assert looks_in(ds, buffer) == []


def test_one_look_a_person_and_interval_and_all_cameras_share_the_budget(ds: Any) -> None:
    way = Way(ds, limits=RateLimits(per_second=10))
    for tenth in range(40):
        way.now = START + tenth * 100_000_000
        people = [person(number, 100.0 + 170 * number) for number in range(6)]
        way.send(*(Pic(pad, people, tenth, way.now) for pad in range(2)))
    assert 30 <= len(way.model.crops) <= 42
    assert way.model.released == len(way.model.crops)


@pytest.mark.parametrize(("every_ms", "stretch"), [(400, 1.0), (1000, 2.5), (3000, 7.5)])
def test_who_is_looked_at_more_rarely_than_usual_has_answers_that_say_so(
    way: Way, every_ms: int, stretch: float
) -> None:
    for number in range(4):
        way.now = START + number * every_ms * 1_000_000
        way.send(Pic(objects=[person(7)], number=number, ntp=way.now))
        way.rig.frame_queue.take(0)
    assert [answer.stretch for answer in way.answers(4)] == [1.0] + [stretch] * 3


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_who_has_an_item_has_got_what_was_owed_and_is_owed_no_more(way: Way, is_confirmed: bool) -> None:
    value = PersonValue((Item("top", "top", "nike", 0.9, 4),), Total(0, 0, 0, "EUR", 0, 1))
    for tenth in range(150):
        way.now = START + tenth * 100_000_000
        way.send(Pic(objects=[person(7)], number=tenth, ntp=way.now))
        way.rig.frame_queue.take(0)
        if tenth == 0:
            (answer,) = way.answers()
            way.marks.set_values({answer.track: value} if is_confirmed else {})
    assert (way.owed == [True]) is is_confirmed


def test_nobody_is_looked_at_while_nothing_is_enrolled(ds: Any) -> None:
    way = Way(ds, enrolled=False)
    way.send(Pic(objects=[person(7)]))
    assert way.model.crops == []


def test_a_gallery_read_anew_counts_from_the_next_look(way: Way) -> None:
    way.send(Pic(objects=[person(7)], ntp=START))
    assert [mark.brand for mark in way.answers()[0].marks] == ["nike"]
    way.gallery = type("Empty", (), {"sightings": lambda _self, _candidates: []})()
    way.now += 1_000_000_000
    way.send(Pic(objects=[person(7)], ntp=way.now))
    assert way.answers()[0].marks == ()


def test_what_lies_behind_a_camera_mask_is_not_told(ds: Any) -> None:
    left_of_240 = [(0.0, 0.0), (0.1875, 0.0), (0.1875, 1.0), (0.0, 1.0)]
    way = Way(ds, masks=[left_of_240])
    way.answer = lambda crop: tensors(  # type: ignore[method-assign]  # another answer
        (into_network(crop, (205.0, 260.0, 235.0, 300.0)), 0.9, 7), (into_network(crop, SWOOSH), 0.8, 7)
    )
    way.model = BrandModel(ds, way.answer)
    way.marks.start()
    way.send(Pic(objects=[person(7), person(8, 20)]))
    (answer,) = way.answers()
    assert [round(mark.confidence, 2) for mark in answer.marks] == [0.8]
    assert answer.track.number == 1
    way.marks.close()


NOT_ANSWERS: dict[str, Any] = {
    "an output is missing": lambda: {k: v for k, v in tensors().items() if k != "vectors"},
    "half precision": lambda: {**tensors(), "scores": np.zeros(20, np.float16)},
    "boxes of other candidates": lambda: {**tensors(), "boxes": np.zeros((19, 4), np.float32)},
    "far too much": lambda: {**tensors(), "vectors": np.zeros((101, VECTOR), np.float32)},
}


@pytest.mark.parametrize("wrong", NOT_ANSWERS.values(), ids=NOT_ANSWERS)
def test_an_answer_that_is_none_costs_the_look_not_the_picture(
    ds: Any, wrong: Any, caplog: pytest.LogCaptureFixture
) -> None:
    way = Way(ds)
    way.model = BrandModel(ds, lambda _crop: wrong())
    buffer = way.send(Pic(objects=[person(7)]))
    assert RedactionGate(way.rig.meta, PROCESS_KEY).verify(hash(buffer)) is BufferVerdict.PASS
    assert (way.rig.failures, way.model.released, len(looks_in(ds, buffer))) == ([], 1, 0)
    assert "cam0: the brand model: the brand model" in caplog.text
    (sighting,) = way.rig.frame_queue.take(1)
    assert sighting.masks is not None


def test_the_second_box_of_one_person_is_not_looked_at_nor_hides_the_person(ds: Any) -> None:
    """From the frame after the one in which it is found again on."""
    way = Way(ds)
    whole, again = Obj(1, 0, 7, 0.9, (200, 150, 160, 300)), Obj(1, 0, 8, 0.9, (220, 150, 100, 299))
    looked: list[int] = []

    def infer(buffer: int) -> None:
        looked.extend(one.object_id for one in looks_in(ds, buffer))

    way.model.infer = infer  # type: ignore[method-assign]
    way.send(Pic(objects=[whole, again], ntp=START))
    assert sorted(looked) == [7, 8]
    for number in range(1, 5):
        way.now += 10_000_000_000
        way.send(Pic(objects=[whole, again], number=number, ntp=START + number * 100_000_000))
    assert looked[2:] == [7] * 4


def test_a_look_that_the_model_left_out_is_taken_off(ds: Any) -> None:
    way = Way(ds)
    way.model.infer = lambda _buffer: None  # type: ignore[method-assign]  # it does nothing
    assert looks_in(ds, way.send(Pic(objects=[person(7)]))) == []
    assert way.results == []


def test_a_chooser_that_fails_lets_every_batch_pass_and_says_so_once(
    ds: Any, caplog: pytest.LogCaptureFixture
) -> None:
    chooser = Chooser(meta_of(ds), looks_of(ds), classes=CLASSES, wanted=lambda: True)
    empty = Gst.Buffer.new_allocate(None, 16, None)
    assert [chooser.add_looks(hash(empty)) for _ in range(3)] == [BufferVerdict.PASS] * 3
    assert caplog.text.count("brand looks failed") == 1


def test_the_queue_is_bounded_and_what_gives_way_is_counted(ds: Any) -> None:
    way = Way(ds)
    for number in range(WAITING + 5):
        way.now += 10_000_000_000
        way.send(Pic(objects=[person(number)], number=number, ntp=way.now))
    assert way.results == [LookResult.DROPPED] * 5
    assert way.marks.close()  # before it was ever started
    assert len(way.results) == WAITING + 5


def test_a_comparison_that_fails_is_counted_and_the_next_one_works(way: Way) -> None:
    gallery, way.gallery = way.gallery, "no gallery"
    way.send(Pic(objects=[person(7)], ntp=START))
    wait_for(lambda: way.results)
    way.gallery = gallery
    way.now += 1_000_000_000
    way.send(Pic(objects=[person(7)], ntp=way.now))
    assert way.answers()[0].marks
    assert way.results[0] is LookResult.FAILED


BOXES = st.tuples(
    st.floats(0, 1200), st.floats(0, 640), st.floats(33, 1280, width=32), st.floats(33, 720, width=32)
)


@given(
    BOXES, st.tuples(*[st.floats(0.02, 0.98)] * 2), st.sampled_from([(640, 480), (1920, 1080), (1280, 720)])
)
def test_boxes_come_back_from_nvinfers_crop_to_where_they_were(
    box: tuple[float, float, float, float], at: tuple[float, float], size: tuple[int, int]
) -> None:
    crop = _even(Box(*box), SURFACE)
    if crop is None:
        return
    left, top, width, height = crop
    assert crop_of(_look(crop)) == crop  # nvinfer rounds it no further
    assert left + width <= SURFACE[0]
    assert top + height <= SURFACE[1]
    centre = left + at[0] * width, top + at[1] * height
    mark = (centre[0] - 8, centre[1] - 8, centre[0] + 8, centre[1] + 8)
    answer = Tensors(*(tensors((into_network(crop, mark), 0.5, 3), most=1)[name] for name in Tensors._fields))
    scaled = (size[0] / SURFACE[0], size[1] / SURFACE[1]) * 2
    seen = candidates_of(
        TensorLook(track(), _frame(size), SURFACE, Box(*crop), answer, lambda _box: False, track(), 1.0),
        NETWORK,
    )
    expected = np.clip(mark, (left, top) * 2, (left + width, top + height) * 2)
    assert len(seen) == 1
    assert seen.boxes[0] == pytest.approx(expected * scaled, abs=0.3)


def _look(crop: tuple[int, int, int, int]) -> Any:
    left, top, width, height = map(float, crop)
    box = type("Rect", (), {"left": left, "top": top, "width": width, "height": height})
    return type("Look", (), {"rect_params": box})


def _frame(size: tuple[int, int]) -> Any:

    return replace(frame(0), size=size)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_left_out(bad: float) -> None:
    answer = tensors(((10, 10, 40, 40), 0.9, 1), ((10, 10, 40, 40), 0.8, 2), ((9, 9, 40, 40), 0.7, 3), most=4)
    answer["boxes"][0, 2] = answer["vectors"][1, 5] = bad
    crop = Box(0, 0, 320, 480)
    look = TensorLook(
        track(), _frame(SURFACE), SURFACE, crop, Tensors(**answer), lambda _box: False, track(), 1.0
    )
    assert candidates_of(look, NETWORK).scores.tolist() == pytest.approx([0.7])
