"""An RTSP camera on a socket that refuses one method with a chosen status; it sends no video."""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.fakes.tcp_server import reset, tcp_server

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
    "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==\r\n"
)
_HUGE = "200 OK\r\nContent-Type: application/sdp\r\nContent-Length: 600000000"
CHALLENGE = 'WWW-Authenticate: Digest realm="camera", nonce="7f3a"\r\n'


@contextmanager
def refusing_camera(
    refused: str, status: str, login: tuple[str, str] | None = None, pem: Path | None = None
) -> Iterator[str]:
    """Yield the address of a camera that answers a method with `status`, such as "454 Session Not Found".

    login: the name and password that it wants, by Digest, for all but OPTIONS. pem: it is encrypted by that.
    """
    with tcp_server(lambda client: _talk(client, refused, status, login), pem) as port:
        yield f"{'rtsps' if pem else 'rtsp'}://127.0.0.1:{port}/stream"


@contextmanager
def hanging_up_camera(method: str, *, by_reset: bool) -> Iterator[str]:
    """Yield the address of a camera that hangs up when asked for a method; "" at once."""

    def talk(client: socket.socket) -> None:
        for head in _requests(client) if method else ():
            if head[0].startswith(f"{method} "):
                break
            client.sendall(_reply(head, "", "").encode())
        if by_reset:
            reset(client)

    with tcp_server(talk) as port:
        yield f"rtsp://127.0.0.1:{port}/stream"


@contextmanager
def playing_camera(
    session: str, methods: str = METHODS, refused: str = "", datagrams: str = "200 OK"
) -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a camera that plays, without a picture, and the methods that it was asked for.

    methods: what it lists; nothing where it has no list. refused: of which it says 405 all the same.
    datagrams: what it says of a SETUP for them.
    """
    asked: list[str] = []

    def talk(client: socket.socket) -> None:
        for head in _requests(client):
            asked.append(head[0].split()[0])
            answer = _reply(head, refused, "405 Method Not Allowed")
            if asked[-1] == "SETUP" and "tcp" not in _fields(head)["transport"].lower():
                answer = answer.replace("200 OK", datagrams)
            answer = answer.replace("Session: 7", f"Session: {session}")
            answer = answer.replace(f"Public: {METHODS}\r\n", f"Public: {methods}\r\n" if methods else "")
            client.sendall(answer.encode())

    with tcp_server(talk) as port:
        yield f"rtsp://127.0.0.1:{port}/stream", asked


@contextmanager
def choosy_camera(address: str, control: str, track: str, base: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a camera's address and what it was asked for; of others than its track it says 454.

    address: what follows host and port. control: the address in the lines of its track, "" for none.
    track, base: those of its track and of its Content-Base, with {url} for the camera's address.
    """
    asked: list[str] = []
    sdp = SDP.replace("a=control:track1\r\n", f"a=control:{control}\r\n" if control else "")

    def talk(client: socket.socket) -> None:
        for head in _requests(client):
            method, wanted, _ = head[0].split()
            url = f"rtsp://127.0.0.1:{client.getsockname()[1]}{address}"
            is_other = method == "SETUP" and wanted != track.format(url=url)
            asked.append(method)
            answer = _reply(head, "SETUP" if is_other else "", "454 Session Not Found", sdp)
            before = f"Content-Base: {wanted}/\r\n"
            client.sendall(answer.replace(before, base.format(url=url)).encode())

    with tcp_server(talk) as port:
        yield f"rtsp://127.0.0.1:{port}{address}", asked


@contextmanager
def flooding_camera(login: tuple[str, str] | None = None) -> Iterator[str]:
    """Yield the address of a camera that describes its stream in 600 MB.

    login: the name and password that it wants for that.
    """

    def talk(client: socket.socket) -> None:
        for head in _requests(client):
            answer = _answer(head, "DESCRIBE", _HUGE, login)
            client.sendall(answer.encode())
            if head[0].startswith("DESCRIBE ") and " 200 " in answer:
                for _ in range(600):
                    client.sendall(bytes(1_000_000))

    with tcp_server(talk) as port:
        yield f"rtsp://127.0.0.1:{port}/stream"


def _answer(head: list[str], refused: str, status: str, login: tuple[str, str] | None) -> str:
    if login is not None and not _is_logged_in(head, login):
        return f"RTSP/1.0 401 Unauthorized\r\nCSeq: {_fields(head)['cseq']}\r\n{CHALLENGE}\r\n"
    return _reply(head, refused, status)


def _talk(client: socket.socket, refused: str, status: str, login: tuple[str, str] | None) -> None:
    for head in _requests(client):
        client.sendall(_answer(head, refused, status, login).encode("utf-8"))


def _requests(client: socket.socket) -> Iterator[list[str]]:
    """Yield the lines of each request, until the client goes."""
    with client.makefile("rb") as lines:
        head: list[str] = []
        for raw in lines:
            if line := raw.decode("latin-1").strip():
                head.append(line)
            elif head:
                yield head
                head = []


def _fields(head: list[str]) -> dict[str, str]:
    return {
        name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in head[1:])
    }


def _is_logged_in(head: list[str], login: tuple[str, str]) -> bool:
    method, url, _ = head[0].split()
    given = dict(re.findall(r'(\w+)="([^"]*)"', _fields(head).get("authorization", "")))
    response = _md5(f"{_md5(f'{login[0]}:camera:{login[1]}')}:7f3a:{_md5(f'{method}:{url}')}")
    return method == "OPTIONS" or (given.get("username"), given.get("response")) == (login[0], response)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _reply(head: list[str], refused: str, status: str, sdp: str = SDP) -> str:
    (method, url, _), fields = head[0].split(), _fields(head)
    if method == refused:
        return f"RTSP/1.0 {status}\r\nCSeq: {fields['cseq']}\r\n\r\n"
    more, body = "", ""
    if method == "OPTIONS":
        more = f"Public: {METHODS}\r\n"
    elif method == "DESCRIBE":
        more, body = f"Content-Base: {url}/\r\nContent-Type: application/sdp\r\n", sdp
    elif method == "SETUP":
        more = f"Session: 7\r\nTransport: {fields['transport'].split(',')[0]}\r\n"
    elif method == "PLAY":
        more = "Session: 7\r\nRange: npt=0-\r\n"
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"RTSP/1.0 200 OK\r\nCSeq: {fields['cseq']}\r\n{more}{length}\r\n{body}"
