"""`msh bench pipeline`: what each step of a frame costs, beside the detectors' inference, the bound."""

from __future__ import annotations

import json
import sys
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from pipelines.errors import BadInput
from scripts.terminal import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    import numpy.typing as npt

    from engines.image import I420
    from engines.scene_detector import SceneDetector
    from scripts.demo.scenes import Clip
    from scripts.demo.truth import Truth

    Seconds = npt.NDArray[np.float64]

SESSION = "bnch"
FRAME_NS = 100_000_000


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "what each step of a frame costs on this machine, as a ratio to inference alone"
    parser = benches.add_parser("pipeline", help=about, description=about)
    parser.add_argument("video", type=Path, nargs="?", metavar="VIDEO", help="instead of the demo's film")
    parser.add_argument("--frames", type=int, default=100, metavar="N", help="frames a round (100)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds; medians count (3)")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print; the steps take turns in every round, on the same frames."""
    from pipelines.offline.reader import read_frames  # noqa: PLC0415 loads GStreamer

    if args.frames < 2 or args.rounds < 1:
        raise BadInput("--frames must be 2 or more, --rounds 1 or more")
    video = args.video or demo_film()
    begun = _now()
    frames = [picture for _, picture in islice(read_frames(video), args.frames)]
    decode = (_now() - begun) / max(1, len(frames))
    if len(frames) < 2:
        raise BadInput(f"{video}: holds fewer than 2 frames; give a video")
    costs = _measure(frames, args.rounds)
    costs = {"decode (file, unpaced)": decode, **costs}
    if args.json:
        wall = {f"{name}, ms": 1000 * float(cost[0]) for name, cost in costs.items()}
        print(json.dumps(wall | {f"{name}, CPU ms": 1000 * float(cost[1]) for name, cost in costs.items()}))
    else:
        _print(costs, frames[0])
    return 0


def _now() -> Seconds:
    """Return the time, and the CPU time of this process, all its threads together, s."""
    return np.array([time.perf_counter(), time.process_time()])


def _measure(frames: list[I420], rounds: int) -> dict[str, Seconds]:
    """Return seconds and CPU seconds a frame of each step, medians over the rounds of the mean in each."""
    from engines.scene_detector import load_scene_detector  # noqa: PLC0415 loads OpenVINO

    scenes = load_scene_detector("nanodet-416", "centerface")
    found: dict[str, list[Seconds]] = {}
    for _ in range(rounds):
        for name, seconds in _round(scenes, frames):
            found.setdefault(name, []).append(seconds / len(frames))
    return {name: np.median(costs, axis=0) for name, costs in found.items()}


def _round(scenes: SceneDetector, frames: list[I420]) -> Iterator[tuple[str, Seconds]]:
    """Run all frames through one step after the other; yield each step's name and seconds, see `_now`."""
    from engines.tracking import Tracker  # noqa: PLC0415
    from pipelines.cpu.chain import CameraChain  # noqa: PLC0415
    from probes.overlay.draw import Overlay  # noqa: PLC0415
    from probes.people.tracks import TrackBook  # noqa: PLC0415
    from probes.redaction.redact import Redactor  # noqa: PLC0415

    begun = _now()
    seen = [scenes.detect(picture) for picture in frames]
    yield "detect persons and faces", _now() - begun
    chain = CameraChain(
        "bench",
        labels=scenes.classes,
        tracker=Tracker(),
        book=TrackBook("bench", lambda _: SESSION, 2500),
        redactor=Redactor(method="pixelate", margin=0.25, hold_ms=800),
    )
    own, overlay = [picture.copy() for picture in frames], Overlay(str)
    begun = _now()
    metadata = [chain.assemble(n * FRAME_NS, picture, seen[n]) for n, picture in enumerate(own)]
    yield "track", _now() - begun
    begun = _now()
    masked = [chain.redact(frame, picture) for frame, picture in zip(metadata, own, strict=True)]
    yield "redact", _now() - begun
    begun = _now()
    for frame in masked:
        overlay.draw(frame, {})
    yield "draw", _now() - begun


def _print(costs: dict[str, Seconds], picture: I420) -> None:
    bound = costs["detect persons and faces"][0]
    table = Table(box=SIMPLE, pad_edge=False, title=f"{picture.width} x {picture.height}, one frame")
    table.add_column("step")
    table.add_column("ms", justify="right")
    table.add_column("CPU ms", justify="right")
    table.add_column("of detection", justify="right")
    for name, (wall, cpu) in (*costs.items(), ("whole chain", np.sum(list(costs.values()), axis=0))):
        table.add_row(name, f"{wall * 1000:.2f}", f"{cpu * 1000:.2f}", f"{wall / bound:.2f}")
    out = console()
    out.print(table)
    out.print("Times depend on the machine and what else it does; the ratios were taken in one run.")


def demo_film() -> Path:
    """Return the demo's busiest clip; it is made if it is not there."""
    return demo_clips()["entrance"].path


def demo_truth() -> Truth:
    """Return what that clip shows."""
    return demo_clips()["entrance"].truth


def demo_clips() -> dict[str, Clip]:
    """Return the demo's clips by camera; they are made if they are not there."""
    from scripts.demo import footage, scenes  # noqa: PLC0415 fetches packages

    cache = footage.default_cache()

    def say(line: str) -> None:
        print(line, file=sys.stderr)

    return scenes.build(footage.obtain(cache, say), cache, say)
