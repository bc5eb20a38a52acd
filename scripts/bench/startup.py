"""`msh bench startup`: how long `msh run` takes to its open port and to its first frame, warm.

One camera server plays the demo's clip. A first start fills the caches and is not measured.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from engines.paths import ROOT
from pipelines.errors import BadInput
from scripts.bench.cameras import free_port, read_metrics, serve, store_text
from scripts.bench.clips import clip_of
from scripts.demo.children import Children, StartFailed
from scripts.demo.settings import HOST
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse
    import subprocess
    from collections.abc import Callable

START_S = 180.0
PORT_POLL_S, FRAME_POLL_S = 0.01, 0.05
"""Metrics are read as Prometheus reads them, which costs both processes milliseconds each time."""


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "seconds to the page's open port and to the first frame of a warm start, and their CPU time"
    parser = benches.add_parser("startup", help=about, description=about)
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="starts; medians count (3)")
    parser.add_argument("--clip", type=Path, metavar="FILE", help="an MP4 (H.264) instead of the demo's")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    if args.repeats < 1:
        raise BadInput("--repeats must be 1 or more")
    try:
        figures = measure(clip_of(args.clip), args.repeats)
    except StartFailed as error:
        print(f"msh bench startup: {error}", file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(figures))
        return 0
    print(f"{figures['port_open_s']:>8.2f} s to the page's open port, median of {args.repeats} warm starts")
    print(f"{figures['first_frame_s']:>8.2f} s to the first frame analysed and masked")
    print(f"{figures['first_frame_cpu_s']:>8.2f} s of CPU until then")
    print(f"{figures['first_frame_mb']:>8.0f} MB of memory then")
    return 0


def measure(clip: Path, repeats: int) -> dict[str, float]:
    """Return the medians of the warm starts. Raises StartFailed."""
    with work_folder("bench") as made, Children() as children:
        folder = Path(made)
        url = serve(children, "camera", clip, folder / "camera.log")
        starts = [_start(children, url, folder) for _ in range(repeats + 1)][1:]
    return {name: median(start[name] for start in starts) for name in starts[0]}


def _start(children: Children, url: str, folder: Path) -> dict[str, float]:
    metrics, page = free_port(), free_port(above=19700)
    store, log = folder / "store.yaml", folder / "run.log"
    store.write_text(store_text({"camera": url}, 10, metrics, page), encoding="utf-8")
    env = os.environ | {"STATE_DIRECTORY": str(folder / "state")}
    begun = time.monotonic()
    command = [sys.executable, "-m", "scripts.msh", "run", str(store)]
    process = children.start("msh run", command, env=env, folder=ROOT, log=log)
    port_open_s = _wait(process, begun, lambda: _is_open(page), log, PORT_POLL_S)
    first_frame_s = _wait(
        process, begun, lambda: _value(metrics, "msh_frames_processed_total") > 0, log, FRAME_POLL_S
    )
    found = {
        "port_open_s": port_open_s,
        "first_frame_s": first_frame_s,
        "first_frame_cpu_s": _value(metrics, "process_cpu_seconds_total"),
        "first_frame_mb": _value(metrics, "process_resident_memory_bytes") / 1e6,
    }
    process.send_signal(signal.SIGINT)
    process.wait()
    return found


def _wait(
    process: subprocess.Popen[str], begun: float, done: Callable[[], bool], log: Path, poll_s: float
) -> float:
    while time.monotonic() - begun < START_S and process.poll() is None:
        if done():
            return time.monotonic() - begun
        time.sleep(poll_s)
    words = log.read_text(errors="replace").strip().splitlines()
    raise StartFailed(f"it does not start within {START_S:g} s: {words[-1] if words else 'no word'}")


def _is_open(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def _value(port: int, name: str) -> float:
    with suppress(OSError):
        return sum(value for key, value in read_metrics(port).items() if key[0] == name)
    return 0.0
