"""An ONVIF camera's device and media service on a socket; it checks logins as the specifications ask."""

from __future__ import annotations

import base64
import hashlib
import re
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from tests.fakes import http_server
from tests.fakes.http_server import QuietHandler

if TYPE_CHECKING:
    from collections.abc import Iterator

S = "{http://www.w3.org/2003/05/soap-envelope}"
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
DEVICE, MEDIA, TT = (f"http://www.onvif.org/ver10/{name}" for name in ("device/wsdl", "media/wsdl", "schema"))
MAX_AGE = timedelta(seconds=300)
ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"'
    f' xmlns:tds="{DEVICE}" xmlns:trt="{MEDIA}" xmlns:tt="{TT}" xmlns:ter="http://www.onvif.org/ver10/error">'
    "<env:Body>%s</env:Body></env:Envelope>"
)
FAULT = (
    "<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>ter:{}</env:Value>"
    '</env:Subcode></env:Code><env:Reason><env:Text xml:lang="en">Sender not Authorized</env:Text>'
    "</env:Reason></env:Fault>"
)
PROFILE = (
    '<trt:Profiles token="{token}" fixed="true"><tt:Name>{name}</tt:Name>'
    '<tt:VideoEncoderConfiguration token="e"><tt:Encoding>H264</tt:Encoding>'
    "<tt:Resolution><tt:Width>{w}</tt:Width><tt:Height>{h}</tt:Height></tt:Resolution>"
    "<tt:RateControl><tt:FrameRateLimit>{fps}</tt:FrameRateLimit><tt:BitrateLimit>{kbps}</tt:BitrateLimit>"
    "</tt:RateControl></tt:VideoEncoderConfiguration></trt:Profiles>"
)
SUB = {"token": "p&2", "name": "Sub Stream", "w": 640, "h": 360, "fps": 10, "kbps": 512}
MAIN = {"token": "p1", "name": "Main Stream", "w": 2560, "h": 1440, "fps": 20, "kbps": 4096}
URIS = {"p1": "rtsp://192.168.99.9:{port}/stream1", "p&2": "rtsp://192.168.99.9:{port}/stream2?a=1&amp;b=2"}


