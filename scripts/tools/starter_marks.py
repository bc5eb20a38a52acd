"""Copies the symbols of the starter set out of npm packages of icons (CC0 1.0 and MIT).

Unpack the packages (`npm pack simple-icons@16.37.0` and so on, see PACKAGES), then run
`python -m scripts.tools.starter_marks PACKAGE...`: the SVG files in configs/brands that are of these packages
are written anew, byte for byte as the packages have them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pipelines.outputs.disk import write_whole
from pipelines.settings.brands import STARTER

MARKS = {
    "adidas": "adidas",
    "burton": "burton",
    "dior": "dior",
    "ferrari": "ferrari",
    "fila": "fila",
    "fitbit": "fitbit",
    "formula-1": "f1",
    "garmin": "garmin",
    "h-and-m": "handm",
    "helly-hansen": "hellyhansen",
    "jordan": "jordan",
    "lamborghini": "lamborghini",
    "mclaren": "mclaren",
    "nasa": "nasa",
    "nba": "nba",
    "new-balance": "newbalance",
    "nike": "nike",
    "porsche-design": "porsche",
    "puma": "puma",
    "red-bull": "redbull",
    "reebok": "reebok",
    "the-north-face": "thenorthface",
    "under-armour": "underarmour",
    "uniqlo": "uniqlo",
    "zara": "zara",
}
"""Folder of the brand -> icon. The icons "hermes" and "hugo" are a courier's and a program's."""
PACKAGES = {
    ("simple-icons", "16.37.0"): {
        f"{folder}/{icon}.svg": f"icons/{icon}.svg" for folder, icon in MARKS.items()
    }
    | {"uniqlo/uniqlo_ja.svg": "icons/uniqlo_ja.svg"},
    ("simple-icons", "5.24.0"): {
        "adidas/adidas-word.svg": "icons/adidas.svg",
        "lamborghini/lamborghini-badge.svg": "icons/lamborghini.svg",
    },
    ("simple-icons", "3.13.0"): {"helly-hansen/hellyhansen-plain.svg": "icons/hellyhansen.svg"},
    ("css.gg", "2.0.0"): {"chanel/chanel.svg": "icons/svg/chanel.svg"},
    ("lineicons", "1.3.2"): {"nasa/nasa-insignia.svg": "assets/svgs/regular/nasa.svg"},
}
"""Package and version -> file in configs/brands -> file in the package.

Things are worn with the mark of another year or country too, which is enrolled beside the present one.
"""
DRAWN = (
    "adidas/adidas-trefoil-word.svg",
    "adidas/adidas-trefoil.svg",
    "armani/armani.svg",
    "balenciaga/balenciaga.svg",
    "burberry/burberry-thin.svg",
    "burberry/burberry.svg",
    "calvin-klein/calvinklein.svg",
    "celine/celine.svg",
    "columbia/columbia.svg",
    "converse/converse.svg",
    "fendi/fendi.svg",
    "fila/fila-box.svg",
    "givenchy/givenchy.svg",
    "gucci/gucci-facing.svg",
    "gucci/gucci-thin.svg",
    "gucci/gucci-turned.svg",
    "gucci/gucci.svg",
    "kappa/kappa.svg",
    "lacoste/lacoste.svg",
    "levis/levis.svg",
    "louis-vuitton/louisvuitton-bold.svg",
    "louis-vuitton/louisvuitton.svg",
    "lululemon/lululemon.svg",
    "michael-kors/michaelkors.svg",
    "off-white/arrows-outline.svg",
    "off-white/arrows.svg",
    "patagonia/patagonia.svg",
    "ralph-lauren/ralphlauren.svg",
    "saint-laurent/saintlaurent-bold.svg",
    "saint-laurent/saintlaurent.svg",
)
"""Drawn for this product of lines, arcs and polygons, where no package has the mark; not written here."""


def main(arguments: list[str]) -> int:
    """Write the SVG files; return 0, or 2 where a folder is none of the packages in its version."""
    if not arguments:
        print(f"give the folders of {_wanted()}, unpacked", file=sys.stderr)
        return 2
    for package in map(Path, arguments):
        try:
            said = json.loads((package / "package.json").read_text("utf-8"))
        except (OSError, ValueError):
            said = {}
        files = PACKAGES.get((said.get("name"), said.get("version")))
        if files is None:
            print(f"{package}: is none of {_wanted()}, unpacked", file=sys.stderr)
            return 2
        for target, source in files.items():
            write_whole(STARTER / target, (package / source).read_bytes())
        print(f"{package}: {len(files)} symbols written to {STARTER}")
    return 0


def _wanted() -> str:
    return ", ".join(f"{name} {version}" for name, version in PACKAGES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
