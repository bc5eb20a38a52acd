"""`msh bench cameras`: the whole job on live RTSP cameras or video files, for several numbers of cameras.

A camera server plays encoded clips at their own pace. `msh run` works on them. The bench reads its metrics
twice, after the start and at the end; all figures are differences between the two. With --rival, the script
that a good user would write (scripts/bench/rivals/plain.py) takes turns with ours on the same cameras. With
--slow-rival it is a DETR for each question (detr.py) instead, alone, and both readings follow a whole frame.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPException
from math import inf
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families
from rich.box import SIMPLE
from rich.table import Table

from engines.paths import CONFIGS, ROOT
from pipelines.errors import BadInput
from scripts.bench.clips import clip_at, clip_of, copies
from scripts.bench.contestants import DETR, OURS, PLAIN, is_installed
from scripts.demo.children import Children, StartFailed, first_line
from scripts.demo.settings import HOST, is_free
from scripts.terminal import console
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse
    import subprocess
    from collections.abc import Iterable, Mapping, Sequence

    Samples = Mapping[tuple[str, str], float]

START_S, START_OF_EACH_S, SLOW_START_S = 120.0, 15.0, 600.0
"""Longest start of a store, more for each camera, and of a slow contestant: for busy machines."""
SETTLE_S = 4.0
WIDTH = 140
"""Columns that the table needs; a narrower terminal wraps lines, not cells."""
QUANTILES = (0.5, 0.95, 0.99)
LATENCY, BETWEEN_LATENCY = "msh_frame_latency_seconds_bucket", "msh_frames_between_latency_seconds_bucket"
SCRIPTS = {PLAIN: "plain.py", DETR: "detr.py"}


@dataclass(frozen=True, slots=True)
class StoreRun:
    """One contestant's run: how many cameras, how long measured, how long until its first frames."""

    contestant: str
    cameras: int
    fps: int
    lasted_s: float
    first_frame_s: float


