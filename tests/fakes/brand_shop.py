"""A page where brands are added, a star as a mark, and a camera that shows it or somebody in cloth."""

from __future__ import annotations

import time
from contextlib import contextmanager
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw

from engines.colour import from_bgr
from probes.frame import Detection, Kind
from tests.fakes.cloth import FACE
from tests.fakes.redacted import plain, redacted
from tests.fakes.served_page import T0, served_page

STAR = ((50, 5), (61, 39), (97, 39), (68, 60), (79, 95), (50, 74), (21, 95), (32, 60), (3, 39), (39, 39))


def star(side: int = 240) -> Image.Image:
    picture = Image.new("RGB", (side, side), "white")
    ImageDraw.Draw(picture).polygon([(x * side / 110 + 5, y * side / 110 + 5) for x, y in STAR], fill="black")
    return picture


def data(picture: Image.Image, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


@contextmanager
def shop(folder, more: str = "edit_brands: true"):
    gallery = folder / "brands"
    gallery.mkdir(exist_ok=True)
    with served_page(folder, more=more, sections=f"brands: {{folder: {gallery}}}\n") as page:
        yield page


def show_star(page) -> None:
    """Let the camera show a star of 140 px on grey, as long as somebody wants its picture.

    Of 120 px it is 0.80 like the brand, 0.94 of 140: a CPU with another bf16 must see it, too.
    """
    frame = plain(640, 480, luma=128, camera="entrance", captured_at=T0)
    mark = np.asarray(star(140).convert("L"))
    frame.pixels.y[170:310, 230:370] = np.where(mark > 128, 235, 16)
    page.live.publish(frame)
    time.sleep(0.02)


@contextmanager
def filming_star(page, monkeypatch):
    monkeypatch.setattr(page, "shoot", lambda **_: show_star(page))
    with page.filming():
        yield


def show_worn(page, worn) -> None:
    """Let the camera show somebody, as long as somebody wants its picture."""
    face = Detection(Kind.FACE, "face", 0.9, FACE)
    page.live.publish(redacted(from_bgr(worn), [face], camera="entrance", captured_at=T0))
    time.sleep(0.02)


@contextmanager
def filming_worn(page, monkeypatch, worn):
    monkeypatch.setattr(page, "shoot", lambda **_: show_worn(page, worn))
    with page.filming():
        yield
