"""Completes a software bill of materials: this product's version, its models, the system and its packages.

python -m scripts.tools.sbom PYTHON.json DEBIAN.tsv   (see scripts/sbom)
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engines.manifest import read_manifest
from pipelines.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engines.manifest import Model


def completed(
    bom: dict[str, Any], debian: Iterable[str], models: Mapping[str, Model], system: Mapping[str, str]
) -> dict[str, Any]:
    """Return a CycloneDX document with what cyclonedx-bom does not see.

    debian: lines of package, version, architecture and status, parted by tabs. system: its os-release.
    """
    product = {**bom["metadata"]["component"], "version": VERSION}
    parts = [*bom.get("components", ()), *_debian(debian, system), *_models(models.values())]
    return {**bom, "metadata": {**bom["metadata"], "component": product}, "components": parts}


def _debian(lines: Iterable[str], system: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the system and its packages; nothing where there are no lines."""
    distribution, release = system.get("ID", "debian"), system.get("VERSION_ID", "")
    distro = f"&distro={quote(f'{distribution}-{release}')}" if release else ""
    has_system = False
    for line in lines:
        name, version, architecture, status = line.rstrip("\n").split("\t")
        if status == "installed":
            if not has_system:
                yield _system(distribution, release)
                has_system = True
            purl = f"pkg:deb/{distribution}/{quote(name)}@{quote(version)}?arch={architecture}{distro}"
            yield {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _system(name: str, release: str) -> dict[str, Any]:
    version = {"version": release} if release else {}
    return {"type": "operating-system", "bom-ref": f"system-{name}", "name": name, **version}


def _models(models: Iterable[Model]) -> Iterator[dict[str, Any]]:
    """Yield each model, and its file in 8 bits where there is one."""
    for model in models:
        yield _model(model.name, model.licence, model.sha256)
        if model.int8 is not None:
            yield _model(f"{model.name}-int8", model.licence, model.int8.weights_sha256)


def _model(name: str, licence: str, sha256: str) -> dict[str, Any]:
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model-{name}",
        "name": name,
        "hashes": [{"alg": "SHA-256", "content": sha256}],
        "licenses": [{"license": {"name": licence}}],
    }


def main(arguments: list[str]) -> int:
    """Print the completed document; return 0, or 2 for a wrong call."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    python, debian = map(Path, arguments)
    lines = debian.read_text("utf-8").splitlines() if debian.exists() else ()
    system = platform.freedesktop_os_release() if lines else {}
    print(
        json.dumps(completed(json.loads(python.read_text("utf-8")), lines, read_manifest(), system), indent=1)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
