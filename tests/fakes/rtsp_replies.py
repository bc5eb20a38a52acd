"""An RTSP camera on a socket that refuses one method with a chosen status; it sends no video."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
    "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==\r\n"
)


@contextmanager
def refusing_camera(refused: str, status: str) -> Iterator[str]:
    """Yield the address of a camera that answers a method with `status`, such as "454 Session Not Found"."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        url = f"rtsp://127.0.0.1:{server.getsockname()[1]}/stream"

        def accept() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=_serve, args=(client, url, refused, status), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield url
        server.shutdown(socket.SHUT_RDWR)


def _serve(client: socket.socket, url: str, refused: str, status: str) -> None:
    with client, client.makefile("rb") as lines:
        head: list[str] = []
        for raw in lines:
            if line := raw.decode("latin-1").strip():
                head.append(line)
                continue
            client.sendall(_reply(head, url, refused, status).encode("utf-8"))
            head = []


def _reply(head: list[str], url: str, refused: str, status: str) -> str:
    method = head[0].split()[0]
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in head[1:])
    }
    if method == refused:
        return f"RTSP/1.0 {status}\r\nCSeq: {fields['cseq']}\r\n\r\n"
    more, body = "", ""
    if method == "OPTIONS":
        more = f"Public: {METHODS}\r\n"
    elif method == "DESCRIBE":
        more, body = f"Content-Base: {url}/\r\nContent-Type: application/sdp\r\n", SDP
    elif method == "SETUP":
        more = f"Session: 7\r\nTransport: {fields['transport'].split(',')[0]}\r\n"
    elif method == "PLAY":
        more = "Session: 7\r\nRange: npt=0-\r\n"
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"RTSP/1.0 200 OK\r\nCSeq: {fields['cseq']}\r\n{more}{length}\r\n{body}"
