"""Films in IVF, the bare form of VP8, VP9 and AV1: no picture is missing without a word."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from pipelines.offline.frame_count import count_frames, is_torn
from tests.pipelines.offline.films import FRAMES, make_film, read

if TYPE_CHECKING:
    from pathlib import Path

ALIKE = ("-deadline", "good", "-cpu-used", "5")
"""In real time these encoders would do less on a busy machine, and the damage lie elsewhere."""
HOW = {
    "vp8.ivf": ["-c:v", "libvpx", *ALIKE, "-b:v", "1M"],
    "vp9.ivf": ["-c:v", "libvpx-vp9", *ALIKE, "-b:v", "1M"],
    "av1.ivf": ["-c:v", "libaom-av1", "-cpu-used", "8", "-b:v", "1M"],
}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ivf")
    for name, how in HOW.items():
        _make(folder / name, how)
    return folder


def _make(path: Path, how: list[str]) -> None:
    # Not by -frames: FFmpeg 6.1 does not complete the first of two passes then.
    source = f"testsrc2=size=160x96:rate=25:duration={FRAMES / 25}"
    make_film(path, source, *how)


def _packets(data: bytes) -> list[int]:
    """Return where each picture of an IVF begins, and where the last one ends."""
    places = [32]
    while places[-1] < len(data):
        places.append(places[-1] + 12 + int.from_bytes(data[places[-1] :][:4], "little"))
    return places


@pytest.mark.parametrize("name", HOW)
def test_a_whole_film_is_read_without_a_word(films: Path, name: str) -> None:
    assert read(films / name) == (FRAMES, [])
    assert count_frames(films / name) == FRAMES


@pytest.mark.parametrize("kept", [0.3, 0.8, "at a picture"])
@pytest.mark.parametrize("name", HOW)
def test_a_film_that_was_cut_off_says_so(films: Path, tmp_path: Path, name: str, kept: float | str) -> None:
    data = (films / name).read_bytes()
    end = _packets(data)[FRAMES // 2] if isinstance(kept, str) else int(len(data) * kept)
    path = tmp_path / name
    path.write_bytes(data[:end])
    count, (note,) = read(path)
    assert 0 < count < FRAMES
    assert "damaged" in note


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", HOW)
def test_a_film_of_which_a_length_makes_no_sense_says_so(
    films: Path, tmp_path: Path, name: str, seed: int
) -> None:
    data, dice = bytearray((films / name).read_bytes()), random.Random(seed)
    at = dice.choice(_packets(bytes(data))[5:-1])
    data[at : at + 4] = dice.choice((b"\0\0\0\x7f", dice.randbytes(3) + b"\x01"))
    path = tmp_path / name
    path.write_bytes(data)
    assert is_torn(path)
    count, notes = read(path)
    assert count < FRAMES
    assert "damaged" in notes[0]


def test_pictures_that_are_only_referred_to_are_not_missing(tmp_path: Path) -> None:
    path = tmp_path / "two.ivf"
    how = ["-c:v", "libvpx", *ALIKE, "-auto-alt-ref", "1", "-lag-in-frames", "16", "-b:v", "100k"]
    _make(tmp_path / "first.ivf", [*how, "-pass", "1"])
    _make(path, [*how, "-pass", "2"])
    assert len(_packets(path.read_bytes())) - 1 > FRAMES
    assert count_frames(path) == FRAMES
    assert read(path) == (FRAMES, [])
