"""The streams that a camera offers by ONVIF, from a camera that checks its logins."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from pipelines.cameras.onvif import CameraStream, find_streams
from pipelines.errors import BadInput
from tests.fakes.broker import free_port
from tests.fakes.onvif_camera import URIS, OnvifCamera, serving

TIMEOUT_S = 120.0
USER, PASSWORD = "vie&wer", 'p<ä"ss'
LAST_SECOND = (
    "<tt:UTCDateTime><tt:Time><tt:Hour>23</tt:Hour><tt:Minute>59</tt:Minute><tt:Second>59</tt:Second></tt:Time>"
    "<tt:Date><tt:Year>9999</tt:Year><tt:Month>12</tt:Month><tt:Day>31</tt:Day></tt:Date></tt:UTCDateTime>"
)
STREAMS = [
    CameraStream("rtsp://cam.lan:554/stream1", "Main Stream", 2560, 1440, 20, "H264", 4096),
    CameraStream("rtsp://cam.lan:554/stream2?a=1&b=2", "Sub Stream", 640, 360, 10, "H264", 512),
]


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=7), timedelta(days=-9000)])
@pytest.mark.parametrize(
    "media_at", ["http://192.168.99.9:{port}/onvif/media_service", "", "junk", "http://[::x"]
)
def test_all_streams_are_told_the_largest_first_at_the_host_that_was_asked(ahead, media_at):
    camera = OnvifCamera(USER, PASSWORD)
    camera.ahead, camera.media_at = ahead, media_at
    with serving(camera) as service:
        assert find_streams(service, "cam.lan", USER, PASSWORD, TIMEOUT_S) == STREAMS
    path = "/onvif/media_service" if "media" in media_at else "/onvif/device_service"
    assert (path, "GetProfiles") in camera.asked


@pytest.mark.parametrize("camera", [OnvifCamera(), OnvifCamera("viewer", "x", http_digest=True)])
def test_cameras_that_ask_nobody_or_log_in_by_http(camera):
    with serving(camera) as service:
        assert find_streams(service, "cam.lan", camera.user, camera.password, TIMEOUT_S) == STREAMS


@pytest.mark.parametrize(("user", "password"), [("viewer", "wrong"), ("other", "x"), ("", "")])
@pytest.mark.parametrize("http_digest", [False, True])
def test_a_wrong_login_is_told(user, password, http_digest):
    camera = OnvifCamera("viewer", "x", http_digest=http_digest)
    with serving(camera) as service, pytest.raises(BadInput, match="rejects user name or password"):
        find_streams(service, "cam.lan", user, password, TIMEOUT_S)


@pytest.mark.parametrize(
    "answer",
    [
        (404, b"<html>nothing</html>"),
        (200, b"<html>a web page</html>"),
        (200, b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        (200, "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>".encode("utf-16")),
        (200, b"\x00\xff"),
        (200, b"x" * 400_000),
        (302, b""),
        (200, b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>'),
    ],
)
def test_what_is_no_onvif_service_is_told(answer):
    camera = OnvifCamera("viewer", "x")
    camera.answer = answer
    with serving(camera) as service, pytest.raises(BadInput, match="no ONVIF service answers there"):
        find_streams(service, "cam.lan", "viewer", "x", TIMEOUT_S)


def test_a_clock_at_the_end_of_time_is_not_followed(monkeypatch):
    camera = OnvifCamera()
    told, capabilities = threading.Event(), camera.GetCapabilities

    def late(method):
        told.wait(1.1)  # a second more has no date any more
        return capabilities(method)

    monkeypatch.setattr(camera, "_time", lambda: LAST_SECOND)
    monkeypatch.setattr(camera, "GetCapabilities", late)
    with serving(camera) as service:
        assert find_streams(service, "cam.lan", USER, PASSWORD, TIMEOUT_S) == STREAMS


def test_where_nobody_listens():
    with pytest.raises(BadInput, match="no ONVIF service answers there"):
        find_streams(f"http://127.0.0.1:{free_port()}/onvif/device_service", "cam.lan")


def test_a_stream_at_an_odd_address_is_left_out(monkeypatch):
    for uri in ("http://10.0.0.1/x", "rtsp://10.0.0.1/$x", "rtsp://[::x/y", "rtsp://h/\u202e"):
        monkeypatch.setitem(URIS, "p1", uri)
        with serving(OnvifCamera()) as service:
            assert find_streams(service, "cam.lan", timeout_s=TIMEOUT_S) == STREAMS[1:]