@dataclass(frozen=True, slots=True)
class StoreLoad:
    """What one run of N cameras cost. Latency in seconds from capture to publication; memory in MB.

    shown_per_s: frames that were analysed, or covered between two that were, where somebody watches;
    shown_latency_p95_s: of these.
    owed: how often a person had the looks of 6 in 10 s ("met"), or not ("missed").
    """

    contestant: str
    cameras: int
    fps: int
    processed_per_s: float
    shown_per_s: float
    wanted_per_s: float
    cpu_ms_per_frame: float
    cpu_ms_per_shown: float
    latency_p50_s: float | None
    latency_p95_s: float | None
    latency_p99_s: float | None
    shown_latency_p95_s: float | None
    memory_mb: float
    dropped: dict[str, int]
    looks: dict[str, int]
    owed: dict[str, int]
    first_frame_s: float


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "what whole stores of 1, 2, 4 ... live cameras cost: frames, CPU, latency, memory, drops, looks"
    parser = benches.add_parser("cameras", help=about, description=about)
    parser.add_argument("--cameras", type=int, nargs="+", default=[1, 4], metavar="N", help="stores (1 4)")
    parser.add_argument("--fps", type=int, default=10, help="analysed frames a second and camera (10)")
    parser.add_argument("--seconds", type=float, default=20, metavar="S", help="measured time of a run (20)")
    parser.add_argument("--repeats", type=int, default=1, metavar="N", help="runs of each; medians count (1)")
    parser.add_argument("--clip", type=Path, metavar="FILE", help="an MP4 (H.264) instead of the demo's")
    parser.add_argument(
        "--camera-fps", type=int, metavar="N", help="frames a second that the cameras send (the clip's)"
    )
    parser.add_argument("--settle", type=float, default=SETTLE_S, metavar="S", help="first left out (4)")
    parser.add_argument("--files", action="store_true", help="video files, played at their pace, not RTSP")
    parser.add_argument("--rival", metavar="PYTHON", help="a Python with rivals/requirements.txt installed")
    parser.add_argument(
        "--slow-rival", action="store_true", help="with --rival: a DETR for each question, nothing else"
    )
    parser.add_argument(
        "--watch", action="store_true", help="somebody watches every camera of ours on the page (MJPEG)"
    )
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print; contestants take turns in every repeat."""
    if min(*args.cameras, args.fps, args.repeats) < 1 or not args.seconds > 0:
        raise BadInput("--cameras, --fps, --repeats and --seconds must be above 0")
    if args.slow_rival and not args.rival:
        raise BadInput("--slow-rival needs --rival PYTHON")
    contestants = [name for name in _contestants(args) if name == OURS or is_installed(name, args.rival)]
    if args.files and contestants != [OURS]:
        raise BadInput("--files is for this program alone; leave --rival out")
    clip = clip_of(args.clip)
    runs: list[StoreLoad] = []
    try:
        with work_folder("bench") as made:
            if args.camera_fps:
                clip = clip_at(clip, args.camera_fps, Path(made) / f"{clip.stem}-{args.camera_fps}.mp4")
            for _ in range(args.repeats):
                for cameras in args.cameras:
                    for contestant in contestants:
                        runs.append(measure(clip, cameras, args, contestant))
    except StartFailed as error:
        print(f"msh bench cameras: {error}", file=sys.stderr)
        return 1
    rows = _medians(runs)
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    elif rows:
        _print(rows, clip)
    return 0


def _contestants(args: argparse.Namespace) -> tuple[str, ...]:
    if args.slow_rival:
        return (DETR,)
    return (OURS, PLAIN) if args.rival else (OURS,)


def measure(clip: Path, cameras: int, args: argparse.Namespace, contestant: str = OURS) -> StoreLoad:
    """Serve the clip as that many cameras and run one contestant on them. Raises StartFailed.

    args: fps, seconds, settle, files, rival, camera_fps as at the command line; with a camera_fps the clip
    must have as many frames a second.
    """
    names = [f"camera{number}" for number in range(cameras)]
    with work_folder("bench") as made, Children() as children:
        folder = Path(made)
        if args.files:
            urls = copies(clip, names, folder)
        else:
            urls = serve_all(children, names, clip, folder / "cameras.log", args.camera_fps)
        port = free_port()
        page = free_port(port + 1) if args.watch and contestant == OURS else None
        env = os.environ | {"STATE_DIRECTORY": str(folder / "state")}
        if contestant == OURS:
            store = folder / "store.yaml"
            text = store_text(dict(zip(names, urls, strict=True)), args.fps, port, page)
            store.write_text(text, encoding="utf-8")
            command = [sys.executable, "-m", "scripts.msh", "run", str(store)]
        else:
            script = str(Path(__file__).parent / "rivals" / SCRIPTS[contestant])
            command = [args.rival, script, "--fps", str(args.fps), "--metrics", str(port), *urls]
        begun = time.monotonic()
        run_log = folder / "run.log"
        process = children.start(contestant, command, env=env, folder=ROOT, log=run_log)
        slow = contestant == DETR
        patience_s = SLOW_START_S if slow else START_S + cameras * START_OF_EACH_S
        wait_for_frames(process, port, cameras, run_log, patience_s)
        first = time.monotonic() - begun
        if page is not None:
            watch(page, names)
        time.sleep(0.0 if slow else args.settle)
        before, at = read_metrics(port), time.monotonic()
        time.sleep(args.seconds)
        after = read_after_frame(port) if slow else read_metrics(port)
        lasted = time.monotonic() - at
        process.send_signal(signal.SIGINT)
        return load_between(StoreRun(contestant, cameras, args.fps, lasted, first), before, after)


def watch(page: int, names: Iterable[str]) -> None:
    """Open every camera's video on the page, and read it until the store ends. page: its port."""

    def read(name: str) -> None:
        url = f"http://{HOST}:{page}/api/cameras/{name}/video.mjpg?width=640"
        with suppress(OSError, HTTPException), urllib.request.urlopen(url, timeout=60) as video:
            while video.read(65536):
                pass

    for name in names:
        threading.Thread(target=read, args=(name,), name=f"watch-{name}", daemon=True).start()


