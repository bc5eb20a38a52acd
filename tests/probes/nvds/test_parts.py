"""The parts of the DeepStream probe that need no metadata library."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.colour import to_bgr
from probes.frame import Box, Detection, Frame, Kind
from probes.nvds.camera import on_surface
from probes.nvds.crops import SurfaceCrops
from probes.nvds.handoff import Handoff, Sighting
from probes.nvds.meta import UNTRACKED, FrameMeta, MetaError, Past, Seen
from probes.nvds.overlay import MetaOverlay
from probes.overlay.text import DETAILED, Tone
from probes.recognition.picking import Limits, Picker
from probes.recognition.reading import Look, cut
from tests.fakes.nvds import SURFACE, camera
from tests.fakes.people import START, frame, person, track, value

SIZES = st.tuples(st.integers(8, 4000), st.integers(8, 4000))
EDGES = st.floats(-5000, 5000)


@given(st.builds(Box, EDGES, EDGES, st.floats(0, 5000), st.floats(0, 5000)), SIZES, SIZES)
def test_a_box_on_the_surface_holds_all_of_it_that_is_in_the_picture(
    box: Box, size: tuple[int, int], surface: tuple[int, int]
) -> None:
    placed = on_surface(box, size, surface)
    left, right = box.x * surface[0] / size[0], box.right * surface[0] / size[0]
    top, bottom = box.y * surface[1] / size[1], box.bottom * surface[1] / size[1]
    if placed is None:
        assert min(right, surface[0]) - max(left, 0) < 1e-6 or min(bottom, surface[1]) - max(top, 0) < 1e-6
        return
    x, y, w, h = placed
    assert x >= 0 and y >= 0 and x + w <= surface[0] and y + h <= surface[1] and w >= 4 and h >= 4  # noqa: PT018 one box
    assert x <= max(left, 0) + 1e-6 and x + w >= min(right, surface[0]) - 1e-6  # noqa: PT018 its width
    assert y <= max(top, 0) + 1e-6 and y + h >= min(bottom, surface[1]) - 1e-6  # noqa: PT018 its height


def seen(number: int = UNTRACKED, left: float = 10, top: float = 300) -> Seen:
    return Seen(1, 0, number, 0.9, left, top, 100, 200, None)


def test_the_overlay_writes_out_the_dearest_and_the_totals_of_the_others() -> None:
    values = {track(n): value(1000 * (n + 1)) for n in range(DETAILED + 2)}
    overlay = MetaOverlay(lambda sum_: f"€{sum_.amount_minor / 100:.0f}", values.get)
    pairs = [(seen(n, 150 * n), person(n)) for n in range(DETAILED + 2)]
    drawn = list(overlay.styles(pairs, SURFACE))
    texts = [text.words.count("\n") for _, _, text in drawn if text is not None]
    assert texts == [0, 0, 1, 1, 1, 1, 1]
    assert drawn[-1][1].width == drawn[0][1].width + 1
    assert drawn[-1][1].colour == tuple(part / 255 for part in Tone.TOP.rgb)
    again = list(overlay.styles(pairs, SURFACE))
    assert all(old[2] == new[2] and old[1] is new[1] for old, new in zip(drawn, again, strict=True))


@given(st.floats(-500, 3000), st.floats(-500, 3000), st.text(min_size=1, max_size=40))
def test_a_text_begins_inside_the_picture_in_whole_pixels(left: float, top: float, words: str) -> None:
    overlay = MetaOverlay(lambda _sum: words, {track(): value(100)}.get)
    ((_, _, text),) = overlay.styles([(seen(1, left, top), person())], SURFACE)
    assert text is not None
    assert type(text.left) is type(text.top) is int
    assert 0 <= text.left < SURFACE[0]
    assert 0 <= text.top < SURFACE[1]


def test_a_changed_value_changes_the_text() -> None:
    values = {track(): value(100)}
    overlay = MetaOverlay(lambda sum_: str(sum_.amount_minor), values.get)
    said = []
    for amount in (100, 100, 700):
        values[track()] = value(amount)
        ((_, _, text),) = overlay.styles([(seen(1), person())], SURFACE)
        said.append(text.words.split("\n")[0] if text else "")
    assert said == ["100", "100", "700"]


def sighting(number: int, ended: list[int] | None = None, camera: str = "handbags") -> Sighting:
    return Sighting(frame(number, camera=camera), [track(n, camera) for n in ended or []])


def test_when_the_handoff_is_full_the_oldest_goes_but_no_end_is_lost() -> None:
    dropped: list[str] = []
    handoff = Handoff(dropped.append, waiting=2)
    for number in range(4):
        handoff.put(sighting(number, [number]))
    taken = handoff.take(1)
    assert dropped == ["handbags", "handbags"]
    assert [s.frame.captured_at - START for s in taken] == [2_000_000_000, 3_000_000_000]
    assert [[t.number for t in s.ended] for s in taken] == [[0, 1, 2], [3]]


def test_an_end_waits_for_the_next_frame_of_its_own_camera() -> None:
    handoff = Handoff(lambda _camera: None, waiting=1)
    handoff.put(sighting(0, [7]))
    handoff.put(sighting(1, camera="door"))
    assert [s.ended for s in handoff.take(1)] == [[]]
    handoff.put(sighting(2))
    assert [[t.number for t in s.ended] for s in handoff.take(1)] == [[7]]


def test_closing_wakes_who_waits() -> None:
    handoff = Handoff(lambda _camera: None)
    taken: list[list[Sighting]] = []
    thread = threading.Thread(target=lambda: taken.append(handoff.take(60)), daemon=True)
    thread.start()
    handoff.close()
    thread.join(10)
    assert taken == [[]]


def meta(number: int, objects: list[Seen] | None, **other: Any) -> FrameMeta:
    return replace(FrameMeta(0, 0, number, (640, 480), START + number, True, objects, None), **other)


def test_where_a_person_was_before_is_told_in_the_camera_s_pixels_while_remembered() -> None:
    one = camera("cam0")
    for number in range(3):
        found, _ = one.frame(meta(number, [seen(9)] if number == 2 else []), SURFACE)
    box = (20.0, 30.0, 40.0, 60.0)
    past = [Past(0, 9, 1, box), Past(0, 9, 700, box), Past(0, 8, 1, box)]
    (earlier,) = one.earlier(past, found, SURFACE)
    assert (earlier.at, earlier.box) == (START + 1, Box(10, 20, 20, 40))
    assert earlier.track == found.of(Kind.PERSON)[0].track


@pytest.mark.parametrize("wrong", [{"objects": None}, {"source_size": (0, 480)}])
def test_a_frame_that_cannot_be_relied_on_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(MetaError):
        camera("cam0").frame(replace(meta(0, []), **wrong), SURFACE)


def test_a_frame_without_a_time_gets_the_clock_s() -> None:
    assert camera("cam0").frame(meta(0, [], ntp=0), SURFACE)[0].captured_at == START


class Surfaces:
    """The part of pyds that maps surfaces: RGBA, left half red, right half green to blue downwards."""

    def __init__(self, width: int = 1280, height: int = 720, channels: int = 4) -> None:
        self.pixels = np.zeros((height, width, channels), np.uint8)
        self.pixels[:, : width // 2, 0] = 255
        self.pixels[: height // 2, width // 2 :, 1] = 255
        self.pixels[height // 2 :, width // 2 :, 2] = 255
        self.mapped = self.asked = 0

    def get_nvds_buf_surface(self, _buffer: int, batch_id: int) -> Any:
        assert batch_id == 3
        self.mapped += 1
        self.asked += 1
        return self.pixels

    def unmap_nvds_buf_surface(self, _buffer: int, _batch_id: int) -> None:
        self.mapped -= 1


class Wanting:
    """Looks that pick as the real ones do, and keep the crops."""

    def __init__(self) -> None:
        self.picker, self.looks = Picker(Limits(min_height=20)), list[Look]()

    def offer(self, offered: Frame, pixels: Any) -> None:
        for one in self.picker.pick(offered):
            look = cut(offered, one, pixels)
            assert look is not None
            self.looks.append(look)


def crops(pyds: Any, looks: Any, *, jetson: bool = True, masks: Any = None) -> SurfaceCrops:
    return SurfaceCrops(pyds, looks, jetson=jetson, unified=not jetson, masks=masks or {})


@pytest.mark.parametrize("jetson", [True, False])
def test_a_crop_has_the_camera_s_pixels_and_colours_and_the_surface_is_let_go(jetson: bool) -> None:
    pyds, looks = Surfaces(), Wanting()
    wide = Detection(Kind.PERSON, "person", 0.9, Box(300, 200, 41, 81), track())
    crops(pyds, looks, jetson=jetson).offer(1, 3, frame(0, wide))
    (look,) = looks.looks
    assert (look.left, look.top, look.crop.width, look.crop.height) == (300, 200, 42, 82)
    bgr = to_bgr(look.crop).astype(int)
    for (y, x), colour in {(10, 5): (0, 0, 255), (10, 35): (0, 255, 0), (70, 35): (255, 0, 0)}.items():
        assert np.abs(bgr[y, x] - colour).max() < 12
    assert pyds.mapped == (0 if jetson else 1)


def test_memory_is_read_only_when_a_look_is_due() -> None:
    pyds, looks = Surfaces(), Wanting()
    reading = crops(pyds, looks)
    for at in (0, 0.1, 0.2, 0.5):
        reading.offer(1, 3, frame(at, person()))
    assert pyds.asked == 2


def test_what_is_behind_a_camera_mask_is_black_in_the_crop() -> None:
    looks = Wanting()
    masks = {"handbags": [((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))]}
    crops(Surfaces(), looks, masks=masks).offer(1, 3, frame(0, person(1, x=280)))
    luma = looks.looks[0].crop.y
    assert (luma[:, :38] == 16).all()
    assert (luma[:, 44:] > 30).all()


@pytest.mark.parametrize("surface", [np.zeros((720, 1280), np.uint8), np.zeros((720, 1280, 4), np.float32)])
def test_a_surface_of_another_format_is_refused_and_let_go(surface: Any) -> None:
    pyds = Surfaces()
    pyds.pixels = surface
    with pytest.raises(MetaError, match="neither RGBA nor RGB"):
        crops(pyds, Wanting()).offer(1, 3, frame(0, person()))
    assert pyds.mapped == 0


def test_memory_that_only_the_gpu_can_read_is_refused_before_it_ends_the_process() -> None:
    with pytest.raises(MetaError, match="unified"):
        SurfaceCrops(Surfaces(), Wanting(), jetson=False, unified=False, masks={})  # type: ignore[arg-type]  # a fake
