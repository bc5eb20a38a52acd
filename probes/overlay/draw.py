"""The overlay: boxes, items with prices, and totals, drawn onto the I420 planes of a redacted frame."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.colour import from_bgr
from probes.frame import Box, Kind
from probes.overlay.label import render
from probes.overlay.placement import GAP, Placer
from probes.overlay.text import (
    ACCESSORY,
    DETAILED,
    ENGLISH,
    GREY,
    LabelRow,
    LabelText,
    Tone,
    as_is,
    text_height,
    texts,
    tone_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from engines.image import I420
    from pricing.item_words import ItemWords
    from pricing.value import PersonValue, Price, Total
    from probes.frame import Detection, Frame, TrackId
    from probes.overlay.label import Label
    from probes.overlay.text import Rgb
    from probes.redaction.redact import RedactedFrame

SHADOW_Y = 20


class Overlay:
    """Draws the value of each person onto redacted frames of any camera and size.

    `money` formats a price or a total, for example "€1,290"; `brand` spells a brand; `words` name the rest.
    """

    def __init__(
        self,
        money: Callable[[Price | Total], str],
        brand: Callable[[str], str] = as_is,
        words: ItemWords = ENGLISH,
    ) -> None:
        self._money, self._brand, self._words = money, brand, words
        self._render = lru_cache(maxsize=128)(render)
        self._placer = Placer()

    def keep_only(self, cameras: Container[str]) -> None:
        """Forget all other cameras."""
        self._placer.keep_only(cameras)

    def draw(
        self, redacted: RedactedFrame, persons: Mapping[TrackId, PersonValue], *, banner: str | None = None
    ) -> None:
        """Draw onto the frame's own planes. Drawing only covers more than the redaction did."""
        frame, picture = redacted.frame, redacted.pixels
        em = text_height(picture.height)
        seen = [(found.track, found.box) for found in frame.of(Kind.PERSON) if found.track]
        valued = [(track, box, persons[track]) for track, box in seen if track in persons]
        valued.sort(key=lambda entry: (-entry[2].total.amount_minor, entry[0]))
        tones = {track: tone_of(rank, value) for rank, (track, _, value) in enumerate(valued)}
        _boxes(picture, frame, tones)
        taken = [self._banner(picture, banner, em)] if banner else []
        blocks = [
            (track, box, self._blocks(value, tones[track], em, detailed=rank < DETAILED))
            for rank, (track, box, value) in enumerate(valued)
            if value.items
        ]
        placed = self._placer.place(frame.camera, frame.size, blocks, [box for _, box in seen], taken)
        for (track, box, _), (label, x, y) in zip(blocks, placed, strict=True):
            _leader(picture, box, Box(x, y, *label.size), tones[track].rgb)
            label.paint(picture, x, y)

    def draw_marks(self, redacted: RedactedFrame, marks: Iterable[tuple[Box, str]]) -> None:
        """Draw marks that nobody wears, each with its name above it, or below where there is no room."""
        picture = redacted.pixels
        em, thin = text_height(picture.height), max(1, round(picture.height / 540))
        for box, name in marks:
            _rectangle(picture, box, ACCESSORY, thin)
            label = self._render(LabelText("", (LabelRow(name, ""),), Tone.PLAIN), em, picture.width / em - 3)
            wide, tall = label.size
            y = (
                box.y - GAP - tall
                if box.y - GAP - tall >= 0
                else min(box.bottom + GAP, picture.height - tall)
            )
            x = min(max(0.0, box.centre[0] - wide / 2), picture.width - wide)
            label.paint(picture, max(0, int(x) // 2 * 2), max(0, int(y) // 2 * 2))

    def _blocks(self, value: PersonValue, tone: Tone, em: int, *, detailed: bool) -> tuple[Label, ...]:
        """Return the label in its variants, the longest first."""
        full, short = texts(value, tone, self._money, self._brand, self._words)
        return tuple(self._render(text, em) for text in ((full, short) if detailed else (short,)))

    def _banner(self, picture: I420, text: str, em: int) -> Box:
        label = self._render(LabelText("", (LabelRow(text, ""),), Tone.ALERT), em, picture.width / em - 3)
        x, y = max(0, (picture.width - label.size[0]) // 4 * 2), em // 4 * 2
        label.paint(picture, x, y)
        return Box(x, y, *label.size)


def _boxes(picture: I420, frame: Frame, tones: Mapping[TrackId, Tone]) -> None:
    """Draw the boxes of least value first, so that the most valuable person's lies on top."""
    thin = max(1, round(picture.height / 540))
    for found in frame.of(Kind.ACCESSORY):
        _rectangle(picture, found.box, ACCESSORY, thin)

    def rank(found: Detection) -> int:
        tone = tones.get(found.track) if found.track else None
        order = (Tone.PLAIN, Tone.VALUED, Tone.TOP)
        return order.index(tone) if tone in order else -1

    for found in sorted(frame.of(Kind.PERSON), key=rank):
        if found.track is None:
            _rectangle(picture, found.box, GREY, thin)
        else:
            tone = tones.get(found.track, Tone.PLAIN)
            _rectangle(picture, found.box, tone.rgb, thin + 1 + (tone is Tone.TOP))


def _rectangle(picture: I420, box: Box, colour: Rgb, thickness: int) -> None:
    """Draw an outline with a dark edge, so that it shows on any background."""
    luma, blue, red = _yuv(colour)
    inset = (thickness + 1) // 2
    left, top = max(inset, round(box.x)), max(inset, round(box.y))
    right = min(picture.width - 1 - inset, round(box.right))
    bottom = min(picture.height - 1 - inset, round(box.bottom))
    if right <= left or bottom <= top:
        return
    rim = inset + 1 - thickness % 2
    cv2.rectangle(picture.y, (left - rim, top - rim), (right + rim, bottom + rim), SHADOW_Y, 1)
    cv2.rectangle(picture.y, (left, top), (right, bottom), luma, thickness)
    corners = (left // 2, top // 2), (right // 2, bottom // 2)
    coarse = (thickness + 1) // 2
    cv2.rectangle(picture.u, *corners, blue, coarse)
    cv2.rectangle(picture.v, *corners, red, coarse)


def _leader(picture: I420, box: Box, label: Box, colour: Rgb) -> None:
    """Draw a line from a label to its box where the label is further away than the usual gap."""
    if label.intersection(Box(box.x - 2 * GAP, box.y - 2 * GAP, box.w + 4 * GAP, box.h + 4 * GAP)):
        return
    x, y = box.centre
    start = round(min(max(x, label.x + 2), label.right - 2)), round(min(max(y, label.y), label.bottom))
    end = round(min(max(start[0], box.x), box.right)), round(min(max(start[1], box.y), box.bottom))
    luma, blue, red = _yuv(colour)
    cv2.line(picture.y, start, end, SHADOW_Y, 4)
    cv2.line(picture.y, start, end, luma, 2)
    for plane, value in ((picture.u, blue), (picture.v, red)):
        cv2.line(plane, (start[0] // 2, start[1] // 2), (end[0] // 2, end[1] // 2), value, 1)


@lru_cache(maxsize=16)
def _yuv(colour: Rgb) -> tuple[int, int, int]:
    pixel = from_bgr(np.full((2, 2, 3), colour[::-1], np.uint8))
    return int(pixel.y[0, 0]), int(pixel.u[0, 0]), int(pixel.v[0, 0])
