import io
import sys
from base64 import b64decode

import cv2
import numpy as np
import pytest
from PIL import Image

from engines.colour import to_bgr
from pipelines.cpu import images
from pipelines.cpu.images import read_image
from pipelines.errors import BadInput
from pipelines.offline.reader import probe_media, read_frames

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


def red(form: str, size=(64, 48), **more) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (255, 0, 0)).save(file, form, **more)
    return file.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("name", ["photo.jfif", "photo.jpe", "photo", "photo.png", "Foto.HEIC"])
def test_the_name_decides_nothing(tmp_path, form, name):
    (tmp_path / name).write_bytes(red(form))
    read = read_image(tmp_path / name)
    assert (read.width, read.height, colour_of(read)) == (64, 48, "red")


HEIC = b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAA"
    "AAAAACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAABsAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAA"
    "AA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNw"
    "AAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFz"
    "wIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAA"
    "Av////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAACNtZGF0AAAAFygBrxmA70mlv//i"
    "hh/5rWv+v61pj5uA"
)
"""64 x 48 pixels of red, as a phone would send them."""


JUNK = (
    *(
        b"\n",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        bytes(4096),
        b" " * 100,
        b"\xff\xd8\xff\xff",
        bytes(range(1, 200)),
    ),
    b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 800\r\n\r\n",
    b"--frame\r\nContent-Type: image/jpeg\r\n\r\n",
    b"<br />\n<b>Notice</b>: Undefined index: w in <b>/var/www/img.php</b> on line 3<br />\n",
)


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_what_lies_before_a_picture_is_passed_over(tmp_path, suffix, junk):
    good, data = cv2.imencode(suffix, np.full((48, 64, 3), 90, np.uint8))
    assert good
    path, warned = tmp_path / "x.jpg", []
    path.write_bytes(junk + data.tobytes())
    picture = read_image(path, warned.append)
    assert (picture.width, picture.height, warned) == (64, 48, [])


@pytest.mark.parametrize(
    "before", [bytes(4098), b"ID3\x04\0\0", b"%PDF-1.7\n", b"PK\x03\x04", b"\0\0\0 ftypM4A "]
)
def test_a_picture_within_something_else_is_none(tmp_path, before):
    good, data = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))
    assert good
    path = tmp_path / "x.jpg"
    path.write_bytes(before + data.tobytes())
    with pytest.raises(
        BadInput, match=r"no picture that can be read; give a JPEG|; export its|; take the picture"
    ):
        read_image(path)


@pytest.mark.parametrize(("size", "words"), [((1, 1), "has 1 x 1 pixels"), ((50, 1), "has 50 x 1 pixels")])
def test_a_picture_below_two_pixels_is_told_the_least_size(tmp_path, size, words):
    for form, more in (("PNG", {}), ("GIF", {"save_all": True, "append_images": [Image.new("L", size, 9)]})):
        Image.new("L", size).save(tmp_path / "x.jpg", form, **more)
        for use in (probe_media, lambda path: list(read_frames(path))):
            with pytest.raises(BadInput, match=f"{words}, too few .* 2 x 2 at least"):
                use(tmp_path / "x.jpg")


def test_a_heic_is_read_or_told(tmp_path, monkeypatch):
    path = tmp_path / "phone.jpg"
    path.write_bytes(HEIC)
    read = read_image(path)
    assert (read.width, read.height, colour_of(read)) == (64, 48, "red")
    path.write_bytes(HEIC[:200])
    with pytest.raises(BadInput, match="no picture"):
        read_image(path)
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(BadInput, match="save it as JPEG"):
        read_image(path)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_large_pictures_are_scaled_and_huge_ones_refused(tmp_path, monkeypatch, form):
    monkeypatch.setattr(images, "FULL_PIXELS", 10_000)
    monkeypatch.setattr(images, "MAX_PIXELS", 200_000)
    monkeypatch.setattr(images, "MAX_JPEG_PIXELS", 200_000)
    turned = Image.Exif()
    turned[0x0112] = 6  # held upright: 400 x 300 becomes 300 x 400
    (tmp_path / "a.jpg").write_bytes(red(form, (400, 300), **({"exif": turned} if form == "JPEG" else {})))
    read = read_image(tmp_path / "a.jpg")
    assert (read.width, read.height) == ((74, 100) if form == "JPEG" else (100, 74))
    (tmp_path / "b.jpg").write_bytes(red(form, (500, 500)))
    with pytest.raises(BadInput, match="500 x 500 pixels"):
        read_image(tmp_path / "b.jpg")


