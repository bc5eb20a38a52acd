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
        wait_for(lambda: b"lines of the log were left out" in got)
        lines = bytes(got).decode().splitlines()
        noted = sum(int(line.split()[0]) for line in lines if "left out" in line)
        wait_for(lambda: handler.flush() is None and not handler._lines)
        assert noted >= 50
        numbers = [int(line.split()[0]) for line in lines if "left out" not in line]
        assert numbers == sorted(numbers)
        logger.info("and on")
        wait_for(lambda: b"and on\n" in got)


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
