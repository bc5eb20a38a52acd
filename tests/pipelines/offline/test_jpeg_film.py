"""Bare films of JPEGs are read picture by picture, and what is missing is told."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from pipelines.cameras.source import SourceSpec
from pipelines.cpu.jpeg_source import _Pictures, jpeg_source
from pipelines.cpu.source import open_source
from pipelines.offline.reader import MediaKind, probe_media, read_frames
from tests.pipelines.offline.films import FRAMES, make_film, read
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["mjpeg", "mpjpeg"])
def film(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "film.mjpg"
    how = ["-frames:v", str(FRAMES), "-pix_fmt", "yuvj420p", "-f", request.param]
    make_film(path, "testsrc2=size=161x97:rate=25", *how)
    return path


def test_a_film_of_jpegs_is_read_whole(film: Path) -> None:
    """It was one picture."""
    media = probe_media(film)
    assert (media.kind, media.size, media.fps, media.frames) == (MediaKind.VIDEO, (160, 96), 25, FRAMES)
    notes: list[str] = []
    times = [at for at, _ in read_frames(film, notes.append)]
    assert times == [40_000_000 * number for number in range(FRAMES)]
    assert notes == []


def test_a_film_of_jpegs_that_was_cut_short_says_so(film: Path) -> None:
    film.write_bytes(film.read_bytes()[:-3000])
    count, (note,) = read(film)
    assert FRAMES - 3 < count <= FRAMES
    assert "cut short" in note


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("how", ["zeros", "random"])
def test_no_picture_is_missing_without_a_word(film: Path, how: str, seed: int) -> None:
    data, dice = bytearray(film.read_bytes()), random.Random(f"{how} {seed}")
    begin, length = int(len(data) * dice.uniform(0.2, 0.85)), len(data) // dice.choice((40, 20, 10))
    data[begin : begin + length] = bytes(length) if how == "zeros" else dice.randbytes(length)
    film.write_bytes(data)
    count, (note,) = read(film)
    assert 0 < count <= FRAMES
    assert "damaged" in note


def test_a_camera_plays_a_film_of_jpegs_again_and_again(film: Path) -> None:
    source = open_source(SourceSpec(camera="c", source=str(film), loop=True))
    try:
        taken = 0

        def has_played_twice() -> bool:
            nonlocal taken
            if source.wait(1.0):
                assert source.take().width == 160
                taken += 1
            return taken > FRAMES + 5

        wait_for(has_played_twice)
    finally:
        source.close()


def test_a_film_that_is_written_over_while_it_is_played_ends(film: Path) -> None:
    """Memory mapped to the file would end the process there."""
    source = jpeg_source(str(film))
    said: list[str] = []
    pictures = _Pictures(str(film))
    player = SimpleNamespace(emit=lambda name, *_: said.append(name))
    assert source.get_property("duration") == FRAMES * 40_000_000
    pictures.give(player, 0)
    film.write_bytes(b"")
    pictures.give(player, 0)
    assert said == ["push-buffer", "end-of-stream"]
