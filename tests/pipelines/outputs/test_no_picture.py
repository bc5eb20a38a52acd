"""Viewers of a camera that gives no picture see that it gives none."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from engines.image import I420
from pipelines.outputs import no_picture, rtsp
from pipelines.outputs.no_picture import Card, encoded, silent_after_s
from pipelines.outputs.rtsp_stream import RtspMedia
from pipelines.settings.camera import CameraConfig
from tests.fakes.redacted import plain
from tests.fakes.rtsp_viewer import RtspViewer
from tests.pipelines.outputs.rtsp_serving import Feeder, serving, url
from tests.waiting import wait_for

BRIGHT = 200


def is_card(viewer: RtspViewer) -> bool:
    picture = viewer.picture()
    assert picture is not None
    return float(np.median(picture)) < BRIGHT / 2


def test_a_camera_that_falls_silent_does_not_stand_still_as_if_it_were_live(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rtsp, "silent_after_s", lambda _gap_s: 1.0)
    with serving() as output, RtspViewer(url(output)) as viewer:
        with Feeder(output, lambda: plain(320, 240, BRIGHT)):
            wait_for(lambda: not is_card(viewer))
        wait_for(lambda: is_card(viewer))
        assert is_card(viewer)  # and on it goes: a player hears from the stream
        with Feeder(output, lambda: plain(640, 480, BRIGHT)):
            wait_for(lambda: not is_card(viewer))


def test_a_card_that_cannot_be_made_is_said_once_until_a_picture_comes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[str] = []

    def fail(_size: object, camera: str, _silent_s: float) -> object:
        tried.append(camera)
        raise RuntimeError("no encoder")

    monkeypatch.setattr(rtsp, "silent_after_s", lambda _gap_s: 0.1)
    monkeypatch.setattr(rtsp, "Card", fail)
    with serving() as output, RtspViewer(url(output)) as viewer:
        with Feeder(output, lambda: plain(320, 240, BRIGHT)):
            wait_for(lambda: viewer.picture() is not None)
        wait_for(lambda: tried)
        tried.clear()
        for _ in range(3):
            output._show_silent()
    assert not tried
    assert "viewers are not told" in caplog.text


def test_who_gives_a_picture_every_ten_seconds_is_not_silent_between() -> None:
    assert silent_after_s(0.2) == no_picture.AFTER_S
    assert silent_after_s(10) > 20
    assert silent_after_s(no_picture.UNKNOWN_GAP_S) > 10


def test_a_long_silence_that_one_picture_ends_is_not_how_often_pictures_come() -> None:
    assert silent_after_s(3600) == silent_after_s(no_picture.LONGEST_GAP_S)
    slowest = CameraConfig.model_fields["fps"].metadata[0].ge
    assert 1 / slowest == no_picture.LONGEST_GAP_S


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (16, 16)])
def test_a_card_of_any_size_has_a_sign_and_a_time_that_runs(size: tuple[int, int]) -> None:
    one, later = (Card(size, "entrance", silent_s).pixels for silent_s in (5, 65))
    assert (one.width, one.height) == size
    assert one.y.max() > 100
    if min(size) > 100:
        assert not np.array_equal(one.y, later.y)


def test_a_bare_picture_goes_to_no_encoder() -> None:
    media, bare = RtspMedia(None, None, None), I420.black(64, 64)
    for refused in (bare, plain(64, 64, BRIGHT).frame, None):
        with pytest.raises(TypeError, match="redacted frames alone"):
            media.push(refused, 10)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="no card"):
            encoded(refused)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no card"):
        encoded(plain(64, 64, BRIGHT))  # type: ignore[arg-type]


def test_nobody_puts_a_picture_of_their_own_into_a_card() -> None:
    one: Any = Card((64, 64), "entrance", 5)
    with pytest.raises(ValueError, match="read-only"):
        one.pixels.y[:] = BRIGHT
    with pytest.raises(AttributeError):
        one._pixels = I420.black(64, 64)
    with pytest.raises(AttributeError):
        one.pixels = I420.black(64, 64)
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copied(one)
    with pytest.raises(TypeError):
        type("Kind", (Card,), {})