def test_a_picture_that_was_cut_short_is_told(tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    notes: list[str] = []
    try:
        read_image(tmp_path / "a.jpg", notes.append)
    except BadInput as error:  # newer OpenCV decodes none of it
        notes.append(str(error))
    assert images.CUT_SHORT in notes[0]


def odd_jpegs():
    """A JPEG as some cameras and programs write it, and whether a line says that it ends early."""
    pixels = cv2.resize(np.random.default_rng(1).integers(0, 255, (8, 8, 3), np.uint8), (320, 240))
    whole, small = (cv2.imencode(".jpg", one)[1].tobytes() for one in (pixels, pixels[:64, :64]))
    thumbnail = b"\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small
    return {
        "no end": (whole[:-2], True),
        "half an end": (whole[:-1], True),
        "fill bytes": (whole[:2] + b"\xff\xff\xff" + whole[2:], False),
        "fill bytes, then a thumbnail": (whole[:2] + b"\xff\xff" + thumbnail + whole[2:], False),
        "a thumbnail, no end": (whole[:2] + thumbnail + whole[2:-2], True),
        "fill bytes before the end": (whole[:-2] + b"\xff\xff\xff\xd9", False),
        "half": (whole[: len(whole) // 2], None),
    }


@pytest.mark.parametrize("name", odd_jpegs())
def test_a_jpeg_without_its_end_or_with_fill_bytes_is_read_whole(tmp_path, name):
    data, early = odd_jpegs()[name]
    path, said = tmp_path / "x.jpg", []
    path.write_bytes(data)
    if early is None:
        with pytest.raises(BadInput, match="cut short"):
            read_image(path)
        return
    picture = read_image(path, said.append)
    assert (picture.width, picture.height, bool(said)) == (320, 240, early)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_a_transparent_picture_stands_on_white_and_what_was_cut_out_stays_hidden(tmp_path, form):
    pixels = np.full((48, 64, 4), (255, 0, 0, 255), np.uint8)
    pixels[:, 32:] = 0, 0, 255, 0  # programs that cut out keep the colours
    more = {"lossless": True, "exact": True} if form == "WEBP" else {}
    turned = Image.Exif()
    turned[0x0112] = 3
    Image.fromarray(pixels).save(tmp_path / "a", form, exif=turned, **more)
    read = to_bgr(read_image(tmp_path / "a"))
    assert (read[20, 10] > 230).all()
    assert read[20, 50, 2] > 200 > 50 > read[20, 50, 0]


def test_a_transparent_colour_of_a_palette_is_white(tmp_path):
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "a.gif")
    Image.new("P", (8, 8)).save(tmp_path / "b.png", transparency=0)
    for name in ("a.gif", "b.png"):
        assert to_bgr(read_image(tmp_path / name)).min() > 230


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_a_tiff_that_does_not_say_what_is_white_is_no_black_picture(tmp_path, kind):
    Image.fromarray(np.linspace(0, 1, 64 * 48).reshape(48, 64).astype(kind)).save(tmp_path / "a.tif")
    with pytest.raises(BadInput, match="32 bits"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff garbage", None])
def test_bad_pictures_are_told(tmp_path, data):
    path = tmp_path / "x.jpg"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadInput, match=r"x\.jpg"):
        read_image(path)
