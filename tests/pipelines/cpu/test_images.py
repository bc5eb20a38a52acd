import cv2
import numpy as np
import pytest

from engines.colour import to_bgr
from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import Cause
from pipelines.cpu.images import ImageFolder, read_image
from pipelines.errors import BadInput

RED, BLUE = (0, 0, 255), (255, 0, 0)


def picture(path, colour, width=64, height=48):
    cv2.imwrite(str(path), np.full((height, width, 3), colour, np.uint8))
    return path


def colour_of(i420):
    return "blue" if to_bgr(i420)[10, 10, 0] > 128 else "red"


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "JPEG"])
def test_reads_the_usual_formats(tmp_path, suffix):
    read = read_image(picture(tmp_path / f"ein Bild.{suffix}", RED, 65, 49))
    assert (read.width, read.height, colour_of(read)) == (64, 48, "red")


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff garbage", None])
def test_bad_pictures_are_told(tmp_path, data):
    path = tmp_path / "x.jpg"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadInput, match=r"x\.jpg"):
        read_image(path)


def play(source, steps):
    """Return what the source shows in so many steps of waiting."""
    return [colour_of(source.take()) for _ in range(steps) if source.wait(1)]


@pytest.fixture
def folder(tmp_path):
    picture(tmp_path / "b.png", BLUE)
    picture(tmp_path / "a.jpg", RED)
    (tmp_path / "note.txt").write_text("no picture")
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


def test_keeps_its_rate(folder):
    source = ImageFolder(str(folder), 0.1, loop=True)
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
