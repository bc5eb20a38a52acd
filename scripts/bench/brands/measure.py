"""The measurements of `msh bench brands`."""

from __future__ import annotations

import math
import time
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.boxes import iou
from engines.marks import emblems as keypoints
from engines.marks.gallery import Gallery, read_cohort
from engines.marks.network import MarkEmbedder, MarkFinder
from engines.marks.picture import Ground, MarkPicture
from engines.marks.types import Emblem, Enrolled, Route
from engines.ocr.reader import WordReader
from scripts.bench.brands.rivals import (
    Emblems,
    Matching,
    Rival,
    RivalNetwork,
    Vectors,
    Words,
    cohort_of,
    crop_of,
    sureness,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from scripts.bench.brands.dataset import MarkSet, Shot

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]
    Track = Callable[[Iterable[Any], str], Iterable[Any]]

GROUP = 20
RECALL = 0.8
LOOKS, LOOK_NS = 10, 400_000_000
SLOTS = ("hat", "top", "top", "trousers", "trousers", "shoes")


class Bench:
    """Holds the models and caches their outputs; each measurement is one method."""

    def __init__(self, brands: MarkSet, sample: int, network: Path | None, track: Track) -> None:
        cv2.setNumThreads(1)
        self._set, self._sample, self._network, self._track = brands, sample, network, track
        self._names = {kind: list(drawings) for kind, drawings in brands.drawings.items()}
        self._pictures = {
            kind: [_enrollable(name, bgra) for name, bgra in drawings.items()]
            for kind, drawings in brands.drawings.items()
        }
        self._enrolled_emblems: dict[tuple[str, int], tuple[Emblem, ...]] = {}
        self._cohort, self._embedder = read_cohort(), MarkEmbedder()
        self._own = {kind: Vectors(some, self._embedder) for kind, some in self._pictures.items()}

    def top1(self, *, baselines: bool) -> dict[str, Any]:
        """Return top-1 accuracy by kind, method and height."""
        found: dict[str, Any] = {}
        for kind in ("symbols", "emblems", "words"):
            names = self._names.get(kind) or [s.marks[0].brand for s in self._set.shots[f"{kind}-32"]]
            ways = self._ways(kind, names, baselines=baselines)
            shots = {n.removeprefix(f"{kind}-"): s for n, s in self._set.shots.items() if n.startswith(kind)}
            found[kind] = {"brands": len(names), "ways": {}}
            for way in ways:
                quick = isinstance(way, Vectors)
                found[kind]["ways"][way.name] = {
                    size: self._share(
                        way, names, some if quick else some[: self._sample], f"{kind} {size} {way.name}"
                    )
                    for size, some in shots.items()
                }
        return found

    def _share(self, way: Rival, names: Sequence[str], shots: Sequence[Shot], what: str) -> float:
        right = 0
        if isinstance(way, Vectors):
            all_scores = iter(way.similarities(way.vectors(shots)) + 1.0)
        else:
            all_scores = (way.scores(shot, i) for i, shot in enumerate(self._track(shots, what)))
        for scores, shot in zip(all_scores, shots, strict=True):
            right += bool(scores.max() > 0 and names[int(scores.argmax())] == shot.marks[0].brand)
        return right / len(shots)

    def _ways(self, kind: str, names: Sequence[str], *, baselines: bool) -> list[Rival]:
        ways: list[Rival] = []
        pictures = self._pictures.get(kind)
        if pictures:
            ways.append(self._own[kind])
        if kind == "emblems":
            ways.append(Emblems(self._all_emblems(kind, len(names))))
        if baselines or not pictures:
            ways.append(Words(names, self._reader))
        if baselines and pictures:
            ways += [Matching("ORB", pictures), Matching("SIFT", pictures)]
            if self._network is not None:
                ways.append(RivalNetwork(self._network, pictures))
        return ways

    @cached_property
    def _reader(self) -> WordReader:
        return WordReader()

    @cached_property
    def _finder(self) -> MarkFinder:
        return MarkFinder()

    def _emblem(self, kind: str, number: int) -> tuple[Emblem, ...]:
        """Return a brand's keypoints, made when first asked for: hundreds take minutes."""
        if (kind, number) not in self._enrolled_emblems:
            picture = self._pictures[kind][number]
            self._enrolled_emblems[kind, number] = keypoints.enrol(self._names[kind][number], picture)
        return self._enrolled_emblems[kind, number]

    def _all_emblems(self, kind: str, count: int) -> list[Emblem]:
        numbers = range(min(count, len(self._names[kind])))
        return [emblem for number in numbers for emblem in self._emblem(kind, number)]

    def proposals(self) -> dict[str, float]:
        """Return the share of marks that one of the proposals covers, by height."""
        hits: dict[int, list[bool]] = {}
        for shot in self._track(self._scenes(), "proposals"):
            boxes = self._finder.find(shot.picture).boxes[:GROUP]
            for mark in shot.marks:
                hits.setdefault(mark.height, []).append(any(iou(box, mark.box) >= 0.5 for box in boxes))
        return {str(size): float(np.mean(some)) for size, some in sorted(hits.items())}

    def _scenes(self) -> list[Shot]:
        return [shot for name, some in self._set.shots.items() if name.startswith("scenes") for shot in some]

    def rejection(self, *, baselines: bool) -> dict[str, dict[str, float]]:
        """Return recall, precision and false accepts of 20 enrolled brands, each brand enrolled once."""
        own, names = self._own["symbols"], self._names["symbols"]
        shots, nothing = self._set.shots["symbols-32"], self._set.shots["nothing"]
        seen = [own.vectors(some) for some in (shots, nothing)]
        brand = np.array([names.index(shot.marks[0].brand) for shot in shots])
        sides = [(own.similarities(v), cohort_of(v, self._cohort)) for v in seen]
        thresholds = np.array([self._cohort.threshold(v) for v in own.enrolled], np.float32)
        groups: list[tuple[Any, ...]] = []
        for group in _groups(len(names)):
            parts = [
                (*sureness(s[:, group], o, thresholds[group]), group[s[:, group].argmax(axis=1)])
                for s, o in sides
            ]
            groups.append((*parts[0], *parts[1], np.isin(brand, group), parts[0][2] == brand))
        sure, taken, _, off_sure, off_taken, _, mine, right = (
            np.concatenate(x) for x in zip(*groups, strict=True)
        )
        found = {}
        level = _level(np.where(mine & right, sure, -np.inf)[mine])
        found["embedding (ours) at 80 % recall"] = _rates(sure >= level, off_sure >= level, mine, right)
        found["embedding (ours) as shipped"] = _rates(taken.astype(bool), off_taken.astype(bool), mine, right)
        if baselines:
            pictures = self._pictures["symbols"][:GROUP]
            ways: list[Rival] = [
                Matching("ORB", pictures),
                Matching("SIFT", pictures),
                Words(names[:GROUP], self._reader),
            ]
            if self._network is not None:
                ways.append(RivalNetwork(self._network, pictures))
            ways.append(Emblems(self._all_emblems("symbols", GROUP)))
            for way in ways:
                found |= self._rejects(way, names[:GROUP])
        return found

    def _rejects(self, way: Rival, names: Sequence[str]) -> dict[str, dict[str, float]]:
        shots = self._set.shots["symbols-32"]
        mine = np.array([shot.marks[0].brand in names for shot in shots])
        few = [i for i in range(len(shots)) if mine[i]] + [i for i in range(len(shots)) if not mine[i]][
            : 2 * self._sample
        ]
        scores = np.array([way.scores(shots[i], i) for i in self._track(few, f"false {way.name}")])
        off = np.array(
            [
                way.scores(shot, i).max()
                for i, shot in enumerate(
                    self._track(self._set.shots["nothing"][: 4 * self._sample], f"false {way.name}")
                )
            ]
        )
        best = scores.max(axis=1)
        right = np.array(
            [names[int(s.argmax())] == shots[i].marks[0].brand for s, i in zip(scores, few, strict=True)]
        )
        ours = mine[few]
        level = _level(np.where(ours & right & (best > 0), best, -np.inf)[ours])
        name = f"{way.name} at 80 % recall"
        if not np.isfinite(level):
            name, level = f"{way.name}, any match", float(np.nextafter(np.float32(0), np.float32(1)))
        return {name: _rates(best >= level, off >= level, ours, right)}

    def people(self, count: int) -> dict[str, float]:
        """Return items per 100 people after looks voted: false ones, right ones, and what was to be found."""
        from pricing.ledger.ledger import Ledger  # noqa: PLC0415
        from pricing.ledger.lookup_once import LookupOnce  # noqa: PLC0415
        from pricing.ledger.votes import Vote  # noqa: PLC0415

        scenes = [*self._scenes(), *self._set.shots["plain"]]
        gallery, emblems = self._enrolled()
        ledger = Ledger("EUR", LookupOnce(lambda *_: None))
        false = right = there = 0
        for person in self._track(range(count), "people"):
            shot = scenes[person % len(scenes)]
            for look in range(LOOKS):
                picture = _seen_again(shot.picture, np.random.default_rng((person, look)))
                sightings = gallery.sightings(self._finder.find(picture))
                sightings += keypoints.find_emblems(picture, emblems)
                at = look * LOOK_NS
                votes = [
                    Vote(
                        f"{person} {look} {n}",
                        _slot(s.box, picture),
                        None,
                        s.brand,
                        s.confidence,
                        at,
                        route=s.route.value,
                        look=f"{person} {look}",
                        size=math.sqrt((s.box[2] - s.box[0]) * (s.box[3] - s.box[1])),
                    )
                    for n, s in enumerate(sightings)
                ]
                ledger.observe(person, votes)
            worn = {mark.brand for mark in shot.marks}
            items = [item.brand for item in ledger.value(person).items]
            false += sum(brand not in worn for brand in items)
            right += sum(brand in worn for brand in items)
            enrolled = set(gallery_brands(self._names))
            there += len({m.brand for m in shot.marks if m.height >= 24} & enrolled)
        return {
            name: 100 * value / count
            for name, value in (
                ("false_items", false),
                ("right_items", right),
                ("enrolled_marks_of_24_px_or_more", there),
            )
        }

    def _enrolled(self) -> tuple[Gallery, list[Emblem]]:
        wanted = gallery_brands(self._names)
        enrolled: list[Enrolled] = []
        all_emblems: list[Emblem] = []
        for kind, names in self._names.items():
            for number, name in enumerate(names):
                if name not in wanted:
                    continue
                vectors, emblems = self._own[kind].enrolled[number], self._emblem(kind, number)
                enrolled.append(
                    Enrolled(name, vectors, (), frozenset({Route.SYMBOL}), self._cohort.threshold(vectors))
                )
                if keypoints.places(emblems[0]) >= keypoints.LEAST_PLACES:
                    all_emblems.extend(emblems)
        return Gallery(enrolled, self._cohort), all_emblems

    def cost(self) -> dict[str, float]:
        """Return CPU ms of one crop: detection of persons, the finder, keypoints of 20 brands, words."""
        from engines.colour import from_bgr  # noqa: PLC0415
        from engines.detector import load_detector  # noqa: PLC0415

        detector = load_detector("nanodet-416")
        all_emblems = self._all_emblems("emblems", GROUP)
        pictures = [shot.picture for shot in self._scenes()[:8]]
        return {
            "detection": _ms(lambda p: detector.detect([from_bgr(p)]), pictures),
            "proposals and embedding": _ms(self._finder.find, pictures),
            f"keypoints, {len(all_emblems)} brands": _ms(
                lambda p: keypoints.find_emblems(p, all_emblems), pictures
            ),
            "words": _ms(self._reader.read, pictures),
        }

    def sheet(self, path: Path) -> None:
        """Write each crop of 32 px, what it is, what it was taken for; wrong ones framed red."""
        own, names = self._own["symbols"], self._names["symbols"]
        tiles = []
        for number, shot in enumerate(self._set.shots["symbols-32"]):
            best = names[int(own.scores(shot, number).argmax())]
            right = best == shot.marks[0].brand
            sides = [crop_of(shot, number), *(self._flat(n) for n in (shot.marks[0].brand, best))]
            tile = np.hstack(sides)
            tiles.append(
                (
                    right,
                    cv2.copyMakeBorder(
                        tile, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=(60, 160, 60) if right else (40, 40, 230)
                    ),
                )
            )
        tiles.sort(key=lambda pair: pair[0])
        rows = [np.hstack([t for _, t in tiles[i : i + 8]]) for i in range(0, len(tiles) - len(tiles) % 8, 8)]
        cv2.imwrite(str(path), np.vstack(rows))

    def _flat(self, brand: str) -> Bytes:
        view = self._pictures["symbols"][self._names["symbols"].index(brand)].views()[0]
        return np.asarray(cv2.resize(view, (64, 64), interpolation=cv2.INTER_AREA), np.uint8)


