"""`msh models`: list and verify models; build engines and export files for DeepStream."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.errors import BadInput, InferenceFailed
from engines.manifest import MANIFEST, Decoder, Model, read_manifest
from scripts.models import add as models_add
from scripts.models import build as models_build
from scripts.models import export as models_export
from scripts.models import fetch as models_fetch
from scripts.models import measure as models_measure
from scripts.text_table import text_table

if TYPE_CHECKING:
    import argparse

    from engines.decoding import Raw

HEADINGS = ("NAME", "LICENCE", "INPUT", "SIZE", "CLASSES", "FILE")
GREY = 114


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `models list`, `verify`, `build`, `export`, and the commands for a shop's own models."""
    command = subparsers.add_parser("models", help="list, check, build, export, add, fetch or test models")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, run, about in (
        ("list", list_models, "name, licence, input, size, classes, and whether the file is there"),
        ("verify", verify_models, "checksum, loading, and one inference of each model"),
        ("build", models_build.build_models, "TensorRT engines for this machine, for DeepStream"),
        ("export", models_export.export_models, "write the files by which DeepStream runs the models"),
    ):
        action = actions.add_parser(name, help=about, description=about)
        action.add_argument("--manifest", type=Path, default=MANIFEST, help="another configs/models.yaml")
        if name == "verify":
            action.add_argument("names", nargs="*", metavar="NAME", help="only these models")
        action.set_defaults(run=run)
        if name == "build":
            models_build.add_arguments(action)
        if name == "export":
            models_export.add_arguments(action)
    _add_own(actions)


