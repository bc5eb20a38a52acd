"""The software bill of materials names the models and the Debian packages, too."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from engines.manifest import read_manifest
from engines.paths import ROOT
from pipelines.version import VERSION
from scripts.tools.sbom import completed, main

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {
        "component": {"bom-ref": "root-component", "name": "make-sales-happen", "type": "application"}
    },
    "components": [{"type": "library", "name": "numpy", "version": "2.4.6", "bom-ref": "numpy"}],
}
DEBIAN = "libgstreamer1.0-0\t1.26.2-2+b1\tamd64\tinstalled\nold\t1\tall\tconfig-files\n"


def test_what_is_installed_is_all_there() -> None:
    system = {"ID": "ubuntu", "VERSION_ID": "24.04"}
    bom = completed(PYTHON, DEBIAN.splitlines(), read_manifest(), system)
    assert bom["metadata"]["component"]["version"] == VERSION
    parts = {part["name"]: part for part in bom["components"]}
    assert parts["numpy"]["version"] == "2.4.6"
    purl = "pkg:deb/ubuntu/libgstreamer1.0-0@1.26.2-2%2Bb1?arch=amd64&distro=ubuntu-24.04"
    assert parts["libgstreamer1.0-0"]["purl"] == purl
    assert (parts["ubuntu"]["type"], parts["ubuntu"]["version"]) == ("operating-system", "24.04")
    assert "old" not in parts
    for name, model in read_manifest().items():
        assert parts[name]["hashes"] == [{"alg": "SHA-256", "content": model.sha256}]
    weights = read_manifest()["centerface"].in_int8().weights_sha256
    assert parts["centerface-int8"]["hashes"] == [{"alg": "SHA-256", "content": weights}]
    references = [part["bom-ref"] for part in bom["components"]]
    assert len(set(references)) == len(references)


def test_a_wheel_names_no_system() -> None:
    parts = completed(PYTHON, [], {}, {})["components"]
    assert [part["name"] for part in parts] == ["numpy"]


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cpu", "Dockerfile.jetson"])
def test_each_image_holds_its_own_and_says_where(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    made = lines.index("RUN /opt/msh/scripts/sbom environment /opt/msh/sbom.cdx.json")
    installs = [
        n for n, line in enumerate(lines) if line.startswith(("COPY ", "RUN ", "FROM ")) and n != made
    ]
    user = next(n for n, line in enumerate(lines) if line.startswith("USER "))
    # After all that is installed or copied; a layer of a state folder may follow.
    assert max(n for n in installs if "install -d" not in lines[n]) < made < user
    assert '    io.make-sales-happen.sbom="/opt/msh/sbom.cdx.json" \\' in lines


def test_the_tool_completes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    python = tmp_path / "python.json"
    python.write_text(json.dumps(PYTHON))
    assert main([str(python), str(tmp_path / "no-debian.tsv")]) == 0
    assert json.loads(capsys.readouterr().out)["bomFormat"] == "CycloneDX"
    assert main([]) == 2


def test_the_script_pins_its_tool_and_validates() -> None:
    text = (ROOT / "scripts" / "sbom").read_text("utf-8")
    (install,) = (line for line in text.replace("\\\n", "").splitlines() if "pip install" in line)
    assert install.endswith('-r "$root/requirements/sbom.txt"')
    assert {"--no-deps", "--require-hashes"} <= set(install.split())
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements/sbom.txt").read_text(), re.M))
    assert pinned >= {"cyclonedx-bom", "cyclonedx-python-lib", "jsonschema", "lxml", "referencing"}
    assert "JsonStrictValidator" in text
