"""Main and sub-stream: no frame is missed, the size stays, a stream that cannot be had changes nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from engines.image import I420
from pipelines.cameras import switching
from pipelines.cameras.source import SourceLost, SourceSpec
from pipelines.cameras.states import Cause
from pipelines.cameras.switching import RETRY_S, StreamTrial, SwitchingSource
from tests.fakes.sources import ScriptedSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPEC = SourceSpec("door", "rtsp://cam/main", "u", "hush", track=2, connect_timeout_ms=60_000)
SUB = "rtsp://cam/sub"


class SizedSource(ScriptedSource):
    """Gives pictures of one size for ever."""

    def __init__(self, width: int, height: int, lost: SourceLost | None = None) -> None:
        super().__init__()
        self.size, self._lost = (width, height), lost
        self.closed = threading.Event()

    def wait(self, _timeout_s: float) -> bool:
        if self._lost is not None:
            raise self._lost
        return True

    def take(self) -> I420:
        return I420.black(*self.size)

    def take_withheld(self) -> int:
        return 1

    def close(self) -> None:
        self.closed.set()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(switching, "CLOSE_TIMEOUT_S", 600.0)
    yield
    for thread in stream_threads():
        thread.join(300)


def stream_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "stream-door"]


class TwoStreams:
    """A camera with a main stream of 64x36 and a sub-stream of 32x18."""

    def __init__(self) -> None:
        self.now, self.wanted, self.told, self.refused = 0.0, False, list[bool](), list[bool]()
        self.sub_size, self.size = (32, 18), (64, 36)
        self.lost: SourceLost | None = None
        self.main_lost: SourceLost | None = None
        self.opened: list[tuple[SourceSpec, SizedSource]] = []
        self.source = SwitchingSource(
            SPEC,
            SUB,
            self.open,
            wanted=lambda: self.wanted,
            on_change=self.told.append,
            on_refusal=self.refused.append,
            clock=lambda: self.now,
        )

    def open(self, spec: SourceSpec) -> SizedSource:
        is_sub = spec.source == SUB
        source = SizedSource(*self.sub_size, self.lost) if is_sub else SizedSource(*self.size, self.main_lost)
        self.opened.append((spec, source))
        return source

    def frames_until(self, done: Callable[[], bool]) -> None:
        for _ in range(100_000):
            assert self.source.wait(0)
            pixels = self.source.take()
            assert (pixels.width, pixels.height) == self.size
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
    assert main.closed.wait(300)
    assert camera.source.take_withheld() == 2  # of both
    camera.wanted = False
    camera.frames_until(lambda: not camera.told[-1])
    assert sub.closed.wait(300)
    assert camera.told == [False, True, False]
    camera.source.close()
    assert camera.opened[2][1].closed.is_set()
    assert not stream_threads()


@pytest.mark.parametrize(
    ("size", "fits"),
    [((32, 18), True), ((34, 19), True), ((32, 24), False), ((18, 32), False), ((35, 19), False)],
)
def test_a_sub_stream_of_another_shape_is_refused_once(
    size: tuple[int, int], fits: bool, caplog: pytest.LogCaptureFixture
) -> None:
    camera = TwoStreams()
    camera.sub_size, camera.wanted = size, True
    camera.frames_until(lambda: (camera.told if fits else camera.refused)[-1])
    assert (camera.told, camera.refused) == (([False, True], [False]) if fits else ([False], [False, True]))
    if not fits:
        assert camera.opened[1][1].closed.wait(300)
        camera.now = 10 * RETRY_S
        for _ in range(20):
            camera.frames_until(lambda: True)
        assert len(camera.opened) == 2
        (line,) = [r.getMessage() for r in caplog.records if "another shape" in r.getMessage()]
        assert f"{size[0]}x{size[1]}" in line
        assert "64x36" in line
        camera.opened[0][1].size = camera.size = (size[0] * 2, size[1] * 2)  # the main stream is set to it
        camera.frames_until(lambda: camera.told[-1])
        assert camera.refused == [False, True, False]


def test_a_sub_stream_that_changes_its_shape_shows_nothing_more_and_the_main_stream_comes_back() -> None:
    camera = TwoStreams()
    camera.frames_until(lambda: True)
    camera.wanted = True
    camera.frames_until(lambda: camera.told[-1])
    camera.opened[1][1].size = (32, 24)
    assert not camera.source.wait(0)
    assert camera.source.take_withheld() >= 1
    while camera.told[-1]:
        assert not camera.source.wait(0) or not camera.told[-1]
        threading.Event().wait(0.001)
    assert (camera.told, camera.refused) == ([False, True, False], [False, True])
    camera.frames_until(lambda: True)
    camera.source.close()
    assert all(source.closed.is_set() for _, source in camera.opened)


def test_where_the_main_stream_does_not_come_back_the_source_is_lost() -> None:
    camera = TwoStreams()
    camera.frames_until(lambda: True)
    camera.wanted = True
    camera.frames_until(lambda: camera.told[-1])
    camera.opened[1][1].size, camera.main_lost = (32, 24), SourceLost(Cause.BUSY)

    def frames() -> None:
        for _ in range(100_000):
            assert not camera.source.wait(0)
            threading.Event().wait(0.001)

    with pytest.raises(SourceLost) as lost:
        frames()
    assert lost.value.cause is Cause.BUSY


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
    assert waiting.wait(300)
    camera.source.close()
    assert silent.closed.is_set()
    assert not stream_threads()


def test_a_stream_left_behind_that_does_not_close_is_waited_for_with_an_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ends = threading.Event()
    camera = TwoStreams()
    camera.frames_until(lambda: True)
    monkeypatch.setattr(camera.opened[0][1], "close", lambda: ends.wait(600))
    camera.wanted = True
    camera.frames_until(lambda: camera.told[-1])
    monkeypatch.setattr(switching, "CLOSE_TIMEOUT_S", 0.01)
    camera.source.close()
    assert "does not close" in caplog.text
    ends.set()


def test_a_first_frame_is_needed_before_the_size_is_known() -> None:
    camera = TwoStreams()
    camera.wanted = True
    for _ in range(5):
        camera.source.wait(0)
    assert len(camera.opened) == 1
    assert switching.POLL_S < 1


@pytest.mark.parametrize(("answered", "has_source"), [(True, True), (False, False)])
def test_a_stream_whose_video_comes_is_waited_for_until_its_key_frame(answered, has_source):
    source = ScriptedSource([False] * 20 + [True])
    source.answered = answered
    trial = StreamTrial(SPEC, lambda _: source, timeout_s=0)
    for thread in stream_threads():
        thread.join(300)
    assert (trial.take() is source, trial.cause) == (has_source, Cause.UNKNOWN if answered else Cause.TIMEOUT)