def _add_own(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands for a shop's own models: `add`, `remove`, `fetch` and `test`."""
    for name, run, arguments, about in (
        ("add", models_add.add_model, models_add.add_arguments, "add a detection model of your own"),
        ("remove", models_add.remove_model, None, "take one of your own models away"),
        ("fetch", models_fetch.fetch_model, models_fetch.add_arguments, "fetch a published model and add it"),
        (
            "test",
            models_measure.measure_models,
            models_measure.add_arguments,
            "recall and cost on your pictures",
        ),
    ):
        action = actions.add_parser(name, help=about, description=about)
        if arguments:
            arguments(action)
        else:
            action.add_argument("name", metavar="NAME")
        action.set_defaults(run=run)


def list_models(args: argparse.Namespace) -> int:
    """Print the table; a missing or changed file is shown, not an error."""
    rows = [_row(model) for model in read_manifest(args.manifest).values()]
    print("\n".join(text_table([HEADINGS, *rows])))
    return 0


def _row(model: Model) -> tuple[str, ...]:
    shape = f"{model.input.width}x{model.input.height} {model.input.order.value}"
    about = (model.name, model.licence, shape)
    finds = " ".join(model.classes) or model.decoder.value
    try:
        size = f"{model.path.stat().st_size / 1e6:.1f} MB"
    except OSError:
        return *about, "-", finds, "missing"
    try:
        model.check_file()
    except BadInput:
        return *about, size, finds, "changed"
    return *about, size, finds, "ok"


def verify_models(args: argparse.Namespace) -> int:
    """Verify every model; return 2 where a checksum differs, 1 where a model does not work."""
    models = read_manifest(args.manifest)
    if unknown := [name for name in args.names if name not in models]:
        raise BadInput(f"model {unknown[0]!r} is not in the manifest; it has {', '.join(models)}")
    code = 0
    for name in args.names or models:
        try:
            print(f"{name}: {_verify(models[name])}")
        except BadInput as error:
            print(f"msh models: {error}", file=sys.stderr)
            code = 2
        except InferenceFailed as error:
            print(f"msh models: {error}", file=sys.stderr)
            code = max(code, 1)
    return code


def _verify(model: Model) -> str:
    """Return a line on a sound model; raises BadInput or InferenceFailed."""
    if model.decoder in (Decoder.TEXT_REGIONS, Decoder.TEXT_LINES):
        return _verify_text(model)
    if model.decoder is Decoder.GARMENTS:
        return _verify_garments(model)
    if model.decoder is Decoder.SHARE:
        return _verify_bag_share(model)
    if model.decoder is not Decoder.TF_SSD:
        return _verify_marks(model)
    from engines.openvino_runtime import Network  # noqa: PLC0415  other commands do without OpenVINO

    model.check_file()
    start = time.perf_counter()
    network = Network(model, threads=len(os.sched_getaffinity(0)))
    loaded = time.perf_counter()
    slot = network.take()
    slot.pixels[:] = GREY
    slot.start()
    check_answer(slot.result(timeout_s=30), model)
    done = time.perf_counter()
    return (
        f"ok (sha256 {model.sha256[:12]}, {network.precision}, "
        f"loaded in {(loaded - start) * 1e3:.0f} ms, first answer in {(done - loaded) * 1e3:.0f} ms)"
    )


def _verify_text(model: Model) -> str:
    from engines.ocr.reader import WordReader  # noqa: PLC0415  the same

    model.check_file()
    start = time.perf_counter()
    WordReader()  # tries a word
    taken = (time.perf_counter() - start) * 1e3
    return f"ok (sha256 {model.sha256[:12]}, reads a trial word, loaded and answered in {taken:.0f} ms)"


def _verify_garments(model: Model) -> str:
    from engines.garments.parser import GarmentParser  # noqa: PLC0415  the same
    from engines.image import I420  # noqa: PLC0415

    start = time.perf_counter()
    outfit = GarmentParser(model=model.name).parse(I420.black(model.input.width, model.input.height))
    taken = (time.perf_counter() - start) * 1e3
    seen = len(outfit.garments) if outfit else 0
    found_text = f"{seen} garments on an empty picture, loaded and answered in {taken:.0f} ms"
    return f"ok (sha256 {model.sha256[:12]}, {found_text})"


def _verify_bag_share(model: Model) -> str:
    from engines.garments.bag_judge import BagJudge  # noqa: PLC0415  the same

    side = model.input.height
    start = time.perf_counter()
    share = BagJudge().shares(np.full((side, side, 3), GREY, np.uint8), [(0, 0, side, side)])[0]
    taken = (time.perf_counter() - start) * 1e3
    found_text = f"an empty picture is a bag by {share:.2f}, loaded and answered in {taken:.0f} ms"
    return f"ok (sha256 {model.sha256[:12]}, {found_text})"


def _verify_marks(model: Model) -> str:
    from engines.marks.network import MarkEmbedder, MarkFinder  # noqa: PLC0415  the same

    grey = np.full((model.input.height, model.input.width, 3), GREY, np.uint8)
    model.check_file()
    start = time.perf_counter()
    if model.decoder is Decoder.MARKS:
        found = len(MarkFinder(model=model.name).find(grey).vectors)
        found_text = f"{found} candidates on an empty picture"
    else:
        found_text = f"vectors of {MarkEmbedder(model=model.name).embed([grey]).shape[1]} numbers"
    taken = (time.perf_counter() - start) * 1e3
    return f"ok (sha256 {model.sha256[:12]}, {found_text}, loaded and answered in {taken:.0f} ms)"


def check_answer(raw: Raw, model: Model) -> None:
    """Raise InferenceFailed where shapes or values break the decoder's contract."""
    count = len(raw.scores)
    if raw.scores.shape != (count,) or raw.classes.shape != (count,) or raw.boxes.shape != (count, 4):
        shapes = f"{raw.boxes.shape}, {raw.scores.shape}, {raw.classes.shape}"
        raise InferenceFailed(f"model {model.name}: outputs of shapes {shapes}, expected (K, 4), (K,), (K,)")
    limits = ((raw.boxes, 1), (raw.scores, 1), (raw.classes, len(model.classes) - 1))
    for (values, maximum), what in zip(limits, ("boxes", "scores", "classes"), strict=True):
        if count == 0 or not (np.min(values) >= 0 and np.max(values) <= maximum):
            raise InferenceFailed(f"model {model.name}: {what} outside 0 to {maximum}, or none at all")
