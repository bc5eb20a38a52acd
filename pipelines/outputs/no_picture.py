"""What viewers of a stream see while its camera gives no picture: a card that holds nothing of any camera."""

from __future__ import annotations

from typing import Any, Final, NoReturn, final

import numpy as np
from PIL import Image, ImageDraw

from engines.image import I420
from pipelines.outputs.gst import Gst, caps, launch, to_buffer
from probes.overlay.fonts import own_font

EVERY_S: Final = 1.0
"""Between two cards: the time on them runs, so that nobody takes it for a picture that stands."""
AFTER_S: Final = 5.0
UNKNOWN_GAP_S: Final = 6.0
"""Between the first two pictures, as long as there is one."""
LONGEST_GAP_S: Final = 10.0
"""Between two pictures at the least `fps` that a store file may have. A longer one was a silence: were it the
camera's pace, a single picture after an hour would stand for hours as if it were live."""
_GAPS: Final = 2.5
_LUMA: Final = 160
_ENCODE_S: Final = 5


def silent_after_s(gap_s: float) -> float:
    """Return after how long without a picture a stream stands still; gap_s: between its last two pictures.

    >>> silent_after_s(0.1), silent_after_s(10), silent_after_s(3600)
    (5.0, 25.0, 25.0)
    """
    return max(AFTER_S, _GAPS * min(gap_s, LONGEST_GAP_S))


@final
class Card:
    """A picture that is drawn here from nothing: outputs take it beside redacted frames, and no other one.

    It takes no pixels from anybody, so it can hold none of a camera's; nor can they be written later.
    """

    __slots__ = ("_pixels",)
    _pixels: I420

    def __init__(self, size: tuple[int, int], camera: str, silent_s: float) -> None:
        """Draw a card of width x height: a camera struck out, its id, and for how long nothing came."""
        pixels = _drawn(size, camera, silent_s)
        for plane in (pixels.y, pixels.u, pixels.v):
            plane.flags.writeable = False
        object.__setattr__(self, "_pixels", pixels)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Card never changes")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Card has no kinds")

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a Card is neither copied nor pickled")

    @property
    def pixels(self) -> I420:
        """The picture, which cannot be written to."""
        return self._pixels


def only_card(card: Card) -> None:
    """Refuse whatever was not drawn here, with TypeError."""
    if type(card) is not Card:
        raise TypeError(f"this is no card but {type(card).__name__}")


def _drawn(size: tuple[int, int], camera: str, silent_s: float) -> I420:
    """Return a card's picture: numbers and a sign alone, which viewers read in any language."""
    width, height = size
    picture = I420.black(width, height)
    image = Image.new("L", size, int(picture.y[0, 0]))
    draw = ImageDraw.Draw(image)
    unit = min(size) / 24
    x, y, line = width / 2, height / 2 - 3 * unit, max(1, round(unit / 3))
    draw.rectangle((x - 4 * unit, y - 2 * unit, x + 2 * unit, y + 2 * unit), outline=_LUMA, width=line)
    draw.polygon(
        ((x + 2 * unit, y), (x + 4 * unit, y - 1.5 * unit), (x + 4 * unit, y + 1.5 * unit)), fill=_LUMA
    )
    draw.line((x - 4 * unit, y + 3 * unit, x + 4 * unit, y - 3 * unit), fill=_LUMA, width=2 * line)
    font = own_font("Medium", max(8, round(2 * unit)))
    minutes, seconds = divmod(int(silent_s), 60)
    draw.text((x, y + 5 * unit), f"{camera}  {minutes}:{seconds:02d}", fill=_LUMA, font=font, anchor="mm")
    picture.y[:] = np.asarray(image)
    return picture


def encoded(card: Card) -> bytes:
    """Return the card as one key frame of H.264 with all that a decoder needs.

    Blocks for up to 5 s, then raises TimeoutError. TypeError on anything but a card.
    """
    only_card(card)
    picture = card.pixels
    line = (
        f"appsrc name=in format=time caps={caps((picture.width, picture.height), 1)}"
        " ! x264enc tune=zerolatency speed-preset=ultrafast threads=1 key-int-max=1"
        " ! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au"
        " ! appsink name=out sync=false"
    )
    pipeline: Any = launch(line)
    pipeline.set_state(Gst.State.PLAYING)
    try:
        source = pipeline.get_by_name("in")
        source.push_buffer(to_buffer(picture))
        source.end_of_stream()
        sample = pipeline.get_by_name("out").try_pull_sample(_ENCODE_S * Gst.SECOND)
        if sample is None:
            raise TimeoutError(f"x264 gave nothing within {_ENCODE_S} s")
        buffer = sample.get_buffer()
        return bytes(buffer.extract_dup(0, buffer.get_size()))
    finally:
        pipeline.set_state(Gst.State.NULL)
