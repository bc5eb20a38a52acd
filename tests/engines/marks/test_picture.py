from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from engines.errors import BadInput
from engines.marks.picture import MAX_BYTES, Ground, MarkPicture, exchanged, is_picture, read_mark

if TYPE_CHECKING:
    from pathlib import Path

RED, WHITE = (200, 20, 30), (255, 255, 255)
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 100 50">'
    "{}</svg>"
)
SHAPE = '<path fill="#c8141e" d="M10 10h60v10h-20v20h-40z"/>'


def drawn(mode: str = "RGB", ground: object = WHITE, ink: object = RED) -> Image.Image:
    """A mark like an L on its side, 60x40 of 100x50."""
    picture = Image.new(mode, (100, 50), ground)  # type: ignore[arg-type]  # a colour of that mode
    ImageDraw.Draw(picture).polygon([(10, 5), (69, 5), (69, 15), (40, 15), (40, 44), (10, 44)], fill=ink)  # type: ignore[arg-type]  # the same
    return picture


def saved(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)  # type: ignore[arg-type]  # options of the format
    return path


def colour(mark: MarkPicture) -> tuple[int, ...]:
    """The colour near the mark's upper left corner."""
    height, width = mark.pixels.shape[:2]
    return tuple(int(c) for c in mark.pixels[height // 8, width // 8])


def test_a_jpeg_that_lacks_only_its_end_marker_is_read(tmp_path: Path) -> None:
    whole = saved(tmp_path / "whole.jpg", drawn()).read_bytes()
    (tmp_path / "open.jpg").write_bytes(whole.removesuffix(b"\xff\xd9"))
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 9 // 10])
    found = [read_mark(tmp_path / name).pixels for name in ("whole.jpg", "open.jpg")]
    assert np.array_equal(*found)
    with pytest.raises(BadInput, match="broken or cut off"):
        read_mark(tmp_path / "cut.jpg")


def test_an_svg_is_drawn_large_and_trimmed_to_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "mark.svg"
    path.write_text(SVG.format(SHAPE))
    mark = read_mark(path)
    height, width = mark.pixels.shape[:2]
    assert mark.ground is Ground.NONE
    assert width > 300
    assert width / height == pytest.approx(2, rel=0.02)
    assert colour(mark) == (*RED, 255)
    assert tuple(mark.on(WHITE)[-2, -2]) == WHITE
    assert tuple(mark.on((1, 2, 3))[-2, -2]) == (3, 2, 1)


@pytest.mark.parametrize(
    ("name", "picture", "options"),
    [
        ("rgb.png", drawn(), {}),
        ("palette.png", drawn().convert("P", palette=Image.Palette.ADAPTIVE), {}),
        ("photo.jpg", drawn(), {"quality": 80}),
        ("cmyk.jpeg", drawn().convert("CMYK"), {"quality": 95}),
        ("progressive.jpg", drawn(), {"progressive": True}),
        ("web.webp", drawn(), {"lossless": True}),
    ],
)
def test_on_an_even_ground_the_mark_is_what_differs(
    tmp_path: Path, name: str, picture: Image.Image, options: dict[str, object]
) -> None:
    mark = read_mark(saved(tmp_path / name, picture, **options))
    assert mark.ground is Ground.EVEN
    assert mark.pixels.shape[:2] == pytest.approx((40, 60), abs=2)
    assert np.abs(np.subtract(colour(mark)[:3], RED)).max() < 25


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("alpha.png", drawn("RGBA", (0, 0, 0, 0), (*RED, 255))),
        ("grey.png", drawn("LA", (0, 0), (90, 255))),
        ("alpha.webp", drawn("RGBA", (0, 0, 0, 0), (*RED, 255))),
    ],
)
def test_with_transparency_the_mark_is_what_is_opaque(
    tmp_path: Path, name: str, picture: Image.Image
) -> None:
    mark = read_mark(saved(tmp_path / name, picture))
    assert mark.ground is Ground.NONE
    assert mark.pixels.shape == (40, 60, 4)


def test_a_transparent_colour_of_a_palette_counts_as_transparent(tmp_path: Path) -> None:
    picture = drawn("P", 0, 1)
    picture.putpalette([9, 9, 9, *RED])
    assert read_mark(saved(tmp_path / "p.png", picture, transparency=0)).ground is Ground.NONE