def gallery_brands(names: dict[str, list[str]]) -> frozenset[str]:
    """Return the 20 brands that the shop of the test looks for."""
    return frozenset([*names["symbols"][:14], *names["emblems"][:6]])


def _enrollable(name: str, bgra: Bytes) -> MarkPicture:
    return MarkPicture(Path(name), np.ascontiguousarray(bgra[..., [2, 1, 0, 3]]), Ground.NONE)


def _groups(count: int) -> list[npt.NDArray[np.intp]]:
    return [np.arange(start, start + GROUP) for start in range(0, count - GROUP + 1, GROUP)]


def _level(right: Floats) -> float:
    """Return the score that RECALL of the marks, -inf where told wrong, reach."""
    return float(np.sort(right)[::-1][max(0, int(np.ceil(RECALL * len(right))) - 1)])


def _rates(taken: Any, off: Any, mine: Any, right: Any) -> dict[str, float]:
    hits = int((taken & mine & right).sum())
    wrong = int((taken & ~(mine & right)).sum())
    return {
        "recall": hits / max(1, int(mine.sum())),
        "precision": hits / max(1, hits + wrong),
        "background": 1000 * float(off.mean()),
        "others": 1000 * float(taken[~mine].mean()),
    }


def _seen_again(picture: Bytes, rng: np.random.Generator) -> Bytes:
    """Return the person a moment later: scaled, moved, blurred, noisy and compressed a little."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 2), rng.uniform(0.85, 1.1))
    matrix[:, 2] = matrix[:, 2] + rng.uniform(-6, 6, 2)
    moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    sigma = rng.uniform(0, 0.8)
    moved = cv2.GaussianBlur(moved, (0, 0), sigma) if sigma > 0.3 else moved
    noisy = moved * rng.uniform(0.85, 1.1) + rng.normal(0, rng.uniform(0, 5), moved.shape)
    _, data = cv2.imencode(".jpg", noisy.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 80])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _slot(box: Sequence[float], picture: Bytes) -> str:
    middle = (box[1] + box[3]) / 2 / picture.shape[0]
    return SLOTS[min(len(SLOTS) - 1, max(0, int(middle * len(SLOTS))))]


def _ms(work: Callable[[Bytes], object], pictures: Sequence[Bytes]) -> float:
    work(pictures[0])
    spent = []
    for picture in pictures:
        begun = time.process_time()
        work(picture)
        spent.append(time.process_time() - begun)
    return 1000 * median(spent)
