"""A camera that counts requests alone as life is asked for nothing in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipelines.cameras import login_guard
from pipelines.cameras.keep_alive import DEFAULT_TIMEOUT_S, KeepAlive, RtspSession
from pipelines.cameras.source import SourceSpec
from pipelines.cpu import gst, source
from tests.fakes.rtsp_camera import RtspCamera
from tests.fakes.rtsp_replies import METHODS, playing_camera
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


@pytest.fixture
def rtspsrc() -> Iterator[Any]:
    gst.init()
    made = gst.make("rtspsrc")
    gst.Gst.util_set_object_arg(made, "protocols", "tcp")
    yield made
    made.set_state(gst.Gst.State.NULL)


@pytest.mark.parametrize(
    ("session", "transport", "interval"),
    [
        ("12;timeout=10", TCP, 5.0),
        ("12; Timeout = 10 ", TCP, 5.0),
        ("12;timeout=1", TCP, 1.0),
        ("12;timeout=0", TCP, DEFAULT_TIMEOUT_S / 2),
        ("12;timeout=soon", TCP, DEFAULT_TIMEOUT_S / 2),
        ("12", "rtp/avp/tcp;unicast", DEFAULT_TIMEOUT_S / 2),
        ("12;timeout=10", "RTP/AVP;unicast;client_port=5000-5001", None),
    ],
)
def test_how_often_a_session_needs_a_request(session: str, transport: str, interval: float | None) -> None:
    told = RtspSession()
    told.opened(session, transport)
    assert told.interval_s == interval


@pytest.mark.parametrize(
    ("methods", "asked_by"),
    [
        (METHODS, "GET_PARAMETER"),
        ("OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN", "OPTIONS"),
        ("options,describe,setup,play,get_parameter", "GET_PARAMETER"),
        ("", "OPTIONS"),
    ],
)
def test_requests_go_out_in_time_and_one_at_a_time(rtspsrc: Any, methods: str, asked_by: str) -> None:
    """Nobody ever asked over TCP: such a camera hung up at the end of each session.

    rtspsrc asks by GET_PARAMETER alone, and not a camera that does not list it.
    """
    session = login_guard.settle()
    assert session is not None
    keep_alive = KeepAlive(rtspsrc, session)
    with playing_camera("7;timeout=10", methods) as (url, asked):
        rtspsrc.set_property("location", url)
        rtspsrc.set_state(gst.Gst.State.PLAYING)
        wait_for(lambda: "PLAY" in asked)
        assert session.interval_s == 5.0
        before = asked.count(asked_by)
        for now, count in ((0.0, 0), (4.9, 0), (5.0, 1), (9.9, 1), (10.0, 2)):
            keep_alive.frame(now)
            wait_for(lambda count=count: asked.count(asked_by) == before + count and not session.is_asked)


def test_a_camera_that_lists_what_it_refuses_is_asked_by_options_at_once(rtspsrc: Any) -> None:
    """It was asked by the same request over and over, and a camera that counts none of them hung up."""
    session = login_guard.settle()
    assert session is not None
    keep_alive = KeepAlive(rtspsrc, session)
    with playing_camera("7;timeout=10", refused="GET_PARAMETER") as (url, asked):
        rtspsrc.set_property("location", url)
        rtspsrc.set_state(gst.Gst.State.PLAYING)
        wait_for(lambda: "PLAY" in asked)
        before = len(asked)
        for now, count in ((0.0, 0), (5.0, 1), (5.1, 2), (10.0, 2), (10.1, 3)):
            keep_alive.frame(now)
            wait_for(lambda count=count: len(asked) == before + count and not session.is_asked)
    assert asked[before:] == ["GET_PARAMETER", "OPTIONS", "OPTIONS"]


@pytest.mark.parametrize(
    ("protocols", "methods", "more"),
    [
        ("tcp+tls", ("OPTIONS, SETUP", "DESCRIBE"), "GET_PARAMETER"),
        ("tcp+tls", ("OPTIONS, SETUP", "DESCRIBE,get_parameter"), ""),
        ("tcp+tls", (), "DESCRIBE, SETUP, GET_PARAMETER"),
        ("udp+tcp+tls", ("OPTIONS, DESCRIBE, SETUP",), ""),
        ("udp+udp-mcast+tls", (), ""),
    ],
)
def test_only_where_no_datagrams_may_come_a_list_of_methods_is_made_longer(
    rtspsrc: Any, protocols: str, methods: tuple[str, ...], more: str
) -> None:
    """With datagrams rtspsrc asks by itself, by what the camera lists."""
    gst.Gst.util_set_object_arg(rtspsrc, "protocols", protocols)
    KeepAlive(rtspsrc, session := RtspSession())
    assert (session.listed(*methods), session.by_options) == (more, bool(more))


def test_a_camera_that_does_not_answer_is_not_asked_again(rtspsrc: Any) -> None:
    session = login_guard.settle()
    assert session is not None
    session.opened("7;timeout=10", TCP)  # it is not even connected
    keep_alive = KeepAlive(rtspsrc, session)
    for now in (0.0, 6.0, 12.0):
        keep_alive.frame(now)
    assert session.is_asked


def test_each_frame_of_a_camera_keeps_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[float] = []
    monkeypatch.setattr(KeepAlive, "frame", lambda _self, now: heard.append(now))
    with RtspCamera() as camera:
        opened = source.open_source(SourceSpec("door", camera.url))
        try:
            wait_for(lambda: opened.wait(0.1))
        finally:
            opened.close()
    assert len(heard) == 1
