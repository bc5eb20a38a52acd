"""`msh bench privacy`: how many faces stay open in pictures and videos, beside deface; and the attack."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.table import Table

from pipelines.errors import BadInput
from scripts.terminal import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    import numpy as np
    import numpy.typing as npt

    from engines.image import I420
    from engines.scene_detector import SceneDetector
    from probes.redaction.redact import RedactedFrame

    Boxes = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.bool_]

COVERED = 0.95
"""A face of which less is covered counts as open."""
HEIGHTS = (0, 16, 24, 32, 48, 80, 10_000)
"""Bounds of face heights, px of the picture."""
CANDIDATES = 50
HEADINGS = (
    "masked by",
    "faces",
    "open",
    "share",
    "picture masked",
    "frames a second",
    "CPU ms a frame",
    "later",
)


@dataclass(slots=True)
class Score:
    """What one way of masking left open.

    seconds: wall time; cpu_seconds: CPU time of all threads of this process meanwhile, which the load of the
    machine hardly changes; first_cpu_seconds: the part of it of the first frames of the files, which are
    looked at in more detail. by_height: [faces, open] by the least height of each class, px.
    """

    name: str
    frames: int = 0
    faces: int = 0
    left_open: int = 0
    area: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    firsts: int = 0
    first_cpu_seconds: float = 0.0
    by_height: dict[int, list[int]] = field(default_factory=dict)

    def timed(self, mask_of: Callable[[], Mask], *, first: bool) -> Mask:
        """Mask a frame and count its time. first: of its file."""
        begun, cpu_begun = time.perf_counter(), time.process_time()
        mask = mask_of()
        cpu_seconds = time.process_time() - cpu_begun
        self.seconds += time.perf_counter() - begun
        self.cpu_seconds += cpu_seconds
        if first:
            self.firsts += 1
            self.first_cpu_seconds += cpu_seconds
        return mask

    def cpu_ms(self) -> tuple[float, float | None]:
        """Return the CPU time of a frame, ms, on average: of all, and of all but the first of each file."""
        later = self.frames - self.firsts
        rest = self.cpu_seconds - self.first_cpu_seconds
        return 1000 * self.cpu_seconds / max(1, self.frames), 1000 * rest / later if later else None

    def add(self, mask: Mask, truth: Boxes) -> None:
        """Count one frame. mask: (height, width), true where covered."""
        self.frames += 1
        self.area += float(mask.mean())
        for left, top, right, bottom in truth.astype(int).tolist():
            part = mask[max(0, top) : bottom, max(0, left) : right]
            if not part.size:
                continue
            open_ = int(part.mean() < COVERED)
            row = self.by_height.setdefault(max(at for at in HEIGHTS if at <= bottom - top), [0, 0])
            row[0], row[1] = row[0] + 1, row[1] + open_
            self.faces, self.left_open = self.faces + 1, self.left_open + open_


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "how many faces stay open in pictures and videos of yours"
    parser = benches.add_parser("privacy", help=about, description=f"{about}. {__doc__}")
    parser.add_argument("inputs", type=Path, nargs="+", metavar="INPUT", help="picture, video or folder")
    parser.add_argument("--frames", type=int, default=100, metavar="N", help="most frames of each video")
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="faces that are there, as JSON {file name: [[[left, top, right, bottom], ...] per frame]};"
        " else several passes of the face detector, larger and mirrored, tell",
    )
    parser.add_argument("--deface", type=Path, metavar="FOLDER", help="folder that holds the deface package")
    parser.add_argument("--min-person-px", type=int, default=80, metavar="PX", help="as in the store file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, - for stdout")
    parser.add_argument(
        "--attack",
        action="store_true",
        help=f"instead: try to tell {CANDIDATES} faces of the inputs apart once they are masked",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print a table."""
    from scripts.commands.annotate import _files  # noqa: PLC0415

    if args.frames < 1:
        raise BadInput("--frames must be 1 or more")
    files, unreadable = _files(args.inputs)
    if unreadable:
        raise BadInput("\n".join(unreadable.values()))
    if args.attack:
        from scripts.bench.privacy_attack import attack  # noqa: PLC0415 loads the models

        return attack(_faces_of(files), CANDIDATES)
    scores = _measure(files, args)
    if args.json is not None:
        text = json.dumps([asdict(score) for score in scores], indent=2) + "\n"
        sys.stdout.write(text) if str(args.json) == "-" else args.json.write_text(text)
    if str(args.json) != "-":
        _print(scores)
    return 0


def _measure(files: list[Path], args: argparse.Namespace) -> list[Score]:
    from engines.scene_detector import load_scene_detector  # noqa: PLC0415 loads OpenVINO
    from scripts.bench.privacy_rival import load_deface  # noqa: PLC0415

    scenes = load_scene_detector("nanodet-416", "centerface")
    recorded = json.loads(args.truth.read_text()) if args.truth else {}
    ours, scores = Score("this program"), []
    scores.append(ours)
    rival: Callable[[I420], Mask] | None = None
    if args.deface:
        rival = load_deface(args.deface)
        scores.append(Score("deface, as it comes"))
    for file in files:
        mask_of = own_masks(scenes, file.stem, args.min_person_px)
        for number, (at, pixels) in enumerate(islice(_frames(file), args.frames)):
            truth = _recorded_faces(recorded, file, number) if recorded else find_truth(scenes, pixels)
            first = number == 0
            if rival:
                scores[1].add(scores[1].timed(partial(rival, pixels), first=first), truth)
            ours.add(ours.timed(partial(mask_of, at, pixels), first=first), truth)
    if not ours.frames:
        raise BadInput("the inputs hold no frames")
    return scores


