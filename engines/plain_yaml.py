"""Reads YAML of any origin in bounded time and memory.

A few lines of nested aliases stand for billions of values ("alias bomb"); whoever walks them never ends. A
store file has no anchors, aliases and tags at all (`load_plain`); lists of models may have them, for programs
write them so, up to a number of values (`load_bounded`).
"""

from __future__ import annotations

from typing import Any, Final, cast

import yaml

MAX_DEPTH: Final = 24
MAX_VALUES: Final = 100_000
"""Values of one document, those that aliases stand for counted each time."""
TOO_DEEP: Final = "too deep"
_TOO_MANY: Final = "too many"
_WORDS: Final = {
    "alias": 'an alias ("*name"); write the value out, or quote it',
    "anchor": 'an anchor ("&name"); delete it, or quote the value',
    "tag": 'a tag ("!name"); delete it, or quote the value',
    TOO_DEEP: f"more than {MAX_DEPTH} levels deep",
    _TOO_MANY: f"more than {MAX_VALUES} values, counted with what aliases stand for",
    "recursive": "an alias of what it is part of",
}


class BoundedLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which raises MarkedYAMLError for deep nesting and for too many values."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = self._count = 0
        self._sizes: dict[yaml.Node | None, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node, bounded."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]  # untyped in its stubs
        if problem := self.refused(event):
            raise _mistake(problem, event)
        before, self._depth = self._count, self._depth + 1
        try:
            node = super().compose_node(parent, index)
        finally:
            self._depth -= 1
        if isinstance(event, yaml.AliasEvent):
            if node not in self._sizes:
                raise _mistake("recursive", event)
            self._count += self._sizes[node]
        else:
            self._count += 1
            self._sizes[node] = self._count - before
        if self._count > MAX_VALUES:
            raise _mistake(_TOO_MANY, event)
        return node

    def refused(self, _event: yaml.Event) -> str | None:
        """Return what is wrong with a node that begins like this."""
        return TOO_DEEP if self._depth >= MAX_DEPTH else None


class PlainLoader(BoundedLoader):
    """Takes no anchors, aliases and tags either."""

    def refused(self, event: yaml.Event) -> str | None:
        """Return what is wrong with a node that begins like this."""
        if isinstance(event, yaml.AliasEvent):
            return "alias"
        for problem in ("anchor", "tag"):
            if getattr(event, problem, None) is not None:
                return problem
        return super().refused(event)


def _mistake(problem: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    mark = cast("yaml.error.Mark", event.start_mark)
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark, note=_WORDS[problem])


def load_plain(text: str) -> Any:
    """Return the values of a store file. Raises yaml.YAMLError, whose text names the place.

    >>> load_plain("a: [1, b]")
    {'a': [1, 'b']}
    """
    return _read(text, PlainLoader)


def load_bounded(text: str) -> Any:
    r"""Return the values of one YAML document. Raises yaml.YAMLError, whose text names the place.

    >>> load_bounded("a: &x [1, b]\nc: *x")
    {'a': [1, 'b'], 'c': [1, 'b']}
    """
    return _read(text, BoundedLoader)


def compose_plain(text: str) -> yaml.Node | None:
    """Return the nodes of a store file, with their places. Raises yaml.YAMLError."""
    try:
        return yaml.compose(text, PlainLoader)
    except (ValueError, OverflowError) as error:  # PyYAML lets escapes fail like this
        raise yaml.YAMLError(str(error)) from None


def _read(text: str, loader: type[BoundedLoader]) -> Any:
    try:
        return yaml.load(text, loader)  # noqa: S506  a SafeLoader
    except (ValueError, OverflowError) as error:  # dates, escapes
        raise yaml.YAMLError(str(error)) from None
