"""Cameras unplugged, all of them, and the switch without power: what the others do, and who comes back."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.check_result import CheckResult, fail, ok

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CAMERAS = 3
RATE_SHARE = 0.9
"""Share of its frames that a camera keeps while another is gone."""
BACK_S = 40.0
"""So long after it is there again a camera delivers again: a time-out and a wait lie before that."""
AWAY_S, STEADY_S = 15.0, 10.0
STORE_S = 2 * (3 * (AWAY_S + BACK_S) + STEADY_S)
"""The program is told to end when the last outage is over; by itself it ends after this time."""
CHILD = "scripts.accept.child"
PHASES = ("one camera unplugged", "all cameras unplugged", "switch without power")


@dataclass(frozen=True, slots=True)
class Phase:
    """Cameras that were away between two times, s from the first frame."""

    name: str
    cameras: Sequence[str]
    begin: float
    end: float


Samples = list[tuple[float, dict[str, int]]]
"""Frames processed by camera so far, at times in s from the first frame."""


def judge(samples: Samples, phases: Sequence[Phase], fps: float) -> CheckResult:
    """Judge one run: others keep their rate, everybody comes back, and the program never ended."""

    def usual(camera: str) -> float:
        """Return its rate before anything happened: how many cameras a box serves is another check."""
        return min(fps, _rate(samples, camera, 0, phases[0].begin))

    faults: list[str] = []
    back: dict[str, float] = {}
    for phase in phases:
        for camera in samples[-1][1] if samples else ():
            if camera in phase.cameras:
                again = _back_after(samples, camera, phase.end)
                if again is None or again > BACK_S:
                    faults.append(f"{phase.name}: {camera} did not come back")
                else:
                    back[phase.name] = max(back.get(phase.name, 0.0), round(again, 1))
            elif _rate(samples, camera, phase.begin, phase.end) < RATE_SHARE * usual(camera):
                faults.append(f"{phase.name}: {camera} lost frames, though it was there")
    if not samples or samples[-1][0] < phases[-1].end:
        faults.append("the program ended before its time")
    data: dict[str, Any] = {"back_s": back}
    if faults:
        return fail("outages", "; ".join(faults), "send the report to the maintainer", **data)
    text = ", ".join(f"{name}: back after {seconds:.0f} s" for name, seconds in back.items())
    return ok("outages", f"the others go on; {text}", **data)


def check(store: Path, film: Path, platform: str, fps: float) -> CheckResult:
    """Serve cameras of our own, take them away and bring them back while the program runs on them."""
    names = [f"camera-{n}" for n in range(1, CAMERAS + 1)]
    servers: dict[str, subprocess.Popen[str]] = {}
    result = store.with_suffix(".outage.json")
    try:
        ports = {name: _serve(servers, name, film, 0) for name in names}
        write_store(store, {name: url for name, (url, _) in ports.items()}, fps)
        command = [
            sys.executable, "-m", CHILD, str(store), platform, f"{STORE_S:g}", str(result),
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            try:
                if child.stdout is None or child.stdout.readline().strip() != "playing":
                    return fail("outages", "the program does not play from our cameras")
                phases = _do_harm(servers, ports, film, time.monotonic())
                time.sleep(BACK_S)
                child.terminate()
                child.wait(STORE_S)
            finally:
                child.kill()
        content = json.loads(result.read_text(encoding="utf-8"))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return fail("outages", f"{type(error).__name__}: {str(error)[:200]}")
    finally:
        for server in servers.values():
            server.kill()
            server.wait()
    if content["died"] or not content["clean"]:
        return fail(
            "outages", f"the program did not end well: {content['died'] or 'it could not be stopped'}"
        )
    return judge([(at, counts) for at, counts, _ in content["samples"]], phases, fps)


def write_store(store: Path, sources: Mapping[str, str], fps: float) -> None:
    """Point the cameras of a store file at other sources."""
    import yaml  # noqa: PLC0415

    from engines.plain_yaml import load_bounded  # noqa: PLC0415

    content = load_bounded(store.read_text(encoding="utf-8"))
    content["cameras"] = {name: {"source": source} for name, source in sources.items()}
    content["defaults"] = {"fps": fps}
    store.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _do_harm(
    servers: dict[str, subprocess.Popen[str]],
    ports: Mapping[str, tuple[str, int]],
    film: Path,
    begun: float,
) -> list[Phase]:
    phases: list[Phase] = []
    for phase, cameras in zip(PHASES, (list(servers)[:1], list(servers), list(servers)), strict=True):
        time.sleep(STEADY_S if not phases else BACK_S)
        begin = time.monotonic() - begun
        for camera in cameras:  # silent, as with the plug out: nobody says goodbye
            os.kill(servers[camera].pid, signal.SIGSTOP)
        time.sleep(AWAY_S)
        for camera in cameras:
            if phase == PHASES[-1]:  # the cameras lost their power too: they start anew
                servers[camera].kill()
                servers[camera].wait()
                _serve(servers, camera, film, ports[camera][1])
            else:
                os.kill(servers[camera].pid, signal.SIGCONT)
        phases.append(Phase(phase, cameras, begin, time.monotonic() - begun))
    return phases


def _serve(servers: dict[str, subprocess.Popen[str]], name: str, film: Path, port: int) -> tuple[str, int]:
    """Start a camera that plays the film; return its address and port."""
    command = [sys.executable, "-m", "scripts.demo.cameras", f"{name}={film}", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    servers[name] = server
    words = (server.stdout.readline() if server.stdout else "").split()
    if len(words) != 2:
        raise OSError(f"our own camera {name} does not start")
    return words[1], int(words[1].rsplit(":", 1)[1].split("/")[0])


def _rate(samples: Samples, camera: str, begin: float, end: float) -> float:
    inside = [(at, counts[camera]) for at, counts in samples if begin <= at <= end]
    if len(inside) < 2 or inside[-1][0] <= inside[0][0]:
        return 0.0
    return (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])


def _back_after(samples: Samples, camera: str, end: float) -> float | None:
    """Return how long after `end` the camera delivered again: more in two samples in a row."""
    before = next((counts[camera] for at, counts in reversed(samples) if at <= end), 0)
    later = [(at, counts[camera]) for at, counts in samples if at > end]
    grown = [at for (at, now), (_, then) in itertools.pairwise(later) if before < now < then]
    return grown[0] - end if grown else None
