"""`msh bench overload`: more cameras than the machine can analyse; looks and latency must hold, and be told.

It judges one moment after another what the metrics, the page and `/healthz` say of what is left out, and at
the end the looks that people in view for 10 s had, and the age of the frames that were published.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError

from engines.paths import ROOT
from pipelines.errors import BadInput
from scripts.bench.cameras import (
    StoreLoad,
    StoreRun,
    free_port,
    load_between,
    read_metrics,
    serve,
    store_text,
    wait_for_frames,
)
from scripts.bench.clips import clip_at, clip_of
from scripts.check_result import CheckLevel, fail, ok
from scripts.demo.children import Children, StartFailed
from scripts.demo.settings import HOST
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from scripts.check_result import CheckResult

START_S, EVERY_S = 300.0, 5.0
MAX_LATENCY_S: Final = 1.0
IN_VIEW_S: Final = 10.0
SEEN: Final = 0.5
"""Share of those whom the film shows for so long that the box must have had in view, too, counted again every
1.7 s where they have no item: looks that nobody is owed hold always."""
ALL_WELL: Final = 0.9
"""Share of the wanted frames from which on nothing need be told."""
_NUMBER: Final = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class ToldMoment:
    """What the store says of itself at one time. health: the reasons of `/healthz`, none where all is well.

    Each step is 0 for nothing left out, and None where there was no answer.
    """

    metrics_step: int | None
    page_step: int | None
    page_text: str
    health: tuple[str, ...] | None
    analysed: int = 0
    """Cameras that are not suspended."""

    @property
    def agrees(self) -> bool:
        """Whether the page says what the metrics say."""
        return self.metrics_step is not None and self.metrics_step == self.page_step


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = (
        "more cameras than the machine can analyse: looks and latency must hold, and the step must be told"
    )
    parser = benches.add_parser("overload", help=about, description=about)
    parser.add_argument("--cameras", type=int, default=8, metavar="N", help="cameras (8)")
    parser.add_argument(
        "--fps", type=int, default=25, metavar="N", help="frames a second, sent and wanted (25)"
    )
    parser.add_argument("--settle", type=float, default=120, metavar="S", help="first left out (120)")
    parser.add_argument("--seconds", type=float, default=300, metavar="S", help="measured time (300)")
    parser.add_argument("--clip", type=Path, metavar="FILE", help="an MP4 (H.264) instead of the demo's")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep the store's log")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print the verdicts; return 0 where all are good."""
    if min(args.cameras, args.fps) < 1 or not args.seconds > 0 or not args.settle >= 0:
        raise BadInput("--cameras, --fps and --seconds must be above 0")
    try:
        load, told, log = _measure(args)
    except StartFailed as error:
        print(f"msh bench overload: {error}", file=sys.stderr)
        return 1
    if args.log is not None:
        args.log.write_text("\n".join(log) + "\n", encoding="utf-8")
    found = verdicts(load, told, log, _shown(args, told))
    if args.json:
        lines = [{"health": one.level, "what": one.name, "found": one.found} for one in found]
        print(json.dumps({"verdicts": lines, "processed_per_s": load.processed_per_s}, indent=1))
    else:
        print(*found, sep="\n")
    return int(any(one.level is CheckLevel.FAIL for one in found))


def verdicts(
    load: StoreLoad, told: Sequence[ToldMoment], log: Sequence[str], in_film: float | None = None
) -> list[CheckResult]:
    """Judge a run. told: moments of the measured time; log: lines of the store's log.

    in_film: how many people the film showed for 10 s and more to cameras that were analysed; None: not known.
    """
    met, missed = load.owed.get("met", 0), load.owed.get("missed", 0)
    text = f"{met} of {met + missed} times somebody in view for 10 s had 6 looks"
    found = [ok("looks", text) if met and not missed else fail("looks", text)]
    if in_film is not None:
        text = f"{met + missed} times somebody was in view for 10 s; the film shows {in_film:.0f} such people"
        found.append(ok("people", text) if met + missed >= SEEN * in_film else fail("people", text))
    p95 = load.latency_p95_s
    text = "no frame was published" if p95 is None else f"95 of 100 frames are younger than {p95:g} s"
    good = p95 is not None and p95 <= MAX_LATENCY_S
    found.append(ok("latency", text) if good else fail("latency", text))
    steps = sorted({-1 if one.metrics_step is None else one.metrics_step for one in told})
    is_short = load.processed_per_s < ALL_WELL * load.wanted_per_s
    shown = f"{load.processed_per_s:.1f} of {load.wanted_per_s:.0f} frames a second, msh_degrade_step {steps}"
    silent = not told or -1 in steps or (is_short and 0 in steps)
    found.append(fail("metrics", shown) if silent else ok("metrics", shown))
    agreeing = sum(one.agrees for one in told)
    words = sorted({one.page_text for one in told if one.page_text})
    text = f"says what the metrics say at {agreeing} of {len(told)} moments: {' | '.join(words) or 'nothing'}"
    # A step may change between the two questions.
    found.append(ok("page", text) if told and agreeing >= ALL_WELL * len(told) else fail("page", text))
    answers = [one.health for one in told if one.health is not None]
    reasons = sorted({_NUMBER.sub("N", reason) for one in answers for reason in one})
    text = f"answers at {len(answers)} of {len(told)} moments, good at {sum(not one for one in answers)}"
    text += f": {' | '.join(reasons)}" if reasons else ""
    found.append(ok("health", text) if answers and len(answers) == len(told) else fail("health", text))
    lines = [line for line in log if "overload" in line]
    text = f"{len(lines)} lines on overload" + (f", the last: {lines[-1].strip()[:160]}" if lines else "")
    found.append(fail("log", text) if is_short and not lines else ok("log", text))
    broken = sum("Traceback" in line for line in log)
    return [*found, *([fail("tracebacks", str(broken))] if broken else [])]


