from __future__ import annotations

import logging
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest

from engines.colour import from_bgr
from engines.manifest import find_model, read_manifest
from engines.ocr.reader import WordReader, _letters, readable
from engines.ocr.regions import Region
from engines.ocr.scripts import SCRIPTS, UNREAD, script_of
from engines.openvino_runtime import Precision
from engines.paths import ROOT
from tests.engines.rendered_words import bent, cloth, halves, ink, lines, printed, stacked, touching, turned

if TYPE_CHECKING:
    from tests.engines.rendered_words import Ink


@pytest.fixture(scope="module")
def reader() -> WordReader:
    return WordReader()


@pytest.fixture(scope="module")
def patient() -> WordReader:
    """As single pictures are read."""
    return WordReader(precision=Precision.FP32)


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Return the intersection of two boxes over their union."""
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def test_the_scripts_that_are_said_to_be_read_are_those_of_the_model() -> None:
    path = find_model("text-lines", read_manifest()).path
    counts = Counter(
        script_of(letter) for letter in _letters(openvino.Core().read_model(path)) if letter.isalpha()
    )
    assert all(counts[script] >= 20 for script in SCRIPTS)
    assert all(counts[script] == 0 for script in UNREAD)


@pytest.mark.parametrize("capital", [12, 24, 40])
@pytest.mark.parametrize("degrees", [0, 20, -40, 90, 180, 270])
def test_reads_a_word_at_any_angle_and_tells_where_it_is(
    reader: WordReader, degrees: float, capital: float
) -> None:
    picture, box = printed(turned(ink("FENDI"), degrees), capital)
    (word,) = reader.read(from_bgr(picture))
    assert word.text == "FENDI"
    assert word.confidence > 0.8
    assert abs((word.angle - degrees + 180) % 360 - 180) < 12
    assert word.height == pytest.approx(capital, rel=0.4)
    assert overlap(word.box, box) > 0.6


@pytest.mark.parametrize("capital", [12, 40])
def test_a_quick_look_reads_the_same_words(reader: WordReader, capital: float) -> None:
    picture, box = printed(turned(ink("FENDI"), 20), capital, on=cloth(480, 320))
    (whole,), (quick,) = reader.read(picture), reader.read(picture, quick=True)
    assert quick.text == whole.text == "FENDI"
    assert overlap(quick.box, box) > 0.6


def test_a_quick_look_pays_for_the_full_size_only_near_what_half_of_it_shows(
    reader: WordReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, whole = np.full((240, 160, 3), 110, np.uint8), ((0, 0, 160, 240),)
    monkeypatch.setattr("engines.ocr.reader.text_areas", lambda _: whole)
    found, sizes = reader._finder.find, []
    monkeypatch.setattr(reader._finder, "find", lambda canvas: sizes.append(canvas.size) or found(canvas))
    assert reader.read(plain, quick=True) == []
    assert sizes == [], "nothing is faintly like text"
    picture, _ = printed(ink("FENDI"), 16, on=plain)
    assert [word.text for word in reader.read(picture, quick=True)] == ["FENDI"]
    quick = sum(sizes)
    assert [word.text for word in reader.read(picture, quick=True, fine=True)] == ["FENDI"]
    assert 2 * quick < sum(sizes) - quick, "a fine look sees all of it"


def test_reads_a_word_in_a_mirror_and_tells_where_it_stands(reader: WordReader) -> None:
    picture, (left, top, right, bottom) = printed(turned(ink("FENDI"), 20), 24)
    in_mirror, width = np.ascontiguousarray(picture[:, ::-1]), picture.shape[1]
    assert "FENDI" not in [word.text for word in reader.read(in_mirror)]
    (word,) = reader.read_mirrored(from_bgr(in_mirror))
    assert word.text == "FENDI"
    assert overlap(word.box, (width - right, top, width - left, bottom)) > 0.6
    assert abs((word.angle - 160 + 180) % 360 - 180) < 12


@pytest.mark.parametrize(
    ("word", "texts"),
    [
        (stacked("PRADA"), ["PRADA"]),
        (bent(ink("BURBERRY")), ["BURBERRY"]),
        (lines("CALVIN", "KLEIN"), ["CALVIN", "KLEIN"]),
        (turned(lines("CALVIN", "KLEIN"), 180), ["CALVIN", "KLEIN"]),
        (halves("BUR", "BERRY"), ["BUR", "BERRY"]),
    ],
)
def test_reads_what_is_no_straight_line(reader: WordReader, word: Ink, texts: list[str]) -> None:
    found = reader.read(printed(word, 18)[0])
    assert " ".join(w.text for w in found).split() == texts
    assert {w.block for w in found} == {0}


def test_large_crops_keep_their_coordinates(reader: WordReader) -> None:
    picture, box = printed(ink("BURBERRY"), 70, on=cloth(1400, 640))
    (found,) = reader.read(picture)
    assert found.text == "BURBERRY"
    assert overlap(found.box, box) > 0.6


@pytest.mark.parametrize(
    ("size", "scales"), [((1400, 640), 3), ((400, 160), 2), ((8, 200), 1), ((64, 64), 1)]
)
def test_a_picture_that_nobody_waits_for_is_read_at_every_scale_that_differs(
    patient: WordReader, size: tuple[int, int], scales: int
) -> None:
    large = min(size) > 100
    picture = printed(ink("BURBERRY"), 14, on=cloth(*size))[0] if large else np.full((*size, 3), 90, np.uint8)
    found = patient.read_scales(picture)
    assert len(found) == scales
    assert any("BURBERRY" in [word.text for word in words] for words in found) == large


@pytest.mark.parametrize(
    ("text", "capital"), [("NIKE", 120), ("NIKE", 220), ("VANS", 220), ("PUMA", 180), ("GUCCI", 150)]
)
def test_letters_as_large_as_a_photograph_shows_them_on_a_chest_are_read(
    patient: WordReader, text: str, capital: float
) -> None:
    """Of 100 px and more they were no strokes to what says where text may be, at any scale."""
    picture, box = printed(ink(text), capital, on=cloth(1200, 960))
    words = [word for words in patient.read_scales(picture) for word in words if word.text == text]
    assert words
    assert overlap(words[0].box, box) > 0.6


def test_large_letters_of_a_film_are_read_only_where_they_are(
    reader: WordReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, box = printed(ink("VANS"), 160, on=cloth(1200, 960))
    assert reader.read(picture, fine=True) == []
    (word,) = reader.read_large(from_bgr(picture))
    assert (word.text, overlap(word.box, box) > 0.6) == ("VANS", True)
    monkeypatch.setattr(reader, "_read", None)
    assert reader.read_large(cloth(1200, 960)) == []
    assert reader.read_large(printed(ink("FENDI"), 24)[0]) == []


@pytest.mark.parametrize(("text", "capital"), [("VANS", 150), ("GUCCI", 130)])
def test_large_letters_in_a_mirror_are_read(patient: WordReader, text: str, capital: float) -> None:
    picture, _ = printed(ink(text), capital, on=cloth(1200, 960))
    in_mirror = np.ascontiguousarray(picture[:, ::-1])
    assert text in [word.text for word in patient.read_mirrored(from_bgr(in_mirror))]


def test_working_memory_is_given_back_after_each_picture(
    reader: WordReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[bool] = []
    monkeypatch.setattr(
        "engines.ocr.regions.release_working_memory", lambda _, **how: at_once.append(how["at_once"])
    )
    reader._finder.find(np.full((128, 192, 3), 255, np.uint8))
    reader._finder.find(np.full((768, 544, 3), 255, np.uint8))
    assert at_once == [False, True]


# Bytes that the C library has given out, after canvases of 15 sizes and after those of 30 others.
CANVASES = """
import ctypes, itertools
import numpy as np
from engines.ocr.reader import WordReader
from engines.ocr.windows import SIDES
names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
Info = type("Info", (ctypes.Structure,), {"_fields_": [(name, ctypes.c_size_t) for name in names]})
mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Info
def in_use():
    info = mallinfo()
    return info.uordblks + info.hblkhd
