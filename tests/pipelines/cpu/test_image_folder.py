"""A folder of pictures as a camera: its order, its rate, its end, and what changes in it meanwhile."""

import cv2
import numpy as np
import pytest
from PIL import Image

from engines.colour import to_bgr
from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import Cause
from pipelines.cpu import images
from pipelines.cpu.image_folder import ImageFolder

RED, BLUE = (0, 0, 255), (255, 0, 0)


def picture(path, colour):
    cv2.imwrite(str(path), np.full((48, 64, 3), colour, np.uint8))
    return path


def colour_of(i420):
    return "blue" if to_bgr(i420)[10, 10, 0] > 128 else "red"


def play(source, steps):
    """Return what the source shows in so many steps of waiting."""
    return [colour_of(source.take()) for _ in range(steps) if source.wait(120)]


@pytest.fixture
def folder(tmp_path):
    picture(tmp_path / "b.png", BLUE)
    picture(tmp_path / "a.jpg", RED).rename(tmp_path / "a")
    (tmp_path / "note.txt").write_text("no picture")
    (tmp_path / "._a.jpg").write_bytes(b"what a Mac leaves on a stick")
    return tmp_path


def test_plays_in_order_of_names_and_ends(folder):
    source = ImageFolder(str(folder), 1000, loop=False)
    assert play(source, 2) == ["red", "blue"]
    with pytest.raises(SourceLost) as lost:
        source.wait(0.1)
    assert lost.value.cause is Cause.ENDED


def test_loops_past_unreadable_ones(folder):
    (folder / "aa.jpg").write_bytes(b"garbage")
    assert play(ImageFolder(str(folder), 1000, loop=True), 6) == ["red", "blue", "red", "blue"]


def test_a_loop_takes_up_what_came_into_the_folder_and_what_went(folder):
    source = ImageFolder(str(folder), 1000, loop=True)
    assert play(source, 2) == ["red", "blue"]
    picture(folder / "c.png", BLUE)
    (folder / "a").unlink()
    assert play(source, 4) == ["blue"] * 4


def test_a_loop_takes_up_a_picture_that_was_bad_and_is_replaced(folder, caplog):
    (folder / "a").write_bytes(b"garbage")
    (folder / "a").rename(folder / "a.jpg")
    source = ImageFolder(str(folder), 1000, loop=True)
    assert play(source, 4) == ["blue", "blue"]
    assert caplog.text.count("a.jpg") == 1
    picture(folder / "a.jpg", RED)
    assert play(source, 2) == ["red", "blue"]


def test_a_loop_whose_folder_is_emptied_is_typed(folder):
    source = ImageFolder(str(folder), 1000, loop=True)
    assert play(source, 2) == ["red", "blue"]
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(SourceLost) as lost:
        source.wait(0.1)
    assert lost.value.cause is Cause.FILE


def test_of_a_moving_picture_the_first_frame_is_shown_and_that_is_told_once(tmp_path, caplog):
    pictures = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue")]
    for name, form in (("a.gif", "GIF"), ("b.png", "PNG"), ("c.webp", "WEBP")):
        pictures[0].save(tmp_path / name, form, save_all=True, append_images=pictures[1:])
    assert play(ImageFolder(str(tmp_path), 1000, loop=True), 6) == ["red"] * 6
    assert caplog.text.count(images.MOVING) == 3


def test_what_was_told_of_pictures_that_are_gone_is_not_kept(tmp_path):
    """An FTP server's folder has new names each day."""
    pictures = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue")]
    source, told = None, []
    for number in range(4):
        name = tmp_path / f"{number}.gif"
        pictures[0].save(name, "GIF", save_all=True, append_images=pictures[1:])
        source = source or ImageFolder(str(tmp_path), 1000, loop=True)
        assert play(source, 1) == ["red"]
        told.append({path.name for path, _ in source._logged})
        name.unlink()
    assert told == [{f"{number}.gif"} for number in range(4)]


def test_keeps_its_rate(folder):
    source = ImageFolder(str(folder), 0.001, loop=True)
    assert [source.wait(0.001) for _ in range(5)] == [True, False, False, False, False]


@pytest.mark.parametrize("loop", [True, False])
def test_only_garbage_is_typed(tmp_path, loop):
    (tmp_path / "a.jpg").write_bytes(b"garbage")
    source = ImageFolder(str(tmp_path), 1000, loop=loop)
    source.wait(0.1)
    with pytest.raises(SourceLost) as lost:
        source.wait(0.1)
    assert lost.value.cause is Cause.DECODE


@pytest.mark.parametrize("name", [".", "gone"])
def test_an_empty_or_missing_folder_is_typed(tmp_path, name):
    with pytest.raises(SourceLost) as lost:
        ImageFolder(str(tmp_path / name), 1, loop=False)
    assert lost.value.cause is Cause.FILE
