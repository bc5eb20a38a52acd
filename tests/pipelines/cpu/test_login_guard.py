"""Logins that a camera asks for in a way that ended the whole process, all cameras with it."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis.strategies import lists, sampled_from

from engines.paths import ROOT
from pipelines.cameras.challenges import known_logins, read_challenges
from pipelines.cameras.login_guard import MAX_REDIRECTIONS, LoginGuard
from pipelines.cameras.preflight import ELSEWHERE
from pipelines.cameras.source import SourceLost, SourceSpec
from pipelines.cameras.states import Cause
from pipelines.cameras.trial import first_frame
from pipelines.cpu import gst
from pipelines.cpu.source import GstSource, open_source
from tests.fakes.certificate import certificate
from tests.fakes.rtsp_replies import refusing_camera
from tests.fakes.tcp_server import tcp_server
from tests.waiting import wait_for

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY")
BARE = (
    "Digest",
    "digest",
    "Digest Digest",
    "Digest x",
    "Digest realm",
    'Digest realm="a"',
    'Digest nonce="b"',
    "Negotiate, Digest",
    'Digest,realm="a"',
)
READ = {
    'Digest realm="a", nonce="b"': ['Digest realm="a", nonce="b"'],
    'Digest realm="a, b",nonce="",qop="auth", stale': ['Digest realm="a, b", nonce="", qop="auth"'],
    "Digest realm=Foo Bar, nonce=b": ['Digest realm="Foo Bar", nonce="b"'],
    'digest   realm = "a" ,  nonce = "b"': ['Digest realm="a", nonce="b"'],
    r'Digest realm="say \"a\"", nonce="b", stale=TRUE': [
        r'Digest realm="say \"a\"", nonce="b", stale="TRUE"'
    ],
    'Digest realm="a", nonce="b", Basic realm="c"': ['Digest realm="a", nonce="b"', 'Basic realm="c"'],
    'Digest realm="a", nonce="b", algorithm=SHA-256, Basic realm="c"': ['Basic realm="c"'],
    'Digest realm="a", nonce="b", algorithm=MD5-sess': [],
    'Basic realm="Digest"': ['Basic realm="Digest"'],
    'DIGEST REALM="K\xfcche", NONCE="b", OPAQUE="c", domain="/", charset=UTF-8, qop="auth,auth-int"': [
        'Digest realm="K\xfcche", nonce="b", opaque="c", qop="auth,auth-int"'
    ],
    'Digest realm="a", nonce="b", algorithm=SHA-256, Digest realm="a", nonce="c", algorithm=MD5': [
        'Digest realm="a", nonce="c", algorithm="MD5"'
    ],
    'Digest realm="a\\", nonce="b': [],
    "Digest realm=a\\, nonce=b": ['Digest realm="a", nonce="b"'],
    'Negotiate YWI==, Digest realm="a", nonce="b"': ['Digest realm="a", nonce="b"'],
    'Digest realm="a" nonce=b algorithm=MD5': ['Digest realm="a", nonce="b", algorithm="MD5"'],
    'Digest algorithm=MD5  realm=At door nonce="b"': ['Digest realm="At door", nonce="b", algorithm="MD5"'],
    'Digest realm="a", nonce="b", algorithm=': ['Digest realm="a", nonce="b", algorithm=""'],
    "Basic": ["Basic"],
    "NTLM": [],
    'Bearer realm="x"': [],
    "": [],
}


@pytest.mark.parametrize("challenge", BARE)
def test_a_digest_that_says_too_little_is_taken_out(challenge: str) -> None:
    assert known_logins(read_challenges([challenge])) == []


@given(
    lists(
        sampled_from([*'=",;\\ \t\xfc', "Digest", "Basic", "realm", "nonce", 'realm="a"', 'nonce="b"', "qop"])
    )
)
def test_what_is_written_reads_the_same(parts: list[str]) -> None:
    written = [one.written() for one in known_logins(read_challenges(["".join(parts)]))]
    assert [one.written() for one in read_challenges(written)] == written


@pytest.mark.parametrize("challenge", READ)
def test_logins_that_can_be_done_are_written_plainly(challenge: str) -> None:
    assert [one.written() for one in known_logins(read_challenges([challenge]))] == READ[challenge]


def test_no_such_login_ends_the_process() -> None:
    """In a process of its own: it was a segmentation fault, with or without a login in the store file."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.cpu.test_login_guard"],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["auth", "answer", "auth", "auth"] * 4 + ["auth"] * 8 + ["1", "0"]


