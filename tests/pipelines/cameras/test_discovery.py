"""What answers a WS-Discovery probe, and what only says so."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace

import pytest

from pipelines.cameras.discovery import FoundCamera, find_cameras, read_answer

ANSWER = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Body><d:ProbeMatches><d:ProbeMatch>
<d:Types>dn:NetworkVideoTransmitter</d:Types>
<d:Scopes>onvif://www.onvif.org/type/video onvif://www.onvif.org/name/Kamera%20S%C3%BCd
 onvif://www.onvif.org/hardware/X%0A100</d:Scopes>
<d:XAddrs>http://{host}/onvif/device_service http://[fe80::1]/onvif</d:XAddrs>
</d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"""

FOUND = FoundCamera("10.0.0.7", "Kamera Süd", "X100", "http://10.0.0.7/onvif/device_service")


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (ANSWER.format(host="10.0.0.7"), FOUND),
        (
            ANSWER.format(host="10.0.0.7:8080"),
            replace(FOUND, service=FOUND.service.replace("0.7", "0.7:8080")),
        ),
        (ANSWER.format(host="10.0.0.8"), None),  # it speaks for somebody else
        (ANSWER.format(host="[").replace("http://[fe80::1]", "http://]"), None),
        (ANSWER.replace("ProbeMatch>", "Hello>").format(host="10.0.0.7"), None),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]>" + ANSWER.format(host="10.0.0.7"), None),
        ("<a", None),
        ("", None),
        ("\x00\xff", None),
    ],
)
def test_only_a_camera_that_speaks_for_itself_is_one(answer, found):
    assert read_answer(answer.encode(), "10.0.0.7") == found


def test_a_probe_is_answered_over_the_network():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera:
        camera.bind(("127.0.0.1", 0))
        camera.settimeout(300)

        def answer() -> None:
            probe, asker = camera.recvfrom(4096)
            assert b"NetworkVideoTransmitter" in probe
            camera.sendto(b"junk", asker)
            camera.sendto(ANSWER.format(host="127.0.0.1").encode(), asker)

        thread = threading.Thread(target=answer)
        thread.start()
        found = find_cameras(camera.getsockname(), 300, max_answers=1)
        thread.join(120)
    assert found == [replace(FOUND, host="127.0.0.1", service="http://127.0.0.1/onvif/device_service")]
