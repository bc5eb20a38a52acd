"""A log whose reader stands still, is gone, or has a full disk holds nobody up."""

from __future__ import annotations

import io
import logging
import os
import threading
from pathlib import Path

import pytest

from pipelines.log_writer import BehindHandler
from pipelines.logs import set_up_logging
from tests.waiting import wait_for


@pytest.fixture
def logger():
    """A logger of its own, so that nobody else's lines come between."""
    logger = logging.getLogger("log-writer-test")
    logger.propagate = False
    logger.setLevel("INFO")
    yield logger
    for handler in list(logger.handlers):
        logger.removeHandler(handler)


def test_nobody_waits_for_a_reader_that_stands_still_and_what_was_left_out_is_counted(logger):
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream:
        handler = BehindHandler(stream, max_lines=50)
        logger.addHandler(handler)
        done = threading.Thread(target=lambda: [logger.info("%d %s", n, "x" * 1000) for n in range(200)])
        done.start()
        done.join(120)
        assert not done.is_alive(), "whoever logs stands still"
        got = bytearray()
        reader = threading.Thread(target=lambda: drain(read, got), daemon=True)
        reader.start()
        wait_for(lambda: handler.flush() is None and not handler._lines)
        logger.info("and on")
        wait_for(lambda: b"and on\n" in got)
    lines = bytes(got).decode().splitlines()[:-1]
    noted = [int(line.split()[0]) for line in lines if "left out" in line]
    numbers = [int(line.split()[0]) for line in lines if "left out" not in line]
    assert numbers == sorted(numbers)
    assert noted
    assert sum(noted) + len(numbers) == 200


def test_what_was_left_out_is_noted_where_it_is_missing(logger):
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream:
        handler = BehindHandler(stream, max_lines=100)
        logger.addHandler(handler)
        logger.info("0 %s", "x" * 200_000)  # more than a pipe holds: the thread stands still
        wait_for(lambda: handler._is_writing and not handler._lines)
        for number in range(1, 401):
            logger.info("%d", number)
        got = bytearray()
        threading.Thread(target=lambda: drain(read, got), daemon=True).start()
        wait_for(lambda: not handler._lines)
        logger.info("and on")
        wait_for(lambda: b"and on\n" in got)
    lines = bytes(got).decode().splitlines()
    assert [line.split()[0] for line in lines[:101]] == [str(number) for number in range(101)]
    assert lines[101].split(":")[0].endswith("300 lines of the log were left out here")
    assert lines[102:] == ["and on"]


class FullThenFree(io.StringIO):
    """A stream whose disk is full for the first lines."""

    room = False

    def write(self, text):
        if not self.room:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_lines_that_a_full_disk_took_from_us_are_counted_when_there_is_room(logger):
    stream = FullThenFree()
    handler = BehindHandler(stream)
    logger.addHandler(handler)
    for number in range(7):
        logger.info("%d", number)
    wait_for(lambda: handler.flush() is None and handler._lost == 7)
    stream.room = True
    logger.info("and on")
    wait_for(lambda: "and on\n" in stream.getvalue())
    note, line = stream.getvalue().splitlines()
    assert note.startswith("7 lines of the log were left out here")
    assert line == "and on"


def test_a_line_that_was_written_in_part_is_ended(logger, monkeypatch, tmp_path):
    with (tmp_path / "log").open("w") as stream:
        handler = BehindHandler(stream)
        took = iter([3, OSError(28, "No space left on device")])

        def write(descriptor, data):
            step = next(took, len(data))
            if isinstance(step, OSError):
                raise step
            return really(descriptor, data[:step])

        really = os.write
        monkeypatch.setattr("pipelines.log_writer.os.write", write)
        handler._write_line("first")
        handler._write_line("second")
    fir, note, second = (tmp_path / "log").read_text().splitlines()
    assert (fir, second) == ("fir", "second")
    assert note.startswith("1 lines of the log")


def drain(descriptor, got):
    while data := os.read(descriptor, 1 << 16):
        got += data


def test_a_full_disk_and_a_reader_that_is_gone_disturb_nobody(logger):
    with Path("/dev/full").open("w") as stream:
        handler = BehindHandler(stream)
        logger.addHandler(handler)
        logger.error("lost")
        handler.flush()
        logger.removeHandler(handler)
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream:
        handler = BehindHandler(stream)
        logger.addHandler(handler)
        os.close(read)
        logger.error("lost")
        handler.flush()
        assert handler._thread is not None
        assert handler._thread.is_alive()


def test_all_is_written_in_order_when_the_program_ends():
    stream = io.StringIO()
    root = logging.getLogger()
    before = list(root.handlers), root.level
    try:
        set_up_logging("text", stream=stream, behind=True)
        for number in range(100):
            logging.getLogger("order").info("line %d", number)
        (handler,) = root.handlers
        wait_for(lambda: handler.flush() is None and stream.getvalue().count("\n") == 100)
    finally:
        root.handlers[:], root.level = before[0], before[1]
    said = [line.rpartition(": ")[2] for line in stream.getvalue().splitlines()]
    assert said == [f"line {number}" for number in range(100)]
