"""Addresses of a camera's tracks that rtspsrc passes over, or joins to something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import lists, sampled_from

from pipelines.cameras.description import with_whole_tracks
from pipelines.cameras.source import SourceSpec
from pipelines.cpu import gst
from pipelines.cpu.source import GstSource
from tests.fakes.rtsp_replies import choosy_camera
from tests.waiting import wait_for

BASE = "rtsp://10.0.0.5/live"
QUERY = "rtsp://10.0.0.5/cam/realmonitor?channel=1&subtype=0"
VIDEO = "m=video 0 RTP/AVP 96\r\n"
WITHOUT_SLASH = "Content-Base: {url}\r\n"
LINES = (
    "m=video 0 RTP/AVP 96",
    "m=audio 0 RTP/AVP 0",
    "a=control:*",
    "a=control:t1",
    "v=0",
    "",
    "\x85",
    "\r",
)


@pytest.mark.parametrize(
    ("session", "track", "base", "expected"),
    [
        ("a=control:*\r\n", "", BASE, BASE),
        ("a=control:*\r\n", "a=control:*\r\n", BASE, BASE),
        ("", "a=control: * \r\n", BASE, BASE),
        ("a=control:rtsp://10.0.0.5/all\r\n", "a=control:*\r\n", BASE, "rtsp://10.0.0.5/all"),
        ("a=control:*\r\n", "a=control:trackID=1\r\n", QUERY, f"{QUERY}/trackID=1"),
        ("a=control:*\r\n", "a=control:trackID=1\r\n", f"{QUERY}/", f"{QUERY}/trackID=1"),
        ("a=control:rtsp://10.0.0.5/x?a=1\r\n", "a=control:t1\r\n", BASE, "rtsp://10.0.0.5/x?a=1/t1"),
    ],
)
def test_an_address_that_would_be_lost_is_written_out(
    session: str, track: str, base: str, expected: str
) -> None:
    told = with_whole_tracks(f"v=0\r\n{session}{VIDEO}a=rtpmap:96 H264/90000\r\n{track}", base)
    assert told == f"v=0\r\n{session}{VIDEO}a=rtpmap:96 H264/90000\r\na=control:{expected}\r\n"


@pytest.mark.parametrize(
    ("session", "track", "base"),
    [
        ("a=control:*\r\n", "a=control:t1\r\n", BASE),
        ("a=control:live\r\n", "", BASE),
        ("a=control:*\r\n", "a=control:t1\r\n", "rtsp://10.0.0.5/live/?ch=1"),
        ("a=control:*\r\n", "a=control:rtsp://10.0.0.5/t1?ch=1\r\n", QUERY),
        ("a=control:*\r\n", "a=control:rtsps://10.0.0.5/t1?ch=1\r\n", QUERY),
    ],
)
def test_all_others_are_left_as_they_are(session: str, track: str, base: str) -> None:
    told = f"v=0\r\n{session}{VIDEO}{track}"
    assert with_whole_tracks(told, base) == told


@given(lists(sampled_from(LINES)), sampled_from(("\n", "\r\n")))
def test_what_is_written_is_left_as_it_is(lines: list[str], end: str) -> None:
    told = with_whole_tracks(end.join(lines), QUERY)
    assert with_whole_tracks(told, QUERY) == told


@pytest.mark.parametrize(
    ("address", "control", "track", "base"),
    [
        ("/live", "", "{url}", WITHOUT_SLASH),
        ("/live", "*", "{url}", ""),
        ("/cam/realmonitor?channel=1&subtype=0", "trackID=0", "{url}/trackID=0", WITHOUT_SLASH),
        ("/cam/realmonitor?channel=1&subtype=0", "trackID=0", "{url}/trackID=0", "Content-Base: /cam/\r\n"),
        ("/live", "t1", "{url}/t1", "Content-Base: {url}/\r\n"),
    ],
)
def test_a_camera_plays_whose_track_has_one_address_alone(
    address: str, control: str, track: str, base: str
) -> None:
    """It was told to send no video, or to answer as no camera should; FFmpeg and VLC played it."""
    gst.init()
    with choosy_camera(address, control, track, base) as (url, asked):
        source = GstSource(SourceSpec("door", url))
        try:
            wait_for(lambda: "PLAY" in asked)
        finally:
            source.close()
