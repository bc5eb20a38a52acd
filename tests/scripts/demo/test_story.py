"""The README's story: a photographed label is enrolled, found on the person who wears it, and taken back."""

from __future__ import annotations

from engines.paths import ROOT
from scripts.msh import main

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
