"""AVIs whose pictures are not compressed, as capture programs and microscopes write them.

GStreamer's demuxer (avidemux, seen with 1.22) says only of pictures that it pulls when they are shown. Where
it waits for data the decoder works that out, but such pictures need none: all are shown at once then.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Final

from pricing.plain_file import open_plain

SEARCHED: Final = 2**20
"""Of a file's beginning, where its header is."""
_VIDEO: Final = re.compile(rb"strh.{4}vids.{48,256}?strf.{20}(.{4})", re.DOTALL)
_PICTURES: Final = b"movi"
"""So begins what follows the header. Of a file that ends before it, a demuxer that pulls never says so."""
_RAW: Final = frozenset(
    b"\0\0\0\0,\3\0\0\0,DIB ,RGB ,RAW ,YUY2,YUYV,YUNV,UYVY,UYNV,HDYC,I420,IYUV,YV12,YVU9,YUV9,Y41B,Y42B,Y800,"
    b"Y8  ,GREY,v210".split(b",")
)
"""What a stream's header calls them; the first two are RGB (BITMAPINFOHEADER)."""


def has_raw_pictures(path: Path | str) -> bool:
    """Return whether a file is an AVI of pictures that are not compressed; False where it cannot be read."""
    with contextlib.suppress(OSError), open_plain(Path(path)) as file:
        head = file.read(SEARCHED)
        found = _VIDEO.search(head) if head[:4] == b"RIFF" and head[8:12] == b"AVI " else None
        return found is not None and found[1] in _RAW and _PICTURES in head[found.end() :]
    return False
