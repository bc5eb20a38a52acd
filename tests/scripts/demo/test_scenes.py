import itertools

import cv2
import numpy as np
import pytest

from engines.colour import from_bgr
from engines.detector import load_detector
from engines.ocr.reader import WordReader
from scripts.demo import counter, entrance, marks, scenes
from scripts.demo.encode import EncodingFailed, read_access_units, write_mp4
from scripts.demo.footage import ASSETS, Footage
from scripts.demo.truth import Visit, prices, total
from tests.scripts.demo import films as demo_films

FALLBACK = Footage(ASSETS / "astronaut.jpg", None)


def film(path, numbers):
    video = cv2.VideoCapture(str(path))
    for number in range(max(numbers) + 1):
        good, picture = video.read()
        assert good
        if number in numbers:
            yield number, picture
    assert number == max(numbers)


@pytest.fixture(scope="module")
def clips():
    return demo_films.clips()


@pytest.fixture(scope="module")
def reader():
    return WordReader(threads=2)


def test_the_same_recipe_makes_the_same_pictures():
    recipe = counter.CounterRecipe(scenes.BURBERRY, "burberry")
    first, second = (
        [f.copy() for f in itertools.islice(counter.frames(FALLBACK.portrait, recipe), 20, 24)]
        for _ in range(2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], first[1]), "a live camera's picture never stands quite still"


@pytest.mark.parametrize("camera", ["counter", "entrance"])
def test_marks_are_readable_after_encoding(clips, reader, camera):
    clip = clips[camera]
    numbers = sorted(clip.truth.prints)[:: max(1, len(clip.truth.prints) // 6)]
    assert len(numbers) >= 6
    for number, picture in film(clip.path, numbers):
        text, box = clip.truth.prints[number]
        left, top = max(0, int(box.x - box.w)), max(0, int(box.y - box.w))
        near = picture[top : int(box.y + 2 * box.w), left : int(box.x + 2 * box.w)]
        assert text in [word.text.upper() for word in reader.read(np.ascontiguousarray(near))], number


def test_every_known_face_is_where_the_face_detector_finds_it(clips):
    clip = clips["counter"]
    detector = load_detector("centerface", threads=2)
    numbers = sorted(clip.truth.faces)[::20]
    assert len(numbers) >= 8
    for number, picture in film(clip.path, numbers):
        face = clip.truth.faces[number]
        boxes = detector.detect([from_bgr(picture)])[0].boxes
        inside = [
            x1 <= face.x and y1 <= face.y and x2 >= face.x + face.w and y2 >= face.y + face.h
            for x1, y1, x2, y2 in boxes
        ]
        assert any(inside), number


def test_people_are_found_while_a_visit_lasts_and_nobody_at_the_seam(clips):
    detector = load_detector("nanodet-416", threads=2)
    for clip in clips.values():
        marked = sorted(clip.truth.prints)[::12]
        seam = (0, clip.truth.frames - 1)
        for number, picture in film(clip.path, (*seam, *marked)):
            found = detector.detect([from_bgr(picture)])[0]
            assert (0 in found.classes) == (number in marked), (clip.path.name, number)


@pytest.mark.parametrize("camera", ["counter", "entrance"])
def test_truth_is_whole(clips, camera):
    truth = clips[camera].truth
    assert truth.visits
    assert all(0 < visit.first < visit.last < truth.frames - 10 for visit in truth.visits)
    for number, (_text, box) in truth.prints.items():
        assert any(visit.first <= number <= visit.last for visit in truth.visits)
        assert box.inside(truth.size)
    assert len(read_access_units(clips[camera].path)) == truth.frames
    assert all(total(visit, prices()) > 0 for visit in truth.visits)


def test_totals_come_from_the_demo_price_list():
    assert total(Visit(0, 1, (("top", "burberry"), ("bag", "gucci"))), prices()) == 129000 + 197500


def test_without_the_film_there_are_still_two_cameras_with_different_customers():
    made = scenes.scenes(FALLBACK)
    assert [scene.camera for scene in made] == ["counter", "entrance"]
    assert made[0].truth.visits[0].wears != made[1].truth.visits[0].wears
    assert made[1].truth.faces


def test_a_clip_is_made_again_when_its_source_changes(tmp_path):
    before = scenes.key(scenes.scenes(FALLBACK)[0])
    other = tmp_path / "astronaut.jpg"
    other.write_bytes(FALLBACK.portrait.read_bytes() + b"\0")
    assert scenes.key(scenes.scenes(Footage(other, None))[0]) != before
    assert scenes.key(scenes.scenes(FALLBACK)[0]) == before


def test_a_mark_is_printed_where_it_is_asked_for_and_only_there():
    cloth = np.full((200, 400, 3), 30, np.uint8)
    marks.stamp(cloth, marks.Print("PRADA", (255, 255, 255)), (200.0, 100.0), 120.0)
    bright = np.argwhere(cloth[..., 0] > 120)
    assert np.allclose(bright.mean(0), (100, 200), atol=6)
    assert np.ptp(bright[:, 1]) == pytest.approx(120, abs=6)
    before = cloth.copy()
    marks.stamp(cloth, marks.Print("PRADA", (255, 255, 255)), (-500.0, 100.0), 120.0)
    marks.stamp(cloth, marks.Print("PRADA", (255, 255, 255)), (200.0, 50.0), 120.0, opacity=0.0)
    assert np.array_equal(cloth, before)


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_a_broken_film_or_clip_is_one_clear_error(tmp_path, content):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(EncodingFailed, match="broken"):
        read_access_units(path)
    with pytest.raises(ValueError, match="remove it and start again"):
        next(entrance.frames(path, entrance.EntranceRecipe(scenes.PRADA, "prada")))
    with pytest.raises(ValueError, match="remove the file"):
        next(counter.frames(path, counter.CounterRecipe(scenes.PRADA, "prada")))


def test_a_clip_that_cannot_be_written_is_one_clear_error(tmp_path):
    frames = [np.zeros((64, 64, 3), np.uint8)] * 3
    with pytest.raises(EncodingFailed, match="nowhere"):
        write_mp4(frames, (64, 64), 10, tmp_path / "nowhere" / "clip.mp4")