def serve(children: Children, name: str, clip: Path, log: Path, fps: int | None = None) -> str:
    """Start a camera and return its address. fps: frames a second that it sends; the demo's without it."""
    return serve_all(children, [name], clip, log, fps)[0]


def serve_all(
    children: Children, names: Sequence[str], clip: Path, log: Path, fps: int | None = None
) -> list[str]:
    """Start one process with all these cameras and return their addresses."""
    command = [sys.executable, "-m", "scripts.demo.cameras", *(f"{name}={clip}" for name in names)]
    command += ["--port", "0", *([] if fps is None else ["--fps", str(fps)])]
    child = children.start(names[0], command, folder=ROOT, log=log)
    lines = [first_line(names[0], child, log)]
    assert child.stdout is not None
    lines += [child.stdout.readline() for _ in names[1:]]  # printed in one go
    if not all(lines):
        raise StartFailed(f"the cameras ended while they started: {log.read_text(errors='replace').strip()}")
    return [line.split()[1] for line in lines]


def load_between(one: StoreRun, before: Samples, after: Samples) -> StoreLoad:
    """Return what a run cost between two readings of its metrics."""

    def gained(name: str) -> float:
        return sum(value - before.get(key, 0.0) for key, value in after.items() if key[0] == name)

    def by(name: str, label: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for key, value in after.items():
            if key[0] == name:
                part = str(json.loads(key[1]).get(label))
                found[part] = found.get(part, 0) + round(value - before.get(key, 0.0))
        return {part: count for part, count in sorted(found.items()) if count}

    processed = gained("msh_frames_processed_total")
    shown = processed + gained("msh_frames_between_total")
    cpu_ms = gained("process_cpu_seconds_total") * 1000
    p50, p95, p99 = (_quantile(before, after, share) for share in QUANTILES)
    shown_p95 = _quantile(before, after, 0.95, (LATENCY, BETWEEN_LATENCY))
    return StoreLoad(
        contestant=one.contestant,
        cameras=one.cameras,
        fps=one.fps,
        processed_per_s=processed / one.lasted_s,
        shown_per_s=shown / one.lasted_s,
        wanted_per_s=float(one.cameras * one.fps),
        cpu_ms_per_frame=cpu_ms / max(1.0, processed),
        cpu_ms_per_shown=cpu_ms / max(1.0, shown),
        latency_p50_s=p50,
        latency_p95_s=p95,
        latency_p99_s=p99,
        shown_latency_p95_s=shown_p95,
        memory_mb=_total(after, "process_resident_memory_bytes") / 1e6,
        dropped=by("msh_frames_dropped_total", "reason"),
        looks=by("msh_looks_total", "result"),
        owed=by("msh_looks_owed_total", "result"),
        first_frame_s=one.first_frame_s,
    )


def _quantile(
    before: Samples, after: Samples, share: float, names: Sequence[str] = (LATENCY,)
) -> float | None:
    """Return the upper edge of the bucket in which the quantile lies; None without one or without frames."""
    buckets: dict[float, float] = {}
    for key, value in after.items():
        if key[0] in names:
            edge = float(json.loads(key[1])["le"])
            buckets[edge] = buckets.get(edge, 0.0) + value - before.get(key, 0.0)
    whole = buckets.get(float("inf"), 0.0)
    edges = [edge for edge in sorted(buckets) if whole and buckets[edge] >= share * whole and edge < inf]
    return edges[0] if edges else None


def read_metrics(port: int) -> Samples:
    """Return all samples by name and labels (as JSON). Raises OSError."""
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (sample.name, json.dumps(sample.labels, sort_keys=True)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read_after_frame(port: int) -> Samples:
    """Return all samples right after the next frame: where one takes seconds, its parts would be counted."""
    name, end = "msh_frames_processed_total", time.monotonic() + SLOW_START_S
    first = samples = read_metrics(port)
    while _total(samples, name) == _total(first, name) and time.monotonic() < end:
        time.sleep(0.1)
        samples = read_metrics(port)
    return samples


def _total(samples: Samples, name: str) -> float:
    return sum(value for key, value in samples.items() if key[0] == name)


def wait_for_frames(
    process: subprocess.Popen[str], port: int, cameras: int, log: Path, patience_s: float = START_S
) -> None:
    """Wait until every camera had a frame worked on, or is suspended; StartFailed. port: of the metrics."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end and process.poll() is None:
        try:
            samples = read_metrics(port)
        except OSError:
            samples = {}
        names = "msh_frames_processed_total", "msh_camera_suspended"
        seen = {labels for (name, labels), value in samples.items() if name in names and value > 0}
        if len(seen) >= cameras:
            return
        time.sleep(0.1)
    words = log.read_text(errors="replace").strip().splitlines()
    code = process.poll()
    what = f"no frame of every camera within {patience_s:g} s" if code is None else f"it ended with {code}"
    raise StartFailed(f"the store did not start: {what}: {words[-1] if words else 'no word'}")


def store_text(urls: Mapping[str, str], fps: int, port: int, page: int | None = None) -> str:
    """Return a store file with these cameras. port: of the metrics; page: of the page, if there is one."""
    cameras = "".join(f"  {name}: {_source(url)}\n" for name, url in urls.items())
    return (
        "version: 1\nstore: {id: bench, name: Bench, timezone: UTC, currency: EUR}\n"
        f"platform: {{kind: cpu, max_cameras: {max(16, len(urls))}}}\n"
        f"prices: {{catalogue: {CONFIGS / 'demo-prices.csv'}}}\n"
        f"defaults: {{fps: {fps}}}\ncameras:\n{cameras}"
        f'outputs:\n  metrics: {{listen: "{HOST}:{port}"}}\n'
        + (f'  web: {{listen: "{HOST}:{page}"}}\n' if page else "")
    )


def _source(url: str) -> str:
    return f"{{source: {url}}}" if "://" in url else f"{{source: {json.dumps(url)}, loop: true}}"


def free_port(above: int = 19464) -> int:
    """Return a port that nobody uses now."""
    return next(port for port in range(above, above + 500) if is_free(port))


def _medians(runs: Iterable[StoreLoad]) -> list[StoreLoad]:
    """Return for each contestant and number of cameras the run whose CPU time is the median."""
    groups: dict[tuple[str, int], list[StoreLoad]] = {}
    for one in runs:
        groups.setdefault((one.contestant, one.cameras), []).append(one)
    rows = []
    for group in groups.values():
        middle = median(one.cpu_ms_per_frame for one in group)
        rows.append(min(group, key=lambda one: abs(one.cpu_ms_per_frame - middle)))
    return rows


def _print(rows: list[StoreLoad], clip: Path) -> None:
    table = Table(box=SIMPLE, pad_edge=False, title=f"{clip.name}, {rows[0].fps} frames a second and camera")
    headings = "contestant", "cameras", "analysed/s", "shown/s", "of wanted", "CPU ms analysed", "shown"
    for column in (*headings, "p50", "p95", "p99"):
        table.add_column(column, justify="left" if column == "contestant" else "right")
    for column in ("MB", "first frame s", "dropped", "looks", "6 looks in 10 s"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            row.contestant,
            str(row.cameras),
            f"{row.processed_per_s:.1f}",
            f"{row.shown_per_s:.1f}",
            f"{row.shown_per_s / row.wanted_per_s:.0%}",
            f"{row.cpu_ms_per_frame:.1f}",
            f"{row.cpu_ms_per_shown:.1f}",
            *("-" if edge is None else f"< {edge:g} s" for edge in _edges(row)),
            f"{row.memory_mb:.0f}",
            f"{row.first_frame_s:.1f}",
            ", ".join(f"{reason} {count}" for reason, count in row.dropped.items()) or "0",
            ", ".join(f"{result} {count}" for result, count in row.looks.items()) or "-",
            ", ".join(f"{result} {count}" for result, count in row.owed.items()) or "-",
        )
    out = console(width=max(console().width, WIDTH))
    out.print(table)
    out.print("Times depend on the machine and what else it does; contestants took turns in one run.")


def _edges(row: StoreLoad) -> tuple[float | None, ...]:
    return row.latency_p50_s, row.latency_p95_s, row.latency_p99_s
