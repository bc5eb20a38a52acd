"""Which video track of a session is taken, where several threads ask at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from pipelines.cameras.video_track import VideoTrack


@pytest.mark.parametrize(("wanted", "taken"), [(1, 4), (2, 7), (3, None)])
def test_one_track_is_taken_whoever_asks_first(wanted: int, taken: int | None) -> None:
    track = VideoTrack(wanted)
    order = [number for number in (4, 7) if track.claims(number)]
    assert order == ([taken] if taken else [])
    begin = Barrier(8)

    def ask(thread: int) -> list[int]:
        begin.wait(300)
        return [number for number in ((4, 7) if thread % 2 else (7, 4)) if track.claims(number)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [order] * 8
