from __future__ import annotations

import gc
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import yaml
from skimage import data

from engines.colour import from_bgr
from engines.decoding import Raw
from engines.detector import FILE_PATIENCE_S, Detector, load_detector
from engines.errors import BadInput, InferenceFailed
from engines.image import I420
from engines.letterbox import Fit
from engines.manifest import MANIFEST, read_manifest
from engines.nms import overlaps
from engines.openvino_runtime import (
    LARGE_IDLE_S,
    LARGE_REST_S,
    MAX_LARGE,
    OFTEN,
    Network,
    Precision,
    Slot,
)
from engines.scene import load_scene_detector

if TYPE_CHECKING:
    from pathlib import Path

PERSONS = ("nanodet-416", "nanodet-544x320")
FACES = ("centerface", "centerface-960x544")
ASTRONAUT, FACE = (16, 14, 364, 510), (182, 58, 270, 178)


@cache
def detector(name: str) -> Detector:
    return load_detector(name, threads=2, precision=Precision.FP32)


def astronaut() -> np.ndarray:
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)


def on_canvas(size: tuple[int, int], at: tuple[int, int], scale: float = 1.0) -> I420:
    """Return a grey picture of (width, height) with the astronaut at (x, y)."""
    small = cv2.resize(astronaut(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((size[1], size[0], 3), 128, np.uint8)
    canvas[at[1] : at[1] + len(small), at[0] : at[0] + small.shape[1]] = small
    return from_bgr(canvas)


def share(box: np.ndarray, expected: tuple[float, ...]) -> float:
    return float(overlaps(box[None], np.array([expected], np.float32))[0, 0])


@pytest.mark.parametrize(("names", "expected"), [(PERSONS, ASTRONAUT), (FACES, FACE)])
@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(
    ("canvas", "at", "scale"),
    [((512, 512), (0, 0), 1.0), ((1920, 1080), (1100, 300), 1.2), ((720, 1280), (40, 200), 1.0)],
)
def test_the_one_person_and_her_face_are_found_in_place(
    names: tuple[str, ...],
    expected: tuple[float, ...],
    size: int,
    canvas: tuple[int, int],
    at: tuple[int, int],
    scale: float,
) -> None:
    (found,) = detector(names[size]).detect([on_canvas(canvas, at, scale)])
    assert found.classes[0] == 0
    place = tuple(part * scale + at[axis % 2] for axis, part in enumerate(expected))
    assert share(found.boxes[0], place) > 0.7
    assert (found.classes == 0).sum() == 1


def test_answers_keep_the_order_of_their_pictures() -> None:
    pictures = [on_canvas((900, 520), (x, 0)) for x in (0, 380, 190)] + [I420.black(640, 480)]
    found = detector("centerface").detect(pictures)
    lefts = [round(float(one.boxes[0, 0])) for one in found[:3]]
    assert lefts == pytest.approx([182, 562, 372], abs=8)
    assert len(found[3]) == 0


@pytest.mark.parametrize("name", ["nanodet-416", "centerface"])
def test_an_empty_or_black_picture_holds_nothing(name: str) -> None:
    assert detector(name).detect([]) == []
    assert len(detector(name).detect([I420.black(1280, 720)])[0]) == 0


def test_two_detectors_overlap_and_threads_may_share_one() -> None:
    picture = on_canvas((512, 512), (0, 0))
    expected = detector("nanodet-416").detect([picture])[0].boxes
    faces, persons = detector("centerface").start([picture] * 3), detector("nanodet-416").start([picture])
    np.testing.assert_allclose(persons.result()[0].boxes, expected, atol=1e-2)
    assert [len(one) for one in faces.result()] == [1, 1, 1]
    answers: list[np.ndarray] = []
    workers = [
        threading.Thread(target=lambda: answers.append(detector("nanodet-416").detect([picture])[0].boxes))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert len(answers) == 4
    for boxes in answers:
        np.testing.assert_allclose(boxes, expected, atol=1e-2)


def test_abandoned_work_gives_its_memory_back() -> None:
    model = read_manifest()["centerface"]
    small = Detector(model, Network(model, threads=1, max_slots=2))
    picture = on_canvas((512, 512), (0, 0))
    for _ in range(5):
        small.start([picture, picture])
        gc.collect()
    held = small.start([picture, picture])
    with pytest.raises(InferenceFailed, match="2 pictures are in flight already"):
        small.start([picture])
    assert [len(one) for one in held.result()] == [1, 1]
    assert len(small.detect([picture])[0]) == 1


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at a first start: no compiled model is on the disk."""
    monkeypatch.setenv("MSH_COMPILED", "off")


def filled(network: Network, size: tuple[int, int] | None) -> tuple[Slot, Raw]:
    slot = network.take(size)
    slot.pixels[:] = np.arange(slot.pixels.size, dtype=np.uint8).reshape(slot.pixels.shape)
    slot.start()
    return slot, slot.result(120)


def worked(network: Network, size: tuple[int, int] | None) -> Raw:
    slot, raw = filled(network, size)
    network.give_back([slot])
    return raw


@pytest.mark.usefixtures("nothing_kept")
def test_the_network_for_large_pictures_goes_when_none_came_for_a_minute() -> None:
    now = [0.0]
    network = Network(read_manifest()["centerface"], threads=1, clock=lambda: now[0])
    large, small = filled(network, (1024, 512))[0], filled(network, (256, 192))[0]
    assert set(network._large) == {None}
    now[0] = LARGE_IDLE_S + 1
    network.give_back([small])
    assert set(network._large) == {None}, "a large picture is under work"
    network.give_back([large])
    assert not network._large
    assert [slot.size for slot in network._free] == [(256, 192)]
    worked(network, (1024, 512))
    now[0] += LARGE_IDLE_S - 1
    worked(network, (256, 192))
    assert [slot.size for slot in network._free] == [(1024, 512), (256, 192)]


def test_a_large_size_that_comes_often_has_a_network_of_its_own_and_at_the_next_start_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSH_COMPILED", str(tmp_path))
    now = [0.0]

    def fresh() -> Network:
        return Network(read_manifest()["centerface"], threads=1, any_size=True, clock=lambda: now[0])

    network, size = fresh(), (1024, 512)
    answers = [worked(network, size) for _ in range(OFTEN)]
    assert set(network._large) == {None, size}
    for one in answers:
        # The kernels differ, so what is scored all but alike may change its place in the answer.
        np.testing.assert_allclose(np.sort(one.scores), np.sort(answers[0].scores), atol=1e-4)
    now[0] = LARGE_IDLE_S - 1
    worked(network, size)
    now[0] += 2
    worked(network, size)
    assert set(network._large) == {size}, "that for any size was not used for a minute"
    again = fresh()
    worked(again, size)
    worked(again, (960, 512))
    assert set(again._large) == {size, None}, "what is on the disk is not compiled for any size first"


@pytest.mark.usefixtures("nothing_kept")
def test_few_large_sizes_have_a_network_of_their_own_and_one_more_compiles_nothing_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engines.openvino_runtime.OFTEN", 1)
    now, compiled = [0.0], []

    class Counted(Network):
        def _compile(self, size: tuple[int, int] | None) -> Any:
            compiled.append(size)
            return super()._compile(size)

    network = Counted(read_manifest()["centerface"], threads=1, any_size=True, clock=lambda: now[0])
    compiled.clear()
    sizes = [(768, 480 + 32 * number) for number in range(MAX_LARGE + 1)]
    for _ in range(3):
        for size in sizes:
            now[0] += 1
            worked(network, size)
    assert compiled == [*sizes[:-1], None], "each time one made room for the next, to be compiled anew"
    now[0] += LARGE_IDLE_S
    worked(network, sizes[-1])
    worked(network, sizes[-1])
    assert set(network._large) == {None, sizes[-1]}, "the others were not used for a minute"
    assert {slot.size for slot in network._free} == {sizes[-1]}


def test_a_size_whose_network_is_ready_waits_for_no_other_that_is_compiled() -> None:
    """A camera's frame stood still for as long as a picture of a new size took to be compiled for."""
    compiling, may_end = threading.Event(), threading.Event()

    class Slow(Network):
        def _compile(self, size: tuple[int, int] | None) -> Any:
            if hasattr(self, "_free"):  # not that of the start
                compiling.set()
                assert may_end.wait(120)
            return super()._compile(size)

    network = Slow(read_manifest()["centerface"], threads=1, any_size=True, max_slots=4)
    with ThreadPoolExecutor(2) as threads:
        large = threads.submit(network.take, (1024, 512))
        try:
            assert compiling.wait(120)
            small = threads.submit(network.take, (256, 192)).result(60)
        finally:
            may_end.set()
        network.give_back([small, large.result(120)])


def test_a_folder_of_compiled_models_that_cannot_be_read_stops_no_large_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSH_COMPILED", str(tmp_path / ("too long" * 60)))
    network = Network(read_manifest()["centerface"], threads=1, any_size=True)
    assert len(worked(network, (1024, 512)).scores)


def test_the_network_for_the_size_of_the_manifest_comes_when_that_is_asked_for() -> None:
    model = read_manifest()["centerface"]
    network, usual = Network(model, threads=1, any_size=True), Network(model, threads=1)
    assert network.precision == usual.precision

    def scores(network: Network, size: tuple[int, int] | None) -> np.ndarray:
        slot = network.take(size)
        slot.pixels[:] = np.arange(slot.pixels.size, dtype=np.uint8).reshape(slot.pixels.shape)
        slot.start()
        found = slot.result(120).scores
        network.give_back([slot])
        return found

    assert np.array_equal(scores(network, (256, 192)), scores(usual, (256, 192)))
    assert network._fixed is None
    own = model.input.width, model.input.height
    assert np.array_equal(scores(network, own), scores(usual, None))
    assert np.array_equal(scores(network, None), scores(usual, own))


def test_a_camera_of_another_shape_takes_no_memory_for_the_size_of_the_manifest() -> None:
    scenes = load_scene_detector("nanodet-416", "centerface", threads=1, patience_s=FILE_PATIENCE_S)
    scenes.detect(on_canvas((1280, 720), (0, 0)))
    assert scenes.detectors[0]._network._fixed is None


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("often", [1, 9])
def test_working_memory_of_large_pictures_goes_after_seconds_and_comes_again(
    often: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, released = [0.0], []
    monkeypatch.setattr(
        "engines.openvino_runtime.release_memory_of",
        lambda compiled: (released.append(compiled), compiled.release_memory()),
    )
    monkeypatch.setattr("engines.openvino_runtime.OFTEN", often)
    network = Network(read_manifest()["centerface"], threads=1, clock=lambda: now[0])
    before = worked(network, (1024, 512))
    worked(network, (256, 192))
    assert not released, "the next picture may be large too"
    now[0] += LARGE_REST_S
    worked(network, (256, 192))
    worked(network, (256, 192))
    (large,) = network._large.values()
    assert released == [large.compiled]
    after = worked(network, (1024, 512))
    assert np.array_equal(before.scores, after.scores)
    assert np.array_equal(before.boxes, after.boxes)
    now[0] += LARGE_REST_S
    worked(network, (256, 192))
    assert len(released) == 2


def test_mapped_weights_leave_memory_once_they_are_arranged_for_a_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dropped: list[None] = []
    monkeypatch.setattr("engines.openvino_runtime.drop_mapped_pages", lambda: dropped.append(None))
    network = Network(read_manifest()["centerface"], threads=1)
    for size in ((256, 192), (256, 192), (320, 256)):
        slot = network.take(size)
        slot.start()
        slot.result(60)
        network.give_back([slot])
    assert len(dropped) == 2


def test_a_detector_waits_as_long_as_it_was_told_to() -> None:
    model = read_manifest()["centerface"]
    hasty = Detector(model, Network(model, threads=1), patience_s=0)
    picture = on_canvas((512, 512), (0, 0))
    with pytest.raises(InferenceFailed, match="centerface: no answer within 0 s"):
        hasty.detect([picture])
    assert len(hasty.start([picture]).result(120)[0]) == 1


def test_an_answer_that_is_late_or_not_finite_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    model = read_manifest()["centerface"]
    network = Network(model, threads=1)
    slot = network.take()
    slot.pixels[:] = 0
    for _ in range(2):
        slot.start()
        with pytest.raises(InferenceFailed, match="centerface: no answer within 0 s"):
            slot.result(0)
        assert slot.settled(120)
    slot.start()
    assert slot.settled(120)
    slot._request.get_tensor("detection_scores").data[:] = np.nan
    with pytest.raises(InferenceFailed, match="not finite"):
        slot.result(120)


def test_a_picture_without_room_fails_and_holds_nothing_up() -> None:
    model = read_manifest()["centerface"]
    small = Detector(model, Network(model, threads=1, max_slots=1))
    with pytest.raises(InferenceFailed, match="centerface: cannot fit"):
        small.detect([I420.black(1, 40)])
    gc.collect()
    assert len(small.detect([on_canvas((512, 512), (0, 0))])[0]) == 1


def test_a_busy_slot_is_not_started_again() -> None:
    model = read_manifest()["centerface-960x544"]
    slot = Network(model, threads=1).take()
    slot.start()
    with pytest.raises(InferenceFailed, match="busy"):
        slot.start()
    assert slot.result(120).scores.shape == (500,)


def raw(*rows: tuple[float, float, float, float, float, int]) -> Raw:
    values = np.array(rows, np.float32).reshape(-1, 6)
    return Raw(values[:, :4], values[:, 4], values[:, 5])


def test_reading_applies_thresholds_suppression_and_clipping() -> None:
    model = replace(read_manifest()["nanodet-416"], thresholds=(0.5, 0.3, 0.3, 0.3, 0.3, 0.3))
    reader = Detector(model, detector("nanodet-416")._network, {"handbag": 0.2})
    fit = Fit.of((832, 416), (416, 416))  # half size, bars of 104 px above and below
    found = reader.read(
        raw(
            (0.25, 0.0, 0.75, 0.5, 0.9, 0),  # the left half
            (0.25, 0.01, 0.75, 0.5, 0.8, 0),  # the same again
            (0.25, 0.0, 0.75, 0.5, 0.25, 3),  # a handbag there
            (0.25, 0.5, 0.75, 1.0, 0.4, 0),  # too unsure for a person
            (0.0, 0.5, 1.0, 1.0, 0.6, 1),  # reaches into the bars
            (0.0, 0.5, 0.2, 1.0, 0.9, 0),  # lies in a bar alone
        ),
        fit,
    )
    assert found.classes.tolist() == [0, 1, 3]
    np.testing.assert_allclose(found.scores, [0.9, 0.6, 0.25])
    np.testing.assert_allclose(
        found.boxes, [[0, 0, 416, 416], [416, 0, 832, 416], [0, 0, 416, 416]], atol=1e-3
    )


def test_a_threshold_for_a_class_that_is_not_there_is_said() -> None:
    with pytest.raises(BadInput, match="centerface has no class 'person'; it has face"):
        load_detector("centerface", thresholds={"person": 0.5})


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "the manifest says"),
        (lambda path: path.unlink(), "No such file"),
    ],
)
def test_a_damaged_model_is_not_loaded(tmp_path: Path, harm: object, message: str) -> None:
    manifest = copied(tmp_path)
    harm(tmp_path / "centerface.onnx")  # type: ignore[operator]
    with pytest.raises(BadInput, match=message):
        load_detector("centerface", manifest_path=manifest)


def test_a_file_that_is_no_model_is_said(tmp_path: Path) -> None:
    model = read_manifest()["centerface"]
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    with pytest.raises(BadInput, match="OpenVINO cannot load") as caught:
        Network(replace(model, path=tmp_path / "junk.onnx"), threads=1)
    assert "\n" not in str(caught.value)


def copied(folder: Path) -> Path:
    """Copy the manifest and CenterFace into a folder of their own."""
    content = yaml.safe_load(MANIFEST.read_text())
    content["models"] = {"centerface": content["models"]["centerface"] | {"file": "centerface.onnx"}}
    shutil.copy(read_manifest()["centerface"].path, folder / "centerface.onnx")
    (folder / "models.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "models.yaml"
