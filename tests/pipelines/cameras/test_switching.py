"""Main and sub-stream: no frame is missed, the size stays, a stream that cannot be had changes nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from engines.image import I420
from pipelines.cameras import switching
from pipelines.cameras.source import SourceLost, SourceSpec
from pipelines.cameras.states import Cause
from pipelines.cameras.switching import RETRY_S, SwitchingSource
from tests.fakes.sources import ScriptedSource

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = SourceSpec("door", "rtsp://cam/main", "u", "hush", track=2, connect_timeout_ms=60_000)
SUB = "rtsp://cam/sub"


class SizedSource(ScriptedSource):
    """Gives pictures of one size for ever."""

    def __init__(self, width: int, height: int, lost: SourceLost | None = None) -> None:
        super().__init__()
        self._size, self._lost = (width, height), lost
        self.closed = threading.Event()

    def wait(self, _timeout_s: float) -> bool:
        if self._lost is not None:
            raise self._lost
        return True

    def take(self) -> I420:
        return I420.black(*self._size)

    def take_withheld(self) -> int:
        return 1

    def close(self) -> None:
        self.closed.set()


class TwoStreams:
    """A camera with a main stream of 64x36 and a sub-stream of 32x20."""

    def __init__(self) -> None:
        self.now, self.wanted, self.told = 0.0, False, list[bool]()
        self.lost: SourceLost | None = None
        self.opened: list[tuple[SourceSpec, SizedSource]] = []
        self.source = SwitchingSource(
            SPEC,
            SUB,
            self.open,
            wanted=lambda: self.wanted,
            on_change=self.told.append,
            clock=lambda: self.now,
        )

    def open(self, spec: SourceSpec) -> SizedSource:
        is_sub = spec.source == SUB
        source = SizedSource(32, 20, self.lost) if is_sub else SizedSource(64, 36)
        self.opened.append((spec, source))
        return source

    def frames_until(self, done: Callable[[], bool]) -> None:
        for _ in range(100_000):
            assert self.source.wait(0)
            pixels = self.source.take()
            assert (pixels.width, pixels.height) == (64, 36)
            if done():
                return
            threading.Event().wait(0.001)
        raise AssertionError((self.told, self.opened))


def test_it_goes_over_and_back_without_a_missing_frame() -> None:
    camera = TwoStreams()
    camera.frames_until(lambda: True)
    camera.wanted = True
    camera.frames_until(lambda: camera.told[-1])
    (_, main), (sub_spec, sub) = camera.opened
    assert (sub_spec.source, sub_spec.username, sub_spec.password, sub_spec.track) == (SUB, "u", "hush", 1)
    assert main.closed.wait(60)
    assert camera.source.take_withheld() == 2  # of both
    camera.wanted = False
    camera.frames_until(lambda: not camera.told[-1])
    assert sub.closed.wait(60)
    assert camera.told == [False, True, False]
    camera.source.close()
    assert camera.opened[2][1].closed.is_set()


def test_a_stream_that_cannot_be_had_changes_nothing_and_is_left_alone_for_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    camera = TwoStreams()
    camera.lost, camera.wanted = SourceLost(Cause.NOT_FOUND), True
    camera.frames_until(lambda: "cannot be had (not_found)" in caplog.text)
    for _ in range(20):
        camera.frames_until(lambda: True)
    assert (len(camera.opened), camera.told) == (2, [False])
    assert camera.opened[1][1].closed.is_set()
    camera.lost, camera.now = None, RETRY_S
    camera.frames_until(lambda: camera.told[-1])
    assert "hush" not in caplog.text


@pytest.mark.parametrize("connected", [True, False])
def test_it_can_be_closed_while_the_other_stream_connects(
    connected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = threading.Event()

    class SilentSource(SizedSource):
        def wait(self, _timeout_s: float) -> bool:
            waiting.set()
            return connected

    camera = TwoStreams()
    camera.frames_until(lambda: True)
    silent = SilentSource(32, 20)
    monkeypatch.setattr(camera.source, "_open", lambda _spec: silent)
    camera.wanted = True
    camera.source.wait(0)
    assert waiting.wait(60)
    camera.source.close()
    assert silent.closed.wait(60)
    assert not [
        t for t in threading.enumerate() if t.name == "stream-door" and not t.join(60) and t.is_alive()
    ]


def test_a_first_frame_is_needed_before_the_size_is_known() -> None:
    camera = TwoStreams()
    camera.wanted = True
    for _ in range(5):
        camera.source.wait(0)
    assert len(camera.opened) == 1
    assert switching.POLL_S < 1
