"""The verdict of a soak, and the relay that fails as networks do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from engines.paths import ROOT
from scripts.bench.relay import Relay
from scripts.bench.soak_verdict import QuietMoment, quiet_moment, verdicts
from scripts.msh import main
from tests.fakes.tcp_server import tcp_server

FLAT = [QuietMoment(60.0 * n, 45, 50, 1000, True, 1) for n in range(1, 13)]
DONE, RELOADS = {"videos": 90}, {"applied": 60, "unchanged": 3}


def judged(moments: list[QuietMoment], reloads: dict[str, int] = RELOADS, log: str = "") -> dict[str, str]:
    return {one.name: one.level.value for one in verdicts(moments, DONE, reloads, log.splitlines())}


def test_a_flat_soak_is_good_in_all() -> None:
    found = judged(FLAT)
    assert set(found.values()) == {"ok"}
    assert set(found) == {
        "descriptors",
        "threads",
        "memory",
        "health",
        "other cameras",
        "reloads",
        "log",
        "done",
    }


@pytest.mark.parametrize(
    ("name", "moments"),
    [
        ("descriptors", [replace(one, descriptors=45 + n) for n, one in enumerate(FLAT)]),
        ("threads", [replace(one, threads=50 + n) for n, one in enumerate(FLAT)]),
        ("memory", [replace(one, memory_mb=1000 + 15 * n) for n, one in enumerate(FLAT)]),
        ("health", [replace(one, healthy=n != 9) for n, one in enumerate(FLAT)]),
        ("other cameras", [replace(one, connects=1 + (n > 9)) for n, one in enumerate(FLAT)]),
    ],
)
def test_what_grows_or_breaks_is_named(name: str, moments: list[QuietMoment]) -> None:
    assert [what for what, level in judged(moments).items() if level == "fail"] == [name]


def test_what_a_look_holds_for_seconds_is_no_growth() -> None:
    samples = [replace(FLAT[4], at_s=240.0 + n, memory_mb=memory) for n, memory in enumerate((980, 876, 940))]
    assert quiet_moment(samples) == replace(FLAT[4], at_s=242.0, memory_mb=876)


def test_edits_that_were_not_taken_up_and_tracebacks_are_named() -> None:
    assert judged(FLAT, {"applied": 60, "refused": 1})["reloads"] == "fail"
    assert judged(FLAT, {})["reloads"] == "fail"
    assert judged(FLAT, log="fine\nTraceback (most recent call last):")["log"] == "fail"
    assert judged(FLAT[:4]) == {"soak": "fail"}
    assert judged([]) == {"soak": "fail"}
    assert main(["bench", "soak", "--minutes", "1"]) == 2


def is_gone(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_a_relay_passes_on_freezes_and_cuts() -> None:
    def echo(client: socket.socket) -> None:
        while data := client.recv(9):
            client.sendall(data)

    with tcp_server(echo) as port:
        relay = Relay(port)
        with socket.create_connection(("127.0.0.1", relay.port), 300) as client:
            client.sendall(b"1")
            assert client.recv(1) == b"1"
        with socket.create_connection(("127.0.0.1", relay.port), 300) as client:
            relay.freeze()
            client.sendall(b"2")
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(1)
            client.settimeout(300)
            relay.restore()
            assert client.recv(1) == b"2"
        with socket.create_connection(("127.0.0.1", relay.port), 300) as client:
            relay.cut()
            assert is_gone(client)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", relay.port), 300)
        relay.restore()
        with socket.create_connection(("127.0.0.1", relay.port), 300) as client:
            client.sendall(b"4")
            assert client.recv(1) == b"4"
            relay.damage(Random(1))
            client.sendall(b"123456789")
            assert client.recv(9) != b"123456789"
            with tcp_server(lambda other: other.sendall(b"other")) as elsewhere:
                relay.lead_to(elsewhere)
                assert is_gone(client)
                with socket.create_connection(("127.0.0.1", relay.port), 300) as other:
                    assert other.recv(5) == b"other"
        relay.close()
        relay.close()


def test_what_is_soaked_is_a_copy_that_goes_with_the_soak(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / ".venv" / "bin").mkdir(parents=True)
    shutil.copytree(ROOT / "scripts", tree / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    with (tree / "scripts" / "setup").open("a") as script:
        script.write("setup() { :; }\n")  # nothing is installed here
    python = tree / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$PYTHONPATH" "$PWD" "$@"\ncat "$PYTHONPATH/scripts/msh.py"\n')
    python.chmod(0o755)
    run = subprocess.run(
        [tree / "scripts" / "soak", "--minutes", "30"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, _, program = run.stdout.partition("\n")
    copy, where, *arguments = first.split()
    assert program == (ROOT / "scripts" / "msh.py").read_text()
    assert Path(copy).parent == tmp_path
    assert not Path(copy).exists()
    assert (where, arguments[1:]) == (str(tmp_path), ["bench", "soak", "--minutes", "30"])
