"""Runs a clip through the whole program on both platforms, and compares the two."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import yaml

from scripts.check_result import CheckResult, fail, ok

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_S = 120.0
"""More than the run itself: loading models."""
BUILD_S = 3600.0
"""On a GPU engines that are missing are built before: those of each batch, which takes a Jetson minutes."""
MODELS = ("nanodet-416", "centerface")
STEPS = (1, 2, 4, 8, 16, 32)
FRAMES, PEOPLE = 50, 0.2
"""Least frames of a run, and people a frame that the CPU sees: of fewer, shares say nothing."""
RATE_SHARE = 0.95
"""A camera gets its frames where this share of the asked-for rate is analysed."""
Result = dict[str, Any]


def store_file(
    folder: Path, film: Path, prices: Path, cameras: int, fps: float, *, outputs: Any = None
) -> Path:
    """Write a store file whose cameras loop the film, without outputs unless named; return its path.

    Each camera needs a source of its own: a link in the folder.
    """
    sources = {f"camera-{n}": folder / f"clip-{n}{film.suffix}" for n in range(1, cameras + 1)}
    for link in sources.values():
        if not link.is_symlink():
            link.symlink_to(film.resolve())
    content = {
        "version": 1,
        "store": {"id": "acceptance", "name": "Acceptance", "timezone": "UTC", "currency": "EUR"},
        "platform": {"max_cameras": max(*STEPS, cameras)},
        "models": dict(zip(("person", "face"), MODELS, strict=True)),
        "prices": {"catalogue": str(prices)},
        "defaults": {"fps": fps},
        "cameras": {name: {"source": str(link), "loop": True} for name, link in sources.items()},
        **({"outputs": outputs} if outputs else {}),
    }
    path = folder / f"store-{cameras}.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def play(store: Path, platform: str, seconds: float) -> Result:
    """Run the store in a process of its own and return its figures, or {"error": line}."""
    result = store.with_suffix(f".{platform}.json")
    result.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "scripts.accept.child",
        str(store),
        platform,
        f"{seconds:g}",
        str(result),
    ]
    patience = PATIENCE_S if platform == "cpu" else PATIENCE_S + BUILD_S
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + patience, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"did not end {patience:g} s after its time"}
    try:
        content = dict(json.loads(result.read_text(encoding="utf-8")))
        if content["died"]:
            return {"error": f"ended before its time: {content['died']}"}
        if not content["clean"]:
            return {"error": "could not be stopped"}
        return content
    except (OSError, ValueError, KeyError):
        lines = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}, without a word"]
        return {"error": lines[-1][:400]}


def compare(gpu: Result, cpu: Result) -> CheckResult:
    """Compare the GPU's run with the CPU's on the same clip: people a frame, masked heads a frame, totals.

    The detectors are the same, the trackers and the redaction are not. Tolerances: people 15 %, masks any
    more but not 5 % fewer, totals of items 15 %. A run that failed is a failed check; nothing is raised.
    """
    for name, result in (("DeepStream", gpu), ("CPU", cpu)):
        if "error" in result:
            return fail("clip", f"{name}: {result['error']}", gpu=gpu, cpu=cpu)
    mine, theirs = _rates(gpu), _rates(cpu)
    if not theirs["frames"] or not mine["frames"]:
        return fail("clip", "no frame was analysed", gpu=gpu, cpu=cpu)
    if min(mine["frames"], theirs["frames"]) < FRAMES:
        few = f"{mine['frames']:.0f} frames analysed, {theirs['frames']:.0f} on the CPU: too few to compare"
        return fail("clip", few, "give the runs more time: --seconds 120", gpu=gpu, cpu=cpu)
    if theirs["people"] < PEOPLE or not theirs["masked"]:
        few = f"too little to compare: people {theirs['people']:.2f}, masked {theirs['masked']:.2f} a frame"
        return fail("clip", few, "name a clip with more people: --clip FILE", gpu=gpu, cpu=cpu)
    faults = []
    if abs(mine["people"] - theirs["people"]) > 0.15 * theirs["people"]:
        faults.append(f"people a frame {mine['people']:.2f} instead of {theirs['people']:.2f}")
    if mine["masked"] < 0.95 * theirs["masked"]:
        faults.append(f"masked heads a frame {mine['masked']:.2f} instead of {theirs['masked']:.2f}")
    if abs(mine["mean_total"] - theirs["mean_total"]) > 0.15 * theirs["mean_total"]:
        faults.append(f"mean total {mine['mean_total']:.0f} instead of {theirs['mean_total']:.0f}")
    if gpu["redaction_failures"]:
        faults.append(f"{gpu['redaction_failures']:g} frames could not be masked")
    data = {"gpu": gpu, "cpu": cpu, "rates": {"gpu": mine, "cpu": theirs}}
    if faults:
        return fail("clip", "; ".join(faults), "send the report to the maintainer", **data)
    text = f"people {mine['people']:.2f}, masked {mine['masked']:.2f} a frame, as on the CPU"
    return ok("clip", text if theirs["mean_total"] else f"{text}; nobody had a price on either", **data)


def _rates(result: Result) -> dict[str, float]:
    frames = result["frames"]
    persons = sum(camera["persons"] for camera in result["cameras"].values())
    total = sum(camera["total_minor"] for camera in result["cameras"].values())
    return {
        "frames": frames,
        "people": result["detections"].get("person", 0) / max(1, frames),
        "masked": sum(result["masked"].values()) / max(1, frames),
        "mean_total": total / max(1, persons),
    }


def streams(
    run: Callable[[int], Result],
    fps: float,
    without_probe: Callable[[int], Result] | None = None,
    *,
    wanted: int = 0,
) -> CheckResult:
    """Find how many cameras are served at full rate, by adding cameras. run(n) plays n cameras.

    without_probe(n) plays them with a probe that only counts: what the box could do without ours.
    wanted: so many must be served; where that is not said, one, and no run may fail.
    """
    data = _most_streams(run, fps, wanted)
    best, error = data["best"], data["error"]
    text = f"{best} camera{'s' * (best > 1)} at {fps:g} frames a second{' or more' * (best >= STEPS[-1])}"
    if not best:
        return fail("streams", error or "not even one camera gets its frames", **data)
    if error:
        text += f"; with more: {error}"
    if best < wanted:
        return fail("streams", f"{text}; {wanted} are wanted", "use a larger box, or a lower fps", **data)
    if error and not wanted:
        mend = "say how many cameras the shop has: --cameras N; send the report to the maintainer"
        return fail("streams", text, mend, **data)
    if without_probe is None:
        return ok("streams", text, **data)
    bare = data["bare"] = _most_streams(without_probe, fps, wanted)
    if not bare["best"]:
        why = bare["error"] or "not one camera got its frames"
        return fail("streams", f"{text}; with a probe that only counts: {why}", "send the report", **data)
    return ok("streams", f"{text}; {bare['best']} with a probe that only counts", **data)


def _most_streams(run: Callable[[int], Result], fps: float, wanted: int) -> dict[str, Any]:
    """Return how many cameras at most got their frames (best), the steps to that, and how a run failed."""
    steps: dict[int, Any] = {}
    data: dict[str, Any] = {"best": 0, "error": "", "steps": steps, "fps": fps}
    for count in sorted({*STEPS, *([wanted] if wanted else [])}):
        result = run(count)
        if "error" in result:
            steps[count], data["error"] = result, result["error"]
            break
        rates = [camera["processed"] / result["seconds"] for camera in result["cameras"].values()]
        steps[count] = {"least_fps": min(rates), "fps": sum(rates), "stages_ms": result["stages_ms"]}
        if min(rates) < RATE_SHARE * fps:
            break
        data["best"] = count
    return data
