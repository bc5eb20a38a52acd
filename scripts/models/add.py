"""`msh models add` and `remove`: a shop's own detection models, converted for both platforms."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.errors import BadInput, InferenceFailed
from engines.families.family import Family, Scale
from engines.manifest import find_model, read_manifest
from engines.own_models import checked_name, install_model, own_folder, remove
from pipelines.extras import install_command
from pricing.plain_file import read_plain
from pricing.slots import TYPES
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse

    from engines.families.adapt import Wish
    from engines.manifest import Model

UNWANTED = "-"
GREY, GRAIN = 114, 8
"""Of pictures of nothing: their grey, and the side of their squares of chance in px."""
NO_SCORE = 1e-3
"""What stands in rows without a box, which may have class 0 too."""
LABELS = frozenset({"person", "face"})
_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewModel:
    """A model to add. classes: in the order of the network's outputs; None for an unwanted one."""

    name: str
    file: Path
    family: Family
    classes: tuple[str | None, ...]
    licence: str
    origin: str
    size: tuple[int, int] | None = None
    scale: Scale | None = None
    threshold: float | None = None
    first: int = 1


def add_arguments(action: argparse.ArgumentParser) -> None:
    """Add the arguments of `models add`."""
    action.add_argument("name", metavar="NAME", help="what the model will be called in store files")
    action.add_argument("file", type=Path, metavar="FILE.onnx")
    action.add_argument("--family", required=True, choices=[one.value for one in Family])
    action.add_argument(
        "--classes",
        required=True,
        type=Path,
        metavar="FILE",
        help="one class a line, in the order of the network: a name, THEIRS=OURS to call it otherwise, or"
        " - where it is not wanted; person, face, bags and garments mean something to this program",
    )
    action.add_argument("--size", metavar="WIDTHxHEIGHT", help="of the input, where the file leaves it open")
    action.add_argument(
        "--scale", choices=[one.value for one in Scale], help="what pixels become (default: the family's way)"
    )
    action.add_argument(
        "--threshold", type=float, metavar="SCORE", help="least score (default: the family's)"
    )
    action.add_argument(
        "--first-class",
        type=int,
        choices=(0, 1),
        help="family ssd: the number that the file gives its first class (1, as TensorFlow counts)",
    )
    action.add_argument("--licence", default="not stated", help="of the weights, for `models list`")


def add_model(args: argparse.Namespace) -> int:
    """Convert the file, run it once, and list it; return 0, or 2 where it cannot be used."""
    size = _SIZE.fullmatch(args.size) if args.size else None
    if args.size and not size:
        raise BadInput(f"--size {args.size}: expected WIDTHxHEIGHT, such as 640x640")
    if args.threshold is not None and not 0 < args.threshold < 1:
        raise BadInput(f"--threshold {args.threshold:g}: expected a number between 0 and 1")
    if args.first_class is not None and args.family != Family.SSD.value:
        raise BadInput(
            f"--first-class: of family {Family.SSD.value} alone; {args.family} has no such numbers"
        )
    first = 1 if args.first_class is None else args.first_class
    model = install(
        NewModel(
            args.name,
            args.file,
            Family(args.family),
            read_classes(args.classes),
            args.licence,
            f"file:{args.file.name}",
            (int(size[1]), int(size[2])) if size else None,
            Scale(args.scale) if args.scale else None,
            args.threshold,
            first,
        )
    )
    print(f"{model.name}: {model.input.width}x{model.input.height}, {' '.join(model.classes)}; {model.path}")
    for label in model.classes:
        if label not in TYPES | LABELS:
            print(f"{model.name}: {label} is no type that this program prices: it is seen and left alone")
    return 0


