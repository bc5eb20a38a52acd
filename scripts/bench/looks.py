"""`msh bench looks`: what looks cost the video thread under overload, and the CPU time of one look."""

from __future__ import annotations

import json
import threading
import time
from math import sin
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

import numpy as np

from engines.image import I420
from pipelines.errors import BadInput
from probes.answers import LookAnswer
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.recognition.look_workers import LookResult, LookWorkers
from probes.recognition.reading import Recogniser
from probes.recognition.targets import targets_of

if TYPE_CHECKING:
    import argparse

    from probes.recognition.look import Look
    from probes.recognition.targets import RecognitionTargets

SIZE = (1280, 720)
FPS = 10
SLOW_S = 0.35
MS = 1_000_000


class Slow(Recogniser):
    """A recogniser that takes time and finds nothing."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds, self._stop = seconds, threading.Event()

    def read(
        self, look: Look, targets: RecognitionTargets, without: frozenset[object] = frozenset()
    ) -> LookAnswer:
        """Sleep as long as a slow route works."""
        self._stop.wait(self._seconds)
        return LookAnswer(look.track, look.frame, ())


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "what looks cost the video path, as a share of a frame's time, and CPU time of a look"
    parser = benches.add_parser("looks", help=about, description=about)
    parser.add_argument("--cameras", type=int, default=4, metavar="N", help="cameras (4)")
    parser.add_argument("--people", type=int, default=10, metavar="N", help="people on each (10)")
    parser.add_argument("--seconds", type=int, default=20, metavar="S", help="of video (20)")
    parser.add_argument(
        "--photos", type=Path, metavar="FOLDER", help="instead: CPU time of a look at each of its photographs"
    )
    parser.add_argument(
        "--most", type=int, default=40, metavar="N", help="crops or photographs looked at (40)"
    )
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    if min(args.cameras, args.people, args.seconds, args.most) < 1:
        raise BadInput("--cameras, --people, --seconds and --most must be 1 or more")
    from scripts.bench.look_cost import composed_crops, look_cost, photographs  # noqa: PLC0415 loads OpenVINO

    if args.photos is not None:
        cost = look_cost(photographs(args.photos, args.most))
        if args.json:
            print(json.dumps(cost))
        else:
            _print_cost(cost)
        return 0
    cost = look_cost(composed_crops(args.most))
    figures = measure(args.cameras, args.people, args.seconds) | {f"look_{name}": cost[name] for name in cost}
    if args.json:
        print(json.dumps(figures))
        return 0
    share = figures["offer_share_of_frame_time"]
    print(f"{figures['offer_median_us']:>10,.0f} us to offer a frame of {args.people} people, median")
    print(f"{figures['offer_p99_us']:>10,.0f} us, slowest of a hundred")
    print(f"{share:>10.2%} of the time between frames at {FPS} a second from {args.cameras} cameras")
    print(f"{figures['looks_per_second']:>10.1f} looks begun a second of video, all cameras together")
    print(f"{figures['waiting_most']:>10} crops waited at most; {figures['dropped']} gave way to newer ones")
    _print_cost(cost)
    return 0


def _print_cost(cost: dict[str, float]) -> None:
    print(f"{cost['cpu_ms']:>10,.0f} ms of CPU time a look, over {cost['looks']} looks")
    print(f"{cost['cpu_ms_without_garments']:>10,.0f} ms without garments: {cost['ratio']:.2f} times")
    print(f"{cost['cpu_ms_without_keypoints']:>10,.0f} ms without keypoints, as most live looks are")
    print(f"{cost['cpu_ms_in_a_round']:>10,.0f} ms a look, mean of a first round of them at one person")


def measure(cameras: int, people: int, seconds: int) -> dict[str, float]:
    """Offer frames as fast as possible; the looks run on the video's clock."""
    results: list[LookResult] = []
    looks = LookWorkers([Slow(SLOW_S)], targets_of({"nike": "Nike"}), on_result=results.append)
    noise = np.random.default_rng(1).integers(16, 235, (SIZE[1], SIZE[0]), np.uint8)
    pixels = I420(noise, I420.black(*SIZE).u, I420.black(*SIZE).v)
    spent, max_waiting = [], 0
    clock = time.perf_counter
    for tick in range(seconds * FPS):
        for camera in range(cameras):
            frame = _frame(f"c{camera}", tick, people)
            begun = clock()
            looks.offer(frame, pixels)
            looks.drain()
            looks.set_values({})
            spent.append(clock() - begun)
            max_waiting = max(max_waiting, looks.depth)
    begun_looks = len(results) + looks.depth
    looks.close()
    return {
        "offer_median_us": median(spent) * 1e6,
        "offer_p99_us": quantiles(spent, n=100)[-1] * 1e6,
        "offer_share_of_frame_time": sum(spent) / len(spent) * FPS * cameras,
        "looks_per_second": begun_looks / seconds,
        "waiting_most": max_waiting,
        "dropped": results.count(LookResult.DROPPED),
    }


def _frame(camera: str, tick: int, people: int) -> Frame:
    at = tick * 1000 // FPS
    seen = tuple(
        Detection(
            Kind.PERSON,
            "person",
            0.9,
            Box(60 + 110 * n % 1100 + 20 * sin(at / 900 + n), 200 + 9 * n, 100, 300),
            TrackId(camera, "bnch", n + 1),
        )
        for n in range(people)
    )
    return Frame(camera, at * MS, SIZE, seen)
