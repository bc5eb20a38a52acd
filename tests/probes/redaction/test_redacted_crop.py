"""What leaves for a description: redacted, small, without metadata."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from engines.describe.jpeg import small_jpeg
from engines.image import I420
from probes.frame import Box, Frame, Kind
from probes.redaction.redact import Redactor
from probes.redaction.redacted_crop import RedactedCrop
from tests.fakes.people import person
from tests.fakes.redacted import redacted

ME = person(1, x=200)


def scene() -> I420:
    """A noisy picture: any part that is still of it shows a spread of values."""
    picture = I420.black(640, 480)
    picture.y[:] = np.random.default_rng(1).integers(16, 236, picture.y.shape)
    return picture


@pytest.mark.parametrize("thing", [scene(), None, object()])
def test_nothing_but_a_redacted_frame_gives_a_crop(thing: object) -> None:
    with pytest.raises(TypeError):
        RedactedCrop(thing, ME.box, ME.track, 0.0)  # type: ignore[arg-type]  # the point of the test


def test_there_is_no_other_kind_of_crop() -> None:
    with pytest.raises(TypeError):
        type("Raw", (RedactedCrop,), {})


def test_the_head_is_covered_and_later_drawing_does_not_show() -> None:
    frame = redacted(scene(), [ME])
    crop = RedactedCrop(frame, ME.box, ME.track, 0.0)
    frame.pixels.y[:] = 235
    jpeg = small_jpeg(crop.picture, 1024)
    seen = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert seen.shape == (200, 80)
    assert seen[5:20, 25:55].std() < 3
    assert seen[80:].std() > 30


@pytest.mark.parametrize("x", [200, 1, 600])
def test_a_pixelated_head_leaves_as_plain_grey(x: int) -> None:
    me = person(1, x=x)
    frame = Frame("door", 1, (640, 480), (me,), frozenset({Kind.PERSON, Kind.FACE}))
    frames = Redactor(method="pixelate", margin=0.25, hold_ms=0).redact(frame, scene())
    (mask,) = frames.masks
    crop = RedactedCrop(frames, Box(x - 11, 37, 110, 220), me.track, 0.0)
    left, top = max(0, x - 11) // 2 * 2, 36
    inside = crop.picture.y[
        int(mask.box.y) - top : int(mask.box.bottom) - top,
        max(0, int(mask.box.x) - left) : int(mask.box.right) - left,
    ]
    assert inside.size > 500
    assert set(inside.flat) == {128}
    assert (crop.picture.y == 128).sum() < inside.size + 300


@pytest.mark.parametrize(
    ("box", "size"), [(Box(-50, -20, 150, 300), (100, 280)), (Box(600, 400, 99, 99), (40, 80))]
)
def test_a_crop_ends_at_the_frame(box: Box, size: tuple[int, int]) -> None:
    crop = RedactedCrop(redacted(scene(), [ME]), box, ME.track, 0.0)
    assert (crop.picture.width, crop.picture.height) == size


def test_a_box_outside_the_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        RedactedCrop(redacted(scene(), [ME]), Box(700, 10, 50, 50), ME.track, 0.0)


@pytest.mark.parametrize(("longest", "size"), [(128, (51, 128)), (1024, (80, 200))])
def test_a_jpeg_is_no_larger_than_asked_and_carries_no_metadata(longest: int, size: tuple[int, int]) -> None:
    crop = RedactedCrop(redacted(scene(), [ME]), ME.box, ME.track, 0.0)
    jpeg = small_jpeg(crop.picture, longest)
    image = Image.open(io.BytesIO(jpeg))
    assert (image.format, image.size) == ("JPEG", size)
    assert not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert [name for name, _ in image.applist] == ["APP0"]
