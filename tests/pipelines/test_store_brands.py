"""A running store takes up a brand that is added, and keeps its brands where a new one is broken."""

from __future__ import annotations

from tests.fakes.running_store import running_store
from tests.waiting import wait_for


def test_a_brand_is_taken_up_and_a_broken_one_is_not(tmp_path):
    catalogue = tmp_path / "prices.csv"
    catalogue.write_text("brand,type,price\nLV,handbag,1000\n")
    folder = tmp_path / "brands"
    (folder / "lv").mkdir(parents=True)
    (folder / "lv/brand.yaml").write_text("name: Louis Vuitton\naliases: [LV]\n")
    nowhere = "door: {source: 'rtsp://127.0.0.1:9/a'}"
    with running_store(tmp_path, nowhere, catalogue, brands=f"{{folder: {folder}, staff: [LV]}}") as running:
        store = running.store
        assert store.brand("louis vuitton") == "LV"
        assert store.brands.book.staff == {"louis vuitton"}
        price = store.brands.catalogue.lookup("louis vuitton", "handbag", "bag")
        assert price.amount_minor == 100_000
        (folder / "acme").mkdir()
        (folder / "acme/brand.yaml").write_text("name: Acme\n")
        wait_for(lambda: "acme" in store.brands.book)
        before = store.brands.book
        (folder / "acme/mark.png").write_text("a text")
        wait_for(lambda: not store.brands.is_gallery_right)
        assert store.brands.book is before
