"""What a camera's first answer says, from a socket that gives it byte by byte."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from pipelines.cameras.preflight import MAX_BODY, MAX_HEAD, check_answer
from pipelines.cameras.source import SourceLost, SourceSpec
from pipelines.cameras.states import REMEDY, Cause
from tests.fakes.tcp_server import tcp_server

OK = "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: {}\r\n\r\n"
SHA256 = 'WWW-Authenticate: Digest realm="x", nonce="n", algorithm=SHA-256, qop="auth"\r\n'
MD5 = 'WWW-Authenticate: Digest realm="x", nonce="n"\r\n'


def judged(answer: bytes) -> SourceLost | None:
    """Return what is made of a camera that answers so and hangs up."""

    def talk(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(answer)

    with tcp_server(talk) as port:
        try:
            check_answer(SourceSpec("c", f"rtsp://127.0.0.1:{port}/x"), timeout_s=60)
        except SourceLost as lost:
            return lost
    return None


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (OK.format(400), None),
        (OK.format(MAX_BODY), None),
        (OK.format(2_000_000_000), Cause.ANSWER),
        (OK.format(-1), Cause.ANSWER),
        (OK.format("x"), Cause.ANSWER),
        ("RTSP/1.0 200 OK\r\n" + "X: y\r\n" * MAX_HEAD, Cause.ANSWER),
        ("SSH-2.0-dropbear\r\n\r\n", Cause.ANSWER),
        ("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", Cause.NOT_RTSP),
        (f"RTSP/1.0 401 Unauthorized\r\n{SHA256}\r\n", Cause.DIGEST),
        (f"RTSP/1.0 401 Unauthorized\r\n{SHA256}{MD5}\r\n", None),
        (f"RTSP/1.0 401 Unauthorized\r\n{MD5}\r\n", None),
        (f"RTSP/1.0 401 Unauthorized\r\n{SHA256}WWW-Authenticate: Basic realm=x\r\n\r\n", None),
        (f"RTSP/1.0 401 Unauthorized\r\n{SHA256.replace('SHA-256', 'MD5-sess')}\r\n", Cause.DIGEST),
        (f"RTSP/1.0 401 Unauthorized\r\n{SHA256.replace('SHA-256', 'SHA-512-256')}\r\n", Cause.DIGEST),
        ("RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n\r\n", None),
        ("RTSP/1.0 401 Unauthorized\r\n\r\n", None),
        ("RTSP/1.0 404 Not Found\r\n\r\n", None),
        ("RTSP/1.0 302 Moved\r\nLocation: rtsp://h/y\r\n\r\n", None),
        ("RTSP/1.0 302 Moved\r\nLocation: /y\r\n\r\n", None),
        ("RTSP/1.0 302 Moved\r\nLocation: http://h/y\r\n\r\n", Cause.ANSWER),
        ("RTSP/1.0 302 Moved\r\nLocation: rtsp://[::1/y\r\n\r\n", Cause.ANSWER),
        ("RTSP/1.0 301 Moved\r\n\r\n", Cause.ANSWER),
        ("RTSP/1.0 403 Forbidden\r\n\r\n", Cause.AUTH),
        ("RTSP/1.0 453 Not Enough Bandwidth\r\n\r\n", Cause.BUSY),
        ("RTSP/1.0 503 Service Unavailable\r\n\r\n", Cause.BUSY),
        ("RTSP/1.0 551 Option not supported\r\n\r\n", Cause.ANSWER),
        ("", None),
    ],
)
def test_the_first_answer_names_the_cause(answer, cause):
    lost = judged(answer.encode())
    assert (lost.cause if lost else None) is cause
    assert cause is None or REMEDY[cause]


def test_a_status_line_is_shown_as_the_camera_wrote_it_without_control_characters():
    assert judged(b"RTSP/1.0 551 Opt\x1b[31mion\r\n\r\n").answer == "RTSP/1.0 551 Opt?[31mion"


@pytest.mark.parametrize(
    ("algorithms", "told"),
    [
        (("MD5-sess",), "Digest MD5-sess"),
        (('"md5-SESS"',), "Digest md5-SESS"),
        (("SHA-256",), "Digest SHA-256"),
        (("SHA-512-256", "SHA-256", "SHA-256"), "Digest SHA-512-256, SHA-256"),
        (('"S\x1b[31m"',), "Digest S?[31m"),
    ],
)
def test_a_digest_that_cannot_be_done_is_told_by_the_algorithm_that_the_camera_asks_for(algorithms, told):
    logins = "".join(SHA256.replace("SHA-256", one) for one in algorithms)
    lost = judged(f"RTSP/1.0 401 Unauthorized\r\n{logins}\r\n".encode())
    assert (lost.cause, lost.answer) == (Cause.DIGEST, told)


def test_who_does_not_answer_is_left_to_rtspsrc():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        check_answer(SourceSpec("c", f"rtsp://127.0.0.1:{port}/x"), timeout_s=0.1)
    check_answer(SourceSpec("c", f"rtsp://127.0.0.1:{port}/x"), timeout_s=0.1)
    check_answer(SourceSpec("c", "rtsp://no-such-host.invalid/x"), timeout_s=0.1)
