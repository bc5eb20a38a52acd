from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from pipelines.brands.gallery import BrandFolder
from pipelines.brands.registry import BrandRegistry
from pipelines.settings.brands import BrandsConfig
from pricing.catalogue.reload import REST, CatalogueFile
from tests.fakes.enroller import fake_enroller

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 11, 22)
LIST = "brand,type,price,currency\nLV,handbag,1000,EUR\nAcme,top,20,EUR\nLouis Vuitton,belt,300,EUR\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "prices.csv").write_text(LIST)
    (tmp_path / "brands/lv").mkdir(parents=True)
    (tmp_path / "brands/lv/brand.yaml").write_text(
        "name: Louis Vuitton\naliases: [LV]\nstylised: [LV]\nslots: [bag]\n"
    )
    return tmp_path


def catalogue(shop: Path) -> CatalogueFile:
    return CatalogueFile(shop / "prices.csv", "EUR", lambda: TODAY)


def test_the_price_list_s_spellings_are_the_gallery_s_brand(shop: Path) -> None:
    listed = catalogue(shop)
    brands = BrandRegistry(listed, BrandFolder(BrandsConfig(folder=shop / "brands"), fake_enroller))
    assert brands.book.names == {"louis vuitton": "Louis Vuitton", "acme": "Acme"}
    price = listed.lookup("louis vuitton", "handbag", "bag")
    assert price
    assert price.amount_minor == 100_000
    assert listed.lookup("louis vuitton", "belt", "belt")
    assert brands.spell("louis vuitton") == "LV"
    assert brands.targets.stylised == {"lv": "louis vuitton"}
    assert brands.targets.gallery is None


def test_either_may_change_and_they_stay_joined(shop: Path) -> None:
    listed = catalogue(shop)
    folder = BrandFolder(BrandsConfig(folder=shop / "brands"), fake_enroller)
    brands = BrandRegistry(listed, folder)
    assert not brands.poll()
    fresh = shop / "fresh"
    fresh.write_text(LIST + "Vuitton,*,5,EUR\n")
    fresh.replace(shop / "prices.csv")
    assert any(brands.poll() for _ in range(REST + 1))
    assert "vuitton" in brands.book
    assert not brands.poll()
    (shop / "brands/lv/brand.yaml").write_text("name: Louis Vuitton\naliases: [LV, Vuitton]\n")
    assert [folder.poll(), folder.poll()] == [False, True]
    assert brands.poll()
    assert brands.book.names == {"louis vuitton": "Louis Vuitton", "acme": "Acme"}
    assert listed.lookup("louis vuitton", "shawl", "scarf")
    fresh.write_text(LIST.replace("1000", "1200"))
    fresh.replace(shop / "prices.csv")
    assert any(brands.poll() for _ in range(REST + 1))
    price = listed.lookup("louis vuitton", "handbag", "bag")
    assert price
    assert price.amount_minor == 120_000


def test_a_price_list_alone_is_words(shop: Path) -> None:
    brands = BrandRegistry(catalogue(shop), None)
    assert brands.book.words["acme"] == ("Acme",)
    assert brands.targets.has_words
    assert not BrandRegistry(None, None).targets
