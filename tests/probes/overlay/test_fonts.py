"""Names in any script: drawn with a font that has them, left out where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageDraw

from probes.overlay import fonts
from probes.overlay.label import LabelFont, render
from probes.overlay.text import LabelRow, LabelText, Tone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def box(size: int) -> object:
    pen = TTGlyphPen(None)
    for at, point in enumerate([(0, 0), (0, size), (size, size), (size, 0)]):
        (pen.lineTo if at else pen.moveTo)(point)
    pen.closePath()
    return pen.glyph()


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine whose only font has two letters: 李 and 宁."""
    names = [".notdef", "uni674E", "uni5B81"]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({0x674E: names[1], 0x5B81: names[2]})
    builder.setupGlyf({name: box(300 + 200 * number) for number, name in enumerate(names)})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupOS2()
    builder.setupPost()
    builder.setupNameTable({"familyName": "Two", "styleName": "Regular"})
    builder.save(str(tmp_path / "Two-Regular.ttf"))
    (tmp_path / "Broken-Regular.ttf").write_bytes(b"no font")
    monkeypatch.setattr(fonts, "SYSTEM", (tmp_path,))
    for cached in (fonts._font_of, fonts._system_fonts, fonts._opened, fonts._sized):
        cached.cache_clear()
    yield tmp_path
    for cached in (fonts._font_of, fonts._system_fonts, fonts._opened, fonts._sized):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("handbag (Gucci)", ["handbag (Gucci)"]),
        ("handbag (Žofie Ёлка Ζεύς)", ["handbag (Žofie Ёлка Ζεύς)"]),
        ("handbag (李宁)", ["handbag (", "李宁", ")"]),
        ("李 宁 Sport", ["李 宁 ", "Sport"]),
        ("handbag (กุชชี่)", ["handbag"]),
        ("กุชชี่", []),
    ],
)
def test_a_text_is_parted_by_fonts_and_what_none_has_is_left_out(
    system: Path, text: str, parts: list[str]
) -> None:
    assert [part for part, _ in fonts.runs(text, "Medium", 20)] == parts


def test_each_part_is_drawn_with_a_font_that_has_it(system: Path) -> None:
    shown = {part: font.path for part, font in fonts.runs("bag (李宁)", "Medium", 20)}
    assert shown["李宁"] == str(system / "Two-Regular.ttf")
    assert "Inter" in str(shown["bag ("])
    font = LabelFont("Medium", 20)
    assert font.width("bag (李宁)") == pytest.approx(font.width("bag ()") + 40, abs=1)
    image = Image.new("L", (200, 40))
    font.draw(ImageDraw.Draw(image), (0, 20), "李", 255)
    assert image.getbbox() is not None


def test_what_no_font_has_is_named(system: Path) -> None:
    assert fonts.unknown(["Gucci", "李宁", "กี่", "می\u200cخ"]) == {"ก", "م", "ی", "خ"}


@pytest.mark.parametrize("name", ["李宁", "กุชชี่", "غوتشي", "구찌", "גוצי", "\U0001f45c"])
def test_every_name_makes_a_label(system: Path, name: str) -> None:
    label = render(LabelText("€5", (LabelRow(f"handbag ({name})", "€5"),), Tone.TOP), 20)
    assert label.size[0] > 100
