"""Runs one store for some seconds in a process of its own, and writes its figures as JSON.

python -m scripts.accept.child STORE PLATFORM SECONDS RESULT

PLATFORM: cpu, deepstream, or bare, which is DeepStream with a probe that only counts. SIGTERM ends it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cameras.states import CameraState
from pipelines.errors import BadInput
from pipelines.private_process import keep_memory
from pipelines.settings.load import load_settings
from pipelines.store import Store
from probes.metrics import Metrics
from scripts.accept.machine import run as run_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client.metrics import MetricWrapperBase

FIRST_FRAME_S = 100.0
LONG_S = 600.0
USED = ("nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits")


def main(argv: list[str]) -> int:
    """Run; return 0: good, 1: it failed, 2: the store or the platform cannot be started."""
    keep_memory()
    store, platform, seconds, result = argv
    try:
        content = run(Path(store), platform, float(seconds))
    except BadInput as error:
        print(str(error).splitlines()[0], file=sys.stderr)
        return 2
    Path(result).write_text(json.dumps(content), encoding="utf-8")
    return int(bool(content["died"]))


def run(path: Path, platform: str, seconds: float) -> dict[str, Any]:
    """Run the store for `seconds` after the first frame and return its figures. Raises BadInput."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    settings = load_settings(path, env=os.environ)
    if platform == "bare":
        platform = "deepstream"
        _without_probe()
    metrics = Metrics([state.value for state in CameraState])
    store = Store(settings, metrics=metrics, platform=platform)
    store.start()
    try:
        _wait_for_frames(store)
        before = dict(store.platform.processed)
        begun = time.monotonic()
        print("playing", flush=True)
        samples, gpu_samples = _watch(store, begun, seconds, ended)
        elapsed, after = time.monotonic() - begun, dict(store.platform.processed)
        died = store.platform.failed
    finally:
        clean = store.stop()
    cameras = {
        one.camera: {
            "processed": after[one.camera] - before[one.camera],
            "dropped": one.dropped,
            "persons": one.tally.persons,
            "items": one.tally.items,
            "total_minor": one.tally.total_minor,
        }
        for one in store.report()
    }
    return {
        "platform": store.platform.name,
        "seconds": elapsed,
        "died": died,
        "clean": clean,
        "frames": sum(after.values()),
        "cameras": cameras,
        "detections": _sum(metrics.detections, "kind"),
        "masked": _sum(metrics.faces_redacted, "by"),
        "redaction_failures": sum(_sum(metrics.redaction_failures, "camera").values()),
        "looks": _sum(metrics.looks, "result"),
        "stages_ms": _means(metrics.stage_duration),
        "samples": samples,
        "gpu_samples": gpu_samples,
    }


def _without_probe() -> None:
    """Have the probe count frames and drop them: nothing is redacted, so nothing may go on."""
    from pipelines.deepstream.analysis import MetaAnalysis  # noqa: PLC0415 needs GStreamer
    from probes.nvds.redaction_gate import BufferVerdict  # noqa: PLC0415

    counts: Counter[str] = Counter()

    def count(analysis: MetaAnalysis, buffer: int) -> BufferVerdict:
        for frame in analysis._meta.read(buffer).frames:
            counts[analysis._probe.cameras[frame.pad].camera] += 1
        return BufferVerdict.DROP

    def processed(analysis: MetaAnalysis) -> dict[str, int]:
        return {camera.camera: counts[camera.camera] for camera in analysis._probe.cameras.values()}

    MetaAnalysis.process_batch = count  # type: ignore[assignment,method-assign]  # in this process alone
    MetaAnalysis.processed = property(processed)  # type: ignore[assignment,method-assign]


def _watch(
    store: Store, begun: float, seconds: float, ended: threading.Event
) -> tuple[list[tuple[float, dict[str, int], float]], list[tuple[float, float]]]:
    """Wait for the time's end or `ended`; return at most 1,000 samples: s, frames by camera, MB of memory.

    And of long runs s, MB of all cards' memory, where that can be read: a question takes a tenth of a second.
    """
    samples: list[tuple[float, dict[str, int], float]] = []
    of_cards: list[tuple[float, float]] = []
    every = max(0.5, seconds / 1000)
    while (now := time.monotonic() - begun) < seconds and not store.platform.failed:
        if not samples or now >= samples[-1][0] + every:
            samples.append((now, dict(store.platform.processed), _memory_mb()))
            if seconds >= LONG_S and (used := cards_mb()) is not None:
                of_cards.append((now, used))
        if ended.wait(0.1):
            break
    return samples, of_cards


def cards_mb(ask: Callable[[tuple[str, ...]], str | None] = run_command) -> float | None:
    """Return how many MB of the cards' memory are in use; None where that is not said, as on a Jetson."""
    answer = ask(USED)
    try:
        return sum(map(float, answer.splitlines())) if answer else None
    except ValueError:
        return None


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _wait_for_frames(store: Store) -> None:
    """Wait for a frame of each camera; the time counts from when cameras may open: engines take minutes."""
    ends = time.monotonic() + FIRST_FRAME_S
    while (now := time.monotonic()) < ends and not store.platform.failed:
        if store.platform.starting:
            ends = now + FIRST_FRAME_S
        elif all(store.platform.processed.values()):
            return
        time.sleep(0.1)


def _sum(metric: MetricWrapperBase, label: str) -> dict[str, float]:
    found: Counter[str] = Counter()
    for family in metric.collect():
        for sample in family.samples:
            found[sample.labels[label]] += sample.value  # type: ignore[assignment]  # a Counter holds floats too
    return dict(found)


def _means(metric: MetricWrapperBase) -> dict[str, float]:
    """Return the mean of each stage in milliseconds."""
    parts: dict[str, dict[str, float]] = {"_sum": {}, "_count": {}}
    for family in metric.collect():
        for sample in family.samples:
            for ending, values in parts.items():
                if sample.name.endswith(ending):
                    values[sample.labels["stage"]] = sample.value
    return {s: 1000 * parts["_sum"][s] / count for s, count in parts["_count"].items() if count}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
