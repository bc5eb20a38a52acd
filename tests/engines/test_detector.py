"""Detectors: who is found where, late answers, thresholds, damaged models."""

from __future__ import annotations

import gc
import shutil
import threading
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

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
    Network,
    Precision,
)
from engines.patches import SHAPES
from engines.scene_detector import load_scene_detector

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


def test_a_camera_of_another_shape_takes_no_memory_for_the_size_of_the_manifest() -> None:
    scenes = load_scene_detector("nanodet-416", "centerface", threads=1, patience_s=FILE_PATIENCE_S)
    for picture in (on_canvas((1280, 720), (0, 0)), on_canvas((1280, 720), (400, 200))):
        scenes.detect(picture)
    assert [detector._network._fixed for detector in scenes.detectors] == [None, None]


def test_sheets_of_persons_need_no_network_of_their_own_and_those_of_faces_do() -> None:
    """Persons work in a third of the memory of faces: a network for the sheet would hold more."""
    scenes = load_scene_detector("nanodet-416", "centerface", threads=1)
    for detector, of_its_own in zip(scenes.detectors, (False, True), strict=True):
        slot = detector._network.take(SHAPES[-2])
        assert (slot.large is not None) == of_its_own
        detector._network.give_back([slot])


def test_a_detector_waits_as_long_as_it_was_told_to() -> None:
    model = read_manifest()["centerface"]
    hasty = Detector(model, Network(model, threads=1), patience_s=0)
    picture = on_canvas((512, 512), (0, 0))
    with pytest.raises(InferenceFailed, match="centerface: no answer within 0 s"):
        hasty.detect([picture])
    assert len(hasty.start([picture]).result(120)[0]) == 1


def test_a_picture_without_room_fails_and_holds_nothing_up() -> None:
    model = read_manifest()["centerface"]
    small = Detector(model, Network(model, threads=1, max_slots=1))
    with pytest.raises(InferenceFailed, match="centerface: cannot fit"):
        small.detect([I420.black(1, 40)])
    gc.collect()
    assert len(small.detect([on_canvas((512, 512), (0, 0))])[0]) == 1


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
@pytest.mark.parametrize("name", ["centerface.onnx", "centerface-int8.xml", "centerface-int8.bin"])
def test_a_damaged_model_is_not_loaded(tmp_path: Path, name: str, harm: object, message: str) -> None:
    manifest = copied(tmp_path)
    harm(tmp_path / name)  # type: ignore[operator]
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
    entry = content["models"]["centerface"]
    for part in (entry, entry["int8"]):
        part["file"] = part["file"].rpartition("/")[2]
    content["models"] = {"centerface": entry}
    for file in read_manifest()["centerface"].path.parent.glob("centerface*.*"):
        shutil.copy(file, folder)
    (folder / "models.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "models.yaml"
