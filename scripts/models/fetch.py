"""`msh models fetch NAME`: a published model that a registry file lists, licence shown and accepted first."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from engines.errors import BadInput
from engines.families.family import Family, Scale
from engines.manifest import read_manifest
from engines.own_models import checked_name, own_folder
from engines.paths import CONFIGS
from engines.plain_yaml import load_bounded
from scripts.models.add import NewModel, classes_of, install
from scripts.models.download import download
from scripts.terminal import DescriptionColumn, console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

REGISTRY = CONFIGS / "model-registry.yaml"
KEYS = {"about", "url", "sha256", "licence", "licence_url", "family", "classes"}
OPTIONAL = {"size", "scale", "threshold"}


@dataclass(frozen=True, slots=True)
class Published:
    """One entry of the registry. sha256: None where it was not verified by whoever wrote the entry."""

    name: str
    about: str
    url: str
    sha256: str | None
    licence: str
    licence_url: str
    family: Family
    classes: tuple[str | None, ...]
    size: tuple[int, int] | None
    scale: Scale | None
    threshold: float | None


def add_arguments(action: argparse.ArgumentParser) -> None:
    """Add the arguments of `models fetch`."""
    action.add_argument("name", nargs="?", metavar="NAME", help="which; without it, those that are listed")
    action.add_argument(
        "--registry", type=Path, default=REGISTRY, metavar="FILE", help="another configs/model-registry.yaml"
    )
    action.add_argument("--accept-licence", action="store_true", help="you have read it and accept it")
    action.add_argument("--sha256", metavar="HEX", help="of the file, where the registry does not say it")


def fetch_model(args: argparse.Namespace) -> int:
    """Show the licence; with consent, fetch, verify and add the model."""
    listed = read_registry(args.registry)
    if args.name is None:
        for entry in listed.values():
            print(f"{entry.name}: {entry.about} ({entry.licence})")
        return 0
    if args.name not in listed:
        raise BadInput(f"model {args.name} is not in {args.registry}; it has {', '.join(listed) or 'none'}")
    entry = listed[args.name]
    checked_name(entry.name, read_manifest())
    print(f"{entry.name}: {entry.about}\nlicence: {entry.licence}, {entry.licence_url}\nfrom: {entry.url}")
    digest = _digest_wanted(entry, args.sha256)
    if not args.accept_licence and not _consented():
        raise BadInput("not fetched: read the licence, then say --accept-licence")
    target = own_folder() / "fetched" / f"{entry.name}.onnx"
    _download(entry, target, digest)
    try:
        model = install(
            NewModel(
                entry.name,
                target,
                entry.family,
                entry.classes,
                entry.licence,
                entry.url,
                entry.size,
                entry.scale,
                entry.threshold,
            )
        )
    finally:
        target.unlink(missing_ok=True)
    print(f"{model.name}: ready; write `models: {{person: {model.name}}}` into the store file to use it")
    return 0


def _digest_wanted(entry: Published, given: str | None) -> str:
    digest = (given or entry.sha256 or "").casefold()
    if entry.sha256 and given and digest != entry.sha256:
        raise BadInput(f"--sha256: the registry says {entry.sha256}")
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise BadInput(
            f"model {entry.name}: the registry has no checksum of it; take it from where the model is"
            " published and say it with --sha256 HEX (64 digits)"
        )
    return digest


def _consented() -> bool:
    """Ask for consent at a terminal; elsewhere return False."""
    if not sys.stdin.isatty():
        return False
    return input("Do you accept this licence? [y/N] ").strip().casefold() in {"y", "yes"}


def _download(entry: Published, target: Path, digest: str) -> None:
    terminal = console(stderr=True)
    columns = (DescriptionColumn(), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task(entry.name, total=None)
        download(
            entry.url,
            target,
            digest,
            lambda done, whole: progress.update(task, completed=done, total=whole),
        )


def read_registry(path: Path) -> dict[str, Published]:
    """Return the entries of a registry file by name. Raises BadInput."""
    try:
        content = load_bounded(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path}: cannot read the registry: {' '.join(str(error).split())}") from error
    models = content.get("models") if isinstance(content, dict) and content.get("version") == 1 else None
    if not isinstance(models, dict):
        raise BadInput(f"{path}: expected `version: 1` and `models`")
    return {str(name): _entry(str(name), entry, path) for name, entry in models.items()}


def _entry(name: str, entry: object, path: Path) -> Published:
    place = f"{path}: models.{name}"
    if not isinstance(entry, dict) or not KEYS <= entry.keys() <= KEYS | OPTIONAL:
        raise BadInput(
            f"{place}: expected {', '.join(sorted(KEYS))}, and perhaps {', '.join(sorted(OPTIONAL))}"
        )
    try:
        return Published(
            name,
            str(entry["about"]),
            str(entry["url"]),
            entry["sha256"],
            str(entry["licence"]),
            str(entry["licence_url"]),
            Family(entry["family"]),
            classes_of([str(line) for line in entry["classes"]], place),
            _size(entry),
            Scale(entry["scale"]) if "scale" in entry else None,
            float(entry["threshold"]) if "threshold" in entry else None,
        )
    except (ValueError, TypeError) as error:
        raise BadInput(f"{place}: {error}") from error


def _size(entry: Mapping[str, Any]) -> tuple[int, int] | None:
    size = entry.get("size")
    return None if size is None else (int(size[0]), int(size[1]))
