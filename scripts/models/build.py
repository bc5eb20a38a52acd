"""`msh models build`: builds TensorRT engines for this machine, with progress bars."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from engines.deepstream.files import batch_of
from engines.deepstream.nvinfer_config import MAX_BATCH
from engines.errors import BadInput, BuildFailed, InferenceFailed
from engines.manifest import find_model, read_manifest
from engines.tensorrt.build import EngineBuilder, WantedEngine
from engines.tensorrt.calibration import Frames
from engines.tensorrt.compiler import load_tensorrt
from engines.tensorrt.cuda import open_cuda
from engines.tensorrt.engine_key import EnginePrecision, EngineStore, engine_folder
from scripts import terminal

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import TracebackType

    from rich.console import Console
    from rich.progress import TaskID


def add_arguments(action: argparse.ArgumentParser) -> None:
    """Add the arguments of `models build`."""
    action.add_argument("names", nargs="+", metavar="NAME", help="which models")
    action.add_argument(
        "--precision",
        choices=[precision.value for precision in EnginePrecision],
        default=EnginePrecision.FP16.value,
        help="best: int8 and fp16, whichever is faster (default: fp16)",
    )
    action.add_argument(
        "--batch", type=int, default=8, metavar="N", help="most frames at once: the number of cameras (8)"
    )
    action.add_argument(
        "--frames", type=Path, metavar="FOLDER", help="pictures of the store's cameras, for int8 and best"
    )
    action.add_argument(
        "--folder", type=Path, metavar="FOLDER", help="where engines are kept (default: $MSH_ENGINES)"
    )
    action.add_argument("--anew", action="store_true", help="build even where a fitting engine is there")


def build_models(args: argparse.Namespace) -> int:
    """Build the engines; return 0, or 1 where one failed or was refused. Raises BadInput."""
    models = read_manifest(args.manifest)
    chosen = [find_model(name, models) for name in args.names]
    if not 1 <= args.batch <= MAX_BATCH:
        raise BadInput(f"--batch {args.batch} is outside 1 to {MAX_BATCH}")
    precision = EnginePrecision(args.precision)
    if precision.quantised and args.frames is None:
        raise BadInput(f"--precision {precision.value} needs --frames FOLDER to calibrate with")
    frames = Frames.of(args.frames) if args.frames else None
    trt = load_tensorrt()
    store = EngineStore(args.folder or engine_folder(os.environ))
    wanted = [
        WantedEngine(model, precision, batch_of(model, args.batch), frames, args.anew) for model in chosen
    ]
    with closing(open_cuda()) as cuda, Display() as display:
        builder = EngineBuilder(trt, cuda, store, display, display.say)
        return build_all(builder, wanted, display)


def build_all(builder: EngineBuilder, wanted: Sequence[WantedEngine], display: Display) -> int:
    """Build one engine after the other, past failures; return 1 where one failed, else 0."""
    code = 0
    for one in wanted:
        display.title(f"{one.model.name} {one.precision.value}")
        try:
            built, fresh = builder.build(one)
        except (BuildFailed, InferenceFailed) as error:
            print(f"msh models: {error}", file=sys.stderr)
            code = 1
            continue
        display.say(f"{one.model.name}: {'built' if fresh else 'up to date'}: {built.path}")
    return code


class Display:
    """Shows a build's phases as bars, the innermost last; a line each where there is no terminal."""

    def __init__(self, console: Console | None = None) -> None:
        columns = (terminal.DescriptionColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._console = console or terminal.console(soft_wrap=True)
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._phases: dict[str, tuple[TaskID, int]] = {}
        self._title = ""

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def title(self, title: str) -> None:
        """Set the title of the next build."""
        self._title = title
        if not self._console.is_terminal:
            self.say(f"{title}: building, which takes minutes on a Jetson")

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(line)

    def started(self, phase: str, parent: str | None, steps: int) -> None:
        """Show a bar for the phase, below its parent's."""
        depth = self._phases[parent][1] + 1 if parent in self._phases else 0
        words = "  " * depth + (f"{self._title}: {phase}" if depth == 0 else phase)
        self._phases[phase] = self._progress.add_task(words, total=steps), depth

    def step(self, phase: str, number: int) -> bool:
        """Advance the phase's bar; return True (go on)."""
        if phase in self._phases:
            self._progress.update(self._phases[phase][0], completed=number + 1)
        return True

    def finished(self, phase: str) -> None:
        """Remove the phase's bar."""
        if phase in self._phases:
            self._progress.remove_task(self._phases.pop(phase)[0])
