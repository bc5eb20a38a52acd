"""What the pages for contributors name is there: paths, metrics, commands, links."""

from __future__ import annotations

import re
from fnmatch import fnmatch

import pytest

from engines.paths import ROOT
from pipelines.cameras.states import CameraState
from pipelines.deepstream.cameras import LIVE_FIELDS
from pipelines.reload.plan import _PARTS
from pipelines.settings.camera import CameraConfig
from probes.metrics import Metrics
from scripts.msh import COMMANDS

PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *(
        str(path.relative_to(ROOT))
        for folder in ("docs", "engines/models")
        for path in sorted((ROOT / folder).rglob("*.md"))
    ),
]
TOPS = (
    "pipelines",
    "engines",
    "probes",
    "pricing",
    "scripts",
    "web",
    "tests",
    "configs",
    "docs",
    "requirements",
)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page):
    text = (ROOT / page).read_text()
    quoted = re.findall(r"`([^`\n]+)`", text)
    paths = {q.rstrip("/") for q in quoted if re.fullmatch(rf"({'|'.join(TOPS)})/[\w./-]+", q)}
    links = {str(((ROOT / page).parent / link).resolve()) for link in re.findall(r"\]\(([\w./-]+)\)", text)}
    assert [path for path in sorted(paths | links) if not (ROOT / path).exists()] == []
    registry = Metrics([state.value for state in CameraState]).registry
    known = {sample for family in registry.collect() for sample in (family.name, f"{family.name}_total")}
    assert sorted(set(re.findall(r"\bmsh_[a-z_]+(?!\*)\b", text)) - known - {"msh_session"}) == []
    commands = {name.replace("_", "-") for name in COMMANDS}
    assert sorted(set(re.findall(r"`msh ([a-z][a-z-]*)", text)) - commands) == []


def test_the_readme_counts_the_brands_that_come_along():
    brands = [path.parent for path in (ROOT / "configs" / "brands").glob("*/brand.yaml")]
    symbols = [folder for folder in brands if any(folder.glob("*.svg"))]
    words = f"holds {len(brands)} brands, {len(symbols)} with their symbol"
    assert words in " ".join((ROOT / "README.md").read_text().split())


def test_the_notice_names_every_model_and_each_licence_beside_it():
    notice, models = (ROOT / "NOTICE").read_text(), ROOT / "engines" / "models"
    weights = {path.name for path in models.iterdir() if path.suffix in (".onnx", ".npz")}
    assert sorted(name for name in weights if name not in notice) == []
    licences = set(re.findall(r"LICENSE-[\w-]+\.txt", notice))
    assert licences >= {path.name for path in models.glob("LICENSE-*")}


def test_the_notice_names_every_picture_font_and_icon_or_its_folder():
    named = [path for path in re.findall(r"[\w./*-]+", (ROOT / "NOTICE").read_text()) if "/" in path]
    kinds = {".png", ".jpg", ".jpeg", ".svg", ".ico", ".otf", ".ttf", ".woff2", ".mp4"}
    shipped = ("configs", "docs", "engines", "pipelines", "probes", "scripts", "web")
    files = [
        path.relative_to(ROOT).as_posix()
        for top in shipped
        for path in (ROOT / top).rglob("*")
        if path.suffix in kinds
    ]
    assert len(files) > 50
    assert [
        file for file in files if not any(fnmatch(file, one) or fnmatch(file, f"{one}/*") for one in named)
    ] == []


def test_the_tests_that_the_table_of_faults_names_are_there():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "operations.md").read_text()))
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 15
    assert named <= defined


def test_the_page_of_changes_says_of_each_key_of_a_camera_whether_deepstream_restarts():
    rows = [
        row.split("|")[1:4] for row in (ROOT / "docs" / "reload.md").read_text().splitlines() if "|" in row
    ]
    told = {
        key: "needs a restart" in deepstream
        for keys, _, deepstream in rows
        if "`cameras.ID." in keys
        for key in re.findall(r"`(?:cameras\.ID\.)?(\w+)`", keys)
    }
    fields = set(CameraConfig.model_fields) - {"enabled"}
    assert told == {key: key not in LIVE_FIELDS for key in fields}
    text = "".join(keys for keys, *_ in rows)
    assert [key for key in _PARTS if f"`{key}`" not in text] == []
