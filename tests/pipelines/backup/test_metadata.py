"""What a photograph's file tells beside the picture goes; the picture and how it is turned stay."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from pipelines.backup.metadata import Unstrippable, stripped

OWNER = "Jane-Doe-52.5200N"


def photograph(kind: str, orientation: int, *, progressive: bool = False) -> bytes:
    picture = Image.radial_gradient("L").resize((40, 24)).convert("RGB")
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = OWNER, OWNER  # description, artist
    exif.get_ifd(0x8825)[29] = OWNER  # the day, by GPS
    if orientation:
        exif[0x0112] = orientation
    more: dict[str, object] = {}
    if kind == "PNG":
        more["pnginfo"] = info = PngImagePlugin.PngInfo()
        info.add_text("Author", OWNER)
        info.add_itxt("XML:com.adobe.xmp", OWNER)
    else:
        more["xmp"] = f"<x>{OWNER}</x>".encode()
    if kind == "JPEG":
        more |= {"comment": OWNER.encode(), "progressive": progressive}
    out = io.BytesIO()
    picture.save(out, kind, exif=exif, **more)
    return out.getvalue() + (OWNER.encode() if kind != "WEBP" else b"")  # such as a phone's trailer


@pytest.mark.parametrize("orientation", [0, 1, 6, 8])
@pytest.mark.parametrize(
    ("kind", "progressive"), [("JPEG", False), ("JPEG", True), ("PNG", False), ("WEBP", False)]
)
def test_metadata_goes_and_the_picture_stays(kind: str, progressive: bool, orientation: int) -> None:
    data = photograph(kind, orientation, progressive=progressive)
    assert OWNER.encode() in data
    out = stripped(data)
    assert OWNER.encode() not in out
    before, after = (ImageOps.exif_transpose(Image.open(io.BytesIO(one))) for one in (data, out))
    assert (after.size, after.tobytes()) == (before.size, before.tobytes())
    assert set(Image.open(io.BytesIO(out)).getexif()) <= {0x0112}
    assert stripped(out) == out


def test_the_thumbnail_of_a_jfif_header_goes() -> None:
    data = photograph("JPEG", 6)
    place = data.index(b"JFIF\0")
    small = data[place : place + 12] + bytes([4, 2]) + OWNER.encode()[:6] * 4  # 4 x 2 pixels of RGB
    with_small = data[: place - 2] + (len(small) + 2).to_bytes(2, "big") + small + data[place + 14 :]
    assert stripped(with_small) == stripped(data)


@pytest.mark.parametrize(
    ("marker", "begins"),
    [
        (0xE0, b"JFXX\0\x10"),  # a thumbnail that is a JPEG itself
        (0xE1, b"http://ns.adobe.com/xmp/extension/\0"),
        (0xE2, b"MPF\0"),
        (0xED, b"Photoshop 3.0\x008BIM\x04\x04"),  # IPTC
        (0xFE, b""),
    ],
)
def test_what_else_a_jpeg_may_carry_goes(marker: int, begins: bytes) -> None:
    data = photograph("JPEG", 1)
    content = begins + OWNER.encode()
    segment = bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content
    assert stripped(data[:2] + segment + data[2:]) == stripped(data)


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt", b"tIME", b"dSIG", b"prVt"])
def test_what_else_a_png_may_carry_goes(kind: bytes) -> None:
    data, content = photograph("PNG", 1), b"Author\0" + OWNER.encode()
    chunk = len(content).to_bytes(4, "big") + kind + content + bytes(4)
    assert stripped(data[:33] + chunk + data[33:]) == stripped(data)


GIVEN = [photograph(kind, 6) for kind in ("JPEG", "PNG", "WEBP")]


@given(st.sampled_from(GIVEN), st.integers(0, 2000), st.binary(max_size=8), st.booleans())
def test_a_damaged_file_is_refused_or_stripped_and_always_ends(
    data: bytes, place: int, put: bytes, cut: bool
) -> None:
    damaged = data[:place] + put + (b"" if cut else data[place + len(put) :])
    with contextlib.suppress(Unstrippable):
        assert stripped(damaged)
