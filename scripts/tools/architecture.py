"""Writes the tables of docs/architecture.md that the code decides: `python -m scripts.tools.architecture`.

A room is a folder of modules. The tables say what each room is for (its docstring), which rooms it imports,
and which threads the program starts. tests/test_architecture.py fails where the page and the code differ.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

from engines.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = ROOT / "docs" / "architecture.md"
TOPS = ("scripts", "web", "pipelines", "probes", "engines", "pricing")
"""From the top of the import order to its bottom."""
STARTERS = ("Thread", "FrameThread")
"""What starts a thread and takes its name."""
NOT_SHIPPED = ("engines.training", "scripts.bench", "scripts.demo", "scripts.tools", "scripts.accept")
_TABLE = re.compile(r"(<!-- (\w+): made by scripts\.tools\.architecture -->\n).*?(<!-- end -->)", re.DOTALL)


@cache
def modules() -> dict[str, ast.Module]:
    """Return the syntax tree of every module of the product, by dotted name; read once."""
    paths = (path for top in TOPS for path in sorted((ROOT / top).rglob("*.py")))
    return {_dotted(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def room(module: str, trees: dict[str, ast.Module]) -> str:
    """Return the package that a module lies in; a package is its own room."""
    return module if f"{module}.__init__" in trees else module.rpartition(".")[0]


def imports(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Return for each room the other rooms that it imports while running, lazy imports included."""
    found: dict[str, set[str]] = {}
    for name, tree in trees.items():
        own = room(name.removesuffix(".__init__"), trees)
        targets = found.setdefault(own, set())
        targets |= {room(target, trees) for target in _imported(tree, trees)} - {own}
    return found


def threads(trees: dict[str, ast.Module]) -> dict[str, str]:
    """Return the module that starts each thread, by the thread's name; `*` stands for a part that varies."""
    found = {}
    for name, tree in trees.items():
        if name.startswith(NOT_SHIPPED):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in STARTERS:
                for keyword in node.keywords:
                    if keyword.arg == "name":
                        found[_pattern(keyword.value)] = name
    return found


def write() -> None:
    """Bring the page's tables up to date."""
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def updated(page: str) -> str:
    """Return the page with its tables as the code has them."""
    trees = modules()
    tables = {"rooms": _rooms(trees), "threads": _threads(trees)}
    return _TABLE.sub(lambda found: found[1] + tables[found[2]] + found[3], page)


def _rooms(trees: dict[str, ast.Module]) -> str:
    lines = ["| room | for | imports |", "| --- | --- | --- |"]
    graph = {own: targets for own, targets in imports(trees).items() if f"{own}.__init__" in trees}
    for own in sorted(graph, key=lambda name: (TOPS.index(name.split(".")[0]), name)):
        about = (ast.get_docstring(trees[f"{own}.__init__"]) or "").split("\n")[0]
        others = (
            ", ".join(f"`{other.replace('.', '/')}`" for other in sorted(graph[own])) or "nothing of ours"
        )
        lines.append(f"| `{own.replace('.', '/')}` | {about} | {others} |")
    return "\n".join(lines) + "\n"


def _threads(trees: dict[str, ast.Module]) -> str:
    lines = ["| thread | started by |", "| --- | --- |"]
    found = threads(trees)
    lines += [f"| `{name}` | `{found[name].replace('.', '/')}.py` |" for name in sorted(found)]
    return "\n".join(lines) + "\n"


def _imported(tree: ast.Module, trees: dict[str, ast.Module]) -> Iterator[str]:
    """Yield the modules of ours that a module imports, but not those that only type checkers import."""
    for node in _running(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in trees else node.module for name in inner]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in TOPS)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _running(child)


def _pattern(value: ast.expr) -> str:
    if isinstance(value, ast.JoinedStr):
        return "".join(str(p.value) if isinstance(p, ast.Constant) else "*" for p in value.values)
    return str(value.value) if isinstance(value, ast.Constant) else "*"


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


if __name__ == "__main__":
    write()
