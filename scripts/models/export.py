"""`msh models export`: writes the nvinfer configuration files, and prints where the ONNX files are."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engines.deepstream.files import Machine, deepstream_files, this_machine
from engines.errors import BadInput
from engines.manifest import find_model, read_manifest
from engines.tensorrt.engine_key import EngineStore, Gpu

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from engines.manifest import Model

REFERENCE = Machine(Gpu("Orin", (8, 7)), "10.3.0", (7, 1), EngineStore(Path("/var/lib/msh/engines")))
"""The machine of configs/deepstream: a Jetson Orin with JetPack 6.1, engines where the container has them."""


def add_arguments(action: argparse.ArgumentParser) -> None:
    """Add the arguments of `models export`."""
    action.add_argument("names", nargs="*", metavar="NAME", help="only these models")
    action.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER", help="where the files go")
    action.add_argument("--copy", action="store_true", help="copy the ONNX files there too")
    action.add_argument(
        "--batch", type=int, default=REFERENCE.batch, metavar="N", help="most pictures at once (8)"
    )


def export_models(args: argparse.Namespace) -> int:
    """Write the files and print each path; return 0. Raises BadInput."""
    models = read_manifest(args.manifest)
    chosen = [find_model(name, models) for name in args.names] or list(models.values())
    for path in export(chosen, replace(machine_here(), batch=args.batch), args.out, copy=args.copy):
        print(path)
    for model in chosen if not args.copy else ():
        print(f"{model.name}: {model.path}")
    return 0


def machine_here() -> Machine:
    """Describe this machine; without GPU or TensorRT, the one of configs/deepstream."""
    try:
        return this_machine(os.environ, REFERENCE.deepstream)
    except BadInput:
        return REFERENCE


def export(models: Iterable[Model], machine: Machine, folder: Path, *, copy: bool) -> Iterator[Path]:
    """Write the files into folder, with copies of the ONNX files where asked; yield each. Raises BadInput."""
    chosen = list(models)
    for model in chosen:
        model.check_file()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted({model.path for model in chosen}) if copy else ():
            yield Path(shutil.copy2(path, folder / path.name))
        if copy:
            chosen = [replace(model, path=folder / model.path.name) for model in chosen]
        for name, text in deepstream_files(chosen, machine, folder).items():
            (folder / name).write_text(text, encoding="utf-8")
            yield folder / name
    except OSError as error:
        raise BadInput(f"{folder}: cannot write there: {error.strerror}; name another folder") from error
