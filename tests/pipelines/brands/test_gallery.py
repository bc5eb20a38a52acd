from __future__ import annotations

import errno
import logging
import os
import shutil
import weakref
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw

from engines.marks.types import Route
from pipelines.brands.folder import read_brands
from pipelines.brands.gallery import BrandFolder, BrandReader
from pipelines.brands.registry import BrandRegistry, export_health
from pipelines.settings.brands import STARTER, BrandsConfig
from pipelines.settings.mistakes import SettingsError
from pricing.brands.book import BrandBook
from pricing.brands.matcher import BrandMatcher, Reading
from pricing.catalogue.catalogue import load
from pricing.catalogue.reload import CatalogueFile
from pricing.plain_file import read_plain
from probes.metrics import Metrics
from scripts.tools.starter_marks import DRAWN, MARKS, PACKAGES
from tests.fakes.enroller import fake_enroller
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.brands.enrol import MarkEnroller


def mark(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(exist_ok=True)
    picture = Image.new("RGB", (60, 60), "white")
    ImageDraw.Draw(picture).polygon([(10, 10), (50, 10), (10, 50)], fill=colour)
    picture.save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    mark(tmp_path / "acme" / "mark.png")
    (tmp_path / "gucci").mkdir()
    (tmp_path / "gucci/brand.yaml").write_text("name: Gucci\naliases: [Gucci SpA]\n")
    return tmp_path


def broken_enroller() -> MarkEnroller:
    raise MemoryError


def brands(folder: Path, **more: object) -> BrandsConfig:
    return BrandsConfig.model_validate({"folder": folder, **more})


class WatchedEnrollers:
    """Makes enrollers; `made` tells which of them are still there."""

    def __init__(self) -> None:
        self.made: list[weakref.ref[MarkEnroller]] = []

    def __call__(self) -> MarkEnroller:
        one = fake_enroller()
        self.made.append(weakref.ref(one))
        return one


def test_what_is_written_and_what_is_drawn_come_together(folder: Path) -> None:
    found = BrandReader(brands(folder, staff=("ACME",)), fake_enroller).read()
    assert found.book.names == {"acme": "Acme", "gucci": "Gucci"}
    assert found.book.staff == {"acme"}
    (acme,) = found.enrolled
    assert (acme.brand, acme.threshold, acme.vectors.shape) == ("acme", 0.7, (4, 128))
    assert acme.routes == {Route.SYMBOL}


def test_the_models_that_enrol_go_when_all_is_enrolled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released: list[None] = []
    monkeypatch.setattr("pipelines.brands.gallery.release_free_memory", lambda: released.append(None))
    enroller = WatchedEnrollers()
    reader = BrandReader(brands(folder), enroller)
    reader.read()
    reader.read()
    assert [one() for one in enroller.made] == [None]
    assert len(released) == 1


def test_the_models_that_enrol_go_where_a_picture_is_bad(folder: Path) -> None:
    (folder / "later").mkdir()
    (folder / "later/mark.png").write_text("text")
    enroller = WatchedEnrollers()
    reader = BrandReader(brands(folder), enroller)
    with pytest.raises(SettingsError):
        reader.read()
    assert [one() for one in enroller.made] == [None]


def test_only_the_brands_asked_for_and_those_of_staff(folder: Path) -> None:
    reader = BrandReader(brands(folder, only=("GUCCI spa",)), fake_enroller)
    assert reader.read().book.names == {"gucci": "Gucci"}
    assert BrandReader(brands(folder, only=()), fake_enroller).read().book.names == {}
    both = BrandReader(brands(folder, only=("Gucci",), staff=("acme",)), fake_enroller)
    assert both.read().book.names.keys() == {"acme", "gucci"}
    with pytest.raises(SettingsError, match=r'has no brand "Guci", .*Did you mean "Gucci"'):
        BrandReader(brands(folder, only=("Guci",)), fake_enroller).read()


def test_every_bad_picture_is_told(folder: Path) -> None:
    (folder / "acme/a.png").write_text("text")
    Image.new("RGB", (50, 50), "red").save(folder / "acme/b.jpg")
    with pytest.raises(SettingsError) as caught:
        BrandReader(brands(folder), fake_enroller).read()
    first, second = caught.value.lines
    assert "acme/a.png: is named .png but" in first
    assert "acme/b.jpg: shows no mark" in second


def test_only_what_changed_is_enrolled_again(folder: Path) -> None:
    reader = BrandReader(brands(folder), fake_enroller)
    before = reader.read()
    (folder / "gucci/brand.yaml").write_text("name: Gucci\n")
    after = reader.read()
    assert after.enrolled[0] is before.enrolled[0]
    mark(folder / "acme/mark.png", "blue")
    assert reader.read().enrolled[0] is not before.enrolled[0]


def test_a_new_brand_is_taken_when_it_is_still(folder: Path) -> None:
    shelf = BrandFolder(brands(folder), fake_enroller)
    assert not shelf.poll()
    data = mark(folder / "later.png").read_bytes()
    assert not shelf.poll(), "a file beside the brands is none of them"
    shelf.poll()
    (folder / "new").mkdir()
    (folder / "new/mark.png").write_bytes(data[:100])
    assert not shelf.poll()
    (folder / "new/mark.png").write_bytes(data)
    assert not shelf.poll(), "it has just changed"
    assert shelf.poll()
    assert "new" in shelf.current.book
    assert not shelf.poll()


@pytest.mark.parametrize(
    ("name", "text"), [("bad/brand.yaml", "nam: X"), ("bad/x.png", "text"), ("bad/x.svg", "<!DOCTYPE")]
)
def test_a_broken_brand_keeps_the_old_ones_and_is_told_once(
    folder: Path, caplog: pytest.LogCaptureFixture, name: str, text: str
) -> None:
    shelf = BrandFolder(brands(folder), fake_enroller)
    before = shelf.current
    (folder / "bad").mkdir()
    (folder / name).write_text(text)
    with caplog.at_level(logging.INFO):
        assert [shelf.poll() for _ in range(5)] == [False] * 5
    assert shelf.current is before
    (record,) = caplog.records
    assert record.message.startswith(f"brands not loaded, the old ones stay: {folder}/{name}")
    assert shelf.problem
    (folder / name).unlink()
    (folder / "bad").rmdir()
    shelf.poll()
    assert shelf.poll()
    assert shelf.problem is None


def test_a_brand_that_may_be_read_only_later_is_taken_then(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever copies it as root and gives it away a moment later changes no time of the file."""

    def read(path: Path, limit: int = -1) -> bytes:  # tests run as root, who may read all
        if not path.stat().st_mode & 0o004:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return read_plain(path, limit)

    monkeypatch.setattr("pipelines.settings.load.read_plain", read)
    shelf = BrandFolder(brands(folder), fake_enroller)
    (folder / "new").mkdir()
    (folder / "new/brand.yaml").write_text("name: New\n")
    (folder / "new/brand.yaml").chmod(0o600)
    assert [shelf.poll() for _ in range(3)] == [False] * 3
    assert "Permission denied" in (shelf.problem or "")
    (folder / "new/brand.yaml").chmod(0o644)
    assert [shelf.poll() for _ in range(2)] == [False, True]
    assert "new" in shelf.current.book


def test_what_is_wrong_with_gallery_or_price_list_is_a_metric(folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "prices.csv"
    listed.write_text("brand,type,price\nNike,*,90\n")
    catalogue = CatalogueFile(listed, "EUR", lambda: datetime.now(timezone.utc).date())
    gallery = BrandFolder(brands(folder), fake_enroller)
    metrics, registry = Metrics(()), BrandRegistry(catalogue, gallery)
    export_health(registry, metrics)

    def shown() -> tuple[float | None, ...]:
        return tuple(metrics.registry.get_sample_value(f"msh_{n}_ok") for n in ("price_list", "gallery"))

    assert shown() == (1, 1)
    catalogue.problem = "prices.csv:2: no price"
    assert shown() == (0, 1)
    catalogue.problem, gallery.problem = None, "nike/mark.svg: cannot be read"
    assert shown() == (1, 0)
    registry.replace(None, None)
    assert shown() == (1, 1)


def test_a_vanished_folder_keeps_the_brands(folder: Path) -> None:
    shelf = BrandFolder(brands(folder), fake_enroller)
    folder.rename(folder.with_name("away"))
    assert [shelf.poll() for _ in range(3)] == [False] * 3
    assert "gucci" in shelf.current.book
    folder.with_name("away").rename(folder)


def test_a_broken_folder_is_refused_at_the_start(folder: Path) -> None:
    (folder / "gucci/brand.yaml").write_text("nam: X")
    with pytest.raises(SettingsError):
        BrandFolder(brands(folder), fake_enroller)


def test_brands_that_could_not_be_enrolled_for_a_moment_are_read_again(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    starts: list[bool] = []

    def enroller() -> MarkEnroller:
        starts.append(True)
        if len(starts) == 2:
            raise MemoryError
        return fake_enroller()

    shelf = BrandFolder(brands(folder), enroller, poll_s=0.02)
    with caplog.at_level(logging.INFO):
        shelf.start()
        try:
            mark(folder / "new" / "mark.png", "blue")
            wait_for(lambda: "new" in shelf.current.book)
            wait_for(lambda: "brands can be read again" in caplog.messages)
        finally:
            shelf.stop()
    said = [text for text in caplog.messages if text.startswith("brands")]
    assert said == [
        "brands cannot be read, the old ones stay",
        "brands loaded: 3, 2 of them by pictures",
        "brands can be read again",
    ]


def test_the_metric_says_so_while_brands_cannot_be_enrolled_and_no_longer(folder: Path) -> None:
    shelf = BrandFolder(brands(folder), fake_enroller, poll_s=0.02)
    metrics = Metrics(())
    export_health(BrandRegistry(None, shelf), metrics)

    def is_ok() -> bool:
        return metrics.registry.get_sample_value("msh_gallery_ok") == 1

    shelf._reader._build = broken_enroller
    shelf.start()
    try:
        mark(folder / "new" / "mark.png", "blue")
        wait_for(lambda: not is_ok())
        shutil.rmtree(folder / "new")  # all is as it was when it was last read
        wait_for(is_ok)
    finally:
        shelf.stop()


def test_it_is_followed_by_a_thread_of_its_own(folder: Path) -> None:
    shelf = BrandFolder(brands(folder), fake_enroller, poll_s=0.02)
    shelf.start()
    try:
        mark(folder / "new" / "mark.png")
        wait_for(lambda: "new" in shelf.current.book)
    finally:
        shelf.stop()


def test_the_starter_set_is_whole() -> None:
    found = BrandReader(BrandsConfig(), fake_enroller).read()
    assert len(found.book) >= 60
    assert {marks.brand for marks in found.enrolled} >= {"nike", "adidas", "puma", "the north face", "nasa"}
    drawn = {f"{path.parent.name}/{path.name}" for source in found.sources for path in source.pictures}
    assert drawn == {target for files in PACKAGES.values() for target in files} | set(DRAWN)
    assert {f"{folder}/{icon}.svg" for folder, icon in MARKS.items()} < drawn
    assert found.book.key_of("D&G") == "dolce&gabbana"
    assert found.book.key_of("CK") == "calvin klein"


def test_every_package_of_the_starter_set_is_named_with_its_licence() -> None:
    notes = (STARTER / "LICENSE.md").read_text(encoding="utf-8")
    for (name, version), files in PACKAGES.items():
        assert f"`{name}` {version}" in notes
        other = name != "simple-icons"
        assert (STARTER / f"LICENSE-{name}.txt").is_file() == other
        assert not other or all(target in notes for target in files)
    assert all(target in notes for target in DRAWN)


def test_every_brand_of_the_example_price_list_is_in_the_starter_set() -> None:
    book = BrandBook(source.file.brand for source in read_brands(STARTER))
    listed = load(STARTER.parent / "prices.csv").names.values()
    assert {name for name in listed if book.key_of(name) not in book} == set()


@pytest.mark.parametrize(
    ("lines", "brand"),
    [
        (["LEVI STRAUSS & CO"], "levis"),
        (["CHAMPION", "REVERSE WEAVE"], "champion"),
        (["CHAMPION AUTHENTIC"], "champion"),
        (["JORDAN", "FLIGHT"], "jordan"),
        (["JUMPMAN"], "jordan"),
        (["DIESEL", "FOR SUCCESSFUL LIVING"], "diesel"),
        (["ONITSUKA TIGER"], "asics"),
        (["CHUCK TAYLOR"], "converse"),
        (["AIR MAX"], "nike"),
        (["A|X"], "armani"),
        (["CK JEANS"], "calvin klein"),
        (["POLO SPORT"], "ralph lauren"),
        (["RLX"], "ralph lauren"),
        (["J'ADIOR"], "dior"),
        (["REDVALENTINO"], "valentino"),
        (["極度乾燥(しなさい)"], "superdry"),
        (["ユニ", "クロ"], "uniqlo"),
        (["ユニクロ"], "uniqlo"),
        (["OK JEANS"], None),
        (["AIR MAIL"], None),
        (["J'ADOR"], None),
        (["POLO SPORT CLUB"], None),
        (["CHAMPION", "LEAGUE FINAL"], None),
    ],
)
def test_what_stands_on_things_of_the_starter_set_is_their_brand(lines: list[str], brand: str | None) -> None:
    book = BrandBook(source.file.brand for source in read_brands(STARTER))
    readings = [Reading(text, 0.97, line, size=0.05) for line, text in enumerate(lines)]
    found = BrandMatcher(book.words, book.stylised).find(readings)
    assert {match.brand for match in found} == ({brand} if brand else set())


@pytest.mark.parametrize(
    ("listed", "brand"),
    [
        ("RL", "Ralph Lauren"),
        ("NB", "New Balance"),
        ("Under Armor", "Under Armour"),
        ("UA", "Under Armour"),
        ("HH", "Helly Hansen"),
        ("HM", "H&M"),
        ("Hennes & Mauritz", "H&M"),
        ("DG", "Dolce & Gabbana"),
        ("Dolce Gabbana", "Dolce & Gabbana"),
        ("A|X", "Armani"),
        ("Hilfiger", "Tommy Hilfiger"),
        ("Levi Strauss & Co.", "Levi's"),
        ("Sketchers", "Skechers"),
        ("Quicksilver", "Quiksilver"),
        ("GStar", "G-Star Raw"),
        ("Chuck Taylor", "Converse"),
        ("ユニクロ", "Uniqlo"),
    ],
)
def test_a_price_list_may_name_brands_of_the_starter_set_as_trade_does(listed: str, brand: str) -> None:
    book = BrandBook(source.file.brand for source in read_brands(STARTER))
    assert book.name(book.key_of(listed)) == brand