def install(new: NewModel) -> Model:
    """Add the model to the shop's own; one that does not load or run is removed again. Raises BadInput."""
    checked_name(new.name, read_manifest())
    try:
        from engines.families.adapt import Wish, adapt  # noqa: PLC0415 loads onnx
    except ImportError as error:
        how = install_command("models")
        raise BadInput(f"adding a model needs the package {error.name}: {how}") from None
    folder = own_folder()
    with work_folder("models") as work:
        made = Path(work) / "made.onnx"
        wish = Wish(new.family, new.classes, new.size, new.scale, new.first)
        adapted = adapt(new.file, made, wish)
        threshold = new.threshold or adapted.threshold
        width, height = adapted.size
        entry: dict[str, Any] = {
            "licence": new.licence,
            "origin": {"package": new.origin, "version": _digest(new.file)[:12], "file": new.file.name},
            "input": {
                "width": width,
                "height": height,
                "order": adapted.order,
                "mean": [0, 0, 0],
                "scale": 1.0,
            },
            "decoder": "tf-ssd",
            "classes": list(adapted.classes),
            "thresholds": dict.fromkeys(adapted.classes, threshold),
            "nms_iou": adapted.nms_iou,
        }
        install_model(new.name, made, entry, folder)
        zero = new.family is Family.SSD and wish.first and _answers_zero(new.file, made, wish)
    try:
        model = find_model(new.name, read_manifest())
        _try(model)
    except (BadInput, InferenceFailed) as error:
        remove(new.name, folder)
        raise BadInput(f"{new.file}: not added: {error}") from error
    if zero:
        print(
            f"{new.name}: warning: the file answers class 0, so it counts from 0, and each class is taken for"
            " the one before it; remove it, and add it with --first-class 0",
            file=sys.stderr,
        )
    return model


def _answers_zero(file: Path, made: Path, wish: Wish) -> bool:
    """Return whether an SSD ever answers class 0, which one that counts from 1 does not. made: overwritten.

    Asked of pictures of nothing, of which such networks answer many unsure boxes.
    """
    from engines.compiled_models import openvino_core  # noqa: PLC0415 loads OpenVINO
    from engines.families.adapt import adapt  # noqa: PLC0415 loads onnx

    wanted = ("first", *[None] * (len(wish.classes) - 1))
    width, height = adapt(file, made, replace(wish, classes=wanted, first=0)).size
    core = openvino_core()
    network = core.read_model(made)
    network.reshape([1, 3, height, width])
    request = core.compile_model(network, "CPU", {"INFERENCE_NUM_THREADS": 1}).create_infer_request()
    grain = np.random.default_rng(1).integers(0, 256, (3, 3, height // GRAIN, width // GRAIN))
    pictures = [np.full((3, height, width), GREY), *grain.repeat(GRAIN, 2).repeat(GRAIN, 3)]
    return any(
        request.infer([picture[None].astype(np.float32)])["detection_scores"].max() > NO_SCORE
        for picture in pictures
    )


def _try(model: Model) -> None:
    """Load the model and run it once. Raises BadInput, InferenceFailed."""
    from engines.openvino_runtime import Network  # noqa: PLC0415 loads OpenVINO
    from scripts.commands.models import GREY, check_answer  # noqa: PLC0415 it imports this module

    slot = Network(model, threads=1).take()
    slot.pixels[:] = GREY
    slot.start()
    check_answer(slot.result(timeout_s=60), model)


def remove_model(args: argparse.Namespace) -> int:
    """Remove one of the shop's own models; return 0."""
    remove(args.name, own_folder())
    print(f"{args.name}: removed")
    return 0


def read_classes(path: Path) -> tuple[str | None, ...]:
    """Return the classes in a file, None for those not wanted. Raises BadInput."""
    try:
        lines = read_plain(path).decode("utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"{path}: cannot read the classes: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: cannot read the classes: {error}") from error
    return classes_of([line for line in lines if line.strip() and not line.startswith("#")], str(path))


def classes_of(lines: list[str], place: str) -> tuple[str | None, ...]:
    """Parse lines of classes: NAME, THEIRS=OURS, or - for an unwanted one. Raises BadInput."""
    found = [_class(line) for line in lines]
    named = [name for name in found if name is not None]
    if not named:
        raise BadInput(f"{place}: no class is wanted; name one at least")
    if twice := [name for number, name in enumerate(named) if name in named[:number]]:
        raise BadInput(f"{place}: {twice[0]} is named twice; write {UNWANTED} for one of the two")
    return tuple(found)


def _class(line: str) -> str | None:
    name = "-".join(line.rpartition("=")[2].casefold().split())
    return None if name == UNWANTED else name


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
