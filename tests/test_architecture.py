"""The house as its page says: names, rooms, imports, threads, the way from a setting to its code."""

from __future__ import annotations

import ast
import gc
import json
import re
from collections import defaultdict
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from engines.paths import CONFIGS, ROOT
from scripts.tools.architecture import PAGE, TOPS, imports, modules, updated

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = PAGE.read_text(encoding="utf-8")
SAME_NAME: dict[str, str] = {}
"""Public classes that may share a name, each with the reason."""
PLACE = r" `([\w/]+\.py)` `([\w.]+)` \|"
WALK = re.findall(rf"^\| `([\w.]+)` \|{PLACE}{PLACE}", TEXT, re.MULTILINE)


@pytest.fixture(scope="module")
def trees() -> Iterator[dict[str, ast.Module]]:
    """Read them without searches for cycles: millions of nodes, none of them garbage.

    Kept, they made each later search in this process take a second.
    """
    gc.disable()
    found = modules()
    gc.enable()
    yield found
    modules.cache_clear()


def test_no_two_public_classes_share_a_name(trees: dict[str, ast.Module]) -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for module, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module)
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in twice.items() if name not in SAME_NAME} == {}
    assert twice.keys() >= SAME_NAME.keys(), "an exception that is no longer needed"


def test_settings_classes_end_in_config(trees: dict[str, ast.Module]) -> None:
    named = {"Section", "Settings"}
    wrong = [
        f"{module}.{node.name}"
        for module, tree in trees.items()
        if module.startswith("pipelines.settings.")
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith(("Section", "Config", "Area")) for base in node.bases)
        and not node.name.endswith("Config")
        and node.name not in named
    ]
    assert wrong == []


def test_every_module_and_room_says_what_it_is_for(trees: dict[str, ast.Module]) -> None:
    assert [name for name, tree in trees.items() if not ast.get_docstring(tree)] == []


def test_module_loggers_have_one_name(trees: dict[str, ast.Module]) -> None:
    wrong = [
        f"{module}: {ast.unparse(node)}"
        for module, tree in trees.items()
        for node in tree.body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.value).startswith("logging.getLogger(__name__")
        and ast.unparse(node.targets[0]) != "logger"
    ]
    assert wrong == []


def test_rooms_import_downwards_and_only_whole_layers(trees: dict[str, ast.Module]) -> None:
    for room, targets in imports(trees).items():
        level = TOPS.index(room.split(".")[0])
        assert all(TOPS.index(target.split(".")[0]) >= level for target in targets), room


def test_the_page_of_architecture_is_as_the_code_is() -> None:
    assert updated(TEXT) == TEXT, "run python -m scripts.tools.architecture"


@pytest.mark.parametrize("step", WALK, ids=lambda step: step[0])
def test_the_walk_from_a_key_to_the_code_that_obeys_it(step: tuple[str, ...]) -> None:
    key, *places = step
    for file, name in zip(places[::2], places[1::2], strict=True):
        assert name.split(".")[-1] in (ROOT / file).read_text(encoding="utf-8"), f"{file} has no {name}"
        found: object = import_module(file.removesuffix(".py").replace("/", "."))
        for part in name.split("."):
            fields = getattr(found, "model_fields", {})
            found = fields[part] if part in fields else getattr(found, part)
    assert key.split(".")[0] in json.loads((CONFIGS / "store.schema.json").read_text())["properties"]


def test_the_walk_has_ten_keys() -> None:
    assert len(WALK) >= 10
