"""`msh models test FOLDER`: recall and cost of a model on labelled pictures, beside another model.

A picture NAME.jpg has its boxes in NAME.txt or NAME.boxes.txt: class, centre x, centre y, width, height,
each a share of the picture (YOLO's form). `classes.txt` names the classes, one a line.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.errors import BadInput
from engines.manifest import Decoder, find_model, read_manifest
from engines.nms import overlaps
from pipelines.printable import noted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from engines.detector import Detector
    from engines.image import I420

BESIDE = "nanodet-416"
MATCH = 0.5
"""IoU from which a box is the one meant."""
SIZES = ((64.0, "under 64 px"), (160.0, "64 to 160 px"), (float("inf"), "over 160 px"))
"""By the square root of a box's area in the picture."""
FIELDS = 5


@dataclass(frozen=True, slots=True)
class BoxedPicture:
    """A picture with its true boxes: x1 y1 x2 y2 in px, and the name of each."""

    name: str
    pixels: I420
    boxes: npt.NDArray[np.float32]
    labels: tuple[str, ...]


@dataclass(slots=True)
class Recall:
    """Counts of one class: true boxes and those found, by size; and false positives."""

    there: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    wrong: int = 0

    def row(self) -> str:
        """Return the counts as a line of text."""
        total, found = sum(self.there.values()), sum(self.found.values())
        by_size = ", ".join(f"{name} {self.found.get(name, 0)}/{n}" for name, n in self.there.items())
        return f"{found} of {total} found ({by_size or 'none there'}), {self.wrong} wrong"


def add_arguments(action: argparse.ArgumentParser) -> None:
    """Add the arguments of `models test`."""
    action.add_argument("folder", type=Path, metavar="FOLDER", help="pictures with boxes, in YOLO's form")
    action.add_argument("names", nargs="*", metavar="NAME", help=f"models to test (default: {BESIDE})")
    action.add_argument(
        "--classes",
        type=Path,
        metavar="FILE",
        help="names of the classes in the boxes (default: classes.txt)",
    )


def measure_models(args: argparse.Namespace) -> int:
    """Print recall and cost of each model beside the built-in one; return 0. Raises BadInput."""
    from engines.detector import load_detector  # noqa: PLC0415 loads OpenVINO

    pictures = list(read_pictures(args.folder, args.classes or args.folder / "classes.txt"))
    models = read_manifest()
    for name in dict.fromkeys([*args.names, BESIDE]):
        if find_model(name, models).decoder is not Decoder.TF_SSD:
            raise BadInput(f"model {name}: it is no detector")
        lines, pace = measure(load_detector(name), pictures)
        print(f"{name}: {len(pictures)} pictures, {pace:.1f} ms each")
        for line in lines:
            print(f"  {line}")
    return 0


def measure(detector: Detector, pictures: Sequence[BoxedPicture]) -> tuple[list[str], float]:
    """Return a line per common class, and the mean time of a picture in ms."""
    tallies = {label: Recall() for label in detector.classes}
    taken = 0.0
    for picture in pictures:
        begun = time.perf_counter()
        (seen,) = detector.detect([picture.pixels])
        taken += time.perf_counter() - begun
        for number, label in enumerate(detector.classes):
            true = picture.boxes[[own == label for own in picture.labels]]
            _count(tallies[label], true, seen.boxes[seen.classes == number])
    every = {label for picture in pictures for label in picture.labels}
    lines = [f"{label}: {tally.row()}" for label, tally in tallies.items() if label in every or tally.wrong]
    return lines or ["none of its classes is in these pictures"], taken * 1000 / max(1, len(pictures))


def _count(tally: Recall, true: npt.NDArray[np.float32], seen: npt.NDArray[np.float32]) -> None:
    """Match detections with true boxes, best score first, each true box once."""
    free = list(range(len(true)))
    hits: set[int] = set()
    shared = overlaps(seen, true) if len(seen) and len(true) else np.zeros((len(seen), len(true)))
    for row in shared:
        best = max(free, key=lambda place: row[place], default=None)
        if best is not None and row[best] >= MATCH:
            free.remove(best)
            hits.add(best)
        else:
            tally.wrong += 1
    for place, (x1, y1, x2, y2) in enumerate(true.tolist()):
        side = np.sqrt((x2 - x1) * (y2 - y1))
        name = next(name for edge, name in SIZES if side < edge)
        tally.there[name] = tally.there.get(name, 0) + 1
        tally.found[name] = tally.found.get(name, 0) + (place in hits)


def read_pictures(folder: Path, classes: Path) -> Iterator[BoxedPicture]:
    """Yield the pictures of a folder with their boxes. Raises BadInput."""
    from pipelines.cpu.images import IMAGE_SUFFIXES  # noqa: PLC0415 loads OpenCV
    from pipelines.offline.reader import read_frames  # noqa: PLC0415

    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder")
    try:
        names = [line.strip() for line in classes.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise BadInput(f"{classes}: cannot read the names of the classes: {error.strerror}") from error
    paths = [path for path in noted(sorted(folder.iterdir())) if path.suffix.lower() in IMAGE_SUFFIXES]
    boxed = [(path, boxes) for path in paths if (boxes := _boxes_beside(path)) is not None]
    if not boxed:
        raise BadInput(f"{folder}: no picture has boxes beside it (NAME.txt or NAME.boxes.txt)")
    for path, boxes in boxed:
        ((_, pixels),) = read_frames(path)
        corners, labels = _read_boxes(boxes, names, (pixels.width, pixels.height))
        yield BoxedPicture(path.name, pixels, corners, labels)


def _boxes_beside(path: Path) -> Path | None:
    found = (path.with_suffix(".boxes.txt"), path.with_suffix(".txt"))
    return next((one for one in found if one.is_file()), None)


def _read_boxes(
    path: Path, names: Sequence[str], size: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    corners, labels = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            index, x, y, w, h = (float(word) for word in line.split())
            label = names[int(index)]
        except (ValueError, IndexError):
            raise BadInput(
                f"{path}:{number}:1  expected class x y w h, the class below {len(names)}"
            ) from None
        corners.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
        labels.append("-".join(label.casefold().split()))
    found = np.array(corners, np.float32).reshape(-1, 4) * np.array(size * 2, np.float32)
    return found, tuple(labels)
