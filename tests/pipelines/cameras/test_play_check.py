"""The addresses that cameras give their session and video tracks, as rtspsrc asks for them."""

from __future__ import annotations

import pytest

from pipelines.cameras.play_check import controls

BASE = "rtsp://h/live/"


@pytest.mark.parametrize(
    ("description", "base", "track", "session", "videos"),
    [
        ("a=control:*\r\nm=video 0 RTP/AVP 96\r\na=control:t1\r\n", BASE, 1, BASE, ["rtsp://h/live/t1"]),
        ("a=control:*\nm=video 0 RTP/AVP 96\na=control:t1\n", BASE, 1, BASE, ["rtsp://h/live/t1"]),
        ("m=VIDEO 0 RTP/AVP 96\r\na=control: t1 ", BASE, 1, BASE, ["rtsp://h/live/t1"]),
        ("m=video 0\r\na=control:t1?ch=1", BASE, 1, BASE, ["rtsp://h/live/t1?ch=1"]),
        ("m=video 0\r\na=control:?kind=video", BASE, 1, BASE, ["rtsp://h/live/?kind=video"]),
        ("m=video 0\r\na=control:rtsp://h/other/t1", BASE, 1, BASE, ["rtsp://h/other/t1"]),
        ("m=video 0\r\na=control:RTSP://h/other/t1", BASE, 1, BASE, ["RTSP://h/other/t1"]),
        (
            "a=control:rtsp://h/all\nm=video 0\na=control:t",
            BASE,
            1,
            "rtsp://h/all",
            ["rtsp://h/all/t", "rtsp://h/t"],
        ),
        ("a=control:all\nm=video 0\na=control:t1", BASE, 1, BASE, ["rtsp://h/live/t1"]),
        ("m=video 0\na=control:*", BASE, 1, BASE, [BASE]),
        ("m=video 0", BASE, 1, BASE, [BASE]),
        ("m=video 0\na=control:t1", "rtsp://h/live", 1, "rtsp://h/live", ["rtsp://h/live/t1", "rtsp://h/t1"]),
        (
            "m=video 0\na=control:t1\nm=audio 0\na=control:a\nm=video 0\na=control:t2",
            BASE,
            2,
            BASE,
            [f"{BASE}t2"],
        ),
    ],
)
def test_the_addresses_of_a_session_and_its_video_track(
    description: str, base: str, track: int, session: str, videos: list[str]
) -> None:
    assert controls(description, base, track) == (session, videos)


@pytest.mark.parametrize(("description", "track"), [("", 1), ("m=audio 0\na=control:a", 1), ("m=video 0", 2)])
def test_a_session_without_such_a_track(description: str, track: int) -> None:
    with pytest.raises(ValueError, match="no such video track"):
        controls(description, BASE, track)
