"""`msh bench detector`: CPU time of each network by runtime and arithmetic, and how alike the answers are.

Contestants take turns on the same tensors, pictures of people from the test set, one thread each. Alike is
1 less the mean difference from OpenVINO in fp32, as a share of the mean of that answer. 8 bits are measured
of models that have a file of them, as they run where a CPU has VNNI.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from engines.manifest import ChannelOrder, Decoder, read_manifest
from engines.openvino_runtime import precision_of
from pipelines.errors import BadInput
from scripts.bench.contestants import ended_at_last, run_in_turn
from scripts.terminal import console
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from engines.manifest import Model

    Tensor = npt.NDArray[np.float32]

EXACT = "OpenVINO fp32"
PRECISIONS = {EXACT: "f32", "OpenVINO bf16": "bf16"}
INT8 = "OpenVINO int8"
RIVAL = Path(__file__).with_name("rivals") / "infer.py"
PICTURES = 3


def add(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the bench."""
    about = "CPU time and agreement of each network by runtime and arithmetic"
    parser = benches.add_parser("detector", help=about, description=f"{about}. {__doc__}")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds; medians count (5)")
    parser.add_argument("--only", metavar="NAME", help="this model of the manifest alone")
    parser.add_argument("--rival", metavar="PYTHON", help="a Python with rivals/requirements.txt installed")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    if args.rounds < 1:
        raise BadInput("--rounds must be 1 or more")
    models = [model for model in read_manifest().values() if args.only in (None, model.name)]
    if not models:
        raise BadInput(f"--only: there is no model {args.only}")
    found = {model.name: measure(model, args.rounds, args.rival) for model in models}
    if args.json:
        print(json.dumps(found))
        return 0
    table = Table(box=SIMPLE, pad_edge=False)
    for heading in ("model", "contestant", "CPU ms", "alike"):
        table.add_column(heading, justify="left" if heading in ("model", "contestant") else "right")
    for name, rows in found.items():
        for contestant, row in rows.items():
            table.add_row(name, contestant, f"{row['cpu_ms']:.1f}", f"{row['alike']:.4f}")
    console().print(table)
    return 0


def measure(model: Model, rounds: int, rival: str | None) -> dict[str, dict[str, float]]:
    """Return CPU milliseconds a picture, and the agreement, of each contestant."""
    model.check_file()
    fed = [tensor_of(model, picture) for picture in _pictures()]
    passes: dict[str, Callable[[], float]] = {}
    answers: dict[str, list[Tensor]] = {}
    requests = {name: _compiled(model, hint) for name, hint in PRECISIONS.items()}
    # That of marks is but half of its graph.
    if model.int8 is not None and model.decoder is not Decoder.MARKS:
        requests[INT8] = _compiled(model.in_int8(), None)
    for name, request in requests.items():
        if request is not None:
            answers[name] = [value for tensor in fed for value in _answer(request, tensor)]
            passes[name] = _timed(request, fed)
    with (
        work_folder("bench") as folder,
        ended_at_last(_child(rival, model, fed, Path(folder)) if rival else None) as child,
    ):
        if child is not None:
            passes["ONNX Runtime fp32"] = lambda: _ask(child, model)
            _ask(child, model)
            with np.load(Path(folder) / "answers.npz") as kept:
                answers["ONNX Runtime fp32"] = [kept[key] for key in kept.files]
        spent = run_in_turn(passes, rounds)
    return {
        name: {"cpu_ms": median(spent[name]), "alike": alike(answers[name], answers[EXACT])}
        for name in passes
    }


def alike(answers: Sequence[Tensor], exact: Sequence[Tensor]) -> float:
    """Return how alike answers are, 1 for equal ones; the worst of the outputs counts.

    >>> alike([np.array([1.0, 3.0])], [np.array([2.0, 2.0])])
    0.5
    """
    return min(
        1 - float(np.abs(one - other).mean() / max(float(np.abs(other).mean()), 1e-9))
        for one, other in zip(answers, exact, strict=True)
    )


def tensor_of(model: Model, picture: npt.NDArray[np.uint8]) -> Tensor:
    """Return a BGR picture as the network's file reads it: resized, in its order, less mean, scaled."""
    fed = model.input
    small = cv2.resize(picture, (fed.width, fed.height), interpolation=cv2.INTER_AREA)
    ordered = small[..., ::-1] if fed.order is ChannelOrder.RGB else small
    values = (ordered.astype(np.float32) - np.array(fed.mean, np.float32)) * np.float32(fed.scale)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def _pictures() -> list[npt.NDArray[np.uint8]]:
    from scripts.bench.brands.dataset import read_set  # noqa: PLC0415 reads the whole set

    return [shot.picture for shot in read_set().shots["scenes-0"][:PICTURES]]


def _compiled(model: Model, hint: str | None) -> Any:
    """Return a request of the model; None where this CPU lacks the arithmetic. hint: None for its own."""
    import openvino  # type: ignore[import-untyped]  # noqa: PLC0415  the wheel has no py.typed

    core = openvino.Core()
    network = core.read_model(model.path)
    network.reshape([1, 3, model.input.height, model.input.width])
    config: dict[str, Any] = {"INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}
    if hint is not None:
        config["INFERENCE_PRECISION_HINT"] = hint
    compiled = core.compile_model(network, "CPU", config)
    return compiled.create_infer_request() if hint in (None, precision_of(compiled)) else None


def _answer(request: Any, tensor: Tensor) -> list[Tensor]:
    request.infer([tensor])
    return [np.array(value.data, np.float32) for value in request.output_tensors]


def _timed(request: Any, fed: Sequence[Tensor]) -> Callable[[], float]:
    def once() -> float:
        begun = time.process_time()
        for tensor in fed:
            request.infer([tensor])
        return 1000 * (time.process_time() - begun) / len(fed)

    return once


def _child(rival: str, model: Model, fed: Sequence[Tensor], folder: Path) -> subprocess.Popen[str]:
    tensors, answers = folder / "tensors.npz", folder / "answers.npz"
    np.savez(tensors, *fed)
    command = [rival, str(RIVAL), str(model.path), str(tensors), str(answers)]
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        raise BadInput(f"--rival: {rival}: {error.strerror}") from error


def _ask(child: subprocess.Popen[str], model: Model) -> float:
    """Return what a pass of the child cost; BadInput where it has ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write("\n")
        child.stdin.flush()
        return float(child.stdout.readline())
    except (OSError, ValueError) as error:
        raise BadInput(f"--rival: it gives no figures for {model.name}; see its own words above") from error