def test_sixteen_bits_keep_their_shades(tmp_path: Path) -> None:
    values = np.full((50, 100), 65_535, np.uint16)
    values[5:45, 10:70] = 0x4000
    mark = read_mark(saved(tmp_path / "deep.png", Image.fromarray(values)))
    assert colour(mark)[0] == pytest.approx(0x40, abs=1)
    assert mark.pixels.shape[:2] == (40, 60)


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    mark = read_mark(saved(tmp_path / "turned.jpg", drawn(), exif=exif, quality=95))
    assert mark.pixels.shape[:2] == pytest.approx((60, 40), abs=2)


def test_a_picture_with_an_uneven_border_is_taken_whole(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (60, 90, 3), np.uint8)
    mark = read_mark(saved(tmp_path / "crop.png", Image.fromarray(noise)))
    assert mark.ground is Ground.GARMENT
    assert mark.pixels.shape == (60, 90, 4)


def test_a_mark_on_a_drawn_card_is_found_on_the_card(tmp_path: Path) -> None:
    card = Image.new("RGBA", (140, 90), (0, 0, 0, 0))
    card.paste(drawn().convert("RGBA"), (20, 20))
    mark = read_mark(saved(tmp_path / "card.png", card))
    assert mark.ground is Ground.EVEN
    assert mark.pixels.shape[:2] == (40, 60)


def test_a_large_photograph_comes_out_small(tmp_path: Path) -> None:
    mark = read_mark(saved(tmp_path / "large.jpg", drawn().resize((4000, 2000))))
    assert max(mark.pixels.shape) <= 640


def of_size(width: int, height: int) -> bytes:
    """A JPEG whose header says a size that its data does not have."""
    buffer = io.BytesIO()
    drawn().save(buffer, "JPEG")
    data = buffer.getvalue()
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[at + 4 :]


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    data = bytearray(png(drawn()))
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


LOL = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 9))
ENTITIES = f'<!DOCTYPE svg [<!ENTITY l0 "lol">{LOL}]>' + SVG.format("<desc>&l8;</desc>" + SHAPE)
EXTERNAL = '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + SVG.format("<desc>&x;</desc>")
USES = "".join(
    f'<g id="u{i}">{f"""<use xlink:href="#u{i - 1}"/>""" * 10}</g>' for i in range(1, 10)
)  # 10^9 shapes
FILTER = (
    '<filter id="f" x="-100%" y="-100%" width="300%" height="300%"><feGaussianBlur stdDeviation="30"/>'
    '<feTurbulence numOctaves="500"/><feMorphology operator="dilate" radius="400"/></filter>'
    f"""{'<g filter="url(#f)">' * 60}{SHAPE}{"</g>" * 60}"""
)
BAD = [
    ("empty.png", b"", "is empty"),
    ("text.png", b"a text file\n", "named .png but holds no PNG"),
    ("mark.gif", b"GIF89a", "broken or cut off"),
    ("mark.doc", b"a text file", "give SVG, PNG, JPEG, WebP, GIF, TIFF or BMP"),
    ("mark.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC picture"),
    ("cut.png", png(drawn())[:200], "broken or cut off"),
    ("cut.jpg", of_size(100, 50)[:500], "broken or cut off"),
    ("head.png", b"\x89PNG\r\n\x1a\n", "broken or cut off"),
    ("riff.webp", b"RIFF0000WAVE", "broken or cut off"),
    ("vast.jpg", of_size(10_000, 10_000), "100 megapixels"),
    ("vast.png", png_of_size(60_000, 60_000), "3600 megapixels"),
    ("long.jpg", b"\xff\xd8\xff" + b"\0" * MAX_BYTES, "larger than 20 MB"),
    ("one.png", png(Image.new("RGB", (90, 90), RED)), "shows no mark"),
    ("clear.png", png(Image.new("RGBA", (90, 90), (0, 0, 0, 0))), "shows no mark"),
    ("plain.png", png(Image.effect_noise((90, 90), 2)), "shows no mark"),
    ("dot.png", png(drawn().resize((20, 10))), "give a larger picture"),
    ("empty.svg", SVG.format("").encode(), "shows no mark"),
    ("text.svg", b"a text file\n", "is no SVG drawing: line 1 is not XML"),
    ("bytes.svg", bytes(range(128, 250)), "neither a picture nor UTF-8 text"),
    ("page.svg", b"<html><svg/></html>", "first element is not <svg>"),
    ("cut.svg", SVG.format(SHAPE)[:-9].encode(), "is not XML"),
    ("entities.svg", ENTITIES.encode(), "declares entities"),
    ("external.svg", EXTERNAL.encode(), "declares entities"),
    ("file.svg", SVG.format('<image href="/etc/hostname"/>').encode(), "another picture"),
    ("data.svg", SVG.format('<image href="data:image/png;base64,AA"/>').encode(), "another picture"),
    ("use.svg", SVG.format('<use xlink:href="http://10.0.0.1/a.svg#b"/>').encode(), "outside the drawing"),
    ("letters.svg", SVG.format("<text>NIKE</text>").encode(), "needs a font"),
    ("parts.svg", SVG.format(SHAPE * 6000).encode(), "more than 5000 parts"),
    ("deep.svg", SVG.format("<g>" * 999 + SHAPE + "</g>" * 999).encode(), "64 deep"),
    ("large.svg", SVG.format(f"<!--{'x' * 10**6}-->").encode(), "larger than 1000 kB"),
    ("uses.svg", SVG.format(f'<g id="u0">{SHAPE}</g>{USES}').encode(), "cannot be drawn"),
    ("filter.svg", SVG.format(FILTER).encode(), "too much time or memory"),
    ("thin.svg", SVG.replace("100 50", "1 100000").format(SHAPE).encode(), "shows"),
]


