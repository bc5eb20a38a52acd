"""The command behind scripts/acceptance."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import traceback
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.deepstream.files import Machine, batch_of
from engines.deepstream.nvinfer_config import CROPS, MARK_OUTPUTS
from engines.errors import BuildFailed, InferenceFailed
from engines.manifest import find_model, read_manifest
from engines.paths import ROOT
from engines.tensorrt.build import EngineBuilder, WantedEngine
from engines.tensorrt.compiler import Runner, load_tensorrt
from engines.tensorrt.cuda import open_cuda
from engines.tensorrt.engine_key import EnginePrecision, EngineStore, engine_folder
from pipelines.errors import BadInput
from pipelines.private_process import keep_memory
from scripts.accept import clip, detectors, faces, machine, marks, memory, outage
from scripts.accept.elements import element_checks
from scripts.accept.report import report, without, write
from scripts.check_result import CheckResult, fail, ok, skipped
from scripts.models.build import Display
from scripts.models.export import export
from scripts.printable_output import printable_output

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKS = "marks"
AFTER_ENGINES = ("marks", "clip", "detectors", "faces", "streams", "outages", "memory")
PRICES = ROOT / "configs" / "demo-prices.csv"
PICTURE_S = 8.0
NEEDED = ("driver", "deepstream", "tensorrt", "cuda", "pyds")
OUTPUTS = """outputs:
  rtsp: {{listen: "127.0.0.1:8554"}}
  record: {{folder: "{folder}/record"}}
  snapshots: {{folder: "{folder}/snapshots"}}
"""
"""Every way out that brings elements of its own, so that all of them are looked at."""


def main(argv: list[str] | None = None) -> int:
    """Run all checks, print each, write the report; return 0: all passed, 1: not all, 2: bad call."""
    keep_memory()  # open faces of the clip are in it
    args = _parser().parse_args(argv)
    if args.clip is not None and not args.clip.is_file():
        print(
            f"scripts/acceptance: {args.clip} is not a file; name a video with people in it", file=sys.stderr
        )
        return 2
    checks: list[CheckResult] = []
    about = machine.about() | {"dry_run": args.dry_run}
    complete = False
    try:
        for check in all_checks(args):
            checks.append(check)
            print(check, flush=True)
        complete = True
    except KeyboardInterrupt:
        print("scripts/acceptance: interrupted", file=sys.stderr)
    except Exception as error:  # noqa: BLE001 a fault of our own belongs into the report
        ours = fail("acceptance", f"{type(error).__name__}: {error}", "send the report to the maintainer")
        checks.append(replace(ours, data={"where": traceback.format_exc().splitlines()}))
        print(ours, flush=True)
    content = report(checks, about, complete=complete)
    try:
        write(args.report, without(content, _private(args.clip)))
    except OSError as error:
        print(f"scripts/acceptance: {args.report}: {error.strerror}; name another file", file=sys.stderr)
        return 2
    lacking = sum(not check.good for check in checks)
    left = f"{lacking} of {len(checks)} checks" if lacking else "not all checks were made"
    verdict = "accepted" if content["accepted"] else f"not accepted: {left}"
    print(f"{verdict}; the report is {args.report}")
    return int(not content["accepted"])


def _private(film: Path | None) -> dict[str, str]:
    """Return what a report does not say, with other words: the clip's name, and whose home this is."""
    words = {}
    if film is not None:
        words = dict.fromkeys((str(film.resolve()), str(film.absolute()), film.name), "CLIP")
    with contextlib.suppress(RuntimeError):  # a user without a home
        words |= {str(Path.home()): "~"} if Path.home() != Path("/") else {}
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/acceptance",
        description="Check a box with DeepStream and write one report to send back.",
    )
    parser.add_argument("--report", type=Path, default=Path("acceptance.json"), metavar="FILE")
    parser.add_argument("--clip", type=Path, metavar="FILE", help="a video with people (default: the demo's)")
    parser.add_argument("--fps", type=float, default=10.0, help="frames a second asked of each camera (10)")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each run (30)")
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="how long memory is watched (60; with 0 not accepted)"
    )
    parser.add_argument(
        "--cameras", type=int, default=0, metavar="N", help="of the shop: the box must serve so many"
    )
    parser.add_argument("--anew", action="store_true", help="build engines even where they are there")
    parser.add_argument("--dry-run", action="store_true", help="look only: no engines, no runs")
    return parser


