"""Why an RTSP camera that takes a connection sends no video, asked once where rtspsrc says nothing of it.

rtspsrc takes 405, 406, 501 and 551 for "goes without this method" and waits for frames that never come. Over
TCP it throws away what comes on another channel than the one that the answer to SETUP named, and always what
is of another payload type than the description names. So where a connection stays silent, the steps up to
PLAY are taken once more, here, and what comes is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from pipelines.cameras.causes import cause_of_status, cleaned
from pipelines.cameras.connection import BY_TLS, open_connection, speaks_tls
from pipelines.cameras.description import appended, is_whole
from pipelines.cameras.preflight import ELSEWHERE, MAX_BODY, read_head
from pipelines.cameras.redirections import may_have_login, redirection_target
from pipelines.cameras.source import Transport
from pipelines.cameras.states import Cause

if TYPE_CHECKING:
    import socket

    from pipelines.cameras.source import SourceSpec

TIMEOUT_S = 2.0
"""For all the steps together."""
SILENT_SHARE = 0.4
"""Share of the time to connect after which a silent camera is asked whether it refuses to play."""
SILENT_REFUSALS = frozenset({405, 406, 501, 551})
"""Refusals of which rtspsrc says nothing. Others may be due to this second connection: they are left out."""
MISPLACED = 5
"""So many packets of the video on another channel, and none on its own, are no accident."""
_BY_UDP = ": try transport udp"
_RTCP = range(200, 205)
_CHANNEL = re.compile(r"interleaved\s*=\s*(\d+)", re.IGNORECASE)
_ANSWER = re.compile(rb"RTSP/\d\.\d (\d{3})([^\r\n]*)")


def silent_fault(spec: SourceSpec, timeout_s: float = TIMEOUT_S) -> str:
    """Return why rtspsrc waits for a camera in vain: the status line of its refusal to play, or 200 and more.

    Such as "405 Method Not Allowed", or "200 OK, but" and on which channel its video comes. "" where neither
    is so, or where that cannot be told.
    """
    until = time.monotonic() + timeout_s
    with contextlib.suppress(OSError, ValueError), open_connection(spec, timeout_s) as connection:
        return _Conversation(connection, spec, until).fault()
    return ""


def why_silent(spec: SourceSpec, timeout_s: float = TIMEOUT_S) -> tuple[Cause, str]:
    """Return why a camera that takes a connection is silent, and words; NONE for not known. Blocks."""
    if status := silent_fault(spec, timeout_s):
        return cause_of_status(_code(status)), status
    if urlsplit(spec.source).scheme == "rtsp" and speaks_tls(spec, TIMEOUT_S):
        return Cause.ANSWER, BY_TLS
    return Cause.NONE, ""


class _Conversation:
    """The requests of one connection. Its methods raise OSError or ValueError where it cannot go on."""

    def __init__(self, connection: socket.socket, spec: SourceSpec, until: float) -> None:
        self._connection, self._spec, self._until = connection, spec, until
        self._number, self._challenge, self._rest = 0, "", b""

    def fault(self) -> str:
        url = self._spec.source
        status, fields, body = self._ask("DESCRIBE", url, "Accept: application/sdp")
        if _code(status) == 401 and self._spec.username is not None:
            self._challenge = fields.get("www-authenticate", "")
            status, fields, body = self._ask("DESCRIBE", url, "Accept: application/sdp")
        if _code(status) != 200:
            target = redirection_target(url, fields.get("location", ""))
            is_elsewhere = 300 <= _code(status) < 400 and target and not may_have_login(url, target)
            return f"{_code(status)}: {ELSEWHERE}" if is_elsewhere and self._spec.username else ""
        base = fields.get("content-base") or fields.get("content-location") or url
        session, videos = controls(body, base, self._spec.track)
        types = payload_types(body, self._spec.track)
        for video in videos:
            status, fields, _ = self._ask("SETUP", video, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
            if _code(status) == 200:
                break
        if _code(status) != 200 or "session" not in fields:
            return ""
        opened = f"Session: {fields['session'].partition(';')[0]}"
        found = _CHANNEL.search(fields.get("transport", ""))
        status, _, _ = self._ask("PLAY", session, f"{opened}\r\nRange: npt=0.000-")
        if _code(status) in SILENT_REFUSALS:
            return status
        fault = ""
        is_tcp = self._spec.transport is Transport.TCP
        if _code(status) == 200 and found:
            fault = self._misplaced(int(found[1]), types, is_tcp=is_tcp)
        elif _code(status) == 200 and is_tcp:
            fault = f"200 OK, but SETUP names no channel{_BY_UDP}"
        with contextlib.suppress(OSError):  # where it plays, packets lie between its answers
            self._send("TEARDOWN", session, opened)
        return fault

    def _misplaced(self, channel: int, types: set[int], *, is_tcp: bool) -> str:
        """Return on which channel, or as what type, the video comes.

        "" where it comes as agreed, or not in time. is_tcp: whether channels matter.
        """
        wrong: list[int] = []
        others: list[int] = []
        with contextlib.suppress(OSError):
            while len(wrong) < MISPLACED and len(others) < MISPLACED:
                mark, at, *size = self._take(4)
                if mark != ord("$"):
                    break  # an answer or a request: what follows it is left alone
                packet = self._take(int.from_bytes(size, "big"))
                if len(packet) < 2 or packet[1] in _RTCP:
                    continue
                if (kind := packet[1] & 0x7F) not in types:
                    others += [kind] if at == channel else []
                elif at == channel:
                    return ""
                else:
                    wrong.append(at)
        if wrong and is_tcp:
            return f"200 OK, but its video comes on channel {wrong[0]}, not on {channel}{_BY_UDP}"
        told = " or ".join(map(str, sorted(types)))
        return f"200 OK, but its packets are of type {others[0]}, not {told} as it says" if others else ""

    def _take(self, count: int) -> bytes:
        while len(self._rest) < count:
            self._wait_no_longer()
            part = self._connection.recv(4096)
            if not part:
                raise ConnectionError
            self._rest += part
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _ask(self, method: str, url: str, more: str) -> tuple[str, dict[str, str], str]:
        self._send(method, url, more)
        head, _, body = read_head(self._connection, self._until).partition(b"\r\n\r\n")
        found = _ANSWER.match(head.lstrip())
        if found is None:
            raise ValueError("no RTSP answer")
        lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
        fields: dict[str, str] = {}
        for name, _, value in lines:
            # Of several logins the digest is taken: a camera that offers it need not take the other.
            key = name.strip().lower()
            if key not in fields or value.strip().lower().startswith("digest"):
                fields[key] = value.strip()
        length = min(int(fields.get("content-length", "0")), MAX_BODY)
        while len(body) < length and (part := self._connection.recv(4096)):
            body += part
            self._wait_no_longer()
        body, self._rest = body[:length], body[length:]
        return cleaned((found[1] + found[2]).decode("latin-1")), fields, body.decode("utf-8", "replace")

    def _send(self, method: str, url: str, more: str) -> None:
        self._number += 1
        self._wait_no_longer()
        login = f"{self._login(method, url)}\r\n" if self._challenge else ""
        request = (
            f"{method} {url} RTSP/1.0\r\nCSeq: {self._number}\r\nUser-Agent: make-sales-happen\r\n"
            f"{login}{more}\r\n\r\n"
        )
        self._connection.sendall(request.encode("utf-8"))

    def _wait_no_longer(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)

    def _login(self, method: str, url: str) -> str:
        """Return the header that logs in: Digest by MD5 as of RFC 2069, as cameras speak it, or Basic."""
        user, password = self._spec.username or "", self._spec.password or ""
        quoted = user.replace("\\", r"\\").replace('"', r"\"")
        if not self._challenge.lower().startswith("digest"):
            return f"Authorization: Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
        challenge = dict(re.findall(r'(\w+)\s*=\s*"([^"]*)"', self._challenge))
        realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
        response = _md5(f"{_md5(f'{user}:{realm}:{password}')}:{nonce}:{_md5(f'{method}:{url}')}")
        return (
            f'Authorization: Digest username="{quoted}", realm="{realm}", nonce="{nonce}", uri="{url}", '
            f'response="{response}"'
        )


def _code(status: str) -> int:
    return int(status[:3])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def controls(description: str, base: str, track: int) -> tuple[str, list[str]]:
    r"""Return the addresses of the session and of its video track, counted from 1; ValueError for none.

    Cameras mean a track's address to be appended to the session's, GStreamer 1.22 joins it as RFC 3986 says.
    Where the two differ both are returned.

    >>> controls("m=video 0 RTP/AVP 96\na=control:t1", "rtsp://h/live?ch=1", 1)
    ('rtsp://h/live?ch=1', ['rtsp://h/live?ch=1/t1', 'rtsp://h/t1'])
    """
    session, videos, section = base, [""], "session"
    for line in description.splitlines():
        name, _, value = line.strip().partition(":")
        if name.startswith("m="):
            section = name[2:].split(" ")[0].lower()
            videos += [""] if section == "video" else []
        elif name == "a=control" and value.strip() != "*":
            if section == "video":
                videos[-1] = value.strip()
            elif section == "session" and is_whole(value.strip()):
                session = value.strip()  # rtspsrc passes over others
    if len(videos) <= track:
        raise ValueError("no such video track")
    video = videos[track]
    joined = video if is_whole(video) else urljoin(session, video)
    return session, list(dict.fromkeys((appended(session, video), joined)))


def payload_types(description: str, track: int) -> set[int]:
    r"""Return the payload types of RTP that a video track may have, counted from 1.

    >>> sorted(payload_types("m=audio 0 RTP/AVP 8\nm=video 0 RTP/AVP 96 26\na=control:t1", 1))
    [26, 96]
    """
    videos = [line.split() for line in description.splitlines() if line.strip().lower().startswith("m=video")]
    return {int(one) for one in videos[track - 1][3:] if one.isdecimal()}
