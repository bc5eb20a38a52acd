"""The README's stories, from the command line to the words that people read."""

from __future__ import annotations

import json

import pytest

from engines.paths import CONFIGS, ROOT
from scripts.demo import story
from scripts.demo.story import write_story
from scripts.msh import main

pytestmark = pytest.mark.usefixtures("models_once")
PICTURES = ROOT / "docs" / "images"


def test_the_pictures_of_the_readme_tell_the_truth(tmp_path, capsys):
    gallery, worn = str(tmp_path / "brands"), str(PICTURES / "brand-worn.jpg")
    photo = str(PICTURES / "brand-photo.jpg")
    assert main(["brands", "add", "Nordlicht", photo, "--slots", "top", "--folder", gallery]) == 0
    assert "by the shape of its mark" in capsys.readouterr().out
    prices = tmp_path / "prices.csv"
    prices.write_text("brand,type,price,currency\nNordlicht,top,59.00,EUR\n")
    told = ["annotate", worn, "-o", str(tmp_path / "out"), "--catalogue", str(prices), "--brands", gallery]
    assert main(told) == 0
    assert "top (Nordlicht) €59" in capsys.readouterr().out
    assert main(["brands", "remove", "Nordlicht", "--folder", gallery]) == 0
    assert not (tmp_path / "brands" / "nordlicht").exists()


def test_the_three_ways_in_of_the_first_page(tmp_path, capsys, monkeypatch):
    """A woman with a bag by a known brand, a short bad video of a branded jacket, an empty room."""
    monkeypatch.setattr(story, "LENGTH", 16)  # of the 40 frames
    inputs, found = [str(path) for path in write_story(tmp_path)], tmp_path / "found.json"
    prices = str(CONFIGS / "demo-prices.csv")
    told = ["annotate", *inputs, "-o", str(tmp_path / "out"), "--json", str(found), "--catalogue", prices]
    assert main(told) == 0
    said = capsys.readouterr().out
    assert "No person detected in the image" in said
    bag, jacket, empty = json.loads(found.read_text())["files"]
    worn = [
        [
            (item["type"], item["brand"], item["price"]["amount_minor"])
            for item in person["items"]
            if item["brand"]
        ]
        for file in (bag, jacket)
        for person in file["persons"]
    ]
    assert worn == [[("handbag", "gucci", 197_500)], [("jacket", "burberry", 129_000)]]
    assert empty["persons"] == []
    seen = [item["type"] for person in jacket["persons"] for item in person["items"]]
    assert seen == ["jacket"], "the helmet in her arm is no bag"
