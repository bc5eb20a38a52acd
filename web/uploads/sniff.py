"""What a file is, from its first bytes: the name that came with it decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

NEEDED = 64
ISO_VIDEO = (
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"M4V ",
    b"MSNV",
    b"dash",
    b"f4v ",
)
ISO_PICTURE = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif", b"hevc")


@dataclass(frozen=True, slots=True)
class Sniffed:
    """kind: image or video. suffix: of the file that it is kept in, and of its result."""

    kind: str
    suffix: str
    result: str
    media_type: str


JPEG = Sniffed("image", ".jpg", ".jpg", "image/jpeg")
PNG = Sniffed("image", ".png", ".png", "image/png")
WEBP = Sniffed("image", ".webp", ".jpg", "image/jpeg")


def _video(suffix: str) -> Sniffed:
    return Sniffed("video", suffix, ".mp4", "video/mp4")


def sniff(head: bytes) -> Sniffed | None:
    """Return what begins with these bytes, 64 of them or the whole file; None for all else."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] == b"RIFF":
        return {b"WEBP": WEBP, b"AVI ": _video(".avi")}.get(head[8:12])
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _video(".webm" if b"webm" in head else ".mkv")
    return _iso(head)


def _iso(head: bytes) -> Sniffed | None:
    """MP4 and MOV (ISO/IEC 14496-12): a box's length, then its type; old MOV files begin with other boxes."""
    box, brand = head[4:8], head[8:12]
    if box == b"ftyp":
        if brand in ISO_PICTURE:
            return None
        return _video(".mov" if brand == b"qt  " else ".mp4") if brand in (*ISO_VIDEO, b"qt  ") else None
    return _video(".mov") if box in (b"moov", b"mdat", b"wide") else None


def is_heic(head: bytes) -> bool:
    """Tell whether it is a picture of the kind that phones make and this box cannot read."""
    return head[4:8] == b"ftyp" and head[8:12] in ISO_PICTURE
