"""A price list that is followed while it changes, or that cannot be read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pricing.catalogue.catalogue import load
from pricing.catalogue.reload import REST, CatalogueFile
from pricing.errors import BadInput
from tests.pricing.catalogue.lists import COMMAS, TODAY

if TYPE_CHECKING:
    from pathlib import Path


def test_a_broken_file_keeps_the_old_list_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(COMMAS + "Nike,hat,10,EUR\n")
    follower = CatalogueFile(path, "EUR", lambda: TODAY)
    assert not follower.poll()
    path.write_text(COMMAS + "Nike,hat,ten,EUR\n")
    assert [follower.poll() for _ in range(2 * REST)] == [False] * 2 * REST
    assert follower.problem
    path.unlink()
    assert [follower.poll() for _ in range(2 * REST)] == [False] * 2 * REST
    price = follower.lookup("nike", "cap", "hat")
    assert price
    assert price.amount_minor == 1000
    assert len(caplog.records) == 2
    path.write_text(COMMAS + "Nike,hat,12.50,EUR\n")
    assert [follower.poll() for _ in range(2 * REST)].count(True) == 1
    assert follower.problem is None
    price = follower.lookup("nike", "cap", "hat")
    assert price
    assert price.amount_minor == 1250


def test_a_bad_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load(tmp_path / "none.csv")
    with pytest.raises(BadInput, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("anew", [False, True])
def test_a_file_that_is_written_slowly_is_taken_when_it_is_still(tmp_path: Path, anew: bool) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(COMMAS + "Nike,hat,10,EUR\nNike,shoes,50,EUR\n")
    follower = CatalogueFile(path, "EUR", lambda: TODAY)
    if anew:
        path.unlink()
    with path.open("w") as file:
        for text in (COMMAS, "Nike,hat,12,EUR\n", "Nike,shoes,5", "5,EUR\n"):
            file.write(text)
            file.flush()
            assert [follower.poll() for _ in range(REST)] == [False] * REST
    assert len(follower.current) == 2
    assert follower.poll()
    price = follower.lookup("nike", "shoes", "shoes")
    assert price
    assert price.amount_minor == 5500


def test_a_file_that_is_exchanged_is_taken_at_once(tmp_path: Path) -> None:
    path, fresh = tmp_path / "prices.csv", tmp_path / "fresh.csv"
    path.write_text(COMMAS + "Nike,hat,10,EUR\n")
    follower = CatalogueFile(path, "EUR", lambda: TODAY)
    fresh.write_text(COMMAS + "Nike,hat,13,EUR\nNike,shoes,50,EUR\n")
    os.utime(fresh, ns=(0, fresh.stat().st_mtime_ns - 1))  # written before it is moved: the clock ticks in ms
    fresh.replace(path)
    assert follower.poll()
    assert len(follower.current) == 2


def test_a_tool_that_keeps_the_time_of_a_file_does_not_hide_its_change(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(COMMAS + "Nike,hat,10,EUR\n")
    follower = CatalogueFile(path, "EUR", lambda: TODAY)
    times = path.stat()
    path.write_text(COMMAS + "Nike,hat,14,EUR\n")  # of the same size
    while path.stat().st_ctime_ns == times.st_ctime_ns:  # its clock ticks every few ms
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert [follower.poll() for _ in range(REST + 1)] == [*[False] * REST, True]
