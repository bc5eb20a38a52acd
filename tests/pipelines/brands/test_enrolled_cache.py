"""What brands are enrolled with, kept on disk."""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.brands import enrolled_cache
from pipelines.brands.enrolled_cache import MAX_AGE_DAYS, EnrolledCache
from pipelines.brands.gallery import BrandReader
from pipelines.settings.brands import BrandsConfig
from tests.fakes.enroller import fake_enroller
from tests.pipelines.brands.test_adding import mark

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.brands.enrol import MarkEnroller
    from pipelines.brands.gallery import BrandSet


class Shop:
    """A gallery of one brand, and how often its models were loaded."""

    def __init__(self, folder: Path) -> None:
        self.brands, self.cache = folder / "brands", EnrolledCache(folder / "state" / "brands")
        self.loaded = 0
        (self.brands / "acme").mkdir(parents=True)
        self.picture = mark(self.brands / "acme" / "mark-1.png")

    def read(self) -> BrandSet:
        """Read the gallery as a program that has just started does."""
        return BrandReader(BrandsConfig(folder=self.brands), self._enroller, self.cache).read()

    def _enroller(self) -> MarkEnroller:
        self.loaded += 1
        return fake_enroller()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_restart_loads_no_model_and_finds_the_same(shop: Shop) -> None:
    first, second = shop.read(), shop.read()
    assert shop.loaded == 1
    assert [m.brand for m in second.enrolled] == ["acme"]
    assert np.array_equal(first.enrolled[0].vectors, second.enrolled[0].vectors)
    assert first.enrolled[0].routes == second.enrolled[0].routes
    assert first.enrolled[0].threshold == second.enrolled[0].threshold


@pytest.mark.parametrize("change", ["picture", "yaml", "program", "damage"])
def test_whatever_it_follows_from_has_changed_it_is_enrolled_anew(
    shop: Shop, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.read()
    if change == "picture":
        mark(shop.picture, ((10, 10), (50, 50), (10, 50)))
    elif change == "yaml":
        (shop.brands / "acme" / "brand.yaml").write_text("name: Acme\nroutes: [symbol]\n")
    elif change == "program":
        monkeypatch.setattr(enrolled_cache, "FORMAT", "2")
        shop.cache = EnrolledCache(shop.cache._folder)
    else:
        (kept,) = shop.cache._folder.glob("*.npz")
        kept.write_bytes(kept.read_bytes()[:100])
    assert len(shop.read().enrolled) == 1
    assert shop.loaded == 2


def test_a_folder_that_cannot_be_written_costs_time_only(
    shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    shop.cache = EnrolledCache(tmp_path / "file" / "brands")
    assert len(shop.read().enrolled) == len(shop.read().enrolled) == 1
    assert "cannot be kept on disk" in caplog.text


def test_a_disk_that_takes_no_writes_costs_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.read()

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "utime", refuse)
    assert len(shop.read().enrolled) == shop.loaded == 1


def test_a_full_disk_keeps_no_half_of_a_file(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(enrolled_cache.Path, "replace", refuse)
    assert len(shop.read().enrolled) == 1
    assert list(shop.cache._folder.iterdir()) == []


def test_what_nobody_asks_for_goes(shop: Shop) -> None:
    shop.read()
    (kept,) = shop.cache._folder.glob("*.npz")
    shop.cache.sweep()
    assert kept.exists()
    old = time.time() - (MAX_AGE_DAYS + 1) * 86_400
    os.utime(kept, (old, old))
    shop.cache.sweep()
    assert not kept.exists()
