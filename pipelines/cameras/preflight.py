"""A first question to an RTSP camera: what rtspsrc would misname, wait for, or read without end."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipelines.cameras.causes import cause_of_status, cleaned
from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import Cause

if TYPE_CHECKING:
    from pipelines.cameras.source import SourceSpec

MAX_HEAD = 16_384
MAX_BODY = 262_144
"""Far more than any description of a stream needs; some answers claim gigabytes."""
TIMEOUT_S = 2.0
_STATUS = re.compile(rb"(RTSP|HTTP)/\d\.\d (\d{3})([^\r\n]*)")
_LEFT_TO_RTSPSRC = {401, 404}
_QUOTED = re.compile(r'"[^"]*"?')
_BARE_DIGEST = re.compile(r"(?i)(?<!\w)digest(?!\w)(?!\s+[^\s=,]+\s*=)")


def check_answer(spec: SourceSpec, timeout_s: float = TIMEOUT_S) -> None:
    """Ask an rtsp:// camera to describe its stream, without a login. SourceLost where it cannot go on.

    Whatever else goes wrong here is left to rtspsrc, which meets and names it. Encrypted connections are
    not asked.
    """
    url = urlsplit(spec.source)
    if url.scheme != "rtsp":
        return
    request = (
        f"DESCRIBE {spec.source} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n"
        "User-Agent: make-sales-happen\r\n\r\n"
    )
    try:
        with socket.create_connection((url.hostname or "", url.port or 554), timeout_s) as connection:
            connection.sendall(request.encode("ascii", "ignore"))
            head = read_head(connection, time.monotonic() + timeout_s)
    except (OSError, UnicodeError):
        return
    if head:
        _judge(head)


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


def _judge(head: bytes) -> None:
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
    if code == 401 and _only_sha256([value for name, value in values if name == b"www-authenticate"]):
        raise SourceLost(Cause.DIGEST, "Digest with SHA-256 alone")
    logins = [value.decode("latin-1") for name, value in values if name == b"www-authenticate"]
    if code == 401 and logins and all(map(is_bare_digest, logins)):
        raise SourceLost(Cause.ANSWER, "a Digest login without parameters")
    if code >= 400 and code not in _LEFT_TO_RTSPSRC:
        line = cleaned(found[0].decode("latin-1"))
        raise SourceLost(cause_of_status(code), line, answer=line)


def is_bare_digest(challenge: str) -> bool:
    """Return whether a login is by Digest but says nothing of it, which rtspsrc does not survive.

    >>> is_bare_digest("Digest"), is_bare_digest('Digest realm="x"'), is_bare_digest('Basic realm="Digest"')
    (True, False, False)
    """
    return _BARE_DIGEST.search(_QUOTED.sub('""', challenge)) is not None


def _is_small(value: bytes) -> bool:
    with contextlib.suppress(ValueError):
        return 0 <= int(value) <= MAX_BODY
    return False


def _only_sha256(challenges: list[bytes]) -> bool:
    """Return whether all that is offered is Digest with SHA-256, which rtspsrc does not know."""
    digests = [one for text in challenges for one in re.split(rb"(?i)(?=\bdigest\s)", text) if one.strip()]
    return bool(digests) and all(re.search(rb'(?i)algorithm\s*=\s*"?SHA-256', one) for one in digests)
