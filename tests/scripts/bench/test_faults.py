"""Faults of what carries a shop's messages: a quick sample of each, and the verdict."""

from __future__ import annotations

import json
import socket
from collections import Counter
from random import Random
from typing import Any

import pytest

from scripts.bench.camera_faults import CameraLedger, _CameraRig, camera_verdicts, sum_of
from scripts.bench.camera_servers import HOSTILE, hostile_server
from scripts.bench.fault_ledger import FaultLedger, verdicts
from scripts.bench.faults import KINDS, make_faults
from scripts.msh import main

MS = 1_000_000


def ledger() -> FaultLedger:
    """Two persons and a notification, all heard; the program was killed at 1,000 ms."""
    names = {"ended": ("a-1", "a-2"), "started": ("a-1", "a-2"), "notify": ("N1",)}
    sent = {kind: {name: (900 + n) * MS for n, name in enumerate(all_)} for kind, all_ in names.items()}
    heard = {kind: set(all_) for kind, all_ in names.items()}
    return FaultLedger(sent=sent, heard=heard, kills=[1000 * MS], committed={"a-1", "a-2", "N1"})


def levels(given: FaultLedger) -> dict[str, str]:
    return {one.name: one.level.value for one in verdicts(given)}


@pytest.mark.parametrize(
    ("kind", "name", "wrong"),
    [("ended", "a-2", ["ended", "persons"]), ("notify", "N1", ["notify"]), (None, None, [])],
)
def test_what_is_lost_is_named(kind: str | None, name: str | None, wrong: list[str]) -> None:
    given = ledger()
    if kind and name:
        given.heard[kind].discard(name)
    assert [what for what, level in levels(given).items() if level == "fail"] == wrong


def test_what_was_handed_over_just_before_a_kill_or_lay_on_a_damaged_page_is_told_apart() -> None:
    given = ledger()
    given.heard["notify"].clear()
    given.sent["notify"]["N1"] = 990 * MS
    assert levels(given)["notify"] == "ok"
    given.sent["notify"]["N1"] = 940 * MS
    assert levels(given)["notify"] == "fail"
    given.committed.discard("N1")  # killed while it was being written, on a slow machine
    assert levels(given)["notify"] == "ok"
    given.sent["notify"]["N1"] = -1100 * MS  # two seconds: stuck
    assert levels(given)["notify"] == "fail"
    given.sent["notify"]["N1"] = 940 * MS
    given.committed.add("N1")
    given.damaged.append((900 * MS, 950 * MS))
    assert levels(given)["notify"] == "ok"
    given.heard["ended"].discard("a-1")  # an end is kept apart from the pages
    given.sent["ended"]["a-1"] = 910 * MS
    assert levels(given) == {"ended": "fail", "notify": "ok", "persons": "fail"}
    given.heard["ended"].add("a-1")
    given.damaged.clear()
    given.full.append((980 * MS, 1100 * MS))  # killed then
    assert levels(given)["notify"] == "ok"
    given.kills.clear()  # nothing that was handed over may be missing without a kill
    given.full.clear()
    given.sent["notify"]["N1"] = 990 * MS
    assert levels(given)["notify"] == "fail"


def test_one_fault_of_each_kind_loses_nothing_that_matters_and_nobody_stays() -> None:
    found = make_faults(len(KINDS), 1)
    assert dict(found.done) == dict.fromkeys(KINDS, 1)
    # A busy machine takes longer to write; what is asked here is that all the rest arrives.
    assert {one.name: one.level.value for one in verdicts(found, window_s=30)} == {
        "ended": "ok", "notify": "ok", "persons": "ok",
    }  # fmt: skip
    assert found.heard["started"] & found.heard["ended"]
    assert len(found.kills) == 3


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"back_s": {"camera killed": [2.0, 4.0]}, "suspended": Counter({"another codec": 1})}, []),
        ({"away": Counter({"camera killed": 1})}, ["failed camera"]),
        ({"still": Counter({"camera frozen": 1})}, ["other camera"]),
        ({"connects": 1}, ["other camera"]),
        ({"connects": None}, ["other camera"]),
        ({"unread": Counter({"camera killed": 1})}, ["other camera"]),
        ({"ended": "it ended with -6"}, ["store"]),
        ({"tracebacks": 1}, ["store"]),
    ],
)
def test_what_a_failing_camera_must_not_do_is_named(given: dict[str, Any], wrong: list[str]) -> None:
    found = camera_verdicts(CameraLedger(done=Counter({"camera killed": 2}), **given))
    assert [one.name for one in found if one.level.value == "fail"] == wrong
    for text in (name for counts in given.values() if isinstance(counts, Counter) for name in counts):
        assert any(text in one.found for one in found)


def test_reconnects_count_with_any_result_and_an_unread_page_is_no_number() -> None:
    series = (("steady", "ok", 1.0), ("steady", "timeout", 2.0), ("other", "ok", 4.0))
    samples = {
        ("connects", json.dumps({"camera": camera, "result": result})): value
        for camera, result, value in series
    }
    assert sum_of(samples, "connects", "steady") == 3
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        rig = _CameraRig.__new__(_CameraRig)
        rig._port = closed.getsockname()[1]  # nobody listens there
        assert rig._read("connects", "steady") is None
        assert rig._frames() == (None, None)
        assert not rig._is_suspended("steady")


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_camera_answers_badly_and_can_be_left(kind: str) -> None:
    with (
        hostile_server(kind, Random(1)) as port,
        socket.create_connection(("127.0.0.1", port), 300) as client,
    ):
        client.sendall(b"OPTIONS rtsp://127.0.0.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        client.settimeout(0.2 if kind == "silence" else 300)
        if kind == "silence":
            with pytest.raises(TimeoutError):
                client.recv(1)
        else:
            assert bool(client.recv(1)) is (kind != "closes at once")


@pytest.mark.parametrize(
    "call",
    [
        ["bench", "faults", "--faults", "0", "--camera-faults", "0"],
        ["bench", "faults", "--faults", "-1"],
        ["bench", "faults", "--camera-faults", "-1"],
        ["fleet-sim", "--boxes", "0"],
    ],
)
def test_a_wrong_call_says_how(call: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(call) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
