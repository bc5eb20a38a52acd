"""`msh bench annotate`: what masking alone costs, and what it leaves open, beside deface.

Moments of the demo's two films, at several sizes: somebody at the counter, whose face is known in every
picture, and walkers, whose faces several passes of the face detector tell. No looks, no brands. Both mask the
same pictures by turns, each with as many threads as it takes. The first picture of each film, which this
program looks at in four turns, is neither timed nor counted.
"""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from pipelines.errors import BadInput
from probes.redaction.look_ahead import AHEAD_MS
from scripts.bench.contestants import DEFACE, FILM, OURS, ended_at_last, is_installed, run_in_turn
from scripts.bench.privacy import Score, covered, find_truth, own_masks
from scripts.terminal import console
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from engines.image import I420
    from engines.scene_detector import SceneDetector
    from scripts.demo.scenes import Clip

    Mask = npt.NDArray[np.bool_]
    Pass = Callable[[], tuple[float, float]]

SIZES = ("480x270", "768x432", "1280x720")
FRAME_NS = 100_000_000
MOMENTS = {"counter": 40, "entrance": 60}
"""Where each film begins to be masked: somebody walks in there."""


@dataclass(frozen=True, slots=True)
class MaskedFilm:
    """Pictures of one film at one size, with the faces that are there, (N, 4) each."""

    film: Path
    pictures: Sequence[I420]
    faces: Sequence[npt.NDArray[np.float32]]


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "what masking alone costs and leaves open, beside deface"
    parser = benches.add_parser("annotate", help=about, description=f"{about}. {__doc__}")
    parser.add_argument("--frames", type=int, default=8, metavar="N", help="pictures of each film (8)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds; medians count (3)")
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="WxH", help=f"({' '.join(SIZES)})")
    parser.add_argument("--rival", metavar="PYTHON", help="a Python with rivals/requirements.txt installed")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    from engines.scene_detector import load_scene_detector  # noqa: PLC0415 loads OpenVINO
    from scripts.bench.pipeline import demo_clips  # noqa: PLC0415 fetches packages

    if min(args.frames, args.rounds) < 1:
        raise BadInput("--frames and --rounds must be 1 or more")
    sizes = [_size(text) for text in args.sizes]
    rival = args.rival if args.rival and is_installed(DEFACE, args.rival) else None
    scenes, clips = load_scene_detector("nanodet-416", "centerface"), demo_clips()
    found = {}
    for text, size in zip(args.sizes, sizes, strict=True):
        shown = [_shown(scenes, clips[name], first, args.frames, size) for name, first in MOMENTS.items()]
        found[text] = measure(scenes, shown, args.rounds, rival)
    if args.json:
        print(json.dumps(found))
    else:
        _print(found)
    return 0


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 64):
        raise BadInput(f"--sizes: {text}: give width and height, 64 at least, such as 480x270")
    return int(width) // 2 * 2, int(height) // 2 * 2


def _shown(scenes: SceneDetector, clip: Clip, first: int, count: int, size: tuple[int, int]) -> MaskedFilm:
    """Return count + 1 pictures of a film, of which the first is the one that is not counted."""
    from pipelines.offline.reader import read_frames  # noqa: PLC0415 starts GStreamer

    whole = [picture for _, picture in islice(read_frames(clip.path), first, first + count + 1)]
    pictures = [picture.scaled(*size) for picture in whole]
    scale = size[0] / whole[0].width
    faces = []
    for number, picture in enumerate(pictures, first):
        known = clip.truth.faces.get(number)
        if clip.truth.faces:
            boxes = [[known.x, known.y, known.x + known.w, known.y + known.h]] if known else []
            faces.append(np.array(boxes, np.float32).reshape(-1, 4) * np.float32(scale))
        else:
            faces.append(find_truth(scenes, picture))
    return MaskedFilm(clip.path, pictures, faces)


def measure(
    scenes: SceneDetector, shown: Sequence[MaskedFilm], rounds: int, rival: str | None
) -> dict[str, dict[str, float]]:
    """Return what each contestant costs a picture, and the faces that it left open. rival: its Python."""
    masks: dict[str, list[Mask]] = {OURS: [], FILM: []}
    passes: dict[str, Pass] = {
        OURS: lambda: _own_pass(scenes, shown, masks[OURS]),
        FILM: lambda: _film_pass(scenes, shown, masks[FILM]),
    }
    faces = [some for film in shown for some in film.faces[1:]]
    with (
        work_folder("bench") as folder,
        ended_at_last(_child(rival, shown, Path(folder)) if rival else None) as child,
    ):
        if child is not None:
            passes[DEFACE] = lambda: _ask(child)
            _ask(child)
            with np.load(Path(folder) / "masks.npz") as kept:
                masks[DEFACE] = [kept[name].astype(np.bool_) for name in kept.files]
        spent = run_in_turn(passes, rounds)
    return {
        name: {
            "ms": median(wall for wall, _ in spent[name]),
            "cpu_ms": median(cpu for _, cpu in spent[name]),
            **_open(masks[name], faces),
        }
        for name in passes
    }


