"""The test set of `msh bench brands`: read, and made by `python -m scripts.bench.brands.dataset SOURCES`.

SOURCES is the folder that engines.training.sources fills. Marks, fonts and backgrounds are those that
training is kept from (engines.training.split). Pictures are packed into sheets; truth.json says where each
is and what it shows.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from engines.training.art import Art
    from engines.training.render import Preset

    Bytes = npt.NDArray[np.uint8]

FOLDER = Path(__file__).with_name("set")
HEIGHTS = (12, 16, 24, 32, 48, 64)
COUNTS = {"symbols": 200, "emblems": 60, "words": 60}
SCENES, MARKS_A_SCENE, SCENE = 72, 6, (320, 480)
NOTHINGS, NOTHING = 1000, 48
PACK_WIDTH, GRID = 2048, 8
QUALITY, SEED = 80, 2026
PHOTOS = ("tabler-ui", "vegas", "color-thief", "admin-lte", "python3-skimage", "soft-ui")
"""Packages of photographs that may be passed on, in pieces: from Unsplash, or in the public domain."""
NAMES = [
    "Arvento",
    "Belmare",
    "Cordano",
    "Delvine",
    "Estrano",
    "Fabrello",
    "Gardova",
    "Halvern",
    "Istrano",
    "Jovelle",
    "Kestrel",
    "Lumano",
    "Marvosi",
    "Norvale",
    "Ostrava",
    "Pellano",
    "Quintero",
    "Rivoli",
    "Savanto",
    "Tremaine",
    "Ulvano",
    "Verstal",
    "Wolfram",
    "Xandro",
    "Yarrow",
    "Zenvita",
    "Amberly",
    "Brixton",
    "Calloway",
    "Dunmore",
    "Elwood",
    "Fairmont",
    "Greyson",
    "Holloway",
    "Ironside",
    "Juniper",
    "Kingsley",
    "Larkspur",
    "Monroe",
    "Newhall",
    "Oakhurst",
    "Prescott",
    "Quarry",
    "Redfern",
    "Sterling",
    "Thornton",
    "Underhill",
    "Vantage",
    "Westbrook",
    "Yorkdale",
    "Zephyr",
    "Alpenrose",
    "Bergdorf",
    "Castello",
    "Dorado",
    "Emberly",
    "Falkner",
    "Gilmore",
    "Hawthorn",
    "Ingram",
]


@dataclass(frozen=True, slots=True)
class TestMark:
    """A mark on a picture. box: x1 y1 x2 y2, px; height: of the upright mark before it was turned, px."""

    brand: str
    height: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture, (h, w, 3) uint8 BGR, and all marks on it."""

    picture: Bytes
    marks: tuple[TestMark, ...]


@dataclass(frozen=True, slots=True)
class MarkSet:
    """drawings: kind -> brand -> (h, w, 4) uint8 BGRA, as enrolled. shots: by name, such as symbols-32."""

    drawings: dict[str, dict[str, Bytes]]
    shots: dict[str, list[Shot]]


def read_set() -> MarkSet:
    """Return the committed pictures."""
    truth = json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))
    drawings: dict[str, dict[str, Bytes]] = {}
    for kind, places in truth["drawings"].items():
        sheet = cv2.imread(str(FOLDER / f"{kind}.png"), cv2.IMREAD_UNCHANGED)
        drawings[kind] = {name: _cut(sheet, place) for name, place in places.items()}
    shots = {}
    for name, tiles in truth["shots"].items():
        sheet = cv2.imread(str(FOLDER / f"{name}.jpg"))
        shots[name] = [
            Shot(
                _cut(sheet, place),
                tuple(TestMark(brand, height, tuple(box)) for brand, height, *box in marks),
            )
            for place, marks in tiles
        ]
    return MarkSet(drawings, shots)


def _cut(sheet: Any, place: Sequence[int]) -> Bytes:
    x, y, w, h = place
    if sheet is None:
        raise BadInput(f"{FOLDER}: a sheet of the test set cannot be read; restore it")
    return np.ascontiguousarray(sheet[y : y + h, x : x + w], np.uint8)