def all_checks(args: argparse.Namespace) -> Iterator[CheckResult]:
    """Yield every check, in the order in which they need one another."""
    seen: dict[str, CheckResult] = {}
    for check in machine.machine_checks():
        seen[check.name] = check
        yield check
    yield from graph_checks()
    missing = [name for name in NEEDED if not seen[name].good]
    reason = f"needs {', '.join(missing)}" if missing else "a dry run" if args.dry_run else ""
    if reason:
        yield from (skipped(name, reason) for name in ("engines", *AFTER_ENGINES))
        return
    with tempfile.TemporaryDirectory(prefix="msh-acceptance-") as folder:
        built = build_engines(args.anew)
        yield built
        if not built.good:
            yield from (skipped(name, "needs engines") for name in AFTER_ENGINES)
            return
        yield check_marks(Path(built.data[MARKS]["path"]))
        yield from runs(args, Path(folder), built)


def graph_checks() -> Iterator[CheckResult]:
    """Check the graph, and that its elements are installed with the expected properties."""
    try:
        from pipelines.deepstream.checks.contract import load_contract  # noqa: PLC0415
        from pipelines.deepstream.checks.graph_check import violations  # noqa: PLC0415
        from pipelines.deepstream.checks.privacy_proof import prove  # noqa: PLC0415
        from pipelines.deepstream.graph.build import build_graph, engine_files  # noqa: PLC0415  needs GStreamer
        from pipelines.deepstream.runtime.elements import Gst  # noqa: PLC0415
    except (ImportError, ValueError) as error:
        yield fail("graph", f"GStreamer's Python bindings do not load: {error}", "run scripts/run once")
        return
    try:
        settings = _settings()
        box = box_here()
        graph, redaction = build_graph(settings, box, engine_files(settings))
        contract = load_contract(box)
        if found := list(violations(graph, contract)):
            yield fail("graph", found[0], violations=found)
            return
        prove(graph, redaction)
    except BadInput as error:
        yield fail("graph", str(error).splitlines()[0])
        return
    yield ok("graph", f"{len(graph.elements)} elements, every picture behind redaction", box=str(box))
    Gst.init(None)
    yield from element_checks(graph, contract)


def _settings() -> Any:
    from pipelines.settings.load import load_settings  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="msh-acceptance-") as folder:
        film = Path(folder) / "film.mp4"
        film.touch()
        store = clip.store_file(Path(folder), film, ROOT / "configs" / "prices.csv", 4, 10.0)
        with store.open("a", encoding="utf-8") as file:
            file.write(OUTPUTS.format(folder=folder))
        return load_settings(store, env={})


def box_here() -> Any:
    """Return the capabilities of the installed DeepStream; without one, those of a typical box."""
    from pipelines.deepstream.checks.store_check import VERSIONS, box_of  # noqa: PLC0415
    from pipelines.deepstream.graph.capabilities import Mux  # noqa: PLC0415
    from pipelines.deepstream.runtime.device import this_device  # noqa: PLC0415
    from pipelines.deepstream.runtime.installed import installed  # noqa: PLC0415

    with contextlib.suppress(BadInput):
        return installed()
    mux = Mux.NEW if os.environ.get("USE_NEW_NVSTREAMMUX") == "yes" else Mux.LEGACY
    return replace(box_of(this_device(), machine.deepstream_version() or VERSIONS[-1]), mux=mux)