def _open(masks: Sequence[Mask], faces: Sequence[npt.NDArray[np.float32]]) -> dict[str, float]:
    score = Score("")
    for mask, there in zip(masks, faces, strict=True):
        score.add(mask, there)
    return {"faces": score.faces, "open": score.left_open, "masked_share": score.area / score.frames}


def _own_pass(scenes: SceneDetector, shown: Sequence[MaskedFilm], masks: list[Mask]) -> tuple[float, float]:
    """Mask all as live cameras are; return milliseconds and CPU milliseconds a picture."""
    masks.clear()
    spent, count = np.zeros(2), 0
    for film in shown:
        mask_of = own_masks(scenes, film.film.stem, min_person_px=80)
        for number, picture in enumerate(film.pictures):
            masked = picture.copy()
            begun = _now()
            mask = mask_of(number * FRAME_NS, masked)
            if number:
                spent, count = spent + _now() - begun, count + 1
                masks.append(mask)
    wall, cpu = (spent * 1000 / count).tolist()
    return wall, cpu


def _film_pass(scenes: SceneDetector, shown: Sequence[MaskedFilm], masks: list[Mask]) -> tuple[float, float]:
    """Mask all as films are; the time of the first picture is in it. What is withheld counts as covered."""
    from pipelines.offline.annotator import Annotator  # noqa: PLC0415 loads OpenCV
    from pipelines.settings.privacy import FacesConfig  # noqa: PLC0415 loads pydantic
    from pricing.ledger.ledger import Ledger  # noqa: PLC0415 only here
    from probes.recognition.file_looks import NoLooks  # noqa: PLC0415 only here

    masks.clear()
    spent, count = np.zeros(2), 0
    masker = Annotator(
        scenes,
        looks=lambda _: NoLooks(),
        ledger=lambda votes: Ledger("EUR", lambda *_: None, min_votes=votes),
        masking=FacesConfig(),
        min_votes=1,
    )
    for film in shown:
        pictures = [(number * FRAME_NS, picture.copy()) for number, picture in enumerate(film.pictures)]
        found = {at: np.ones(picture.y.shape, np.bool_) for at, picture in pictures}
        begun = _now()
        for done in masker.video(film.film.stem, pictures, ahead_ms=AHEAD_MS).frames:
            found[done.at] = covered(done.redacted)
        spent, count = spent + _now() - begun, count + len(pictures)
        masks += [found[at] for at, _ in pictures[1:]]
    wall, cpu = (spent * 1000 / count).tolist()
    return wall, cpu


def _now() -> npt.NDArray[np.float64]:
    return np.array([time.perf_counter(), time.process_time()])


def _child(rival: str, shown: Sequence[MaskedFilm], folder: Path) -> subprocess.Popen[str]:
    from engines.colour import to_bgr  # noqa: PLC0415 loads OpenCV

    pictures, masks = folder / "pictures.npz", folder / "masks.npz"
    rgb = (np.ascontiguousarray(to_bgr(one)[..., ::-1]) for film in shown for one in film.pictures[1:])
    np.savez(pictures, *rgb)
    script = Path(__file__).with_name("rivals") / "deface_masks.py"
    command = [rival, str(script), str(pictures), str(masks), "opencv"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _ask(child: subprocess.Popen[str]) -> tuple[float, float]:
    """Return milliseconds and CPU milliseconds of a pass of the child; BadInput where it has ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write("\n")
        child.stdin.flush()
        wall, cpu = child.stdout.readline().split()
        return float(wall), float(cpu)
    except (OSError, ValueError) as error:
        raise BadInput("--rival: deface gives no figures; see its own words above") from error


def _print(found: dict[str, dict[str, dict[str, Any]]]) -> None:
    table = Table(box=SIMPLE, pad_edge=False)
    for heading in ("picture", "masked by", "ms", "CPU ms", "faces", "open", "picture masked"):
        table.add_column(heading, justify="left" if heading in ("picture", "masked by") else "right")
    for size, rows in found.items():
        for name, row in rows.items():
            table.add_row(size, name, *_cells(row))
    out = console()
    out.print(table)
    out.print("Times depend on the machine and what else it does; contestants took turns in one run.")


def _cells(row: dict[str, Any]) -> Iterator[str]:
    yield f"{row['ms']:.0f}"
    yield f"{row['cpu_ms']:.0f}"
    yield str(row["faces"])
    yield str(row["open"])
    yield f"{row['masked_share']:.1%}"