def test_redirections_without_end_are_followed_a_few_times() -> None:
    """A second camera, called after the first, says when the first has had its time."""
    gst.init()
    asked: list[list[str]] = [[], []]

    def talk(client: socket.socket, urls: list[str]) -> None:
        with client.makefile("rb") as lines:
            for raw in lines:
                words = raw.decode("latin-1").split()
                if words[:1] == ["DESCRIBE"]:
                    urls.append(words[1])
                    status = "302 Found\r\nLocation: /again"
                elif words[:1] == ["OPTIONS"]:
                    status = "200 OK\r\nPublic: DESCRIBE, SETUP, PLAY"
                elif words[:1] == ["CSeq:"]:
                    sequence = words[1]
                elif not words:
                    client.sendall(f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n\r\n".encode())

    with ExitStack() as opened:
        for urls in asked:
            port = opened.enter_context(tcp_server(lambda client, urls=urls: talk(client, urls)))
            source = GstSource(SourceSpec("door", f"rtsp://127.0.0.1:{port}/stream"))
            opened.callback(source.close)
            wait_for(lambda urls=urls: len(urls) > MAX_REDIRECTIONS)
        assert len(asked[0]) == MAX_REDIRECTIONS + 1
        assert urlsplit(asked[0][-1]).path == "/again"


@pytest.mark.parametrize("is_asked_first", [True, False])
def test_a_login_goes_to_no_other_host(*, is_asked_first: bool) -> None:
    """A camera that sent its caller on gave the password away: the other host asked for it by Basic.

    is_asked_first: by our own question; else rtspsrc meets it, as where only who has logged in is sent on.
    """
    gst.init()

    def talk(client: socket.socket) -> None:
        other = f"rtsp://127.0.0.2:{client.getsockname()[1]}/stream"
        with client.makefile("rb") as lines:
            for raw in lines:
                words = raw.decode("latin-1").split()
                if words[:1] == ["CSeq:"]:
                    sequence = words[1]
                elif len(words) == 3 and words[2] == "RTSP/1.0":
                    is_sent_on = words[0] == "DESCRIBE"
                elif not words:
                    status = (
                        f"302 Found\r\nLocation: {other}"
                        if is_sent_on
                        else "200 OK\r\nPublic: DESCRIBE, SETUP"
                    )
                    client.sendall(f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n\r\n".encode())

    def watch(url: str) -> None:
        spec = SourceSpec("door", url, "viewer", "secret", connect_timeout_ms=1000)
        with closing(open_source(spec) if is_asked_first else GstSource(spec)) as source:
            wait_for(lambda: source.wait(0.1))

    with tcp_server(talk) as port, pytest.raises(SourceLost) as lost:
        watch(f"rtsp://127.0.0.1:{port}/stream")
    # The other host refuses connections: that would be the cause, if it had been called.
    assert (lost.value.cause, lost.value.answer) == (Cause.ANSWER, f"302: {ELSEWHERE}")


def test_a_path_alone_does_not_end_the_encryption(tmp_path: Path) -> None:
    gst.init()
    asked: list[str] = []

    def talk(client: socket.socket) -> None:
        with client.makefile("rb") as lines:
            for raw in lines:
                words = raw.decode("latin-1").split()
                if words[:1] == ["CSeq:"]:
                    sequence = words[1]
                elif len(words) == 3 and words[2] == "RTSP/1.0":
                    asked.append(words[1])
                elif not words:
                    answer = f"RTSP/1.0 302 Found\r\nLocation: /again\r\nCSeq: {sequence}\r\n\r\n"
                    client.sendall(answer.encode())

    with tcp_server(talk, certificate(tmp_path)) as port:
        source = GstSource(SourceSpec("door", f"rtsps://127.0.0.1:{port}/stream", tls_verify=False))
        try:
            wait_for(lambda: any(url.endswith("/again") for url in asked))
        finally:
            source.close()


def _causes() -> Iterator[str]:
    for challenge in ("Digest", "Negotiate, Digest", 'Digest   realm = "a" ,  nonce = "b"'):
        for name in (None, "viewer"):
            for method in METHODS:
                status = f"401 Unauthorized\r\nWWW-Authenticate: {challenge}"
                with refusing_camera(method, status) as url:
                    spec = SourceSpec("door", url, username=name, password=name, connect_timeout_ms=60_000)
                    try:
                        first_frame(spec, 60, open_source)
                    except SourceLost as lost:
                        yield lost.cause.value


def count_guards(alive: set[int]) -> object:
    """Have the guards that live noted in a set; return what must be kept as long as any may end."""
    library = ctypes.CDLL("libgobject-2.0.so.0")
    end = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    library.g_object_weak_ref.argtypes = [ctypes.c_void_p, end, ctypes.c_void_p]
    note_end = end(lambda _data, guard: alive.discard(guard))
    make = LoginGuard.__init__

    def init(guard: LoginGuard) -> None:
        make(guard)
        alive.add(hash(guard))
        library.g_object_weak_ref(hash(guard), note_end, None)

    LoginGuard.__init__ = init  # type: ignore[method-assign]
    return note_end


def main() -> None:
    """Print what became of each camera, then how many guards live beside one rtspsrc and after it."""
    alive: set[int] = set()
    kept = count_guards(alive)
    print(*_causes())
    source = GstSource(SourceSpec("door", "rtsp://127.0.0.1:1/x"))  # nothing listens there
    print(len(alive))
    source.close()
    del source
    gc.collect()
    print(len(alive))
    del kept


if __name__ == "__main__":
    main()
