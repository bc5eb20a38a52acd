"""`msh bench probe`: what the DeepStream probe costs beside a bare walk through the same metadata."""

from __future__ import annotations

import json
import time
from argparse import ArgumentTypeError
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.table import Table

from pipelines.errors import BadInput
from scripts.bench.probe_cost import A_BATCH_US, A_FRAME_US, AN_OBJECT_US
from scripts.terminal import console

if TYPE_CHECKING:
    import argparse

    from pricing.value import PersonValue
    from probes.frame import TrackId
    from probes.nvds.native_meta import NativeLibrary
    from scripts.bench.probe_cost import Cost

INSTALLED = Path("/opt/nvidia/deepstream/deepstream/lib")
NEEDED = "nvidia-deepstream-videodecode-cu13==9.0.2"
WARM_FRAMES = 100
"""So many are seen before time is taken: Python is slower on code that it has not run before."""
CAMERAS, OBJECTS = (1, 8, 32), (1, 10, 50, 200)


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "what the DeepStream probe costs beside a bare walk through the same metadata; needs no GPU"
    parser = benches.add_parser("probe", help=about, description=about)
    parser.add_argument("--cameras", type=_count, nargs="+", default=CAMERAS, metavar="N", help="1 8 32")
    parser.add_argument("--objects", type=_count, nargs="+", default=OBJECTS, metavar="N", help="1 10 50 200")
    parser.add_argument("--rounds", type=_count, default=15, metavar="N", help="medians count (15)")
    parser.add_argument("--pyds", action="store_true", help="do without our C reader where it is installed")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure every number of cameras with every number of objects on each, and print."""
    name, pyds, library = _binding()
    reader = None if args.pyds else _reader()
    costs = [
        _measure(pyds, library, (cameras, objects), args.rounds, reader)
        for cameras in args.cameras
        for objects in args.objects
    ]
    _print("our C reader" if reader else name, costs, as_json=args.json)
    return 0


def _measure(
    pyds: Any, library: Path, shape: tuple[int, int], rounds: int, reader: NativeLibrary | None = None
) -> Cost:
    from probes.nvds.native_meta import NativeMeta  # noqa: PLC0415
    from probes.nvds.pyds_meta import PydsMeta  # noqa: PLC0415
    from scripts.bench.probe_cost import measure  # noqa: PLC0415
    from scripts.bench.probe_rig import SURFACE, MetaBatches, dress, probe_of  # noqa: PLC0415 loads OpenCV

    failures: list[str | None] = []
    meta = NativeMeta(reader, SURFACE) if reader else PydsMeta(pyds, SURFACE)
    values: dict[TrackId, PersonValue] = {}
    probe, gate, frame_queue = probe_of(meta, shape[0], values, failures.append)
    batches = MetaBatches(pyds, library, *shape)

    def batch() -> int:
        for probed in frame_queue.take(0):  # as the floor does
            dress(values, probed.frame)
        return batches.fresh()

    try:
        for _ in range(1 + WARM_FRAMES // shape[0]):
            probe.process(batch())
        cost = measure(pyds, batch, (probe.process, gate.verify), shape, time.thread_time, rounds=rounds)
    finally:
        batches.close()
    if failures or gate.dropped:
        raise BadInput("bench probe: frames did not pass the probe and the gate, see the log; try pyds anew")
    return cost


def _binding() -> tuple[str, Any, Path]:
    """Return the name of the binding, it, and where its library is: the box's own, else the stand-in."""
    if find_spec("pyds") is not None:
        if not (INSTALLED / "libnvds_meta.so").exists():
            raise BadInput(f"{INSTALLED}: holds no libnvds_meta.so; install DeepStream, or remove pyds")
        from probes.nvds.pyds_meta import load_pyds  # noqa: PLC0415

        return "pyds", load_pyds(), INSTALLED
    from scripts.bench import pyds_over_ctypes  # noqa: PLC0415 loads ctypes structs that only this needs

    if (folder := pyds_over_ctypes.library_folder()) is not None:
        return "stand-in for pyds over ctypes", pyds_over_ctypes.load(folder), folder
    raise BadInput(
        "bench probe: needs pyds with DeepStream, or NVIDIA's metadata library on x86_64:"
        f" pip install --no-deps {NEEDED}"
    )


def _reader() -> NativeLibrary | None:
    from probes.nvds.native_meta import load_reader  # noqa: PLC0415

    return load_reader()


def _print(through: str, costs: list[Cost], *, as_json: bool) -> None:
    if as_json:
        rows = [{"through": through, **_figures(cost)} for cost in costs]
        print(json.dumps({"binding": through, "costs": rows}))
        return
    table = Table(box=SIMPLE, pad_edge=False, title=f"medians, probe over {through}")
    for head in (
        "cameras",
        "objects",
        "walk",
        "read",
        "probe",
        "gate",
        "us a batch",
        "aim",
        "probe : read",
    ):
        table.add_column(head, justify="right")
    for cost in costs:
        times = cost.walk_us, cost.bare_us, cost.probe_us, cost.gate_us
        table.add_row(
            *map(str, (cost.frames, cost.objects)),
            *(f"{time_us / (cost.frames * cost.objects):.1f}" for time_us in times),
            f"{cost.probe_us:,.0f}",
            f"{cost.aim_us:,.0f}",
            f"{cost.ratio:.2f}",
        )
    console().print(table)
    met, light = sum(cost.probe_us < cost.aim_us for cost in costs), sum(cost.ratio < 2 for cost in costs)
    print("us of CPU time an object, but for the batch. walk: finds all objects; read: reads eight fields")
    print("of each, too. Ratios were taken in one run: they compare. aim: us that a batch may take, 0.5 ms")
    aims = f"{A_BATCH_US:g}, {A_FRAME_US:g} more a camera, {AN_OBJECT_US:g} more an object."
    print(f"for 16 cameras with 8: {aims}")
    print(f"Less than twice the reading: {light} of {len(costs)}; few objects cost less than their frame.")
    print(f"The aim is met in {met} of {len(costs)}.")


def _figures(cost: Cost) -> dict[str, float]:
    return {
        "cameras": cost.frames,
        "objects": cost.objects,
        "walk_us": round(cost.walk_us, 1),
        "bare_us": round(cost.bare_us, 1),
        "probe_us": round(cost.probe_us, 1),
        "aim_us": round(cost.aim_us, 1),
        "gate_us": round(cost.gate_us, 1),
        "ratio": round(cost.ratio, 2),
    }


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return number
