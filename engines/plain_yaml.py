"""Reads YAML of any origin in bounded time and memory: no anchors, no aliases, no tags, few levels.

A few lines of nested aliases stand for billions of values ("alias bomb"); whoever walks them never ends.
"""

from __future__ import annotations

from typing import Any, Final, cast

import yaml

MAX_DEPTH: Final = 24
TOO_DEEP: Final = "too deep"
_WORDS: Final = {
    "alias": 'an alias ("*name"); write the value out, or quote it',
    "anchor": 'an anchor ("&name"); delete it, or quote the value',
    "tag": 'a tag ("!name"); delete it, or quote the value',
    TOO_DEEP: f"more than {MAX_DEPTH} levels deep",
}


class PlainLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which raises MarkedYAMLError for anchors, aliases, tags and deep nesting."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node, bounded."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]  # untyped in its stubs
        refused = {
            "alias": isinstance(event, yaml.AliasEvent),
            "anchor": getattr(event, "anchor", None) is not None,
            "tag": getattr(event, "tag", None) is not None,
            TOO_DEEP: self._depth >= MAX_DEPTH,
        }
        for problem, here in refused.items():
            if here:
                mark = cast("yaml.error.Mark", event.start_mark)
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark, note=_WORDS[problem])
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def load_plain(text: str) -> Any:
    """Return the values of one YAML document. Raises yaml.YAMLError, whose text names the place.

    >>> load_plain("a: [1, b]")
    {'a': [1, 'b']}
    """
    try:
        return yaml.load(text, PlainLoader)  # noqa: S506  a SafeLoader
    except (ValueError, OverflowError) as error:  # PyYAML lets dates and escapes fail like this
        raise yaml.YAMLError(str(error)) from None


def compose_plain(text: str) -> yaml.Node | None:
    """Return the nodes of one YAML document, with their places. Raises yaml.YAMLError."""
    try:
        return yaml.compose(text, PlainLoader)
    except (ValueError, OverflowError) as error:
        raise yaml.YAMLError(str(error)) from None
