"""Compares trackers on the sequences inside the motmetrics wheel: python -m tests.engines.compare_trackers.

"detector": the boxes of test.txt, the output of a real detector and tracker, with their ids taken away; it
has no scores, so each gets 0.9. "simulated": the true boxes, 15 % of them dropped, corner and sides off by
4 % (normal), scores normal around 0.7 +- 0.15 within 0.3 to 0.99, and 0.3 false boxes a frame (Poisson)
with scores around 0.45 +- 0.1; the mean of three seeds. Both at 25 frames a second and at every third
and fifth frame. A hit overlaps the truth by half. Tracks are confirmed by 3 hits and kept for 2 s; detections
without a confirmed track do not count.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engines.detections import Detections
from engines.tracking import Tracker, byte_track

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import motmetrics  # type: ignore[import-untyped]  # ships no types
    import numpy.typing as npt

    from engines.tracking import Associator

    Rows = npt.NDArray[np.float64]
    Make = Callable[[int, int], Associator]

DATA = Path(find_spec("motmetrics").origin).parent / "data"
"""motmetrics itself is imported where it is used: it brings pandas along."""
SEQUENCES = ("TUD-Campus", "TUD-Stadtmitte")
FPS = 25.0
SEEDS = 3
SOURCES = ("detector", "simulated")


class Score(NamedTuple):
    idf1: float
    mota: float
    switches: float


def compare(sequence: str, step: int, source: str, make: Make, seed: int = 0) -> Score:
    """Score a tracker on every step-th frame of a sequence."""
    tracker = Tracker(make=make)
    results = accumulator()
    for time, truth, found in frames(sequence, step, source, seed):
        seen = [t for t in tracker.update(found, time) if t.confirmed]
        boxes = np.array([t.box for t in seen]).reshape(-1, 4)
        results.update(truth[:, 1].astype(int), [t.number for t in seen], distance(corners(truth), boxes))
    return score(results)


def shipped(sequence: str, step: int) -> Score:
    """Score test.txt with its own ids."""
    truth, found = (read(sequence, name) for name in ("gt.txt", "test.txt"))
    results = accumulator()
    for number in np.unique(truth[:, 0])[::step]:
        a, b = truth[truth[:, 0] == number], found[found[:, 0] == number]
        results.update(a[:, 1].astype(int), b[:, 1].astype(int), distance(corners(a), corners(b)))
    return score(results)


def frames(sequence: str, step: int, source: str, seed: int) -> Iterator[tuple[int, Rows, Detections]]:
    truth, rng = read(sequence, "gt.txt"), np.random.default_rng(seed)
    found = read(sequence, "test.txt")
    for number in np.unique(truth[:, 0])[::step]:
        now = truth[truth[:, 0] == number]
        if source == "detector":
            boxes = corners(found[found[:, 0] == number])
            scores = np.full(len(boxes), 0.9)
        else:
            boxes, scores = simulate(now, rng)
        order = np.argsort(-scores)
        detections = Detections(
            boxes[order].astype(np.float32), scores[order].astype(np.float32), np.zeros(len(order), np.int32)
        )
        yield int(number / FPS * 1e9), now, detections


def simulate(truth: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    boxes = truth[rng.random(len(truth)) < 0.85, 2:6]
    boxes = boxes + rng.normal(0, 0.04, boxes.shape) * boxes[:, [2, 3, 2, 3]]
    false = rng.poisson(0.3)
    low, high = (0, 50, 40, 100), (600, 250, 100, 250)
    boxes = np.concatenate([boxes, rng.uniform(low, high, (false, 4))])
    means = np.where(np.arange(len(boxes)) < len(boxes) - false, 0.7, 0.45)
    scores = np.clip(rng.normal(means, np.where(means > 0.5, 0.15, 0.1)), 0.3, 0.99)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1), scores


def read(sequence: str, name: str) -> Rows:
    """Read a MOT Challenge file: frame, id, left, top, width, height, ..."""
    return np.loadtxt(DATA / sequence / name, delimiter=",")


def corners(rows: Rows) -> Rows:
    return np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)


def distance(truth: Rows, found: Rows) -> Rows:
    """1 - IoU, NaN above 0.5. motmetrics 1.4.0 has its own, which fails on numpy 2."""
    low = np.maximum(truth[:, None, :2], found[None, :, :2])
    high = np.minimum(truth[:, None, 2:], found[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (truth, found)]
    far = 1 - common / (areas[0][:, None] + areas[1][None] - common)
    return np.where(far > 0.5, np.nan, far)


def accumulator() -> motmetrics.MOTAccumulator:
    import motmetrics

    return motmetrics.MOTAccumulator(auto_id=True)


def score(results: motmetrics.MOTAccumulator) -> Score:
    names = ["idf1", "mota", "num_switches"]
    import motmetrics

    table = motmetrics.metrics.create().compute(results, metrics=names, name="all")
    return Score(*(float(table[name].iloc[0]) for name in names))


TRACKERS: dict[str, Make] = {"ByteTrack (chosen)": byte_track}


def mean(scores: list[Score]) -> Score:
    return Score(*(float(value) for value in np.mean(scores, axis=0)))


def main() -> None:
    for step in (1, 3, 5):
        print(f"\n### {FPS / step:.1f} frames a second\n")
        print(
            "| tracker |", " | ".join(f"{s}, {k}" for s in SEQUENCES for k in ("detector", "simulated")), "|"
        )
        print("| --- |" + " --- |" * 4)
        rows = {"ids as shipped": [cell for s in SEQUENCES for cell in (shipped(s, step), None)]}
        for name, make in TRACKERS.items():
            rows[name] = [
                mean([compare(s, step, source, make, seed) for seed in range(SEEDS)])
                for s in SEQUENCES
                for source in SOURCES
            ]
        for name, cells in rows.items():
            texts = [f"{c.idf1:.3f} / {c.mota:.3f} / {c.switches:.1f}" if c else "" for c in cells]
            print(f"| {name} |", " | ".join(texts), "|")


if __name__ == "__main__":
    main()
