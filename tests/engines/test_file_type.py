import io
import struct

import pytest
from PIL import Image

from engines.file_type import HEAD_BYTES, is_animated, is_cut_short, other_kind, read_type, sniff

TS = (b"\x47" + bytes(187)) * 4
HEADS = [
    (b"\xff\xd8\xff\xe1", "JPEG", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", "PNG", ".png"),
    (b"GIF89a", "GIF", ".jpg"),
    (b"II*\0\x08\0\0\0", "TIFF", ".png"),
    (b"BM\x36\x10\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0" + bytes(12), "BMP", ".png"),
    (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "WebP", ".jpg"),
    (b"RIFF\x10\x00\x00\x00AVI LIST", "AVI", ".mp4"),
    (b"RIFF\x10\x00\x00\x00WAVEfmt ", None, None),
    (b"\x00\x00\x00\x18ftypheic\0\0\0\0mif1heic", "HEIC", ".jpg"),
    (b"\x00\x00\x00\x18ftypmif1\0\0\0\0miafheic", "HEIC", ".jpg"),
    (b"\x00\x00\x00\x1cftypmif1\0\0\0\0avifmiafMA1B", "AVIF", ".jpg"),
    (b"\x00\x00\x00\x14ftypqt  ", "MOV", ".mp4"),
    (b"\x00\x00\x00\x20ftypmp42", "MP4", ".mp4"),
    (b"\x00\x00\x00\x18ftyp3gp4\0\0\2\0isom3gp4", "3GP", ".mp4"),
    (b"\x00\x00\x00\x18ftypXAVC", "MP4", ".mp4"),
    (b"\x00\x00\x00\x18ftypM4A ", None, None),
    (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "MOV", ".mp4"),
    (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f\x42\x82\x84webm", "WebM", ".mp4"),
    (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x23\x42\x82\x88matroska", "MKV", ".mp4"),
    (TS[:HEAD_BYTES], "MPEG-TS", ".mp4"),
    ((bytes(4) + TS[:188]) * 3, "MPEG-TS", ".mp4"),
    (b"\0\0\x01\xba\x44", "MPEG-PS", ".mp4"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "WMV", ".mp4"),
    (b"\r\n\xff\xd8\xff\xe1", "JPEG", ".jpg"),
    (b"\xef\xbb\xbf\xff\xd8\xff\xe1", "JPEG", ".jpg"),
    (bytes(4096) + b"\xff\xd8\xff\xe1", "JPEG", ".jpg"),
    (bytes(4099) + b"\xff\xd8\xff\xe1", None, None),
    (b"ID3\x04APIC\xff\xd8\xff\xe1", None, None),
    (b"%PDF-1.7", None, None),
    (b"G" * 100, None, None),
    (b"", None, None),
]


@pytest.mark.parametrize(("head", "name", "result"), HEADS)
def test_a_file_is_what_its_first_bytes_say(head, name, result):
    found = sniff(head)
    assert (found and found.name, found and found.result_suffix) == (name, result)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\xff\x0a\xfa\x1f", "a JPEG XL picture; save it as"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture; save it as"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture; save it as"),
        (b"%PDF-1.7", "a PDF document; export its page"),
        (
            b"\r\n<!DOCTYPE HTML>\n<title>Sign in</title>",
            "a web page (HTML), perhaps one that asks to sign in;",
        ),
        (b'<?xml version="1.0"?>\n<!-- <svg> -->\n<html xmlns="x">', "a web page (HTML)"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><svg>', "an SVG drawing; export it"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"#EXTM3U\n#EXTINF:3,\nhttp://10.0.0.1/a.ts\n", "a playlist, which only names a film"),
        (b'<?xml version="1.0"?>\n<MPD type="static">', "a playlist, which only names a film"),
        (b"8BPS", "a Photoshop file; export it"),
        (b"hello", None),
        (b"<!--" * 1000, None),
        (b"", None),
    ],
)
def test_what_is_sent_in_place_of_a_picture_is_named(head, words):
    assert sniff(head) is None
    found = other_kind(head)
    assert (found is None) is (words is None)
    assert (found or "").startswith(words or "")


def tiff(order: str, tags: dict[int, int], first: int = 8) -> bytes:
    """Return a TIFF's first directory, `first` bytes from its begin, of 4-byte values. order: of struct."""
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, first).ljust(first, b"\0")
    entries = [struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in sorted(tags.items())]
    return head + struct.pack(f"{order}H", len(tags)) + b"".join(entries) + bytes(4)


SIZE = {256: 160, 257: 120}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("tags", "first", "is_raw"),
    [
        ({254: 1, 330: 9000, **SIZE}, 8, True),  # Nikon, Adobe: a thumbnail, the picture elsewhere
        ({254: 0, 50706: 0x0104, **SIZE}, 8, True),  # a phone's DNG
        ({254: 1, **SIZE}, 400, True),
        ({254: 0, **SIZE}, 8, False),
        ({254: 2, **SIZE}, 8, False),  # a page of several
        (SIZE, 8, False),
        ({254: 1, **SIZE}, HEAD_BYTES, False),  # behind what is looked at
    ],
)
def test_a_cameras_raw_picture_is_not_taken_for_its_preview(order, tags, first, is_raw):
    head = tiff(order, tags, first)[:HEAD_BYTES]
    assert (sniff(head) is None) is is_raw
    assert (other_kind(head) or "").startswith("a camera's raw picture" if is_raw else "")
    for end in range(8, len(head)):  # however little of it there is
        sniff(head[:end])


