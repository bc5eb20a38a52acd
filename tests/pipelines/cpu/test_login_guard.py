"""Logins that a camera asks for in a way that ended the whole process, all cameras with it."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engines.paths import ROOT
from pipelines.cameras.login_guard import LoginGuard
from pipelines.cameras.preflight import is_bare_digest
from pipelines.cameras.source import SourceLost, SourceSpec
from pipelines.cameras.trial import first_frame
from pipelines.cpu.source import GstSource, open_source
from tests.fakes.rtsp_replies import refusing_camera

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY")
BARE = (
    "Digest",
    "digest",
    "Digest Digest",
    "Digest x",
    "Digest realm",
    "Negotiate, Digest",
    'Digest,realm="a"',
)
READABLE = (
    'Digest realm="a", nonce="b"',
    'Digest realm="a, b",nonce="",qop="auth", stale',
    "Digest realm=Foo Bar, nonce=b",
    'Basic realm="Digest"',
    "Basic",
    "NTLM",
    "",
)


@pytest.mark.parametrize("challenge", BARE)
def test_a_digest_that_says_nothing_is_told_from_others(challenge: str) -> None:
    assert is_bare_digest(challenge)


@pytest.mark.parametrize("challenge", READABLE)
def test_logins_that_can_be_read_stay(challenge: str) -> None:
    assert not is_bare_digest(challenge)


def test_no_such_login_ends_the_process() -> None:
    """In a process of its own: it was a segmentation fault, with or without a login in the store file."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.cpu.test_login_guard"],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["auth", "answer", "auth", "auth"] * 4 + ["1", "0"]


def _causes() -> Iterator[str]:
    for challenge in ("Digest", "Negotiate, Digest"):
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
