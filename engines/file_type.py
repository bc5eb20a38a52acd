"""What a file is, by its content. A name decides nothing: phones, mail programs and people get it wrong."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engines.jpeg_film import is_jpeg_film
from pricing.plain_file import open_plain

if TYPE_CHECKING:
    from pathlib import Path

HEAD_BYTES = 4608
"""Bytes that `sniff` wants: a picture may begin after `MAX_JUNK` of them."""
TAKEN = (
    "JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC and AVIF pictures,"
    " and MP4, MOV, 3GP, AVI, MKV, WebM, MPEG, WMV, MJPEG and animated GIF, WebP, PNG and AVIF videos"
)
"""What can be annotated, for people."""


@dataclass(frozen=True, slots=True)
class FileType:
    """A picture or a video, and the suffix that its files usually have.

    animated: a picture format that holds several frames here, such as GIF; `read_type` tells.
    """

    kind: Literal["image", "video"]
    name: str
    suffix: str
    animated: bool = False

    @property
    def result_suffix(self) -> str:
        """The suffix of the annotated copy: pictures without loss stay so."""
        if self.kind == "video":
            return ".mp4"
        return ".png" if self.suffix in (".png", ".bmp", ".tiff") else ".jpg"

    @property
    def result_media_type(self) -> str:
        """The media type of the annotated copy (RFC 6838)."""
        return {".mp4": "video/mp4", ".png": "image/png", ".jpg": "image/jpeg"}[self.result_suffix]


def _image(name: str, suffix: str) -> FileType:
    return FileType("image", name, suffix)


def _video(name: str, suffix: str) -> FileType:
    return FileType("video", name, suffix)


JPEG, PNG, WEBP = _image("JPEG", ".jpg"), _image("PNG", ".png"), _image("WebP", ".webp")
GIF, BMP, TIFF = _image("GIF", ".gif"), _image("BMP", ".bmp"), _image("TIFF", ".tiff")
HEIC, AVIF = _image("HEIC", ".heic"), _image("AVIF", ".avif")
MP4, MOV, THREE_GP = _video("MP4", ".mp4"), _video("MOV", ".mov"), _video("3GP", ".3gp")
AVI, MKV, WEBM = _video("AVI", ".avi"), _video("MKV", ".mkv"), _video("WebM", ".webm")
MPEG_TS, MPEG_PS = _video("MPEG-TS", ".ts"), _video("MPEG-PS", ".mpg")
FLV, WMV, OGG = _video("FLV", ".flv"), _video("WMV", ".wmv"), _video("Ogg", ".ogv")
MJPEG = _video("MJPEG", ".mjpeg")
"""JPEGs one behind another; only `read_type` tells it from one picture."""
MAX_SEARCHED = 2**26
"""Bytes among which the first pictures of such a film are looked for."""
ANIMATED = {
    GIF: FileType("video", "animated GIF", ".gif", animated=True),
    WEBP: FileType("video", "animated WebP", ".webp", animated=True),
    PNG: FileType("video", "animated PNG", ".png", animated=True),
    AVIF: FileType("video", "animated AVIF", ".avif", animated=True),
}

_STARTS = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
    (b"FLV\x01", FLV),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", WMV),
    (b"OggS", OGG),
    (b"\0\0\x01\xba", MPEG_PS),
    (b"IMKH", MPEG_PS),  # a recorder's own header before it
)
_RAW_STARTS = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"FOVb")
MAX_JUNK = 4096
"""Bytes before a picture that are passed over: blanks, headers of HTTP and mail, warnings of a shop's PHP."""
_PICTURE_STARTS = re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF", re.DOTALL)
_NO_JUNK = (
    *(start for start, found in _STARTS if found is not JPEG),
    *(
        b"RIFF",
        b"ID3",
        b"fLaC",
        b"%PDF",
        b"8BPS",
        b"PK\x03\x04",
        b"MZ",
        b"\x7fELF",
        b"II\x1a\0",
        *_RAW_STARTS,
    ),
    *(b"\x1a\x45\xdf\xa3", b"\0\0\x01", b"\0\0\0\x01", b"\0\0\0\x0c"),
)
"""Starts of files that are something else, and may hold a picture within: sound with a cover, documents."""
_RAW = "a camera's raw picture, of which only a small preview could be read; export it as JPEG"
_OTHERS = (
    ((b"\xff\x0a", b"\0\0\0\x0cJXL "), "picture", "a JPEG XL picture; save it as JPEG or PNG"),
    ((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "), "picture", "a JPEG 2000 picture; save it as JPEG or PNG"),
    ((b"8BPS",), "picture", "a Photoshop file; export it as JPEG or PNG"),
    (
        (*_RAW_STARTS, b"\0\0\0\x18ftypcrx "),
        "picture",
        _RAW,
    ),
    ((b"%pdf-",), "document", "a PDF document; export its page as JPEG or PNG"),
    ((b"pk\x03\x04",), "document", "a ZIP archive or an office document; take the picture out of it"),
    ((b"<svg",), "picture", "an SVG drawing; export it as PNG"),
    (
        (b"DHAV", b"DAHUA"),
        "recorder",
        "a recorder's own format (DAV); export it there, or by its player, as MP4 or AVI",
    ),
    (
        (b"#extm3u", b"<mpd", b"<smoothstreamingmedia", b"[playlist]"),
        "playlist",
        "a playlist, which only names a film; send the film itself",
    ),
    (
        (b"<!doctype html", b"<html", b"<head", b"<body", b"<script"),
        "page",
        "a web page (HTML), perhaps one that asks to sign in; open the picture itself, then save that",
    ),
)
"""Starts of files sent in place of those taken (of documents in small letters), group, and what to do."""
OTHER_GROUPS = frozenset(group for _, group, _ in _OTHERS)
"""Those that are mended alike."""
_BLANKS = b"\xef\xbb\xbf \t\r\n"
_PROLOGUE = re.compile(rb"(?:<\?xml.*?\?>|<!--.*?-->|<!doctype svg.*?>|\s)*", re.DOTALL)
_NO_SEGMENT = frozenset({b"", *(bytes([marker]) for marker in (*range(0xC0), *range(0xD0, 0xDA)))})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"heif"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_SOUND_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P "})
_OLD_MOV_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_TS_PACKET = 188
_TIFF_ORDERS = (b"II*\0", b"MM\0*")
_NEW_SUBFILE_TYPE, _DNG_VERSION = 254, 50706


def sniff(head: bytes) -> FileType | None:
    r"""Return the type of what begins with these bytes, `HEAD_BYTES` of them or the whole file.

    None for all else. A GIF, WebP, PNG or AVIF is called a picture; if it is animated, `read_type` tells.

    >>> sniff(b"\x89PNG\r\n\x1a\n").suffix
    '.png'
    """
    for start, found in _STARTS:
        if head.startswith(start):
            return None if found is TIFF and _is_preview(head) else found
    if head[:4] == b"RIFF":
        return {b"WEBP": WEBP, b"AVI ": AVI}.get(head[8:12])
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return WEBM if b"webm" in head[:64] else MKV
    if head[:2] == b"BM" and head[6:10] == bytes(4) and len(head) >= 26:
        return BMP
    container = _iso(head) or _transport_stream(head)
    if container is None and (junk := picture_start(head)):
        return sniff(head[junk:])
    return container


def other_kind(head: bytes) -> str | None:
    """Return what a file is that is often sent in place of those taken, and what to do; None for all else.

    head: as of `sniff`, which did not know it.

    >>> other_kind(b"%PDF-1.7")
    'a PDF document; export its page as JPEG or PNG'
    """
    return _other(head)[1]


def other_group(head: bytes) -> str | None:
    """Return to which of the `OTHER_GROUPS` a file belongs of which `other_kind` tells; None for all else.

    >>> other_group(b"%PDF-1.7")
    'document'
    """
    return _other(head)[0]


def _other(head: bytes) -> tuple[str | None, str | None]:
    text = head.lstrip(_BLANKS).lower()
    prologue = _PROLOGUE.match(text)
    text = text[prologue.end() :] if prologue else text
    if head[:4] in _TIFF_ORDERS and _is_preview(head):
        return "picture", _RAW
    found = (other for other in _OTHERS if head.startswith(other[0]) or text.startswith(other[0]))
    _, group, what = next(found, ((), None, None))
    return group, what


def _is_preview(head: bytes) -> bool:
    """Return whether a TIFF's first picture is a preview of another one in the file, as in DNG and NEF.

    TIFF 6.0, section 8, NewSubfileType; DNG 1.7, chapter 4, DNGVersion.
    """
    order: Literal["big", "little"] = "big" if head[:1] == b"M" else "little"
    directory = int.from_bytes(head[4:8], order)
    for entry in range(directory + 2, directory + 2 + 12 * int.from_bytes(head[directory:][:2], order), 12):
        field = head[entry : entry + 12]
        tag = int.from_bytes(field[:2], order)
        if len(field) < 12 or tag == _DNG_VERSION:
            return len(field) == 12
        if tag == _NEW_SUBFILE_TYPE and int.from_bytes(field[8:12], order) & 1:
            return True
    return False


def picture_start(data: bytes) -> int:
    r"""Return at which byte a picture begins that has something else before it; 0 for all else.

    JPEG, PNG, GIF and WebP, within `MAX_JUNK` bytes. A JPEG's first two segments must follow one another.

    >>> picture_start(b"\r\n\x89PNG\r\n\x1a\n")
    2
    """
    if data.startswith(_NO_JUNK) or data[4:8] == b"ftyp" or _begins(data, 0):
        return 0
    found = _PICTURE_STARTS.finditer(data[: MAX_JUNK + 4])
    return next((one.start() for one in found if _begins(data, one.start())), 0)


def _begins(data: bytes, at: int) -> bool:
    """Return whether a picture of those that may have something before them begins there."""
    if data[at : at + 4] == b"RIFF":
        return data[at + 8 : at + 12] == b"WEBP"
    if data[at : at + 3] != b"\xff\xd8\xff":
        return data.startswith((b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a"), at)
    marker = at + 2
    for _ in range(2):
        while data[marker : marker + 2] == b"\xff\xff":  # fill bytes
            marker += 1
        if data[marker : marker + 1] != b"\xff" or data[marker + 1 : marker + 2] in _NO_SEGMENT:
            return False
        if marker + 4 > len(data):  # the head of a file ends here
            return True
        marker += 2 + int.from_bytes(data[marker + 2 : marker + 4], "big")
        if marker >= len(data):
            return True
    return True


def read_type(path: Path) -> FileType | None:
    """Return the type of a file; None where it is none of those taken. OSError where it cannot be read."""
    with open_plain(path) as file:
        head = file.read(HEAD_BYTES)
        found = sniff(head)
        if found is JPEG and is_jpeg_film(head + file.read(MAX_SEARCHED), picture_start(head)):
            return MJPEG
    if found in ANIMATED and is_animated(path.read_bytes()):
        return ANIMATED[found]
    return found


def is_animated(data: bytes) -> bool:
    """Return whether a GIF, WebP or PNG holds more than one frame, and an AVIF is a sequence."""
    data = data[picture_start(data) :]
    if data[4:8] == b"ftyp":
        return data[8:12] == b"avis"
    if data[:4] == b"\x89PNG":
        return _png_frames(data) > 1
    if data[:4] == b"RIFF":  # WebP container: VP8X comes first and has a flag for it
        return data[12:16] == b"VP8X" and len(data) > 20 and bool(data[20] & 0x02)
    return sum(_gif_images(data)) > 1


def is_cut_short(data: bytes) -> bool:
    """Return whether the end of a JPEG, PNG, GIF or WebP is missing: decoders show the rest as grey."""
    found, data = sniff(data[:HEAD_BYTES]), data[picture_start(data) :]
    if found is JPEG:
        return not _jpeg_ends(data)
    if found is PNG:
        return b"IEND" not in data[-4096:] and b"IEND" not in data
    if found is WEBP:
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    if found is GIF:
        return False not in _gif_images(data)
    return False


def _iso(head: bytes) -> FileType | None:
    """ISO base media (ISO/IEC 14496-12): a box's length, then its type; old MOV files begin with others."""
    box, brand = head[4:8], head[8:12]
    if brand == b"crx ":  # Canon's raw pictures
        return None
    if box != b"ftyp":
        return MOV if box in _OLD_MOV_BOXES else None
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {brand, *(head[at : at + 4] for at in range(16, length - 3, 4))}
    if brand in _SOUND_BRANDS:
        return None
    picture = brand in _HEIC_BRANDS | _AVIF_BRANDS | {b"mif1", b"msf1", b"miaf"}
    if picture:
        return AVIF if brands & _AVIF_BRANDS else HEIC
    if brand.startswith((b"3gp", b"3g2", b"3ge", b"3gg")):
        return THREE_GP
    return MOV if brand == b"qt  " else MP4


def _transport_stream(head: bytes) -> FileType | None:
    """ISO/IEC 13818-1: every packet begins with 0x47; Blu-ray and AVCHD put four bytes before each."""
    for first, step in ((0, _TS_PACKET), (4, _TS_PACKET + 4)):
        marks = range(first, min(len(head), 2 * step + first), step)
        if len(marks) > 1 and all(head[at] == 0x47 for at in marks):
            return MPEG_TS
    return None


def _jpeg_ends(data: bytes) -> bool:
    """Walk the segments (ITU-T T.81, annex B) to the end of the image: thumbnails have ends of their own."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            at = data.find(b"\xff", at)
            if at < 0:
                return False
            continue
        marker = data[at + 1]
        if marker == 0xD9:
            return True
        if marker == 0xFF:  # fill bytes
            at += 1
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    # Too few bytes are left for a segment; the last of the picture's own may stand before its end.
    return b"\xff\xd9" in data[at:]


def _png_frames(data: bytes) -> int:
    """Return the number of frames that a PNG announces before its picture (PNG 3rd edition, acTL)."""
    at = 8
    while (kind := data[at + 4 : at + 8]) not in (b"", b"IDAT"):
        if kind == b"acTL":
            return int.from_bytes(data[at + 8 : at + 12], "big")
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return 1


def _gif_images(data: bytes) -> list[bool]:
    """Return True for each image of a GIF, and False for its end (GIF89a, sections 15 to 27)."""
    found: list[bool] = []
    if len(data) < 13:
        return found
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while at < len(data):
        block = data[at]
        if block == 0x3B:
            found.append(False)
            break
        if block == 0x2C and at + 10 <= len(data):
            packed = data[at + 9]
            at += 11 + (3 << ((packed & 7) + 1) if packed & 0x80 else 0)
            found.append(True)
        elif block == 0x21:
            at += 2
        else:
            break
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return found