@pytest.mark.parametrize(
    "start", [b"IIRO", b"IIU\0", b"FUJIFILMCCD-RAW 0201", b"FOVb", b"\0\0\0\x18ftypcrx \0\0\0\1"]
)
def test_other_raw_pictures_are_named_whatever_preview_is_in_them(start):
    head = start.ljust(64, b"\0") + encoded("JPEG")
    assert sniff(head) is None
    assert (other_kind(head) or "").startswith("a camera's raw picture")


def encoded(form: str, frames: int = 1, size=(40, 30)) -> bytes:
    pictures = [Image.effect_noise(size, 90).convert("RGB") for _ in range(frames)]
    file = io.BytesIO()
    more = {"save_all": True, "append_images": pictures[1:], "duration": 80} if frames > 1 else {}
    pictures[0].save(file, form, **more)
    return file.getvalue()


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "AVIF"])
def test_what_moves_is_a_video(tmp_path, form):
    for frames, kind, animated in ((1, "image", False), (3, "video", True)):
        path = tmp_path / f"x{frames}.jpg"
        path.write_bytes(encoded(form, frames))
        assert is_animated(path.read_bytes()) is animated
        found = read_type(path)
        assert found is not None
        assert (found.kind, found.animated) == (kind, animated)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_picture_without_its_end_is_known(form):
    data = encoded(form)
    assert not is_cut_short(data)
    assert not is_cut_short(data + b"what phones put behind"), "such as a motion photo's film"
    for share in (0.3, 0.6, 0.95):
        assert is_cut_short(data[: int(len(data) * share)])
    if form == "JPEG":  # a thumbnail has an end of its own
        with_thumbnail = data[:2] + b"\xff\xe1" + (2 + len(data)).to_bytes(2, "big") + data + data[2:]
        assert not is_cut_short(with_thumbnail)
        assert is_cut_short(with_thumbnail[: len(data) + 200])


@pytest.mark.parametrize(
    "last", [b"\x1b", b"\xff\x00", b"\xff\x00\x1b", b"\xff\x00\x1b\x1b", b"\xff\xd0\x1b", b"\xff"]
)
def test_a_jpeg_ends_whatever_its_last_bytes_are(last):
    """Three of 700 photographs were said to be cut short: they end with an escaped 0xFF and a byte more."""
    scan = b"\xff\xd8\xff\xda\x00\x02" + b"\x55" * 20
    assert not is_cut_short(scan + last + b"\xff\xd9")
    assert is_cut_short(scan + last)
