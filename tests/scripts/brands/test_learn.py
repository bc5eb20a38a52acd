"""`msh brands learn`: what it reads, and the folder that it writes for a person to look at."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from engines.marks.picture import Ground, read_mark
from engines.marks.types import VECTOR
from pipelines.brands.learning import MarkGroup, Sight
from pipelines.errors import BadInput
from scripts.brands.learn import learn, recordings_in, write_review

if TYPE_CHECKING:
    from pathlib import Path


def test_recordings_are_given_or_lie_in_folders(tmp_path: Path) -> None:
    for name in ("door/b.mp4", "door/a.mkv", "door/notes.txt", "c.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = recordings_in([tmp_path / "door", tmp_path / "c.bin"])
    assert [path.name for path in found] == ["a.mkv", "b.mp4", "c.bin"]
    (tmp_path / "none").mkdir()
    for place, words in ((tmp_path / "none", "holds no recordings"), (tmp_path / "gone", "no such file")):
        with pytest.raises(BadInput, match=words):
            recordings_in([place])


def test_where_nobody_wears_anything_nothing_is_written(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (160, 120), (shade, 80, 80)) for shade in range(0, 250, 50)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=200)
    (tmp_path / "b.mp4").write_bytes(b"no film")
    lines = list(learn([tmp_path / "a.gif", tmp_path / "b.mp4"], tmp_path / "review", None, wearers=1))
    assert lines[0].endswith("a.gif: 0 marks on garments so far")
    assert lines[1].startswith(f"left out: {tmp_path}/b.mp4")
    assert lines[2].endswith("nothing was written")
    assert not (tmp_path / "review").exists()
    (tmp_path / "review").mkdir()
    with pytest.raises(BadInput, match="is there already"):
        next(learn([], tmp_path / "review", None, wearers=1))


def test_it_is_a_failure_where_every_recording_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "b.mp4").write_bytes(b"no film")
    lines = learn([tmp_path / "b.mp4"], tmp_path / "review", None, wearers=1)
    assert next(lines).startswith(f"left out: {tmp_path}/b.mp4")
    with pytest.raises(BadInput, match="none of the recordings"):
        next(lines)


def test_the_page_shows_each_mark_and_the_command_that_names_it(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (48, 40, 3), np.uint8)
    group = MarkGroup(np.zeros(VECTOR, np.float32))
    for number, name in enumerate(("<i>x.mp4", "y.mp4")):
        sight = Sight(
            f"p{number}", f"{number} {name}", 61 * 10**9, "shirt", 0.9, (0, 40.0 * number), 40, noise
        )
        group.take(sight, np.ones(VECTOR, np.float32))
    review = tmp_path / "to look at"
    write_review([group], review)
    page = (review / "index.html").read_text()
    assert "seen 2 times on 2 persons (shirt)" in page
    assert "&lt;i&gt;x.mp4 at 1:01; y.mp4 at 1:01" in page
    command = page.partition("<code>")[2].partition("</code>")[0].replace("&#x27;", "'")
    words = shlex.split(command)
    assert words[:4] == ["msh", "brands", "add", "NAME"]
    assert [read_mark(review / path).ground for path in words[4:]] == [Ground.GARMENT] * 2
