"""A box that gets another name, or another prefix of its topics: nothing is lost, nothing stays behind."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engines.paths import ROOT
from pipelines.outputs.mqtt import former_name
from pipelines.outputs.mqtt.former_name import take_over
from tests.fakes.broker import free_port
from tests.pipelines.outputs.mqtt.bench import happening, seqs
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipelines.outputs.mqtt.bench import Bench


def spooled(
    folder: Path, name: str, base: str | None, store_file: str | None = None, machine: str | None = None
) -> Path:
    file = folder / name
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE message (id INTEGER)")
        if base is not None:
            db.execute("CREATE TABLE base (one INTEGER PRIMARY KEY, name TEXT)")
            db.execute("INSERT INTO base VALUES (1, ?)", (base,))
        if store_file is not None:
            db.execute("CREATE TABLE store_file (one INTEGER PRIMARY KEY, name TEXT)")
            db.execute("INSERT INTO store_file VALUES (1, ?)", (store_file,))
        if machine is not None:
            db.execute("CREATE TABLE machine (one INTEGER PRIMARY KEY, name TEXT)")
            db.execute("INSERT INTO machine VALUES (1, ?)", (machine,))
    file.with_suffix(".people").write_bytes(b"people")
    return file


def test_what_waits_goes_out_under_the_new_prefix(bench: Bench) -> None:
    broker = bench.broker()
    first = bench.publisher(broker.port)
    bench.online()
    broker.kill()
    first.send(happening(number=7))
    wait_for(lambda: first._spool.messages == 1)
    first.stop(0.5)
    broker.start()
    listener = bench.listener(broker.port)
    bench.publisher(broker.port, topic_prefix="shops")
    wait_for(lambda: seqs(listener) == [7])
    assert listener.on("/person")[0].topic == "shops/berlin/edge-1/camera/handbags/person"


def test_topics_of_the_old_prefix_are_cleared(bench: Bench) -> None:
    broker = bench.broker()
    first = bench.publisher(broker.port)
    bench.online()
    first.stop()
    listener = bench.listener(broker.port)
    bench.publisher(broker.port, topic_prefix="shops")
    wait_for(lambda: [h.text for h in listener.on("msh/v1/berlin/edge-1/availability")] == ["offline", ""])

    def left() -> list[str]:
        last = {heard.topic: heard.text for heard in listener.heard}
        return [topic for topic, text in last.items() if topic.startswith("msh/v1/") and text]

    wait_for(lambda: not left())
    late = bench.listener(broker.port)
    late.wait("shops/berlin/edge-1/availability", "online")
    wait_for(lambda: len(late.heard) >= 5)
    assert not [heard.topic for heard in late.heard if heard.topic.startswith("msh/v1/")]


def test_nothing_is_taken_away_from_a_box_that_runs_under_the_former_name(bench: Bench) -> None:
    """The disk of a box was copied, and the copy got a name of its own."""
    broker = bench.broker()
    first = bench.publisher(broker.port)
    bench.online()
    first.stop(60)
    other = bench.listener(broker.port)
    other.publish("msh/v1/berlin/edge-1/availability", "online", retain=True)
    bench.publisher(broker.port, topic_prefix="shops")
    other.wait("shops/berlin/edge-1/availability", "online")
    bench.online()
    other.publish("shops/berlin/edge-1/command/ping", "{}")
    other.wait("command/ping/result")  # by then it has heard that the other one is there
    late = bench.listener(broker.port)
    late.wait("msh/v1/berlin/edge-1/availability", "online")
    late.wait("msh/v1/berlin/edge-1/camera/door/status")


def test_a_box_that_goes_back_to_its_former_prefix_takes_away_nothing_of_its_own(bench: Bench) -> None:
    """The broker was away while it had the other one, so nothing was cleared yet."""
    broker = bench.broker()
    first = bench.publisher(broker.port)
    bench.online()
    first.stop(60)
    bench.publisher(free_port(), topic_prefix="shops").stop(60)
    bench.publisher(broker.port)
    bench.online()
    caller = bench.listener(broker.port)
    caller.publish("msh/v1/berlin/edge-1/command/ping", "{}")
    caller.wait("command/ping/result")  # by then it has heard what is said of the former name
    late = bench.listener(broker.port)
    late.wait("msh/v1/berlin/edge-1/availability", "online")
    late.wait("msh/v1/berlin/edge-1/camera/door/status")


def test_the_file_of_the_former_name_is_taken_over_with_who_was_there(tmp_path: Path) -> None:
    spooled(tmp_path, "spool-shop-box.db", "msh/v1/shop/box/")
    take_over(tmp_path, "shop", "box-2")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "spool-shop-box-2.db",
        "spool-shop-box-2.people",
    ]


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("spool-shop-2-box.db", "msh/v1/shop-2/box/"),
        ("spool-shop-box.db", None),
        ("spool-shop-box.db", "msh/v1/shop/elsewhere/"),
        ("spool-shop-box.db", "box/"),
        ("spool-other-box.db", "msh/v1/other/box/"),
    ],
)
def test_the_file_of_another_store_is_left_alone(tmp_path: Path, name: str, base: str | None) -> None:
    file = spooled(tmp_path, name, base)
    take_over(tmp_path, "shop", "box-3")
    assert file.exists()
    assert not (tmp_path / "spool-shop-box-3.db").exists()


def test_a_damaged_file_and_one_that_is_in_use_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "spool-shop-broken.db").write_bytes(b"no database" * 500)
    file = spooled(tmp_path, "spool-shop-box.db", "msh/v1/shop/box/")
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        take_over(tmp_path, "shop", "box-2")
    assert not (tmp_path / "spool-shop-box-2.db").exists()
    take_over(tmp_path, "shop", "box-2")
    assert (tmp_path / "spool-shop-box-2.db").exists()


@pytest.mark.parametrize(
    ("device", "used_by", "used_now", "taken"),
    [
        ("box", "/etc/msh/store.yaml", "/etc/msh/store.yaml", True),
        ("box-2", "/etc/msh/store.yaml", "/etc/msh/store.yaml", False),
        ("box", "/etc/msh/other.yaml", "/etc/msh/store.yaml", False),
        ("box", None, "/etc/msh/store.yaml", False),
        ("box", None, None, False),
    ],
)
def test_the_file_of_another_store_is_taken_over_where_that_was_this_one(
    tmp_path: Path, device: str, used_by: str | None, used_now: str | None, *, taken: bool
) -> None:
    file = spooled(tmp_path, "spool-shop-box.db", "msh/v1/shop/box/", used_by)
    take_over(tmp_path, "shop-2", device, used_now)
    assert file.exists() is not taken
    assert (tmp_path / "spool-shop-2-box.people").exists() is taken


@pytest.mark.parametrize(
    ("noted", "here", "used_by", "taken"),
    [
        ("m-1", "m-1", "/store.yaml", True),
        ("m-1", "m-1", "/other.yaml", False),
        ("m-1", "m-2", "/store.yaml", False),
        ("m-1", None, "/store.yaml", False),
        (None, "m-1", "/store.yaml", False),
        (None, None, "/store.yaml", False),
    ],
)
def test_a_store_whose_id_and_device_were_changed_at_once_is_known_by_its_file_and_machine(
    tmp_path: Path, noted: str | None, here: str | None, used_by: str, *, taken: bool
) -> None:
    """Its former topics stayed at the broker for ever, and what waited went nowhere."""
    file = spooled(tmp_path, "spool-shop-box.db", "msh/v1/shop/box/", used_by, noted)
    take_over(tmp_path, "shop-2", "till", "/store.yaml", here)
    assert file.exists() is not taken
    assert (tmp_path / "spool-shop-2-till.people").exists() is taken


@pytest.mark.parametrize("content", ["", "uninitialized\n", "b" * 31, None])
def test_a_machine_without_an_id_of_its_own_is_none(
    tmp_path: Path, content: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(former_name, "MACHINE_ID", tmp_path / "machine-id")
    if content is not None:
        (tmp_path / "machine-id").write_text(content)
    assert former_name.machine() is None
    (tmp_path / "machine-id").write_text("b" * 32 + "\n")
    assert former_name.machine() not in (None, "b" * 32)


def test_the_file_of_a_store_that_runs_is_left_alone(tmp_path: Path) -> None:
    file = spooled(tmp_path, "spool-shop-box.db", "msh/v1/shop/box/", "/store.yaml")
    code = "import sys; from pathlib import Path; from pipelines.state_lock import StateLock\n"
    code += "lock = StateLock(Path(sys.argv[1]), 'shop'); print('locked', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        take_over(tmp_path, "shop-2", "box", "/store.yaml")
        assert file.exists()
        other.communicate()
    take_over(tmp_path, "shop-2", "box", "/store.yaml")
    assert not file.exists()