def _shown(args: argparse.Namespace, told: Sequence[ToldMoment]) -> float | None:
    """Return how many people the demo's film shows for long enough; those at least whose visits are known."""
    if args.clip is not None or not told:
        return None
    from scripts.bench.pipeline import demo_truth  # noqa: PLC0415 fetches packages

    truth = demo_truth()
    visits = sum(visit.last - visit.first >= IN_VIEW_S * truth.fps for visit in truth.visits)
    analysed = sum(moment.analysed for moment in told) / len(told)
    return visits * analysed * float(args.seconds) / (truth.frames / truth.fps)


def _measure(args: argparse.Namespace) -> tuple[StoreLoad, list[ToldMoment], list[str]]:
    clip = clip_of(args.clip)
    with work_folder("overload") as made, Children() as children:
        folder = Path(made)
        clip = clip_at(clip, args.fps, folder / f"clip-{args.fps}.mp4")
        names = [f"camera{number}" for number in range(args.cameras)]
        urls = {name: serve(children, name, clip, folder / f"{name}.log", args.fps) for name in names}
        port, page = free_port(), free_port(19700)
        store, log = folder / "store.yaml", folder / "run.log"
        store.write_text(store_text(urls, args.fps, port, page), encoding="utf-8")
        env = os.environ | {"STATE_DIRECTORY": str(folder / "state")}
        command = [sys.executable, "-m", "scripts.msh", "run", str(store)]
        begun = time.monotonic()
        process = children.start("msh run", command, env=env, folder=ROOT, log=log)
        wait_for_frames(process, port, args.cameras, log, START_S)
        first = time.monotonic() - begun
        _look_on(process, port, page, args.settle)
        before, at = read_metrics(port), time.monotonic()
        told = _look_on(process, port, page, args.seconds)
        after, lasted = read_metrics(port), time.monotonic() - at
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):  # the figures are there: it is killed
            process.wait(60)
        one = StoreRun("make-sales-happen", args.cameras, args.fps, lasted, first)
        return load_between(one, before, after), told, log.read_text(errors="replace").splitlines()


def _look_on(process: subprocess.Popen[str], port: int, page: int, seconds: float) -> list[ToldMoment]:
    moments = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise StartFailed(f"the store ended with {process.poll()}")
        moments.append(moment := _told(port, page))
        print(_words(moment), file=sys.stderr, flush=True)
        time.sleep(max(0.0, min(EVERY_S, ends - time.monotonic())))
    return moments


def _told(port: int, page: int) -> ToldMoment:
    step, analysed = None, 0
    with suppress(OSError):
        samples = read_metrics(port)
        step = next((round(value) for key, value in samples.items() if key[0] == "msh_degrade_step"), None)
        states = {key: value for key, value in samples.items() if key[0] == "msh_camera_up"}
        stopped = sum(value for key, value in samples.items() if key[0] == "msh_camera_suspended")
        analysed = max(0, len(states) - round(stopped))
    system, health = _json(page, "/api/system"), _json(port, "/healthz")
    told: dict[str, Any] = system["degrade"] if system else {"step": None, "text": ""}
    reasons = None if health is None else tuple(health["reasons"])
    return ToldMoment(step, told["step"], told["text"], reasons, analysed)


def _json(port: int, path: str) -> dict[str, Any] | None:
    """Return an answer's JSON, that of a refusal too; None without an answer."""
    with suppress(OSError, ValueError):
        try:
            answer = urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=20)
        except HTTPError as refusal:
            answer = refusal
        with answer:
            return dict(json.loads(answer.read()))
    return None


def _words(moment: ToldMoment) -> str:
    health = "no answer" if moment.health is None else ", ".join(moment.health) or "good"
    page = f"page {moment.page_step} ({moment.page_text})"
    return f"step {moment.metrics_step}, {page}, health {health}, load {os.getloadavg()[0]:.0f}"