@pytest.mark.parametrize(("name", "data", "words"), BAD, ids=[name for name, *_ in BAD])
def test_what_is_no_picture_of_a_mark_is_told_in_one_line(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BadInput) as caught:
        read_mark(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert words in line
    assert "\n" not in line


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.png: cannot be read: No such file"):
        read_mark(tmp_path / "gone.png")


@pytest.mark.parametrize(
    ("name", "picture", "options"),
    [
        ("drawing.png", drawn("RGBA", (0, 0, 0, 0)), {}),
        ("letterhead.jpg", drawn(), {"quality": 80}),
        ("shop-bag.jpg", drawn(ground=(30, 60, 40), ink=(250, 240, 200)), {"quality": 80}),
    ],
)
def test_a_mark_of_one_colour_is_shown_dark_on_light_and_light_on_dark(
    tmp_path: Path, name: str, picture: Image.Image, options: dict[str, object]
) -> None:
    dark, light = read_mark(saved(tmp_path / name, picture, **options)).views()
    assert (int(dark[0, 0, 0]), int(light[0, 0, 0])) == (255, 0)
    assert np.array_equal(255 - dark, light)
    assert dark.min() < 30


def test_a_mark_of_several_colours_is_shown_with_light_and_dark_exchanged_too(tmp_path: Path) -> None:
    picture = drawn()
    ImageDraw.Draw(picture).rectangle((12, 7, 30, 30), fill=(20, 20, 90))
    given, on_black, other, other_on_black = read_mark(saved(tmp_path / "badge.png", picture)).views()
    assert (int(given[0, 0, 0]), int(on_black[0, 0, 0])) == (255, 0)
    assert np.array_equal(exchanged(other_on_black), on_black)
    light = (given.max(axis=-1).astype(int) + given.min(axis=-1)) / 2
    exchanged_light = (other.max(axis=-1).astype(int) + other.min(axis=-1)) / 2
    assert np.allclose(light + exchanged_light, 255)
    assert np.array_equal(exchanged(other), given)


def test_what_is_cut_from_a_garment_is_exchanged_for_its_keypoints_only(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (60, 60, 3)).astype(np.uint8)
    mark = read_mark(saved(tmp_path / "crop.png", Image.fromarray(noise)))
    assert (mark.ground, len(mark.views()), len(mark.drawings())) == (Ground.GARMENT, 1, 2)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "SVG"])
@pytest.mark.parametrize("name", ["logo", "logo.png", "logo.jfif"])
def test_the_name_of_a_mark_decides_nothing(tmp_path, form, name):
    path = tmp_path / name
    if form == "SVG":
        path.write_text(SVG.format(SHAPE))
    else:
        canvas = Image.new("RGB", (120, 90), "white")
        canvas.paste((200, 0, 0), (30, 30, 90, 60))
        canvas.save(path, form)
    assert is_picture(path)
    height, width = read_mark(path).pixels.shape[:2]
    assert width > height >= 12
