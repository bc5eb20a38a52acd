"""A first look at a camera: what GStreamer would misname, wait for, or read without end."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipelines.cameras.causes import cause_of_status, cleaned
from pipelines.cameras.challenges import known_logins, read_challenges
from pipelines.cameras.connection import (
    BY_TLS,
    WITHOUT_TLS,
    HandshakeFailed,
    open_connection,
    speaks_plainly,
    speaks_tls,
)
from pipelines.cameras.redirections import may_have_login, redirection_target
from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import Cause
from pricing.plain_file import check_plain

if TYPE_CHECKING:
    import socket

    from pipelines.cameras.source import SourceSpec

MAX_HEAD = 16_384
MAX_BODY = 262_144
"""Far more than any description of a stream needs; some answers claim gigabytes."""
TIMEOUT_S = 2.0
ELSEWHERE = "sends to another host, which gets no login: name that host as source"
_STATUS = re.compile(rb"(RTSP|HTTP)/\d\.\d (\d{3})([^\r\n]*)")
_LEFT_TO_RTSPSRC = {401, 404}
_TLS_ALERT = b"\x15\x03"
"""So begins what an encrypted port says to a request that is not encrypted."""


def check_file(path: str) -> None:
    """Raise SourceLost where a video file cannot be read: of a named pipe, opening alone may never end."""
    try:
        check_plain(Path(path))
    except OSError as error:
        raise SourceLost(Cause.FILE, error.strerror or "") from None


def check_answer(spec: SourceSpec, timeout_s: float = TIMEOUT_S) -> None:
    """Ask a camera to describe its stream, without a login. SourceLost where it cannot go on.

    Whatever else goes wrong here, a certificate among it, is left to rtspsrc, which meets and names it.
    """
    is_plain = urlsplit(spec.source).scheme == "rtsp"
    request = (
        f"DESCRIBE {spec.source} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n"
        "User-Agent: make-sales-happen\r\n\r\n"
    )
    try:
        with open_connection(spec, timeout_s) as connection:
            connection.sendall(request.encode("ascii", "ignore"))
            head = read_head(connection, time.monotonic() + timeout_s)
    except HandshakeFailed:
        if speaks_plainly(spec, timeout_s):
            raise SourceLost(Cause.TLS, WITHOUT_TLS, answer=WITHOUT_TLS) from None
        return
    except (ConnectionResetError, BrokenPipeError):
        head = b""
    except (OSError, ValueError):
        return
    if is_plain and (head.startswith(_TLS_ALERT) or (not head and speaks_tls(spec, timeout_s))):
        raise SourceLost(Cause.ANSWER, BY_TLS, answer=BY_TLS)
    if head:
        _judge(head, spec)


def read_head(connection: socket.socket, until: float) -> bytes:
    """Return the answer up to the end of its head, at most MAX_HEAD; nothing where it does not come."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) <= MAX_HEAD:
        left = until - time.monotonic()
        if left <= 0:
            return b""
        connection.settimeout(left)
        part = connection.recv(4096)
        if not part:
            break
        head += part
    return head


def _judge(head: bytes, spec: SourceSpec) -> None:
    found = _STATUS.match(head.lstrip())
    if found is None or len(head) > MAX_HEAD:
        raise SourceLost(Cause.ANSWER, "no RTSP answer")
    protocol, code = found[1], int(found[2])
    if protocol == b"HTTP":
        raise SourceLost(Cause.NOT_RTSP, "the port speaks HTTP")
    fields = [line.partition(b":") for line in head.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]]
    values = [(name.strip().lower(), value.strip()) for name, _, value in fields]
    for name, value in values:
        if name == b"content-length" and not _is_small(value):
            raise SourceLost(Cause.ANSWER, "an answer of more bytes than a description has")
    if code == 401:
        _judge_logins([value.decode("latin-1") for name, value in values if name == b"www-authenticate"])
    if 300 <= code < 400:
        locations = [value.decode("latin-1") for name, value in values if name == b"location"]
        target = redirection_target(spec.source, locations[0]) if locations else ""
        if target in ("", spec.source):
            line = cleaned(found[0].decode("latin-1"))
            raise SourceLost(Cause.ANSWER, f"{line}: a redirection that leads nowhere", answer=line)
        if spec.username is not None and not may_have_login(spec.source, target):
            raise SourceLost(Cause.ANSWER, f"{code}: {ELSEWHERE}", answer=cleaned(f"{code}: {ELSEWHERE}"))
    if code >= 400 and code not in _LEFT_TO_RTSPSRC:
        line = cleaned(found[0].decode("latin-1"))
        raise SourceLost(cause_of_status(code), line, answer=line)


def _judge_logins(values: list[str]) -> None:
    offered = read_challenges(values)
    digests = [one for one in offered if one.is_digest]
    if not digests or known_logins(offered):
        return
    # MD5-sess, SHA-256, SHA-512-256: which one is asked for tells a person what to look for in the settings.
    names = dict.fromkeys(one.parameters.get("algorithm", "").strip() for one in digests if one.is_whole)
    if names:
        asked = cleaned(f"Digest {', '.join(names)}")
        raise SourceLost(Cause.DIGEST, f"{asked}, not MD5", answer=asked)
    raise SourceLost(Cause.ANSWER, "a Digest login without realm or nonce")


def _is_small(value: bytes) -> bool:
    with contextlib.suppress(ValueError):
        return 0 <= int(value) <= MAX_BODY
    return False