def pack(pictures: Sequence[Bytes]) -> tuple[Bytes, list[tuple[int, int, int, int]]]:
    """Lay pictures in rows on one sheet, aligned to JPEG's blocks; return it and each picture's x y w h."""
    places, x, y, tall = [], 0, 0, 0
    for picture in pictures:
        h, w = picture.shape[:2]
        if x + w > PACK_WIDTH:
            x, y, tall = 0, y + tall, 0
        places.append((x, y, w, h))
        x, tall = x + -(-w // GRID) * GRID, max(tall, -(-h // GRID) * GRID)
    width = max(px + pw for px, _, pw, _ in places)
    sheet = np.zeros((y + tall, width, *pictures[0].shape[2:]), np.uint8)
    for picture, (px, py, pw, ph) in zip(pictures, places, strict=True):
        sheet[py : py + ph, px : px + pw] = picture
    return sheet, places


class Maker:
    """Makes the set from sources: deterministic for equal sources and library versions."""

    def __init__(self, sources: Path) -> None:
        from engines.training.render import Renderer  # noqa: PLC0415 for making only

        self._rng = np.random.default_rng(SEED)
        self._renderer = Renderer(SEED)
        self._photos = list(self._pieces(sources / "photos"))
        self.arts = self._arts(sources)

    def shots(self) -> Iterator[tuple[str, list[Shot]]]:
        """Yield each sheet's name and pictures."""
        from engines.training.render import HARD, TYPICAL  # noqa: PLC0415

        for kind, arts in self.arts.items():
            for height in HEIGHTS[: -2 if kind == "words" else None]:
                yield f"{kind}-{height}", [self._tile(art, height, TYPICAL) for art in arts]
        yield "symbols-32-hard", [self._tile(art, 32, HARD) for art in self.arts["symbols"]]
        yield "nothing", [self._nothing(TYPICAL) for _ in range(NOTHINGS)]
        for part in range(4):
            yield f"scenes-{part}", [self._scene(TYPICAL) for _ in range(SCENES // 4)]
        yield "plain", [self._scene(TYPICAL, marks=0) for _ in range(SCENES // 4)]

    def _pieces(self, folder: Path) -> Iterator[Bytes]:
        from engines.training.bank import pieces  # noqa: PLC0415
        from engines.training.split import held_out  # noqa: PLC0415

        paths = [p for p in sorted(folder.iterdir()) if p.name.startswith(PHOTOS) and held_out(p.name)]
        yield from pieces(paths, max(1, 200 // len(paths)), self._rng)

    def _arts(self, sources: Path) -> dict[str, list[Art]]:
        from engines.training import bank, material  # noqa: PLC0415

        symbols = bank.read_icons(sources / "icons", for_test=True, draw=material.draw)
        order = self._rng.permutation(len(symbols))
        excluded = {"nasa", "nike", "adidas", "puma"}
        shown = [symbols[i] for i in order if symbols[i].name not in excluded][: COUNTS["symbols"]]
        fonts = material.fonts_in(sources / "fonts", for_test=True)
        words = []
        for name in NAMES[: COUNTS["words"]]:
            (art,) = bank.make_words([name], fonts, 1, self._rng)
            words.append(replace(art, name=name.lower()))
        rest = [symbols[i] for i in order[COUNTS["symbols"] :]]
        emblems = bank.make_emblems(rest, words, COUNTS["emblems"], self._rng)
        return {"symbols": shown, "emblems": emblems, "words": words}

    def _ground(self, height: int, width: int) -> npt.NDArray[np.float32]:
        from engines.training.cloth import cloth  # noqa: PLC0415

        if self._rng.random() < 0.6:
            return cloth(self._rng, max(8, height), max(8, width)).astype(np.float32)
        piece = self._photos[int(self._rng.integers(len(self._photos)))]
        share = self._rng.uniform(0.3, 1.0) * piece.shape[0]
        wide, tall = (int(share * side / max(height, width)) for side in (width, height))
        x, y = (int(self._rng.integers(piece.shape[0] - side + 1)) for side in (wide, tall))
        part = piece[y : y + tall, x : x + wide].astype(np.float32)
        return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.float32)

    def _tile(self, art: Art, height: int, preset: Preset) -> Shot:
        for _ in range(20):
            side = int(height * max(1.0, art.aspect) * 1.55) + 10
            tall = min(side, int(height * 1.9) + 14)
            scene = self._ground(tall, side)
            box = self._renderer.paste(scene, art, (side / 2, tall / 2), height, preset, self._rng)
            if box is not None:
                picture = self._finish(scene, preset, box)
                return Shot(picture, (TestMark(art.name, height, box),))
        raise ValueError(f"{art.name} does not show at {height} px")

    def _finish(
        self, scene: npt.NDArray[np.float32], preset: Preset, box: tuple[float, float, float, float] | None
    ) -> Bytes:
        rng = self._rng
        if box is not None and rng.random() < preset.occlusion:
            cover = self._photos[int(rng.integers(len(self._photos)))][:40, :40]
            self._renderer.occlude(scene, cover, box, rng)
        if rng.random() < 0.7:
            self._renderer.shade(scene, rng)
        return self._renderer.spoil(scene, preset, rng)

    def _nothing(self, preset: Preset) -> Shot:
        return Shot(self._finish(self._ground(NOTHING, NOTHING), preset, None), ())

    def _scene(self, preset: Preset, marks: int = MARKS_A_SCENE) -> Shot:
        """Draw a person's crop: another cloth above and below, and marks apart from each other."""
        width, height = SCENE
        scene = self._ground(height, width)
        for top, share in ((0.2, 0.35), (0.55, 0.4)):
            part = self._ground(int(share * height), int(0.7 * width))
            y, x = int(top * height), int(0.15 * width)
            scene[y : y + part.shape[0], x : x + part.shape[1]] = part
        found: list[TestMark] = []
        for _ in range(60):
            if len(found) == marks:
                break
            kind = str(self._rng.choice(["symbols", "symbols", "emblems"]))
            art = self.arts[kind][int(self._rng.integers(len(self.arts[kind])))]
            tall = int(self._rng.choice(HEIGHTS))
            reach = tall * max(1.0, art.aspect) * 0.6 + 6
            if 2 * reach >= width:
                continue
            left, top = (float(self._rng.uniform(reach, side - reach)) for side in SCENE)
            around = (left - reach, top - reach, left + reach, top + reach)
            if any(
                min(around[2], m.box[2]) > max(around[0], m.box[0])
                and min(around[3], m.box[3]) > max(around[1], m.box[1])
                for m in found
            ):
                continue
            box = self._renderer.paste(scene, art, (left, top), tall, preset, self._rng)
            if box is not None:
                found.append(TestMark(art.name, tall, box))
        return Shot(self._finish(scene, preset, None), tuple(found))


def write(maker: Maker, out: Path) -> None:
    """Write the sheets and truth.json."""
    out.mkdir(parents=True, exist_ok=True)
    drawings = {}
    for kind in ("symbols", "emblems"):
        arts = maker.arts[kind]
        sheet, places = pack([_drawing(art) for art in arts])
        cv2.imwrite(str(out / f"{kind}.png"), sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        drawings[kind] = {art.name: place for art, place in zip(arts, places, strict=True)}
    shots = {}
    quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    for name, made in maker.shots():
        sheet, places = pack([shot.picture for shot in made])
        cv2.imwrite(str(out / f"{name}.jpg"), sheet, quality)
        shots[name] = [
            (place, [(m.brand, m.height, *(round(v, 1) for v in m.box)) for m in shot.marks])
            for place, shot in zip(places, made, strict=True)
        ]
    truth = {"drawings": drawings, "shots": shots}
    text = json.dumps(truth, separators=(",", ":")).replace("]]],[[", "]]],\n[[") + "\n"
    (out / "truth.json").write_text(text, encoding="utf-8")


def _drawing(art: Art) -> Bytes:
    level = 0
    alpha = art.alphas[level]
    colour = np.zeros((*alpha.shape, 3), np.uint8) if art.colours is None else art.colours[level]
    return np.ascontiguousarray(np.dstack([colour, alpha]), np.uint8)


def main() -> None:
    """Make the set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=FOLDER)
    args = parser.parse_args()
    write(Maker(args.sources), args.out)


if __name__ == "__main__":
    main()