class OnvifCamera:
    """user: "" for a camera that asks nobody. ahead: of our clock. answer: in place of all others."""

    def __init__(self, user: str = "", password: str = "", *, http_digest: bool = False) -> None:
        self.user, self.password, self.http_digest = user, password, http_digest
        self.ahead = timedelta(0)
        self.media_at = "http://192.168.99.9:{port}/onvif/media_service"
        self.rtsp_port = 554
        self.answer: tuple[int, bytes] | None = None
        self.asked: list[tuple[str, str]] = []
        self.port = 0
        self._nonces: set[str] = set()

    def reply(self, path: str, raw: bytes, header: str) -> tuple[int, str]:
        """Return status and body for a question; header: its Authorization."""
        root = ElementTree.fromstring(raw)
        method = root.find(f"{S}Body")[0]
        namespace, _, name = method.tag[1:].partition("}")
        self.asked.append((path, name))
        if name == "GetSystemDateAndTime":
            return 200, self._time()
        if self.user and self.http_digest and not self._knows_http(header, path):
            return 401, ""
        if self.user and not self.http_digest and not self._knows(root):
            return 400, FAULT.format("NotAuthorized")
        expected = {"GetCapabilities": DEVICE, "GetProfiles": MEDIA, "GetStreamUri": MEDIA}
        if expected.get(name) != namespace:
            return 500, FAULT.format("ActionNotSupported")
        return getattr(self, name)(method)

    def _time(self) -> str:
        at = datetime.now(timezone.utc) + self.ahead
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
            f"<tt:UTCDateTime><tt:Time><tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute>"
            f"<tt:Second>{at.second}</tt:Second></tt:Time><tt:Date><tt:Year>{at.year}</tt:Year>"
            f"<tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day></tt:Date></tt:UTCDateTime>"
            "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _knows(self, root: ElementTree.Element) -> bool:
        token = root.find(f"{S}Header/{WSSE}Security/{WSSE}UsernameToken")
        if token is None:
            return False
        text = {one.tag: one.text or "" for one in token}
        nonce, created = text[f"{WSSE}Nonce"], text[f"{WSU}Created"]
        age = datetime.now(timezone.utc) + self.ahead - datetime.fromisoformat(created.replace("Z", "+00:00"))
        fresh = abs(age) < MAX_AGE and nonce not in self._nonces
        self._nonces.add(nonce)
        digest = hashlib.sha1(base64.b64decode(nonce) + created.encode() + self.password.encode()).digest()
        sent = base64.b64decode(text[f"{WSSE}Password"])
        return fresh and text[f"{WSSE}Username"] == self.user and sent == digest

    def _knows_http(self, header: str, path: str) -> bool:
        said = dict(re.findall(r'(\w+)="?([^",]*)"?', header))
        if not header.startswith("Digest ") or said.get("username") != self.user:
            return False
        first, second = (
            hashlib.md5(text.encode()).hexdigest()
            for text in (f"{self.user}:cam:{self.password}", f"POST:{path}")
        )
        whole = f"{first}:n0:{said['nc']}:{said['cnonce']}:auth:{second}"
        return said["response"] == hashlib.md5(whole.encode()).hexdigest()

    def GetCapabilities(self, _method: Any) -> tuple[int, str]:  # noqa: N802 as the specification calls it
        """Say where the media service is."""
        at = self.media_at.format(port=self.port)
        media = f"<tt:Media><tt:XAddr>{at}</tt:XAddr></tt:Media>" if at else ""
        body = f"<tds:Capabilities>{media}</tds:Capabilities>"
        return 200, f"<tds:GetCapabilitiesResponse>{body}</tds:GetCapabilitiesResponse>"

    def GetProfiles(self, _method: Any) -> tuple[int, str]:  # noqa: N802
        """List the profiles, the smaller one first, and one that holds no picture."""
        shown = "".join(
            PROFILE.format(**{**one, "token": one["token"].replace("&", "&amp;")}) for one in (SUB, MAIN)
        )
        sound = '<trt:Profiles token="p3"><tt:Name>Sound</tt:Name></trt:Profiles>'
        return 200, f"<trt:GetProfilesResponse>{shown}{sound}</trt:GetProfilesResponse>"

    def GetStreamUri(self, method: Any) -> tuple[int, str]:  # noqa: N802
        """Give a stream's address; a question out of order is refused, as a schema check would."""
        setup, token = list(method)
        shape = [one.tag for one in setup.iter()]
        names = ["StreamSetup", "Stream", "Transport", "Protocol"]
        wanted = [f"{{{MEDIA}}}{names[0]}", *(f"{{{TT}}}{name}" for name in names[1:])]
        uri = URIS.get(token.text or "")
        if shape != wanted or uri is None:
            return 400, FAULT.format("NoProfile")
        uri = uri.format(port=self.rtsp_port)
        inside = f"<trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>"
        return 200, f"<trt:GetStreamUriResponse>{inside}</trt:GetStreamUriResponse>"


@contextmanager
def serving(camera: OnvifCamera) -> Iterator[str]:
    """Serve the camera on a port of this machine; yield its device service's address."""

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            status, body = camera.reply(self.path, raw, self.headers.get("Authorization", ""))
            data = (ENVELOPE % body).encode()
            if camera.answer is not None:
                status, data = camera.answer
            self.send_response(status)
            if status == 401:
                self.send_header(
                    "WWW-Authenticate", 'Digest realm="cam", nonce="n0", qop="auth", algorithm=MD5'
                )
            if status == 302:
                self.send_header("Location", "http://198.51.100.7/onvif/device_service")
            self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with http_server.serving(Handler) as server:
        camera.port = server.server_port
        yield f"{server.url}/onvif/device_service"