finder = WordReader()._finder
def find(sizes):
    before = in_use()
    for size in sizes:
        finder.find(np.full((*size, 3), 255, np.uint8))
    return in_use() - before
sizes = sorted(itertools.product(SIDES, SIDES), key=lambda size: (size[0] * 7 + size[1] * 5) % 64)
sizes = [size for size in sizes if size[0] * size[1] <= 768 * 512]
find([(768, 512), (512, 768)])
print(find(sizes[:15]), find(sizes[15:]))
"""


def test_memory_does_not_grow_with_each_size_of_canvas() -> None:
    command = [sys.executable, "-c", CANVASES]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=600)
    first, others = map(int, done.stdout.split())
    assert others < first


def test_words_are_read_closer_to_their_letters(patient: WordReader, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, box = printed(ink("BURBERRY"), 70, on=cloth(1400, 640))
    read, strips = patient._lines.read, []
    monkeypatch.setattr(patient._lines, "read", lambda strip: (strips.append(strip.shape[0]), read(strip))[1])
    patient.read(picture)
    (word,) = patient.read_close(picture)
    assert (word.text, overlap(word.box, box) > 0.6) == ("BURBERRY", True)
    assert strips[-1] < 0.75 * strips[0]


@pytest.mark.parametrize("degrees", [0, 15])
@pytest.mark.parametrize("words", [("RALPH", "LAUREN"), ("SAINT", "LAURENT")])
def test_two_lines_that_touch_are_read_each(
    patient: WordReader, words: tuple[str, str], degrees: float
) -> None:
    picture, _ = printed(turned(touching(*words), degrees), 40, on=cloth(640, 640))
    assert [word.text for word in patient.read_close(picture)] == list(words)
    assert all(len(read) == 1 for read in patient.read_scales(picture))


@pytest.mark.parametrize("word", ["NIKE", "VANS", "FENDI"])
def test_one_line_is_not_read_as_two(patient: WordReader, word: str) -> None:
    picture, _ = printed(turned(bent(ink(word)), 10), 70, on=cloth(640, 640))
    assert [found.text for found in patient.read_close(picture)] == [word]


@pytest.mark.parametrize("size", [(8, 200), (200, 8), (64, 64), (400, 160)])
def test_nothing_to_read(reader: WordReader, size: tuple[int, int]) -> None:
    assert reader.read(np.full((*size, 3), 90, np.uint8)) == []


def test_keeps_quiet(reader: WordReader, capfd: pytest.CaptureFixture[str]) -> None:
    reader.read(np.full((200, 200, 3), 90, np.uint8))
    assert capfd.readouterr() == ("", "")
    assert not logging.getLogger("RapidOCR").handlers


def test_few_regions_are_read_words_before_blots() -> None:
    blots = [Region(50, 50, 40, 36, 0, 0.9)] * 9
    words = [Region(50, 50, 40, 10 + n, 0, 0.7) for n in range(3)]
    chosen = readable([*blots, *words, Region(9, 9, 8, 3, 0, 0.9), Region(9, 9, 400, 5, 0, 0.9)])
    assert chosen[:3] == words[::-1]
    assert chosen[3:] == blots[:2]


@pytest.mark.parametrize(("angle", "upper"), [(0, (100, 90)), (90, (110, 100)), (-90, (90, 100))])
def test_a_region_is_split_across_as_it_lies(angle: float, upper: tuple[float, float]) -> None:
    first, second = Region(100, 100, 120, 40, angle, 0.9).halves()
    assert (first.x, first.y) == pytest.approx(upper)
    assert (second.x, second.y) == pytest.approx((200 - upper[0], 200 - upper[1]))
    assert (first.length, first.thickness) == (second.length, second.thickness) == (120, 20)