def _recorded_faces(recorded: dict[str, list[list[list[float]]]], file: Path, number: int) -> Boxes:
    import numpy as np  # noqa: PLC0415

    try:
        return np.array(recorded[file.name][number], np.float32).reshape(-1, 4)
    except (KeyError, IndexError, ValueError):
        raise BadInput(f"--truth: holds no faces for frame {number} of {file.name}") from None


def own_masks(scenes: SceneDetector, camera: str, min_person_px: int) -> Callable[[int, I420], Mask]:
    """Return what masks one frame after the other as a camera's frames are."""
    from engines.held_motion import HeldMotion  # noqa: PLC0415
    from engines.tracking import Tracker  # noqa: PLC0415
    from pipelines.cpu.camera_turn import CameraTurn  # noqa: PLC0415
    from pipelines.cpu.chain import CameraChain  # noqa: PLC0415
    from pipelines.settings.privacy import FacesConfig  # noqa: PLC0415
    from probes.people.tracks import TrackBook  # noqa: PLC0415
    from probes.redaction.redact import Redactor  # noqa: PLC0415

    faces = FacesConfig()
    chain = CameraChain(
        camera,
        labels=scenes.classes,
        tracker=Tracker(person_class=scenes.classes.index("person")),
        book=TrackBook(camera, lambda _: "bench", 2500),
        redactor=Redactor(
            method=faces.method, margin=faces.margin, hold_ms=faces.hold_ms, motion=HeldMotion()
        ),
        min_person_px=min_person_px,
        by_motion=True,
        cover_entering=True,
        turn=CameraTurn(camera, scenes, faces, min_person_px=min_person_px),
    )

    def mask_of(at: int, pixels: I420) -> Mask:
        scene = scenes.detect(pixels, chain.prepare(pixels, at))
        return covered(chain.redact(chain.assemble(at, pixels, scene), pixels))

    return mask_of


def covered(redacted: RedactedFrame) -> Mask:
    """Return which pixels of a frame are covered, (height, width)."""
    import numpy as np  # noqa: PLC0415

    found = np.zeros((redacted.pixels.height, redacted.pixels.width), np.bool_)
    for box, _ in redacted.masks:
        found[int(box.y) : int(box.bottom), int(box.x) : int(box.right)] = True
    return found


def find_truth(scenes: SceneDetector, pixels: I420) -> Boxes:
    """Return the faces of a picture, (N, 4): those that the face detector is sure of in any of four passes.

    Passes: the picture at its own size and at twice that, each also mirrored. One that the program itself
    finds in none of them is not counted: truth from elsewhere goes into --truth.
    """
    import numpy as np  # noqa: PLC0415

    from engines.nms import suppress  # noqa: PLC0415
    from engines.views import View, tiles  # noqa: PLC0415

    faces = scenes.detectors[1]
    boxes, scores = [], []
    for mirrored in (False, True):
        shown = _mirrored(pixels) if mirrored else pixels
        for scale in (1.0, 2.0):
            for region, size in tiles((pixels.width, pixels.height), scale):
                found, _ = faces.start_view(shown, View(region, size, True)).result(60.0)
                sure = found.where(found.scores >= 0.5)
                corners = sure.boxes.copy()
                if mirrored:
                    corners[:, [0, 2]] = pixels.width - corners[:, [2, 0]]
                boxes.append(corners)
                scores.append(sure.scores)
    every, sure_of = np.concatenate(boxes), np.concatenate(scores)
    stay = suppress(every, sure_of, np.zeros(len(every), np.int32), 0.3)
    return every[stay]


def _mirrored(pixels: I420) -> I420:
    import numpy as np  # noqa: PLC0415

    return type(pixels)(*(np.ascontiguousarray(plane[:, ::-1]) for plane in (pixels.y, pixels.u, pixels.v)))


def _frames(file: Path) -> Iterator[tuple[int, I420]]:
    from pipelines.offline.reader import read_frames  # noqa: PLC0415 starts GStreamer

    yield from read_frames(file)


def _faces_of(files: list[Path]) -> Iterator[tuple[I420, Boxes]]:
    from engines.scene_detector import load_scene_detector  # noqa: PLC0415 loads OpenVINO

    scenes = load_scene_detector("nanodet-416", "centerface")
    for file in files:
        for _, pixels in islice(_frames(file), 1):
            yield pixels, find_truth(scenes, pixels)


def _print(scores: list[Score]) -> None:
    table = Table(box=SIMPLE, pad_edge=False, title=f"{scores[0].frames} frames")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == HEADINGS[0] else "right")
    for score in scores:
        share = score.left_open / score.faces if score.faces else 0.0
        every, later = score.cpu_ms()
        table.add_row(
            score.name,
            str(score.faces),
            str(score.left_open),
            f"{share:.2%}",
            f"{score.area / score.frames:.2%}",
            f"{score.frames / max(score.seconds, 1e-9):.1f}",
            f"{every:.0f}",
            "-" if later is None else f"{later:.0f}",
        )
    heights = Table(box=SIMPLE, pad_edge=False, title="open, of faces by their height in pixels")
    heights.add_column("masked by")
    classes = sorted({at for score in scores for at in score.by_height})
    for at in classes:
        heights.add_column(f"{at} up", justify="right")
    for score in scores:
        rows = (score.by_height.get(at, [0, 0]) for at in classes)
        heights.add_row(score.name, *(f"{left_open} of {count}" for count, left_open in rows))
    out = console()
    out.print(table)
    out.print(heights)
    out.print(
        f"Open: less than {COVERED:.0%} of the face is covered. Frames a second depend on the machine's load,"
        " CPU time hardly; later: without the first frame of each file."
    )
