"""A disk that takes nothing for a while: a limit of the kernel, in a process of its own."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipelines.outputs.journal.writer import JournalWriter

if TYPE_CHECKING:
    from pathlib import Path

PRELUDE = """
import logging, os, pathlib, resource, sys
from pipelines.outputs.journal import writer
from tests.waiting import wait_for
path = pathlib.Path(sys.argv[1])
logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO, stream=sys.stdout)
writer.FLUSH_S = writer.AGAIN_S = 0.01
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
def put(name, size=600):  # what does not pack well
    recorder.quiet(name + os.urandom(size).hex(), 1, [], [])
def mended():
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    put("after")
    wait_for(lambda: not recorder._is_failing)
    recorder.close(2)
"""
MIDDLE = """
recorder = writer.JournalWriter(path, {"start": 1}, 10_000_000)
put("before")
wait_for(lambda: path.stat().st_size > 500)
limit(path.stat().st_size)
put("lost")
wait_for(lambda: recorder._is_failing)
%s
mended()
"""
START = """
limit(0)
recorder = writer.JournalWriter(path, {"start": 2}, 10_000_000, insist=True)
put("kept")
mended()
"""
ROTATION = """
recorder = writer.JournalWriter(path, {"start": 1}, 10_000)
begin = writer.JournalWriter._begin
def full(self, **how):
    limit(3000)
    return begin(self, **how)
writer.JournalWriter._begin = full
recorder.prices([((os.urandom(300).hex(), None, "bag"), None) for _ in range(10)])
put("fill", 2500)
wait_for(lambda: recorder._is_failing)
writer.JournalWriter._begin = begin
mended()
"""


def run(path: Path, code: str) -> list[str]:
    command = [sys.executable, "-c", PRELUDE + code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def entries(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(text) for text in file]


def names(path: Path) -> list[str]:
    return [entry["quiet"][:4] for entry in entries(path) if "quiet" in entry]


def said(path: Path) -> list[str]:
    words = "what comes is left out of it until that is mended"
    return [
        f"ERROR the record {path} cannot be written: File too large; {words}",
        f"INFO the record {path} is written again",
    ]


def test_a_record_goes_on_where_the_disk_has_room_again(tmp_path) -> None:
    path = tmp_path / "day.gz"
    assert run(path, MIDDLE % "") == said(path)
    found = entries(path)
    assert names(path) == ["befo", "afte"]
    assert sum(entry.get("gap", 0) for entry in found) == 1
    assert {entry["plan"]["start"] for entry in found if "plan" in entry} == {1}
    assert ["schema" in entry for entry in found].count(True) == 1  # it is no other run
    assert found[-1] == {"close": 2}


def test_a_record_that_is_deleted_to_make_room_begins_anew(tmp_path) -> None:
    path = tmp_path / "day.gz"
    assert run(path, MIDDLE % "path.unlink()") == said(path)
    assert names(path) == ["afte"]


def test_another_file_in_its_place_is_left_alone(tmp_path) -> None:
    path = tmp_path / "day.gz"
    swap = (
        'other = path.with_name("other"); other.write_bytes(b"another file" * 9); other.replace(path)\n'
        "wait_for(lambda: recorder._failed._file.closed)"
    )
    run(path, MIDDLE.replace("mended()", "recorder.close(2)") % swap)
    assert path.read_bytes() == b"another file" * 9


def test_a_store_that_starts_on_a_full_disk_keeps_the_record_of_before(tmp_path) -> None:
    path = tmp_path / "day.gz"
    JournalWriter(path, {"start": 1}, 10_000_000).close(1)
    assert run(path, START) == said(path)
    assert [entry["plan"]["start"] for entry in entries(path) if "plan" in entry] == [2]
    assert names(path) == ["kept", "afte"]
    assert entries(tmp_path / "day.gz.1")[0]["plan"] == {"start": 1}


def test_a_disk_that_is_full_where_the_next_file_begins_costs_nothing_of_the_one_before(tmp_path) -> None:
    path = tmp_path / "day.gz"
    assert run(path, ROTATION) == said(path)
    before, now = tmp_path / "day.gz.1", path
    assert (names(before), names(now)) == (["fill"], ["afte"])
    assert all(sum("price" in entry for entry in entries(file)) == 10 for file in (before, now))


def test_who_does_not_insist_hears_at_once_that_there_is_no_record(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotADirectoryError):
        JournalWriter(tmp_path / "file" / "day.gz", {}, 10_000_000)