def build_engines(anew: bool) -> CheckResult:
    """Build the engines of the detectors and of marks for this machine, and the files that name them."""
    models = [find_model(name, read_manifest()) for name in (*clip.MODELS, MARKS)]
    store = EngineStore(engine_folder(os.environ))
    facts: dict[str, Any] = {}
    try:
        trt = load_tensorrt()
        with closing(open_cuda()) as cuda, Display() as display:
            builder = EngineBuilder(trt, cuda, store, display, display.say)
            here = Machine(cuda.gpu, str(trt.__version__), machine.deepstream_version() or (9, 1), store)
            for model in models:
                display.title(f"{model.name} fp16")
                wanted = WantedEngine(model, EnginePrecision.FP16, batch_of(model, here.batch), anew=anew)
                built, fresh = builder.build(wanted)
                facts[model.name] = {"path": str(built.path), "fresh": fresh, **built.notes}
        list(export(models, here, store.folder / "deepstream", copy=False))
    except (BuildFailed, InferenceFailed, BadInput) as error:
        return fail("engines", str(error), **facts)
    return ok("engines", ", ".join(Path(fact["path"]).name for fact in facts.values()), **facts)


def check_marks(engine: Path) -> CheckResult:
    """Compare the engine of the brand model with the CPU."""
    from engines.marks.network import MarkFinder  # noqa: PLC0415  loads its model
    from engines.openvino_runtime import Precision  # noqa: PLC0415  the same

    model = find_model(MARKS, read_manifest())
    try:
        finder = MarkFinder(threads=os.cpu_count() or 1, precision=Precision.FP32)
        with closing(open_cuda()) as cuda:
            plan = engine.read_bytes()
            runner = Runner(load_tensorrt(), cuda, model, plan, CROPS, outputs=MARK_OUTPUTS)
            shown = marks.pictures(model.input.width, model.input.height)
            return marks.compare(runner, finder.find, shown)
    except (BuildFailed, InferenceFailed, OSError, BadInput) as error:
        return fail("marks", str(error))


def runs(args: argparse.Namespace, folder: Path, built: CheckResult) -> Iterator[CheckResult]:
    """Run the program on a clip: against the CPU, faces, how many cameras, outages, memory."""
    try:
        film = args.clip or _demo_clip()
    except (OSError, RuntimeError, BadInput) as error:
        yield fail("clip", str(error).splitlines()[0], "name a video with people: --clip FILE")
        yield from (skipped(name, "needs a clip") for name in AFTER_ENGINES[2:])
        return
    engines = {name: built.data[name]["path"] for name in clip.MODELS}
    shown = detectors.frames_of(film, folder)
    yield detectors.check(engines, shown, batch_of(find_model(clip.MODELS[0], read_manifest()), 1))

    def store(cameras: int) -> Path:
        return clip.store_file(folder, film, PRICES, cameras, args.fps)

    def play(platform: str, cameras: int) -> clip.Result:
        return clip.play(store(cameras), platform, args.seconds)

    one = store(1)
    yield clip.compare(clip.play(one, "deepstream", args.seconds), clip.play(one, "cpu", args.seconds))
    yield faces.check(film, folder, faces.face_finder(), partial(picture_of, "deepstream"))
    yield clip.streams(
        partial(play, "deepstream"), args.fps, partial(play, "bare"), wanted=max(0, args.cameras)
    )
    yield outage.check(store(1), film, "deepstream", args.fps)
    if args.minutes > 0:
        yield memory.judge(clip.play(store(4), "deepstream", 60 * args.minutes), 60 * args.minutes)
    else:
        yield skipped("memory", "not watched: --minutes 0")


def picture_of(platform: str, film: Path, folder: Path) -> Path | None:
    """Play a film and return the last picture that left of it."""
    folder.mkdir()
    shots = folder / "shots"
    outputs = {"snapshots": {"folder": str(shots), "interval_s": 1}}
    store = clip.store_file(folder, film, PRICES, 1, faces.FILM_FPS, outputs=outputs)
    clip.play(store, platform, PICTURE_S)
    return max(shots.rglob("*.jpg"), default=None)


def _demo_clip() -> Path:
    from scripts.demo import footage  # noqa: PLC0415  only where no clip is named
    from scripts.demo.store import prepare  # noqa: PLC0415

    clips = prepare(footage.default_cache())
    return clips["counter"].path


if __name__ == "__main__":
    with printable_output():
        sys.exit(main())
