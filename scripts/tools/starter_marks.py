"""Copies the symbols of the starter set out of the npm package simple-icons (CC0 1.0).

Unpack the package (`npm pack simple-icons@16.37.0`), then run
`python -m scripts.tools.starter_marks PACKAGE`: the SVG files in configs/brands are written anew, byte for
byte as the package has them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pipelines.outputs.disk import write_whole
from pipelines.settings.brands import STARTER

VERSION = "16.37.0"
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


def main(arguments: list[str]) -> int:
    """Write the SVG files; return 0, or 2 where the folder is not the package in its version."""
    package = Path(*arguments) if len(arguments) == 1 else None
    try:
        said = json.loads((package / "package.json").read_text("utf-8")) if package else {}
    except (OSError, ValueError):
        said = {}
    if package is None or (said.get("name"), said.get("version")) != ("simple-icons", VERSION):
        print(f"give the folder of the npm package simple-icons {VERSION}, unpacked", file=sys.stderr)
        return 2
    for folder, icon in MARKS.items():
        write_whole(STARTER / folder / f"{icon}.svg", (package / "icons" / f"{icon}.svg").read_bytes())
    print(f"{len(MARKS)} symbols written to {STARTER}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
