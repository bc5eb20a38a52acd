"""A box that gets another name, or another prefix of its topics: nothing is lost, nothing stays behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pipelines.outputs.mqtt.former_name import take_over
from tests.pipelines.outputs.mqtt.bench import happening, seqs
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipelines.outputs.mqtt.bench import Bench


def spooled(folder: Path, name: str, base: str | None) -> Path:
    file = folder / name
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE message (id INTEGER)")
        if base is not None:
            db.execute("CREATE TABLE base (one INTEGER PRIMARY KEY, name TEXT)")
            db.execute("INSERT INTO base VALUES (1, ?)", (base,))
    file.with_suffix(".people").write_bytes(b"people")
    return file


def test_what_waits_goes_out_under_the_new_prefix(bench: Bench) -> None:
    broker = bench.broker()
    first = bench.publisher(broker.port)
    bench.online()
    broker.kill()
    first.send(happening(number=7))
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
    wait_for(lambda: listener.on("msh/v1/berlin/edge-1/camera/door/summary")[-1].text == "")
    late = bench.listener(broker.port)
    late.wait("shops/berlin/edge-1/availability", "online")
    wait_for(lambda: len(late.heard) >= 5)
    assert not [heard.topic for heard in late.heard if heard.topic.startswith("msh/v1/")]


def test_nothing_is_taken_away_from_a_box_that_runs_under_the_former_name(bench: Bench) -> None:
    """The disk of a box was copied, and the copy got a name of its own."""
    broker = bench.broker()
    bench.publisher(broker.port).stop()
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
